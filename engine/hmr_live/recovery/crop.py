"""The crop box of one person, and the upright square crop that the network sees.

The rule is that of BlazePose (Bazarevsky et al. 2020): a circle around the hips that holds the
whole body, turned so that the hips-to-shoulders line points up.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TypeAlias

import cv2
import numpy as np

from hmr_live.body.skeleton import JOINT
from hmr_live.core.state import Array, CropBox, Image
from hmr_live.recovery.crop_camera import CropCamera

#: x and y in frame pixels.
Point: TypeAlias = Array | tuple[float, float]
_XY: TypeAlias = tuple[float, float]

#: Side of the crop box over the diameter of the body circle.
MARGIN = 1.25
#: SMPL's wrists and ankles are not the ends of the body; hands, feet and scalp reach further.
BEYOND_JOINTS = 1.08

#: Of homogeneous coordinates: points that have less lie on the horizon or beyond.
_HORIZON = 1e-6
#: A crop box whose side is below this many pixels holds too little to recover anybody.
MIN_CROP_PX = 24

_HIPS = JOINT["left_hip"], JOINT["right_hip"]
_SHOULDERS = JOINT["left_shoulder"], JOINT["right_shoulder"]


def crop_box_around(centre: Point, up_point: Point, radius: float) -> CropBox:
    """Crop box of a body circle.

    Parameters
    ----------
    centre
        ``(2,)`` frame pixels, middle of the hips.
    up_point
        ``(2,)`` frame pixels, any point straight above the hips on the body.
    radius
        Pixels from the centre to the farthest point of the body.
    """
    x, y = float(centre[0]), float(centre[1])
    angle = math.atan2(float(up_point[0]) - x, y - float(up_point[1]))
    return CropBox(x, y, 2 * MARGIN * radius, angle)


def crop_box_from_joints(joints_2d: Array, size: tuple[int, int]) -> CropBox:
    """Crop box for the next frame from this frame's joints.

    Joints beyond the frame count as at its edge: where the rest of a body would be is a guess, and
    a circle around it would leave a few pixels to what is seen of somebody before a webcam.

    Parameters
    ----------
    joints_2d
        ``(24, 2)`` frame pixels.
    size
        (width, height) of the frame.
    """
    # Plain numbers: so few of them cost numpy several times as much.
    points: list[_XY] = joints_2d.tolist()
    width, height = size
    seen = [(min(max(x, 0.0), width), min(max(y, 0.0), height)) for x, y in points]
    x, y = centre = _middle(seen, _HIPS)
    radius = max(math.dist(point, centre) for point in seen)
    (hips_x, hips_y), (top_x, top_y) = _middle(points, _HIPS), _middle(points, _SHOULDERS)
    up_point = x + top_x - hips_x, y + top_y - hips_y
    return crop_box_around(centre, up_point, radius * BEYOND_JOINTS)


def _middle(points: Sequence[_XY], pair: tuple[int, int]) -> _XY:
    (x0, y0), (x1, y1) = points[pair[0]], points[pair[1]]
    return (x0 + x1) / 2, (y0 + y1) / 2


def is_usable(crop_box: CropBox, size: tuple[int, int]) -> bool:
    """Whether the crop box is sane: finite, large enough, its centre in or near the frame."""
    numbers = (crop_box.cx, crop_box.cy, crop_box.side, crop_box.angle)
    if not all(map(math.isfinite, numbers)) or crop_box.side < MIN_CROP_PX:
        return False
    margin = crop_box.side / 2
    near_x = -margin < crop_box.cx < size[0] + margin
    near_y = -margin < crop_box.cy < size[1] + margin
    return near_x and near_y and crop_box.side < 8 * math.hypot(*size)


def frame_from_crop(crop_box: CropBox, size: int) -> Array:
    """``(2, 3)`` affine map from crop pixels to frame pixels; the crop's middle is the centre."""
    scale = crop_box.side / size
    cos, sin = math.cos(crop_box.angle) * scale, math.sin(crop_box.angle) * scale
    linear = np.array([[cos, -sin], [sin, cos]])
    offset = np.array([crop_box.cx, crop_box.cy]) - linear @ np.full(2, size / 2)
    return np.concatenate([linear, offset[:, None]], axis=1)


