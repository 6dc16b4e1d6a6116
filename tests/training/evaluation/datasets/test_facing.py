"""Front and back, by which side is where."""

from __future__ import annotations

import numpy as np

from hmr_live_training.evaluation.datasets.facing import left_right_breadth, views


def person(width, tilt=0.0):
    """LSP joints of a trunk of length 1; the left side ``width`` to the right of the right one."""
    joints = np.zeros((14, 3))
    joints[:, 2] = 1
    joints[[3, 9], 0], joints[[2, 8], 0] = width / 2, -width / 2
    joints[[2, 3], 1], joints[[8, 9], 1] = 0.5, -0.5
    joints[[8, 9], 0] += tilt
    return joints


def test_breadth_is_measured_in_torso_lengths():
    np.testing.assert_allclose(
        left_right_breadth(np.stack([person(0.6), 3 * person(-0.4)])), [0.6, -0.4]
    )


def test_views_follow_from_the_order_of_the_sides():
    labels = np.stack([person(0.6), person(-0.6), person(0.1), person(0.6)])
    labels[3, 2, 2] = 0
    found = {name: np.flatnonzero(mask).tolist() for name, mask in views(labels).items()}
    assert found == {"front": [0], "back": [1], "side": [2], "unclear": [3]}


def test_a_second_source_with_the_other_sign_makes_the_view_unclear():
    labels = np.stack([person(0.6), person(-0.6)])
    other = np.stack([person(-0.3), person(-0.3)])[:, :12]
    found = views(labels, other)
    assert found["unclear"].tolist() == [True, False]
    assert found["back"].tolist() == [False, True]
