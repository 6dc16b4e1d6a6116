"""Draws dressed people into whole frames, for evaluation."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

import cv2
import numpy as np
from numpy.typing import NDArray

from hmr_live.body.model import BodyModel
from hmr_live.core.state import CropBox, Image
from hmr_live_training.synthetic.materials import Materials
from hmr_live_training.synthetic.opengl.renderer import Light, PeopleRenderer
from hmr_live_training.synthetic.people.person import Dresser, Person
from hmr_live_training.synthetic.picture.view import CropView
from hmr_live_training.synthetic.scene.camera_sampling import PinholeCamera
from hmr_live_training.synthetic.surface import BodySurface

Array = NDArray[np.floating[Any]]

_NOISE: Final = 4.0
_JPEG_QUALITY: Final = 80


class Studio:
    """A renderer with clothes and backgrounds, by default of the test split.

    Parameters
    ----------
    data
        Folder of the training data.
    split
        "train" or "test".
    makehuman_share
        How often clothes, shoes and hair are MakeHuman's.

    Raises
    ------
    AssetError
        When backgrounds or fabrics are missing.
    RenderError
        When the machine offers no OpenGL 3.3.
    """

    def __init__(self, data: Path, split: str = "test", makehuman_share: float = 0) -> None:
        self.body = BodyModel.default()
        surface = BodySurface(self.body)
        self.materials = Materials(data, split)
        # Figures stay comparable only while the people of the test sets stay the same: without
        # MakeHuman's clothes.
        self._dresser = Dresser(surface, self.materials, makehuman_share)
        self._renderer = PeopleRenderer()

    def close(self) -> None:
        """Release the OpenGL context."""
        self._renderer.close()

    def dressed(self, looks: int, rotmats: Array, betas: Array, transl: Array) -> Person:
        """A person whose clothes and head follow from the number ``looks``."""
        rng = np.random.default_rng(looks)
        return self._dresser.person(rng, rotmats, betas, transl.astype(np.float32))

    def draw(self, person: Person, light: Light, backdrop: Image, view: CropView) -> Image:
        """The person before a backdrop, ``(size, size, 3)`` BGR."""
        depth = float(person.joints[0, 2])
        layers = [self._dresser.layers(person)]
        drawn = self._renderer.draw(layers, light, view.intrinsics(), view.size, depth)
        behind = 1 - drawn.color[:, :, 3:].astype(np.float32) / 255
        mixed = backdrop * behind + drawn.color[:, :, :3]
        return np.asarray(np.clip(mixed, 0, 255), np.uint8)


def whole_frame(camera: PinholeCamera) -> CropView:
    """The view that is a camera's whole square frame."""
    size = camera.size[0]
    return CropView.of(camera, CropBox(size / 2, size / 2, size), size)


def through_a_sensor(rng: np.random.Generator, image: Image) -> NDArray[np.uint8]:
    """The picture with noise, as the bytes of a JPEG."""
    noisy = np.clip(image + rng.normal(0, _NOISE, image.shape), 0, 255).astype(np.uint8)
    quality = [cv2.IMWRITE_JPEG_QUALITY, _JPEG_QUALITY]
    return np.asarray(cv2.imencode(".jpg", noisy, quality)[1], np.uint8).reshape(-1)
