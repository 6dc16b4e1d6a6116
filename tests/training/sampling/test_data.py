"""Photos, crops, labels and motion capture arrive at training as they should."""

from __future__ import annotations

import math
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch

from hmr_live.body.rotations import matrix_from_axis_angle
from hmr_live.body.skeleton import MIRROR, PARENTS
from hmr_live.core.errors import AssetError
from hmr_live.core.state import CropBox
from hmr_live.recovery.crop import frame_from_crop
from hmr_live_training.data.augment import (
    WHOLE_CROP,
    AugmentConfig,
    draw_plan,
    generator,
    render_crop,
)
from hmr_live_training.data.crops import (
    CROP_SIZE,
    apply_matrix,
    content_rectangle,
    crop_box_from_bounds,
    crop_box_from_lsp,
    crop_matrix,
    network_input,
    rotate_to_crop,
    warp,
)
from hmr_live_training.data.lspet import load_lspet
from hmr_live_training.data.mocap import (
    MOTION_FILES,
    joint_limits,
    load_poses,
    mean_pose_6d,
    mirror_pose,
)
from hmr_live_training.data.teacher import TeacherLabels, refine_points, teacher_confidence
from hmr_live_training.distributed import Processes
from hmr_live_training.landmarks import BLAZEPOSE_POINTS, HIPS, LSP_LIMBS_IN_BLAZEPOSE, LSP_NAMES
from hmr_live_training.models.body_landmarks import BodyLandmarks
from hmr_live_training.models.losses import hip_centred
from hmr_live_training.models.projection import project
from hmr_live_training.sampling.features import (
    FeatureRound,
    existing_rounds,
    load_round,
    round_path,
    save_round,
)
from hmr_live_training.sampling.pictures import (
    CropStream,
    EmptyPictures,
    PhotoPictures,
    SyntheticPictures,
)
from hmr_live_training.sampling.projected_mocap import ProjectedMocapSampler
from hmr_live_training.sampling.samples import make_samples, photo_labels, place, turned_rotations
from hmr_live_training.sampling.synthetic_samples import (
    load_synthetic,
    save_synthetic,
    synthetic_labels,
    synthetic_samples,
)
from hmr_live_training.synthetic.shards import SyntheticShard
from tests.training.cases import PlainPictures, mocap_poses, rest_body, write_lspet


@pytest.fixture
def photos(tmp_path):
    write_lspet(tmp_path, [1, 7999, 8000, 8001, 8500, 9000], LSP_NAMES)
    return tmp_path


def test_test_photos_cannot_enter_the_training_split(photos):
    train, development = load_lspet(photos, "train"), load_lspet(photos, "development")
    assert train.names.tolist() == ["im00001.jpg", "im07999.jpg", "im08000.jpg"]
    assert development.names.tolist() == ["im08001.jpg", "im08500.jpg", "im09000.jpg"]
    assert train.image(0).shape == (224, 224, 3)


def test_another_joint_order_is_refused(tmp_path):
    write_lspet(tmp_path, [1], LSP_NAMES[::-1])
    with pytest.raises(AssetError, match="not in LSP's order"):
        load_lspet(tmp_path, "train")


def test_a_missing_data_set_says_which_option_to_use(tmp_path):
    with pytest.raises(AssetError, match="--data"):
        load_lspet(tmp_path, "train")


def test_crops_follow_the_live_trackers_rule():
    crop_box = CropBox(cx=50, cy=80, side=128, angle=0.3)
    point = np.array([[70.0, 60.0]])
    cos, sin = math.cos(-0.3), math.sin(-0.3)
    moved = np.array([[cos, -sin], [sin, cos]]) @ (point[0] - (50, 80)) * 2 + 128
    np.testing.assert_allclose(apply_matrix(crop_matrix(crop_box), point)[0], moved)


def test_training_and_live_crops_are_the_same():
    crop_box = CropBox(cx=90, cy=130, side=200, angle=-0.7)
    there = crop_matrix(crop_box)
    back = frame_from_crop(crop_box, CROP_SIZE)
    corners = np.array([[0.0, 0.0], [256.0, 0.0], [100.0, 256.0]])
    np.testing.assert_allclose(apply_matrix(there, apply_matrix(back, corners)), corners, atol=1e-6)


