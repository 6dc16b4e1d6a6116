"""Outlines: what is filled, and how they are compared."""

from __future__ import annotations

import numpy as np

from hmr_live_training.evaluation.datasets.silhouettes import SIZE, shrink, silhouette

#: A tetrahedron's outline is the triangle of its first three corners.
CORNERS = np.array([[-0.5, -0.5], [0.5, -0.5], [-0.5, 0.5], [-0.2, -0.2]])
FACES = np.array([[0, 1, 2], [0, 3, 1], [1, 3, 2], [2, 3, 0]])


def test_a_closed_mesh_fills_its_outline_whichever_way_it_is_wound():
    for faces in (FACES, FACES[:, ::-1]):
        filled = silhouette(CORNERS, faces)
        assert abs(filled.mean() - 0.5 / 4) < 0.01  # half a square of side 1 in one of side 2
        assert filled[SIZE // 4 + 2, SIZE // 4 + 2]
        assert not filled[3 * SIZE // 4 - 2, 3 * SIZE // 4 - 2]
        # x is the column: the corner at (0.5, -0.5) is at the top on the right.
        assert filled[SIZE // 4 + 1, 3 * SIZE // 4 - 6]


def test_faces_behind_the_camera_are_left_out():
    kept = np.array([True, True, True, False])
    assert silhouette(CORNERS, FACES, kept).sum() in (0, silhouette(CORNERS, FACES).sum())
    assert not silhouette(CORNERS, FACES, np.zeros(4, bool)).any()


def test_a_mask_shrinks_by_area():
    mask = np.zeros((256, 256), bool)
    mask[64:192, 0:128] = True
    small = shrink(mask)
    assert small.shape == (SIZE, SIZE)
    assert small.mean() == mask.mean()
    assert small[64, 3]
    assert not small[3, 64]
