"""Calibration of stated probabilities: the score of a crop, the confidence of a joint."""

from __future__ import annotations

from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from hmr_live_training.evaluation.predictions import Predictions
from hmr_live_training.evaluation.report import ResultRow
from hmr_live_training.evaluation.statistics import percent, ratio, reliability

Array = NDArray[np.floating[Any]]
Mask = NDArray[np.bool_]

_SCORE: Final = "Calibration of the score (event: a person is there)"
_CONFIDENCE: Final = "Calibration of joint confidence (event: within 0.2 torso of the label)"


class Origin(NamedTuple):
    """Where the data of a row come from; the fields of :class:`.ResultRow`."""

    data_set: str
    split: str
    condition: str
    estimator: str


def score_row(people: Array, person_free: Array, origin: Origin) -> ResultRow:
    """Expected calibration error of the score.

    Parameters
    ----------
    people, person_free
        Scores ``(N,)`` of crops with and ``(M,)`` of crops without a person.
    origin
        Where the crops come from.
    """
    stated = np.concatenate([people, person_free])
    real = np.arange(len(stated)) < len(people)
    bins, error = reliability(stated, real)
    return ResultRow(_SCORE, *origin, {"ECE": error, "people": percent(real)}, {"score": bins})


def confidence_row(
    predictions: Predictions, hits: Mask, counted: Mask, origin: Origin
) -> ResultRow:
    """Expected calibration error of joint confidences; ``hits`` and ``counted`` are PCK's."""
    bins, error = reliability(predictions.confidence, hits, counted)
    stated = (predictions.confidence * counted).sum(axis=1)
    figures = {
        "ECE": error,
        "mean confidence": ratio(stated, counted.sum(axis=1), "%", 100),
        "happened": percent(hits, counted),
    }
    return ResultRow(_CONFIDENCE, *origin, figures, {"confidence": bins})
