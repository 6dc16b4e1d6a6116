"""The interface that every inference back end implements: load, run, describe, close."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final, Protocol, TypeAlias

import numpy as np
from numpy.typing import NDArray

from hmr_live.core.errors import BackendError

Array = NDArray[np.floating[Any]]
#: An object of a package that ships no types.
Untyped: TypeAlias = Any
#: Channels, height, width of the image input.
InputShape = tuple[int, int, int]
#: Name of the second input of networks that are told the perspective of their images.
FOCAL: Final = "focal"
#: Of a person a few metres away.
_ANY_FOCAL: Final = 4.0


class BackendUnavailableError(BackendError):
    """The package or the hardware of a back end is not on this machine; nothing is broken."""


class Backend(Protocol):
    """A loaded network of images.  One thread at a time may use it."""

    @property
    def name(self) -> str:
        """The back end's name in :data:`hmr_live.backends.BACKENDS`."""
        ...

    @property
    def input_shape(self) -> InputShape:
        """(3, H, W) of the image input; the batch is free."""
        ...

    @property
    def reads_focal(self) -> bool:
        """Whether the network has the second input :data:`FOCAL`."""
        ...

    def run(self, image: Array, focal: Array | None = None) -> dict[str, Array]:
        """Run the network on a batch.

        Parameters
        ----------
        image
            ``(n, 3, H, W)`` float32, contiguous.
        focal
            ``(n, 1)`` float32, focal lengths of the images in halves of the image, for a network
            that reads them.

        Returns
        -------
        Output name -> float32 array whose first dimension is n.  The arrays belong to the caller.

        Raises
        ------
        BackendError
            If the device fails.
        """
        ...

    def describe(self) -> str:
        """One line for display: what runs, where, in which precision."""
        ...

    def close(self) -> None:
        """Release memory and threads; the object cannot be used afterwards."""
        ...


class BackendModule(Protocol):
    """What the module of a back end offers."""

    def load(self, model: Path, *, threads: int, name: str) -> Backend:
        """Load an ``.onnx`` file.

        Raises
        ------
        ImportError
            If the package is not installed.
        BackendUnavailableError
            If this machine has not the hardware.
        BackendError
            If the file cannot be run there.
        """
        ...

    def version(self, name: str) -> str:
        """Version of what is installed, e.g. ``"ONNX Runtime 1.20.1"``.

        Raises
        ------
        ImportError, BackendUnavailableError
            As in :meth:`load`.
        """
        ...


def image_input_shape(model: Path, shape: tuple[object, ...] | list[object]) -> InputShape:
    """(3, H, W) of a network's input as a runtime reports it, batch first.

    Raises
    ------
    BackendError
        If it is not a batch of colour images of a fixed size.
    """
    sizes = tuple(shape)
    fixed = [size for size in sizes[1:] if isinstance(size, int) and size > 0]
    if len(sizes) != 4 or len(fixed) != 3 or fixed[0] != 3:
        raise BackendError(
            f"{model.name} takes an input of shape {sizes} instead of (n, 3, height, width)"
        )
    return fixed[0], fixed[1], fixed[2]


def image_input(model: Path, inputs: Sequence[str]) -> str:
    """Name of the image input.

    Parameters
    ----------
    model
        For the message.
    inputs
        Names of all inputs of the network.

    Raises
    ------
    BackendError
        If there are other inputs than one image and :data:`FOCAL`.
    """
    images = [name for name in inputs if name != FOCAL]
    if len(images) != 1:
        raise BackendError(
            f"{model.name} takes {', '.join(inputs) or 'nothing'} instead of images and their "
            "focal lengths"
        )
    return images[0]


def required_focal(backend: Backend, count: int, focal: Array | None) -> Array:
    """``(count, 1)`` float32 focal lengths, checked.

    Raises
    ------
    BackendError
        If they are missing.
    """
    if focal is None or len(focal) != count:
        raise BackendError(f"{backend.name} needs the focal length of each image.")
    return np.ascontiguousarray(focal, np.float32).reshape(count, 1)


def first_line(error: BaseException) -> str:
    """What a runtime's error says, without the pages below."""
    text = str(error).strip()
    return text.splitlines()[0] if text else repr(error)


def check_outputs(backend: Backend, model: Path) -> None:
    """Run a black image and check the output: a back end that loads may still be broken.

    Raises
    ------
    BackendError
        If an output is missing, is not one row for one image, or holds NaN or infinity.
    """
    try:
        focal = np.full((1, 1), _ANY_FOCAL, np.float32) if backend.reads_focal else None
        outputs = backend.run(np.zeros((1, *backend.input_shape), np.float32), focal)
    except BackendError:
        raise
    except Exception as error:
        raise BackendError(f"{backend.name} fails to run {model.name} ({error})") from error
    if not outputs:
        raise BackendError(f"{backend.name} gets no output from {model.name}")
    for name, values in outputs.items():
        if values.ndim < 2 or len(values) != 1 or not values.size:
            raise BackendError(
                f"{backend.name} answers with the shape {values.shape} in {name} of {model.name}"
            )
        if not np.isfinite(values).all():
            raise BackendError(
                f"{backend.name} answers with NaN or infinity in {name} of {model.name}"
            )
