"""Reads the official SMPL pickles without running anything that is in them.

A pickle is a small program: it may name any function of any module and call it.  The SMPL files
need a dozen names only (numpy arrays, chumpy and scipy.sparse objects), and not even these are
imported here: each is replaced by a stand-in of this module that keeps plain data.  Every other
name is refused, so neither chumpy nor scipy has to be installed and nothing can run.
"""

from __future__ import annotations

import io
import pickle
import re
from typing import Any

import numpy as np
from numpy.typing import NDArray

_MAX_ELEMENTS = 1 << 28
_TYPE_CODE = re.compile(r"[<>|=][biuf][1248]")


class RefusedNameError(Exception):
    """The pickle asks for a name that no SMPL file needs; ``str(error)`` is that name."""


def read_smpl_pickle(data: bytes) -> dict[str, object]:
    """Return the top-level dictionary of an SMPL pickle.

    Parameters
    ----------
    data
        The whole file, any pickle protocol; text of Python 2 is read as latin-1.

    Returns
    -------
    dict
        Values are plain Python objects or stand-ins: turn the wanted ones into arrays with
        :func:`dense_array`.

    Raises
    ------
    RefusedNameError
        The pickle names a class or function outside of the list.
    ValueError
        The bytes are no pickle, a damaged one, or hold no dictionary.
    """
    try:
        content = _Unpickler(io.BytesIO(data), encoding="latin1").load()
    except RefusedNameError:
        raise
    # Damaged bytes are damaged instructions, so they can end in nearly any exception.
    except Exception as error:
        raise ValueError(f"damaged pickle: {error}") from error
    if not isinstance(content, dict):
        raise ValueError("the pickle holds no dictionary")
    return {key: value for key, value in content.items() if isinstance(key, str)}


def dense_array(value: object) -> NDArray[Any]:
    """Turn a value of the pickle (array, chumpy node, sparse matrix, list) into a dense array.

    Raises
    ------
    ValueError
        The value holds no numbers, or they do not fit together.
    """
    if isinstance(value, _StandIn):
        return value.dense()
    array = np.asarray(value)
    if array.dtype.kind not in "biuf":
        raise ValueError("not an array of numbers")
    return array


class _StandIn:
    """Something that keeps the state that a pickle gives it."""

    state: Any = None

    def __new__(cls, *_arguments: object, **_named: object) -> _StandIn:
        return super().__new__(cls)

    def __init__(self, *_arguments: object, **_named: object) -> None:
        pass

    def __setstate__(self, state: object) -> None:
        self.state = state

    def dense(self) -> NDArray[Any]:
        raise ValueError("not an array of numbers")

    def field(self, name: str) -> object:
        """Return an entry of the state of an object with a ``__dict__``."""
        if not isinstance(self.state, dict) or name not in self.state:
            raise ValueError(f"an array in the pickle has no {name!r}")
        return self.state[name]


class _Dtype(_StandIn):
    """``numpy.dtype``: made from a code such as ``f8``, with the byte order in the state."""

    def __init__(self, code: object = "", *_flags: object) -> None:
        self.code = code

    def resolve(self) -> np.dtype[Any]:
        order = self.state[1] if isinstance(self.state, tuple) and len(self.state) > 1 else "|"
        text = f"{order}{self.code}"
        if not _TYPE_CODE.fullmatch(text):
            raise ValueError("not an array of numbers")
        return np.dtype(text)


class _Array(_StandIn):
    """``numpy.ndarray``: shape, type, order and raw bytes."""

    def dense(self) -> NDArray[Any]:
        if not isinstance(self.state, tuple) or len(self.state) != 5:
            raise ValueError("an array in the pickle has no content")
        _version, shape, dtype, fortran, raw = self.state
        return _from_bytes(raw, dtype, shape, "F" if fortran else "C")


class _Buffer(_Array):
    """``numpy._core.numeric._frombuffer``, the form of pickle protocol 5."""

    def __init__(self, raw: object, dtype: object, shape: object, order: object) -> None:
        self.state = (1, shape, dtype, order == "F", raw)


class _Chumpy(_StandIn):
    """Any class of chumpy: ``Ch`` keeps its array in ``x``, ``Select`` picks from ``a``."""

    def dense(self) -> NDArray[Any]:
        if isinstance(self.state, dict) and "x" in self.state:
            return dense_array(self.state["x"])
        source, picked = dense_array(self.field("a")), dense_array(self.field("idxs"))
        selected = source.ravel()[picked.astype(np.int64)]
        shape = self.state.get("preferred_shape")
        return selected if shape is None else selected.reshape(_shape(shape))


