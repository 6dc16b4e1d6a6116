"""Person-free pictures: false positives of a crop and of the whole live pipeline."""

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
from hmr_live_training.evaluation.presence import false_positives
from hmr_live_training.evaluation.progress import ProgressLog
from hmr_live_training.evaluation.report import ResultRow
from hmr_live_training.evaluation.statistics import percent
from hmr_live_training.synthetic.materials import Materials
from hmr_live_training.synthetic.scene_config import SPLITS

Array = NDArray[np.floating[Any]]

#: Backgrounds that synthetic training images may show, and those held out from them.
SPLIT_NAMES: Final = {"train": "seen in training", "test": "held out"}
WHOLE: Final = "whole picture"


@dataclass(frozen=True)
class EmptySceneRun:
    """Scores on person-free pictures.

    Attributes
    ----------
    folder, split
        ``(N,)`` data set and split of each picture.
    score
        ``(N,)`` by estimator, of the square crop that holds the whole picture.
    shown
        ``(N,)`` by network: whether the live pipeline shows a person.
    """

    folder: NDArray[np.str_]
    split: NDArray[np.str_]
    score: dict[str, Array]
    shown: dict[str, NDArray[np.bool_]]

    def held_out(self, name: str) -> Array:
        """Scores ``(M,)`` of an estimator on the held-out pictures of all data sets."""
        return np.asarray(self.score[name][self.split == "test"])


def run_empty_scenes(
    data: Path, estimators: Sequence[Estimator], detector: PersonDetector, *, step: int = 1
) -> EmptySceneRun:
    """Run all estimators on every ``step``-th background of both splits.

    Raises
    ------
    AssetError
        When the data folder has no backgrounds or one cannot be read.
    """
    files = [(p, split) for split in SPLITS for p in Materials(data, split).backgrounds[::step]]
    pipelines = live_pipelines(estimators, detector)
    score: dict[str, list[float]] = {e.name: [] for e in estimators}
    shown: dict[str, list[bool]] = {name: [] for name in pipelines}
    progress = ProgressLog("person-free pictures", len(files))
    for path, _ in files:
        image = read_image(path)
        for estimator in estimators:
            score[estimator.name].append(estimator.estimate(image, [whole_picture(image)])[0].score)
        for name, pipeline in pipelines.items():
            shown[name].append(bool(pipeline.recover(image)))
        progress.step()
    return EmptySceneRun(
        folder=np.array([path.relative_to(data).parts[0] for path, _ in files]),
        split=np.array([split for _, split in files]),
        score={name: np.array(values) for name, values in score.items()},
        shown={name: np.array(values, bool) for name, values in shown.items()},
    )


def whole_picture(image: Image) -> CropBox:
    """The smallest square crop box that holds a picture."""
    height, width = image.shape[:2]
    return CropBox(width / 2, height / 2, float(max(width, height)))


def empty_scene_rows(run: EmptySceneRun) -> list[ResultRow]:
    """Figures by data set and split, then of everything held out."""
    rows = []
    for split, title in SPLIT_NAMES.items():
        of_split = run.split == split
        groups = {name: of_split & (run.folder == name) for name in np.unique(run.folder)}
        if split == "test":
            groups["all folders"] = of_split
        for folder, chosen in groups.items():
            for name, score in run.score.items():
                figures = false_positives(score[chosen])
                if name in run.shown:
                    figures["shown by the program"] = percent(run.shown[name][chosen])
                rows.append(
                    ResultRow("Person-free pictures", str(folder), title, WHOLE, name, figures)
                )
    return rows
