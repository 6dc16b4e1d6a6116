"""The paper's recipe end to end: crops, losses, runs, and both commands."""

from __future__ import annotations

import json
import logging
from dataclasses import dataclass, replace

import cv2
import numpy as np
import pytest
import torch

from hmr_live.body.model import BodyModel
from hmr_live.body.rotations import matrix_from_6d, matrix_from_axis_angle
from hmr_live.body.skeleton import JOINT
from hmr_live.core.assets import asset_path
from hmr_live.core.errors import AssetError
from hmr_live.core.state import CropBox
from hmr_live.imports.world_motion import WorldMotion
from hmr_live.recovery.network import HmrNetwork
from hmr_live_training.checkpoints.checkpoint import load_checkpoint
from hmr_live_training.data.augment import AugmentConfig, generator
from hmr_live_training.data.mocap import MOTION_FILES, save_motions
from hmr_live_training.data.readers.joint_sets import COMMON, NUM_COMMON
from hmr_live_training.data.readers.person import (
    ImageReader,
    LabelledPerson,
    box_around,
    none_occluded,
)
from hmr_live_training.data.readers.shards import ShardPlan, write_shards
from hmr_live_training.distributed import DistributedError, Processes
from hmr_live_training.landmarks import BODY_LANDMARKS
from hmr_live_training.models.backbones.resnet50 import IMAGENET_MEAN, IMAGENET_STD
from hmr_live_training.paper.batches import ShardBatches, collate
from hmr_live_training.paper.crops import CropBatch, augmented_crop
from hmr_live_training.paper.export import export_paper
from hmr_live_training.paper.export import main as export
from hmr_live_training.paper.losses import joint_loss
from hmr_live_training.paper.network import build_paper_network
from hmr_live_training.recipes.paper_runs import PAPER_RUNS
from hmr_live_training.recipes.run_config import RunConfig
from hmr_live_training.trainer.train import main as train
from hmr_live_training.trainer.train import make_paper_trainer
from hmr_live_training.trainer.training_run import TrainingRun
from tests.training.cases import mean_pose, mocap_poses, rest_body

# The exporter of torch warns about its own insides.
pytestmark = pytest.mark.filterwarnings("ignore::FutureWarning", "ignore::DeprecationWarning")

PLAIN = AugmentConfig(
    kinds=(0.5, 0.3, 0.2, 0.0),
    mirror=0.5,
    frame_edge=0,
    occluder=0,
    colour=0,
    blur=0,
    low_resolution=0,
    compression=0,
    noise=0,
)
PAPER = PAPER_RUNS["paper"]
COLOURS = {"left_wrist": (0, 0, 255), "right_wrist": (255, 0, 0), "left_ankle": (0, 255, 0)}


def posed_person(folder, seed=0, **changes):
    """The open body in a random pose, in weak perspective, its wrists and an ankle as dots."""
    rng = np.random.default_rng(seed)
    body = BodyModel.default()
    pose = rng.normal(0, 0.2, (24, 3)).astype(np.float32)
    pose[0] = np.pi, 0.2, 0.1
    joints = body.joints(matrix_from_axis_angle(pose), np.zeros(10, np.float32)) + np.array(
        [0, 0, 4]
    )
    points = np.zeros((NUM_COMMON, 3), np.float32)
    points[:24, :2] = (joints[:, :2] - joints[:, :2].mean(axis=0)) * 180 + [260, 240]
    points[:24, 2] = 1
    deep = np.zeros((NUM_COMMON, 4), np.float32)
    deep[:24] = np.column_stack([joints, np.ones(24)])
    image = np.full((480, 520, 3), 90, np.uint8)
    for name, colour in COLOURS.items():
        x, y = points[COMMON[name], :2]
        cv2.circle(image, (round(float(x)), round(float(y))), 13, colour, -1)
    picture = folder / f"person_{seed}.png"
    cv2.imwrite(str(picture), image)
    values = {
        "joints_2d": points,
        "occluded": none_occluded(),
        "box": box_around(points),
        "data_set": "made",
        "split": "train",
        "subject": str(seed),
        "joints_3d": deep,
        "pose": pose,
        "betas": np.zeros(10, np.float32),
        "body": "open_body",
    }
    return LabelledPerson(picture=picture, **(values | changes))


