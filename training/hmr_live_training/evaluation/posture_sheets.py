"""Contact sheets of recovered bodies: the picture, the overlay, and the body from both sides.

``python -m hmr_live_training.evaluation.posture_sheets NETWORK --data ../shared/data --out DIR``

An overlay may fit although the body crouches behind it.  Each row shows what the side views say:
drawn people, frames of the clips, and development photos.  Judge them as a physiotherapist would.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import cv2
import numpy as np
from numpy.typing import NDArray

from hmr_live.body.model import BodyModel
from hmr_live.body.rotations import matrix_from_axis_angle
from hmr_live.capture.sources import VideoFile
from hmr_live.core.state import BodyState, Frame, Image
from hmr_live.recovery.frame_camera import default_focal_length, project
from hmr_live.recovery.pipeline import Pipeline
from hmr_live.render.offscreen import OffscreenRenderer
from hmr_live_training.data.crops import content_rectangle
from hmr_live_training.data.lspet import load_lspet
from hmr_live_training.evaluation.datasets.posture import (
    STANDING_VIEWS,
    draw_people,
    sitting,
    squatting,
    standing,
)
from hmr_live_training.evaluation.datasets.studio import Studio

Array = NDArray[np.floating[Any]]

#: Pixels of a tile, and tiles a row: picture, overlay and two sides, twice.
_TILE: Final = 256
_ACROSS: Final = 2
_PHOTOS: Final = 40
_FRAMES: Final = 6
_GREY: Final = 70
#: Metres to the body in the views from the sides.
_AWAY: Final = 3.6


class SheetMaker:
    """Recovers people and draws them from in front and from both sides."""

    def __init__(self, network: Path, *, threads: int) -> None:
        self._body = BodyModel.default()
        self._pipeline = Pipeline.open(
            network=network, backend="onnxruntime", threads=threads, smoothing=False
        )
        self._renderer = OffscreenRenderer(self._body)

    def row(self, image: Image) -> Image:
        """``(256, 1024, 3)``: the picture, the overlay, from the person's right and left."""
        bodies = self._pipeline.recover(image)
        frame = Frame(image, 0.0, 0)
        tiles = [image, self._renderer.overlay(frame, bodies)]
        empty = np.full((_TILE, _TILE, 3), _GREY, np.uint8)
        for turn in (np.pi / 2, -np.pi / 2):
            seen = [self._turned(body, turn) for body in bodies[:1]]
            tiles.append(self._renderer.overlay(Frame(empty, 0.0, 0), seen, opacity=1.0))
        return np.hstack([_fitted(tile) for tile in tiles])

    def _turned(self, body: BodyState, turn: float) -> BodyState:
        """The body seen from a side, in the middle of a square frame."""
        about = matrix_from_axis_angle(np.array([0.0, turn, 0.0])).astype(np.float32)
        rotmats = body.rotmats.copy()
        rotmats[0] = about @ rotmats[0]
        joints = self._body.joints(rotmats, body.betas)
        middle = (joints.min(axis=0) + joints.max(axis=0)) / 2
        transl = np.array([0, 0, _AWAY], np.float32) - middle
        focal, size = default_focal_length((_TILE, _TILE)), (_TILE, _TILE)
        placed = joints + transl
        return replace(
            body,
            rotmats=rotmats,
            transl=transl.astype(np.float32),
            focal_length=focal * 1.6,
            joints=placed,
            joints_2d=project(placed, focal * 1.6, size),
        )

    def close(self) -> None:
        """Release the OpenGL context."""
        self._renderer.close()


def _fitted(image: Image) -> Image:
    """The picture in a square tile, with grey bars."""
    height, width = image.shape[:2]
    scale = _TILE / max(height, width)
    small = cv2.resize(
        image, (round(width * scale), round(height * scale)), interpolation=cv2.INTER_AREA
    )
    tile = np.full((_TILE, _TILE, 3), _GREY, np.uint8)
    top, left = (_TILE - small.shape[0]) // 2, (_TILE - small.shape[1]) // 2
    tile[top : top + small.shape[0], left : left + small.shape[1]] = small
    return tile


def drawn_pictures(data: Path) -> Iterator[Image]:
    """Drawn people who stand, sit and squat."""
    studio = Studio(data)
    for pose in (standing, sitting, squatting):
        for view in STANDING_VIEWS[:4]:
            for person in draw_people(studio, view, pose, 2):
                yield person.image
    studio.close()


def clip_pictures(data: Path) -> Iterator[Image]:
    """Some frames of every clip."""
    for path in sorted((data / "videos").glob("*.m*")):
        if path.suffix not in (".mp4", ".mkv"):
            continue
        source = VideoFile(path)
        wanted = set(np.linspace(0, source.frame_count - 2, _FRAMES).astype(int).tolist())
        for number in range(source.frame_count):
            frame = source.read()
            if frame is None:
                break
            if number in wanted:
                yield frame.image
        source.close()


def photo_pictures(data: Path) -> Iterator[Image]:
    """Development photos without their padding."""
    photos = load_lspet(data, "development")
    for index in np.linspace(0, len(photos) - 1, _PHOTOS).astype(int).tolist():
        image = photos.image(index)
        left, top, right, bottom = content_rectangle(image)
        yield np.ascontiguousarray(image[top:bottom, left:right])


def main(arguments: list[str] | None = None) -> None:
    """Command line; see the module's docstring."""
    parser = argparse.ArgumentParser(
        prog="python -m hmr_live_training.evaluation.posture_sheets", description=__doc__
    )
    parser.add_argument("network", type=Path)
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--threads", type=int, default=1)
    o = parser.parse_args(arguments)
    o.out.mkdir(parents=True, exist_ok=True)
    # Two OpenGL contexts would get in each other's way: all is drawn before anything is recovered.
    sheets = {
        "drawn": list(drawn_pictures(o.data)),
        "clips": list(clip_pictures(o.data)),
        "photos": list(photo_pictures(o.data)),
    }
    maker = SheetMaker(o.network, threads=o.threads)
    for name, pictures in sheets.items():
        rows = [maker.row(image) for image in pictures]
        rows += [np.zeros_like(rows[0])] * (-len(rows) % _ACROSS)
        lines = [np.hstack(rows[k : k + _ACROSS]) for k in range(0, len(rows), _ACROSS)]
        path = o.out / f"{o.network.stem}_{name}.jpg"
        cv2.imwrite(str(path), np.vstack(lines))
        print(path)
    maker.close()


if __name__ == "__main__":
    main()
