"""How often somebody is seen where nobody is, and how often a person is overlooked."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from hmr_live.recovery.pipeline import FOUND_SCORE, LOST_SCORE
from hmr_live_training.evaluation.statistics import Figure, percent

Array = NDArray[np.floating[Any]]

#: Where the pipeline loses a person, and where it takes a detection for a person.
THRESHOLDS: Final = (LOST_SCORE, FOUND_SCORE)


def missed(score: Array) -> dict[str, Figure | None]:
    """Real persons ``(N,)`` whose score is below each threshold."""
    return {f"missed at {t:g}": percent(score < t) for t in THRESHOLDS}


def called_a_person(score: Array) -> dict[str, Figure | None]:
    """Person-free pictures ``(N,)`` whose score reaches each threshold."""
    return {f"called a person at {t:g}": percent(score >= t) for t in THRESHOLDS}
