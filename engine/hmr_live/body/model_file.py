"""Reads and checks body model files in SMPL format: our ``.npz``, official ``.npz`` and ``.pkl``.

A file is taken only if everything in it is what SMPL (Loper et al. 2015) says: 24 joints in
SMPL's tree, consistent shapes, finite numbers.  Anything else raises one clear error.
"""

from __future__ import annotations

import hashlib
import io
import zipfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hmr_live.body.safe_pickle import RefusedNameError, dense_array, read_smpl_pickle
from hmr_live.body.skeleton import NUM_BETAS, NUM_JOINTS, PARENTS
from hmr_live.core.errors import AssetError

FloatArray = NDArray[np.float32]

_MAX_FILE_BYTES = 1 << 30
_MAX_ARRAY_BYTES = 1 << 29
_NUM_POSE_FEATURES = 9 * (NUM_JOINTS - 1)
#: Bodies that look like SMPL but are not, by their number of joints.
_RELATIVES = {55: "an SMPL-X", 52: "an SMPL-H", 16: "a MANO hand", 5: "a FLAME head"}


@dataclass(frozen=True)
class BodyFile:
    """Checked content of a body file, V vertices and F triangles.

    Attributes
    ----------
    v_template
        Rest vertices (T-pose, mean shape), ``(V, 3)`` metres, y up.
    faces
        Vertex numbers of the triangles, ``(F, 3)`` int32.
    shapedirs
        Displacement of the vertices for each beta, ``(V, 3, 10)`` metres.
    posedirs
        Displacement for each pose feature (rotation matrices minus identity), ``(V, 3, 207)``.
    weights
        Skinning weights, ``(V, 24)``, rows sum to 1.
    j_regressor
        Rest joints as weighted means of the shaped vertices, ``(24, V)``.
    vertex_ids
        Named surface points, e.g. ``nose``; empty when the file names none.
    name
        File name without its ending.
    licence
        What the file says about its licence, or an empty string.
    sha256
        Checksum of the file's bytes, hexadecimal.
    """

    v_template: FloatArray
    faces: NDArray[np.int32]
    shapedirs: FloatArray
    posedirs: FloatArray
    weights: FloatArray
    j_regressor: FloatArray
    vertex_ids: dict[str, int]
    name: str
    licence: str
    sha256: str


class _NotSmplError(Exception):
    """What is wrong, as the end of the sentence "<file> cannot be used as body: ..."."""


def read_body_file(path: Path | str) -> BodyFile:
    """Read a body model file.

    Parameters
    ----------
    path
        Our ``.npz`` or an official SMPL ``.npz`` or ``.pkl``; recognised by content, not by name.
        Of the 300 shape directions of some official files the first 10 are kept.

    Raises
    ------
    AssetError
        The file cannot be read, is damaged, is no SMPL body, or asks to run code.
    """
    path = Path(path)
    data = _read_bytes(path)
    try:
        array, text = _open_npz(data) if data[:2] == b"PK" else _open_pickle(data)
        return _checked(array, text, name=path.stem, sha256=hashlib.sha256(data).hexdigest())
    except _NotSmplError as error:
        raise AssetError(
            f"'{path}' cannot be used as body model: {error}; "
            "choose an SMPL .npz or .pkl file with 24 joints."
        ) from error


def _read_bytes(path: Path) -> bytes:
    try:
        if path.stat().st_size > _MAX_FILE_BYTES:
            raise AssetError(
                f"'{path}' is larger than 1 GiB and so no SMPL body model; "
                "choose an SMPL .npz or .pkl file."
            )
        return path.read_bytes()
    except OSError as error:
        reason = "is a folder" if path.is_dir() else (error.strerror or str(error)).lower()
        raise AssetError(
            f"The body model '{path}' cannot be read ({reason}); check the path."
        ) from error


# ------------------------------------------------------------------------------ two containers

_GetArray = Callable[[str], NDArray[Any] | None]
_Texts = Mapping[str, NDArray[np.str_]]


def _open_npz(data: bytes) -> tuple[_GetArray, _Texts]:
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            sizes = [member.file_size for member in archive.infolist()]
        # Before unpacking: a few kilobytes can unpack to terabytes.
        if max(sizes, default=0) > _MAX_ARRAY_BYTES:
            raise _NotSmplError("an array in it is larger than 512 MiB")
        archive_arrays = np.load(io.BytesIO(data), allow_pickle=False)
    except (zipfile.BadZipFile, ValueError, OSError, EOFError, NotImplementedError) as error:
        raise _NotSmplError("the file is damaged or incomplete") from error

    def array(key: str) -> NDArray[Any] | None:
        if key not in archive_arrays.files:
            return None
        try:
            return np.asarray(archive_arrays[key])
        # zlib.error, BadZipFile, ValueError (objects, bad header), EOFError ...: all damage.
        except Exception as error:
            raise _NotSmplError(f"its array '{key}' is damaged or holds no numbers") from error

    texts = {}
    for key in ("licence", "vertex_id_names"):
        value = array(key)
        if value is not None and value.dtype.kind == "U":
            texts[key] = value
    return array, texts


