"""LSP, LSPET, COCO and MPII: small files in the published formats."""

from __future__ import annotations

import json

import numpy as np
import pytest
import scipy.io

from hmr_live.core.errors import AssetError
from hmr_live_training.data.readers.coco import read_coco
from hmr_live_training.data.readers.joint_sets import COMMON, MPII
from hmr_live_training.data.readers.lsp import read_lsp, read_lspet
from hmr_live_training.data.readers.mpii import read_mpii


def lsp_file(path, count=1002, *, extended=False):
    """Joint k of photo n at (10 k + n, 5 k); every third joint flagged 1."""
    n = np.arange(count)
    x = 10.0 * np.arange(14)[:, None] + n
    y = np.broadcast_to(5.0 * np.arange(14)[:, None], x.shape)
    flag = np.broadcast_to((np.arange(14) % 3 == 0).astype(float)[:, None], x.shape)
    joints = np.stack([x, y, flag])
    path.parent.mkdir(parents=True, exist_ok=True)
    scipy.io.savemat(path, {"joints": joints.transpose(1, 0, 2) if extended else joints})


def test_lsp_keeps_hidden_joints_as_labels_because_its_flag_means_hidden(tmp_path):
    lsp_file(tmp_path / "joints.mat")
    people = list(read_lsp(tmp_path, "train"))
    assert len(people) == 1000
    person = people[4]
    assert person.picture == tmp_path / "images" / "im0005.jpg"
    np.testing.assert_allclose(person.joints_2d[COMMON["right_knee"]], [14, 5, 1])
    np.testing.assert_allclose(person.joints_2d[COMMON["left_hip"]], [34, 15, 1])
    assert person.occluded[COMMON["right_ankle"]]
    assert person.occluded[COMMON["left_hip"]]
    assert not person.occluded[COMMON["right_knee"]]
    np.testing.assert_allclose(person.box, [4, 0, 134, 65])
    assert person.joints_3d is None
    assert person.pose is None


def test_lsp_tests_on_the_second_thousand(tmp_path):
    lsp_file(tmp_path / "joints.mat")
    assert [p.subject for p in read_lsp(tmp_path, "test")] == ["im1001", "im1002"]


def test_lspet_has_labels_only_where_its_flag_says_visible(tmp_path):
    lsp_file(tmp_path / "joints.mat", 3, extended=True)
    person = list(read_lspet(tmp_path, "train"))[1]
    assert person.picture.name == "im00002.jpg"
    np.testing.assert_allclose(person.joints_2d[COMMON["left_hip"]], [31, 15, 1])
    np.testing.assert_allclose(person.joints_2d[COMMON["right_knee"]], 0)
    assert not person.occluded.any()


def test_lspet_development_photos_are_never_in_training(tmp_path):
    lsp_file(tmp_path / "joints.mat", 8002, extended=True)
    assert list(read_lspet(tmp_path, "train"))[-1].subject == "im08000"
    assert [p.subject for p in read_lspet(tmp_path, "development")] == ["im08001", "im08002"]


def test_the_two_lsp_layouts_are_told_apart(tmp_path):
    lsp_file(tmp_path / "joints.mat", 3, extended=True)
    with pytest.raises(AssetError, match="extended"):
        list(read_lsp(tmp_path, "train"))


def test_missing_and_damaged_matlab_files_are_told_apart(tmp_path):
    with pytest.raises(AssetError, match="There is no"):
        list(read_lsp(tmp_path, "train"))
    (tmp_path / "joints.mat").write_bytes(b"not a matlab file" * 40)
    with pytest.raises(AssetError, match="cannot be read as a MATLAB file"):
        list(read_lsp(tmp_path, "train"))


