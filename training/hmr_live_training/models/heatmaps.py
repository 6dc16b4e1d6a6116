"""Landmarks found on heat maps, with the linear landmarks as prior.

A heat map says precisely where a landmark may be, but at times in two places at once; the linear
landmark says roughly in which of them.  A landmark is where the product of the two is greatest:
the map, as the logarithm of a distribution over its cells, plus a wide Gaussian around the linear
landmark.  From there it moves to the mean of the cells nearby.

Column i of a map stands for the crop's pixels around 4 i, as in BlazePose's own pipeline.
"""

from __future__ import annotations

from typing import Final

import torch
from torch import Tensor

from hmr_live_training.models.losses import weighted_mean

#: Cells of a map, and half width in cells of the window around the best one.
_SIZE: Final = 64
_REACH: Final = 4
#: Standard deviation of the linear landmarks, cells: 0.4 crop halves.
_PRIOR: Final = 12.8
#: The same of a label; a landmark found within it is as good as exact.
_LABEL: Final = 1.5


def decode_heatmaps(maps: Tensor, points: Tensor) -> Tensor:
    """Find landmarks on their maps.

    Parameters
    ----------
    maps
        ``(N, K, 64, 64)`` logits.
    points
        ``(N, K, 2)`` linear landmarks in [-1, 1] across the crop.

    Returns
    -------
    ``(N, K, 2)`` in [-1, 1] across the crop.
    """
    along, down = _gaussian_nll(_places(points), _PRIOR)
    # Row by row: a search among few values at a time is many times faster in most runtimes, and
    # what is the same in all of a row need not be taken from each of its cells.
    scores = maps - along[..., None, :]
    row = (scores.amax(dim=3) - down).argmax(dim=2, keepdim=True)
    line = torch.gather(scores, 2, row[..., None].expand(-1, -1, 1, _SIZE))[:, :, 0]
    column = line.argmax(dim=2, keepdim=True)
    steps = torch.arange(-_REACH, _REACH + 1, device=maps.device)
    columns, rows = column + steps, row + steps
    index = _clamped(rows)[..., None] * _SIZE + _clamped(columns)[..., None, :]
    nearby = torch.gather(scores.flatten(2), 2, index.flatten(2)).reshape(index.shape)
    nearby = nearby - torch.gather(down, 2, _clamped(rows))[..., None]
    # The window's middle is its greatest score: no weight is more than 1.
    weights = torch.exp(nearby - nearby[..., _REACH : _REACH + 1, _REACH : _REACH + 1])
    weights = weights * _inside(rows, maps)[..., None] * _inside(columns, maps)[..., None, :]
    total = weights.sum(dim=(2, 3))
    x = (weights.sum(dim=2) * columns).sum(dim=2) / total
    y = (weights.sum(dim=3) * rows).sum(dim=2) / total
    found = torch.stack([x, y], dim=2) * (2 / _SIZE) - 1
    return torch.where((points.abs() <= 1).all(dim=2, keepdim=True), found, points)


def _places(points: Tensor) -> Tensor:
    """Columns and rows of points in [-1, 1], whole numbers at the cells' places."""
    return (points + 1) * (_SIZE / 2)


def _gaussian_nll(places: Tensor, deviation: float) -> tuple[Tensor, Tensor]:
    """Minus the logarithm of a Gaussian around places ``(N, K, 2)``, along columns and down rows.

    Its value in a cell is the sum of the two, ``(N, K, 64)`` each, up to a constant.
    """
    cells = torch.arange(_SIZE, device=places.device, dtype=places.dtype)
    along, down = ((places[..., None] - cells) ** 2 / (2 * deviation**2)).unbind(dim=2)
    return along, down


def _clamped(cells: Tensor) -> Tensor:
    """Numbers of cells, held on the map."""
    return cells.clamp(0, _SIZE - 1)


def _inside(cells: Tensor, like: Tensor) -> Tensor:
    return ((cells >= 0) & (cells < _SIZE)).to(like.dtype)


def heatmap_loss(maps: Tensor, labels: Tensor) -> Tensor:
    """Cross entropy of maps, as distributions over their cells, and Gaussians around labels, nats.

    A loss on the distance of :func:`decode_heatmaps` from the label would not do: the mean of two
    places is nearer to both than either is to the other, so maps learn to be sure of nothing.

    Parameters
    ----------
    maps
        ``(N, K, 64, 64)`` logits.
    labels
        ``(N, K, 3)`` x, y in [-1, 1] across the crop, weight; those outside do not count.
    """
    places = _places(labels[..., :2])
    inside = ((places >= 0) & (places <= _SIZE - 1)).all(dim=2)
    along, down = (torch.softmax(-side, dim=2) for side in _gaussian_nll(places, _LABEL))
    # The Gaussian is a product, so its mean of the logits is one of two vectors and a matrix.
    agreed = (down[..., None, :] @ maps @ along[..., None]).flatten(2)[..., 0]
    each = torch.logsumexp(maps.flatten(2), dim=2) - agreed
    return weighted_mean(each, labels[..., 2] * inside)
