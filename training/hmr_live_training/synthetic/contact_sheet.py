"""A contact sheet of samples with their labels, for inspection."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Final

import cv2
import numpy as np

from hmr_live.body.skeleton import JOINT_NAMES, PARENTS
from hmr_live.core.state import Image
from hmr_live_training.synthetic.labels import HIDDEN, OUTSIDE, Sample

_LEFT: Final = (60, 200, 60)
_RIGHT: Final = (60, 60, 230)
_MIDDLE: Final = (230, 180, 60)


def contact_sheet(samples: Iterable[Sample], columns: int = 8, *, joints: bool = True) -> Image:
    """Samples side by side: left side green, right side red, hidden joints as rings."""
    tiles = [_tile(sample, joints=joints) for sample in samples]
    while len(tiles) % columns:
        tiles.append(np.zeros_like(tiles[0]))
    rows = [np.hstack(tiles[k : k + columns]) for k in range(0, len(tiles), columns)]
    return np.asarray(np.vstack(rows), np.uint8)


def write_sheet(path: Path, samples: Iterable[Sample], columns: int = 8) -> None:
    """Write each row of samples without and, below it, with labels."""
    kept = list(samples)
    plain = contact_sheet(kept, columns, joints=False)
    drawn = contact_sheet(kept, columns)
    side = len(kept[0].image)
    rows = [
        sheet[row : row + side] for row in range(0, len(plain), side) for sheet in (plain, drawn)
    ]
    cv2.imwrite(str(path), np.vstack(rows))


def _tile(sample: Sample, *, joints: bool) -> Image:
    tile = sample.image.copy()
    labels = sample.labels
    if not joints or not labels.person:
        return tile
    outline, _ = cv2.findContours(
        sample.mask.astype(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE
    )
    cv2.drawContours(tile, outline, -1, (255, 255, 255), 1)
    pixels = np.clip(np.round(labels.joints_2d * 16), -(2**20), 2**20).astype(int)
    for joint, parent in enumerate(PARENTS):
        color = _color(JOINT_NAMES[joint])
        if parent >= 0 and labels.joint_visibility[[joint, parent]].min() > OUTSIDE:
            ends = tuple(map(int, pixels[parent])), tuple(map(int, pixels[joint]))
            cv2.line(tile, *ends, color, 1, cv2.LINE_AA, 4)
    for joint, code in enumerate(labels.joint_visibility):
        if code > OUTSIDE:
            centre = (int(pixels[joint, 0]), int(pixels[joint, 1]))
            thickness = 1 if code == HIDDEN else -1
            cv2.circle(tile, centre, 40, _color(JOINT_NAMES[joint]), thickness, cv2.LINE_AA, 4)
    return tile


def _color(name: str) -> tuple[int, int, int]:
    return _LEFT if name.startswith("left") else _RIGHT if name.startswith("right") else _MIDDLE
