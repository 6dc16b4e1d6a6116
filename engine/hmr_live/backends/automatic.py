"""``auto``: the best back end that works, and the next one when it stops working."""

from __future__ import annotations

import atexit
import logging
import threading
from collections.abc import Sequence
from pathlib import Path

from hmr_live.backends.base import Array, Backend, BackendUnavailableError, Untyped, check_outputs
from hmr_live.backends.choice import network_for
from hmr_live.backends.registry import Entry, import_module
from hmr_live.core.errors import BackendError

logger = logging.getLogger(__name__)


class AutomaticBackend:
    """A back end that chooses for itself.

    A back end whose module says that it has to prepare itself first (TensorRT compiles the network
    for minutes) does so in a thread of its own, while the next best one already serves; the
    change-over happens between two frames, in the thread that runs the frames, because that
    thread must own the GPU's context.

    Raises
    ------
    BackendError
        If none of the candidates can run the network.
    """

    def __init__(
        self, model: Path, candidates: Sequence[Entry], *, threads: int, precision: str = ""
    ) -> None:
        self._model = model
        self._precision = precision
        self._threads = threads
        self._left = list(candidates)
        self._preparation: _Preparation | None = None
        self._reasons: list[str] = []
        self._entry: Entry
        self._serving = self._open_next()
        if self._reasons:
            logger.warning(
                "%s runs on %s, because %s.",
                model.name,
                self._serving.describe(),
                "; ".join(self._reasons),
            )

    @property
    def name(self) -> str:
        """Name of the back end that serves now."""
        return self._serving.name

    @property
    def input_shape(self) -> tuple[int, int, int]:
        """See :class:`hmr_live.backends.base.Backend`."""
        return self._serving.input_shape

    @property
    def reads_focal(self) -> bool:
        """See :class:`hmr_live.backends.base.Backend`."""
        return self._serving.reads_focal

    def run(self, image: Array, focal: Array | None = None) -> dict[str, Array]:
        """Run on the serving back end; a lost one is replaced and the batch is run again."""
        if self._preparation is not None and self._preparation.is_over:
            self._switch_to(self._preparation)
        while True:
            try:
                return self._serving.run(image, focal)
            except BackendError as error:
                self._replace(error)

    def describe(self) -> str:
        """What serves now, and what is being prepared."""
        text = self._serving.describe()
        if self._preparation is not None:
            percent = int(100 * self._preparation.fraction)
            text += f" ({self._preparation.entry.name} is being prepared, {percent} %)"
        return text

    def close(self) -> None:
        """Stop a preparation and close what serves."""
        if self._preparation is not None:
            self._preparation.cancel()
            self._preparation = None
        self._serving.close()

    def _open_next(self) -> Backend:
        """Open the next candidate that works; why others failed is left in ``_reasons``."""
        missing = []
        while self._left:
            entry = self._left.pop(0)
            try:
                module = import_module(entry)
                if self._start_preparing(module, entry):
                    continue
                backend = self._load(module, entry)
            except (ImportError, BackendUnavailableError) as error:
                logger.info("%s is passed over: %s", entry.name, error)
                missing.append(f"{entry.name} is not available ({error})")
            except Exception as error:  # whatever a broken driver or package raises at load
                logger.debug("%s failed", entry.name, exc_info=True)
                self._reasons.append(str(error).rstrip("."))
            else:
                self._entry = entry
                return backend
        why = "; ".join(self._reasons or missing)
        raise BackendError(f"The network {self._model.name} cannot be run: {why}.")

    def _load(self, module: Untyped, entry: Entry) -> Backend:
        network = self._network(entry)
        backend: Backend = module.load(network, threads=self._threads, name=entry.name)
        try:
            check_outputs(backend, network)
        except BackendError:
            backend.close()
            raise
        return backend

    def _start_preparing(self, module: Untyped, entry: Entry) -> bool:
        """Begin a long preparation in the background if there is one; False when there is none."""
        prepare = getattr(module, "prepare", None)
        if prepare is None or module.is_prepared(self._network(entry), name=entry.name):
            return False
        if self._preparation is None:
            self._preparation = _Preparation(entry, module, self._network(entry))
        return True

    def _network(self, entry: Entry) -> Path:
        return network_for(self._model, entry, self._precision)

    def _switch_to(self, preparation: _Preparation) -> None:
        self._preparation = None
        entry = preparation.entry
        try:
            preparation.result()
            backend = self._load(preparation.module, entry)
        except Exception as error:
            logger.warning(
                "%s keeps running on %s, because %s.",
                self._model.name,
                self._serving.describe(),
                str(error).rstrip("."),
            )
            return
        self._left.insert(0, self._entry)  # it worked: the first to return to
        before, self._serving, self._entry = self._serving, backend, entry
        before.close()
        logger.info("%s now runs on %s", self._model.name, backend.describe())

    def _replace(self, error: BackendError) -> None:
        """Go on with the next back end after the serving one failed in the middle of the work."""
        lost, self._reasons = self._serving, []
        try:
            self._serving = self._open_next()
        except BackendError:
            raise BackendError(
                f"The network {self._model.name} stopped running: {str(error).rstrip('.')}, and no "
                "other back end is left: start again."
            ) from error
        lost.close()
        logger.warning(
            "%s continues with %s, because %s.",
            self._model.name,
            self._serving.describe(),
            str(error).rstrip("."),
        )


class _Preparation:
    """The preparation of one back end in a thread of its own."""

    def __init__(self, entry: Entry, module: Untyped, model: Path) -> None:
        self.entry = entry
        self.module = module
        self._cancelled = threading.Event()
        self._error: Exception | None = None
        #: How far it is, 0 to 1.
        self.fraction = 0.0
        # A daemon: closing the program must not wait for a build that is no longer needed.
        self._thread = threading.Thread(
            target=self._run, args=(model,), name=f"prepare {entry.name}", daemon=True
        )
        logger.info("%s is prepared for %s in the background", entry.name, model.name)
        self._thread.start()
        # At the end of the program the builder must not call into an interpreter that is gone.
        atexit.register(self.cancel)

    @property
    def is_over(self) -> bool:
        return not self._thread.is_alive()

    def cancel(self) -> None:
        """Stop within moments; the builder asks between its steps."""
        self._cancelled.set()
        self._thread.join(timeout=10)
        atexit.unregister(self.cancel)

    def result(self) -> None:
        """Raise what the preparation raised, if it did."""
        atexit.unregister(self.cancel)
        if self._error is not None:
            raise self._error

    def _show(self, fraction: float, _: str) -> None:
        self.fraction = fraction

    def _run(self, model: Path) -> None:
        try:
            self.module.prepare(
                model,
                name=self.entry.name,
                progress=self._show,
                cancelled=self._cancelled.is_set,
            )
        except Exception as error:  # handed to the thread that runs the frames
            self._error = error
