"""Joint angles of motion capture before and after straightening, and by everyday class.

``python -m hmr_live_training.data.posture_histograms --data DIR --out FILE.png`` prints a table of
percentiles and draws the histograms: grey as captured, blue straightened, orange as drawn with
everyday weights.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any, Final

import cv2
import numpy as np
from numpy.typing import NDArray

from hmr_live.core.errors import HmrLiveError
from hmr_live.core.state import Image
from hmr_live_training.data.everyday import CLASSES, everyday_frames, posture_classes
from hmr_live_training.data.mocap import load_sequences
from hmr_live_training.data.posture_angles import PostureAngles, posture_angles

Array = NDArray[np.floating[Any]]

#: What is drawn, and up to how many degrees.
RANGES: Final = {"knee": 150, "hip": 150, "elbow": 150, "shoulder": 180, "trunk": 90}
PERCENTILES: Final = (5, 25, 50, 75, 95)
_BIN: Final = 3
_TILE: Final = (320, 220)
#: BGR: captured, straightened, everyday.
_COLORS: Final = ((150, 150, 150), (200, 90, 20), (20, 120, 240))


def main(arguments: list[str] | None = None) -> None:
    """Command line; see the module's docstring."""
    parser = argparse.ArgumentParser(
        prog="hmr_live_training.data.posture_histograms", description=__doc__
    )
    parser.add_argument("--data", type=Path, default=Path("../shared/data"), help="data folder")
    parser.add_argument("--out", type=Path, help="picture to write (.png)")
    given = parser.parse_args(arguments)
    try:
        before = [s.poses for s in load_sequences(given.data, raw=True)]
        after = [s.poses for s in load_sequences(given.data)]
    except HmrLiveError as error:
        sys.exit(str(error))
    captured, straight = (posture_angles(np.concatenate(part)) for part in (before, after))
    classes = np.concatenate([posture_classes(poses) for poses in after])
    drawn = everyday_frames(after)
    print(table(captured, straight, classes, drawn))
    if given.out:
        cv2.imwrite(str(given.out), sheet(captured, straight, drawn))


def table(
    captured: PostureAngles,
    straight: PostureAngles,
    classes: NDArray[np.intp],
    drawn: NDArray[np.intp],
) -> str:
    """Percentiles of each angle as a Markdown table, with the frames of each class."""
    percentiles = " / ".join(map(str, PERCENTILES))
    lines = [
        f"Percentiles {percentiles} in degrees.",
        "",
        f"| | frames | drawn | {' | '.join(RANGES)} |",
        "|---|" + "---|" * (len(RANGES) + 2),
    ]
    everything = np.arange(len(classes))
    rows = [("as captured", captured, everything), ("straightened", straight, everything)]
    rows += [("everyday", straight, drawn)]
    rows += [
        (name, straight, np.flatnonzero(classes == number)) for number, name in enumerate(CLASSES)
    ]
    for name, angles, frames in rows:
        cells = [_percentiles(getattr(angles, angle)[frames]) for angle in RANGES]
        share = np.isin(classes[drawn], np.unique(classes[frames])).mean() if len(frames) else 0.0
        lines.append(f"| {name} | {len(frames):,} | {share:.0%} | {' | '.join(cells)} |")
    return "\n".join(lines)


def sheet(captured: PostureAngles, straight: PostureAngles, drawn: NDArray[np.intp]) -> Image:
    """One histogram an angle, side by side."""
    tiles = []
    for name, top in RANGES.items():
        before, after = getattr(captured, name), getattr(straight, name)
        tiles.append(_tile(name, top, (before, after, after[drawn])))
    return np.asarray(np.hstack(tiles), np.uint8)


def _percentiles(values: Array) -> str:
    if not len(values):
        return ""
    return " / ".join(f"{value + 0.0:.0f}" for value in np.percentile(values, PERCENTILES).round())


def _tile(name: str, top: int, parts: tuple[Array, ...]) -> Image:
    width, height = _TILE
    tile = np.full((height, width, 3), 255, np.uint8)
    edges = np.arange(-9, top + _BIN, _BIN)
    shares = [np.histogram(part, edges)[0] / part.size for part in parts]
    scale = (height - 50) / max(share.max() for share in shares)
    x = np.linspace(10, width - 10, len(edges) - 1)
    for share, color in zip(shares, _COLORS, strict=True):
        line = np.stack([x, height - 25 - share * scale], axis=1).round().astype(np.int32)
        cv2.polylines(tile, [line], False, color, 2, cv2.LINE_AA)
    font = cv2.FONT_HERSHEY_SIMPLEX
    cv2.putText(tile, f"{name}, -9 to {top} degrees", (10, 18), font, 0.5, (0, 0, 0), 1)
    for degrees in range(0, top + 1, 30):
        place = int(np.interp(degrees, edges[:-1] + _BIN / 2, x))
        cv2.putText(tile, str(degrees), (place - 8, height - 6), font, 0.35, (0, 0, 0), 1)
    return tile


if __name__ == "__main__":
    main()
