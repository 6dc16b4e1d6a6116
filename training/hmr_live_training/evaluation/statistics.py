"""Figures with 95 % bootstrap intervals: whole people (or blocks of frames) are drawn again.

Everything that is measured on one person stays together in a draw, because joints of one person
are right or wrong together.
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

_ROUNDS: Final = 1000
_TINY: Final = 1e-12


@dataclass(frozen=True)
class Figure:
    """One number of a table.

    Attributes
    ----------
    value, low, high
        The figure and its 95 % interval.
    count
        People (photos, blocks of frames) that it rests on.
    unit
        "%", "mm", "mm/frame^2", "deg", or "" for a ratio.
    """

    value: float
    low: float
    high: float
    count: int
    unit: str = ""


@lru_cache(maxsize=32)
def _draws(count: int) -> NDArray[np.float32]:
    """How often each of ``count`` units is drawn in each round, ``(rounds, count)``."""
    chosen = np.random.default_rng(0).integers(0, count, (_ROUNDS, count))
    places = chosen + count * np.arange(_ROUNDS)[:, None]
    draws = np.bincount(places.ravel(), minlength=_ROUNDS * count).astype(np.float32)
    draws = draws.reshape(_ROUNDS, count)
    draws.flags.writeable = False
    return draws


def _figure(value: float, rounds: Array, count: int, unit: str) -> Figure:
    low, high = np.percentile(rounds, [2.5, 97.5])
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
    rounds = scale * (draws @ top) / (draws @ bottom)
    return _figure(scale * float(top.sum() / bottom.sum()), rounds, len(top), unit)


def percent(hits: Mask, counted: Mask | None = None) -> Figure | None:
    """Share of hits ``(N,)`` or ``(N, K)`` among those that count, percent; units are rows."""
    rows = _flat(hits)
    valid = np.ones_like(rows) if counted is None else _flat(counted)
    return ratio((rows & valid).sum(axis=1), valid.sum(axis=1), "%", 100)


def mean(values: Array, unit: str = "", scale: float = 1) -> Figure | None:
    """Mean over units ``(N,)``."""
    return ratio(values, np.ones(len(values)), unit, scale)


def square_root(figure: Figure | None) -> Figure | None:
    """The same for the square root of what was measured."""
    if figure is None:
        return None
    value, low, high = (math.sqrt(max(v, 0.0)) for v in (figure.value, figure.low, figure.high))
    return replace(figure, value=value, low=low, high=high)


def variance_ratio(predicted: Array, true: Array) -> Figure | None:
    """Variance of predictions over that of the truth, summed over the features ``(N, D)``.

    1 when predicted people differ as much as true ones do; 0 when all are the mean.
    """
    if len(true) < 2:
        return None
    everybody, draws = np.ones((1, len(true))), _draws(len(true))
    spread = _variance(predicted, everybody) / np.maximum(_variance(true, everybody), _TINY)
    rounds = _variance(predicted, draws) / np.maximum(_variance(true, draws), _TINY)
    return _figure(float(spread[0]), rounds, len(true), "")


def _variance(features: Array, draws: Array) -> Array:
    """Summed variance of the features ``(N, D)`` in each draw ``(R, N)``: ``(R,)``."""
    flat = _flat(features).astype(np.float64)
    flat = flat - flat.mean(axis=0)
    share = draws / draws.sum(axis=1, keepdims=True)
    return np.asarray(share @ (flat**2).sum(axis=1) - ((share @ flat) ** 2).sum(axis=1))


@dataclass(frozen=True)
class ReliabilityBin:
    """Statements between two probabilities, and how often they came true.

    Attributes
    ----------
    low, high
        Edges of the bin.
    count
        Statements in it.
    stated, happened
        Mean probability stated and share of events, None for an empty bin.
    """

    low: float
    high: float
    count: int
    stated: float | None
    happened: float | None


def reliability(
    stated: Array, happened: Mask, counted: Mask | None = None, bins: int = 10
) -> tuple[tuple[ReliabilityBin, ...], Figure | None]:
    """Reliability table and expected calibration error (Naeini et al. 2015), percent.

    ``ECE = sum_b |sum_{i in b} (stated_i - happened_i)| / N`` over equally wide bins.

    Parameters
    ----------
    stated
        Probabilities, ``(N,)`` or ``(N, K)`` for K statements of one unit.
    happened
        Whether it came true.
    counted
        Which statements count.
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
    rounds = 100 * np.abs(draws @ gap).sum(axis=1) / (draws @ total)
    value = 100 * float(np.abs(gap.sum(axis=0)).sum() / total.sum())
    return table, _figure(value, rounds, int(units.sum()), "%")


def _means(count: int, said: float, came: int) -> Sequence[float | None]:
    return (None, None) if count == 0 else (float(said / count), float(came / count))