def test_the_region_turns_a_lying_person_upright():
    keypoints = np.ones((14, 3))
    keypoints[:, :2] = (100, 100)
    keypoints[[8, 9], 0] = 160  # shoulders to the right of the hips
    crop_box = crop_box_from_lsp(keypoints)
    assert crop_box.angle == pytest.approx(math.pi / 2)
    shoulders = apply_matrix(crop_matrix(crop_box), keypoints[[8], :2])[0]
    assert shoulders[0] == pytest.approx(128)
    assert shoulders[1] < 128


def test_hidden_hips_fall_back_to_a_plain_box():
    keypoints = np.ones((14, 3))
    keypoints[:, :2] = np.arange(28).reshape(14, 2)
    keypoints[[2, 3], 2] = 0
    assert crop_box_from_lsp(keypoints) == crop_box_from_bounds(keypoints)


def test_black_padding_counts_as_outside_the_picture():
    image = np.zeros((60, 80, 3), np.uint8)
    image[10:50, 20:70] = 200
    assert content_rectangle(image) == (20, 10, 70, 50)
    crop = warp(image, crop_matrix(CropBox(45, 30, 200)))
    assert crop.min() == 200


def test_network_input_is_rgb_between_0_and_1():
    crop = np.zeros((1, CROP_SIZE, CROP_SIZE, 3), np.uint8)
    crop[..., 0] = 255  # blue in OpenCV's order
    tensor = network_input(crop)
    assert tensor.shape == (1, 3, CROP_SIZE, CROP_SIZE)
    assert tensor[0, 2].min() == 1
    assert tensor[0, :2].max() == 0


def test_augmentation_is_repeatable_and_varied(photos):
    split = load_lspet(photos, "train")
    config = AugmentConfig()

    def crop(number):
        rng = generator(0, number, 0)
        plan = draw_plan(rng, split.keypoints[0], config)
        return plan, render_crop(rng, split.image(0), plan, config)

    plan, first = crop(3)
    _, again = crop(3)
    np.testing.assert_array_equal(first, again)
    assert first.shape == (CROP_SIZE, CROP_SIZE, 3)
    plans = [crop(n)[0] for n in range(60)]
    assert {p.kind for p in plans} == {0, 1, 2, 3}
    assert len({np.linalg.det(p.matrix[:, :2]) < 0 for p in plans}) == 2
    assert plan.matrix.shape == (2, 3)


def test_a_desk_hides_what_is_below_it(photos):
    split = load_lspet(photos, "train")
    config = AugmentConfig(kinds=(0, 0, 0, 1))
    edges = [draw_plan(generator(0, n), split.keypoints[0], config).visible[3] for n in range(30)]
    assert max(edges) <= CROP_SIZE
    assert np.median(edges) < 200


def teacher_for(split):
    """A teacher that repeats the photos' own joints, with made-up depth."""
    count = len(split)
    points = np.full((count, 33, 2), 112, np.float32)
    points[:, list(LSP_LIMBS_IN_BLAZEPOSE)] = split.keypoints[:, :12, :2]
    world = np.zeros((count, 33, 3), np.float32)
    world[:, 11] = (0.2, -0.5, 0.1)  # left shoulder
    return TeacherLabels(points, np.ones((count, 33)), world, np.zeros((count, 33)), np.ones(count))


def round_of(split, mirrored, visible=(0, 0, 256, 256)):
    count = len(split)
    crop_boxes = [crop_box_from_lsp(k) for k in split.keypoints]
    return FeatureRound(
        photo=np.arange(count, dtype=np.int32),
        matrix=np.stack([crop_matrix(r, mirrored=mirrored) for r in crop_boxes]).astype(np.float32),
        visible=np.tile(np.array(visible, np.float32), (count, 1)),
        kind=np.zeros(count, np.int8),
        features=np.zeros((count, 24), np.float16),
        feature_map=None,
    )


