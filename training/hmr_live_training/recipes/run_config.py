"""One dataclass a run: everything that decides what a training run does."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field, fields, replace
from typing import Any, Final, Literal

from hmr_live_training.data.augment import AugmentConfig


@dataclass(frozen=True)
class LossWeights:
    """Factors of the losses; distances are crop halves in 2D and metres in 3D."""

    #: Reprojected points so far from their target pull a quarter as much as near ones: a body half
    #: way between two places where a joint may be is at neither.  The paper has no such limit.
    saturation: float | None = None
    #: Reprojection of the photos' own joints, L1 (the paper's L_reproj).
    reprojection: float = 100.0
    #: Reprojection of the 27 landmarks: the teacher's where it can be trusted, synthetic ones.
    points: float = 60.0
    #: Distance to the backbone's own points, on photos where these agree with the labels: a target
    #: without label noise, which teaches precision.
    backbone_points: float = 0.0
    #: What that counts at least, where it does not agree.
    backbone_least: float = 0.0
    #: The same landmarks in 3D (the paper's L_3D, as L1 because the teacher errs grossly at times).
    world: float = 60.0
    #: SMPL's joints, squared distance (resnet50, whose 3D labels are joints).
    joints: float = 60.0
    #: Rotation matrices and betas where they are known: synthetic people, fits to photos.
    rotations: float = 30.0
    shape: float = 0.5
    #: Radians beyond the range of motion capture, summed over joints (no part of the paper).
    joint_limits: float = 1.0
    #: Each of the 25 discriminators, on every Theta_t.
    adversarial: float = 1.0
    #: Squared betas: without a shape signal they drift.
    betas: float = 0.1
    #: Rotation matrices of projected motion capture, whose truth is exact.
    mocap_rotation: float = 30.0
    #: 3D joints of projected motion capture, L1.
    mocap_joints: float = 60.0
    #: Camera and 2D joints of projected motion capture, L1.
    mocap_reprojection: float = 30.0
    #: Betas of projected motion capture.
    mocap_betas: float = 0.05
    #: Learned difference between clicked points and SMPL's joints, per (3 cm) squared.
    landmark_correction: float = 1.0
    #: Cross entropy of each landmark's confidence.
    confidence: float = 1.0
    #: Squared weights of its layer, which reads a thousand features: without, it is too sure.
    confidence_size: float = 0.01
    #: When the encoder trains: its own landmarks on the same labels, their visibility and presence,
    #: and whether somebody is there at all.
    own_points: float = 60.0
    own_world: float = 30.0
    own_maps: float = 3.0
    own_probabilities: float = 1.0
    person: float = 2.0


#: Name of the paper's encoder.
RESNET50: Final = "resnet50"

#: Former names of fields, as manifests and checkpoints have them.
_FORMER_NAMES: Final = {
    "lifted": "projected_mocap",
    "loop_from": "regressor_from",
    "trunk_points": "backbone_points",
    "trunk_least": "backbone_least",
    "true_rotation": "mocap_rotation",
    "true_joints": "mocap_joints",
    "true_reprojection": "mocap_reprojection",
    "true_betas": "mocap_betas",
}


def renamed(values: dict[str, Any]) -> dict[str, Any]:
    """Values of a configuration under the present names of its fields."""
    return {_FORMER_NAMES.get(name, name): value for name, value in values.items()}


@dataclass(frozen=True)
class RunConfig:
    """A training run.

    Two runs with equal configurations and data give equal numbers.
    """

    #: Name of the checkpoint.
    name: str = "first"
    #: Seeds initial weights, dropout, sampling and augmentation.
    seed: int = 0
    #: BlazePose backbone: lite, full or heavy; or resnet50, which trains with the paper's losses
    #: (hmr_live_training.paper).
    encoder: str = "full"
    #: What of the network trains: the regressor alone on cached features (``heatmaps``: and on the
    #: landmarks that the network to start from observes), the backbone's late layers and heads too
    #: on cached 8 x 8 maps, everything behind the stem on fresh crops, or the stem too, which
    #: needs a GPU.
    trained: Literal["regressor", "late", "end_to_end", "whole"] = "regressor"
    #: Find the backbone's landmarks on its heat maps.
    heatmaps: bool = False
    #: Whether pictures have 3D labels: the paper's two settings.  Without pairs the regressor
    #: learns from 2D labels, and what a body is from the discriminators alone.
    pairs: bool = True
    #: Who gives photos their 3D, hands, feet and faces (hmr_live_training.data.teacher): a kind of
    #: BlazePose, or the run whose network has labelled them.
    teacher: str = "heavy"
    #: Start from this run's averaged weights.
    start_from: str | None = None
    #: Take the regressor over from this run of another encoder, but for its weights on the image
    #: features: observed landmarks mean the same whoever observes them.
    regressor_from: str | None = None

    #: Regressor: T, hidden units, dropout, whether landmark errors are fed back.
    iterations: int = 3
    hidden: int = 1024
    dropout: float = 0.05
    feedback: bool = True
    #: Refine the last Theta by Gauss-Newton towards the encoder's landmarks
    #: (hmr_live_training.models.gauss_newton).
    gauss_newton: bool = False
    #: Joints are held in their range in motion capture and so many degrees more, where given, hips
    #: in theirs (hmr_live_training.models.joint_limits).
    joint_tolerance: float | None = None
    hip_tolerance: float = 25.0

    #: Length and size.
    steps: int = 4000
    batch: int = 208
    #: Projected motion capture samples a batch (see hmr_live_training.sampling.projected_mocap).
    projected_mocap: int = 48
    #: Synthetic people a batch, besides the photos (see
    #: hmr_live_training.sampling.synthetic_samples).
    synthetic: int = 40
    #: Pictures without people a batch (not on stored features).
    empty: int = 0
    #: Samples for the discriminators' real side.
    real: int = 256

    #: Adam; the rate rises over ``warm_up`` steps and follows ``schedule`` then.
    learning_rate: float = 5e-4
    #: The backbone's own rate: how far a step moves a channel, as a share of the channel's spread
    #: (see hmr_live_training.trainer.scaled_adam).
    encoder_rate: float = 1e-3
    confidence_rate: float = 5e-4
    discriminator_rate: float = 1e-4
    correction_rate: float = 2e-4
    weight_decay: float = 1e-4
    warm_up: int = 200
    #: A cosine that falls to 2 % at the last step, or a constant rate.
    schedule: Literal["cosine", "constant"] = "cosine"
    #: The adversarial game is played every so many steps, with a factor as much larger.
    adversarial_every: int = 2
    #: Gradients are clipped to this norm.
    clip: float = 10.0
    #: Decay of the averaged weights, which are what is evaluated and exported.
    ema: float = 0.999
    #: bfloat16 in the regressor's and the discriminators' matrix products, and in gradients of
    #: the encoder's 1 x 1 convolutions.
    mixed_precision: bool = True

    #: People in shards between which the order is shuffled, in each reading worker (resnet50).
    window: int = 2000
    #: Feature rounds to train on; None takes all that exist.
    rounds: int | None = None
    #: The last of the training photos are kept out of training: confidence is adjusted on them.
    held_photos: int = 0
    #: Joints outside the imagined camera frame count this much.
    outside_weight: float = 0.3
    #: How fresh crops are varied (stored ones were when they were made).
    augment: AugmentConfig = field(default_factory=AugmentConfig)
    loss: LossWeights = LossWeights()

    @property
    def stage(self) -> Literal["crop", "stem", "feature_map", "features", "encoder_output"]:
        """Where a training pass enters the encoder."""
        stages: dict[str, Literal["crop", "stem", "feature_map", "features", "encoder_output"]] = {
            "regressor": "encoder_output" if self.heatmaps else "features",
            "late": "feature_map",
            "end_to_end": "stem",
            "whole": "crop",
        }
        return stages[self.trained]

    @property
    def is_paper(self) -> bool:
        """Whether the run follows the paper: ResNet-50, labelled people in shards, its losses."""
        return self.encoder == RESNET50

    @property
    def has_own_encoder(self) -> bool:
        """Whether a pass enters the run's own encoder, behind its stem or at its end."""
        return self.stage in ("stem", "encoder_output")

    def to_dict(self) -> dict[str, Any]:
        """As plain values, for checkpoints."""
        return asdict(self)

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> RunConfig:
        """Inverse of :meth:`to_dict`; unknown names of other versions are left out."""
        known = {each.name for each in fields(cls)}
        chosen = {name: value for name, value in renamed(values).items() if name in known}
        chosen["loss"] = LossWeights(**renamed(chosen.get("loss", {})))
        augment = chosen.get("augment", {})
        kinds = augment.get("kinds")
        chosen["augment"] = AugmentConfig(**augment | ({"kinds": tuple(kinds)} if kinds else {}))
        return cls(**chosen)


