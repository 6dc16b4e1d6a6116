"""AMASS and BVH: small files in the published formats."""

from __future__ import annotations

import numpy as np
import pytest

from engine.body import BodyModel
from engine.errors import AssetError
from engine.rotations import matrix_from_axis_angle
from engine.skeleton import JOINT
from training.data.mocap import load_poses
from training.data.readers.amass import read_amass
from training.data.readers.bvh import read_bvh, smallest_rotation
from training.data.readers.bvh_file import read_bvh_file
from training.data.readers.motion import Motion, resampled, save_motions

#: Name, parent, offset: the bones of the CMU conversions with splayed legs and a slack left arm.
CMU = [
    ("Hips", None, (0, 0, 0)),
    ("LHipJoint", "Hips", (0, 0, 0)),
    ("LeftUpLeg", "LHipJoint", (1.5, -1.8, 0.7)),
    ("LeftLeg", "LeftUpLeg", (2.4, -6.6, 0)),
    ("LeftFoot", "LeftLeg", (2.6, -7.2, 0)),
    ("LeftToeBase", "LeftFoot", (0.2, -0.6, 2.1)),
    ("RHipJoint", "Hips", (0, 0, 0)),
    ("RightUpLeg", "RHipJoint", (-1.5, -1.8, 0.7)),
    ("RightLeg", "RightUpLeg", (-2.4, -6.6, 0)),
    ("RightFoot", "RightLeg", (-2.6, -7.2, 0)),
    ("RightToeBase", "RightFoot", (-0.2, -0.6, 2.1)),
    ("LowerBack", "Hips", (0, 0, 0)),
    ("Spine", "LowerBack", (0, 2.1, -0.2)),
    ("Spine1", "Spine", (0, 2.1, 0)),
    ("Neck", "Spine1", (0, 0, 0)),
    ("Neck1", "Neck", (0, 1.6, 0.2)),
    ("Head", "Neck1", (0, 1.6, -0.2)),
    ("LeftShoulder", "Spine1", (0, 0, 0)),
    ("LeftArm", "LeftShoulder", (3.3, 0.8, -0.7)),
    ("LeftForeArm", "LeftArm", (5.0, -0.9, 0)),
    ("LeftHand", "LeftForeArm", (3.8, 0, 0.3)),
    ("RightShoulder", "Spine1", (0, 0, 0)),
    ("RightArm", "RightShoulder", (-3.1, 1.0, -0.4)),
    ("RightForeArm", "RightArm", (-5.3, 0, 0)),
    ("RightHand", "RightForeArm", (-3.8, 0, 0)),
]
NAMES = [bone[0] for bone in CMU]
#: Limb of SMPL (start, end) and the bones at its ends.
LIMBS = [
    ("hip", "knee", "UpLeg", "Leg"),
    ("knee", "ankle", "Leg", "Foot"),
    ("shoulder", "elbow", "Arm", "ForeArm"),
    ("elbow", "wrist", "ForeArm", "Hand"),
]


def hierarchy(bones, order="Zrotation Yrotation Xrotation", parent=None, depth=0):
    lines = []
    for name, above, offset in bones:
        if above != parent:
            continue
        tab = "\t" * depth
        position = "" if parent else "Xposition Yposition Zposition "
        children = hierarchy(bones, order, name, depth + 1)
        end = [f"{tab}\tEnd Site", f"{tab}\t{{", f"{tab}\t\tOFFSET 0 0 1", f"{tab}\t}}"]
        lines += [
            f"{tab}{'JOINT' if parent else 'ROOT'} {name}",
            f"{tab}{{",
            f"{tab}\tOFFSET {' '.join(map(str, offset))}",
            f"{tab}\tCHANNELS {3 if parent else 6} {position}{order}",
            *(children or end),
            f"{tab}}}",
        ]
    return lines


def write_bvh(path, frames, bones=CMU, frame_time=0.0083333, **options):
    """Frames ``(T, 3 + 3 * bones)``: the root's position, then angles bone by bone."""
    rows = [" ".join(f"{v:.6f}" for v in frame) for frame in frames]
    head = ["HIERARCHY", *hierarchy(bones, **options), "MOTION", f"Frames: {len(frames)}"]
    path.write_text("\n".join([*head, f"Frame Time: {frame_time}", *rows]) + "\n")
    return path


def channels(frames=1):
    return np.zeros((frames, 3 + 3 * len(CMU)))


def turn(values, bone, zyx, frame=0):
    start = 3 + 3 * NAMES.index(bone)
    values[frame, start : start + 3] = zyx


