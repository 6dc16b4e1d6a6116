"""The knee offset of captured skeletons is taken out; feet and deep bends stay."""

from __future__ import annotations

import numpy as np
import pytest

from hmr_live.body.model import BodyModel
from hmr_live.body.rotations import axis_angle_from_matrix, matrix_from_axis_angle
from hmr_live.body.skeleton import JOINT
from hmr_live_training.data.posture_angles import posture_angles
from hmr_live_training.data.straighten import knee_offsets, straightened
from hmr_live_training.synthetic.poses.sampler import flat_tpose_offsets, onto_body

LEGS = [JOINT[f"left_{name}"] for name in ("hip", "knee", "ankle")]


def bent(degrees):
    """Legs bent at the knees, feet level below the hips, ``(F, 24, 3)``."""
    poses = np.zeros((len(degrees), 24, 3), np.float32)
    for side in ("left", "right"):
        poses[:, JOINT[f"{side}_hip"], 0] = -np.deg2rad(degrees) / 2
        poses[:, JOINT[f"{side}_knee"], 0] = np.deg2rad(degrees)
        poses[:, JOINT[f"{side}_ankle"], 0] = -np.deg2rad(degrees) / 2
    return poses


def test_a_leg_that_carries_shows_the_offset():
    walk = bent(np.concatenate([np.full(20, 22.0), np.linspace(22, 75, 80)]))
    offsets = knee_offsets(["walk_1"], [walk])
    np.testing.assert_allclose(offsets, [[18, 18]], atol=1)
    knees = posture_angles(straightened(walk, offsets[0])).knee
    assert 0 <= np.percentile(knees, 5) <= 5
    assert 58 < knees.max() < 68


def test_whoever_crouches_throughout_gets_the_offset_of_the_subject():
    walks, crouch = [bent(np.full(30, f)) for f in (20.0, 22.0, 18.0)], bent(np.full(30, 60.0))
    names = ["a_1", "a_2", "b_1", "a_3"]
    np.testing.assert_allclose(knee_offsets(names, [*walks, crouch])[3], 17, atol=0.1)
    alone = knee_offsets(["a_1", "a_2", "b_1", "c_1"], [*walks, crouch])
    np.testing.assert_allclose(alone[3], 16, atol=0.1)


def test_nobody_who_carries_means_no_offset():
    sitting = np.zeros((30, 24, 3), np.float32)
    sitting[:, [1, 2], 0] = -1.5
    sitting[:, [4, 5], 0] = 1.5
    np.testing.assert_array_equal(knee_offsets(["sit_1"], [sitting]), [[0, 0]])


def test_no_knee_bends_backwards_and_deep_bends_lose_no_more_than_the_offset():
    flexion = np.linspace(-10, 140, 151)
    knees = posture_angles(straightened(bent(flexion), np.array([18.0, 18.0]))).knee[:, 0]
    assert knees.min() > -0.1
    assert (np.diff(knees) > -1e-3).all()
    lost = flexion - knees
    assert lost.max() < 18.1
    np.testing.assert_allclose(lost[flexion > 80], 9, atol=0.1)


def test_feet_keep_their_orientation_and_legs_their_line():
    rng = np.random.default_rng(0)
    poses = bent(rng.uniform(15, 90, 40))
    poses[:, LEGS] += rng.normal(0, 0.05, (40, 3, 3)).astype(np.float32)
    after = straightened(poses, np.array([15.0, 15.0]))

    def foot_and_line(angles):
        hip, knee, ankle = (matrix_from_axis_angle(angles[:, joint]) for joint in LEGS)
        line = hip[..., 1] + (hip @ knee)[..., 1]
        return hip @ knee @ ankle, line / np.linalg.norm(line, axis=1, keepdims=True)

    (foot, line), (new_foot, new_line) = foot_and_line(poses), foot_and_line(after)
    np.testing.assert_allclose(new_foot, foot, atol=1e-5)
    assert np.rad2deg(np.arccos(np.clip((line * new_line).sum(1), -1, 1))).max() < 1
    others = [joint for joint in range(24) if joint not in (1, 2, 4, 5, 7, 8)]
    np.testing.assert_array_equal(after[:, others], poses[:, others])


def test_the_angles_are_those_of_the_body():
    body = BodyModel.default()
    poses = bent(np.array([0.0, 5.0, 40.0]))
    turned = onto_body(matrix_from_axis_angle(poses), flat_tpose_offsets(body))
    assert axis_angle_from_matrix(turned).shape == poses.shape
    angles = posture_angles(poses)
    for number, rotmats in enumerate(turned):
        joints = body.joints(rotmats.astype(np.float32), np.zeros(10, np.float32))
        hip, knee, ankle = joints[LEGS]
        thigh, shank = knee - hip, ankle - knee
        cosine = thigh @ shank / np.linalg.norm(thigh) / np.linalg.norm(shank)
        seen = np.rad2deg(np.arccos(min(float(cosine), 1.0)))
        assert angles.knee[number, 0] == pytest.approx(seen, abs=0.2)
