"""Crop augmentations: the crop box varies as under a live tracker, the picture as with webcams.

A plan is drawn for each photo and round from a generator seeded by (seed, round, photo), so any
sample can be made again on its own, in any order.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Final

import cv2
import numpy as np
from numpy.typing import NDArray

from hmr_live.core.state import CropBox
from hmr_live_training.data.crops import (
    CROP_SIZE,
    crop_box_from_bounds,
    crop_box_from_lsp,
    crop_matrix,
    warp,
)

Array = NDArray[np.floating[Any]]
Image = NDArray[np.uint8]

#: Kinds of crop box (see :func:`draw_plan`).
KINDS: Final = ("tracker", "turned", "box", "upper")
_UPPER_JOINTS: Final = (2, 3, 6, 7, 8, 9, 10, 11, 12, 13)


@dataclass(frozen=True)
class AugmentConfig:
    """How strongly crops are varied; probabilities and ranges."""

    kinds: tuple[float, float, float, float] = (0.60, 0.14, 0.14, 0.12)
    mirror: float = 0.5
    #: Tracker jitter: centre (share of the side, sigma), scale (log range), angle (sigma, degrees).
    centre: float = 0.035
    scale: float = 0.22
    angle: float = 8.0
    #: Largest extra turn of the kind "turned", degrees.
    large_angle: float = 60.0
    #: Share of synthetic crops turned by any angle at all.
    any_turn: float = 0.12
    #: The frame ends inside the crop at one of its four sides.
    frame_edge: float = 0.12
    occluder: float = 0.18
    colour: float = 0.8
    blur: float = 0.2
    low_resolution: float = 0.2
    compression: float = 0.2
    noise: float = 0.15


@dataclass(frozen=True)
class CropPlan:
    """One crop of one photo.

    Attributes
    ----------
    matrix
        ``(2, 3)`` photo -> crop pixels; negative determinant = mirrored.
    visible
        (left, top, right, bottom) in crop pixels: the part inside the imagined camera frame.
    kind
        Index into :data:`KINDS`.
    """

    matrix: Array
    visible: tuple[float, float, float, float]
    kind: int


WHOLE_CROP: Final = (0.0, 0.0, float(CROP_SIZE), float(CROP_SIZE))


def generator(seed: int, *place: int) -> np.random.Generator:
    """Random generator of one sample."""
    return np.random.default_rng([seed, *place])


def exact_plan(keypoints: Array) -> CropPlan:
    """The tracker's crop box without jitter."""
    return CropPlan(crop_matrix(crop_box_from_lsp(keypoints)), WHOLE_CROP, 0)


def draw_plan(rng: np.random.Generator, keypoints: Array, config: AugmentConfig) -> CropPlan:
    """Draw a crop box and the frame around it.

    ``tracker`` jitters the tracker's crop box; ``turned`` adds a large rotation; ``box`` is not
    rotated upright at all, as from a detector without angles; ``upper`` is a person at a desk: the
    frame ends between chest and hips, and the crop box follows from the upper body alone.
    """
    kind = int(rng.choice(len(KINDS), p=config.kinds))
    crop_box = crop_box_from_lsp(keypoints)
    visible = WHOLE_CROP
    if KINDS[kind] == "turned":
        turn = math.radians(float(rng.uniform(-config.large_angle, config.large_angle)))
        crop_box = CropBox(crop_box.cx, crop_box.cy, crop_box.side, crop_box.angle + turn)
    elif KINDS[kind] == "box":
        if rng.random() < 0.5:
            crop_box = crop_box_from_bounds(keypoints, occupancy=float(rng.uniform(0.6, 0.85)))
        else:
            crop_box = CropBox(crop_box.cx, crop_box.cy, crop_box.side, 0.0)
    elif KINDS[kind] == "upper":
        crop_box = _upper_crop_box(keypoints, crop_box)
    crop_box = _jitter(rng, crop_box, config)
    matrix = crop_matrix(crop_box, mirrored=bool(rng.random() < config.mirror))
    if KINDS[kind] == "upper":
        visible = _desk_edge(rng, matrix, keypoints)
    elif rng.random() < config.frame_edge:
        visible = _frame_edge(rng)
    return CropPlan(matrix, visible, kind)


def _upper_crop_box(keypoints: Array, crop_box: CropBox) -> CropBox:
    upper = keypoints[list(_UPPER_JOINTS)]
    seen = upper[upper[:, 2] > 0, :2]
    if len(seen) < 3:
        return crop_box
    reach = np.linalg.norm(seen - (crop_box.cx, crop_box.cy), axis=1).max()
    side = min(max(2.6 * float(reach), 0.4 * crop_box.side), crop_box.side)
    return CropBox(crop_box.cx, crop_box.cy, side, crop_box.angle)


def _jitter(rng: np.random.Generator, crop_box: CropBox, config: AugmentConfig) -> CropBox:
    dx, dy = np.clip(rng.normal(0, config.centre, 2), -0.1, 0.1) * crop_box.side
    scale = math.exp(float(rng.uniform(-config.scale, config.scale)))
    turn = math.radians(float(rng.normal(0, config.angle)))
    return CropBox(
        crop_box.cx + float(dx),
        crop_box.cy + float(dy),
        crop_box.side * scale,
        crop_box.angle + turn,
    )


