"""Which network ``auto`` stands for: the most accurate one that this machine runs fast enough.

**The rule.**  A frame has 1 / rate of time.  :data:`HEADROOM` of it may be spent, and
:data:`OTHER_MS` go to everything but the network: decoding, cropping, the body, tracking and
drawing.  Live, ``auto`` is the most accurate network whose median time fits into the rest, or the
fastest one if none fits.  For files, where nobody waits for a frame, it is ``heavy`` if that fits
at the file's own rate, else ``full``.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Final

from hmr_live.backends import split_choice
from hmr_live.backends.registry import candidates
from hmr_live.backends.timing import Timings, time_networks
from hmr_live.backends.timing_cache import TimingCache, timing_key
from hmr_live.core.assets import asset_path

AUTO: Final = "auto"
#: The shipped networks, most accurate first.
NETWORKS: Final = ("heavy", "full", "lite")
#: What ``auto`` stands for where nothing can be timed.
FALLBACK: Final = "full"
#: Frames a second of a camera that does not tell its rate.
DEFAULT_FPS: Final = 30.0
#: Milliseconds of a frame that go to everything but the network: 1 to 3 for decoding and cropping,
#: 1 for body and tracking, 6 to 8 for drawing the window without a GPU.
OTHER_MS: Final = 10.0
#: Share of the time between two frames that may be spent; the rest is for what comes unevenly.
HEADROOM: Final = 0.9
#: With this environment variable set to ``off`` nothing is timed, so that ``auto`` stands for the
#: same network and back end on every machine.
TIMING_VARIABLE: Final = "HMR_LIVE_TIMING"

#: Rough times against ``full``'s on the same back end, for a network that was not timed there.
#: Rather too long: a network must not be chosen that does not hold the rate.
_RELATIVE_TIMES: Final[Mapping[str, float]] = MappingProxyType(
    {"full": 1.0, "lite": 0.7, "heavy": 4.0}
)


@dataclass(frozen=True)
class NetworkChoice:
    """The network that ``auto`` stands for, and the reason as the end of a sentence."""

    name: str
    reason: str


def timing_is_off() -> bool:
    """Whether :data:`TIMING_VARIABLE` forbids timing."""
    return os.environ.get(TIMING_VARIABLE, "").lower() == "off"


def machine_timings(
    threads: int,
    *,
    announce: Callable[[str], None] = lambda _: None,
    again: bool = False,
    cache: TimingCache | None = None,
) -> Timings:
    """Times of the shipped networks on this machine's back ends; measured once, then kept.

    Parameters
    ----------
    threads
        Threads of one inference.
    announce
        Gets a sentence for the user before anything is measured, which takes about two seconds.
    again
        Whether to measure every pair, however long it takes, whatever is kept.
    cache
        Where times are kept; in the user's cache folder by default.

    Returns
    -------
    The times; empty if :func:`timing_is_off`.
    """
    if timing_is_off():
        return Timings()
    entries = candidates()
    # In this order: the first is timed on every back end.
    networks = {name: shipped_network(name) for name in _RELATIVE_TIMES}
    key = timing_key(networks, entries, threads=threads)
    cache = cache or TimingCache()

    def measure() -> Timings:
        announce("Timing the networks on this computer; this happens once and takes seconds.")
        return time_networks(networks, entries, threads=threads)

    if not again:
        return cache.read_or_measure(key, measure)
    timings = time_networks(networks, entries, threads=threads, limit_s=None)
    cache.write(key, timings)
    return timings


def network_ms(timings: Timings, network: str, backend: str = AUTO) -> float | None:
    """Milliseconds of a shipped network on the back end that would run it.

    Parameters
    ----------
    timings
        As measured.
    network
        One of :data:`NETWORKS`.
    backend
        As ``--backend`` takes it; ``auto`` is the fastest.

    Returns
    -------
    The median, or an estimate from the other networks if only those were timed on this back end;
    None if none was.
    """
    name, _ = split_choice(backend)
    backends = timings.backends if name == AUTO else [name]
    found = [ms for one in backends if (ms := _ms_on(timings, network, one)) is not None]
    return min(found, default=None)


def choose_network(
    timings: Timings, *, fps: float = DEFAULT_FPS, live: bool = True, backend: str = AUTO
) -> NetworkChoice:
    """Apply the rule of this module.

    Parameters
    ----------
    timings
        As measured.
    fps
        Frames a second of the source.
    live
        Whether frames that come too fast are lost.
    backend
        As ``--backend`` takes it.
    """
    rate = fps if fps > 0 else DEFAULT_FPS
    budget = HEADROOM * 1000 / rate - OTHER_MS
    times = {name: network_ms(timings, name, backend) for name in NETWORKS}
    known = {name: ms for name, ms in times.items() if ms is not None}
    if not known:
        return NetworkChoice(FALLBACK, "the networks are not timed on this computer")
    left = f"the {max(budget, 0):.0f} ms that {rate:.0f} frames a second leave for it"
    for name in NETWORKS if live else NETWORKS[:1]:
        if known[name] <= budget:
            return NetworkChoice(name, f"it takes {known[name]:.0f} of {left}")
    if live:
        name = min(known, key=lambda name: known[name])
        return NetworkChoice(
            name, f"it is the fastest, though it takes {known[name]:.0f} of {left}"
        )
    heavy = NETWORKS[0]
    return NetworkChoice(FALLBACK, f"{heavy} would take {known[heavy]:.0f} of {left}")


def network_path(network: str | Path) -> Path:
    """File of a network that was named, other than ``auto``: a shipped one's name or a path."""
    return shipped_network(str(network)) if network in NETWORKS else Path(network)


def shipped_network(name: str) -> Path:
    """File of one of :data:`NETWORKS`; raises :class:`.AssetError` if it is missing."""
    return asset_path("networks", f"{name}.onnx")


def _ms_on(timings: Timings, network: str, backend: str) -> float | None:
    measured = timings.times.get((network, backend))
    if measured is not None:
        return measured.p50
    for other in _RELATIVE_TIMES:
        measured = timings.times.get((other, backend))
        if measured is not None:
            return measured.p50 * _RELATIVE_TIMES[network] / _RELATIVE_TIMES[other]
    return None
