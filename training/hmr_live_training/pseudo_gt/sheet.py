"""A contact sheet of fits: each body over its photo, and next to it seen from the side."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

import cv2
import numpy as np
from numpy.typing import NDArray

from hmr_live.angles import joint_angles
from hmr_live.body.model import BodyModel
from hmr_live.body.rotations import matrix_from_6d
from hmr_live.core.state import BodyState, CropBox, Frame, Image
from hmr_live.render.offscreen import OffscreenRenderer
from hmr_live_training.data.lspet import Photos
from hmr_live_training.pseudo_gt.fits_file import Fits

Array = NDArray[np.floating[Any]]

COLUMNS: Final = 6
ROWS: Final = 5
_SIDE: Final = 288
#: Pixels; with weak perspective any focal length will do.
_FOCAL: Final = 1000.0
#: A quarter turn about the vertical: what was on the right comes to the front.
_FROM_THE_SIDE: Final = np.array([[0.0, 0.0, 1.0], [0.0, 1.0, 0.0], [-1.0, 0.0, 0.0]])
_KEPT: Final = (60, 200, 60)
_REJECTED: Final = (60, 60, 230)


def choose_photos(fits: Fits, count: int = COLUMNS * ROWS) -> NDArray[np.intp]:
    """Numbers of photos spread over the whole range of quality, the best ones first.

    Two of three were kept, from the highest weight to the lowest; the rest were rejected, from
    the smallest residual to the largest.
    """
    kept = np.flatnonzero(fits.kept)
    rejected = np.flatnonzero(~fits.kept)
    kept = kept[np.argsort(-fits.weight[kept], kind="stable")]
    rejected = rejected[np.argsort(fits.residual[rejected], kind="stable")]
    good = min(len(kept), count - min(len(rejected), count // 3))
    parts = [
        group[np.linspace(0, len(group) - 1, number).round().astype(int)]
        for group, number in ((kept, good), (rejected, min(len(rejected), count - good)))
        if number
    ]
    return np.concatenate(parts) if parts else np.empty(0, np.intp)


def fit_sheet(
    photos: Photos, fits: Fits, chosen: NDArray[np.integer[Any]], body_file: Path
) -> Image:
    """Draw the chosen fits of a body, ``COLUMNS`` to a row.

    Raises
    ------
    RenderError
        When the machine offers no OpenGL.
    AssetError
        When a photo cannot be read.
    """
    body = BodyModel.load(body_file)
    renderer = OffscreenRenderer(body)
    try:
        tiles = [_tile(renderer, body, photos, fits, int(number)) for number in chosen]
    finally:
        renderer.close()
    while len(tiles) % COLUMNS or not tiles:
        tiles.append(np.zeros((_SIDE, 2 * _SIDE, 3), np.uint8))
    rows = [np.hstack(tiles[k : k + COLUMNS]) for k in range(0, len(tiles), COLUMNS)]
    return np.asarray(np.vstack(rows), np.uint8)


def _tile(
    renderer: OffscreenRenderer, body: BodyModel, photos: Photos, fits: Fits, number: int
) -> Image:
    photo = photos.image(number)
    zoom = _SIDE / max(photo.shape[:2])
    picture = np.zeros((_SIDE, _SIDE, 3), np.uint8)
    small = cv2.resize(photo, None, fx=zoom, fy=zoom, interpolation=cv2.INTER_AREA)
    picture[: small.shape[0], : small.shape[1]] = small
    rotmats = matrix_from_6d(fits.pose[number])
    scale, *place = fits.camera[number] * zoom
    front = _state(body, rotmats, fits.betas[number], scale, place)
    aside = rotmats.copy()
    aside[0] = _FROM_THE_SIDE @ rotmats[0]
    turned = _state(body, aside, fits.betas[number], scale, [_SIDE / 2, place[1]])
    seen = renderer.overlay(Frame(picture, 0.0, 0), [front], opacity=0.75)
    empty = np.full_like(picture, 50)
    seen = np.hstack([seen, renderer.overlay(Frame(empty, 0.0, 0), [turned])])
    for x, y, labelled in photos.keypoints[number]:
        if labelled:
            cv2.circle(seen, (round(x * zoom), round(y * zoom)), 3, (0, 220, 255), -1, cv2.LINE_AA)
    return _captioned(seen, photos, fits, number)


def _captioned(tile: Image, photos: Photos, fits: Fits, number: int) -> Image:
    color = _KEPT if fits.kept[number] else _REJECTED
    text = (
        f"{photos.names[number]} w{fits.weight[number]:.2f} r{fits.residual[number]:.2f} "
        f"p{fits.prior[number]:.0f} d{fits.depth[number]:.2f} s{fits.support[number]:.1f}"
    )
    cv2.rectangle(tile, (0, 0), (2 * _SIDE - 1, _SIDE - 1), color, 1)
    cv2.putText(tile, text, (6, 16), cv2.FONT_HERSHEY_SIMPLEX, 0.45, color, 1, cv2.LINE_AA)
    return tile


def _state(
    body: BodyModel, rotmats: Array, betas: Array, scale: float, place: list[float]
) -> BodyState:
    """The body with its pelvis at a pixel of a square picture, ``scale`` pixels to the metre."""
    depth = _FOCAL / scale
    middle = np.full(2, _SIDE / 2)
    joints = body.joints(rotmats.astype(np.float32), betas)
    transl = np.array([*((place - middle) / scale - joints[0, :2]), depth], np.float32)
    return BodyState(
        rotmats=rotmats.astype(np.float32),
        betas=betas,
        transl=transl,
        focal_length=_FOCAL,
        camera=np.array([2 * scale / _SIDE, 0, 0], np.float32),
        crop_box=CropBox(_SIDE / 2, _SIDE / 2, _SIDE),
        joints=joints + transl,
        joints_2d=scale * (joints + transl)[:, :2] + middle,
        confidence=np.ones(len(joints), np.float32),
        score=1.0,
        angles_of=joint_angles,
    )