def crops_of(person, config, count=12):
    reader = ImageReader()
    return [augmented_crop(person, reader, generator(0, k), config) for k in range(count)]


def landmark(name):
    return [mark.name for mark in BODY_LANDMARKS].index(name)


def colour_at(crop, name):
    """The BGR colour of the crop where a landmark is labelled, or None outside of it."""
    x, y, weight = crop.points[landmark(name)].tolist()
    column, row = (round((v + 1) * 112) for v in (x, y))
    assert weight > 0
    if not (2 < column < 221 and 2 < row < 221):
        return None
    rgb = crop.image[:, row, column].numpy() * IMAGENET_STD + IMAGENET_MEAN
    return np.round(rgb[::-1] * 255)


def test_labels_stay_on_the_picture_and_mirrored_people_change_sides(tmp_path):
    person = posed_person(tmp_path)
    for mirror in (0.0, 1.0):
        crops = crops_of(person, replace(PAPER, augment=replace(PLAIN, mirror=mirror)))
        left, right = ("right_wrist", "left_wrist") if mirror else ("left_wrist", "right_wrist")
        for name, dot in (("lsp_LWrist", left), ("lsp_RWrist", right)):
            seen = [colour for crop in crops if (colour := colour_at(crop, name)) is not None]
            assert len(seen) > 6
            for colour in seen:
                assert np.abs(colour - COLOURS[dot]).max() < 40
        ankle = colour_at(crops[0], "lsp_RAnkle" if mirror else "lsp_LAnkle")
        assert np.abs(ankle - COLOURS["left_ankle"]).max() < 40


def test_rotations_joints_and_points_of_a_crop_describe_one_body(tmp_path):
    body = BodyModel.default()
    zero = np.zeros(10, np.float32)
    shoulders = [JOINT["left_shoulder"], JOINT["right_shoulder"]]
    names = ["lsp_LShoulder", "lsp_RShoulder", "lsp_LAnkle", "lsp_RWrist", "lsp_LKnee"]
    joints = [*shoulders, JOINT["left_ankle"], JOINT["right_wrist"], JOINT["left_knee"]]
    for crop in crops_of(posed_person(tmp_path), replace(PAPER, augment=PLAIN)):
        posed = body.joints(crop.rotmats.numpy(), zero)
        labels = crop.joints[:, :3].numpy()
        np.testing.assert_allclose(posed - posed[0], labels - labels[0], atol=0.004)
        points = crop.points[[landmark(name) for name in names], :2].numpy()
        flat = posed[joints, :2] - posed[joints, :2].mean(axis=0)
        seen = points - points.mean(axis=0)
        scale = (flat * seen).sum() / (flat**2).sum()
        assert scale > 0
        np.testing.assert_allclose(seen, scale * flat, atol=0.01)


def test_betas_of_another_body_and_missing_labels_do_not_count(tmp_path):
    config = replace(PAPER, augment=PLAIN)
    other = crops_of(posed_person(tmp_path, body="smpl_male"), config, 1)[0]
    assert other.known.tolist() == [1, 0]
    nothing = {"joints_3d": None, "pose": None, "betas": None, "body": ""}
    flat = crops_of(posed_person(tmp_path, **nothing), config, 1)[0]
    assert flat.known.tolist() == [0, 0]
    assert not flat.joints.any()
    unlabelled = np.zeros((NUM_COMMON, 3), np.float32)
    assert crops_of(posed_person(tmp_path, joints_2d=unlabelled), config, 1) == [None]


def test_joint_loss_is_the_squared_distance_from_the_hips_of_labelled_people():
    joints = torch.randn(3, 24, 3, generator=torch.Generator().manual_seed(0))
    labels = torch.cat([joints + 5, torch.ones(3, 24, 1)], dim=-1)
    assert joint_loss(joints, labels) < 1e-9
    labels[0, 20, 0] += 0.3
    labels[1, :, 3] = 0
    labels[2, 1, 3] = 0
    torch.testing.assert_close(joint_loss(joints, labels), torch.tensor(0.09 / 24))


class TinyEncoder(torch.nn.Module):
    dim = 16

    def __init__(self):
        super().__init__()
        self.layer = torch.nn.Conv2d(3, self.dim, 32, 32)

    def forward(self, image):
        return torch.relu(self.layer(image)).mean(dim=(2, 3))


