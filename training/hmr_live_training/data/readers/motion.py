"""The file in which training reads motion capture."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from hmr_live.body.skeleton import PARENTS
from hmr_live.core.errors import AssetError
from hmr_live.imports.world_motion import WorldMotion


def resampled(motion: WorldMotion, fps: float) -> WorldMotion:
    """The frames nearest to a slower clock (frames are never made up between captured ones)."""
    if fps > motion.fps * 1.01:
        raise AssetError(
            f"{motion.name} has {motion.fps:.0f} frames a second and cannot be read at {fps:.0f}."
        )
    count = max(1, round(len(motion) * fps / motion.fps))
    index = np.minimum(np.round(np.arange(count) * motion.fps / fps).astype(int), len(motion) - 1)
    return replace(motion, poses=motion.poses[index], transl=motion.transl[index], fps=fps)


def save_motions(path: Path | str, motions: Sequence[WorldMotion], *, fps: float = 30.0) -> int:
    """Write the file that :func:`hmr_live_training.data.mocap.load_poses` reads; return its frames.

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
