"""Adaptive quality: what a slow machine leaves out so that the picture keeps moving.

The measures are taken one after the other while frames come too slowly, and taken back in the
opposite order.  Taking one back is a trial: if frames come too slowly again soon, it returns, and
the next trial waits twice as long, so that nothing flickers.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import Final

#: Nobody needs more than this many frames a second here.
TARGET_FPS: Final = 30.0
#: Frames may be this much slower than the target before the view is reduced: one in twelve is lost,
#: and all others wait for the one before, so that what is shown lags by a frame or two;
_TOO_SLOW: Final = 1.08
#: so much before frames are predicted in place of measured, which takes have to live with;
_MUCH_TOO_SLOW: Final = 1.15
#: they are well below this.  Between the two, everything stays as it is.
_WELL: Final = 1.06
#: They must be too slow for this long: opening a menu is no reason.
_SLOW_FOR_S: Final = 1.5
#: A measure needs this long to show in the figures.
_SETTLE_S: Final = 2.5
#: All must be well for this long before the first trial without a measure.
_PATIENCE_S: Final = 8.0
_LONGEST_PATIENCE_S: Final = 300.0
#: A trial that has gone well for this long is over.
_TRIAL_S: Final = 10.0


class QualityReduction(Enum):
    """Something that a slow machine does without."""

    PLOTS = "slower plots"
    DRAWING = "coarser 3D view"
    INFERENCE = "every second frame predicted"


#: What hurts least comes first, depending on what takes the most time.
_WHEN_DRAWING_IS_SLOW: Final = (
    QualityReduction.PLOTS,
    QualityReduction.DRAWING,
    QualityReduction.INFERENCE,
)
_WHEN_RECOVERY_IS_SLOW: Final = (
    QualityReduction.PLOTS,
    QualityReduction.INFERENCE,
    QualityReduction.DRAWING,
)


@dataclass(frozen=True, slots=True)
class Load:
    """How the machine is doing.

    Attributes
    ----------
    frame_ms
        Mean time from one shown frame to the next, over the last second.
    source_fps
        Frames a second that the source delivers.
    recovery_ms, drawing_ms
        Median work on one frame: from frame to bodies, and on the screen.
    """

    frame_ms: float
    source_fps: float
    recovery_ms: float
    drawing_ms: float

    @property
    def target_ms(self) -> float:
        """What :attr:`frame_ms` should be: no source is shown faster than it delivers."""
        return 1000 / min(TARGET_FPS, max(self.source_fps, 1.0))


class QualityGovernor:
    """Chooses the measures.

    Attributes
    ----------
    measures
        Those in force, in the order in which they were taken.
    """

    def __init__(self) -> None:
        self.reset()

    def reset(self) -> None:
        """Full quality, as on a machine that is not known yet."""
        self.reductions: tuple[QualityReduction, ...] = ()
        self._patience = _PATIENCE_S
        self._slow_since: float | None = None
        self._very_slow_since: float | None = None
        self._well_since: float | None = None
        self._changed_at = float("-inf")
        #: What the last trial does without, until the trial is over.
        self._on_trial: QualityReduction | None = None

    def pause(self) -> None:
        """No frames come at present, which says nothing about the machine."""
        self._slow_since = self._very_slow_since = self._well_since = None

    def update(self, load: Load, now: float) -> bool:
        """Look at the load; True when :attr:`measures` have changed.

        Parameters
        ----------
        load
            The present load.
        now
            Seconds, monotonic; to be called a few times a second.
        """
        slowness = load.frame_ms / load.target_ms
        self._slow_since = _since(self._slow_since, slowness > _TOO_SLOW, now)
        self._very_slow_since = _since(self._very_slow_since, slowness > _MUCH_TOO_SLOW, now)
        self._well_since = _since(self._well_since, slowness <= _WELL, now)
        age = now - self._changed_at
        if age < _SETTLE_S:
            return False
        if self._on_trial is not None and age >= _TRIAL_S:
            self._on_trial, self._patience = None, _PATIENCE_S
        if _lasted(self._slow_since, _SLOW_FOR_S, now):
            return self._take(load, now)
        if self.reductions and _lasted(self._well_since, self._patience, now):
            self._on_trial = self.reductions[-1]
            self._change(self.reductions[:-1], now)
            return True
        return False

    def _take(self, load: Load, now: float) -> bool:
        kept = set(self.reductions)
        if not _lasted(self._very_slow_since, _SLOW_FOR_S, now):
            kept.add(QualityReduction.INFERENCE)
        if self._on_trial is not None:
            if self._on_trial in kept:
                return False
            reduction: QualityReduction | None = self._on_trial
            self._on_trial = None
            self._patience = min(2 * self._patience, _LONGEST_PATIENCE_S)
        else:
            drawing_is_slow = load.drawing_ms >= load.recovery_ms
            order = _WHEN_DRAWING_IS_SLOW if drawing_is_slow else _WHEN_RECOVERY_IS_SLOW
            reduction = next((m for m in order if m not in kept), None)
        if reduction is None:
            return False
        self._change((*self.reductions, reduction), now)
        return True

    def _change(self, reductions: tuple[QualityReduction, ...], now: float) -> None:
        self.reductions, self._changed_at = reductions, now
        self.pause()


def _since(before: float | None, holds: bool, now: float) -> float | None:
    """Since when something holds without a break."""
    if not holds:
        return None
    return now if before is None else before


def _lasted(since: float | None, seconds: float, now: float) -> bool:
    return since is not None and now - since >= seconds