def tiny_config(**changes):
    values = {
        "hidden": 32,
        "dropout": 0.0,
        "batch": 8,
        "real": 8,
        "steps": 30,
        "encoder_rate": 2e-3,
        "learning_rate": 2e-3,
        "warm_up": 2,
        "mixed_precision": False,
        "window": 4,
    }
    return replace(PAPER, **(values | changes))


def tiny_run(config, batches=None, processes=None):
    torch.manual_seed(0)
    encoder = TinyEncoder()
    network = build_paper_network(config, encoder, encoder.dim, rest_body(), mean_pose())
    return make_paper_trainer(config, network, batches, mocap_poses(), processes)


@pytest.fixture
def shards(tmp_path):
    people = [posed_person(tmp_path, seed) for seed in range(4)]
    return write_shards(people, tmp_path / "shards", prefix="made", per_shard=1)


def batches(shards, config):
    plan = ShardPlan(shards, window=config.window)
    return ShardBatches(config, plan, Processes())


def first_batches(shards, config, count=1):
    return list(batches(shards, config).drawn(range(count), 0))


def test_a_run_learns_from_shards_saves_and_goes_on(shards, tmp_path, caplog):
    caplog.set_level(logging.INFO)
    config = tiny_config()
    path = tmp_path / "runs" / "paper.pt"
    trainer = tiny_run(config, batches(shards, config))
    run = TrainingRun(trainer, path)
    run.run(report_every=10)
    first, *_, last = run.history
    assert len(caplog.messages) == 3
    assert last["loss_reprojection"] < 0.9 * first["loss_reprojection"]
    assert last["loss_joints"] < first["loss_joints"]
    again = tiny_run(config)
    resumed = TrainingRun(again, path)
    assert resumed.resume()
    assert resumed.history == run.history
    assert again.step_number == 30
    for name, value in trainer.ema.items():
        assert torch.equal(again.ema[name], value)
    assert not torch.equal(
        trainer.ema["encoder.layer.weight"], tiny_run(config).ema["encoder.layer.weight"]
    )
    with pytest.raises(AssetError, match="another configuration"):
        TrainingRun(tiny_run(tiny_config(batch=4)), path).resume()
    path.write_bytes(b"damaged")
    with pytest.raises(AssetError, match="not a checkpoint"):
        TrainingRun(tiny_run(config), path).resume()


def test_unpaired_training_never_looks_at_3d_labels(shards):
    config = tiny_config(pairs=False)
    (batch,) = first_batches(shards, config)
    other = batch._replace(
        joints=torch.full_like(batch.joints, 7.0),
        rotmats=torch.zeros_like(batch.rotmats),
        betas=torch.ones_like(batch.betas),
        known=torch.ones_like(batch.known),
    )
    runs = tiny_run(config), tiny_run(config)
    losses = [run.step(data) for run, data in zip(runs, (batch, other), strict=True)]
    assert losses[0] == losses[1]
    assert "joints" not in losses[0]
    a, b = (run.network.state_dict() for run in runs)
    assert all(torch.equal(a[name], b[name]) for name in a)
    assert tiny_run(tiny_config()).step(batch)["joints"] > 0


def test_equal_runs_are_equal_and_other_seeds_are_not(shards):
    def losses(seed):
        config = tiny_config(seed=seed)
        run = tiny_run(config)
        return [run.step(batch) for batch in first_batches(shards, config, 2)]

    assert losses(1) == losses(1)
    assert losses(1) != losses(2)


@dataclass(frozen=True)
class Given:
    """Batches that a test has made."""

    batches: list

    def drawn(self, steps, workers):
        return iter(self.batches[steps.start : steps.stop])


def test_broken_labels_stop_the_run_with_a_sentence(shards, tmp_path):
    config = tiny_config(steps=3)
    batch, *_ = first_batches(shards, config)
    broken = batch._replace(points=batch.points * float("nan"))
    run = TrainingRun(tiny_run(config, Given([broken] * 3)), tmp_path / "a.pt")
    with pytest.raises(AssetError, match="'reprojection' is not finite at step 1"):
        run.run()
    assert not run.path.exists()