def coco_file(path, **changes):
    keypoints = np.zeros((17, 3))
    keypoints[5:13] = [[30 + k, 20 + 2 * k, 2] for k in range(8)]
    keypoints[9, 2] = 1
    person = {
        "id": 77,
        "image_id": 3,
        "iscrowd": 0,
        "category_id": 1,
        "num_keypoints": 8,
        "bbox": [10.0, 12.0, 40.0, 30.0],
        "keypoints": keypoints.ravel().tolist(),
    }
    crowd = person | {"id": 78, "iscrowd": 1}
    far = person | {"id": 79, "num_keypoints": 2}
    content = {
        "images": [{"id": 3, "file_name": "000000000003.jpg", "width": 80, "height": 60}],
        "annotations": [person, crowd, far],
    }
    path.write_text(json.dumps(content | changes))


def test_coco_labels_hidden_joints_and_leaves_out_crowds_and_people_without_joints(tmp_path):
    coco_file(tmp_path / "person_keypoints_val2017.json")
    people = list(read_coco(tmp_path / "person_keypoints_val2017.json", tmp_path, "val"))
    assert [p.subject for p in people] == ["77"]
    person = people[0]
    assert person.picture == tmp_path / "000000000003.jpg"
    np.testing.assert_allclose(person.joints_2d[COMMON["left_shoulder"]], [30, 20, 1])
    np.testing.assert_allclose(person.joints_2d[COMMON["left_wrist"]], [34, 28, 1])
    assert person.occluded[COMMON["left_wrist"]]
    assert not person.occluded[COMMON["left_shoulder"]]
    assert person.joints_2d[COMMON["nose"], 2] == 0
    np.testing.assert_allclose(person.box, [10, 12, 50, 42])


def test_coco_instances_without_keypoints_are_refused(tmp_path):
    coco_file(tmp_path / "instances.json", annotations=[{"id": 1, "image_id": 3}])
    with pytest.raises(AssetError, match="person_keypoints"):
        list(read_coco(tmp_path / "instances.json", tmp_path, "val"))


def mpii_point(number, x, y, visible):
    return {"x": x, "y": y, "id": float(number), "is_visible": visible}


def mpii_file(path):
    """One training picture with two people, one test picture without labels."""
    flags = [1, 0, "1", "0", np.zeros((0, 0)), 1]
    points = [mpii_point(10 + k, 101.0 + k, 201.0 + k, flag) for k, flag in enumerate(flags)]
    points.append(mpii_point(0, 51.0, 61.0, 1))
    rectangles = np.zeros(2, [("scale", "O"), ("annopoints", "O")])
    rectangles[0] = (2.0, {"point": np.array(points, object)})
    rectangles[1] = (2.0, {"point": np.array(points[:2], object)})
    pictures = np.zeros(2, [("image", "O"), ("annorect", "O")])
    pictures[0] = ({"name": "005808361.jpg"}, rectangles)
    pictures[1] = ({"name": "000000001.jpg"}, {"scale": 1.0})
    release = {"annolist": pictures, "img_train": np.array([1, 0]), "version": "12"}
    scipy.io.savemat(path, {"RELEASE": release})


def test_mpii_counts_pixels_from_zero_and_understands_every_kind_of_visibility(tmp_path):
    mpii_file(tmp_path / "mpii.mat")
    people = list(read_mpii(tmp_path / "mpii.mat", tmp_path / "images"))
    assert len(people) == 1
    person = people[0]
    assert person.picture == tmp_path / "images" / "005808361.jpg"
    assert person.subject == "005808361_0"
    np.testing.assert_allclose(person.joints_2d[COMMON["right_wrist"]], [100, 200, 1])
    np.testing.assert_allclose(person.joints_2d[COMMON["left_wrist"]], [105, 205, 1])
    np.testing.assert_allclose(person.joints_2d[COMMON["right_ankle"]], [50, 60, 1])
    hidden = [bool(person.occluded[COMMON[name]]) for name in MPII[10:16]]
    assert hidden == [False, True, False, True, False, False]
    assert person.joints_2d[COMMON["pelvis"], 2] == 0


def test_other_matlab_files_are_no_mpii(tmp_path):
    scipy.io.savemat(tmp_path / "mpii.mat", {"RELEASE": {"annolist": 3.0}})
    with pytest.raises(AssetError, match="not an MPII release"):
        list(read_mpii(tmp_path / "mpii.mat", tmp_path))
