"""Contact sheets of recovered bodies: the picture, the overlay, and the body from both sides.

An overlay may fit although the body crouches behind it; the side views tell.  Judge them as a
physiotherapist would: could this person stand like that?
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Final, NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from hmr_live.body.rotations import matrix_from_axis_angle
from hmr_live.capture.sources import VideoFile
from hmr_live.core.state import BodyState, CropBox, Frame, Image
from hmr_live.recovery.crop import crop_box_from_joints
from hmr_live.recovery.crop_to_camera import CropToCamera
from hmr_live.recovery.detector import PersonDetector
from hmr_live.recovery.frame_camera import default_focal_length, project
from hmr_live.recovery.pipeline import Pipeline
from hmr_live.render.offscreen import OffscreenRenderer
from hmr_live_training.data.crops import crop_box_from_lsp
from hmr_live_training.data.lspet import load_lspet
from hmr_live_training.evaluation.datasets.posture import draw_people
from hmr_live_training.evaluation.datasets.posture_figures import SCENES, knee_bends, picture_of
from hmr_live_training.evaluation.datasets.posture_seen import TRUE_CLIP, TRUTH, unpadded
from hmr_live_training.evaluation.datasets.studio import Studio
from hmr_live_training.evaluation.datasets.triangulated import TrueCamera, load_camera
from hmr_live_training.evaluation.estimators import NetworkEstimator
from hmr_live_training.evaluation.progress import ProgressLog

Array = NDArray[np.floating[Any]]

#: Pixels of a tile; a person has four in a row, and a row has two people.
_TILE: Final = 256
_ACROSS: Final = 2
#: People before each camera, frames of each clip, and photos.
_PEOPLE: Final = 2
_FRAMES: Final = 6
_PHOTOS: Final = 40
_VIDEOS: Final = (".mp4", ".mkv")
_GREY: Final = 70
#: Pixels of a caption's height.
_CAPTION: Final = 20
#: Metres to the body in the views from the sides, and how much longer their lens is than usual.
_AWAY: Final = 3.6
_LENS: Final = 1.6
#: Up in the frame of a level camera, whose y points down.
_UP: Final = (0.0, -1.0, 0.0)
_TINY: Final = 1e-9


class Picture(NamedTuple):
    """A picture to recover people in, and what is known of its camera.

    Attributes
    ----------
    image
        ``(H, W, 3)`` BGR.
    caption
        What it shows.
    crop_box
        Of the person; the pipeline searches for people where it is None.
    focal_length
        Pixels; None where it is not known.
    up
        ``(3,)`` unit vector against gravity, in the camera's frame; where it is None, the side
        views are drawn as if the camera were level.
    """

    image: Image
    caption: str
    crop_box: CropBox | None = None
    focal_length: float | None = None
    up: Array | None = None


def write_sheets(
    estimators: Sequence[NetworkEstimator],
    data: Path,
    detector: PersonDetector,
    folder: Path,
    *,
    step: int = 1,
) -> list[Path]:
    """Write ``NETWORK_drawn.jpg``, ``..._clips.jpg`` and ``..._photos.jpg`` of every network.

    Parameters
    ----------
    estimators
        The networks.
    data
        Folder of the training data.
    detector
        Person detector of the live pipeline, which finds the people.
    folder
        Where to write; it is made if need be.
    step
        Only every ``step``-th picture.

    Raises
    ------
    AssetError
        When data are missing or damaged.
    RenderError
        When the machine has no OpenGL 3.3.
    """
    folder.mkdir(parents=True, exist_ok=True)
    # Two OpenGL contexts would get in each other's way: all is drawn before anything is recovered.
    sheets = {
        "drawn": list(drawn_pictures(data))[::step],
        "clips": list(clip_pictures(data))[::step],
        "photos": list(photo_pictures(data))[::step],
    }
    paths = []
    progress = ProgressLog("contact sheets", len(estimators) * len(sheets))
    for estimator in estimators:
        maker = _SheetMaker(estimator, detector)
        for name, pictures in sheets.items():
            path = folder / f"{estimator.name.replace('/', '_').removesuffix('.onnx')}_{name}.jpg"
            cv2.imwrite(str(path), _sheet([maker.row(picture) for picture in pictures]))
            paths.append(path)
            progress.step()
        maker.close()
    return paths


def drawn_pictures(data: Path) -> Iterator[Picture]:
    """Drawn people in every posture before every camera that is measured."""
    studio = Studio(data)
    for scene in SCENES:
        for view in scene.views:
            people = draw_people(studio, view, scene.pose, _PEOPLE, cut=scene.cut)
            for person in people:
                image, flat = picture_of(person, cut=scene.cut)
                caption = f"{scene.name}, {view}, true knees {knee_bends(person.joints).mean():.0f}"
                up = person.camera.rotation @ (0.0, 1.0, 0.0)
                box = crop_box_from_joints(flat, person.camera.size)
                yield Picture(image, caption, box, person.camera.focal, up)
    studio.close()


def clip_pictures(data: Path) -> Iterator[Picture]:
    """Some frames of every clip."""
    for path in sorted(p for p in (data / "videos").iterdir() if p.suffix in _VIDEOS):
        known = load_camera(data / TRUTH) if path.name == TRUE_CLIP else TrueCamera(None, None)
        source = VideoFile(path)
        wanted = set(np.linspace(0, source.frame_count - 1, _FRAMES).astype(int).tolist())
        number = 0
        while (frame := source.read()) is not None:
            if number in wanted:
                yield Picture(frame.image, f"{path.stem}, frame {number}", None, *known)
            number += 1
        source.close()


def photo_pictures(data: Path) -> Iterator[Picture]:
    """Development photos without their padding, with the crop box of the clicked person."""
    photos = load_lspet(data, "development")
    for index in np.unique(np.linspace(0, len(photos) - 1, _PHOTOS).astype(int)).tolist():
        image, keypoints = unpadded(photos.image(index), photos.keypoints[index])
        yield Picture(image, f"development photo {index}", crop_box_from_lsp(keypoints))


class _SheetMaker:
    """Recovers people and draws them as the camera sees them and from both sides."""

    def __init__(self, estimator: NetworkEstimator, detector: PersonDetector) -> None:
        self._estimator, self._detector = estimator, detector
        self._body = estimator.reader.body
        self._renderer = OffscreenRenderer(self._body)

    def row(self, picture: Picture) -> Image:
        """``(H, 1024, 3)``: picture, overlay, the largest person's left and right side."""
        bodies = self._recovered(picture)
        tiles = [picture.image, self._renderer.overlay(Frame(picture.image, 0.0, 0), bodies)]
        empty = np.full((_TILE, _TILE, 3), _GREY, np.uint8)
        caption = f"{picture.caption}; nobody found"
        for left in (True, False):
            seen = [self._from_side(body, picture.up, left=left) for body in bodies[:1]]
            tiles.append(self._renderer.overlay(Frame(empty, 0.0, 0), seen, opacity=1.0))
        if bodies:
            knees = knee_bends(bodies[0].joints.astype(np.float64)).mean()
            caption = f"{picture.caption}; knees bent {knees:.0f} deg"
        return _captioned(np.hstack([_fitted(tile) for tile in tiles]), caption)

    def _recovered(self, picture: Picture) -> list[BodyState]:
        """The person in the crop box, or everybody whom the pipeline finds."""
        network, focal = self._estimator.network, picture.focal_length
        if picture.crop_box is None:
            pipeline = Pipeline(
                self._detector, network, self._body, smoothing=False, focal_length=focal
            )
            return pipeline.recover(picture.image)
        size = (picture.image.shape[1], picture.image.shape[0])
        (output,) = network.run(picture.image, [picture.crop_box], focal)
        camera = CropToCamera(self._body, focal)
        seen = camera.estimate(picture.crop_box, output, size)
        return [camera.state(seen, seen.body, 0, size)]

    def _from_side(self, body: BodyState, up: Array | None, *, left: bool) -> BodyState:
        """The body with its left or right side to a level camera, in the middle of a tile."""
        upright = body.rotmats[0] if up is None else _onto_level(up) @ body.rotmats[0]
        to_left = upright[:, 0]
        heading = np.arctan2(to_left[0], to_left[2])
        turn = (np.pi if left else 0.0) - heading
        rotmats = body.rotmats.copy()
        rotmats[0] = matrix_from_axis_angle(np.array([0.0, turn, 0.0])) @ upright
        joints = self._body.joints(rotmats, body.betas)
        middle = (joints.min(axis=0) + joints.max(axis=0)) / 2
        transl = np.array([0, 0, _AWAY], np.float32) - middle
        size = (_TILE, _TILE)
        focal, placed = _LENS * default_focal_length(size), joints + transl
        return replace(
            body,
            rotmats=rotmats,
            transl=transl.astype(np.float32),
            focal_length=focal,
            joints=placed,
            joints_2d=project(placed, focal, size),
        )

    def close(self) -> None:
        """Release the OpenGL context."""
        self._renderer.close()


def _onto_level(up: Array) -> Array:
    """Shortest rotation ``(3, 3)`` that turns a unit vector to where a level camera has up."""
    axis = np.cross(up, _UP)
    sine = float(np.linalg.norm(axis))
    angle = np.arctan2(sine, float(up @ np.array(_UP)))
    return matrix_from_axis_angle(axis * (angle / max(sine, _TINY)))


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


def _captioned(row: Image, caption: str) -> Image:
    bar = np.zeros((_CAPTION, row.shape[1], 3), np.uint8)
    place, white = (4, _CAPTION - 6), (255, 255, 255)
    cv2.putText(bar, caption, place, cv2.FONT_HERSHEY_SIMPLEX, 0.5, white, 1, cv2.LINE_AA)
    return np.vstack([bar, row])


def _sheet(rows: list[Image]) -> Image:
    rows = rows + [np.zeros_like(rows[0])] * (-len(rows) % _ACROSS)
    return np.vstack([np.hstack(rows[k : k + _ACROSS]) for k in range(0, len(rows), _ACROSS)])
