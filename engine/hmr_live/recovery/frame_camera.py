"""From the crop's weak-perspective camera to a body in the full frame's camera.

``x = s * (X + t)`` in the crop is what HMR regresses (Kanazawa et al. 2018, section 3.1); the
distance ``2 f / (side * s)`` and the shift by the crop's place follow SPIN (Kolotouros et al.
2019) and CLIFF (Li et al. 2022).
"""

from __future__ import annotations

import math

import numpy as np

from hmr_live.core.state import Array, CropBox

#: Horizontal field of view assumed when nothing is known of the camera: a usual webcam's.
FIELD_OF_VIEW_DEG = 60.0


def default_focal_length(size: tuple[int, int]) -> float:
    """Focal length in pixels of a frame (width, height) whose longer side spans 60 degrees."""
    return max(size) / 2 / math.tan(math.radians(FIELD_OF_VIEW_DEG / 2))


def roll(angle: float) -> Array:
    """``(3, 3)`` rotation about the viewing axis; positive turns the picture clockwise."""
    cos, sin = math.cos(angle), math.sin(angle)
    return np.array([[cos, -sin, 0], [sin, cos, 0], [0, 0, 1]], np.float32)


def translation_in_frame(
    camera: Array, crop_box: CropBox, pelvis: Array, size: tuple[int, int], focal_length: float
) -> Array:
    """SMPL translation in the full frame's camera.

    Parameters
    ----------
    camera
        ``(3,)`` weak-perspective (s, tx, ty) of the crop.
    crop_box
        The crop's place in the frame.
    pelvis
        ``(3,)`` the pelvis joint of the shaped body at rest: the point that global_orient turns
        the body about, so that turning the crop upright again moves the rest of the body.
    size
        (width, height) of the frame.
    focal_length
        Pixels.

    Returns
    -------
    ``(3,)`` metres, camera frame (x right, y down, z forward).
    """
    s = max(float(camera[0]), 1e-3)
    depth = 2 * focal_length / (crop_box.side * s)
    cos, sin = math.cos(crop_box.angle), math.sin(crop_box.angle)
    pelvis_x, pelvis_y = float(pelvis[0]), float(pelvis[1])
    x, y = pelvis_x + float(camera[1]), pelvis_y + float(camera[2])
    across = (crop_box.cx - size[0] / 2) * depth / focal_length
    down = (crop_box.cy - size[1] / 2) * depth / focal_length
    return np.array(
        [cos * x - sin * y - pelvis_x + across, sin * x + cos * y - pelvis_y + down, depth],
        np.float32,
    )


def project(points: Array, depth: float, focal_length: float, size: tuple[int, int]) -> Array:
    """Weak-perspective projection of camera-frame points to frame pixels.

    Everything is projected as if it lay at one depth, as in the camera that the network regresses;
    it maps the joints exactly where the crop's camera has them.

    Parameters
    ----------
    points
        ``(..., 3)`` metres.
    depth
        Metres: z of the body's translation.
    focal_length
        Pixels.
    size
        (width, height) of the frame.

    Returns
    -------
    ``(..., 2)`` pixels.
    """
    return points[..., :2] * (focal_length / depth) + np.array(size, np.float32) / 2
