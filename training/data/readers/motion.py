"""Motion capture on SMPL's tree, and the file in which training reads it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.errors import AssetError
from engine.skeleton import PARENTS

Array = NDArray[np.floating[Any]]


@dataclass(frozen=True, slots=True)
class Motion:
    """One captured sequence of T frames in a world with y up.

    Attributes
    ----------
    name
        For holding out whole sequences.
    poses
        ``(T, 24, 3)`` float32 axis-angle; joint 0 turns the body frame into the world.
    transl
        ``(T, 3)`` float32 metres, added to the posed body.
    fps
        Frames a second.
    betas
        ``(10,)`` float32 of the model named by ``body``, None where the data have no shape.
    body
        As in :class:`~training.data.readers.person.LabelledPerson`.
    """

    name: str
    poses: Array
    transl: Array
    fps: float
    betas: Array | None = None
    body: str = ""

    def __len__(self) -> int:
        return len(self.poses)


def resampled(motion: Motion, fps: float) -> Motion:
    """The frames nearest to a slower clock (frames are never made up between captured ones)."""
    if fps > motion.fps * 1.01:
        raise AssetError(
            f"{motion.name} has {motion.fps:.0f} frames a second and cannot be read at {fps:.0f}."
        )
    count = max(1, round(len(motion) * fps / motion.fps))
    index = np.minimum(np.round(np.arange(count) * motion.fps / fps).astype(int), len(motion) - 1)
    return replace(motion, poses=motion.poses[index], transl=motion.transl[index], fps=fps)


def save_motions(path: Path | str, motions: Sequence[Motion], *, fps: float = 30.0) -> int:
    """Write the file that :func:`training.data.mocap.load_poses` reads; return its frames.

    Raises
    ------
    AssetError
        When there is no motion, or one is slower than ``fps``.
    """
    if not motions:
        raise AssetError("There is no motion capture to write; give .bvh or .npz files.")
    chosen = [resampled(motion, fps) for motion in motions]
    lengths = np.array([len(motion) for motion in chosen])
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    np.savez_compressed(
        path,
        pose=np.concatenate([motion.poses for motion in chosen]).astype(np.float32),
        start=np.concatenate([[0], np.cumsum(lengths)[:-1]]),
        length=lengths,
        name=np.array([motion.name for motion in chosen]),
        parents=np.array(PARENTS),
        fps=np.array(fps),
    )
    return int(lengths.sum())