def test_a_mirrored_crop_has_its_left_and_right_exchanged(photos):
    split = load_lspet(photos, "train")
    plain = make_samples(photo_labels(split, teacher_for(split)), round_of(split, False))
    mirrored = make_samples(photo_labels(split, teacher_for(split)), round_of(split, True))
    flip = torch.tensor([-1.0, 1.0])
    right, left = 8, 9
    torch.testing.assert_close(
        mirrored.lsp[:, right, :2], plain.lsp[:, left, :2] * flip, atol=1e-5, rtol=0
    )
    place = BLAZEPOSE_POINTS.index(12)
    world = mirrored.world[0, place]
    torch.testing.assert_close(world[:3], torch.tensor([-0.2, -0.5, 0.1]), atol=0.02, rtol=0)
    torch.testing.assert_close(
        mirrored.points[:, place, :2],
        plain.points[:, BLAZEPOSE_POINTS.index(11), :2] * flip,
        atol=1e-5,
        rtol=0,
    )


def test_joints_beyond_the_camera_frame_count_less(photos):
    split = load_lspet(photos, "train")
    half = round_of(split, False, visible=(0, 0, 256, 128))
    samples = make_samples(photo_labels(split, teacher_for(split)), half, outside_weight=0.3)
    ankle, shoulder = samples.lsp[0, 0], samples.lsp[0, 9]
    assert ankle[1] > 0
    assert ankle[2] == pytest.approx(0.3)
    assert shoulder[2] == 1


def test_labels_of_another_split_are_refused(photos):
    train, development = load_lspet(photos, "train"), load_lspet(photos, "development")
    teacher = teacher_for(train)
    short = TeacherLabels(*(value[:2] for value in vars(teacher).values()))
    with pytest.raises(AssetError, match="different splits"):
        photo_labels(development, short)
    few = photo_labels(train, teacher).at(np.array([0]))
    with pytest.raises(AssetError, match="different splits"):
        make_samples(few, round_of(development, False))


def test_the_teacher_is_trusted_where_it_agrees_with_the_photo(photos):
    split = load_lspet(photos, "train")
    labels = teacher_for(split)
    labels.points[1, LSP_LIMBS_IN_BLAZEPOSE[0]] += 15  # one ankle off
    labels.points[2] += 60  # another person
    weight = teacher_confidence(labels, split.keypoints)
    ankle, foot, shoulder = 28, 32, 11
    assert weight[0, ankle] > 0.9
    assert weight[1, ankle] < weight[0, ankle]
    assert weight[1, foot] < weight[0, foot]
    assert weight[1, shoulder] > 0.5
    assert weight[2].max() == 0


def test_points_move_to_the_centre_of_their_heat_map():
    heatmap = np.full((39, 64, 64), -9.0)
    heatmap[0, 20, 30] = 9.0
    points = np.full((33, 2), 120.0)
    points[0] = (31 * 4, 21 * 4)
    refined = refine_points(points, heatmap)
    np.testing.assert_allclose(refined[0], (120, 80), atol=1.5)
    np.testing.assert_array_equal(refined[1:], points[1:])


def test_rounds_are_stored(tmp_path, photos):
    split = load_lspet(photos, "train")
    made = round_of(split, False)
    save_round(round_path(tmp_path, "train", 2), made)
    save_round(round_path(tmp_path, "train", 0), made)
    save_round(round_path(tmp_path, "train", -1), made)
    assert existing_rounds(tmp_path, "train") == [0, 2]
    loaded = load_round(round_path(tmp_path, "train", 2))
    np.testing.assert_array_equal(loaded.matrix, made.matrix)
    with pytest.raises(AssetError, match=r"hmr_live_training\.sampling\.prepare"):
        load_round(round_path(tmp_path, "train", 9))


def write_mocap(folder: Path) -> Path:
    rng = np.random.default_rng(0)
    lengths = np.full(20, 10)
    pose = rng.normal(0, 0.2, (200, 24, 3)).astype(np.float16)
    pose[:10, 5] = 2.0  # the first sequence is held out
    parts = (slice(100), slice(100, None))
    for file, part in zip(MOTION_FILES, parts, strict=True):
        (folder / file).parent.mkdir()
        np.savez(
            folder / file,
            pose=pose[part],
            start=np.arange(10) * 10,
            length=lengths[:10],
            name=np.array([f"walk_{k}" for k in range(10)]),
            fps=np.array(30),
            parents=np.array(PARENTS),
        )
    return folder


