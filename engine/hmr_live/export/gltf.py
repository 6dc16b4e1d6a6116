"""glTF 2.0 binary (``.glb``): mesh, skin, 24 joints and their animation; y up, metres.

The betas are in the mesh at rest.  Skinning in glTF is linear and knows no pose correctives, see
:mod:`hmr_live.export.rig`: joints are exact, the surface near bent joints is not SMPL's.  Rotations
are keyframes of every frame, the pelvis has a position too; programs interpolate linearly.  The
take's markers are the animation's ``extras.markers``: ``time`` in seconds, ``label``.
"""

from __future__ import annotations

import json
import struct
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from hmr_live.body.skeleton import JOINT_NAMES, NUM_JOINTS, PARENTS
from hmr_live.core.version import __version__
from hmr_live.export.clip import MotionClip
from hmr_live.export.rig import ExportRig, Skin, quaternions

_FLOAT, _UNSIGNED_BYTE, _UNSIGNED_INT = 5126, 5121, 5125
_ARRAY_BUFFER, _ELEMENT_BUFFER = 34962, 34963
_TYPES: Final = {1: "SCALAR", 3: "VEC3", 4: "VEC4", 16: "MAT4"}
_COMPONENTS: Final = {"f4": _FLOAT, "u1": _UNSIGNED_BYTE, "u4": _UNSIGNED_INT}
_MAGIC, _JSON, _BIN = 0x46546C67, 0x4E4F534A, 0x004E4942
#: Node of the mesh; the joints are the nodes after it, in SMPL's order.
_MESH_NODE, _FIRST_JOINT = 0, 1
_SKIN_COLOUR: Final = (0.55, 0.62, 0.72, 1.0)


def write_gltf(clip: MotionClip, path: Path) -> None:
    """Write a clip whose world has y up, as glTF asks for.

    Raises
    ------
    OSError
        When the disk refuses.
    """
    rig, skin = ExportRig.of(clip), Skin.of(clip)
    buffer = _BinaryBuffer()
    attributes = {
        "POSITION": buffer.add(skin.vertices, target=_ARRAY_BUFFER, bounds=True),
        "NORMAL": buffer.add(skin.normals, target=_ARRAY_BUFFER),
        "JOINTS_0": buffer.add(skin.joints, target=_ARRAY_BUFFER),
        "WEIGHTS_0": buffer.add(skin.weights, target=_ARRAY_BUFFER),
    }
    indices = buffer.add(skin.faces.reshape(-1), target=_ELEMENT_BUFFER)
    bind = np.tile(np.eye(4, dtype=np.float32), (NUM_JOINTS, 1, 1))
    bind[:, :3, 3] = -rig.rest
    # glTF's matrices are written column by column.
    inverse_bind = buffer.add(bind.transpose(0, 2, 1).reshape(NUM_JOINTS, 16))
    joints = list(range(_FIRST_JOINT, _FIRST_JOINT + NUM_JOINTS))
    mesh = {
        "name": clip.body.name,
        "primitives": [{"attributes": attributes, "indices": indices, "material": 0}],
    }
    document = {
        "asset": _asset(clip),
        "scene": 0,
        "scenes": [{"name": clip.name, "nodes": [_MESH_NODE, _FIRST_JOINT]}],
        "nodes": [{"name": "body", "mesh": 0, "skin": 0}, *_joint_nodes(rig)],
        "meshes": [mesh],
        "materials": [_material()],
        "skins": [
            {"inverseBindMatrices": inverse_bind, "joints": joints, "skeleton": _FIRST_JOINT}
        ],
        "animations": [_animation(clip, rig, buffer)],
        **buffer.describe(),
    }
    path.write_bytes(_binary(document, buffer.data))


def _asset(clip: MotionClip) -> dict[str, Any]:
    asset = {
        "version": "2.0",
        "generator": f"hmr-live {__version__}",
        "extras": {
            "unit": "metre",
            "betas": [round(float(beta), 6) for beta in clip.betas],
            "body_sha256": clip.body.sha256,
            "pose_correctives": "not contained: linear blend skinning only",
        },
    }
    return asset | ({"copyright": clip.body.licence} if clip.body.licence else {})


