"""The paper's runs (Kanazawa et al. 2018, section 4): ResNet-50 on labelled people in shards."""

from __future__ import annotations

from dataclasses import replace

from hmr_live_training.data.augment import AugmentConfig
from hmr_live_training.recipes.run_config import RESNET50, LossWeights, RunConfig

_PAPER = RunConfig(
    name="paper",
    encoder=RESNET50,
    trained="whole",
    feedback=False,
    dropout=0.5,
    # 55 epochs of some 200,000 pictures in the paper.
    steps=170_000,
    batch=64,
    projected_mocap=0,
    synthetic=0,
    real=64,
    learning_rate=1e-5,
    encoder_rate=1e-5,
    warm_up=500,
    schedule="constant",
    adversarial_every=1,
    # No upper-body crops, because not every data set labels hips and shoulders.
    augment=AugmentConfig(kinds=(0.7, 0.15, 0.15, 0.0)),
    loss=LossWeights(reprojection=60.0, joints=60.0, rotations=60.0, shape=0.06),
)

#: Both settings of the paper; and both with eight times the batch, an eighth of the steps and
#: rates that grow with the square root of the batch, as Adam's steps do.
PAPER_RUNS: dict[str, RunConfig] = {
    "paper": _PAPER,
    "paper_unpaired": replace(_PAPER, name="paper_unpaired", pairs=False),
}
for _name in tuple(PAPER_RUNS):
    PAPER_RUNS[f"{_name}_8"] = replace(
        PAPER_RUNS[_name],
        name=f"{_name}_8",
        batch=512,
        real=512,
        steps=21_250,
        encoder_rate=2.8e-5,
        learning_rate=2.8e-5,
        discriminator_rate=2.8e-4,
    )
