"""Poses, clothes and hair of synthetic people; which side is left; what the splits share."""

import numpy as np
import pytest

from hmr_live.body.model import BodyModel
from hmr_live.body.rotations import axis_angle_from_matrix, matrix_from_axis_angle
from hmr_live.body.skeleton import JOINT
from hmr_live_training.data.mocap import load_poses
from hmr_live_training.synthetic.materials import FABRICS, Materials, panorama
from hmr_live_training.synthetic.opengl.renderer import Light, PeopleRenderer
from hmr_live_training.synthetic.people.makehuman import WornPiece
from hmr_live_training.synthetic.people.person import Dresser
from hmr_live_training.synthetic.people.tubes import skirt
from hmr_live_training.synthetic.poses.archetypes import (
    Posture,
    akimbo,
    bend_over,
    lie,
    made_posture,
    sit,
)
from hmr_live_training.synthetic.poses.collisions import self_penetration
from hmr_live_training.synthetic.poses.limits import HIGH, LOW
from hmr_live_training.synthetic.poses.sampler import PoseSampler, flat_tpose_offsets, onto_body
from hmr_live_training.synthetic.scene.scene import draw_betas
from hmr_live_training.synthetic.scene_config import SPLITS, SyntheticConfig
from hmr_live_training.synthetic.surface import BodySurface
from tests.training.synthetic.synthetic_data import SEQUENCES, write_data

FACING = np.diag([1.0, -1.0, -1.0]).astype(np.float32)
AWAY = np.diag([-1.0, -1.0, 1.0]).astype(np.float32)
SHOULDERS = [JOINT["left_shoulder"], JOINT["right_shoulder"]]
WRISTS = [JOINT["left_wrist"], JOINT["right_wrist"]]
NO_SHAPE = np.zeros(10, np.float32)
LIGHT = Light(
    *(np.array(v) for v in ((0, -1.0, 0), (1.0,) * 3, (0.5,) * 3, (0.5,) * 3, (0, -1, 0)))
)


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    return write_data(tmp_path_factory.mktemp("data"))


@pytest.fixture(scope="module")
def body():
    return BodyModel.default()


@pytest.fixture(scope="module")
def surface(body):
    return BodySurface(body)


@pytest.fixture(scope="module")
def sampler(data, body):
    return PoseSampler(data, "train", body, SyntheticConfig())


@pytest.fixture(scope="module")
def poses(sampler):
    rng = np.random.default_rng(0)
    return np.stack([sampler.draw(rng) for _ in range(150)])


def test_splits_share_no_sequence(data):
    train, test = (load_poses(data, held_out=held_out) for held_out in (False, True))
    angles = [set(np.round(part[:, 18, 1], 5).tolist()) for part in (train, test)]
    assert not angles[0] & angles[1]
    assert len(angles[0] | angles[1]) == 2 * SEQUENCES * 4


def test_the_sampler_knows_only_its_own_sequences(data, body):
    drawn = {split: PoseSampler(data, split, body, SyntheticConfig()).captured for split in SPLITS}
    np.testing.assert_array_equal(drawn["train"], load_poses(data))
    np.testing.assert_array_equal(drawn["test"], load_poses(data, held_out=True))


def test_splits_share_no_panorama_and_no_patch(data):
    train, test = (Materials(data, split) for split in SPLITS)
    rooms = [{panorama(path) for path in part.backgrounds} for part in (train, test)]
    assert rooms[0]
    assert rooms[1]
    assert not rooms[0] & rooms[1]
    everything = [
        {path for kind in FABRICS for path in part.patches[kind]} for part in (train, test)
    ]
    assert not everything[0] & everything[1]


def test_views_of_one_panorama_belong_together(tmp_path):
    assert panorama(tmp_path / "dancing_hall_1k_07.jpg") == "dancing_hall_1k"
    assert panorama(tmp_path / "000000006818.jpg") == "000000006818"


def test_poses_are_rotations_within_the_joints_ranges(poses):
    identity = poses @ np.swapaxes(poses, -1, -2)
    np.testing.assert_allclose(identity, np.broadcast_to(np.eye(3), identity.shape), atol=1e-4)
    angles = axis_angle_from_matrix(poses)[:, 1:]
    assert (angles > LOW[1:] - 1e-3).all()
    assert (angles < HIGH[1:] + 1e-3).all()


@pytest.mark.parametrize(
    "name", ["neck", "head", "left_wrist", "right_hand", "left_ankle", "right_foot", "left_collar"]
)
def test_no_joint_is_frozen(poses, name):
    angle = np.linalg.norm(axis_angle_from_matrix(poses[:, JOINT[name]]), axis=1)
    assert angle.std() > np.deg2rad(2)
    assert angle.mean() > np.deg2rad(4)


def test_hips_bend_as_in_sitting_and_arms_rise_overhead(poses, body):
    angles = axis_angle_from_matrix(poses)
    assert (angles[:, JOINT["left_hip"], 0] < -np.deg2rad(60)).mean() > 0.08
    rotated = [body.joints(pose, NO_SHAPE) for pose in poses]
    wrists = np.stack([j[WRISTS, 1] for j in rotated])
    heads = np.stack([j[JOINT["head"], 1] for j in rotated])
    assert (wrists.max(axis=1) > heads).mean() > 0.08


