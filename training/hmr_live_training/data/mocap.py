"""Motion capture on SMPL's tree: the mean start, the prior's real poses, the joint limits.

A file holds ``pose`` (frames, 24, 3) axis-angle since a flat T-pose, ``start``, ``length`` and
``name`` of the sequences in it, and ``fps``.  Sequences are held out whole, because neighbouring
frames are nearly equal.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from hmr_live.body.rotations import matrix_from_axis_angle, sixd_from_matrix
from hmr_live.body.skeleton import MIRROR, PARENTS
from hmr_live.core.errors import AssetError
from hmr_live.imports.world_motion import WorldMotion
from hmr_live_training.data.straighten import knee_offsets, straightened

Array = NDArray[np.floating[Any]]

#: The sets, under the data folder.
MOTION_FILES: Final = (
    "cmu_smpl24/cmu_smpl24_30fps.npz",
    "cmu_extra/cmu_smpl24_extra_30fps.npz",
)
#: Every tenth sequence of a set is kept out of training.
HELD_OUT: Final = 10
#: Limits are judged on the joints that motion capture moves: neither root nor hands.
LIMITED_JOINTS: Final = slice(1, 22)


@dataclass(frozen=True)
class JointLimits:
    """Range of each axis-angle component in motion capture, mirrored poses included.

    Attributes
    ----------
    low, high
        ``(21, 3)`` radians, joints 1 to 21.
    """

    low: Array
    high: Array

    def outside(self, axis_angle: Array, tolerance: float = np.deg2rad(10.0)) -> NDArray[np.bool_]:
        """``(N, 24, 3)`` -> ``(N, 21)``: joints beyond the range by more than the tolerance."""
        body = axis_angle[:, LIMITED_JOINTS]
        beyond = (body < self.low - tolerance) | (body > self.high + tolerance)
        return np.asarray(beyond.any(axis=-1))


@dataclass(frozen=True)
class CapturedSequence:
    """One sequence of motion capture.

    Attributes
    ----------
    name
        As the data set has it.
    poses
        ``(F, 24, 3)`` axis-angle since a flat T-pose, float32, 30 frames a second.
    held_out
        Whether it is kept out of training.
    """

    name: str
    poses: Array
    held_out: bool


def read_motions(path: Path | str) -> list[CapturedSequence]:
    """Read all sequences of one file as they were captured.

    Raises
    ------
    AssetError
        When the file is missing, or is of another skeleton.
    """
    try:
        with np.load(path) as file:
            if tuple(file["parents"].tolist()) != PARENTS:
                raise AssetError(f"The skeleton in {path} is not SMPL's; copy the data set again.")
            pose, rows = file["pose"], [file[key] for key in ("name", "start", "length")]
    except OSError as error:
        raise AssetError(f"There is no {path}; give the data folder with --data.") from error
    return [
        CapturedSequence(
            str(name), pose[begin : begin + frames].astype(np.float32), number % HELD_OUT == 0
        )
        for number, (name, begin, frames) in enumerate(zip(*rows, strict=True))
    ]


def load_sequences(
    data: Path | str, *, held_out: bool = False, raw: bool = False
) -> list[CapturedSequence]:
    """The training (or the held-out) sequences of both sets, their knees straightened.

    Parameters
    ----------
    data
        Folder with the sets of :data:`MOTION_FILES`.
    held_out
        The sequences kept out of training instead of the others.
    raw
        As they were captured, with the skeletons' offset of the knees
        (:mod:`hmr_live_training.data.straighten`).

    Raises
    ------
    AssetError
        When a file is missing, or is of another skeleton.
    """
    sequences = [sequence for file in MOTION_FILES for sequence in read_motions(Path(data) / file)]
    if not raw:
        offsets = knee_offsets([s.name for s in sequences], [s.poses for s in sequences])
        sequences = [
            replace(sequence, poses=straightened(sequence.poses, offset))
            for sequence, offset in zip(sequences, offsets, strict=True)
        ]
    return [sequence for sequence in sequences if sequence.held_out == held_out]


def load_poses(data: Path | str, *, held_out: bool = False, raw: bool = False) -> Array:
    """All frames of :func:`load_sequences`, ``(F, 24, 3)`` float32."""
    sequences = load_sequences(data, held_out=held_out, raw=raw)
    return np.concatenate([sequence.poses for sequence in sequences])


def mirror_pose(axis_angle: Array) -> Array:
    """The same pose seen in a mirror, ``(..., 24, 3)``."""
    return axis_angle[..., list(MIRROR), :] * np.array([1, -1, -1], axis_angle.dtype)


def joint_limits(poses: Array, percentile: float = 0.1) -> JointLimits:
    """Limits that all but ``percentile`` % of the frames keep on either side."""
    both = np.concatenate([poses[::5], mirror_pose(poses[::5])])[:, LIMITED_JOINTS]
    low, high = np.percentile(both, [percentile, 100 - percentile], axis=0)
    return JointLimits(low, high)


def mean_pose_6d(poses: Array) -> Array:
    """Mean start of the regressor, ``(24, 6)``: the average body pose, upright, facing the camera.

    The mean is taken of rotation matrices over frames and their mirror images, then projected
    to the nearest rotation.
    """
    sample = poses[::37]
    matrices = matrix_from_axis_angle(np.concatenate([sample, mirror_pose(sample)]))
    u, _, vt = np.linalg.svd(matrices.mean(axis=0))
    mean = u @ vt
    mean[0] = np.diag([1.0, -1.0, -1.0])
    return sixd_from_matrix(mean).astype(np.float32)


def resampled(motion: WorldMotion, fps: float) -> WorldMotion:
    """The captured frames nearest to those of a lower frame rate; none is interpolated."""
    if fps > motion.fps * 1.01:
        raise AssetError(
            f"{motion.name} has {motion.fps:.0f} frames a second, but training needs {fps:.0f}; "
            "leave it out."
        )
    count = max(1, round(len(motion) * fps / motion.fps))
    index = np.minimum(np.round(np.arange(count) * motion.fps / fps).astype(int), len(motion) - 1)
    return replace(motion, poses=motion.poses[index], transl=motion.transl[index], fps=fps)


def save_motions(path: Path | str, motions: Sequence[WorldMotion], *, fps: float = 30.0) -> int:
    """Write a file that :func:`read_motions` reads; return its number of frames.

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
