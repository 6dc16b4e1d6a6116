"""Loads networks by name on the back end that was asked for, or on the fastest."""

from __future__ import annotations

import logging
from collections.abc import Callable
from pathlib import Path

from hmr_live.backends import split_choice
from hmr_live.backends.timing import Timings
from hmr_live.recovery.detector import PersonDetector
from hmr_live.recovery.network import HmrNetwork
from hmr_live.recovery.network_choice import (
    AUTO,
    DEFAULT_FPS,
    choose_network,
    machine_timings,
    network_path,
    shipped_network,
)

logger = logging.getLogger(__name__)


class NetworkLoader:
    """Chooses and loads networks; this machine is timed when something depends on it.

    Parameters
    ----------
    backend, threads
        See :func:`hmr_live.backends.open_backend`.
    announce
        See :func:`.machine_timings`.
    """

    def __init__(
        self,
        *,
        backend: str = AUTO,
        threads: int = 2,
        announce: Callable[[str], None] = logger.info,
    ) -> None:
        self._backend = backend
        self._threads = threads
        self._announce = announce
        self._timings: Timings | None = None

    def choose(
        self, network: str | Path = AUTO, *, fps: float = DEFAULT_FPS, live: bool = True
    ) -> Path:
        """File of a network.

        Parameters
        ----------
        network
            ``auto``, the name of a shipped network, or an ``.onnx`` file.
        fps, live
            The source for which ``auto`` chooses; see :func:`.choose_network`.
        """
        if network != AUTO:
            return network_path(network)
        choice = choose_network(self._measured(), fps=fps, live=live, backend=self._backend)
        logger.info("The network is %s: %s", choice.name, choice.reason)
        return shipped_network(choice.name)

    def load(self, path: Path) -> HmrNetwork:
        """Load an HMR network; raises as :class:`.HmrNetwork` does."""
        return HmrNetwork(path, backend=self._backend, threads=self._threads, timings=self._order())

    def load_detector(self) -> PersonDetector:
        """Load the person detector; raises as :class:`.HmrNetwork` does."""
        return PersonDetector(backend=self._backend, threads=self._threads, timings=self._order())

    def _order(self) -> Timings | None:
        """Times that decide on the back end; None if it was named."""
        return self._measured() if split_choice(self._backend)[0] == AUTO else None

    def _measured(self) -> Timings:
        if self._timings is None:
            self._timings = machine_timings(self._threads, announce=self._announce)
        return self._timings
