"""Reads MakeHuman's proxies: a mesh (``.obj``) and how it hangs on the base mesh (``.mhclo``)."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hmr_live.core.errors import AssetError

Floats = NDArray[np.floating[Any]]
Ints = NDArray[np.integer[Any]]

#: Words of a line that binds a vertex to three vertices: numbers, weights, offset.
_BOUND_TO_TRIANGLE = 9


@dataclass(frozen=True)
class Proxy:
    """A mesh of N vertices that is bound to the base mesh.

    Attributes
    ----------
    corners, shares
        Vertices of the base mesh that carry each vertex, and their weights, ``(N, 3)`` each.
    offsets
        ``(N, 3)`` decimetres, before ``scales``.
    scales
        For each axis the two vertices of the base mesh whose distance along it is the measure, and
        the distance at which the offsets were recorded.
    faces, uv_faces
        Triangles ``(F, 3)``: numbers of vertices and of texture coordinates.
    uv
        ``(T, 2)``.
    """

    corners: Ints
    shares: Floats
    offsets: Floats
    scales: dict[int, tuple[int, int, float]]
    faces: Ints
    uv_faces: Ints
    uv: Floats

    def on(self, base: Floats) -> Floats:
        """Vertices ``(N, 3)`` on a shape of the base mesh, in its rest pose and unit."""
        offsets = self.offsets.copy()
        for axis, (first, second, measured) in self.scales.items():
            offsets[:, axis] *= abs(base[first, axis] - base[second, axis]) / measured
        return self.carried(base) + offsets

    def carried(self, field: Floats) -> Floats:
        """Mix a field over the base mesh, ``(19158, ...)`` -> ``(N, ...)``."""
        return np.asarray(np.einsum("nk,nk...->n...", self.shares, field[self.corners]))


def read_proxy(path: Path) -> Proxy:
    """Read a ``.mhclo`` file and the ``.obj`` file of the same name beside it.

    Raises
    ------
    AssetError
        The files cannot be read or do not belong together.
    """
    try:
        binding = path.read_text(encoding="utf-8", errors="replace").splitlines()
        mesh = path.with_suffix(".obj").read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError as error:
        raise AssetError(f"'{path}' cannot be read: {error}.") from error
    scales, rows = _parse_binding(binding)
    count, uv, faces, uv_faces = _parse_mesh(mesh)
    if len(rows) != count:
        raise AssetError(
            f"'{path}' binds {len(rows)} vertices, but its .obj file has {count}; get both files "
            "from the same release of MakeHuman's assets."
        )
    return Proxy(rows[:, :3].astype(int), rows[:, 3:6], rows[:, 6:], scales, faces, uv_faces, uv)


def _parse_binding(lines: list[str]) -> tuple[dict[int, tuple[int, int, float]], Floats]:
    scales: dict[int, tuple[int, int, float]] = {}
    rows: list[list[float]] = []
    section = ""
    for line in lines:
        words = line.split()
        if not words or words[0].startswith("#"):
            continue
        if words[0] in ("x_scale", "y_scale", "z_scale"):
            scales["xyz".index(words[0][0])] = (int(words[1]), int(words[2]), float(words[3]))
        elif words[0] in ("verts", "delete_verts"):
            section = words[0]
        elif section == "verts" and words[0].isdigit():
            numbers = [float(word) for word in words]
            if len(numbers) < _BOUND_TO_TRIANGLE:
                numbers = [numbers[0]] * 3 + [1.0] + [0.0] * 5
            rows.append(numbers[:_BOUND_TO_TRIANGLE])
    return scales, np.array(rows).reshape(-1, _BOUND_TO_TRIANGLE)


def _parse_mesh(lines: list[str]) -> tuple[int, Floats, Ints, Ints]:
    """Count of vertices, texture coordinates, triangles, triangles of texture coordinates."""
    count, uv, triangles = 0, [], []
    for line in lines:
        kind, *words = line.split() or [""]
        if kind == "v":
            count += 1
        elif kind == "vt":
            uv.append([float(word) for word in words[:2]])
        elif kind == "f":
            corners = [[int(number) - 1 for number in word.split("/")[:2]] for word in words]
            triangles += [[corners[0], *corners[k : k + 2]] for k in range(1, len(corners) - 1)]
    numbers = np.array(triangles).reshape(-1, 3, 2)
    return count, np.array(uv), numbers[:, :, 0], numbers[:, :, 1]
