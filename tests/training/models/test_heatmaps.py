"""Landmarks are found where their heat map and the linear landmark agree best."""

from __future__ import annotations

import pytest
import torch

from hmr_live_training.landmarks import BLAZEPOSE_POINTS
from hmr_live_training.models.backbones.blazepose import TENSORS, BlazePoseEncoder
from hmr_live_training.models.backbones.graph_module import GraphModule
from hmr_live_training.models.heatmaps import decode_heatmaps, heatmap_loss
from tests.training.cases import tiny_graph


def spots(*spots_and_heights):
    maps = torch.full((1, 1, 64, 64), -30.0)
    for column, row, height in spots_and_heights:
        maps[0, 0, row, column] = height
    return maps


def at(column, row):
    return torch.tensor([[[column / 32 - 1, row / 32 - 1]]])


@pytest.mark.parametrize("linear", [(30.0, 20.0), (45.0, 9.0), (0.0, 40.0)])
def test_a_landmark_is_on_the_hot_cell_wherever_it_was_thought_to_be(linear):
    found = decode_heatmaps(spots((30, 20, 3.0)), at(*linear))
    torch.testing.assert_close(found, at(30, 20), atol=2e-3, rtol=0)


@pytest.mark.parametrize("linear", [(-0.1, 20.0), (30.0, 70.0)])
def test_a_landmark_outside_the_crop_stays_there(linear):
    torch.testing.assert_close(decode_heatmaps(spots((30, 20, 3.0)), at(*linear)), at(*linear))


def test_of_two_equal_places_the_one_nearer_to_the_linear_landmark_is_chosen():
    maps = spots((10, 40, 2.0), (50, 40, 2.0))
    torch.testing.assert_close(decode_heatmaps(maps, at(22, 33)), at(10, 40), atol=2e-3, rtol=0)
    torch.testing.assert_close(decode_heatmaps(maps, at(38, 33)), at(50, 40), atol=2e-3, rtol=0)


def test_a_map_that_knows_better_is_believed():
    maps = spots((10, 40, 0.0), (50, 40, 6.0))
    torch.testing.assert_close(decode_heatmaps(maps, at(22, 33)), at(50, 40), atol=2e-3, rtol=0)


def test_a_flat_map_leaves_the_linear_landmark():
    found = decode_heatmaps(torch.zeros(1, 1, 64, 64), at(30, 20))
    torch.testing.assert_close(found, at(30, 20), atol=1e-3, rtol=0)


def test_a_landmark_lies_between_cells():
    found = decode_heatmaps(spots((30, 20, 2.0), (31, 20, 2.0)), at(30.5, 20))
    torch.testing.assert_close(found, at(30.5, 20), atol=1e-3, rtol=0)


@pytest.mark.parametrize("corner", [(0, 0), (63, 0), (0, 63), (63, 63)])
def test_cells_beyond_the_map_count_nothing(corner):
    found = decode_heatmaps(spots((*corner, 2.0)), at(*corner))
    torch.testing.assert_close(found, at(*corner), atol=2e-3, rtol=0)


def labelled(column, row, weight=1.0):
    return torch.cat([at(column, row), torch.full((1, 1, 1), weight)], dim=-1)


def test_a_map_learns_where_its_landmark_is():
    maps = torch.zeros(1, 1, 64, 64, requires_grad=True)
    optimizer = torch.optim.Adam([maps], 0.3)
    first = heatmap_loss(maps, labelled(32.4, 18)).item()
    for _ in range(100):
        loss = heatmap_loss(maps, labelled(32.4, 18))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    # What is left is the entropy of a Gaussian of 1.5 cells.
    assert first == pytest.approx(8.32, abs=0.01)
    assert loss.item() == pytest.approx(3.65, abs=0.1)
    found = decode_heatmaps(maps.detach(), at(10, 50))
    torch.testing.assert_close(found, at(32.4, 18), atol=0.02, rtol=0)


def test_a_map_that_learns_of_two_places_keeps_both():
    maps = torch.zeros(1, 1, 64, 64, requires_grad=True)
    optimizer = torch.optim.Adam([maps], 0.3)
    for step in range(300):
        loss = heatmap_loss(maps, labelled(12 if step % 2 else 52, 30))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    for column, linear in ((12, 25), (52, 40)):
        found = decode_heatmaps(maps.detach(), at(linear, 30))
        torch.testing.assert_close(found, at(column, 30), atol=0.02, rtol=0)


@pytest.mark.parametrize("label", [labelled(30, 20, 0.0), labelled(-1, 20), labelled(30, 63.5)])
def test_labels_without_weight_and_outside_the_map_teach_nothing(label):
    maps = torch.rand(1, 1, 64, 64, requires_grad=True)
    loss = heatmap_loss(maps, label)
    loss.backward()
    assert loss.item() == 0
    assert maps.grad.abs().max() == 0


def test_the_decoder_in_stages_is_the_decoder_in_one():
    graph = tiny_graph()
    encoder = BlazePoseEncoder(graph, "full")
    image = torch.rand(2, 3, 256, 256)
    with torch.no_grad():
        _, skips = encoder.trace(encoder.stem(image))
        maps = encoder.heatmaps(skips)
        (whole,) = GraphModule(graph, [TENSORS["full"].heatmap])(image)
        torch.testing.assert_close(maps, whole[:, list(BLAZEPOSE_POINTS)], atol=1e-5, rtol=1e-5)


def test_every_map_that_the_decoder_reads_counts():
    encoder = BlazePoseEncoder(tiny_graph(), "full")
    skips = [torch.rand(1, 4, size, size, requires_grad=True) for size in (64, 32, 16, 8)]
    encoder.heatmaps(tuple(skips)).square().sum().backward()
    assert all(skip.grad.abs().min() > 0 for skip in skips)
