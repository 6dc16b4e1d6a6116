"""Body shapes over the whole space of betas."""

from __future__ import annotations

import numpy as np

from hmr_live.body.skeleton import NUM_BETAS
from hmr_live.core.state import Array
from hmr_live_training.synthetic.scene_config import SyntheticConfig


def draw_betas(rng: np.random.Generator, config: SyntheticConfig) -> Array:
    """Shape coefficients ``(10,)``: mostly normal, now and then anywhere in the allowed cube."""
    limit = config.beta_limit
    if rng.random() < config.beta_uniform:
        betas = rng.uniform(-limit, limit, NUM_BETAS)
        # All ten at the edge make nobody that exists; the first three carry most of the shape.
        betas[3:] *= 0.5
    else:
        betas = rng.normal(0, config.beta_sigma, NUM_BETAS)
    return np.asarray(np.clip(betas, -limit, limit), np.float32)
