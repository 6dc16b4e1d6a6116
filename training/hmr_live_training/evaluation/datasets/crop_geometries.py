"""Crop geometries: the ways to place a crop box on a labelled photo.

They reveal a network that only works on crops like those of its training.

``upright``
    The tracker's crop box from the labelled joints, rotated upright.
``box``
    A square around the labelled joints, not rotated.
``again``
    The tracker's crop box from the estimate in ``box``: the second pass that the pipeline makes
    before it shows a person.
``jittered``
    The tracker's crop box after the person has moved: shifted, scaled and rotated.
``detector``
    The crop box of the live person detector: the first pass.
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

CROP_GEOMETRIES: Final = ("upright", "box", "again", "jittered", "detector")
#: Sigma of the shift (in sides), range of the log scale, sigma of the rotation (degrees).
_SHIFT: Final = 0.05
_LOG_SCALE: Final = 0.25
_TURN: Final = 15.0
#: A detection farther from the labelled crop box than this share of its side is another person.
_NEAR: Final = 0.35


class CropViews(NamedTuple):
    """A photo without its padding, and the crop boxes of the labelled person.

    Attributes
    ----------
    image
        ``(H, W, 3)`` BGR.
    keypoints
        ``(14, 3)`` LSP joints in its pixels.
    crop_boxes
        By names of :data:`CROP_GEOMETRIES`; without "detector" when the person is not detected,
        and without "again", which depends on the estimator (:func:`refined_crop_box`).
    """

    image: Image
    keypoints: Array
    crop_boxes: dict[str, CropBox]


def crop_views(
    image: Image, keypoints: Array, detector: PersonDetector, rng: np.random.Generator
) -> CropViews:
    """The crop boxes of one labelled photo.

    Black padding is cut off because camera frames have none; the engine repeats the edge of the
    frame beyond it.

    Parameters
    ----------
    image
        ``(H, W, 3)`` BGR.
    keypoints
        ``(14, 3)`` LSP joints in its pixels, then a flag: labelled where > 0.
    detector
        Gives the crop box "detector".
    rng
        Draws the crop box "jittered".
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
    return CropViews(picture, moved, crop_boxes)


def refined_crop_box(limbs: Array, nose: Array) -> CropBox:
    """The tracker's crop box from limb joints ``(12, 2)`` and nose ``(2,)``, frame pixels."""
    keypoints = np.ones((14, 3))
    keypoints[:12, :2], keypoints[13, :2] = limbs, nose
    keypoints[12, 2] = 0
    return crop_box_from_lsp(keypoints)


def jittered(crop_box: CropBox, rng: np.random.Generator) -> CropBox:
    """The crop box after the person has moved."""
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
    """Index of the candidate nearest to a crop box by their centres; None if all are too far."""
    distances = [math.hypot(c.cx - crop_box.cx, c.cy - crop_box.cy) for c in candidates]
    if not distances or min(distances) > _NEAR * crop_box.side:
        return None
    return int(np.argmin(distances))
