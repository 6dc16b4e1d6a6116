"""A take becomes a clip in an upright world."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from hmr_live.body.rotations import axis_angle_from_matrix, matrix_from_axis_angle
from hmr_live.body.skeleton import JOINT
from hmr_live.core.errors import ExportError
from hmr_live.export.clip import make_clip
from hmr_live.export.floor import on_floor
from tests.engine.export.takes import (
    FACING,
    cut,
    even_times,
    make_motion,
    make_take,
    uneven_times,
    world_rotations,
)

FEET = [JOINT["left_foot"], JOINT["right_foot"], JOINT["left_ankle"], JOINT["right_ankle"]]


def clip_of(motion, body, *, info=None, floor=False, **options):
    clip = make_clip(make_take(motion, **(info or {})), motion, body, name="a", **options)
    return on_floor((clip,))[0] if floor else clip


def standing(times, tilt=0.0, body=None):
    """Somebody who stands straight before a camera that looks down by ``tilt`` radians."""
    looking_down = matrix_from_axis_angle(np.array([tilt, 0.0, 0.0]))
    pose = np.zeros((len(times), 24, 3))
    pose[:, 0] = axis_angle_from_matrix(looking_down @ FACING)
    # They walk to the right and towards the camera on a level floor.
    since = times - times[0]
    place = np.stack([0.5 * since, np.full(len(times), 1.2), 4 - 0.5 * since], axis=1)
    rest = body.rest_joints(np.zeros(10, np.float32))[0]
    return make_motion(times, pose=pose, transl=place @ looking_down.T - rest)


def test_the_world_is_the_camera_turned_upright(body):
    motion = make_motion(even_times(20))
    clip = clip_of(motion, body)
    np.testing.assert_allclose(clip.joints, motion.joints * [1, -1, -1], atol=1e-5)
    assert clip.up == "y"
    assert clip.start == motion.times[0]


def test_z_up_is_a_quarter_turn_that_can_be_undone(body):
    clip = clip_of(make_motion(even_times(20)), body)
    turned = clip.turned("z")
    np.testing.assert_allclose(turned.joints[..., 2], clip.joints[..., 1], atol=1e-12)
    np.testing.assert_allclose(turned.joints[..., 1], -clip.joints[..., 2], atol=1e-12)
    np.testing.assert_allclose(turned.turned("y").joints, clip.joints, atol=1e-12)


def test_between_frames_the_body_is_where_it_moves_through(body):
    """Resampled at other moments, a swinging person is where the swing is then."""
    coarse, fine = uneven_times(90), even_times(300, fps=100)
    clip = clip_of(make_motion(coarse), body, rate=50)
    moments = coarse[0] + clip.times
    truth = clip_of(make_motion(fine), body)
    expected = np.array(
        [
            [np.interp(moments, fine, truth.joints[:, joint, axis]) for axis in range(3)]
            for joint in range(24)
        ]
    ).transpose(2, 0, 1)
    # The swing starts with the first frame of each, which for the uneven one is a little off.
    shift = coarse[0] - fine[0]
    inside = (moments + abs(shift) < fine[-1]) & (moments - abs(shift) > fine[0])
    assert np.linalg.norm(clip.joints - expected, axis=-1)[inside].max() < 0.03
    assert clip.rate == 50


def test_the_shape_becomes_one_and_the_pelvis_stays(body):
    times = even_times(9)
    betas = np.zeros((9, 10))
    betas[:4, 0] = 3.0
    motion = make_motion(times, betas=betas)
    clip = clip_of(motion, body)
    assert not clip.betas.any()
    np.testing.assert_allclose(clip.joints[:, 0], motion.joints[:, 0] * [1, -1, -1], atol=1e-5)


@pytest.mark.parametrize("tilt", [0.0, 0.4, -0.3])
def test_on_the_floor_the_camera_is_level_and_the_soles_are_at_zero(body, tilt):
    motion = standing(even_times(30), tilt, body)
    clip = clip_of(motion, body, floor=True)
    upright = world_rotations(clip.rotmats)[:, JOINT["spine3"]]
    np.testing.assert_allclose(upright, np.tile(np.eye(3), (30, 1, 1)), atol=2e-3)
    ankle_above_sole = clip.rest[JOINT["left_ankle"], 1] - body.v_template[:, 1].min()
    height = clip.joints[:, [JOINT["left_ankle"], JOINT["right_ankle"]], 1].min(axis=1)
    np.testing.assert_allclose(height, ankle_above_sole, atol=5e-3)
    np.testing.assert_allclose(clip.joints[0, 0, [0, 2]], 0, atol=1e-9)


def test_people_on_the_floor_keep_their_places_beside_one_another(body):
    left, right = standing(even_times(30), 0.3, body), standing(even_times(30), 0.3, body)
    # The other one is two metres away, sideways and in depth, on the same tilted floor.
    tilt = matrix_from_axis_angle(np.array([0.3, 0.0, 0.0]))
    shift = (tilt @ [1.2, 0.0, 1.6]).astype(np.float32)
    right = replace(right, track_id=1, transl=right.transl + shift, joints=right.joints + shift)
    take = make_take(left, right)
    clips = on_floor([make_clip(take, motion, body, name="a") for motion in take.motions])
    apart = clips[1].joints[:, 0] - clips[0].joints[:, 0]
    np.testing.assert_allclose(apart, np.tile([1.2, 0.0, -1.6], (30, 1)), atol=5e-3)
    np.testing.assert_allclose(clips[0].joints[0, 0, [0, 2]], 0, atol=1e-9)


def test_whoever_never_stands_tells_nothing_of_the_tilt(body):
    times = even_times(10)
    pose = np.zeros((10, 24, 3))
    pose[:, 0] = axis_angle_from_matrix(matrix_from_axis_angle(np.array([0.5, 0, 0])) @ FACING)
    pose[:, [JOINT["left_hip"], JOINT["right_hip"]], 0] = -1.5
    clip = clip_of(make_motion(times, pose=pose), body, floor=True)
    expected = FACING @ matrix_from_axis_angle(pose[0, 0])
    np.testing.assert_allclose(clip.rotmats[0, 0], expected, atol=1e-6)


def test_a_take_that_knows_its_world_is_not_levelled(body):
    motion = standing(even_times(10), 0.3, body)
    world = {"rotation": FACING.tolist(), "translation": [1.0, 2.0, 3.0]}
    clip = clip_of(motion, body, info={"world_from_camera": world})
    np.testing.assert_allclose(clip.joints, motion.joints * [1, -1, -1] + [1, 2, 3], atol=1e-5)
    floored = clip_of(motion, body, info={"world_from_camera": world}, floor=True)
    np.testing.assert_allclose(floored.rotmats, clip.rotmats)


def test_gaps_are_told(clip_with_gap, clip):
    assert clip.describe_gaps() == ""
    assert clip_with_gap.gaps == (1, pytest.approx(2.0, abs=0.1))
    assert "out of sight 1 time for more than 0.5 s" in clip_with_gap.describe_gaps()
    assert len(clip_with_gap) == 121


def test_nothing_and_nonsense_are_refused(body):
    motion = make_motion(even_times(4))
    with pytest.raises(ExportError, match="no frames"):
        clip_of(cut(motion, np.zeros(4, bool)), body)
    broken = replace(motion, transl=np.full_like(motion.transl, np.nan))
    with pytest.raises(ExportError, match="NaN or infinity"):
        clip_of(broken, body)
