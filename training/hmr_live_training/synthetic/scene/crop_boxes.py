"""Crop boxes of samples: the tracker's exact one, and jittered ones."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from hmr_live.core.state import CropBox
from hmr_live_training.data.crops import crop_box_from_bounds, crop_box_from_lsp
from hmr_live_training.synthetic.scene_config import SyntheticConfig

Array = NDArray[np.floating[Any]]

KINDS: Final = ("tracker", "turned", "box", "upper")
#: A rule gets a generator, LSP joints ``(14, 3)`` in frame pixels (third column: inside the frame)
#: and the shares of :data:`KINDS` and jitter that the configuration has for the scene.
CropBoxRule = Callable[[np.random.Generator, Array, SyntheticConfig], CropBox]
#: LSP's hips, shoulders, elbows, wrists, neck and head top.
_UPPER: Final = (2, 3, 6, 7, 8, 9, 10, 11, 12, 13)
#: Least extent of the joints in the frame, as a share of the side.
_LEAST_SPREAD: Final = 0.22
_LARGEST_TURN: Final = math.radians(60)


def exact_crop_box(rng: np.random.Generator, keypoints: Array, config: SyntheticConfig) -> CropBox:
    """The tracker's crop box without jitter."""
    return crop_box_from_lsp(_all_visible(keypoints))


def jittered_crop_box(
    rng: np.random.Generator, keypoints: Array, config: SyntheticConfig
) -> CropBox:
    """Crop boxes as of a live tracker or a detector.

    ``tracker`` jitters the tracker's crop box; ``turned`` adds a large rotation; ``box`` is not
    rotated upright and bounds only the joints in the frame; ``upper`` follows from the part of the
    upper body that is in the frame.
    """
    kind = KINDS[int(rng.choice(len(KINDS), p=config.crop_box_kinds))]
    crop_box = crop_box_from_lsp(_all_visible(keypoints))
    seen = int((keypoints[:, 2] > 0).sum())
    if kind == "box" and seen >= 4:
        crop_box = crop_box_from_bounds(keypoints, occupancy=float(rng.uniform(0.6, 0.85)))
    elif kind == "turned":
        turn = float(rng.uniform(-_LARGEST_TURN, _LARGEST_TURN))
        crop_box = CropBox(crop_box.cx, crop_box.cy, crop_box.side, crop_box.angle + turn)
    elif kind == "upper" or _spread(keypoints) < _LEAST_SPREAD * crop_box.side:
        crop_box = _upper_crop_box(crop_box, keypoints)
    dx, dy = np.clip(rng.normal(0, config.crop_box_centre, 2), -0.1, 0.1) * crop_box.side
    scale = math.exp(float(rng.uniform(-config.crop_box_scale, config.crop_box_scale)))
    turn = math.radians(float(rng.normal(0, config.crop_box_angle)))
    return CropBox(
        crop_box.cx + float(dx),
        crop_box.cy + float(dy),
        crop_box.side * scale,
        crop_box.angle + turn,
    )


#: Rules by the names of the command line.
RULES: Final[dict[str, CropBoxRule]] = {"jittered": jittered_crop_box, "exact": exact_crop_box}


def free_crop_box(rng: np.random.Generator, size: tuple[int, int]) -> CropBox:
    """A square anywhere in a frame, for pictures without people."""
    width, height = size
    side = min(size) * math.exp(float(rng.uniform(-1.4, 0.4)))
    turn = math.radians(float(rng.normal(0, 12)))
    if rng.random() < 0.15:
        turn = float(rng.uniform(-math.pi, math.pi))
    return CropBox(float(rng.uniform(0, width)), float(rng.uniform(0, height)), side, turn)


def _upper_crop_box(crop_box: CropBox, keypoints: Array) -> CropBox:
    upper = keypoints[list(_UPPER)]
    seen = upper[upper[:, 2] > 0, :2]
    if len(seen) < 3:
        return crop_box
    reach = float(np.linalg.norm(seen - (crop_box.cx, crop_box.cy), axis=1).max())
    side = min(max(2.6 * reach, 0.3 * crop_box.side), crop_box.side)
    return CropBox(crop_box.cx, crop_box.cy, side, crop_box.angle)


def _spread(keypoints: Array) -> float:
    seen = keypoints[keypoints[:, 2] > 0, :2]
    return float(np.ptp(seen, axis=0).max()) if len(seen) else 0.0


def _all_visible(keypoints: Array) -> Array:
    return np.column_stack([keypoints[:, :2], np.ones(len(keypoints))])
