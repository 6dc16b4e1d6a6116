"""Adaptive quality: what a slow machine gives up to keep the frame rate.

Reductions are applied one after another while frames come too slowly, and undone in the opposite
order.  Undoing one is a trial: if frames are soon too slow again, it is applied again, and the next
trial waits twice as long, so that nothing flickers.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import Final

#: Frames a second beyond which nothing is gained.
TARGET_FPS: Final = 30.0
#: Frames may be this much slower than the target before the view is reduced: one in twelve is lost,
#: and all others wait for the one before, so that the display lags by a frame or two;
_TOO_SLOW: Final = 1.08
#: and this much before frames are extrapolated, which affects recorded takes;
_MUCH_TOO_SLOW: Final = 1.15
#: below this they are fast enough.  In between, nothing changes.
_FAST_ENOUGH: Final = 1.06
#: They must be too slow for this long: opening a menu must not trigger it.
_SLOW_FOR_S: Final = 1.5
#: A reduction takes this long to show in the figures.
_SETTLE_S: Final = 2.5
#: Frames must be fast enough for this long before the first reduction is undone.
_TRIAL_AFTER_S: Final = 8.0
_MAX_TRIAL_AFTER_S: Final = 300.0
#: A trial is successful after this long.
_TRIAL_S: Final = 10.0


class QualityReduction(Enum):
    """Something that a slow machine gives up."""

    PLOTS = "slower plots"
    DRAWING = "coarser 3D view"
    INFERENCE = "every second frame predicted"


#: The least noticeable first, depending on what takes the most time.
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
    """How busy the machine is.

    Attributes
    ----------
    frame_ms
        Mean time from one displayed frame to the next, over the last second.
    source_fps
        Frames a second that the source delivers.
    recovery_ms, drawing_ms
        Median time for one frame: from frame to bodies, and on the screen.
    """

    frame_ms: float
    source_fps: float
    recovery_ms: float
    drawing_ms: float

    @property
    def target_ms(self) -> float:
        """Target for :attr:`frame_ms`: no source is displayed faster than it delivers."""
        return 1000 / min(TARGET_FPS, max(self.source_fps, 1.0))


class QualityGovernor:
    """Chooses the reductions.

    Attributes
    ----------
    reductions
        Those in force, in the order in which they were applied.
    """

    def __init__(self) -> None:
        self.reset()

    def reset(self) -> None:
        """Return to full quality."""
        self.reductions: tuple[QualityReduction, ...] = ()
        self._trial_after = _TRIAL_AFTER_S
        self._slow_since: float | None = None
        self._very_slow_since: float | None = None
        self._fast_since: float | None = None
        self._changed_at = float("-inf")
        #: The reduction that is being undone on trial.
        self._on_trial: QualityReduction | None = None

    def pause(self) -> None:
        """Restart the timers: no frames come now, which says nothing about the machine."""
        self._slow_since = self._very_slow_since = self._fast_since = None

    def update(self, load: Load, now: float) -> bool:
        """Update with the load; True if :attr:`reductions` have changed.

        Parameters
        ----------
        load
            The present load.
        now
            Seconds, monotonic; call a few times a second.
        """
        slowness = load.frame_ms / load.target_ms
        self._slow_since = _since(self._slow_since, slowness > _TOO_SLOW, now)
        self._very_slow_since = _since(self._very_slow_since, slowness > _MUCH_TOO_SLOW, now)
        self._fast_since = _since(self._fast_since, slowness <= _FAST_ENOUGH, now)
        age = now - self._changed_at
        if age < _SETTLE_S:
            return False
        if self._on_trial is not None and age >= _TRIAL_S:
            self._on_trial, self._trial_after = None, _TRIAL_AFTER_S
        if _lasted(self._slow_since, _SLOW_FOR_S, now):
            return self._reduce(load, now)
        if self.reductions and _lasted(self._fast_since, self._trial_after, now):
            self._on_trial = self.reductions[-1]
            self._change(self.reductions[:-1], now)
            return True
        return False

    def _reduce(self, load: Load, now: float) -> bool:
        kept = set(self.reductions)
        if not _lasted(self._very_slow_since, _SLOW_FOR_S, now):
            kept.add(QualityReduction.INFERENCE)
        if self._on_trial is not None:
            if self._on_trial in kept:
                return False
            reduction: QualityReduction | None = self._on_trial
            self._on_trial = None
            self._trial_after = min(2 * self._trial_after, _MAX_TRIAL_AFTER_S)
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
    """Since when a condition has held without interruption."""
    if not holds:
        return None
    return now if before is None else before


def _lasted(since: float | None, seconds: float, now: float) -> bool:
    return since is not None and now - since >= seconds