class _Sparse(_StandIn):
    """A matrix of scipy.sparse: ``data`` plus where each number goes."""

    def positions(self) -> tuple[NDArray[Any], NDArray[Any]]:
        raise NotImplementedError

    def dense(self) -> NDArray[Any]:
        rows, columns = self.positions()
        data = dense_array(self.field("data"))
        shape = _shape(self.field("_shape"))
        if len(shape) != 2 or not data.shape == rows.shape == columns.shape:
            raise ValueError("a sparse matrix in the pickle does not fit together")
        full = np.zeros(shape, data.dtype)
        # Negative positions would wrap around silently.
        if data.size and (min(rows.min(), columns.min()) < 0):
            raise ValueError("a sparse matrix in the pickle does not fit together")
        np.add.at(full, (rows, columns), data)
        return full

    def compressed(self) -> tuple[NDArray[Any], NDArray[Any]]:
        """Return (compressed axis, other axis) positions of csc and csr."""
        starts, other = dense_array(self.field("indptr")), dense_array(self.field("indices"))
        if starts.ndim != 1 or starts.size == 0 or starts[-1] != other.size:
            raise ValueError("a sparse matrix in the pickle does not fit together")
        return np.repeat(np.arange(len(starts) - 1), np.diff(starts)), other


class _Csc(_Sparse):
    def positions(self) -> tuple[NDArray[Any], NDArray[Any]]:
        columns, rows = self.compressed()
        return rows, columns


class _Csr(_Sparse):
    def positions(self) -> tuple[NDArray[Any], NDArray[Any]]:
        return self.compressed()


class _Coo(_Sparse):
    def positions(self) -> tuple[NDArray[Any], NDArray[Any]]:
        if isinstance(self.state, dict) and "coords" in self.state:
            rows, columns = self.state["coords"]
            return dense_array(rows), dense_array(columns)
        return dense_array(self.field("row")), dense_array(self.field("col"))


def _new_array(*_arguments: object) -> _Array:
    return _Array()


def _reconstruct(kind: object, *_arguments: object) -> _StandIn:
    """``copyreg._reconstructor``, for stand-ins only."""
    if isinstance(kind, type) and issubclass(kind, _StandIn):
        return kind()
    raise ValueError("an object of an unexpected kind")


def _encode(text: str, encoding: str = "latin1") -> bytes:
    """``_codecs.encode``, which Python 3 uses for bytes in protocol 2."""
    if encoding not in ("latin1", "latin-1"):
        raise ValueError(f"text in {encoding!r}")
    return text.encode("latin1")


def _shape(value: object) -> tuple[int, ...]:
    if not isinstance(value, (tuple, list)):
        raise ValueError("an array in the pickle has no shape")
    shape = tuple(int(length) for length in value)
    if any(length < 0 for length in shape) or np.prod(shape, dtype=float) > _MAX_ELEMENTS:
        raise ValueError("an array in the pickle has an impossible shape")
    return shape


def _from_bytes(raw: object, dtype: object, shape: object, order: str) -> NDArray[Any]:
    if isinstance(raw, str):
        raw = raw.encode("latin1")
    if not isinstance(raw, (bytes, bytearray)) or not isinstance(dtype, _Dtype):
        raise ValueError("not an array of numbers")
    flat = np.frombuffer(raw, dtype.resolve())
    return flat.reshape(_shape(shape), order="F" if order == "F" else "C")


_NAMES: dict[tuple[str, str], object] = {
    ("numpy", "ndarray"): _Array,
    ("numpy", "dtype"): _Dtype,
    ("_codecs", "encode"): _encode,
    ("collections", "OrderedDict"): dict,
    **{
        (module, "_reconstruct"): _new_array
        for module in ("numpy.core.multiarray", "numpy._core.multiarray")
    },
    **{
        (module, "scalar"): _StandIn
        for module in ("numpy.core.multiarray", "numpy._core.multiarray")
    },
    **{
        (module, "_frombuffer"): _Buffer for module in ("numpy.core.numeric", "numpy._core.numeric")
    },
    **{(module, "_reconstructor"): _reconstruct for module in ("copy_reg", "copyreg")},
    **{(module, "object"): _StandIn for module in ("__builtin__", "builtins")},
    **{(module, "set"): set for module in ("__builtin__", "builtins")},
}
_SPARSE = {
    f"{layout}_{kind}": stand_in
    for layout, stand_in in (("csc", _Csc), ("csr", _Csr), ("coo", _Coo))
    for kind in ("matrix", "array")
}


class _Unpickler(pickle.Unpickler):
    def find_class(self, module_name: str, global_name: str, /) -> Any:  # noqa: ANN401
        if module_name == "chumpy" or module_name.startswith("chumpy."):
            return _Chumpy
        if module_name.startswith("scipy.sparse") and global_name in _SPARSE:
            return _SPARSE[global_name]
        try:
            return _NAMES[module_name, global_name]
        except KeyError:
            raise RefusedNameError(f"{module_name}.{global_name}") from None

    def persistent_load(self, pid: object, /) -> object:
        raise RefusedNameError("a persistent object")
