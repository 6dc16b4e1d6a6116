"""Tables of joint angles and positions, a row a frame: CSV and Parquet.

The unit ends every column's name: ``time_s``, ``unix_time_s``, ``left_knee_flexion_deg``,
``pelvis_x_m``.  ``seen`` is 0 where the person was out of sight, and the row then empty;
``measured`` is 0 where the pose is a prediction.  A take with markers has a column ``marker`` with
their labels, in the rows of their moments.  Positions are joint centres in an upright world
(y up by default), angles those of :mod:`hmr_live.angles`, the pelvis's against that world.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from hmr_live.angles import ANGLES
from hmr_live.body.skeleton import JOINT_NAMES
from hmr_live.core.errors import ExportError
from hmr_live.core.optional_packages import import_package
from hmr_live.export.clip import MotionClip

Columns = dict[str, NDArray[Any]]

#: Digits after the point, by the end of a column's name.
_DIGITS: Final = {"_s": 6, "_deg": 4, "_m": 6, "_confidence": 4}


def write_csv(clip: MotionClip, path: Path) -> None:
    """Write comma-separated values with one header line.

    Raises
    ------
    OSError
        When the disk refuses.
    """
    always, values = _columns(clip)
    stamps = [_formatted(name, column) for name, column in always.items()]
    cells = [_formatted(name, column) for name, column in values.items()]
    empty = "," * (len(cells) - 1)
    with path.open("w", encoding="utf-8", newline="\n") as file:
        file.write(",".join([*always, *values]) + "\n")
        rows = zip(zip(*stamps, strict=True), zip(*cells, strict=True), clip.seen, strict=True)
        for stamp, cell, seen in rows:
            file.write(",".join(stamp) + "," + (",".join(cell) if seen else empty) + "\n")


def write_parquet(clip: MotionClip, path: Path) -> None:
    """Write Apache Parquet; what the columns mean stands in the schema's metadata too.

    Raises
    ------
    ExportError
        When pyarrow is not installed.
    OSError
        When the disk refuses.
    """
    arrow = import_package(
        "pyarrow", "pyarrow", "The Parquet export", extra="export", error=ExportError
    )
    parquet = import_package(
        "pyarrow.parquet", "pyarrow", "The Parquet export", extra="export", error=ExportError
    )
    always, values = _columns(clip)
    columns = {name: arrow.array(column) for name, column in always.items()}
    columns |= {name: arrow.array(column, mask=~clip.seen) for name, column in values.items()}
    metadata = {
        "rate_hz": repr(clip.rate),
        "up": clip.up,
        "units": "s, degrees, metres, by the end of each column's name",
        "angles": json.dumps({angle.name: angle.definition for angle in ANGLES}),
        "body": json.dumps({"name": clip.body.name, "sha256": clip.body.sha256}),
    }
    table = arrow.table(columns).replace_schema_metadata(metadata)
    parquet.write_table(table, path)


def _columns(clip: MotionClip) -> tuple[Columns, Columns]:
    """Columns that every row has, and those that only frames with the person have."""
    always = {
        "time_s": clip.times,
        "unix_time_s": clip.start_unix + clip.times,
        "seen": clip.seen,
        "measured": clip.measured & clip.seen,
    }
    if clip.markers:
        always["marker"] = _labels(clip)
    values: Columns = {
        f"{angle.name.replace(' ', '_')}_deg": clip.angles[:, index]
        for index, angle in enumerate(ANGLES)
    }
    for joint, name in enumerate(JOINT_NAMES):
        for axis in range(3):
            values[f"{name}_{'xyz'[axis]}_m"] = clip.joints[:, joint, axis]
    for joint, name in enumerate(JOINT_NAMES):
        values[f"{name}_confidence"] = clip.confidence[:, joint]
    return always, values


def _labels(clip: MotionClip) -> NDArray[np.object_]:
    """``(T,)`` what is marked at each frame, None where nothing is."""
    labels = np.full(len(clip), None, np.object_)
    for marker in clip.markers:
        frame = round(marker.time * clip.rate)
        before = labels[frame]
        labels[frame] = f"{before}; {marker.label}" if before else marker.label
    return labels


def _formatted(name: str, column: NDArray[Any]) -> list[str]:
    if column.dtype == np.bool_:
        return [str(int(value)) for value in column]
    if column.dtype == np.object_:
        return [_quoted(text) if text else "" for text in column]
    digits = next(digits for end, digits in _DIGITS.items() if name.endswith(end))
    return [f"{value:.{digits}f}" for value in column.tolist()]


def _quoted(text: str) -> str:
    """Text as a cell of CSV (RFC 4180)."""
    return '"' + text.replace('"', '""') + '"'
