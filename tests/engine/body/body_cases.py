"""A tiny body in SMPL format, and files of it, for tests that need no real one."""

from __future__ import annotations

import pickle
import sys
import types
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from hmr_live.body.skeleton import NUM_JOINTS, PARENTS

NUM_VERTICES = 40


def tiny_body(num_shapes: int = 10, seed: int = 0) -> dict[str, Any]:
    """Random arrays that fit together, in the float64 and with the keys of the official files."""
    random = np.random.default_rng(seed)
    parents = np.array(PARENTS, np.int64)
    parents[0] = 2**32 - 1
    weights = random.random((NUM_VERTICES, NUM_JOINTS))
    regressor = random.random((NUM_JOINTS, NUM_VERTICES)) * (random.random((24, 40)) < 0.3)
    regressor[:, 0] += 0.1
    return {
        "v_template": random.normal(size=(NUM_VERTICES, 3)),
        "f": random.integers(0, NUM_VERTICES, (30, 3)).astype(np.uint32),
        "shapedirs": random.normal(size=(NUM_VERTICES, 3, num_shapes)),
        "posedirs": 0.01 * random.normal(size=(NUM_VERTICES, 3, 207)),
        "weights": weights / weights.sum(axis=1, keepdims=True),
        "J_regressor": regressor / regressor.sum(axis=1, keepdims=True),
        "kintree_table": np.stack([parents, np.arange(NUM_JOINTS)]),
        "bs_type": "lrotmin",
        "bs_style": "lbs",
    }


def write_npz(path: Path, content: dict[str, Any]) -> Path:
    np.savez(path, **content)
    return path


def write_official_pickle(
    path: Path, content: dict[str, Any], *, layout: str = "csc", protocol: int = 2
) -> Path:
    """Write what the official files hold: chumpy arrays and a scipy.sparse regressor.

    The classes are made here under chumpy's and scipy's names, so neither has to be installed.
    """
    with _foreign_modules(layout) as (chumpy_array, chumpy_select, sparse):
        official = dict(content)
        for key in ("v_template", "shapedirs"):
            official[key] = chumpy_array(content[key])
        weights = content["weights"]
        flat = np.concatenate([np.zeros(7), weights.ravel()])
        official["weights"] = chumpy_select(
            chumpy_array(flat), 7 + np.arange(weights.size), weights
        )
        official["J_regressor"] = sparse(content["J_regressor"])
        with path.open("wb") as file:
            pickle.dump(official, file, protocol=protocol)
    return path


@contextmanager
def _foreign_modules(layout: str) -> Iterator[tuple[Any, Any, Any]]:
    class Ch:
        def __init__(self, x: object) -> None:
            self.x = x
            self._dirty_vars: set[str] = set()
            self._itr = None

    class Select:
        def __init__(self, a: object, idxs: object, like: np.ndarray) -> None:
            self.a, self.idxs, self.preferred_shape = a, idxs, like.shape

    class Sparse:
        def __init__(self, dense: np.ndarray) -> None:
            self._shape, self.maxprint = dense.shape, 50
            rows, columns = np.nonzero(dense if layout != "csc" else dense.T)
            if layout == "csc":
                rows, columns = columns, rows
            self.data = dense[rows, columns]
            if layout == "coo":
                self.row, self.col = rows, columns
                return
            major, minor = (columns, rows) if layout == "csc" else (rows, columns)
            length = dense.shape[1] if layout == "csc" else dense.shape[0]
            self.indices = minor.astype(np.int32)
            counts = np.bincount(major, minlength=length)
            self.indptr = np.concatenate([[0], np.cumsum(counts)]).astype(np.int32)

    places = {
        "chumpy.ch": (Ch, "Ch"),
        "chumpy.reordering": (Select, "Select"),
        f"scipy.sparse.{layout}": (Sparse, f"{layout}_matrix"),
    }
    saved = {name: sys.modules.get(name) for name in ("chumpy", *places)}
    sys.modules["chumpy"] = types.ModuleType("chumpy")
    for module_name, (kind, name) in places.items():
        kind.__module__, kind.__name__, kind.__qualname__ = module_name, name, name
        module = types.ModuleType(module_name)
        setattr(module, name, kind)
        sys.modules[module_name] = module
    try:
        yield Ch, Select, Sparse
    finally:
        for name, module_before in saved.items():
            if module_before is None:
                del sys.modules[name]
            else:
                sys.modules[name] = module_before
