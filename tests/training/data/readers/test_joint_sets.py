"""The table of joint sets."""

from __future__ import annotations

import numpy as np
import pytest

from hmr_live.body.skeleton import JOINT_NAMES
from hmr_live.core.errors import AssetError
from hmr_live_training.data.readers import joint_sets
from hmr_live_training.data.readers.joint_sets import (
    COMMON,
    COMMON_MIRROR,
    COMMON_NAMES,
    LANDMARK_OF,
    lsp_from_common,
    to_common,
)
from hmr_live_training.landmarks import BODY_LANDMARKS, LSP_NAMES

SETS = {
    "LSP": 14,
    "COCO": 17,
    "MPII": 16,
    "OPENPOSE_18": 18,
    "MPI_INF_3DHP": 28,
    "HUMAN36M": 32,
    "SMPL": 24,
}


@pytest.mark.parametrize("name", SETS)
def test_every_set_has_the_published_number_of_joints_and_names_each_place_once(name):
    joint_set = getattr(joint_sets, name)
    known = [joint for joint in joint_set if joint is not None]
    assert len(joint_set) == SETS[name]
    assert len(set(known)) == len(known)
    assert set(known) <= set(COMMON_NAMES)


@pytest.mark.parametrize("name", SETS)
def test_limbs_come_in_pairs_of_left_and_right(name):
    known = {joint for joint in getattr(joint_sets, name) if joint is not None}
    assert {COMMON_NAMES[COMMON_MIRROR[COMMON[joint]]] for joint in known} == known


def test_common_set_begins_with_smpl_and_mirrors_into_itself():
    assert COMMON_NAMES[:24] == JOINT_NAMES
    assert [COMMON_MIRROR[k] for k in COMMON_MIRROR] == list(range(len(COMMON_NAMES)))
    assert COMMON_MIRROR[COMMON["left_toe"]] == COMMON["right_toe"]
    assert COMMON_MIRROR[COMMON["nose"]] == COMMON["nose"]


def test_places_of_well_known_joints():
    # From the publications: COCO 5 is the left shoulder, MPII 10 the right wrist, LSP 0 the right
    # ankle, OpenPose 4 the right wrist, Human3.6M 27 the right wrist, 3DHP 11 the left wrist.
    assert joint_sets.COCO[5] == "left_shoulder"
    assert joint_sets.COCO[16] == "right_ankle"
    assert joint_sets.MPII[10] == "right_wrist"
    assert joint_sets.MPII[13] == "left_shoulder"
    assert joint_sets.LSP[0] == "right_ankle"
    assert joint_sets.LSP[12:] == ("upper_neck", "head_top")
    assert joint_sets.OPENPOSE_18[4] == "right_wrist"
    assert joint_sets.HUMAN36M[27] == "right_wrist"
    assert joint_sets.HUMAN36M[6] == "left_hip"
    assert joint_sets.MPI_INF_3DHP[11] == "left_wrist"
    assert joint_sets.MPI_INF_3DHP[23] == "right_hip"


def test_values_land_at_their_names_and_nothing_is_made_up():
    values = np.arange(17 * 3, dtype=np.float64).reshape(17, 3) + 1
    common = to_common(values, joint_sets.COCO)
    np.testing.assert_array_equal(common[COMMON["left_wrist"]], values[9])
    np.testing.assert_array_equal(common[COMMON["pelvis"]], 0)
    with pytest.raises(AssetError, match="16 joints instead of 17"):
        to_common(values[:16], joint_sets.COCO)


def test_lsp_comes_back_unchanged_and_a_missing_neck_is_stood_in_for_with_less_weight():
    lsp = np.random.default_rng(0).random((5, 14, 3)) + 0.1
    np.testing.assert_allclose(lsp_from_common(to_common(lsp, joint_sets.LSP)), lsp, rtol=1e-6)
    human36m = np.ones((32, 3))
    human36m[13] = 7, 8, 1
    neck = lsp_from_common(to_common(human36m, joint_sets.HUMAN36M))[LSP_NAMES.index("Neck")]
    np.testing.assert_allclose(neck, [7, 8, 0.25])


def test_clicked_joints_are_compared_with_body_points_of_the_same_side():
    names = {COMMON_NAMES[k]: BODY_LANDMARKS[v].name for k, v in LANDMARK_OF.items()}
    assert names["right_ankle"] == "lsp_RAnkle"
    assert names["left_hip"] == "lsp_LHip"
    assert names["head_top"] == "lsp_HeadTop"
    assert names["left_ear"] == "left_ear"
    assert "spine2" not in names
