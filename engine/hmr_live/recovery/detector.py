"""Find people in a whole frame: the BlazePose person detector (Bazarevsky et al. 2020).

The network is an SSD on 224 x 224 pixels with 2,254 anchors.  It predicts a face-like box and four
key points; the first is the middle of the hips, the second lies on the circle that holds the
whole body, straight above the hips.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import cv2
import numpy as np

from hmr_live.backends import open_backend, split_choice
from hmr_live.backends.timing import Timings
from hmr_live.core.assets import asset_path, read_manifest
from hmr_live.core.image_resize import resized
from hmr_live.core.state import Array, CropBox, Image
from hmr_live.recovery.crop import crop_box_around

INPUT_SIZE = 224
SCORE_THRESHOLD = 0.5
IOU_THRESHOLD = 0.3
#: (stride, anchors in each cell) of the detector's feature maps, in the order of its outputs.
_FEATURE_MAPS = ((8, 2), (16, 2), (32, 6))

#: The middle of the detector's input range.
_GREY: Final = 127
#: Flesh around the joints, as a share of the body's extent in the image.
_MASK_MARGIN: Final = 0.08


@dataclass(frozen=True, slots=True)
class Detection:
    """A person found in the frame: their crop box, and how sure the detector is."""

    crop_box: CropBox
    score: float


class PersonDetector:
    """Finds people in the first frame, and again whenever somebody was lost."""

    def __init__(
        self,
        model: Path | None = None,
        *,
        backend: str = "auto",
        threads: int = 1,
        timings: Timings | None = None,
    ) -> None:
        path = model or asset_path("networks", "person_detector.onnx")
        read_manifest(path)
        # A precision applies to the HMR network; the detector comes in one only.
        name, _ = split_choice(backend)
        self._backend = open_backend(path, name=name, threads=threads, timings=timings)
        self._anchors = _anchors()

    def close(self) -> None:
        """Release the back end."""
        self._backend.close()

    def detect(self, image: Image) -> list[Detection]:
        """Find people in an ``(H, W, 3)`` BGR frame; largest first, empty when there are none."""
        height, width = image.shape[:2]
        scale = INPUT_SIZE / max(height, width)
        border = (INPUT_SIZE - np.array([width, height]) * scale) / 2
        outputs = self._backend.run(_letterbox(image, scale, border))
        scores = _sigmoid(outputs["scores"][0, :, 0])
        sure = scores > SCORE_THRESHOLD
        scores, anchors = scores[sure], self._anchors[sure]
        raw = outputs["boxes"][0][sure]
        centres = raw[:, :2] + anchors
        boxes = np.concatenate([centres - raw[:, 2:4] / 2, centres + raw[:, 2:4] / 2], axis=1)
        keypoints = raw[:, 4:8].reshape(-1, 2, 2) + anchors[:, None]
        merged = _merge_overlapping(boxes, keypoints, scores)
        found = []
        for points, score in merged:
            hips, top = (points - border) / scale
            radius = float(np.linalg.norm(top - hips))
            found.append(Detection(crop_box_around(hips, top, radius), score))
        return sorted(found, key=lambda detection: -detection.crop_box.side)


def mask_people(image: Image, people: Iterable[Array]) -> Image:
    """Copy of an ``(H, W, 3)`` image with these people covered, given by joints ``(24, 2)``.

    The detector was made for one person: somebody in plain view keeps it from seeing whoever
    stands beside them (a score of 0.2 instead of 0.9 in our scenes).  With everybody who is
    already tracked under a grey rectangle it finds the others, and nobody twice.
    """
    masked = image.copy()
    limit = np.array([image.shape[1], image.shape[0]])
    for joints_2d in people:
        low, high = joints_2d.min(axis=0), joints_2d.max(axis=0)
        margin = _MASK_MARGIN * (high - low).max()
        left, top = np.clip(low - margin, 0, limit).astype(int)
        right, bottom = np.clip(high + margin, 0, limit).astype(int)
        masked[top:bottom, left:right] = _GREY
    return masked


def _anchors() -> Array:
    """``(2254, 2)`` anchor centres in input pixels."""
    centres = []
    for stride, count in _FEATURE_MAPS:
        ticks = (np.arange(INPUT_SIZE // stride) + 0.5) * stride
        grid = np.stack(np.meshgrid(ticks, ticks), axis=-1).reshape(-1, 2)
        centres.append(np.repeat(grid, count, axis=0))
    return np.concatenate(centres).astype(np.float32)


def _letterbox(image: Image, scale: float, border: Array) -> Array:
    """Whole frame, centred on black, as ``(1, 3, 224, 224)`` RGB in [-1, 1]."""
    height, width = image.shape[:2]
    small_size = (max(round(width * scale), 1), max(round(height * scale), 1))
    small = resized(image, small_size)
    canvas = np.zeros((INPUT_SIZE, INPUT_SIZE, 3), np.uint8)
    left, top = np.round(border).astype(int)
    canvas[top : top + small.shape[0], left : left + small.shape[1]] = small
    return np.asarray(
        cv2.dnn.blobFromImage(canvas, 1 / 127.5, mean=(127.5, 127.5, 127.5), swapRB=True),
        np.float32,
    )


def _merge_overlapping(boxes: Array, keypoints: Array, scores: Array) -> list[tuple[Array, float]]:
    """Weighted non-maximum suppression: boxes over one person are averaged by their scores."""
    order = np.argsort(-scores)
    merged = []
    while len(order):
        best = order[0]
        together = _iou(boxes[best], boxes[order]) > IOU_THRESHOLD
        together[0] = True  # a degenerate box overlaps not even itself
        group = order[together]
        weights = scores[group] / scores[group].sum()
        points = (keypoints[group] * weights[:, None, None]).sum(axis=0)
        merged.append((points, float(scores[best])))
        order = order[~together]
    return merged


def _iou(box: Array, boxes: Array) -> Array:
    """Intersection over union of one ``(4,)`` box with ``(n, 4)`` boxes (x0, y0, x1, y1)."""
    overlap = np.minimum(box[2:], boxes[:, 2:]) - np.maximum(box[:2], boxes[:, :2])
    intersection = np.prod(np.clip(overlap, 0, None), axis=1)
    areas = np.prod(boxes[:, 2:] - boxes[:, :2], axis=1)
    union = np.prod(box[2:] - box[:2]) + areas - intersection
    return np.asarray(intersection / np.maximum(union, 1e-9))


def _sigmoid(logits: Array) -> Array:
    return np.asarray(1 / (1 + np.exp(-np.clip(logits, -80, 80))))
