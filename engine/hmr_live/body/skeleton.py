"""The SMPL kinematic tree and every convention that the rest of the project relies on.

Conventions
-----------
Joints
    SMPL's 24, in SMPL's order; left and right are the person's own.
Pose (theta)
    Axis-angle radians, ``(24, 3)``, in files and in the public API; rotation matrices
    ``(24, 3, 3)``, each relative to the parent joint, inside the engine.
Body frame
    Metres, y up, x to the person's left, z forward; the T-pose is theta = 0.
Camera frame
    Metres, x right, y down, z forward (OpenCV).  Joint 0's rotation (``global_orient``) turns
    the body frame into the camera frame, so a person standing upright before the camera has
    about 180 degrees about x in it.
Translation (transl)
    Added to the posed body in the camera frame, as in SMPL:
    ``vertices = lbs(theta, beta) + transl``.
    The pelvis is not the origin of ``lbs``: it sits at ``J_regressor @ shaped``.
Camera of the crop
    ``(s, tx, ty)``: ``x = s * (X + t) / (1 + s * Z / F)`` with x in [-1, 1] across the crop, x
    right and y down, and F the crop's focal length in halves of the crop; ``1 / F = 0`` is the
    weak perspective of HMR (Kanazawa et al. 2018).  See :mod:`hmr_live.recovery.crop_camera`.
Images
    ``(H, W, 3)`` uint8, BGR (OpenCV's order); pixel (0, 0) is the top left one.
Time
    Seconds; it travels with the frame (see :class:`hmr_live.core.state.Frame`).
"""

from __future__ import annotations

from typing import Final

JOINT_NAMES: Final = (
    "pelvis",
    "left_hip",
    "right_hip",
    "spine1",
    "left_knee",
    "right_knee",
    "spine2",
    "left_ankle",
    "right_ankle",
    "spine3",
    "left_foot",
    "right_foot",
    "neck",
    "left_collar",
    "right_collar",
    "head",
    "left_shoulder",
    "right_shoulder",
    "left_elbow",
    "right_elbow",
    "left_wrist",
    "right_wrist",
    "left_hand",
    "right_hand",
)
PARENTS: Final = (-1, 0, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 9, 9, 12, 13, 14, 16, 17, 18, 19, 20, 21)
NUM_JOINTS: Final = len(JOINT_NAMES)
NUM_BETAS: Final = 10
JOINT: Final = {name: index for index, name in enumerate(JOINT_NAMES)}


def _mirrored(name: str) -> str:
    if name.startswith("left_"):
        return "right_" + name.removeprefix("left_")
    if name.startswith("right_"):
        return "left_" + name.removeprefix("right_")
    return name


#: ``MIRROR[j]`` is joint j's partner on the other side of the body (itself on the midline).
MIRROR: Final = tuple(JOINT[_mirrored(name)] for name in JOINT_NAMES)
