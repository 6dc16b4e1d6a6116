"""Everything that decides what a training run does: the settings of a recipe's train stages."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field, fields
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
    #: What the photos' 3D counts of that, which is their teacher's and not exact.
    photo_world: float = 1.0
    #: What photos' 2D may be missed by at no cost: clicks are no nearer to the truth, and to meet
    #: them straight limbs bend.
    photo_slack: float = 0.0
    #: Photos' hips, knees and spine are straight until the evidence bends them, a radian.
    photo_rest: float = 0.0
    #: SMPL's joints, squared distance (resnet50, whose 3D labels are joints).
    joints: float = 60.0
    #: Rotation matrices and betas where they are known: synthetic people, fits to photos.
    rotations: float = 30.0
    #: Judge a rotation by its distance and not by the square: the median instead of the mean.  What
    #: noise does to a straight limb is to bend it, so the mean bends.
    median_rotations: bool = False
    shape: float = 0.5
    #: Joints of the resting body, metres: statures and limb lengths, which betas hold unevenly.
    stature: float = 0.0
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
    name: str = "untitled"
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

    #: Regressor: T, hidden units, dropout, whether landmark errors are fed back.
    iterations: int = 3
    hidden: int = 1024
    dropout: float = 0.05
    feedback: bool = True
    #: Crops are pinhole cameras whose focal length the network is told
    #: (hmr_live.recovery.crop_camera); without, its camera is HMR's weak perspective.
    perspective: bool = False
    #: Where landmarks are on the body: at joints, or regressed from the mesh
    #: (hmr_live_training.models.body_landmarks).
    keypoints: Literal["joints", "mesh"] = "joints"
    #: Legs that a crop does not show are labelled as stretched (trainer.objective).
    rest_hidden_legs: bool = False
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