def _material() -> dict[str, Any]:
    surface = {"baseColorFactor": _SKIN_COLOUR, "metallicFactor": 0.0, "roughnessFactor": 0.7}
    return {"name": "body", "pbrMetallicRoughness": surface}


def _joint_nodes(rig: ExportRig) -> list[dict[str, Any]]:
    nodes = []
    for joint, parent in enumerate(PARENTS):
        place = rig.rest[joint] - (rig.rest[parent] if parent >= 0 else 0)
        node: dict[str, Any] = {"name": JOINT_NAMES[joint], "translation": place.tolist()}
        children = [_FIRST_JOINT + c for c, above in enumerate(PARENTS) if above == joint]
        nodes.append(node | ({"children": children} if children else {}))
    return nodes


def _animation(clip: MotionClip, rig: ExportRig, buffer: _BinaryBuffer) -> dict[str, Any]:
    times = buffer.add(clip.times.astype(np.float32), bounds=True)
    turns = quaternions(rig.rotmats).astype(np.float32)
    tracks = [("translation", 0, rig.pelvis.astype(np.float32))]
    tracks += [("rotation", joint, turns[:, joint]) for joint in range(NUM_JOINTS)]
    samplers = [
        {"input": times, "output": buffer.add(values), "interpolation": "LINEAR"}
        for _, _, values in tracks
    ]
    channels = [
        {"sampler": number, "target": {"node": _FIRST_JOINT + joint, "path": path}}
        for number, (path, joint, _) in enumerate(tracks)
    ]
    animation = {"name": clip.name, "samplers": samplers, "channels": channels}
    markers = [{"time": marker.time, "label": marker.label} for marker in clip.markers]
    return animation | ({"extras": {"markers": markers}} if markers else {})


class _BinaryBuffer:
    """The one binary buffer, with a view and an accessor for every array in it."""

    def __init__(self) -> None:
        self.data = bytearray()
        self._views: list[dict[str, Any]] = []
        self._accessors: list[dict[str, Any]] = []

    def add(self, array: NDArray[Any], *, target: int | None = None, bounds: bool = False) -> int:
        """Append ``(N,)`` or ``(N, C)``; return the accessor's number.

        ``bounds`` writes the smallest and largest values, which glTF wants for positions and
        times.
        """
        array = np.ascontiguousarray(array)
        data = array.tobytes()
        view: dict[str, Any] = {
            "buffer": 0,
            "byteOffset": len(self.data),
            "byteLength": len(data),
        }
        self._views.append(view | ({"target": target} if target else {}))
        self.data += data + bytes(-len(data) % 4)
        accessor: dict[str, Any] = {
            "bufferView": len(self._views) - 1,
            "componentType": _COMPONENTS[array.dtype.str[1:]],
            "count": len(array),
            "type": _TYPES[array[0].size],
        }
        if bounds:
            columns = array.reshape(len(array), -1).astype(np.float64)
            accessor["min"] = columns.min(axis=0).tolist()
            accessor["max"] = columns.max(axis=0).tolist()
        self._accessors.append(accessor)
        return len(self._accessors) - 1

    def describe(self) -> dict[str, Any]:
        """What the document says about the buffer."""
        return {
            "buffers": [{"byteLength": len(self.data)}],
            "bufferViews": self._views,
            "accessors": self._accessors,
        }


def _binary(document: dict[str, Any], data: bytes | bytearray) -> bytes:
    """Container: header, then the document padded with spaces, then the buffer; little-endian."""
    text = json.dumps(document, separators=(",", ":"), ensure_ascii=False).encode()
    text += b" " * (-len(text) % 4)
    total = 12 + 8 + len(text) + 8 + len(data)
    return b"".join(
        [
            struct.pack("<III", _MAGIC, 2, total),
            struct.pack("<II", len(text), _JSON),
            text,
            struct.pack("<II", len(data), _BIN),
            data,
        ]
    )