#: The runs behind the shipped network, and those that came to less.
RUNS: dict[str, RunConfig] = {"first": RunConfig()}
RUNS["first_precise"] = replace(
    RUNS["first"],
    name="first_precise",
    start_from="first",
    steps=2200,
    learning_rate=3e-4,
    dropout=0.0,
    loss=replace(RUNS["first"].loss, backbone_points=80.0),
)
RUNS["first_late"] = replace(
    RUNS["first_precise"],
    name="first_late",
    trained="late",
    start_from="first_precise",
    steps=1100,
    warm_up=100,
    batch=112,
    synthetic=24,
    projected_mocap=24,
    real=128,
    learning_rate=1e-4,
    encoder_rate=5e-4,
)
RUNS["end_to_end"] = replace(
    RUNS["first_late"],
    name="end_to_end",
    trained="end_to_end",
    heatmaps=True,
    start_from="first_late",
    steps=2300,
    warm_up=150,
    batch=36,
    synthetic=22,
    empty=6,
    projected_mocap=16,
    real=64,
    learning_rate=1.5e-4,
    encoder_rate=1e-3,
    adversarial_every=4,
    ema=0.998,
    # A detector's box is not turned, and people at sports have their heads anywhere.
    augment=AugmentConfig(kinds=(0.44, 0.18, 0.28, 0.10), large_angle=180.0),
)
# The encoder stays as it is then; loop and person flag train on, cheaply, on the cached features.
RUNS["settled"] = replace(
    RUNS["end_to_end"],
    name="settled",
    trained="regressor",
    start_from="end_to_end",
    steps=1500,
    warm_up=100,
    batch=160,
    synthetic=56,
    empty=48,
    projected_mocap=40,
    real=256,
    learning_rate=3e-4,
    encoder_rate=3e-3,
    # Rotations that a picture hardly shows shrink to their mean under a squared loss.
    loss=replace(RUNS["end_to_end"].loss, backbone_points=120.0, rotations=4.0),
)
# Once more on the cached features of that network, which are better since its heat maps count.
RUNS["mapped"] = replace(
    RUNS["settled"],
    name="mapped",
    start_from="settled",
    steps=2000,
)
# Twice as many crops as ``end_to_end`` had, without the heat maps, which go on fitting.
RUNS["longer"] = replace(
    RUNS["end_to_end"],
    name="longer",
    start_from="mapped",
    heatmaps=False,
    steps=3000,
    batch=44,
    synthetic=16,
    empty=4,
    ema=0.998,
    augment=AugmentConfig(kinds=(0.50, 0.12, 0.30, 0.08), large_angle=180.0),
    loss=RUNS["settled"].loss,
)
# The regressor on the cached features of that encoder.
RUNS["steady"] = replace(RUNS["mapped"], name="steady", start_from="longer", steps=1000, warm_up=50)
# All but the stem once more, with the heat maps and a loss of their own.
RUNS["located"] = replace(
    RUNS["longer"], name="located", start_from="steady", heatmaps=True, steps=1800
)
# The loop on what that sees, which it follows more closely.
RUNS["followed"] = replace(
    RUNS["steady"],
    name="followed",
    start_from="located",
    steps=600,
    loss=replace(
        RUNS["steady"].loss,
        saturation=0.2,
        backbone_points=300.0,
        backbone_least=0.5,
        joint_limits=2.0,
    ),
)
# All but the stem once more: more of the photos are upright, and the body follows the evidence.
RUNS["upright"] = replace(
    RUNS["located"],
    name="upright",
    start_from="located",
    batch=48,
    synthetic=12,
    augment=AugmentConfig(kinds=(0.66, 0.08, 0.20, 0.06), large_angle=180.0),
    loss=RUNS["followed"].loss,
)
# The loop on what that sees, with a last step that lays the body on it.
RUNS["laid"] = replace(
    RUNS["followed"],
    name="laid",
    start_from="upright",
    gauss_newton=True,
    joint_tolerance=8.0,
    confidence_rate=1e-2,
)
# Everything from pictures on, ten minutes on a GPU that two runs share.
RUNS["whole"] = replace(
    RUNS["laid"],
    name="whole",
    trained="whole",
    start_from="laid",
    steps=2519,
    warm_up=300,
    batch=136,
    synthetic=44,
    empty=12,
    projected_mocap=48,
    real=256,
    learning_rate=3e-4,
    encoder_rate=2e-3,
    confidence_rate=3e-3,
    adversarial_every=4,
    ema=0.999,
    held_photos=371,
    augment=AugmentConfig(kinds=(0.56, 0.10, 0.26, 0.08), large_angle=180.0, occluder=0.3),
)
# The loop once more on what that sees: nearer to the picture, not to depth.
RUNS["whole_laid"] = replace(RUNS["laid"], name="whole_laid", start_from="whole")
# Half of the loop's hidden units (hmr_live_training.trainer.prune_regressor), settled on what
# ``whole`` sees.  Depth counts
# more than before: the picture is followed closely already.
RUNS["narrow"] = replace(
    RUNS["laid"],
    name="narrow",
    start_from="whole_pruned",
    hidden=512,
    steps=250,
    learning_rate=5e-4,
    confidence_rate=3e-3,
    loss=replace(RUNS["laid"].loss, world=150.0, mocap_joints=150.0, own_world=60.0),
)
# All but the stem once more, on two cores.
RUNS["further"] = replace(
    RUNS["upright"],
    name="further",
    start_from="narrow",
    hidden=512,
    gauss_newton=True,
    joint_tolerance=8.0,
    steps=2000,
    confidence_rate=RUNS["whole"].confidence_rate,
    held_photos=RUNS["whole"].held_photos,
    augment=RUNS["whole"].augment,
    loss=RUNS["narrow"].loss,
)
# The same again, taught by the best network so far, which photos' own joints agree with more often.
RUNS["distilled"] = replace(
    RUNS["further"],
    name="distilled",
    start_from="further",
    teacher="whole_heavy",
    warm_up=100,
)
# Once more with twice as many synthetic people, whose depth is exact: no gain on films.
RUNS["deeper"] = replace(
    RUNS["distilled"], name="deeper", start_from="distilled", steps=1500, batch=36, synthetic=24
)
# The published heavy encoder with its heat maps: the loop alone learns.
RUNS["heavy"] = replace(
    RUNS["followed"],
    name="heavy",
    encoder="heavy",
    start_from=None,
    regressor_from="followed",
    steps=1000,
)
# The published lite encoder with the loop of ``further``: all but the stem, on two cores.
RUNS["lite"] = replace(
    RUNS["further"],
    name="lite",
    encoder="lite",
    start_from=None,
    regressor_from="further",
    steps=2600,
)
# As ``distilled``.
RUNS["lite_distilled"] = replace(
    RUNS["lite"],
    name="lite_distilled",
    start_from="lite",
    regressor_from=None,
    teacher="whole_heavy",
    steps=900,
    warm_up=100,
)
RUNS["whole_heavy"] = replace(
    RUNS["whole"], name="whole_heavy", encoder="heavy", start_from="heavy", steps=1862
)
#: The paper's two settings on the same budget: with 3D labels, and without any.
RUNS["paired"] = replace(RUNS["first"], name="paired", steps=600, warm_up=100)
RUNS["unpaired"] = replace(RUNS["paired"], name="unpaired", pairs=False, projected_mocap=0)