def test_a_loss_that_is_not_finite_leaves_the_checkpoint_as_it_was(shards, tmp_path):
    config = tiny_config(steps=6)
    batch, *_ = first_batches(shards, config)
    broken = batch._replace(joints=batch.joints * float("inf"))
    path = tmp_path / "a.pt"
    run = TrainingRun(tiny_run(config, Given([batch] * 4 + [broken, batch])), path)
    with pytest.raises(AssetError, match=r"'joints' is not finite at step 5.*a.pt stays"):
        run.run(report_every=2)
    saved = load_checkpoint(path)
    assert saved.step == 4
    assert all(torch.isfinite(value).all() for value in saved.network.values())


def test_reports_have_the_mean_of_the_steps_that_were_made(shards, tmp_path):
    config = tiny_config(steps=5)
    made = first_batches(shards, config, 5)
    trainer = tiny_run(config)
    losses = [float(trainer.step(batch)["reprojection"]) for batch in made]
    run = TrainingRun(tiny_run(config, Given(made)), tmp_path / "a.pt")
    run.run(report_every=2, minutes=0)
    resumed = TrainingRun(tiny_run(config, Given(made)), tmp_path / "a.pt")
    resumed.resume()
    resumed.run(report_every=3)
    found = [row["loss_reprojection"] for row in resumed.history]
    expected = [losses[0], sum(losses[1:3]) / 2, sum(losses[3:]) / 2]
    assert found == pytest.approx(expected, rel=1e-5)


def test_configurations_survive_their_checkpoint():
    for config in PAPER_RUNS.values():
        plain = json.loads(json.dumps(config.to_dict()))
        assert RunConfig.from_dict({**plain, "of_another_version": 1}) == config
    assert PAPER_RUNS["paper_8"].batch * PAPER_RUNS["paper_8"].steps == 64 * 170_000
    assert not PAPER_RUNS["paper_unpaired_8"].pairs


def test_a_batch_must_divide_by_the_processes(shards):
    with pytest.raises(DistributedError, match="multiple of 3"):
        ShardBatches(tiny_config(), ShardPlan(shards), Processes(0, 3))


def test_crops_are_collated_sample_by_sample():
    crop = CropBatch(*(torch.ones(k) for k in range(1, 7)))
    assert [part.shape for part in collate([crop, crop])] == [(2, k) for k in range(1, 7)]


def test_the_engine_runs_what_is_exported(tmp_path):
    network = tiny_run(tiny_config()).network
    out = tmp_path / "hmr.onnx"
    change = export_paper(
        network, out, config=tiny_config(), steps=30, data="made up", licence="none"
    )
    assert change < 0.1
    (output,) = HmrNetwork(out).run(np.full((300, 300, 3), 127, np.uint8), [CropBox(150, 150, 250)])
    image = torch.from_numpy((np.full(3, 127 / 255) - IMAGENET_MEAN) / IMAGENET_STD).float()
    with torch.no_grad():
        pose, _, camera = network(image[None, :, None, None].expand(1, 3, 224, 224))
    np.testing.assert_allclose(output.rotmats, matrix_from_6d(pose[0].numpy()), atol=1e-4)
    np.testing.assert_allclose(output.camera, camera[0], atol=1e-4)
    manifest = json.loads(out.with_suffix(".json").read_text())
    assert manifest["body"] == "open_body"
    assert manifest["training"]["steps"] == 30


def test_the_command_trains_a_resnet50_from_shards_and_motion_capture(shards, tmp_path, caplog):
    caplog.set_level(logging.INFO)
    poses = mocap_poses(400).numpy()
    still = np.zeros((400, 3), np.float32)
    motions = [WorldMotion(str(k), poses, still, 30.0) for k in range(2)]
    for file in MOTION_FILES:
        save_motions(tmp_path / "data" / file, motions)
    common = ["--data", str(tmp_path / "data"), "--body", str(asset_path("body", "open_body.npz"))]
    small = ["--steps", "1", "--batch", "2", "--workers", "0", "--out", str(tmp_path / "runs")]
    train(["paper", "--shards", str(shards[0].parent), *small, *common])
    assert "step 1 " in caplog.text
    assert load_checkpoint(tmp_path / "runs" / "paper.pt").step == 1
    with pytest.raises(SystemExit, match=r"no \.tar shards"):
        train(["paper_8", "--shards", str(tmp_path), *small, *common])
    exported = tmp_path / "hmr.onnx"
    export([str(tmp_path / "runs" / "paper.pt"), "--out", str(exported), *common])
    assert json.loads(exported.with_suffix(".json").read_text())["training"]["steps"] == 1
