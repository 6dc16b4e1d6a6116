"""The body builder's steps on small data; the whole road is a command, and takes a minute."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import trimesh

from hmr_live.body.model import BodyModel
from hmr_live.body.rotations import matrix_from_axis_angle
from hmr_live.body.skeleton import JOINT, NUM_JOINTS
from hmr_live.core.assets import asset_path
from hmr_live_training.body_builder import __main__ as command
from hmr_live_training.body_builder.body_npz import LICENCE, OpenBody, rounded, write_body
from hmr_live_training.body_builder.chest import smooth_chest
from hmr_live_training.body_builder.comparison import array_differences, compare
from hmr_live_training.body_builder.corrective_fit import fit_correctives
from hmr_live_training.body_builder.decimation import carry_over, decimate
from hmr_live_training.body_builder.population import Population
from hmr_live_training.body_builder.rotation_tools import (
    unit,
)
from hmr_live_training.body_builder.shape_space import ShapeSpace, principal_shapes
from hmr_live_training.body_builder.surface import SkinSurface

X, Y, Z = np.eye(3)


@pytest.fixture
def ball() -> OpenBody:
    """A sphere of 642 vertices with the fields of a body."""
    sphere = trimesh.creation.icosphere(subdivisions=3)
    vertices = np.asarray(sphere.vertices)
    count = len(vertices)
    weights = np.zeros((count, NUM_JOINTS))
    weights[:, 0] = 0.5 + 0.4 * vertices[:, 1]
    weights[:, 3] = 1 - weights[:, 0]
    regressor = np.random.default_rng(0).random((NUM_JOINTS, count)) ** 30
    posedirs = np.zeros((count, 3, 207))
    posedirs[:, 1, 20] = 0.01 * vertices[:, 0]
    return OpenBody(
        v_template=vertices,
        faces=np.asarray(sphere.faces),
        shapedirs=0.05 * np.repeat(vertices[:, :, None], 10, axis=2) * np.arange(1, 11),
        posedirs=posedirs,
        weights=weights,
        j_regressor=regressor / regressor.sum(axis=1, keepdims=True),
        vertex_ids={"top": int(np.argmax(vertices[:, 1]))},
    )


# ------------------------------------------------------------------------- shapes, correctives


def test_betas_are_ordered_and_signed_as_users_of_smpl_expect(ball: OpenBody) -> None:
    random = np.random.default_rng(3)
    size, vertices = 60, ball.v_template
    stature, weight, gender = (random.normal(size=size) for _ in range(3))
    fields = [vertices * axis for axis in (Y, Z, X)]
    fields += [vertices[:, [axis]] ** 2 * unit(random.normal(size=3)) for axis in (0, 1, 2)]
    sizes = [0.30, 0.05, 0.10, 0.01, 0.01, 0.01]
    traits = [stature, weight, gender, *random.normal(size=(3, size))]
    people = vertices + sum(
        s * t[:, None, None] * f for s, t, f in zip(sizes, traits, fields, strict=True)
    )
    people = people + 1e-4 * random.normal(size=people.shape)
    population = Population(
        people, np.zeros((size, NUM_JOINTS, 3)), gender, stature, weight, np.zeros(size)
    )
    directions = principal_shapes(population, ball.faces).directions

    def growth(beta: int, axis: int) -> float:
        return float((directions[:, axis, beta] * vertices[:, axis]).mean())

    assert growth(0, 1) > 0.05, "beta 0 is tall"
    assert growth(1, 2) < -0.01, "beta 1 is thin, although gender varies the body more"
    assert growth(2, 0) > 0.02


def test_chest_patch_continues_the_skin_around_it() -> None:
    """A bump on a flat grid vanishes; the skin farther away stays."""
    side = 21
    y, x = np.divmod(np.arange(side * side), side)
    corners = np.flatnonzero((x < side - 1) & (y < side - 1))
    faces = np.concatenate(
        [
            np.stack([corners, corners + 1, corners + side], axis=1),
            np.stack([corners + 1, corners + side + 1, corners + side], axis=1),
        ]
    )
    bump = 0.5 * np.exp(-((x - 10) ** 2 + (y - 10) ** 2) / 2.0)
    flat = np.stack([x, y, 0 * x], axis=1).astype(float)
    number_of = np.full(9000, -1)
    number_of[1778] = 10 * side + 10
    surface = SkinSurface(np.arange(side * side), number_of, faces, np.zeros((0, 2)), faces)
    directions = np.zeros((side * side, 3, 10))
    directions[:, 2, 0] = bump
    smooth = smooth_chest(surface, ShapeSpace(flat + bump[:, None] * Z, directions))
    assert np.abs(smooth.mean[:, 2]).max() < 0.02
    assert np.abs(smooth.directions[:, 2, 0]).max() < 0.02
    np.testing.assert_allclose(smooth.mean[:, :2], flat[:, :2], atol=0.2)
    np.testing.assert_allclose(smooth.mean[0], flat[0], atol=1e-9)


def test_correctives_recover_a_linear_motion_and_mirror_it() -> None:
    """The left knee pushes vertex 1 by elements of its matrix; vertex 2 is the partner."""

    def corrective(joint: int, rotation: np.ndarray, chosen: np.ndarray) -> np.ndarray:
        moved = np.zeros((4, 3))
        moved[1 if joint == JOINT["left_knee"] else 0, :2] = 0.05 * rotation[[1, 1], [2, 0]]
        return moved[chosen]

    motion: Any = SimpleNamespace(num_vertices=4, corrective=corrective)
    posedirs = fit_correctives(motion, np.array([0, 2, 1, 3])).reshape(4, 3, 23, 9)
    left, right = posedirs[1, :, JOINT["left_knee"] - 1], posedirs[2, :, JOINT["right_knee"] - 1]
    rotation = matrix_from_axis_angle(np.array([1.2, 0.2, 0.1]))
    flip = np.diag([-1.0, 1, 1])
    wanted = 0.05 * np.array([rotation[1, 2], rotation[1, 0], 0])
    features, mirrored = rotation - np.eye(3), flip @ rotation @ flip - np.eye(3)
    np.testing.assert_allclose(left @ features.ravel(), wanted, atol=3e-3)
    np.testing.assert_allclose(right @ mirrored.ravel(), flip @ wanted, atol=3e-3)
    knees = [JOINT["left_knee"] - 1, JOINT["right_knee"] - 1]
    assert not posedirs[0][:, knees].any()
    assert not posedirs[3].any()


# ------------------------------------------------------------------- decimation and the file


def test_decimated_body_keeps_surface_and_joints(ball: OpenBody) -> None:
    light = decimate(ball, target=300)
    assert abs(len(light.v_template) - 300) < 40
    np.testing.assert_allclose(np.linalg.norm(light.v_template, axis=1), 1, atol=0.02)
    np.testing.assert_allclose(light.weights.sum(axis=1), 1)
    before, after = ball.j_regressor @ ball.v_template, light.j_regressor @ light.v_template
    assert np.abs(after - before).max() < 0.02
    assert light.v_template[light.vertex_ids["top"], 1] > 0.98


def test_carrying_a_body_over_to_itself_changes_nothing(ball: OpenBody) -> None:
    same = carry_over(ball, ball.v_template, ball.faces)
    for name in ("v_template", "shapedirs", "posedirs"):
        np.testing.assert_allclose(getattr(same, name), getattr(ball, name), atol=3.1e-5)
    np.testing.assert_allclose(same.weights, ball.weights, atol=1e-6)


def test_written_body_is_one_that_the_engine_loads(tmp_path: Path, ball: OpenBody) -> None:
    write_body(tmp_path / "ball.npz", rounded(ball))
    body = BodyModel.load(tmp_path / "ball.npz")
    np.testing.assert_allclose(body.v_template, ball.v_template, atol=1e-6)
    assert body.vertex_ids == ball.vertex_ids
    assert body.licence == LICENCE


def test_comparison_accepts_noise_and_refuses_change(tmp_path: Path, ball: OpenBody) -> None:
    shipped, rebuilt = tmp_path / "shipped.npz", tmp_path / "rebuilt.npz"
    write_body(shipped, rounded(ball))
    for shift, equal in ((1e-6, True), (1e-4, False)):
        moved = OpenBody(**(vars(ball) | {"v_template": ball.v_template + shift}))
        write_body(rebuilt, rounded(moved))
        assert compare(rebuilt, rounded(moved), shipped).equal is equal


def test_comparison_poses_both_when_only_the_triangles_differ(
    tmp_path: Path, ball: OpenBody
) -> None:
    light = rounded(decimate(ball, target=300))
    shipped, rebuilt = tmp_path / "shipped.npz", tmp_path / "rebuilt.npz"
    write_body(shipped, light)
    write_body(rebuilt, rounded(decimate(ball, target=400)))
    assert compare(rebuilt, ball, shipped).equal
    bigger = OpenBody(**(vars(ball) | {"shapedirs": 1.1 * ball.shapedirs}))
    assert not compare(rebuilt, bigger, shipped).equal


def test_array_differences_see_text_shapes_and_missing_arrays() -> None:
    first = {"a": np.array([1.0, 2.0]), "b": np.array("lbs"), "c": np.zeros(3), "d": np.arange(2)}
    second = {"a": np.array([1.0, 2.5]), "b": np.array("dqs"), "c": np.zeros(4)}
    found = array_differences(first, second)
    assert found == {"a": 0.5, "b": np.inf, "c": np.inf, "d": np.inf}


def test_shipped_body_was_written_by_this_builder() -> None:
    with np.load(asset_path("body", "open_body.npz"), allow_pickle=False) as file:
        assert str(file["licence"]) == LICENCE
        steps = file["v_template"].astype(np.float64) / 1e-6
    np.testing.assert_allclose(steps, np.round(steps), atol=0.1)


def test_command_ends_with_one_sentence_on_a_bad_wheel(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ["open_body", "--wheel", str(tmp_path / "no.whl"), "--out", str(tmp_path / "out")]
    monkeypatch.setattr("sys.argv", arguments)
    assert command.main() == 2
    assert capsys.readouterr().err.count("\n") == 1
