"""Heat maps move landmarks, and leave to the linear answer what they cannot know."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from tests.training.cases import tiny_graph
from training.data.teacher import refine_points
from training.encoders.blazepose import BlazePoseEncoder
from training.encoders.graph_module import GraphModule
from training.feedback import Evidence
from training.heatmaps import HeatmapPoints, find_points, refined
from training.landmarks import BLAZEPOSE_POINTS


def spot(column, row, strength=9.0):
    maps = torch.full((1, 1, 64, 64), -12.0)
    maps[0, 0, row, column] = strength
    return maps


def at(column, row):
    return torch.tensor([[[column / 32 - 1, row / 32 - 1]]])


def test_a_landmark_moves_to_the_hot_cell_nearby():
    found = find_points(spot(30, 20), at(32.5, 17.5))
    assert found.sure.item() == 1
    torch.testing.assert_close(found.points, at(30, 20), atol=2e-3, rtol=0)


@pytest.mark.parametrize("linear", [(37.5, 20.5), (30.5, 12.0), (-3.0, 20.0), (64.5, 20.0)])
def test_a_hot_cell_outside_the_window_says_nothing(linear):
    assert find_points(spot(30, 20), at(*linear)).sure.item() == 0


def test_a_map_below_one_half_says_nothing():
    assert find_points(spot(30, 20, -0.1), at(30.5, 20.5)).sure.item() == 0


def test_it_is_the_published_refinement():
    rng = np.random.default_rng(0)
    maps = rng.normal(-2, 2, (39, 64, 64)).astype(np.float32)
    points = rng.uniform(-20, 276, (33, 2)).astype(np.float32)
    expected = refine_points(points, maps)
    linear = torch.from_numpy(points)[None] / 128 - 1
    seen = Evidence(linear, torch.zeros(1, 33, 3), torch.ones(1, 33))
    found = refined(seen, find_points(torch.from_numpy(maps)[None, :33], linear)).points[0]
    inside = (points > 0).all(axis=1)
    assert np.abs(expected - points)[inside].max() > 1
    places = (found.numpy() + 1) * 128
    np.testing.assert_allclose(places[inside], expected[inside], atol=1e-3, rtol=0)


def test_only_sure_maps_change_what_is_seen():
    seen = Evidence(torch.ones(1, 27, 2), torch.zeros(1, 27, 3), torch.ones(1, 27))
    sure = torch.zeros(1, 27, 1)
    sure[0, 4] = 1.0
    result = refined(seen, HeatmapPoints(torch.full((1, 27, 2), -1.0), sure))
    assert result.points[0, 4].tolist() == [-1, -1]
    assert result.points[0, 5].tolist() == [1, 1]
    assert result.world is seen.world


def test_a_map_learns_where_its_landmark_is():
    maps = torch.zeros(1, 1, 64, 64, requires_grad=True)
    optimiser = torch.optim.Adam([maps], 0.3)
    linear, target = at(30.5, 20.5), at(32.0, 18.0)
    first = (find_points(maps, linear).points - target).abs().mean().item()
    for _ in range(40):
        loss = (find_points(maps, linear).points - target).abs().mean()
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    assert loss.item() < 0.3 * first


def test_the_decoder_in_stages_is_the_decoder_in_one():
    graph = tiny_graph()
    encoder = BlazePoseEncoder(graph, "full")
    image = torch.rand(2, 3, 256, 256)
    heatmap = encoder.decoder.outputs
    assert encoder.decoder.layers[f"t{heatmap[0]}"].conv.out_channels == len(BLAZEPOSE_POINTS)
    with torch.no_grad():
        _, skips = encoder.trace(encoder.stem(image))
        (whole,) = GraphModule(graph, heatmap)(image)
        torch.testing.assert_close(encoder.heatmaps(skips), whole[:, list(BLAZEPOSE_POINTS)])
