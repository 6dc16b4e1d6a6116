"""Keypoints are found again from where they are seen."""

from __future__ import annotations

import numpy as np
import pytest

from hmr_live.body.model import BodyModel
from hmr_live.body.rotations import matrix_from_axis_angle
from hmr_live.body.skeleton import JOINT
from hmr_live_training.body_builder.keypoint_regression import (
    SeenBodies,
    candidates,
    convex_weights,
    equations,
    mirrored_vertices,
    weights_of_place,
)

COUNT = 60


@pytest.fixture(scope="module")
def body():
    return BodyModel.default()


@pytest.fixture(scope="module")
def rest(body):
    still = np.tile(np.eye(3, dtype=np.float32), (24, 1, 1))
    return body.forward(still, np.zeros(10, np.float32)).vertices.astype(float)


@pytest.fixture(scope="module")
def bodies(body):
    rng = np.random.default_rng(0)
    vertices = []
    for _ in range(COUNT):
        pose = rng.normal(0, 0.2, (24, 3))
        pose[0] = np.array([np.pi, 0, 0]) + rng.normal(0, 0.6, 3)
        rotmats = matrix_from_axis_angle(pose).astype(np.float32)
        vertices.append(body.forward(rotmats, rng.normal(0, 1, 10).astype(np.float32)).vertices)
    camera = np.column_stack([rng.uniform(0.6, 0.9, COUNT), rng.normal(0, 0.1, (COUNT, 2))])
    return SeenBodies(np.stack(vertices), camera, rng.uniform(0.1, 0.5, COUNT))


def seen(bodies, points):
    scale, shift = bodies.camera[:, :1], bodies.camera[:, 1:]
    depth = 1 + scale * bodies.inverse_focal[:, None] * points[:, 2:]
    return scale * (points[:, :2] + shift) / depth


def test_a_hidden_combination_is_found_in_spite_of_mistakes(bodies, body, rest):
    knee = body.rest_joints(np.zeros(10, np.float32))[JOINT["left_knee"]]
    vertices = candidates(rest, knee)
    rng = np.random.default_rng(1)
    true = np.zeros(len(vertices))
    true[rng.choice(len(vertices), 6, replace=False)] = 1 / 6
    points = seen(bodies, np.einsum("k,nkc->nc", true, bodies.vertices[:, vertices]))
    points[:6] += 0.3
    weights = np.ones(COUNT)
    weights[7] = 0
    found = convex_weights(*equations(bodies, vertices, points, weights))
    assert found.min() >= 0
    assert found.sum() == pytest.approx(1)
    assert np.linalg.norm((found - true) @ rest[vertices]) < 0.01


def test_candidates_are_near_and_spread(rest):
    guess = rest[100]
    chosen = candidates(rest, guess)
    assert len(set(chosen.tolist())) == len(chosen) == 80
    assert np.linalg.norm(rest[chosen] - guess, axis=1).max() < 0.14


def test_mirror_images_lie_opposite(rest):
    opposite = mirrored_vertices(rest, np.arange(0, len(rest), 300))
    apart = rest[opposite] * (-1, 1, 1) - rest[::300]
    assert np.linalg.norm(apart, axis=1).max() < 0.02


def test_a_place_inside_the_body_is_a_combination_of_its_skin(body, rest):
    place = body.rest_joints(np.zeros(10, np.float32))[JOINT["right_hip"]].astype(float)
    vertices, weights = weights_of_place(rest, place)
    np.testing.assert_allclose(weights @ rest[vertices], place, atol=1e-3)
