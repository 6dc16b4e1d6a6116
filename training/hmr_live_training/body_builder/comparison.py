"""Compares a rebuilt body with the shipped one.

With the same processor kernels and library versions it does to the last digit.  Others move the
last digits, which the tolerances below allow; and since decimation is chaotic, they may also make
it choose other triangles.  Then the rebuilt full body is carried over to the shipped triangles,
and both are posed: a body is what it does.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hmr_live.body.model import BodyModel
from hmr_live.body.rotations import matrix_from_axis_angle
from hmr_live.body.skeleton import NUM_BETAS, NUM_JOINTS
from hmr_live.core.errors import AssetError
from hmr_live_training.body_builder.body_npz import OpenBody, rounded, write_body
from hmr_live_training.body_builder.decimation import carry_over

#: Largest difference by array; metres where it has a unit.  Arrays not named here are equal.
TOLERANCES = {
    "v_template": 2e-6,
    "shapedirs": 5e-6,
    # A corrective at the threshold of 3e-5 may vanish.
    "posedirs": 4e-5,
    "weights": 1e-5,
    "J_regressor": 1e-4,
    "J": 5e-6,
}
#: Largest distance between the vertices of both bodies in random poses and shapes, metres.
TOLERANCE_POSED = 3e-4
_POSES = 30


@dataclass(frozen=True)
class BodyComparison:
    """Whether two bodies are equal, and the differences as lines of text."""

    equal: bool
    lines: list[str]


def compare(rebuilt: Path, rebuilt_full: OpenBody, shipped: Path) -> BodyComparison:
    """Compare a rebuilt file with the shipped one.

    Parameters
    ----------
    rebuilt, shipped
        Body files.
    rebuilt_full
        The body from which ``rebuilt`` was decimated.

    Raises
    ------
    AssetError
        A file cannot be read.
    """
    differences = array_differences(_load(rebuilt), _load(shipped))
    if differences.get("f") == 0:
        limits = {key: TOLERANCES.get(key, 0.0) for key in differences}
        lines = [
            f"{key:18}{difference:10.1e}  at most {limits[key]:.0e}"
            for key, difference in differences.items()
        ]
        return BodyComparison(all(differences[key] <= limits[key] for key in differences), lines)
    distance = posed_distance(rebuilt_full, shipped)
    return BodyComparison(
        distance <= TOLERANCE_POSED,
        [
            "The decimation chose other triangles here, so the shipped ones were posed:",
            f"vertices {1e3 * distance:.3f} mm apart, at most {1e3 * TOLERANCE_POSED} mm",
        ],
    )


def array_differences(
    first: dict[str, NDArray[Any]], second: dict[str, NDArray[Any]]
) -> dict[str, float]:
    """Return the largest difference of each array.

    It is infinite for text and integers that differ at all, for other shapes, and for arrays that
    only one side has.
    """
    differences = {}
    for key in sorted(first.keys() | second.keys()):
        a, b = first.get(key), second.get(key)
        if a is None or b is None or a.shape != b.shape or a.dtype.kind != b.dtype.kind:
            differences[key] = np.inf
        elif a.dtype.kind == "f":
            differences[key] = float(np.abs(a - b).max())
        else:
            differences[key] = 0.0 if np.array_equal(a, b) else np.inf
    return differences


def posed_distance(full: OpenBody, shipped: Path) -> float:
    """Carry ``full`` over to the shipped mesh, pose both, return the largest distance (m)."""
    reference = BodyModel.load(shipped)
    carried = rounded(carry_over(full, reference.v_template, reference.faces))
    with TemporaryDirectory() as folder:
        path = Path(folder) / "carried.npz"
        write_body(path, carried)
        body = BodyModel.load(path)
    random = np.random.default_rng(0)
    largest = 0.0
    for _ in range(_POSES):
        rotmats = matrix_from_axis_angle(random.normal(0, 0.4, (NUM_JOINTS, 3)))
        betas = random.normal(size=NUM_BETAS)
        moved = body.forward(rotmats, betas).vertices - reference.forward(rotmats, betas).vertices
        largest = max(largest, float(np.linalg.norm(moved, axis=1).max()))
    return largest


def _load(path: Path) -> dict[str, NDArray[Any]]:
    try:
        with np.load(path, allow_pickle=False) as archive:
            return dict(archive)
    except (OSError, ValueError) as error:
        raise AssetError(f"'{path}' cannot be compared ({error}); give an .npz body.") from error
