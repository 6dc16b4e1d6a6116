"""Person detection by the score: how often people are missed, and empty scenes called a person."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from hmr_live.recovery.pipeline import MIN_DETECTION_SCORE, MIN_TRACKING_SCORE
from hmr_live_training.evaluation.statistics import Figure, percent

Array = NDArray[np.floating[Any]]

#: Below the first the pipeline loses a person; from the second on it accepts a detection.
THRESHOLDS: Final = (MIN_TRACKING_SCORE, MIN_DETECTION_SCORE)


def false_negatives(score: Array) -> dict[str, Figure | None]:
    """Percentage of crops with a person ``(N,)`` whose score is below each threshold."""
    return {f"missed at {t:g}": percent(score < t) for t in THRESHOLDS}


def false_positives(score: Array) -> dict[str, Figure | None]:
    """Percentage of crops without a person ``(N,)`` whose score reaches each threshold."""
    return {f"called a person at {t:g}": percent(score >= t) for t in THRESHOLDS}