def _open_pickle(data: bytes) -> tuple[_GetArray, _Texts]:
    try:
        content = read_smpl_pickle(data)
    except RefusedNameError as error:
        raise _NotSmplError(
            f"it asks for {str(error)[:80]!r}, which no SMPL file needs, so nothing of it was run"
        ) from error
    except ValueError as error:
        raise _NotSmplError(
            "it is neither an .npz nor a .pkl file, or it is damaged or incomplete"
        ) from error

    def array(key: str) -> NDArray[Any] | None:
        if key not in content:
            return None
        try:
            return dense_array(content[key])
        except Exception as error:
            raise _NotSmplError(f"its array '{key}' is damaged or holds no numbers") from error

    return array, {}


# ------------------------------------------------------------------------------------- checks


def _checked(array: _GetArray, text: _Texts, *, name: str, sha256: str) -> BodyFile:
    weights = _floats(array, "weights", (None, None))
    if weights.shape[1] != NUM_JOINTS:
        kind = _RELATIVES.get(weights.shape[1], "a")
        raise _NotSmplError(
            f"it holds {kind} model with {weights.shape[1]} joints where SMPL has {NUM_JOINTS}"
        )
    count = len(weights)
    if weights.min() < -1e-3 or not np.allclose(weights.sum(axis=1), 1, atol=1e-2):
        raise _NotSmplError("its skinning weights do not sum to 1")
    _check_tree(array("kintree_table"))
    shapedirs = _floats(array, "shapedirs", (count, 3, None))
    if shapedirs.shape[2] < NUM_BETAS:
        raise _NotSmplError(f"it has {shapedirs.shape[2]} shape directions instead of {NUM_BETAS}")
    return BodyFile(
        v_template=_floats(array, "v_template", (count, 3)),
        faces=_faces(array, count),
        shapedirs=np.ascontiguousarray(shapedirs[:, :, :NUM_BETAS]),
        posedirs=_floats(array, "posedirs", (count, 3, _NUM_POSE_FEATURES)),
        weights=weights,
        j_regressor=_floats(array, "J_regressor", (NUM_JOINTS, count)),
        vertex_ids=_vertex_ids(array, text, count),
        name=name,
        licence=str(text.get("licence", "")),
        sha256=sha256,
    )


def _required(array: _GetArray, key: str) -> NDArray[Any]:
    found = array(key)
    if found is None:
        raise _NotSmplError(f"its array '{key}' is missing")
    return found


def _floats(array: _GetArray, key: str, shape: tuple[int | None, ...]) -> FloatArray:
    found = _required(array, key)
    fits = len(found.shape) == len(shape) and all(
        wanted is None or length == wanted
        for length, wanted in zip(found.shape, shape, strict=True)
    )
    if not fits or found.size == 0:
        wanted_text = " x ".join("n" if length is None else str(length) for length in shape)
        shape_text = " x ".join(map(str, found.shape)) or "one number"
        raise _NotSmplError(f"its array '{key}' is {shape_text} instead of {wanted_text}")
    if found.dtype.kind not in "iuf":
        raise _NotSmplError(f"its array '{key}' holds no numbers")
    with np.errstate(over="ignore"):
        floats = np.ascontiguousarray(found, dtype=np.float32)
    if not np.isfinite(floats).all():
        raise _NotSmplError(f"its array '{key}' holds values that are not finite")
    return floats


def _faces(array: _GetArray, count: int) -> NDArray[np.int32]:
    faces = _required(array, "f")
    if faces.ndim != 2 or faces.shape[1] != 3 or len(faces) == 0 or faces.dtype.kind not in "iu":
        raise _NotSmplError("its array 'f' is no list of triangles")
    if int(faces.min()) < 0 or int(faces.max()) >= count:
        raise _NotSmplError("its triangles name vertices that do not exist")
    return np.ascontiguousarray(faces, dtype=np.int32)


def _check_tree(table: NDArray[Any] | None) -> None:
    """Compare ``kintree_table`` (2, 24), whose root parent is -1 or 2**32 - 1, with SMPL's tree."""
    if table is None:
        raise _NotSmplError("its array 'kintree_table' is missing")
    fits = table.shape == (2, NUM_JOINTS) and table.dtype.kind in "iu"
    if not fits or tuple(table[0, 1:].tolist()) != PARENTS[1:]:
        raise _NotSmplError("its joints are not connected as SMPL's")


def _vertex_ids(array: _GetArray, text: _Texts, count: int) -> dict[str, int]:
    names, values = text.get("vertex_id_names"), array("vertex_id_values")
    if names is None or values is None:
        return {}
    fits = names.ndim == 1 and names.shape == values.shape and values.dtype.kind in "iu"
    if not fits or (values.size and not 0 <= int(values.min()) <= int(values.max()) < count):
        raise _NotSmplError("its named vertices do not exist")
    return {str(key): int(value) for key, value in zip(names, values, strict=True)}
