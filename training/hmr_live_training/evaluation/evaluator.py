"""From estimators and data sets to rows of figures."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from hmr_live.body.model import BodyModel
from hmr_live.core.assets import asset_path
from hmr_live.core.errors import AssetError
from hmr_live.recovery.detector import PersonDetector
from hmr_live_training.data.lspet import load_lspet
from hmr_live_training.data.mocap import JointLimits
from hmr_live_training.data.readers.shards import find_shards, read_shard
from hmr_live_training.data.teacher import load_labels, teacher_path
from hmr_live_training.evaluation.calibration import Origin, score_row
from hmr_live_training.evaluation.datasets.empty_scenes import (
    EmptySceneRun,
    empty_scene_rows,
    run_empty_scenes,
)
from hmr_live_training.evaluation.datasets.labelled_people import labelled_people_rows
from hmr_live_training.evaluation.datasets.lspet import LIVE, LspetRun, run_lspet
from hmr_live_training.evaluation.datasets.lspet_figures import lspet_rows
from hmr_live_training.evaluation.datasets.posture_figures import drawn_posture_rows
from hmr_live_training.evaluation.datasets.posture_seen import (
    clip_rows,
    photo_rows,
    true_clip_rows,
)
from hmr_live_training.evaluation.datasets.synthetic_figures import synthetic_rows
from hmr_live_training.evaluation.datasets.synthetic_people import SPLIT, run_synthetic
from hmr_live_training.evaluation.datasets.synthetic_sequences import (
    SEQUENCES,
    draw_sequences,
    sequence_rows,
)
from hmr_live_training.evaluation.datasets.triangulated import triangulated_rows
from hmr_live_training.evaluation.datasets.videos import video_rows
from hmr_live_training.evaluation.estimators import Estimator, NetworkEstimator
from hmr_live_training.evaluation.report import ResultRow
from hmr_live_training.synthetic.body_poses import body_joint_limits

#: Data sets in the order of the tables, and the field of :class:`EvaluationData` each needs.
DATA_SETS: Final = {
    "lspet": "data",
    "synthetic": "synthetic",
    "empty": "data",
    "sequences": "data",
    "shards": "shards",
    "videos": "videos",
    "triangulated": "truth",
    "posture": "data",
}
#: Not among the data sets that are evaluated unless they are asked for.
ON_REQUEST: Final = ("posture",)


@dataclass(frozen=True)
class EvaluationData:
    """Where the data sets are; what is left out cannot be evaluated.

    Attributes
    ----------
    data
        Folder of the training data: photos, backgrounds, motion capture.
    synthetic
        Folder of shards of :mod:`hmr_live_training.synthetic`.
    shards
        Names and folders of shards of labelled people.
    videos
        Video files.
    truth
        3D joints of the only video, see :mod:`.triangulated`.
    cache
        Folder of :mod:`hmr_live_training.sampling.prepare` with the teacher's labels; without it
        nothing is compared with the teacher.
    body
        SMPL body file that joint limits refer to; the open body by default.
    """

    data: Path | None = None
    synthetic: Path | None = None
    shards: Sequence[tuple[str, Path]] = ()
    videos: Sequence[Path] = ()
    truth: Path | None = None
    cache: Path | None = None
    body: Path | None = None

    @property
    def available(self) -> list[str]:
        """Names of the data sets that can be evaluated."""
        return [name for name, field in DATA_SETS.items() if getattr(self, field)]

    @property
    def usual(self) -> list[str]:
        """Those of them that are evaluated where none is named."""
        return [name for name in self.available if name not in ON_REQUEST]

    @property
    def folder(self) -> Path:
        """``data``, for the data sets that need it."""
        if self.data is None:
            raise ValueError("this data set needs the folder of the training data")
        return self.data


class Evaluator:
    """Evaluates the same estimators on any of the data sets.

    Parameters
    ----------
    estimators
        Networks and baselines; videos are for networks only.
    data
        Where the data sets are.
    detector
        Person detector of the live pipeline.
    step
        Evaluate every ``step``-th picture.
    """

    def __init__(
        self,
        estimators: Sequence[Estimator],
        data: EvaluationData,
        detector: PersonDetector,
        *,
        step: int = 1,
    ) -> None:
        self._estimators = estimators
        self._networks = [e for e in estimators if isinstance(e, NetworkEstimator)]
        self._data = data
        self._detector = detector
        self._step = step
        self._lspet: LspetRun | None = None
        self._empty: EmptySceneRun | None = None

    def rows(self, names: Sequence[str]) -> list[ResultRow]:
        """Rows of the named data sets, in the order of :data:`DATA_SETS`.

        Raises
        ------
        AssetError
            When data are missing or damaged.
        RenderError
            When the machine has no OpenGL 3.3 for the synthetic sequences.
        """
        evaluations = {
            "lspet": self._lspet_rows,
            "synthetic": self._synthetic_rows,
            "empty": self._empty_rows,
            "sequences": self._sequence_rows,
            "shards": self._shard_rows,
            "videos": self._video_rows,
            "triangulated": self._triangulated_rows,
            "posture": self._posture_rows,
        }
        rows = [row for name in DATA_SETS if name in names for row in evaluations[name]()]
        if self._lspet is not None and self._empty is not None:
            rows += _score_rows(self._lspet, self._empty)
        return rows

    def _limits(self) -> JointLimits | None:
        if self._data.data is None:
            return None
        body = self._data.body or asset_path("body", "open_body.npz")
        return body_joint_limits(self._data.data, body)

    def _lspet_rows(self) -> list[ResultRow]:
        cache = self._data.cache
        path = teacher_path(cache, "heavy", "development") if cache else None
        teacher = load_labels(path) if path is not None and path.exists() else None
        photos = load_lspet(self._data.folder, "development")
        self._lspet = run_lspet(
            photos, self._estimators, self._detector, teacher=teacher, step=self._step
        )
        return lspet_rows(self._lspet, self._limits())

    def _synthetic_rows(self) -> list[ResultRow]:
        assert self._data.synthetic is not None  # or it would not be available
        rendered_with = BodyModel.default()
        run = run_synthetic(self._data.synthetic, self._estimators, rendered_with, step=self._step)
        return synthetic_rows(run, self._limits(), SPLIT)

    def _empty_rows(self) -> list[ResultRow]:
        self._empty = run_empty_scenes(
            self._data.folder, self._estimators, self._detector, step=self._step
        )
        return empty_scene_rows(self._empty)

    def _sequence_rows(self) -> list[ResultRow]:
        if not self._networks:
            return []
        sequences = draw_sequences(self._data.folder, count=max(SEQUENCES // self._step, 1))
        return sequence_rows(sequences, self._networks, self._detector)

    def _shard_rows(self) -> list[ResultRow]:
        rows = []
        for name, folder in self._data.shards:
            people = (person for shard in find_shards(folder) for person in read_shard(shard))
            rows += labelled_people_rows(
                people, self._estimators, name, str(folder), step=self._step
            )
        return rows

    def _video_rows(self) -> list[ResultRow]:
        return video_rows(self._data.videos, self._networks, self._detector, step=self._step)

    def _triangulated_rows(self) -> list[ResultRow]:
        assert self._data.truth is not None  # or it would not be available
        if len(self._data.videos) != 1:
            raise AssetError("Triangulated joints belong to one video; give exactly one --video.")
        (video,) = self._data.videos
        return triangulated_rows(video, self._data.truth, self._networks, self._detector)

    def _posture_rows(self) -> list[ResultRow]:
        data, networks, step = self._data.folder, self._networks, self._step
        rows = drawn_posture_rows(data, networks, step=step)
        rows += photo_rows(data, networks, step=step)
        rows += clip_rows(data, networks, self._detector, step=step)
        return rows + true_clip_rows(data, networks, self._detector)


def _score_rows(lspet: LspetRun, empty: EmptySceneRun) -> list[ResultRow]:
    """Calibration of the score on development photos and held-out empty scenes together."""
    together = "LSPET and person-free pictures", "development and held out"
    return [
        score_row(
            predictions.score[predictions.found],
            empty.held_out(name),
            Origin(*together, crop_geometry, name),
        )
        for (name, crop_geometry), predictions in lspet.predictions.items()
        if crop_geometry != LIVE
    ]