def test_whole_sequences_are_held_out(tmp_path):
    data = write_mocap(tmp_path)
    train, held_out = load_poses(data, raw=True), load_poses(data, held_out=True, raw=True)
    assert train.shape == (180, 24, 3)
    assert held_out.shape == (20, 24, 3)
    assert train[:, 5].max() < 2
    assert held_out[:, 5].max() == 2


def test_the_mean_start_is_upright_and_symmetric(tmp_path):
    mean = mean_pose_6d(load_poses(write_mocap(tmp_path))).reshape(24, 3, 2)
    np.testing.assert_array_equal(mean[0], np.diag([1.0, -1.0, -1.0])[:, :2])
    np.testing.assert_allclose(mean[1][0, 0], mean[2][0, 0], atol=1e-4)


def test_limits_hold_for_captured_poses_and_their_mirror_images(tmp_path):
    poses = load_poses(write_mocap(tmp_path))
    limits = joint_limits(poses)
    assert limits.outside(poses).mean() < 0.01
    assert limits.outside(mirror_pose(poses)).mean() < 0.01
    broken = poses[:1].copy()
    broken[0, 4] = (-1.5, 0, 0)
    assert limits.outside(broken)[0, 3]


class _Backbone:
    """Stands for the backbone's session: one feature, the mean brightness."""

    def run(self, names, feeds):
        brightness = feeds["image"].mean()
        shapes = {"feature_map": (4, 8, 8), "features": (24,), "stem": (4096,)}
        return [np.full((len(feeds["image"]), *shapes[name]), brightness) for name in names]


def synthetic_shard():
    """Two people and an empty picture; the second person is seen at the frame's edge."""
    rng = np.random.default_rng(0)
    body = rng.normal(0, 0.3, (3, 41, 3))
    turn = np.tile(np.eye(3), (3, 1, 1))
    seen = turn.copy()
    seen[1] = [[0, 0, 1], [0, 1, 0], [-1, 0, 0]]
    visibility = np.full((3, 41), 2, np.uint8)
    visibility[0, 0], visibility[0, 1] = 0, 1
    labels = {
        "person": np.array([1.0, 1.0, 0.0]),
        "landmarks": body + 3,
        "landmarks_2d": np.full((3, 41, 2), 192.0),
        "landmark_visibility": visibility,
        "orient_frame": turn,
        "rotmats": np.concatenate(
            [seen[:, None], matrix_from_axis_angle(rng.normal(0, 0.3, (3, 23, 3)))], axis=1
        ),
        "betas": rng.normal(0, 1, (3, 10)),
        "crop_focal": np.array([3.0, 5.0, 0.0]),
        "camera": np.array([[0.8, 0.1, 0.2], [0.7, 0.0, 0.1], [0.0, 0.0, 0.0]]),
    }
    pictures = [cv2.imencode(".png", np.full((256, 256, 3), 255, np.uint8))[1]] * 3
    return body, SyntheticShard(labels, pictures, pictures)


def test_synthetic_people_become_samples(tmp_path):
    body, shard = synthetic_shard()
    samples = synthetic_samples(shard, _Backbone())
    assert synthetic_samples(shard, _Backbone(), output="feature_map").inputs.shape == (2, 4, 8, 8)
    torch.testing.assert_close(samples.inputs[0].float(), torch.ones(24))
    torch.testing.assert_close(samples.lsp[..., :2], torch.full((2, 14, 2), 0.5))
    assert samples.points[0, :3, 2].tolist() == pytest.approx([0, 0.6, 1])
    assert samples.world[0, 0, 3] == pytest.approx(0.3)
    # Inside the crop, which repeats the frame's edge, but not inside the frame.
    assert samples.visible[0, :3].tolist() == [[0, 0, 1], [0, 1, 1], [1, 1, 1]]
    centred = body[1] - body[1, list(HIPS)].mean(axis=0)
    expected = centred[:27] @ np.array([[0, 0, 1], [0, 1, 0], [-1, 0, 0]]).T
    np.testing.assert_allclose(samples.world[1, :, :3].numpy(), expected, atol=1e-5)
    save_synthetic(tmp_path / "synthetic.npz", samples)
    again = load_synthetic(tmp_path / "synthetic.npz")
    assert all(torch.equal(a, b) for a, b in zip(samples, again, strict=True))