def rotation(axis, degrees):
    vector = np.zeros(3)
    vector["xyz".index(axis)] = np.deg2rad(degrees)
    return matrix_from_axis_angle(vector)


def posed_joints(motion):
    body = BodyModel.default()
    zero = np.zeros(10, np.float32)
    return np.stack(
        [
            body.joints(matrix_from_axis_angle(pose), zero) + shift
            for pose, shift in zip(motion.poses, motion.transl, strict=True)
        ]
    )


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
    with pytest.raises(AssetError, match="no valid BVH"):
        read_bvh(tmp_path / "a.bvh")
    path = write_bvh(tmp_path / "b.bvh", channels())
    path.write_text(path.read_text().replace("Frames: 1", "Frames: 2"))
    with pytest.raises(AssetError, match="instead of 2 frames"):
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


def amass_file(path, frames=4, **changes):
    """A person who stands upright in AMASS's world: z up, facing -y."""
    poses = np.zeros((frames, 156))
    poses[:, 0] = np.pi / 2
    poses[:, 3 * JOINT["left_knee"]] = 0.5
    poses[:, 66:] = 0.3
    content = {
        "poses": poses,
        "trans": np.tile([1.0, 2.0, 0.9], (frames, 1)),
        "betas": np.arange(16.0),
        "dmpls": np.zeros((frames, 8)),
        "gender": np.array("female"),
        "mocap_framerate": np.array(120.0),
    }
    content = {k: v for k, v in (content | changes).items() if v is not None}
    path.parent.mkdir(parents=True, exist_ok=True)
    np.savez(path, **content)
    return path


def test_amass_stands_upright_in_our_world(tmp_path):
    pelvis = BodyModel.default().rest_joints(np.zeros(10, np.float32))[0]
    motion = read_amass(amass_file(tmp_path / "CMU" / "01" / "01_01_poses.npz"))
    assert motion.name == "CMU/01/01_01_poses"
    assert motion.fps == 120
    assert motion.body == "smpl_female"
    np.testing.assert_array_equal(motion.betas, np.arange(10))
    joints = posed_joints(motion)[0]
    assert joints[JOINT["head"], 1] > joints[JOINT["pelvis"], 1] > joints[JOINT["left_ankle"], 1]
    assert joints[JOINT["left_hip"], 0] > joints[JOINT["right_hip"], 0]
    # The pelvis at (1 + Jx, 2 + Jy, 0.9 + Jz), z up, lies at (x, z, -y).
    expected = [1 + pelvis[0], 0.9 + pelvis[2], -(2 + pelvis[1])]
    np.testing.assert_allclose(joints[0], expected, atol=1e-5)


def test_amass_fingers_do_not_turn_smpl_hands(tmp_path):
    motion = read_amass(amass_file(tmp_path / "a.npz"))
    assert not motion.poses[:, 22:].any()
    np.testing.assert_allclose(motion.poses[:, JOINT["left_knee"]], [[0.5, 0, 0]] * 4)


def test_amass_files_without_motion_are_refused(tmp_path):
    with pytest.raises(AssetError, match="holds no motion"):
        read_amass(amass_file(tmp_path / "shape.npz", poses=None))
    with pytest.raises(AssetError, match="22 body joints"):
        read_amass(amass_file(tmp_path / "b.npz", poses=np.zeros((4, 9))))
    (tmp_path / "c.npz").write_bytes(b"no archive")
    with pytest.raises(AssetError, match=r"no \.npz"):
        read_amass(tmp_path / "c.npz")


def test_motions_are_thinned_to_one_clock_and_read_back_by_the_trainer(tmp_path):
    poses = np.arange(120, dtype=np.float32)[:, None, None] * np.ones((1, 24, 3), np.float32)
    fast = Motion("fast", poses / 1000, np.zeros((120, 3), np.float32), 120.0)
    slow = Motion("slow", -poses[:30] / 1000, np.zeros((30, 3), np.float32), 30.0)
    np.testing.assert_allclose(resampled(fast, 30).poses[:3, 0, 0], [0, 0.004, 0.008])
    path = tmp_path / "cmu_smpl24" / "cmu_smpl24_30fps.npz"
    assert save_motions(path, [fast, slow]) == 60
    np.testing.assert_allclose(load_poses(tmp_path), slow.poses)
    np.testing.assert_allclose(load_poses(tmp_path, held_out=True), fast.poses[::4])
    with pytest.raises(AssetError, match="cannot be read at 60"):
        resampled(slow, 60)
