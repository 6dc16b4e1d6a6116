"""The interface that every inference back end fills: load, run, describe."""

from __future__ import annotations

from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.floating[Any]]


class Backend(Protocol):
    """A loaded network.

    The module of a back end offers ``load(model: Path, *, threads: int) -> Backend``, which
    raises :class:`engine.errors.BackendError` when the file cannot be run there.
    """

    name: str

    def run(self, image: Array) -> dict[str, Array]:
        """Run the network on a batch.

        Parameters
        ----------
        image
            ``(n, 3, H, W)`` float32, contiguous.

        Returns
        -------
        Output name -> float32 array whose first dimension is n.
        """
        ...

    def describe(self) -> str:
        """One line for people: what runs, where, in which precision."""
        ...
