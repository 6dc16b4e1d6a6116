"""Data sets become shards and motion files by one command; synthetic people do, too."""

from __future__ import annotations

from dataclasses import fields

import numpy as np
import pytest

from hmr_live.body.model import BodyModel
from hmr_live.body.rotations import matrix_from_axis_angle
from hmr_live_training.collect import main
from hmr_live_training.data.mocap import read_motions
from hmr_live_training.data.readers.joint_sets import COMMON
from hmr_live_training.data.readers.shards import find_shards, read_shard
from hmr_live_training.landmarks import BODY_LANDMARKS
from hmr_live_training.sampling.synthetic_reader import read_synthetic
from hmr_live_training.synthetic.labels import HIDDEN, OUTSIDE, VISIBLE, Sample, SyntheticLabels
from hmr_live_training.synthetic.shards import save_shard
from tests.engine.imports.files import amass_file, channels, write_bvh
from tests.training.data.readers.files import write_picture
from tests.training.data.readers.test_pictures_2d import coco_file, lsp_file


def test_a_data_set_becomes_shards(tmp_path, capsys):
    coco_file(tmp_path / "person_keypoints.json")
    write_picture(tmp_path / "000000000003.jpg")
    options = ["--folder", str(tmp_path), "--annotations", str(tmp_path / "person_keypoints.json")]
    main(["shards", "coco", *options, "--out", str(tmp_path / "out")])
    assert "1 people in 1 shards" in capsys.readouterr().out
    (path,) = find_shards(tmp_path / "out")
    assert path.name == "coco-train-000000.tar"
    (person,) = read_shard(path)
    assert (person.data_set, person.subject, person.split) == ("coco", "77", "train")


def test_motion_of_both_kinds_becomes_one_file(tmp_path, capsys):
    amass_file(tmp_path / "amass" / "subject" / "a_poses.npz", frames=120)
    np.savez(tmp_path / "amass" / "subject" / "male_shape.npz", betas=np.zeros(16))
    write_bvh(tmp_path / "b.bvh", channels(41))
    out = tmp_path / "data" / "cmu_smpl24" / "cmu_smpl24_30fps.npz"
    sources = [str(tmp_path / "b.bvh"), str(tmp_path / "amass")]
    main(["motion", *sources, "--rest-frame", "0", "--out", str(out)])
    assert "40 frames of 2 sequences" in capsys.readouterr().out
    held_out, trained = read_motions(out)
    assert len(trained.poses) == 30
    assert len(held_out.poses) == 10


def test_what_is_missing_ends_the_command_with_a_sentence(tmp_path):
    folder = ["--folder", str(tmp_path), "--out", str(tmp_path / "out")]
    with pytest.raises(SystemExit, match="--annotations"):
        main(["shards", "coco", *folder])
    lsp_file(tmp_path / "joints.mat", 20)
    with pytest.raises(SystemExit, match="nobody in the test split"):
        main(["shards", "lsp", "--split", "test", *folder])
    with pytest.raises(SystemExit, match=r"There is no .*none\.npz"):
        main(["motion", str(tmp_path / "none.npz"), "--out", str(tmp_path / "out.npz")])


def synthetic_sample(rng, *, person=1.0):
    """The open body before a camera that is turned by 0.3 against the crop box."""
    body = BodyModel.default()
    rotmats = matrix_from_axis_angle(rng.normal(0, 0.3, (24, 3)).astype(np.float32))
    turn = matrix_from_axis_angle(np.array([0.0, 0.0, -0.3]))
    orient_frame = rotmats[0].copy()
    joints = body.joints(rotmats, np.zeros(10, np.float32)) + np.array([0.2, 0.1, 3])
    rotmats[0] = turn @ orient_frame
    values = {field.name: np.zeros(3, np.float32) for field in fields(SyntheticLabels)}
    values |= {
        "person": np.float32(person),
        "rotmats": rotmats,
        "orient_frame": orient_frame,
        "betas": np.arange(10, dtype=np.float32),
        "joints": joints,
        "joints_2d": np.arange(48, dtype=np.float32).reshape(24, 2) + 0.5,
        "landmarks_2d": np.arange(2 * len(BODY_LANDMARKS), dtype=np.float32).reshape(-1, 2) + 100.5,
        "joint_visibility": np.array([OUTSIDE, HIDDEN, VISIBLE] * 8, np.uint8),
        "landmark_visibility": np.full(len(BODY_LANDMARKS), VISIBLE, np.uint8),
    }
    image = np.full((256, 256, 3), 50, np.uint8)
    return Sample(
        image=image, mask=np.zeros((256, 256), bool), labels=SyntheticLabels(**values)
    ), joints


def test_synthetic_people_are_labelled_people(tmp_path):
    rng = np.random.default_rng(0)
    (sample, joints), (nobody, _) = synthetic_sample(rng), synthetic_sample(rng, person=0.0)
    save_shard(tmp_path / "train-00000.npz", [sample, nobody], [7, 8])
    (person,) = read_synthetic(tmp_path, "train")
    assert person.subject == "7"
    np.testing.assert_allclose(person.joints_2d[2], [4, 5, 1])
    assert person.joints_2d[:3, 2].tolist() == [0, 1, 1]
    assert person.occluded[:3].tolist() == [False, True, False]
    place = [mark.name for mark in BODY_LANDMARKS].index("nose")
    expected = [100 + 2 * place, 101 + 2 * place, 1]
    np.testing.assert_allclose(person.joints_2d[COMMON["nose"]], expected)
    assert person.joints_2d[COMMON["thorax"], 2] == 0
    # Pose and joints agree in the turned crop's frame.
    rotmats = matrix_from_axis_angle(person.pose)
    posed = BodyModel.default().joints(rotmats, np.zeros(10, np.float32))
    found = person.joints_3d[:24, :3]
    np.testing.assert_allclose(found - found[0], posed - posed[0], atol=1e-4)
    assert not np.allclose(found - found[0], joints - joints[0], atol=1e-2)
    np.testing.assert_array_equal(person.betas, np.arange(10))
