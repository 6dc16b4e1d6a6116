"""Person-free pictures: who sees somebody there, crop by crop and with the whole program."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from hmr_live import read_image
from hmr_live.core.state import CropBox, Image
from hmr_live.recovery.detector import PersonDetector
from hmr_live_training.evaluation.estimators import Estimator, live_pipelines
from hmr_live_training.evaluation.presence import called_a_person
from hmr_live_training.evaluation.progress import Progress
from hmr_live_training.evaluation.report import Row
from hmr_live_training.evaluation.statistics import percent
from hmr_live_training.synthetic.materials import Materials
from hmr_live_training.synthetic.scene_config import SPLITS

Array = NDArray[np.floating[Any]]

#: Backgrounds that synthetic training pictures may show, and those kept from them.
SPLIT_NAMES: Final = {"train": "seen in training", "test": "held out"}
WHOLE: Final = "whole picture"
#: The program's answer: the detector sees somebody and the network confirms.
LIVE: Final = "live"


@dataclass(frozen=True)
class EmptyAnswers:
    """Scores on person-free pictures.

    Attributes
    ----------
    folder, split
        ``(N,)`` names of each picture's data set and split.
    score
        ``(N,)`` by estimator, of a square that holds the whole picture.
    alarms
        ``(N,)`` by network: whether the whole program shows somebody.
    """

    folder: NDArray[np.str_]
    split: NDArray[np.str_]
    score: dict[str, Array]
    alarms: dict[str, NDArray[np.bool_]]

    def held_out(self, name: str) -> Array:
        """Scores of an estimator on the held-out pictures of all folders."""
        return np.asarray(self.score[name][self.split == "test"])


def run_empty(
    data: Path, estimators: Sequence[Estimator], detector: PersonDetector, *, step: int = 1
) -> EmptyAnswers:
    """Look at every ``step``-th background of either split.

    Raises
    ------
    AssetError
        When the data folder lacks backgrounds or one cannot be read.
    """
    files = [(p, split) for split in SPLITS for p in Materials(data, split).backgrounds[::step]]
    pipelines = live_pipelines(estimators, detector)
    score: dict[str, list[float]] = {e.name: [] for e in estimators}
    alarms: dict[str, list[bool]] = {name: [] for name in pipelines}
    progress = Progress("person-free pictures", len(files))
    for path, _ in files:
        image = read_image(path)
        for estimator in estimators:
            score[estimator.name].append(estimator.estimate(image, [whole_picture(image)])[0].score)
        for name, pipeline in pipelines.items():
            alarms[name].append(bool(pipeline.recover(image)))
        progress.step()
    return EmptyAnswers(
        folder=np.array([path.relative_to(data).parts[0] for path, _ in files]),
        split=np.array([split for _, split in files]),
        score={name: np.array(values) for name, values in score.items()},
        alarms={name: np.array(values, bool) for name, values in alarms.items()},
    )


def whole_picture(image: Image) -> CropBox:
    """The smallest square that holds a picture."""
    height, width = image.shape[:2]
    return CropBox(width / 2, height / 2, float(max(width, height)))


def empty_rows(run: EmptyAnswers) -> list[Row]:
    """Shares by folder and split, then of everything held out."""
    rows = []
    for split, title in SPLIT_NAMES.items():
        of_split = run.split == split
        groups = {name: of_split & (run.folder == name) for name in np.unique(run.folder)}
        if split == "test":
            groups["all folders"] = of_split
        for folder, chosen in groups.items():
            for name, score in run.score.items():
                figures = called_a_person(score[chosen])
                if name in run.alarms:
                    figures["shown by the program"] = percent(run.alarms[name][chosen])
                rows.append(Row("Person-free pictures", str(folder), title, WHOLE, name, figures))
    return rows
