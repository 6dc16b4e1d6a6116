"""BVH files with the bone names of several programs."""

from __future__ import annotations

import numpy as np
import pytest

from hmr_live.body.rotations import matrix_from_axis_angle
from hmr_live.body.skeleton import JOINT
from hmr_live.core.errors import AssetError
from hmr_live.imports.bvh import read_bvh, smallest_rotation
from hmr_live.imports.bvh_file import read_bvh_file
from tests.engine.imports.files import CMU, channels, posed_joints, turn, write_bvh

#: Limb of SMPL (start, end) and the bones at its ends.
LIMBS = [
    ("hip", "knee", "UpLeg", "Leg"),
    ("knee", "ankle", "Leg", "Foot"),
    ("shoulder", "elbow", "Arm", "ForeArm"),
    ("elbow", "wrist", "ForeArm", "Hand"),
]


def rotation(axis, degrees):
    vector = np.zeros(3)
    vector["xyz".index(axis)] = np.deg2rad(degrees)
    return matrix_from_axis_angle(vector)


def unit(vectors):
    return vectors / np.linalg.norm(vectors, axis=-1, keepdims=True)


def test_bvh_turns_in_the_order_of_its_channels_and_places_children(tmp_path):
    values = channels()
    values[0, :3] = 1, 2, 3
    turn(values, "LeftUpLeg", (30, 20, 10))
    file = read_bvh_file(write_bvh(tmp_path / "a.bvh", values))
    rotations, places = file.transforms(file.values)
    bone = [b.name for b in file.bones].index("LeftUpLeg")
    expected = rotation("z", 30) @ rotation("y", 20) @ rotation("x", 10)
    np.testing.assert_allclose(rotations[0, bone], expected, atol=1e-6)
    np.testing.assert_allclose(places[0, bone], [2.5, 0.2, 3.7])
    np.testing.assert_allclose(
        places[0, bone + 1], [2.5, 0.2, 3.7] + expected @ [2.4, -6.6, 0], atol=1e-6
    )
    assert file.bones[bone].parent == bone - 1
    assert file.frame_time == pytest.approx(1 / 120, rel=1e-4)


def test_other_channel_orders_are_obeyed(tmp_path):
    values = channels()
    turn(values, "Hips", (30, 20, 10))
    order = "Xrotation Zrotation Yrotation"
    file = read_bvh_file(write_bvh(tmp_path / "a.bvh", values, order=order))
    expected = rotation("x", 30) @ rotation("z", 20) @ rotation("y", 10)
    np.testing.assert_allclose(file.transforms(file.values)[0][0, 0], expected, atol=1e-6)


def test_limbs_of_the_body_point_where_the_captured_bones_point(tmp_path):
    values = np.random.default_rng(0).normal(0, 25, channels(5).shape)
    path = write_bvh(tmp_path / "a.bvh", values)
    file = read_bvh_file(path)
    _, places = file.transforms(file.values)
    names = [bone.name for bone in file.bones]
    joints = posed_joints(read_bvh(path))
    for side in ("Left", "Right"):
        for start, end, first, second in LIMBS:
            bone = places[:, names.index(side + second)] - places[:, names.index(side + first)]
            ends = (JOINT[f"{side.lower()}_{name}"] for name in (end, start))
            limb = np.subtract(*(joints[:, joint] for joint in ends))
            np.testing.assert_allclose(unit(limb), unit(bone), atol=2e-4)


def test_trunk_and_feet_turn_with_their_bones_and_missing_joints_stay_at_rest(tmp_path):
    values = channels()
    turn(values, "LowerBack", (0, 0, 20))
    turn(values, "Spine1", (0, 30, 0))
    turn(values, "LeftFoot", (0, 0, 15))
    turn(values, "Neck", (0, 0, -15))
    turn(values, "Neck1", (0, 0, 26))
    motion = read_bvh(write_bvh(tmp_path / "a.bvh", values))
    np.testing.assert_allclose(np.rad2deg(motion.poses[0, JOINT["spine1"]]), [20, 0, 0], atol=1e-3)
    np.testing.assert_allclose(np.rad2deg(motion.poses[0, JOINT["spine3"]]), [0, 30, 0], atol=1e-3)
    for name in ("spine2", "left_hand", "head", "right_ankle", "left_collar", "left_foot"):
        np.testing.assert_allclose(motion.poses[0, JOINT[name]], 0, atol=1e-6)
    np.testing.assert_allclose(np.rad2deg(motion.poses[0, JOINT["neck"]]), [11, 0, 0], atol=1e-3)
    angle = np.rad2deg(np.linalg.norm(motion.poses[0, JOINT["left_ankle"]]))
    assert angle == pytest.approx(15, abs=1e-3)


