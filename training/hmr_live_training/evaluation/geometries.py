"""Which square of a labelled photo is looked at: the training rule, and others.

A network that only works with the crops it was trained on shows it here.

``upright``
    The tracker's rule from the labelled joints, turned upright.
``box``
    A square around the labelled joints, not turned.
``again``
    The tracker's region around what was seen in ``box``: the second look that the program takes
    at everybody before it shows them.
``jittered``
    The tracker's region of a person who moved on since: shifted, scaled and turned.
``detector``
    What the live person detector gives: the first look at everybody.
"""

from __future__ import annotations

import math
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from hmr_live.core.state import CropBox, Image
from hmr_live.recovery.detector import PersonDetector
from hmr_live_training.data.crops import content_rectangle, crop_box_from_bounds, crop_box_from_lsp

Array = NDArray[np.floating[Any]]

GEOMETRIES: Final = ("upright", "box", "again", "jittered", "detector")
#: Sigma of the shift (share of the side), range of the log scale, sigma of the turn (degrees).
_SHIFT: Final = 0.05
_LOG_SCALE: Final = 0.25
_TURN: Final = 15.0
#: A detection further from the labelled region than this share of its side is somebody else.
_NEAR: Final = 0.35


class Looks(NamedTuple):
    """A photo without its padding and the regions to look at.

    Attributes
    ----------
    image
        ``(H, W, 3)`` BGR.
    keypoints
        ``(14, 3)`` LSP joints in its pixels.
    crop_boxes
        By :data:`GEOMETRIES`; without "detector" when the person is not detected, and without
        "again", which depends on who looks (:func:`second_look`).
    """

    image: Image
    keypoints: Array
    crop_boxes: dict[str, CropBox]


def looks_at(
    image: Image, keypoints: Array, detector: PersonDetector, rng: np.random.Generator
) -> Looks:
    """All regions of one labelled photo.

    Black padding is cut off, as a live camera frame has none; beyond the frame the engine repeats
    the edge.
    """
    left, top, right, bottom = content_rectangle(image)
    picture = np.ascontiguousarray(image[top:bottom, left:right])
    moved = keypoints.copy()
    moved[:, :2] -= (left, top)
    upright = crop_box_from_lsp(moved)
    crop_boxes = {
        "upright": upright,
        "box": crop_box_from_bounds(moved),
        "jittered": jittered(upright, rng),
    }
    detections = [found.crop_box for found in detector.detect(picture)]
    own = nearest(upright, detections)
    if own is not None:
        crop_boxes["detector"] = detections[own]
    return Looks(picture, moved, crop_boxes)


def second_look(limbs: Array, nose: Array) -> CropBox:
    """The tracker's region around LSP's limb joints ``(12, 2)`` and the nose, frame pixels."""
    keypoints = np.ones((14, 3))
    keypoints[:12, :2], keypoints[13, :2] = limbs, nose
    keypoints[12, 2] = 0
    return crop_box_from_lsp(keypoints)


def jittered(crop_box: CropBox, rng: np.random.Generator) -> CropBox:
    """The region of a person who has moved."""
    dx, dy = rng.normal(0, _SHIFT, 2) * crop_box.side
    scale = math.exp(float(rng.uniform(-_LOG_SCALE, _LOG_SCALE)))
    turn = math.radians(float(rng.normal(0, _TURN)))
    return CropBox(
        crop_box.cx + float(dx),
        crop_box.cy + float(dy),
        crop_box.side * scale,
        crop_box.angle + turn,
    )


def nearest(crop_box: CropBox, candidates: list[CropBox]) -> int | None:
    """Which candidate shows the person of a region, by the distance of their centres."""
    distances = [math.hypot(c.cx - crop_box.cx, c.cy - crop_box.cy) for c in candidates]
    if not distances or min(distances) > _NEAR * crop_box.side:
        return None
    return int(np.argmin(distances))
