"""One dataclass a run: everything that decides what a training run does."""

from __future__ import annotations

from dataclasses import asdict, dataclass, fields, replace
from typing import Any


@dataclass(frozen=True)
class LossWeights:
    """Factors of the losses; distances are crop halves in 2D and metres in 3D."""

    #: Reprojection of the photos' own joints, L1 (the paper's L_reproj).
    reprojection: float = 100.0
    #: Reprojection of the teacher's points where it can be trusted.
    teacher_points: float = 60.0
    #: Reprojection of the trunk's own points, on photos whose labels it meets: a target without
    #: label noise, which teaches precision.
    trunk_points: float = 0.0
    #: The teacher's 3D points (the paper's L_3D, as L1 because the teacher errs grossly at times).
    teacher_world: float = 60.0
    #: Radians beyond the range of motion capture, summed over joints (no part of the paper).
    joint_limits: float = 1.0
    #: Each of the 25 discriminators, on every Theta_t.
    adversarial: float = 1.0
    #: Squared betas: without a shape signal they drift.
    betas: float = 0.1
    #: Rotation matrices of lifted motion capture, whose truth is exact.
    true_rotation: float = 30.0
    #: 3D joints of lifted motion capture, L1.
    true_joints: float = 60.0
    #: Camera and 2D joints of lifted motion capture, L1.
    true_reprojection: float = 30.0
    #: Betas of lifted motion capture.
    true_betas: float = 0.05
    #: Learned difference between clicked points and SMPL's joints, per (3 cm) squared.
    landmark_correction: float = 1.0
    #: When the late layers train: the trunk's own landmarks on the same labels.
    own_points: float = 60.0
    own_world: float = 30.0
    #: When the late layers train: visibility and person flag stay as published.
    own_probabilities: float = 5.0


@dataclass(frozen=True)
class RunConfig:
    """A training run.

    Two runs with equal configurations and data give equal numbers.
    """

    #: Name of the checkpoint.
    name: str = "first"
    #: Seeds initial weights, dropout, sampling and augmentation.
    seed: int = 0
    #: BlazePose trunk: lite, full or heavy.
    encoder: str = "full"
    #: Train the trunk's late layers and heads too, on stored 8 x 8 maps.
    train_late: bool = False
    #: Start from this run's averaged weights.
    start_from: str | None = None

    #: Regressor: T, hidden units, dropout, whether landmark errors are fed back.
    iterations: int = 3
    hidden: int = 1024
    dropout: float = 0.05
    feedback: bool = True

    #: Length and size.
    steps: int = 4000
    batch: int = 208
    #: Lifted motion capture samples a batch (see training.data.lifted).
    lifted: int = 48
    #: Synthetic people a batch, besides the photos (see training.data.synthetic_samples).
    synthetic: int = 40
    #: Samples for the discriminators' real side.
    real: int = 256

    #: Adam; the rate rises over ``warm_up`` steps and falls as a cosine to 2 %.
    learning_rate: float = 5e-4
    #: The trunk's own rate: 1e-4 destroys its folded layers within minutes.
    encoder_rate: float = 1e-5
    discriminator_rate: float = 1e-4
    correction_rate: float = 2e-4
    weight_decay: float = 1e-4
    warm_up: int = 200
    #: The adversarial game is played every so many steps, with a factor as much larger.
    adversarial_every: int = 2
    #: Gradients are clipped to this norm.
    clip: float = 10.0
    #: Decay of the averaged weights, which are what is evaluated and exported.
    ema: float = 0.999
    #: bfloat16 in the regressor's and the discriminators' matrix products.
    mixed_precision: bool = True

    #: Feature rounds to train on; None takes all that exist.
    rounds: int | None = None
    #: Joints outside the imagined camera frame count this much.
    outside_weight: float = 0.3
    loss: LossWeights = LossWeights()

    def to_dict(self) -> dict[str, Any]:
        """As plain values, for checkpoints."""
        return asdict(self)

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> RunConfig:
        """Inverse of :meth:`to_dict`; unknown names of other versions are left out."""
        known = {field.name for field in fields(cls)}
        chosen = {name: value for name, value in values.items() if name in known}
        chosen["loss"] = LossWeights(**chosen.get("loss", {}))
        return cls(**chosen)


#: The runs behind the shipped networks.
RUNS: dict[str, RunConfig] = {"first": RunConfig()}
RUNS["first_precise"] = replace(
    RUNS["first"],
    name="first_precise",
    start_from="first",
    steps=2200,
    learning_rate=3e-4,
    dropout=0.0,
    loss=replace(RUNS["first"].loss, trunk_points=80.0),
)
RUNS["first_late"] = replace(
    RUNS["first_precise"],
    name="first_late",
    train_late=True,
    start_from="first_precise",
    steps=1100,
    warm_up=100,
    batch=112,
    synthetic=24,
    lifted=24,
    real=128,
    learning_rate=1e-4,
    # 5e-5 gave nothing in 1,000 steps; the steps of the warm-up before it helped.
    encoder_rate=1.5e-5,
)
