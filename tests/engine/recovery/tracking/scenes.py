"""Pictures of several people, composed of cut-outs of the shipped clip."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

import cv2
import numpy as np

from hmr_live.capture.sources import VideoFile
from hmr_live.core.assets import asset_path
from hmr_live.core.state import Array, BodyState, Frame, Image
from tests.conftest import DATA

SIZE = (960, 540)
FPS = 15
#: Where the feet of everybody stand, in pixels from the top.
_FLOOR = 510


@dataclass(frozen=True)
class Actor:
    """Somebody in one picture.

    Attributes
    ----------
    name
        Who they are: everybody has a look of their own, but ``twin`` looks like ``red``.
    x
        Pixels from the left, of the middle of the body.
    height
        Pixels.
    """

    name: str
    x: float
    height: float = 400.0


#: Frame of the clip, whether it is mirrored, and the order of its colour channels.
_LOOKS = {
    "red": (5, False, (0, 1, 2)),
    "blue": (60, True, (2, 1, 0)),
    "green": (15, False, (0, 2, 1)),
    "violet": (45, True, (1, 0, 2)),
    "twin": (5, False, (0, 1, 2)),
}


def picture(actors: Sequence[Actor], number: int) -> Frame:
    """Frame ``number`` with these people, the first one farthest back."""
    image = _room().copy()
    for actor in actors:
        _paste(image, actor)
    return Frame(np.clip(image, 0, 255).astype(np.uint8), number / FPS, number)


@cache
def _room() -> Array:
    """Wall and floor with a little noise, ``(H, W, 3)`` levels."""
    width, height = SIZE
    image = np.full((height, width, 3), (205, 210, 208), np.float32)
    image[380:] = (95, 120, 150)
    grain = np.random.default_rng(0).normal(size=(height // 4, width // 4, 3)) * 6
    return image + cv2.resize(grain.astype(np.float32), SIZE)


@cache
def _clip_frames() -> dict[int, Image]:
    source, frames = VideoFile(asset_path("clips", "balancing.mp4")), {}
    for number in range(61):
        frame = source.read()
        assert frame is not None
        frames[number] = frame.image
    source.close()
    return frames


@cache
def _cut_out(name: str) -> tuple[Array, Array]:
    """Picture ``(h, w, 3)`` and opacity ``(h, w, 1)`` of somebody, cut to their outline."""
    number, mirrored, channels = _LOOKS[name]
    mask = cv2.imread(str(DATA / "masks" / f"balancing_{number:03}.png"), cv2.IMREAD_GRAYSCALE)
    rows, columns = (np.flatnonzero(mask.any(axis=axis)) for axis in (1, 0))
    part = slice(rows[0], rows[-1] + 1), slice(columns[0], columns[-1] + 1)
    opacity = cv2.GaussianBlur((mask[part] > 0).astype(np.float32), (5, 5), 0)[..., None]
    colours = _clip_frames()[number][part][..., list(channels)].astype(np.float32)
    if mirrored:
        opacity, colours = opacity[:, ::-1], colours[:, ::-1]
    return colours, opacity


def _paste(image: Array, actor: Actor) -> None:
    colours, opacity = _cut_out(actor.name)
    scale = actor.height / len(colours)
    left = actor.x - colours.shape[1] * scale / 2
    affine = np.array([[scale, 0, left], [0, scale, _FLOOR - actor.height]])
    opacity = cv2.warpAffine(np.ascontiguousarray(opacity), affine, SIZE)[..., None]
    colours = cv2.warpAffine(
        np.ascontiguousarray(colours), affine, SIZE, borderMode=cv2.BORDER_REPLICATE
    )
    image += opacity * (colours - image)


def who_is_who(bodies: Sequence[BodyState], actors: Sequence[Actor]) -> dict[str, int]:
    """Name of each actor who has a body near them -> the identity of that body."""
    found = {}
    for actor in actors:
        nearest = min(bodies, key=lambda body: abs(body.joints_2d[0, 0] - actor.x), default=None)
        if nearest is not None and abs(nearest.joints_2d[0, 0] - actor.x) < 0.2 * actor.height:
            found[actor.name] = nearest.track_id
    return found
