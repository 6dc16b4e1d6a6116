"""How long networks take on each back end of this machine."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from hmr_live.backends.base import Backend, BackendUnavailableError, Untyped, check_outputs
from hmr_live.backends.choice import network_for
from hmr_live.backends.registry import Entry, import_module
from hmr_live.core.timing import StageSummary, summarise

logger = logging.getLogger(__name__)

#: At a start nothing more is opened for timing after this time, seconds.
LIMIT_S: Final = 2.0
#: A network is run on a back end for this long, seconds, but at least :data:`MIN_RUNS` times.
PAIR_S: Final = 0.1
MIN_RUNS: Final = 3
#: A machine that does everything in no time must not be timed for ever.
MAX_RUNS: Final = 50


@dataclass(frozen=True)
class Timings:
    """Measured times of networks on back ends.

    Attributes
    ----------
    times
        By the names of network and back end; a pair for which there was no time is missing.
    problems
        Why a back end failed, by its name; none of its times are in ``times``.
    pending
        Back ends that would have had to compile the network for minutes before it could be timed.
    """

    times: Mapping[tuple[str, str], StageSummary] = field(default_factory=dict)
    problems: Mapping[str, str] = field(default_factory=dict)
    pending: tuple[str, ...] = ()

    @property
    def backends(self) -> list[str]:
        """Names of the back ends that were timed with at least one network."""
        return list(dict.fromkeys(backend for _, backend in self.times))

    def in_order(self, entries: Sequence[Entry], network: str) -> list[Entry]:
        """Back ends in the order in which ``auto`` tries them.

        First those that compile, which prepare themselves while another one serves, then the
        timed ones, fastest first, then those that were not timed, last those that failed.

        Parameters
        ----------
        entries
            All that may be tried, in the order of preference without any times.
        network
            Name of the network; one that was not timed takes the order of the one that was timed
            on most back ends.
        """
        timed = [name for name, _ in self.times]
        reference = network if network in timed else max(timed, key=timed.count, default="")

        def place(entry: Entry) -> tuple[int, float]:
            if entry.name in self.problems:
                return 3, 0.0
            if (reference, entry.name) in self.times:
                return 1, self.times[reference, entry.name].p50
            return (0 if entry.name in self.pending else 2), 0.0

        return sorted(entries, key=place)


def time_networks(
    networks: Mapping[str, Path],
    entries: Sequence[Entry],
    *,
    threads: int,
    limit_s: float | None = LIMIT_S,
    clock: Callable[[], float] = time.perf_counter,
) -> Timings:
    """Time networks on back ends; a back end that fails is left out.

    The first network runs on every back end, the others then on the fastest one first.

    Parameters
    ----------
    networks
        Files by name.
    entries
        The back ends.
    threads
        Threads of one inference.
    limit_s
        Nothing more is begun after so many seconds; None times every pair.
    clock
        Seconds, as :func:`time.perf_counter` gives them.
    """
    return _Timing(networks, threads, limit_s, clock).run(entries)


class _Timing:
    def __init__(
        self,
        networks: Mapping[str, Path],
        threads: int,
        limit_s: float | None,
        clock: Callable[[], float],
    ) -> None:
        self._networks = networks
        self._threads = threads
        self._clock = clock
        self._end = None if limit_s is None else clock() + limit_s
        self._times: dict[tuple[str, str], StageSummary] = {}
        self._problems: dict[str, str] = {}
        self._pending: list[str] = []

    def run(self, entries: Sequence[Entry]) -> Timings:
        first, *others = self._networks
        for entry in entries:
            self._time(first, entry)
        timed = [entry for entry in entries if (first, entry.name) in self._times]
        for entry in sorted(timed, key=lambda entry: self._times[first, entry.name].p50):
            for name in others:
                self._time(name, entry)
        working = {pair: t for pair, t in self._times.items() if pair[1] not in self._problems}
        return Timings(working, self._problems, tuple(dict.fromkeys(self._pending)))

    def _time(self, name: str, entry: Entry) -> None:
        out_of_time = self._end is not None and self._clock() >= self._end
        # Without a single time there would be nothing to choose by.
        if (out_of_time and self._times) or entry.name in self._problems:
            return
        try:
            found = self._milliseconds(self._networks[name], entry)
        except (ImportError, BackendUnavailableError) as error:
            logger.info("%s is not timed: %s", entry.name, error)
        except Exception as error:  # whatever a broken driver or package raises
            logger.debug("%s cannot be timed", entry.name, exc_info=True)
            self._problems[entry.name] = str(error).rstrip(".") or repr(error)
        else:
            if found is None:
                self._pending.append(entry.name)
            else:
                self._times[name, entry.name] = found

    def _milliseconds(self, model: Path, entry: Entry) -> StageSummary | None:
        """Time of one inference; None where the back end would first have to compile."""
        module: Untyped = import_module(entry)
        network = network_for(model, entry)
        if hasattr(module, "prepare") and not module.is_prepared(network, name=entry.name):
            return None
        backend: Backend = module.load(network, threads=self._threads, name=entry.name)
        try:
            check_outputs(backend, network)  # the first run allocates
            end, spent = self._clock() + PAIR_S, list[float]()
            while len(spent) < MIN_RUNS or (self._clock() < end and len(spent) < MAX_RUNS):
                start = self._clock()
                check_outputs(backend, network)
                spent.append(1000 * (self._clock() - start))
        finally:
            backend.close()
        return summarise(spent)
