"""What decides a run of the paper's recipe (Kanazawa et al. 2018, section 4)."""

from __future__ import annotations

from dataclasses import asdict, dataclass, fields, replace
from typing import Any, Final

from hmr_live_training.data.augment import AugmentConfig

_CROPS: Final = AugmentConfig(kinds=(0.7, 0.15, 0.15, 0.0))


@dataclass(frozen=True)
class PaperConfig:
    """A run; two runs with equal configurations, data and numbers of processes are equal."""

    #: Name of the checkpoint.
    name: str = "paper"
    #: Seeds initial weights, order of the data, augmentation, dropout.
    seed: int = 0
    #: Use 3D labels where pictures have them; False is the setting without any 2D-3D pairs.
    paired: bool = True

    #: Regressor: T, hidden units, dropout.
    iterations: int = 3
    hidden: int = 1024
    dropout: float = 0.5

    #: Pictures a step, over all processes.
    batch: int = 64
    #: 55 epochs of some 200,000 pictures in the paper.
    steps: int = 170_000
    #: Motion capture poses a step for the discriminators' real side, over all processes.
    real: int = 64

    #: Adam.
    encoder_rate: float = 1e-5
    regressor_rate: float = 1e-5
    discriminator_rate: float = 1e-4
    weight_decay: float = 1e-4
    warm_up: int = 500
    #: Gradients are clipped to this norm.
    clip: float = 10.0
    #: Decay of the averaged weights, which are what is exported.
    ema: float = 0.999
    #: bfloat16 in the encoder and the regressor (the body stays in float32).
    mixed_precision: bool = True

    #: L_reproj: L1, crop halves.
    reprojection: float = 60.0
    #: L_3D: squared distance of joints in metres, of rotation matrices, of betas.
    joints: float = 60.0
    rotations: float = 60.0
    betas: float = 0.06
    #: Each discriminator, mean over every Theta_t.
    adversarial: float = 1.0
    #: Learned difference between clicked points and SMPL's joints, per (3 cm) squared.
    landmark_correction: float = 1.0
    #: Labels outside of the imagined camera frame count this much.
    outside_weight: float = 0.3

    #: Crops: no upper-body crops, because not every data set labels hips and shoulders.
    augment: AugmentConfig = _CROPS
    #: Pictures between which the order is shuffled, in each reading worker.
    window: int = 2000

    def to_dict(self) -> dict[str, Any]:
        """As plain values, for checkpoints."""
        return asdict(self)

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> PaperConfig:
        """Inverse of :meth:`to_dict`; unknown names of other versions are left out."""
        known = {field.name for field in fields(cls)}
        chosen = {name: value for name, value in values.items() if name in known}
        augment = dict(chosen.get("augment", {}))
        if "kinds" in augment:
            augment["kinds"] = tuple(augment["kinds"])
        chosen["augment"] = AugmentConfig(**augment)
        return cls(**chosen)


#: Both settings of the paper; and both with eight times the batch, an eighth of the steps and
#: rates that grow with the square root of the batch, as Adam's steps do.
RUNS: dict[str, PaperConfig] = {
    "paper": PaperConfig(),
    "paper_unpaired": PaperConfig(name="paper_unpaired", paired=False),
}
for _name in tuple(RUNS):
    RUNS[f"{_name}_8"] = replace(
        RUNS[_name],
        name=f"{_name}_8",
        batch=512,
        real=512,
        steps=21_250,
        encoder_rate=2.8e-5,
        regressor_rate=2.8e-5,
        discriminator_rate=2.8e-4,
    )
