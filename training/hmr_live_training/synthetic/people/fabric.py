"""Looks of fabrics: uniforms of the fabric shader, and colours."""

from __future__ import annotations

from typing import Any, Final

import numpy as np

Generator = np.random.Generator

#: Metres; a border that cuts nothing off.
NOWHERE: Final = 9.0


def cloth_values(rng: Generator, span: float, loose: float) -> dict[str, Any]:
    """Uniforms of a fabric; the bounds are added for rendering."""
    tint = (1.0, 1.0, 1.0)
    if rng.random() < 0.25:
        tint = random_color(rng, dark=0.2)
    return {
        "tint": tint,
        "scale": span,
        "shift": (float(rng.uniform()), float(rng.uniform())),
        "folds": float(rng.uniform(0.15, 0.45) + 0.25 * loose),
        "gloss": float(rng.choice([0.0, 0.04, 0.12], p=[0.6, 0.3, 0.1])),
        "ragged": float(rng.uniform(0.0, 0.02)),
    }


def random_color(rng: Generator, dark: float) -> tuple[float, float, float]:
    """A colour in linear light, often greyish, dark with the given chance."""
    hue = rng.dirichlet([1.0, 1.0, 1.0]) * 3
    value = rng.uniform(0.02, 0.15) if rng.random() < dark else rng.uniform(0.2, 0.9)
    mixed = (1 + rng.uniform(0, 0.8) * (hue - 1)) * value
    return float(mixed[0]), float(mixed[1]), float(mixed[2])