def _desk_edge(
    rng: np.random.Generator, matrix: Array, keypoints: Array
) -> tuple[float, float, float, float]:
    """Lower frame edge somewhere between the middle of the torso and just below the hips."""
    crop = keypoints[:, :2] @ matrix[:, :2].T + matrix[:, 2]
    hips, shoulders = crop[[2, 3], 1].mean(), crop[[8, 9], 1].mean()
    edge = shoulders + (hips - shoulders) * float(rng.uniform(0.5, 1.25))
    return 0.0, 0.0, float(CROP_SIZE), float(np.clip(edge, 60, CROP_SIZE))


def _frame_edge(rng: np.random.Generator) -> tuple[float, float, float, float]:
    edges = list(WHOLE_CROP)
    side = int(rng.integers(4))
    depth = float(rng.uniform(0.1, 0.35)) * CROP_SIZE
    edges[side] = depth if side < 2 else CROP_SIZE - depth
    return edges[0], edges[1], edges[2], edges[3]


def render_crop(
    rng: np.random.Generator, image: Image, plan: CropPlan, config: AugmentConfig
) -> Image:
    """Cut the planned crop and degrade it as bad cameras do, ``(256, 256, 3)`` BGR."""
    crop = warp(image, plan.matrix)
    if rng.random() < config.occluder:
        crop = _occlude(rng, crop)
    crop = _end_of_frame(crop, plan.visible)
    if rng.random() < config.low_resolution:
        small = int(rng.uniform(56, 180))
        crop = np.asarray(cv2.resize(crop, (small, small), interpolation=cv2.INTER_AREA), np.uint8)
        crop = np.asarray(cv2.resize(crop, (CROP_SIZE, CROP_SIZE)), np.uint8)
    if rng.random() < config.blur:
        crop = _blur(rng, crop)
    if rng.random() < config.colour:
        crop = _recolour(rng, crop)
    if rng.random() < config.noise:
        grain = rng.normal(0, float(rng.uniform(2, 12)), crop.shape)
        crop = np.clip(crop + grain, 0, 255).astype(np.uint8)
    if rng.random() < config.compression:
        quality = [cv2.IMWRITE_JPEG_QUALITY, int(rng.integers(15, 70))]
        crop = np.asarray(cv2.imdecode(cv2.imencode(".jpg", crop, quality)[1], 1), np.uint8)
    return crop


def _end_of_frame(crop: Image, visible: tuple[float, float, float, float]) -> Image:
    """Repeat the frame's edge outside it, as the live crop does."""
    left, top, right, bottom = (round(v) for v in visible)
    if (left, top, right, bottom) == (0, 0, CROP_SIZE, CROP_SIZE):
        return crop
    inside = crop[top:bottom, left:right]
    border = (top, CROP_SIZE - bottom, left, CROP_SIZE - right)
    return np.asarray(cv2.copyMakeBorder(inside, *border, cv2.BORDER_REPLICATE), np.uint8)


def _occlude(rng: np.random.Generator, crop: Image) -> Image:
    """Cover a rectangle with one colour or with another part of the picture."""
    crop = crop.copy()
    height, width = rng.integers(25, 110, 2)
    top, left = rng.integers(20, CROP_SIZE - 20 - height), rng.integers(20, CROP_SIZE - 20 - width)
    patch = (slice(top, top + height), slice(left, left + width))
    if rng.random() < 0.5:
        crop[patch] = rng.integers(0, 256, 3)
    else:
        y, x = rng.integers(0, CROP_SIZE - height), rng.integers(0, CROP_SIZE - width)
        crop[patch] = crop[y : y + height, x : x + width].copy()
    return crop


def _blur(rng: np.random.Generator, crop: Image) -> Image:
    if rng.random() < 0.6:
        return np.asarray(cv2.GaussianBlur(crop, (0, 0), float(rng.uniform(0.6, 3.0))), np.uint8)
    length = int(rng.integers(5, 17))
    kernel = np.zeros((length, length), np.float32)
    direction = float(rng.uniform(0, math.pi))
    middle = (length - 1) / 2
    step = np.array([math.cos(direction), math.sin(direction)]) * middle
    start, end = (tuple(round(v) for v in middle + sign * step) for sign in (-1, 1))
    cv2.line(kernel, start, end, 1.0)
    return np.asarray(cv2.filter2D(crop, -1, kernel / kernel.sum()), np.uint8)


def _recolour(rng: np.random.Generator, crop: Image) -> Image:
    """Exposure, contrast, gamma, white balance, saturation; one look-up table a channel."""
    levels = np.linspace(0, 1, 256)
    gamma = math.exp(float(rng.uniform(-0.4, 0.4)))
    contrast = float(rng.uniform(0.7, 1.3))
    offset = float(rng.uniform(-0.12, 0.12))
    balance = np.exp(rng.normal(0, 0.07, 3))
    curve = ((levels**gamma - 0.45) * contrast + 0.45 + offset)[:, None] * balance
    table = np.clip(curve * 255, 0, 255).astype(np.uint8)[None]
    crop = np.asarray(cv2.LUT(crop, table), np.uint8)
    if rng.random() < 0.3:
        grey = cv2.cvtColor(crop, cv2.COLOR_BGR2GRAY)[..., None].astype(np.float32)
        share = float(rng.uniform(0.2, 1.0))
        crop = (crop + (grey - crop) * share).astype(np.uint8)
    return crop
