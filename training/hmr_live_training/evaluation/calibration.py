"""Are stated probabilities true?  The score of a crop, the confidence of a joint."""

from __future__ import annotations

from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from hmr_live_training.evaluation.answers import Answers
from hmr_live_training.evaluation.empty import EmptyAnswers
from hmr_live_training.evaluation.photos import LIVE, PhotoAnswers
from hmr_live_training.evaluation.report import Row
from hmr_live_training.evaluation.statistics import percent, ratio, reliability

Array = NDArray[np.floating[Any]]
Mask = NDArray[np.bool_]

_SCORE: Final = "Calibration of the score (event: a person is there)"
_CONFIDENCE: Final = "Calibration of joint confidence (event: within 0.2 torso of the label)"


class Origin(NamedTuple):
    """Where a row's data come from; the fields of :class:`.report.Row`."""

    data_set: str
    split: str
    condition: str
    estimator: str


def score_row(people: Array, nobody: Array, origin: Origin) -> Row:
    """Expected calibration error of scores of crops with ``(N,)`` and without ``(M,)`` a person."""
    stated = np.concatenate([people, nobody])
    real = np.arange(len(stated)) < len(people)
    bins, error = reliability(stated, real)
    return Row(_SCORE, *origin, {"ECE": error, "people": percent(real)}, {"score": bins})


def score_rows(photos: PhotoAnswers, empty: EmptyAnswers) -> list[Row]:
    """The score on development photos and held-out person-free pictures together."""
    together = "LSPET and person-free pictures", "development and held out"
    return [
        score_row(
            answers.score[answers.found], empty.held_out(name), Origin(*together, geometry, name)
        )
        for (name, geometry), answers in photos.answers.items()
        if geometry != LIVE
    ]


def confidence_row(answers: Answers, hits: Mask, counted: Mask, origin: Origin) -> Row:
    """Expected calibration error of joint confidences; ``hits`` and ``counted`` are PCK's."""
    bins, error = reliability(answers.confidence, hits, counted)
    stated = (answers.confidence * counted).sum(axis=1)
    figures = {
        "ECE": error,
        "mean confidence": ratio(stated, counted.sum(axis=1), "%", 100),
        "happened": percent(hits, counted),
    }
    return Row(_CONFIDENCE, *origin, figures, {"confidence": bins})