def test_a_t_pose_in_the_first_frame_can_be_the_rest(tmp_path):
    values = channels(2)
    for frame in range(2):
        turn(values, "LeftUpLeg", (-20, 0, 0), frame)
        turn(values, "RightUpLeg", (20, 0, 0), frame)
    turn(values, "LeftArm", (45, 0, 0), 1)
    motion = read_bvh(write_bvh(tmp_path / "a.bvh", values), rest_frame=0)
    joints = posed_joints(motion)[0]
    assert len(motion) == 1
    thigh = joints[JOINT["left_knee"]] - joints[JOINT["left_hip"]]
    assert np.rad2deg(np.arccos(-unit(thigh)[1])) < 3
    assert joints[JOINT["left_wrist"], 1] > joints[JOINT["left_shoulder"], 1] + 0.2
    assert joints[JOINT["right_wrist"], 1] < joints[JOINT["right_shoulder"], 1] + 0.1


def test_pelvis_moves_in_metres_of_a_body_as_tall_as_ours(tmp_path):
    values = channels(2)
    values[1, :3] = 0, 16, 2
    path = write_bvh(tmp_path / "a.bvh", values)
    pelvis = posed_joints(read_bvh(path))[:, 0]
    np.testing.assert_allclose(pelvis[0], 0, atol=1e-6)
    assert 0.7 < pelvis[1, 1] < 1.1
    exact = posed_joints(read_bvh(path, metres_per_unit=0.05))[1, 0]
    np.testing.assert_allclose(exact, [0, 0.8, 0.1], atol=1e-6)


def test_daz_names_are_known(tmp_path):
    names = {"Hips": "hip", "LowerBack": "abdomen", "Spine1": "chest", "Neck": "neck"}
    parts = {"UpLeg": "Thigh", "Leg": "Shin", "Foot": "Foot", "Shoulder": "Collar"}
    parts |= {"Arm": "Shldr", "ForeArm": "ForeArm", "Hand": "Hand", "ToeBase": "Toe"}
    for side in ("Left", "Right"):
        names |= {side + old: side[0].lower() + new for old, new in parts.items()}
    renamed = [(names.get(n, n), names.get(p, p), offset) for n, p, offset in CMU]
    values = channels()
    turn(values, "RightForeArm", (0, 60, 0))
    motion = read_bvh(write_bvh(tmp_path / "a.bvh", values, bones=renamed))
    bent = np.rad2deg(np.linalg.norm(motion.poses[0], axis=-1))
    plain = read_bvh(write_bvh(tmp_path / "b.bvh", channels(), bones=renamed))
    still = np.rad2deg(np.linalg.norm(plain.poses[0], axis=-1))
    assert bent[JOINT["right_elbow"]] > still[JOINT["right_elbow"]] + 40
    assert bent[JOINT["left_elbow"]] == pytest.approx(still[JOINT["left_elbow"]], abs=1e-3)


def test_bvh_files_that_do_not_fit_are_refused(tmp_path):
    with pytest.raises(AssetError, match="There is no"):
        read_bvh(tmp_path / "none.bvh")
    (tmp_path / "a.bvh").write_text("HIERARCHY\nROOT Hips {\nMOTION\nFrames: 1\nFrame Time: 1\n")
    with pytest.raises(AssetError, match="not a valid BVH"):
        read_bvh(tmp_path / "a.bvh")
    path = write_bvh(tmp_path / "b.bvh", channels())
    whole = path.read_text()
    for text, words in (
        ("", "does not begin with HIERARCHY"),
        (whole[: whole.index("MOTION")], "it has no MOTION"),
        (whole.replace("Frames: 1", "Frames: 2"), "instead of 2 frames"),
        (whole[: whole.index("Frames")], "it breaks off"),
        (whole.replace("Xrotation", "Wrotation"), "unknown channel 'wrotation'"),
    ):
        path.write_text(text)
        with pytest.raises(AssetError, match=words):
            read_bvh(path)
    renamed = [(n + "X", p and p + "X", offset) for n, p, offset in CMU]
    with pytest.raises(AssetError, match="no known family"):
        read_bvh(write_bvh(tmp_path / "c.bvh", channels(), bones=renamed))
    swapped = [(n, p, (-x, y, z)) for n, p, (x, y, z) in CMU]
    with pytest.raises(AssetError, match="not upright"):
        read_bvh(write_bvh(tmp_path / "d.bvh", channels(), bones=swapped))


def test_smallest_rotation_turns_one_direction_into_the_other():
    rng = np.random.default_rng(0)
    a, b = rng.normal(size=(2, 3))
    matrix = smallest_rotation(a, b)
    np.testing.assert_allclose(matrix @ unit(a), unit(b), atol=1e-12)
    np.testing.assert_allclose(matrix @ np.cross(a, b), np.cross(a, b), atol=1e-12)