def test_limbs_stay_out_of_the_body(poses, body):
    depth = np.array([self_penetration(body.joints(pose, NO_SHAPE)) for pose in poses])
    assert np.percentile(depth, 90) < 0.03


def test_penetration_is_measured(body):
    rest = np.tile(np.eye(3, dtype=np.float32), (24, 1, 1))
    assert self_penetration(body.joints(rest, NO_SHAPE)) == 0
    through = rest.copy()
    through[JOINT["left_shoulder"]] = matrix_from_axis_angle(np.array([0, -2.0, 0], np.float32))
    through[JOINT["left_elbow"]] = matrix_from_axis_angle(np.array([0, -2.2, 0], np.float32))
    assert self_penetration(body.joints(through, NO_SHAPE)) > 0.03


def test_sitting_lifts_the_thighs_and_lying_brings_the_body_down(body):
    rng = np.random.default_rng(1)
    seated, lying, bent = Posture(), Posture(), Posture()
    sit(rng, seated)
    lie(rng, lying)
    bend_over(rng, bent)

    def joints(posture):
        return body.joints(matrix_from_axis_angle(posture.angles.astype(np.float32)), NO_SHAPE)

    sat = joints(seated)
    assert sat[JOINT["left_knee"], 2] - sat[JOINT["left_hip"], 2] > 0.25
    low = joints(lying)
    assert abs(low[JOINT["neck"], 1] - low[JOINT["pelvis"], 1]) < 0.2
    over = joints(bent)
    assert over[JOINT["neck"], 2] - over[JOINT["pelvis"], 2] > 0.15


def test_a_posture_and_its_limbs_are_mirrored(body):
    posture = Posture()
    for left in (True, False):
        akimbo(np.random.default_rng(5), posture, left)
    joints = body.joints(matrix_from_axis_angle(posture.angles.astype(np.float32)), NO_SHAPE)
    left, right = joints[JOINT["left_wrist"]], joints[JOINT["right_wrist"]]
    np.testing.assert_allclose(left * (-1, 1, 1), right, atol=2e-3)


def test_postures_at_a_desk_are_upright():
    rng = np.random.default_rng(2)
    leans = [np.abs(made_posture(rng, desk=True)[0, 0]) for _ in range(50)]
    assert max(leans) < np.deg2rad(25)


def test_captured_limbs_point_where_they_pointed(body):
    """A flat T-pose in, a flat T-pose on the body out."""
    identity = np.tile(np.eye(3, dtype=np.float32), (24, 1, 1))
    joints = body.joints(onto_body(identity, flat_tpose_offsets(body)), NO_SHAPE)
    for side, sign in (("left", 1), ("right", -1)):
        arm = joints[JOINT[f"{side}_wrist"]] - joints[JOINT[f"{side}_shoulder"]]
        leg = joints[JOINT[f"{side}_ankle"]] - joints[JOINT[f"{side}_hip"]]
        np.testing.assert_allclose(arm / np.linalg.norm(arm), [sign, 0, 0], atol=1e-3)
        np.testing.assert_allclose(leg / np.linalg.norm(leg), [0, -1, 0], atol=1e-3)


def test_fitted_poses_join_in(data, body, tmp_path):
    rng = np.random.default_rng(0)
    fitted = np.zeros((300, 24, 3), np.float32)
    fitted[:, JOINT["left_knee"], 0] = 2.0
    path = tmp_path / "fitted.npz"
    np.savez(path, pose=fitted)
    config = SyntheticConfig(fitted_poses=path, captured=0, blended=0, made=0, upright=0, fitted=1)
    pose = PoseSampler(data, "train", body, config).draw(rng)
    knees = axis_angle_from_matrix(pose[[JOINT["left_knee"], JOINT["right_knee"]]])
    assert np.linalg.norm(knees, axis=1).max() > 1.5


def test_shapes_reach_the_whole_space():
    rng = np.random.default_rng(0)
    betas = np.stack([draw_betas(rng, SyntheticConfig()) for _ in range(400)])
    assert (np.abs(betas) <= 3).all()
    assert betas[:, 0].std() > 0.9
    assert (np.abs(betas[:, :3]) > 2).mean() > 0.03


def arm_up(orientation):
    """Rotations of somebody whose left arm alone is raised."""
    rotmats = np.tile(np.eye(3, dtype=np.float32), (24, 1, 1))
    rotmats[0] = orientation
    up, down = (np.array([0, 0, a], np.float32) for a in (1.3, 1.2))
    rotmats[JOINT["left_shoulder"]] = matrix_from_axis_angle(up)
    rotmats[JOINT["right_shoulder"]] = matrix_from_axis_angle(down)
    return rotmats


