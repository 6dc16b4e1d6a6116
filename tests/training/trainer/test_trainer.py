"""Training lowers its losses, is repeatable, and goes on after a stop as if there had been none."""

from __future__ import annotations

import math

import pytest
import torch

from hmr_live.core.errors import AssetError
from hmr_live_training.checkpoints.checkpoint import Checkpoint, load_checkpoint, save_checkpoint
from hmr_live_training.data.augment import AugmentConfig
from hmr_live_training.landmarks import LSP_LIMBS_IN_LANDMARKS
from hmr_live_training.recipes.run_config import LossWeights, RunConfig
from hmr_live_training.trainer.initial_weights import load_start
from hmr_live_training.trainer.objective import clicked_first
from tests.training.cases import step, tiny_config, tiny_network, tiny_samples, tiny_trainer


def weights(trainer):
    return torch.cat([p.detach().flatten() for p in trainer.network.regressor.parameters()])


def checkpoint(trainer):
    return Checkpoint(
        trainer.config, trainer.step_number, 1.0, trainer.ema, trainer.state(), [], {}
    )


def test_a_few_steps_lower_the_losses():
    trainer = tiny_trainer(tiny_config(dropout=0.0))
    rows = [step(trainer) for _ in range(40)]
    for name in ("reprojection", "world", "rotations"):
        first = sum(row[name] for row in rows[:5])
        assert sum(row[name] for row in rows[-5:]) < 0.8 * first, name


def test_mixed_precision_trains_too():
    trainer = tiny_trainer(tiny_config(mixed_precision=True))
    assert all(math.isfinite(value) for value in step(trainer).values())


def test_equal_seeds_give_equal_weights_and_others_do_not():
    def trained(seed):
        trainer = tiny_trainer(tiny_config(seed=seed))
        for _ in range(3):
            step(trainer)
        return weights(trainer)

    first, same, other = trained(0), trained(0), trained(1)
    assert torch.equal(first, same)
    assert not torch.allclose(first, other)


@pytest.mark.parametrize("trained", ["regressor", "late", "end_to_end", "whole"])
def test_a_resumed_run_equals_an_uninterrupted_one(tmp_path, trained):
    heatmaps = trained in ("end_to_end", "whole")
    config = tiny_config(trained=trained, heatmaps=heatmaps, encoder_rate=1e-4)
    whole = tiny_trainer(config)
    for _ in range(3):
        step(whole)
    path = tmp_path / "run.pt"
    save_checkpoint(path, checkpoint(whole))
    for _ in range(3):
        step(whole)
    resumed = tiny_trainer(config)
    saved = load_checkpoint(path)
    resumed.load_state(saved.network, saved.training, saved.step)
    for _ in range(3):
        step(resumed)
    assert torch.equal(weights(whole), weights(resumed))
    for name, value in whole.ema.items():
        assert torch.equal(value, resumed.ema[name]), name


def test_a_checkpoint_of_earlier_versions_goes_on_with_the_random_state_of_one_process(tmp_path):
    config = tiny_config()
    whole = tiny_trainer(config)
    step(whole)
    state = whole.state()
    (random_state,) = state.pop("random_states")
    save_checkpoint(
        tmp_path / "run.pt",
        Checkpoint(config, 1, 1.0, whole.ema, {**state, "global_generator": random_state["cpu"]}),
    )
    step(whole)
    resumed = tiny_trainer(config)
    saved = load_checkpoint(tmp_path / "run.pt")
    resumed.load_state(saved.network, saved.training, saved.step)
    step(resumed)
    assert torch.equal(weights(whole), weights(resumed))


def test_a_frozen_encoder_stays_as_published():
    trainer = tiny_trainer(tiny_config())
    before = {n: p.clone() for n, p in trainer.network.encoder.named_parameters()}
    step(trainer)
    for name, parameter in trainer.network.encoder.named_parameters():
        assert torch.equal(parameter, before[name]), name


@pytest.mark.parametrize(
    ("trained", "parts"),
    [("late", {"late", "heads"}), ("end_to_end", {"middle", "late", "heads", "decoder"})],
)
def test_only_the_chosen_parts_of_the_encoder_move(trained, parts):
    heatmaps = trained == "end_to_end"
    trainer = tiny_trainer(tiny_config(trained=trained, encoder_rate=1e-3, heatmaps=heatmaps))
    before = {n: p.clone() for n, p in trainer.network.encoder.named_parameters()}
    step(trainer)
    moved = {
        name.split(".")[0]
        for name, parameter in trainer.network.encoder.named_parameters()
        if not torch.equal(parameter, before[name])
    }
    assert moved == parts