def apply_affine(affine: Array, points: Array) -> Array:
    """Map ``(..., 2)`` points by a ``(2, 3)`` affine matrix."""
    return points @ affine[:, :2].T + affine[:, 2]


def apply_homography(matrix: Array, points: Array) -> Array:
    """Map ``(..., 2)`` points by a ``(3, 3)`` homography; beyond the horizon they end far away."""
    mapped = points @ matrix[:, :2].T + matrix[:, 2]
    return np.asarray(mapped[..., :2] / np.maximum(mapped[..., 2:], _HORIZON))


def crop_image(
    image: Image,
    crop_box: CropBox,
    size: int,
    *,
    camera: CropCamera | None = None,
    out: Image | None = None,
) -> Image:
    """Crop the frame to an upright ``(size, size, 3)`` image: what the crop's camera sees.

    Without a ``camera`` it is a plain cut-out, as through a very long lens.  Beyond the frame the
    edge pixels are repeated, as in the training of the encoder.  A crop box much larger than
    ``size`` is first averaged down by an integer factor, to avoid aliasing.  The crop is written
    into ``out``, of the same shape, if given.
    """
    if camera is None:
        mapping = np.vstack([frame_from_crop(crop_box, size), [0, 0, 1]])
    else:
        mapping = camera.frame_from_crop(size, (image.shape[1], image.shape[0]))
    factor = int(crop_box.side / size / 1.5)
    if factor > 1:
        image, mapping = _shrink(image, mapping, size, factor)
    flags, border = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP, cv2.BORDER_REPLICATE
    if camera is None:
        crop = cv2.warpAffine(
            image, mapping[:2], (size, size), dst=out, flags=flags, borderMode=border
        )
    else:
        crop = cv2.warpPerspective(
            image, mapping, (size, size), dst=out, flags=flags, borderMode=border
        )
    return np.asarray(crop, np.uint8)


def _shrink(image: Image, mapping: Array, size: int, factor: int) -> tuple[Image, Array]:
    """Area-average the part of the frame under the crop by ``factor``; move the map with it."""
    height, width = image.shape[:2]
    corners = np.array([[0, 0, 1], [size, 0, 1], [0, size, 1], [size, size, 1]]) @ mapping.T
    # The middle of the crop is always in front of the frame's camera; its corners need not be.
    least = 1e-3 * float(mapping[2] @ (size / 2, size / 2, 1))
    corners = corners[:, :2] / np.maximum(corners[:, 2:], least)
    low = np.clip(np.floor(corners.min(axis=0)).astype(int) - factor, 0, [width - 1, height - 1])
    high = np.clip(np.ceil(corners.max(axis=0)).astype(int) + factor, low + 1, [width, height])
    # Whole blocks of pixels are averaged several times faster than parts of pixels.
    limit = np.array([width, height])
    new_size = np.clip(-(-(high - low) // factor), 1, np.maximum((limit - low) // factor, 1))
    high = np.minimum(low + new_size * factor, limit)
    part = image[low[1] : high[1], low[0] : high[0]]
    small = cv2.resize(part, (int(new_size[0]), int(new_size[1])), interpolation=cv2.INTER_AREA)
    scale = new_size / (high - low)
    # Pixel i of the small picture is the mean of the pixels around (i + 0.5) / scale - 0.5.
    shift = (0.5 - low) * scale - 0.5
    moved = np.array([[scale[0], 0, shift[0]], [0, scale[1], shift[1]], [0, 0, 1]]) @ mapping
    return np.asarray(small, np.uint8), moved
