"""Motion capture retargeted to the rest pose of a body.

Captured rotations are relative to a flat T-pose with straight legs; an SMPL body rests with its
arms a little lower and its legs a little apart.  Discriminators, joint limits and the mean pose of
the regressor need rotations relative to the rest pose of the body.
"""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from hmr_live.body.model import BodyModel
from hmr_live.body.rotations import axis_angle_from_matrix, matrix_from_axis_angle
from hmr_live_training.data.everyday import CLASSES, STANDING, everyday_frames, posture_classes
from hmr_live_training.data.mocap import MOTION_FILES, JointLimits, joint_limits, load_sequences
from hmr_live_training.synthetic.poses.sampler import flat_tpose_offsets, onto_body

Array = NDArray[np.floating[Any]]

#: In a data folder that was cut down: the limits in all of its motion capture.
_LIMITS_FILE: Final = "joint_limits.npz"


def load_body_poses(
    data: Path,
    body: Path,
    *,
    held_out: bool = False,
    everyday: bool = False,
    standing: bool = False,
) -> Array:
    """Frames of the training (or held-out) sequences on a body, ``(F, 24, 3)`` axis-angle.

    Parameters
    ----------
    data
        Folder with the motion capture.
    body
        The body's ``.npz``.
    held_out
        The sequences kept out of training instead of the others.
    everyday
        Draw as many frames again, always the same ones, so that everyday postures have their
        share (:mod:`hmr_live_training.data.everyday`).
    standing
        Of people who stand only; of all where nobody does.
    """
    files = [body, *(Path(data) / name for name in MOTION_FILES)]
    # Straightening takes seconds, and a build asks again in every stage; files may be written anew.
    stamps = tuple(path.stat().st_mtime_ns if path.exists() else 0 for path in files)
    return _body_poses(Path(data), Path(body), stamps, held_out, everyday, standing).copy()


def body_joint_limits(data: Path, body: Path) -> JointLimits:
    """Range of a body's joints in the training sequences.

    Parameters
    ----------
    data
        Folder with the motion capture; where it was cut down, it says what the whole had.
    body
        The body's ``.npz``.
    """
    path = Path(data) / _LIMITS_FILE
    if not path.exists():
        return joint_limits(load_body_poses(data, body))
    with np.load(path) as file:
        return JointLimits(file["low"], file["high"])


def save_joint_limits(data: Path, limits: JointLimits) -> None:
    """Leave the limits of all motion capture in a folder that has a part of it."""
    np.savez(Path(data) / _LIMITS_FILE, **vars(limits))


@lru_cache(maxsize=4)
def _body_poses(
    data: Path,
    body: Path,
    stamps: tuple[int, ...],
    held_out: bool,
    everyday: bool,
    standing: bool,
) -> Array:
    sequences = [sequence.poses for sequence in load_sequences(data, held_out=held_out)]
    poses = np.concatenate(sequences)
    if standing:
        classes = np.concatenate([posture_classes(each) for each in sequences])
        stands = np.isin(classes, [CLASSES.index(name) for name in STANDING])
        poses = poses[stands] if stands.any() else poses
    elif everyday:
        poses = poses[everyday_frames(sequences)]
    rotmats = matrix_from_axis_angle(poses)
    turned = onto_body(rotmats, flat_tpose_offsets(BodyModel.load(body)))
    return axis_angle_from_matrix(turned).astype(np.float32)