def test_synthetic_people_join_the_photos():
    config = tiny_config()
    trainer = tiny_trainer(config, synthetic=4)
    seen = []
    losses = trainer.losses._losses

    def counted(batch, *rest):
        seen.append(len(batch.lsp))
        return losses(batch, *rest)

    trainer.losses._losses = counted
    assert all(math.isfinite(value) for value in step(trainer).values())
    assert seen == [config.batch + 4]


def test_without_pairs_no_3d_label_is_looked_at():
    def trained(pairs, change):
        trainer = tiny_trainer(tiny_config(pairs=pairs, projected_mocap=0))
        samples = trainer.batches.sources[0][0].samples
        samples.world[..., :3] += change
        samples.rotmats[:] = torch.eye(3) if change else samples.rotmats
        step(trainer)
        return weights(trainer)

    assert torch.equal(trained(False, 0.0), trained(False, 0.5))
    assert not torch.equal(trained(True, 0.0), trained(True, 0.5))


def test_confidence_is_about_what_was_clicked_where_somebody_did():
    batch = tiny_samples(2)
    batch.lsp[0, 4, 2] = 0  # the left knee of the first was not clicked
    labels = clicked_first(batch)
    limbs, knee = list(LSP_LIMBS_IN_LANDMARKS), LSP_LIMBS_IN_LANDMARKS[4]
    others = [k for k in range(27) if k not in limbs]
    assert torch.equal(labels[1, limbs], batch.lsp[1, :12])
    assert torch.equal(labels[0, knee], batch.points[0, knee])
    assert torch.equal(labels[:, others], batch.points[:, others])


def test_another_encoders_run_cannot_be_started_from():
    network = tiny_network(tiny_config(trained="end_to_end", heatmaps=True))
    plain = tiny_network(tiny_config()).state_dict()
    load_start(network, plain)  # heat maps are new
    del plain["encoder.heads.flag.bias"]
    with pytest.raises(AssetError, match="another encoder"):
        load_start(network, plain)


def test_the_average_follows_the_weights():
    trainer = tiny_trainer(tiny_config())
    name = "regressor.update.bias"
    start = trainer.ema[name].clone()
    for _ in range(10):
        step(trainer)
    now = trainer.network.state_dict()[name]
    assert (trainer.ema[name] - now).norm() < (start - now).norm()


def test_the_rate_rises_and_falls():
    trainer = tiny_trainer(tiny_config(warm_up=10, steps=100))
    rates = []
    for number in range(101):
        trainer.step_number = number
        rates.append(trainer.rate())
    assert rates[0] < 0.2
    assert max(rates) > 0.95
    assert rates[-1] < 0.03


def test_other_files_are_no_checkpoints(tmp_path):
    path = tmp_path / "x.pt"
    torch.save({"step": 1}, path)
    with pytest.raises(AssetError, match="not a checkpoint"):
        load_checkpoint(path)


def test_a_checkpoint_that_cannot_be_written_leaves_the_last_one(tmp_path, monkeypatch):
    path = tmp_path / "run.pt"
    save_checkpoint(path, Checkpoint(tiny_config(), 1, 1.0, {}, {}))

    def full(content, file):
        file.write(b"a part")
        raise OSError("No space left on device")

    monkeypatch.setattr(torch, "save", full)
    with pytest.raises(OSError, match="No space"):
        save_checkpoint(path, Checkpoint(tiny_config(), 2, 1.0, {}, {}))
    assert load_checkpoint(path).step == 1
    assert list(tmp_path.iterdir()) == [path]


def test_configurations_survive_being_written_down():
    config = tiny_config(joint_tolerance=8.0, augment=AugmentConfig(kinds=(0.4, 0.3, 0.2, 0.1)))
    assert RunConfig.from_dict(config.to_dict()) == config


def test_manifests_with_former_names_give_the_configuration_they_meant():
    written = tiny_config(loss=LossWeights(backbone_points=300.0, mocap_rotation=7.0)).to_dict()
    former = {
        "backbone_points": "trunk_points",
        "backbone_least": "trunk_least",
        "mocap_rotation": "true_rotation",
        "mocap_joints": "true_joints",
        "mocap_reprojection": "true_reprojection",
        "mocap_betas": "true_betas",
    }
    loss = {former.get(name, name): value for name, value in written.pop("loss").items()}
    lifted = written.pop("projected_mocap")
    config = RunConfig.from_dict(written | {"loss": loss, "lifted": lifted})
    assert config.projected_mocap == lifted
    for present, name in former.items():
        assert getattr(config.loss, present) == loss[name]
    assert RunConfig.from_dict(config.to_dict()) == config
