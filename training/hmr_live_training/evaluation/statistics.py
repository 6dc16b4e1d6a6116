"""Figures with 95 % bootstrap intervals, resampling whole people (or blocks of frames).

All values of one person stay together in a resample, because the joints of one person are right
or wrong together.  Source: Efron & Tibshirani, "An introduction to the bootstrap", 1993
(percentile intervals).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any, Final, TypeVar

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.floating[Any]]
Mask = NDArray[np.bool_]
Numbers = NDArray[np.floating[Any]] | NDArray[np.integer[Any]]

_Scalar = TypeVar("_Scalar", bound=np.generic)

_RESAMPLES: Final = 1000
_TINY: Final = 1e-12


@dataclass(frozen=True)
class Figure:
    """One number of a table.

    Attributes
    ----------
    value, low, high
        The figure and its 95 % interval.
    count
        Number of people (photos, blocks of frames) behind it.
    unit
        "%", "mm", "cm", "mm/frame^2", "deg", or "" for a ratio.
    """

    value: float
    low: float
    high: float
    count: int
    unit: str = ""


@lru_cache(maxsize=32)
def _draws(count: int) -> NDArray[np.float32]:
    """How often each of ``count`` units is in each resample, ``(resamples, count)``."""
    chosen = np.random.default_rng(0).integers(0, count, (_RESAMPLES, count))
    places = chosen + count * np.arange(_RESAMPLES)[:, None]
    draws = np.bincount(places.ravel(), minlength=_RESAMPLES * count).astype(np.float32)
    draws = draws.reshape(_RESAMPLES, count)
    draws.flags.writeable = False
    return draws


def _figure(value: float, resampled: Array, count: int, unit: str) -> Figure:
    low, high = np.percentile(resampled, [2.5, 97.5])
    return Figure(value, float(low), float(high), count, unit)


def _flat(values: NDArray[_Scalar]) -> NDArray[_Scalar]:
    """``(N, ...)`` -> ``(N, K)``, also for nobody."""
    return values.reshape(len(values), math.prod(values.shape[1:]))


def ratio(
    numerators: Numbers, denominators: Numbers, unit: str = "", scale: float = 1
) -> Figure | None:
    """``scale * sum(numerators) / sum(denominators)`` over units ``(N,)``.

    Units with denominator 0 do not count; None when none does.
    """
    counted = denominators > 0
    top, bottom = numerators[counted].astype(np.float64), denominators[counted].astype(np.float64)
    if not len(top):
        return None
    draws = _draws(len(top))
    resampled = scale * (draws @ top) / (draws @ bottom)
    return _figure(scale * float(top.sum() / bottom.sum()), resampled, len(top), unit)


def percent(hits: Mask, counted: Mask | None = None) -> Figure | None:
    """Percentage of hits ``(N,)`` or ``(N, K)`` among those that count; a unit is a row."""
    rows = _flat(hits)
    valid = np.ones_like(rows) if counted is None else _flat(counted)
    return ratio((rows & valid).sum(axis=1), valid.sum(axis=1), "%", 100)


def mean(values: Array, unit: str = "", scale: float = 1) -> Figure | None:
    """Mean over units ``(N,)``."""
    return ratio(values, np.ones(len(values)), unit, scale)


def median(values: Array, unit: str = "") -> Figure | None:
    """Median of the values ``(N, K)`` of N units; NaN does not count, None when nothing does."""
    units = values[np.isfinite(values).any(axis=1)]
    if not len(units):
        return None
    unit_of, column = np.nonzero(np.isfinite(units))
    flat = units[unit_of, column]
    order = np.argsort(flat)
    ascending, unit_of = flat[order], unit_of[order]
    everything = np.ones((1, len(units)), np.float32)
    value = _medians(ascending, everything[:, unit_of])
    resampled = _medians(ascending, _draws(len(units))[:, unit_of])
    return _figure(float(value[0]), resampled, len(units), unit)


def _medians(ascending: Array, draws: Array) -> Array:
    """Medians ``(R,)`` of sorted values ``(M,)`` that are drawn ``(R, M)`` times each."""
    reached = draws.cumsum(axis=1)
    half = reached[:, -1:] / 2
    below, above = (reached >= half).argmax(axis=1), (reached > half).argmax(axis=1)
    return np.asarray((ascending[below] + ascending[above]) / 2)


def square_root(figure: Figure | None) -> Figure | None:
    """The figure of the square root of a measure."""
    if figure is None:
        return None
    value, low, high = (math.sqrt(max(v, 0.0)) for v in (figure.value, figure.low, figure.high))
    return replace(figure, value=value, low=low, high=high)


def variance_ratio(predicted: Array, true: Array) -> Figure | None:
    """Variance of predictions over the variance of the truth, summed over features ``(N, D)``.

    1 when predicted people differ as much as true ones do; 0 when every prediction is the mean.
    """
    if len(true) < 2:
        return None
    everybody, draws = np.ones((1, len(true))), _draws(len(true))
    spread = _variance(predicted, everybody) / np.maximum(_variance(true, everybody), _TINY)
    resampled = _variance(predicted, draws) / np.maximum(_variance(true, draws), _TINY)
    return _figure(float(spread[0]), resampled, len(true), "")


def _variance(features: Array, draws: Array) -> Array:
    """Summed variance of the features ``(N, D)`` in each resample ``(R, N)``: ``(R,)``."""
    flat = _flat(features).astype(np.float64)
    flat = flat - flat.mean(axis=0)
    share = draws / draws.sum(axis=1, keepdims=True)
    return np.asarray(share @ (flat**2).sum(axis=1) - ((share @ flat) ** 2).sum(axis=1))


def correlation(predicted: Array, true: Array) -> Figure | None:
    """Pearson's correlation of K predictions for each of N people ``(N, K)`` with the truth.

    0 when all predictions or all truths are the same; None for fewer than two people.
    """
    if len(true) < 2:
        return None
    # Centred first: sums of squares of nearly equal numbers lose their digits.
    p, t = predicted - predicted.mean(), true - true.mean()
    value = _correlations(p, t, np.ones((1, len(t))))
    return _figure(float(value[0]), _correlations(p, t, _draws(len(t))), len(t), "")


def _correlations(predicted: Array, true: Array, draws: Array) -> Array:
    """Correlation ``(R,)`` of values ``(N, K)`` in each resample ``(R, N)``."""
    p, t = predicted.astype(np.float64), true.astype(np.float64)
    share = draws / (draws.sum(axis=1, keepdims=True) * p.shape[1])
    mean_p, mean_t, pp, tt, pt = (
        share @ values.sum(axis=1) for values in (p, t, p * p, t * t, p * t)
    )
    spread = np.sqrt(np.maximum(pp - mean_p**2, 0) * np.maximum(tt - mean_t**2, 0))
    together = pt - mean_p * mean_t
    return np.asarray(np.where(spread > _TINY, together / np.maximum(spread, _TINY), 0.0))


@dataclass(frozen=True)
class ReliabilityBin:
    """Predicted probabilities within a bin, and how often the event happened.

    Attributes
    ----------
    low, high
        Edges of the bin.
    count
        Number of predicted probabilities in it.
    stated, happened
        Mean predicted probability and share of events; None for an empty bin.
    """

    low: float
    high: float
    count: int
    stated: float | None
    happened: float | None


def reliability(
    stated: Array, happened: Mask, counted: Mask | None = None, bins: int = 10
) -> tuple[tuple[ReliabilityBin, ...], Figure | None]:
    """Reliability table and expected calibration error (ECE), percent.

    ``ECE = sum_b |sum_{i in b} (stated_i - happened_i)| / N`` over bins of equal width.
    Source: Naeini et al., "Obtaining well calibrated probabilities using Bayesian binning",
    AAAI 2015.

    Parameters
    ----------
    stated
        Predicted probabilities, ``(N,)`` or ``(N, K)`` for K predictions of one unit.
    happened
        Whether the event happened.
    counted
        Which predictions count.
    bins
        Number of bins.
    """
    stated = _flat(stated).astype(np.float64)
    happened = happened.reshape(stated.shape)
    valid = np.ones_like(happened) if counted is None else counted.reshape(stated.shape)
    place = np.clip((stated * bins).astype(int), 0, bins - 1)
    member = (place[..., None] == np.arange(bins)) & valid[..., None]  # (N, K, bins)
    number = member.sum(axis=1)
    said = (member * stated[..., None]).sum(axis=1)
    came = (member & happened[..., None]).sum(axis=1)
    table = tuple(
        ReliabilityBin(b / bins, (b + 1) / bins, int(n), *_means(n, s, c))
        for b, (n, s, c) in enumerate(zip(number.sum(0), said.sum(0), came.sum(0), strict=True))
    )
    units = valid.any(axis=1)
    if not units.any():
        return table, None
    gap, total = (said - came)[units], number.sum(axis=1)[units]
    draws = _draws(int(units.sum()))
    resampled = 100 * np.abs(draws @ gap).sum(axis=1) / (draws @ total)
    value = 100 * float(np.abs(gap.sum(axis=0)).sum() / total.sum())
    return table, _figure(value, resampled, int(units.sum()), "%")


def _means(count: int, said: float, came: int) -> Sequence[float | None]:
    return (None, None) if count == 0 else (float(said / count), float(came / count))
