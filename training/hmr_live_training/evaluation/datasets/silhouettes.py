"""Silhouettes of posed meshes in a crop."""

from __future__ import annotations

from typing import Any, Final

import cv2
import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.floating[Any]]
Mask = NDArray[np.bool_]

#: Side of a silhouette in pixels; a pixel is about a centimetre of a standing person.
SIZE: Final = 128
_SHIFT: Final = 4
_FAR: Final = 8.0


def silhouette(points: Array, faces: NDArray[np.integer[Any]], kept: Mask | None = None) -> Mask:
    """Fill a mesh's projected triangles, ``(SIZE, SIZE)``.

    Parameters
    ----------
    points
        ``(V, 2)`` projected vertices in [-1, 1] across the crop.
    faces
        ``(F, 3)`` of a closed surface, so that the triangles of one orientation cover it.
    kept
        ``(V,)`` vertices in front of the camera; triangles with any other vertex are left out.
    """
    pixels = (np.clip(points, -_FAR, _FAR) + 1) * (SIZE / 2) - 0.5
    corners = np.round(pixels * (1 << _SHIFT)).astype(np.int32)
    if kept is not None:
        faces = faces[kept[faces].all(axis=1)]
    triangles = corners[faces].astype(np.int64)
    a, b = triangles[:, 1] - triangles[:, 0], triangles[:, 2] - triangles[:, 0]
    one_side = triangles[a[:, 0] * b[:, 1] - a[:, 1] * b[:, 0] > 0].astype(np.int32)
    picture = np.zeros((SIZE, SIZE), np.uint8)
    for triangle in one_side:
        cv2.fillConvexPoly(picture, triangle, 1, cv2.LINE_8, _SHIFT)
    return np.asarray(picture > 0)


def shrink(mask: Mask) -> Mask:
    """Resize a mask to the size of a silhouette."""
    small = cv2.resize(mask.astype(np.float32), (SIZE, SIZE), interpolation=cv2.INTER_AREA)
    return np.asarray(small >= 0.5)
