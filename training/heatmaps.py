"""Landmarks moved to the middle of their heat maps nearby, as BlazePose's own pipeline does.

The linear landmarks say roughly where a point is, the maps precisely.  The middle is a weighted
mean, so it is differentiable in the maps and exports as plain products of matrices.
"""

from __future__ import annotations

from typing import Final, NamedTuple

import torch
from torch import Tensor

from training.feedback import Evidence

#: Cells of a map, and half width in cells of the window around the linear landmark.
_SIZE: Final = 64
_REACH: Final = 4
#: A map whose greatest probability in the window is less says nothing.
_LEAST_SURE: Final = 0.5


class HeatmapPoints(NamedTuple):
    """What the maps say of N crops.

    Attributes
    ----------
    points
        ``(N, K, 2)`` in [-1, 1] across the crop.
    sure
        ``(N, K, 1)``: 1 where the map knows, 0 where the linear landmark is left alone.
    """

    points: Tensor
    sure: Tensor


def find_points(maps: Tensor, points: Tensor) -> HeatmapPoints:
    """Look for landmarks in the windows around ``points``.

    Parameters
    ----------
    maps
        ``(N, K, 64, 64)`` logits.
    points
        ``(N, K, 2)`` in [-1, 1] across the crop.
    """
    places = (points + 1) * (_SIZE / 2)
    steps = torch.arange(-_REACH, _REACH + 1, device=maps.device, dtype=maps.dtype)
    # Cells of each window, (N, K, 9) along either axis; those outside the crop count nothing.
    columns, rows = (torch.floor(places)[..., None] + steps).unbind(dim=2)
    centred = ((places >= 0) & (places < _SIZE)).all(dim=2)[..., None]
    along, down = (_counts(cells, maps.dtype) for cells in (columns, rows))
    index = _held(rows)[..., None] * _SIZE + _held(columns)[..., None, :]
    chosen = torch.gather(maps.flatten(2), 2, index.flatten(2).long()).reshape(index.shape)
    window = torch.sigmoid(chosen) * down[..., None] * (along * centred)[..., None, :]
    sure = torch.where(window.amax(dim=(2, 3)) >= _LEAST_SURE, 1.0, 0.0)
    total = window.sum(dim=(2, 3)).clamp_min(1e-6)
    mean = torch.stack(
        [
            (window.sum(dim=axis) * cells).sum(-1) / total
            for axis, cells in ((2, columns), (3, rows))
        ],
        dim=-1,
    )
    return HeatmapPoints(mean * (2 / _SIZE) - 1, sure[..., None])


def _held(cells: Tensor) -> Tensor:
    """Numbers of cells, held on the map."""
    return cells.clamp(0, _SIZE - 1)


def _counts(cells: Tensor, dtype: torch.dtype) -> Tensor:
    return ((cells >= 0) & (cells < _SIZE)).to(dtype)


def refined(seen: Evidence, found: HeatmapPoints) -> Evidence:
    """Evidence whose picture points are those of the maps where these are sure."""
    points = seen.points + found.sure * (found.points - seen.points)
    return seen._replace(points=points)