@pytest.mark.parametrize(("orientation", "side"), [(FACING, 1), (AWAY, -1)])
def test_left_is_the_persons_left_in_the_picture(surface, data, orientation, side):
    """Facing us, somebody's left arm is on the picture's right; from behind, on its left."""
    dresser = Dresser(surface, Materials(data, "train"))
    transl = np.array([0, 0.2, 3.0], np.float32)
    person = dresser.person(np.random.default_rng(0), arm_up(orientation), NO_SHAPE, transl)
    renderer = PeopleRenderer()
    intrinsics = np.array([[256.0, 0, 64], [0, 256.0, 100], [0, 0, 1]])
    drawn = renderer.draw([dresser.layers(person)], LIGHT, intrinsics, 128, 3.0)
    renderer.close()
    head_row = int(256 * person.joints[JOINT["head"], 1] / 3 + 100) - 22
    above = np.flatnonzero(drawn.target[:head_row].max(axis=0) > 127)
    assert len(above) > 0
    assert (np.sign(above.mean() - 64)) == side


def test_the_nearer_person_covers_the_other(surface, data):
    dresser = Dresser(surface, Materials(data, "train"))
    rng = np.random.default_rng(0)
    far, near = (
        dresser.person(rng, arm_up(FACING), NO_SHAPE, np.array([0, 0.2, z], np.float32))
        for z in (3.0, 2.0)
    )
    renderer = PeopleRenderer()
    intrinsics = np.array([[256.0, 0, 64], [0, 256.0, 100], [0, 0, 1]])
    layers = [dresser.layers(far), dresser.layers(near)]
    alone = renderer.draw(layers[:1], LIGHT, intrinsics, 128, 3.0).target.sum()
    both = renderer.draw(layers, LIGHT, intrinsics, 128, 3.0).target.sum()
    renderer.close()
    assert both < 0.5 * alone


def test_outfits_cover_the_hips(surface, data):
    dresser = Dresser(surface, Materials(data, "train"))
    rng = np.random.default_rng(0)
    hips = np.abs(surface.rest[:, 1] - surface.joints[JOINT["left_hip"], 1]) < 0.03
    hips &= np.abs(surface.rest[:, 0]) < 0.2
    for _ in range(20):
        person = dresser.person(rng, arm_up(FACING), NO_SHAPE, np.zeros(3, np.float32))
        worn = [
            piece.covers(0.0)[hips]
            if isinstance(piece, WornPiece)
            else piece.covers(surface.rest)[hips]
            for piece in person.outfit
            if isinstance(piece, WornPiece) or piece.tube is None
        ]
        assert np.any(worn, axis=0).all()


def test_a_skirt_hangs_outside_the_legs(surface, body):
    tube = skirt(surface, waist=-0.1, hem=-0.6, flare=0.05, gap=0.015)
    still = np.tile(np.eye(3, dtype=np.float32), (24, 1, 1))
    posed = tube.pose(body, still, NO_SHAPE, np.zeros(3, np.float32)).vertices
    middle = np.array([0.0, surface.joints[JOINT["pelvis"], 2]])
    row = posed[np.abs(posed[:, 1] + 0.4) < 0.03][:, [0, 2]] - middle
    legs = surface.rest[np.abs(surface.rest[:, 1] + 0.4) < 0.02][:, [0, 2]] - middle
    assert np.linalg.norm(row, axis=1).min() > 0.8 * np.abs(legs[:, 1]).max()
    assert np.abs(row[:, 0]).max() > np.abs(legs[:, 0]).max()


def bends(joints):
    """Angle between thigh and shank, left and right, degrees."""
    made = []
    for side in ("left", "right"):
        hip, knee, ankle = (joints[JOINT[f"{side}_{name}"]] for name in ("hip", "knee", "ankle"))
        thigh, shank = knee - hip, ankle - knee
        cosine = thigh @ shank / np.linalg.norm(thigh) / np.linalg.norm(shank)
        made.append(np.rad2deg(np.arccos(np.clip(cosine, -1, 1))))
    return made


def lean(joints):
    trunk = joints[SHOULDERS].mean(axis=0) - joints[[1, 2]].mean(axis=0)
    return np.rad2deg(np.arccos(trunk[1] / np.linalg.norm(trunk)))


def test_upright_people_stand_on_straight_legs_or_sit(data, body):
    config = SyntheticConfig(captured=0, blended=0, made=0, upright=1, fitted=0)
    upright, rng = PoseSampler(data, "train", body, config), np.random.default_rng(3)
    joints = [body.joints(upright.draw(rng), NO_SHAPE) for _ in range(120)]
    knees = np.array([bends(j) for j in joints])
    stands = knees.min(axis=1) < 30
    assert 0.5 < stands.mean() < 0.9
    assert np.median(knees[stands].min(axis=1)) < 5
    assert (knees[stands].max(axis=1) < 12).mean() > 0.6
    assert knees[~stands].min() > 45
    assert np.percentile([lean(j) for j in joints], 90) < 12


def test_people_at_a_desk_hold_their_trunks_upright(sampler, body):
    rng = np.random.default_rng(4)
    leans = [lean(body.joints(sampler.draw(rng, desk=True), NO_SHAPE)) for _ in range(80)]
    assert np.median(leans) < 8
    assert np.percentile(leans, 90) < 14
