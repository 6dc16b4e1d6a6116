"""Ground truth of a sample: parameters, joints, cameras, visibility, mask.

The crop is what its own camera sees, a pinhole that looks along the ray to the person
(:mod:`hmr_live.recovery.crop_camera`), and the body is given in the frame of that camera, the only
one that a crop determines.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from hmr_live.body.skeleton import JOINT, NUM_JOINTS
from hmr_live.core.state import CropBox, Image
from hmr_live_training.landmarks import BODY_LANDMARKS
from hmr_live_training.synthetic.scene.camera_sampling import PinholeCamera
from hmr_live_training.synthetic.surface import BodySurface

Array = NDArray[np.floating[Any]]

#: Visibility of a point outside the frame.
OUTSIDE: Final = 0
#: Visibility of a point in the frame that something hides.
HIDDEN: Final = 1
#: Visibility of a visible point.
VISIBLE: Final = 2
#: Metres that a joint lies below its own skin and clothes at most; deeper means something of the
#: own body is in front.
_DEPTH_BELOW_SKIN: Final = 0.14
_THICK: Final = ("pelvis", "spine1", "spine2", "spine3", "left_hip", "right_hip")
_DEPTH_IN_TRUNK: Final = 0.22


@dataclass(frozen=True)
class SyntheticLabels:
    """Ground truth of one crop; zeros without a person.

    Attributes
    ----------
    person
        1.0 if the crop shows a person, else 0.0.
    rotmats
        ``(24, 3, 3)`` relative rotations; joint 0 into the frame of the crop's camera.
    betas
        ``(10,)``.
    transl
        ``(3,)`` metres, in the frame camera, to be used with ``orient_frame``.
    orient_frame
        ``(3, 3)`` joint 0 into the frame camera.
    focal, size
        Focal length and (width, height) of the frame in pixels.
    crop_box
        ``(4,)`` cx, cy, side in frame pixels and angle in radians.
    crop_focal
        Focal length of the crop's camera in halves of the crop.
    camera
        ``(3,)`` as (s, tx, ty): with ``rotmats``, ``betas`` and ``crop_focal`` the exact projection
        of the body.
    joints, landmarks
        ``(24, 3)`` and ``(L, 3)`` metres, frame camera; landmarks as
        :data:`hmr_live_training.landmarks.BODY_LANDMARKS`, measured on the posed mesh.
    joints_2d, landmarks_2d
        ``(24, 2)`` and ``(L, 2)`` crop pixels, corner to corner.
    joint_visibility, landmark_visibility
        0 outside the frame (or behind the camera), 1 in the frame but hidden by the own body,
        another person or an object, 2 visible.
    """

    person: Array
    rotmats: Array
    betas: Array
    transl: Array
    orient_frame: Array
    focal: Array
    size: Array
    crop_box: Array
    crop_focal: Array
    camera: Array
    joints: Array
    landmarks: Array
    joints_2d: Array
    landmarks_2d: Array
    joint_visibility: NDArray[np.uint8]
    landmark_visibility: NDArray[np.uint8]

    def as_arrays(self) -> dict[str, NDArray[Any]]:
        """The labels by field name."""
        return {field.name: np.asarray(getattr(self, field.name)) for field in fields(self)}


@dataclass(frozen=True)
class Sample:
    """A crop and its ground truth.

    Attributes
    ----------
    image
        ``(256, 256, 3)`` uint8, BGR.
    mask
        ``(256, 256)`` bool: where the person (clothes and hair included) is visible.
    labels
        Ground truth.
    """

    image: Image
    mask: NDArray[np.bool_]
    labels: SyntheticLabels


class LandmarkReader:
    """Landmarks of :data:`hmr_live_training.landmarks.BODY_LANDMARKS` on a posed mesh."""

    def __init__(self, surface: BodySurface) -> None:
        ids = dict(surface.body.vertex_ids)
        ids["head_top"] = int(surface.rest[:, 1].argmax())
        self._joints = np.array([landmark.joint for landmark in BODY_LANDMARKS])
        self._vertices = np.array(
            [ids[landmark.vertex] if landmark.vertex else 0 for landmark in BODY_LANDMARKS]
        )
        self._reach = np.array(
            [landmark.reach if landmark.vertex else 0.0 for landmark in BODY_LANDMARKS]
        )[:, None]

    def __call__(self, joints: Array, vertices: Array) -> Array:
        """``(L, 3)`` in the frame of the joints ``(24, 3)`` and vertices ``(V, 3)``."""
        start = joints[self._joints]
        return np.asarray(start + self._reach * (vertices[self._vertices] - start))


def visibility(
    points: Array,
    pixels: Array,
    inside: NDArray[np.bool_],
    mask: NDArray[np.bool_],
    depth: Array,
    allowance: Array,
) -> NDArray[np.uint8]:
    """Codes of :data:`OUTSIDE`, :data:`HIDDEN`, :data:`VISIBLE` for points of the target.

    Parameters
    ----------
    points
        ``(N, 3)`` camera frame.
    pixels
        ``(N, 2)`` the same in pixels of the mask.
    inside
        ``(N,)`` whether the point lies in the frame.
    mask
        ``(n, n)`` where the target is visible.
    depth
        ``(n, n)`` metres to the nearest surface.
    allowance
        ``(N,)`` metres that the point may lie below its own skin.
    """
    side = len(mask)
    column, row = np.clip(np.floor(pixels).astype(int), 0, side - 1).T
    open_ = mask[row, column] & (points[:, 2] - depth[row, column] < allowance)
    beyond = ((pixels < 0) | (pixels >= side)).any(axis=1)
    codes = np.where(open_ & ~beyond, VISIBLE, HIDDEN)
    return np.where(inside, codes, OUTSIDE).astype(np.uint8)


def allowances() -> tuple[Array, Array]:
    """How deep joints ``(24,)`` and landmarks ``(L,)`` lie below the skin at most, metres."""
    joints = np.full(NUM_JOINTS, _DEPTH_BELOW_SKIN)
    joints[[JOINT[name] for name in _THICK]] = _DEPTH_IN_TRUNK
    landmarks = [
        0.06 if landmark.vertex and landmark.reach == 1.0 else joints[landmark.joint]
        for landmark in BODY_LANDMARKS
    ]
    return joints, np.array(landmarks)


def nobody(camera: PinholeCamera, crop_box: CropBox, crop_focal: float) -> SyntheticLabels:
    """Labels of a crop without people."""
    identity = np.tile(np.eye(3, dtype=np.float32), (NUM_JOINTS, 1, 1))
    count = len(BODY_LANDMARKS)

    def zeros(*shape: int) -> Array:
        return np.zeros(shape, np.float32)

    return SyntheticLabels(
        person=np.array(0, np.float32),
        rotmats=identity,
        betas=zeros(10),
        transl=zeros(3),
        orient_frame=identity[0],
        focal=np.array(camera.focal, np.float32),
        size=np.array(camera.size, np.float32),
        crop_box=np.array([crop_box.cx, crop_box.cy, crop_box.side, crop_box.angle], np.float32),
        crop_focal=np.array(crop_focal, np.float32),
        camera=zeros(3),
        joints=zeros(NUM_JOINTS, 3),
        landmarks=zeros(count, 3),
        joints_2d=zeros(NUM_JOINTS, 2),
        landmarks_2d=zeros(count, 2),
        joint_visibility=np.zeros(NUM_JOINTS, np.uint8),
        landmark_visibility=np.zeros(count, np.uint8),
    )