def test_synthetic_labels_know_who_is_there_and_what_is_hidden():
    _, shard = synthetic_shard()
    labels = synthetic_labels(shard)
    assert labels.person.tolist() == [1, 1, 0]
    # Beyond the frame, hidden, seen; nothing is known of nobody.
    assert labels.visible[0, :3].tolist() == [[0, 0, 1], [0, 1, 1], [1, 1, 1]]
    assert labels.visible[2, :, 2].max() == 0
    assert labels.body[2].tolist() == [0, 0]
    assert labels.points[2, :, 2].max() == 0
    np.testing.assert_allclose(labels.rotmats[1, 0], shard.labels["rotmats"][1, 0])


@pytest.mark.parametrize("mirrored", [False, True])
def test_a_crops_rotations_pose_the_body_that_the_crop_shows(mirrored):
    body = BodyLandmarks(rest_body())
    rng = np.random.default_rng(1)
    rotmats = matrix_from_axis_angle(rng.normal(0, 0.4, (1, 24, 3)))
    matrix = crop_matrix(CropBox(100, 90, 200, 0.7), mirrored=mirrored)[None]
    turned = turned_rotations(rotmats, matrix)

    def posed(values):
        joints, _ = body(torch.from_numpy(values).float(), torch.zeros(1, 10))
        return (joints - joints[:, :1]).numpy().astype(np.float64)

    expected = rotate_to_crop(matrix, posed(rotmats))
    if mirrored:
        expected = expected[:, list(MIRROR)]
    # The body is symmetric but for rounding of its build.
    np.testing.assert_allclose(posed(turned), expected, atol=2e-3)


def test_a_stream_shows_every_picture_once_a_pass_whatever_processes_share_it():
    stream = CropStream(PlainPictures(6), _Backbone(), AugmentConfig())
    alone = [stream.draw(step, 4, Processes()) for step in range(3)]
    shown = torch.cat([samples.betas[:, 0] for samples in alone])
    assert sorted(shown[:6].tolist()) == sorted(shown[6:].tolist()) == [0, 1, 2, 3, 4, 5]
    assert shown[:6].tolist() != shown[6:].tolist()
    parts = [stream.draw(1, 4, Processes(rank, 2)) for rank in range(2)]
    assert torch.equal(parts[0].betas, alone[1].betas[::2])
    assert torch.equal(parts[1].betas, alone[1].betas[1::2])
    again = stream.draw(1, 4, Processes())
    assert all(torch.equal(a, b) for a, b in zip(again, alone[1], strict=True))
    assert stream.draw(0, 2, Processes()).inputs.shape == (2, 4096)


