"""From labelled joints to the crop box of the network, and from there to the pixels of the crop.

Crop coordinates are pixels of the 256 x 256 crop, corner to corner: ``p = 128 + (256 / side)
Rot(-angle) (x - c)``, the rule of the live tracker.  A mirrored crop has a matrix with a negative
determinant; whoever maps labels through it must also swap left and right.
"""

from __future__ import annotations

import math
from typing import Any, Final

import cv2
import numpy as np
import onnxruntime
from numpy.typing import NDArray

from hmr_live.core.state import CropBox

Array = NDArray[np.floating[Any]]
Image = NDArray[np.uint8]

CROP_SIZE: Final = 256
#: The tracker's rule: side = 1.25 * 2 * distance from the hips' middle to the farthest point.
CROP_BOX_SCALE: Final = 1.25
#: Joints end before the body does: toes and finger tips reach this much farther than LSP's joints.
BODY_BEYOND_JOINTS: Final = 1.05
_MIN_TORSO = 4.0
_BLACK = 12
_RIGHT_HIP, _LEFT_HIP, _RIGHT_SHOULDER, _LEFT_SHOULDER, _NECK = 2, 3, 8, 9, 12


def crop_box_from_lsp(keypoints: Array) -> CropBox:
    """The tracker's crop box of LSP joints ``(14, 3)``; a plain box if the torso is hidden."""
    hips = _middle(keypoints, _RIGHT_HIP, _LEFT_HIP)
    shoulders = _middle(keypoints, _RIGHT_SHOULDER, _LEFT_SHOULDER)
    if shoulders is None and keypoints[_NECK, 2] > 0:
        shoulders = keypoints[_NECK, :2]
    if hips is None or shoulders is None or np.linalg.norm(hips - shoulders) < _MIN_TORSO:
        return crop_box_from_bounds(keypoints)
    up = shoulders - hips
    visible = keypoints[keypoints[:, 2] > 0, :2]
    reach = float(np.linalg.norm(visible - hips, axis=1).max())
    return CropBox(
        cx=float(hips[0]),
        cy=float(hips[1]),
        side=2 * CROP_BOX_SCALE * BODY_BEYOND_JOINTS * reach,
        angle=math.atan2(float(up[0]), float(-up[1])),
    )


def crop_box_from_bounds(keypoints: Array, occupancy: float = 0.72) -> CropBox:
    """Unrotated square around the visible joints; their longer extent fills ``occupancy`` of it."""
    visible = keypoints[keypoints[:, 2] > 0, :2]
    low, high = visible.min(axis=0), visible.max(axis=0)
    centre = (low + high) / 2
    side = max(float((high - low).max()), 20.0) / occupancy
    return CropBox(float(centre[0]), float(centre[1]), side)


def _middle(keypoints: Array, first: int, second: int) -> Array | None:
    pair = keypoints[[first, second]]
    seen = pair[pair[:, 2] > 0, :2]
    return np.asarray(seen.mean(axis=0)) if len(seen) else None


def crop_matrix(crop_box: CropBox, *, mirrored: bool = False) -> Array:
    """Photo pixels -> crop pixels, ``(2, 3)`` float64."""
    scale = CROP_SIZE / crop_box.side
    cos, sin = math.cos(crop_box.angle) * scale, math.sin(crop_box.angle) * scale
    linear = np.array([[cos, sin], [-sin, cos]])
    if mirrored:
        linear = np.diag([-1.0, 1.0]) @ linear
    middle = np.full(2, CROP_SIZE / 2)
    return np.column_stack([linear, middle - linear @ (crop_box.cx, crop_box.cy)])


def apply_matrix(matrix: Array, points: Array) -> Array:
    """Map ``(..., N, 2)`` points by ``(..., 2, 3)`` matrices."""
    linear = np.swapaxes(matrix[..., :2], -1, -2)
    return np.asarray(points @ linear + matrix[..., None, :, 2])


def rotate_to_crop(matrix: Array, points: Array) -> Array:
    """Rotate (and mirror) camera-frame points ``(..., N, 3)`` like the matrix does the picture."""
    linear = matrix[..., :2]
    unit = linear / np.sqrt(np.abs(np.linalg.det(linear)))[..., None, None]
    turned = points.copy()
    turned[..., :2] = points[..., :2] @ np.swapaxes(unit, -1, -2)
    return turned


def content_rectangle(image: Image) -> tuple[int, int, int, int]:
    """(left, top, right, bottom) of the picture without black padding at its edges."""
    # OpenCV finds these maxima thirty times faster than numpy does along a short axis.
    lines = np.ascontiguousarray(image).reshape(len(image), -1)
    rows = np.flatnonzero(cv2.reduce(lines, 1, cv2.REDUCE_MAX)[:, 0] > _BLACK)
    highest = cv2.reduce(lines, 0, cv2.REDUCE_MAX).reshape(-1, image.shape[2]).max(axis=1)
    columns = np.flatnonzero(highest > _BLACK)
    if len(rows) < 2 or len(columns) < 2:
        return 0, 0, image.shape[1], image.shape[0]
    return int(columns[0]), int(rows[0]), int(columns[-1]) + 1, int(rows[-1]) + 1


def warp(image: Image, matrix: Array) -> Image:
    """Cut the crop ``(256, 256, 3)`` out of a picture; the picture's edge is repeated outside.

    Black padding counts as outside, because a live camera frame has none.  Pictures that shrink
    to less than half are reduced by area first, or fine texture would alias.
    """
    left, top, right, bottom = content_rectangle(image)
    picture: NDArray[Any] = image[top:bottom, left:right]
    matrix = np.array(matrix, np.float64)
    matrix[:, 2] += matrix[:, :2] @ (left, top)
    scale = math.sqrt(abs(np.linalg.det(matrix[:, :2])))
    if scale < 0.5:
        shrink = scale * 1.5
        picture = cv2.resize(picture, None, fx=shrink, fy=shrink, interpolation=cv2.INTER_AREA)
        matrix[:, :2] /= shrink
    return np.asarray(
        cv2.warpAffine(
            picture,
            matrix,
            (CROP_SIZE, CROP_SIZE),
            flags=cv2.INTER_LINEAR,
            borderMode=cv2.BORDER_REPLICATE,
        ),
        np.uint8,
    )


def network_input(crops: Image) -> NDArray[np.float32]:
    """BGR uint8 ``(..., 256, 256, 3)`` -> RGB float32 in [0, 1] ``(..., 3, 256, 256)``."""
    rgb = crops[..., ::-1].astype(np.float32) / 255
    return np.ascontiguousarray(np.moveaxis(rgb, -1, -3))


def encoder_input(
    crop: Image, encoder: onnxruntime.InferenceSession | None, output: str
) -> NDArray[Any]:
    """What a training pass starts from: an output of the encoder, or the crop itself without one.

    Crops are looked at one by one: a batch of shallow maps does not fit into a processor's cache.
    """
    if encoder is None:
        return crop
    return np.asarray(encoder.run([output], {"image": network_input(crop[None])})[0][0])
