"""Figures mean what their names say."""

from __future__ import annotations

import numpy as np
import pytest

from training.landmarks import LSP_MIRROR
from training.metrics import (
    bootstrap_interval,
    mpjpe,
    pck_hits,
    procrustes_aligned,
    swapped_share,
)


def standing(count=3):
    rng = np.random.default_rng(0)
    labels = np.ones((count, 14, 3))
    labels[..., :2] = rng.uniform(-0.8, 0.8, (count, 14, 2))
    labels[:, 2, :2] = (-0.1, 0.2)
    labels[:, 9, :2] = (0.1, -0.3)
    return labels


def test_pck_counts_labelled_joints_within_a_fifth_of_the_torso():
    labels = standing(1)
    torso = np.hypot(0.2, 0.5)
    points = labels[:, :12, :2].copy()
    points[0, 0, 0] += 0.19 * torso
    points[0, 1, 0] += 0.21 * torso
    labels[0, 5, 2] = 0
    hits, counted = pck_hits(points, labels)
    assert counted.sum() == 11
    assert hits.sum() == 10
    assert hits[0, 0]
    assert not hits[0, 1]


def test_photos_without_a_torso_do_not_count():
    labels = standing(2)
    labels[0, 9, 2] = 0
    _, counted = pck_hits(labels[:, :12, :2], labels)
    assert counted[0].sum() == 0
    assert counted[1].sum() == 12


def test_swapped_sides_are_noticed():
    labels = standing(4)
    points = labels[:, :12, :2].copy()
    points[0] = points[0, list(LSP_MIRROR[:12])]
    assert swapped_share(points, labels) == 0.25


def test_alignment_removes_scale_turn_and_place_but_no_mirror():
    rng = np.random.default_rng(1)
    true = rng.normal(size=(1, 12, 3))
    turn, _ = np.linalg.qr(rng.normal(size=(3, 3)))
    turn *= np.sign(np.linalg.det(turn))
    moved = 0.5 * true @ turn + 3
    everything = np.ones((1, 12), bool)
    assert mpjpe(procrustes_aligned(moved, true), true, everything) < 1e-6
    mirrored = moved * (-1, 1, 1)
    assert mpjpe(procrustes_aligned(mirrored, true), true, everything) > 100


def test_interval_holds_the_share():
    hits = np.zeros((200, 12), bool)
    hits[:, :9] = True
    low, high = bootstrap_interval(hits, np.ones((200, 12), bool))
    assert low == high == pytest.approx(75)