def test_batches_drawn_ahead_are_those_drawn_when_asked_for():
    """In a process of its own: it forks, and so should nothing that has windows open."""
    code = """
import cv2, numpy as np, torch
from hmr_live_training.data.augment import AugmentConfig
from hmr_live_training.sampling.batches import Batches
from hmr_live_training.sampling.pictures import CropStream
from hmr_live_training.distributed import Processes
from tests.training.cases import PlainPictures

cv2.setNumThreads(2)  # threads that forked processes lack
cv2.GaussianBlur(np.zeros((2000, 2000, 3), np.uint8), (0, 0), 5)
stream = CropStream(PlainPictures(6), None, AugmentConfig())
batches = Batches([(stream, 4), (stream, 0), (stream, 2)], Processes())
for workers in (0, 2):
    drawn = list(batches.drawn(range(3, 6), workers))
    assert len(drawn) == 3
    for step, samples in enumerate(drawn, 3):
        assert samples.inputs.shape == (6, 256, 256, 3)
        assert samples.inputs.dtype == torch.uint8
        assert all(torch.equal(a, b) for a, b in zip(samples, batches.draw(step), strict=True))
print("equal")
"""
    root = Path(__file__).parents[3]
    ended = subprocess.run(
        [sys.executable, "-c", code],
        cwd=root,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert ended.stdout.strip() == "equal", ended.stderr


def test_photos_and_empty_places_become_crops(tmp_path, photos):
    split = load_lspet(photos, "train")
    pictures = PhotoPictures(split, photo_labels(split, teacher_for(split)), AugmentConfig())
    samples = CropStream(pictures, _Backbone(), AugmentConfig()).draw(0, 6, Processes())
    assert samples.person.tolist() == [1] * 6
    assert samples.lsp[..., :2].abs().median() < 1
    paths = [tmp_path / "lspet_224" / "images" / "im00001.jpg"]
    empty = CropStream(EmptyPictures(paths, AugmentConfig()), _Backbone(), AugmentConfig())
    assert empty.draw(0, 3, Processes()).person.sum() == 0


def test_synthetic_crops_are_moved_with_their_labels():
    _, shard = synthetic_shard()
    body = BodyLandmarks(rest_body())
    pictures = SyntheticPictures([shard, shard], AugmentConfig(mirror=0.0), body)
    assert len(pictures) == 6
    matrix = pictures.plan(generator(0, 1), 4).matrix
    samples = place(
        pictures.labels.at(np.array([4])),
        torch.zeros(1, 1),
        matrix[None],
        np.array([WHOLE_CROP]),
    )
    # Of the second shard's second person; the crop is turned and scaled, and so is the body.
    theta = samples.rotmats, samples.betas
    scale = math.sqrt(np.linalg.det(matrix[:, :2]))
    turn = torch.from_numpy(matrix[:, :2] / scale).float()
    assert samples.perspective.item() == pytest.approx(1 / (5.0 * scale))
    centred = hip_centred(body(*theta)[1][:, :27])
    torch.testing.assert_close(samples.world[..., :3], centred, atol=1e-5, rtol=0)
    shift = torch.cat([turn @ torch.tensor([0.0, 0.1]), torch.tensor([5.0 / 0.7])])
    landmarks = _about_origin(body, theta, turn)[0, :27] + shift
    points = landmarks[:, :2] / landmarks[:, 2:] / samples.perspective
    torch.testing.assert_close(samples.points[0, :, :2], points, atol=1e-4, rtol=0)


def _about_origin(body, theta, turn):
    """Landmarks of a body that is turned about the camera's axis and not about its pelvis."""
    _, landmarks = body(*theta)
    pelvis = body.tree.rest_joints(theta[1])[:, :1]
    turned = pelvis.clone()
    turned[..., :2] = pelvis[..., :2] @ turn.T
    return landmarks - pelvis + turned


def test_lifted_bodies_fill_the_trackers_region():
    body = BodyLandmarks(rest_body())
    sampler = ProjectedMocapSampler(mocap_poses(), body)
    drawn = sampler.draw(200, torch.Generator().manual_seed(0))
    _, landmarks = body(drawn.theta.rotmats, drawn.theta.betas)
    points = project(landmarks[:, :27], drawn.theta.camera)
    hips = points[:, list(HIPS)].mean(dim=1)
    reach = (points - hips[:, None]).norm(dim=-1).amax(dim=1)
    assert hips.abs().median() < 0.1
    assert 0.5 < reach.median() < 1.0
    assert (drawn.observed.points - points).abs().median() < 0.03
    again = sampler.draw(200, torch.Generator().manual_seed(0))
    torch.testing.assert_close(drawn.theta.rotmats, again.theta.rotmats, rtol=0, atol=0)


@pytest.mark.parametrize("perspective", [True, False])
def test_lifted_bodies_are_seen_in_perspective_if_the_network_knows_it(perspective):
    sampler = ProjectedMocapSampler(
        mocap_poses(), BodyLandmarks(rest_body()), perspective=perspective
    )
    drawn = sampler.draw(50, torch.Generator().manual_seed(0))
    assert (drawn.observed.perspective > 0).all() == perspective
    assert (drawn.observed.perspective == 0).all() != perspective
