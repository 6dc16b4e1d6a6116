"""The kinds of stages that a recipe may have, and the settings of each."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True)
class TeacherLabels:
    """Label the photos with 3D, hands, feet and faces (:mod:`hmr_live_training.data.teacher`)."""

    #: The name under which train stages ask for these labels (``teacher``).  Without ``network`` it
    #: is a kind of BlazePose: lite, full or heavy.
    teacher: str = "heavy"
    #: One of our own networks that labels instead: the name of a shipped one, or a path to an
    #: exported ``.onnx``.
    network: str | None = None
    #: Crops of each photo whose answers are averaged; every second one is mirrored.
    views: int = 4


@dataclass(frozen=True)
class SyntheticPeople:
    """Render people with exact labels (:mod:`hmr_live_training.synthetic`)."""

    #: How many crops, those without a person included.
    count: int
    seed: int = 0


@dataclass(frozen=True)
class FeatureRounds:
    """Store the published backbone's features, for train stages without heat maps.

    A round is one fresh augmentation of every photo; those of all synthetic people come with it.
    """

    rounds: int
    #: What ``trained: late`` reads: the 8 x 8 maps in front of the late layers.
    feature_map: bool = False


@dataclass(frozen=True)
class CachedFeatures:
    """Store what the frozen encoder gives for fresh crops, for a stage that trains on it."""

    #: The train stage that reads them: its augmentation, seed and teacher apply.
    for_stage: str
    #: How many crops of each source.
    photos: int
    synthetic: int
    empty: int


@dataclass(frozen=True)
class PruneRegressor:
    """Keep the hidden units that matter most and refit the layers behind them."""

    #: Hidden units that stay.
    hidden: int
    #: Cached photo crops that decide which.
    samples: int = 12000


@dataclass(frozen=True)
class CalibrateConfidence:
    """Fit the scale and shift of the confidence's logits to held-out photos (Platt, 1999)."""

    #: Crops of the held-out photos.
    crops: int = 2000


@dataclass(frozen=True)
class PersonScore:
    """Shift the person logit so that a score of one half is the place to decide."""

    #: Crops of held-out photos, and as many of person-free training backgrounds.
    crops: int = 2000
    #: At one half, so many times as many people are missed as person-free crops are called one.
    misses_per_false_positive: float = 4.0


@dataclass(frozen=True)
class CastFp16:
    """Round the encoder's weights to float16, which halves its file."""


@dataclass(frozen=True)
class Evaluate:
    """Measure the development photos; the figures go into the manifest."""


@dataclass(frozen=True)
class Export:
    """Write the ONNX file and its manifest."""


Settings = (
    TeacherLabels
    | SyntheticPeople
    | FeatureRounds
    | CachedFeatures
    | PruneRegressor
    | CalibrateConfidence
    | PersonScore
    | CastFp16
    | Evaluate
    | Export
)

#: Kinds by their names in recipe files; ``train`` is the one whose settings are a
#: :class:`~hmr_live_training.recipes.run_config.RunConfig`.
KINDS: Final[dict[str, type[Settings]]] = {
    "teacher_labels": TeacherLabels,
    "synthetic_people": SyntheticPeople,
    "feature_rounds": FeatureRounds,
    "cached_features": CachedFeatures,
    "prune_regressor": PruneRegressor,
    "calibrate_confidence": CalibrateConfidence,
    "person_score": PersonScore,
    "cast_fp16": CastFp16,
    "evaluate": Evaluate,
    "export": Export,
}
