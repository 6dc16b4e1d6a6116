"""From a scene to a webcam picture: backdrop, clutter, people, occluders, degradations."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import cv2
import numpy as np
from numpy.typing import NDArray

from hmr_live.body.skeleton import JOINT
from hmr_live.core.state import Image
from hmr_live_training.synthetic.materials import Materials
from hmr_live_training.synthetic.opengl.renderer import PeopleRenderer, Rendering
from hmr_live_training.synthetic.people.person import Dresser, Person
from hmr_live_training.synthetic.picture.degrade import degrade, motion_kernel
from hmr_live_training.synthetic.picture.faces import FACE_RADIUS, hide_face
from hmr_live_training.synthetic.picture.objects import draw_desk, draw_object
from hmr_live_training.synthetic.picture.view import CropView
from hmr_live_training.synthetic.scene.scene import SyntheticScene, draw_light
from hmr_live_training.synthetic.scene_config import SyntheticConfig

Array = NDArray[np.floating[Any]]
Generator = np.random.Generator

#: Joints up to this height, in metres, darken the floor.
_CONTACT: Final = 0.16


@dataclass(frozen=True)
class PaintedPicture:
    """A picture of a scene.

    Attributes
    ----------
    image
        ``(n, n, 3)`` BGR.
    mask
        ``(n, n)`` bool: where the target is to be seen.
    depth
        ``(n, n)`` metres to the nearest person's surface.
    """

    image: Image
    mask: NDArray[np.bool_]
    depth: Array


class Painter:
    """Makes pictures of scenes with one renderer."""

    def __init__(
        self,
        renderer: PeopleRenderer,
        dresser: Dresser,
        materials: Materials,
        config: SyntheticConfig,
    ) -> None:
        self._renderer = renderer
        self._dresser = dresser
        self._materials = materials
        self._config = config

    def paint(self, rng: Generator, scene: SyntheticScene, view: CropView) -> PaintedPicture:
        """Picture of a scene with people, which is turned into the crop's camera."""
        background = self._materials.background(rng)
        canvas = view.backdrop(rng, background)
        self._clutter(rng, canvas)
        light = draw_light(rng, background, scene.up)
        layers = [self._dresser.layers(person) for person in scene.people]
        depth = float(scene.people[0].joints[0, 2])
        drawn = self._renderer.draw(layers, light, view.intrinsics(), view.size, depth)
        if rng.random() < self._config.shadow:
            _shade_floor(canvas, scene, view)
        canvas, mask = self._composite(rng, canvas, drawn)
        hidden = self._in_the_way(rng, canvas, scene, view)
        if rng.random() < self._config.hidden_face:
            free = (mask > 127) & (hidden < 128)
            hidden = np.maximum(hidden, self._over_face(rng, canvas, scene.people[0], view, free))
        canvas = view.end_of_frame(degrade(rng, canvas, self._config, view.fineness))
        return PaintedPicture(canvas, (mask > 127) & (hidden < 128) & view.in_frame(), drawn.depth)

    def paint_nobody(self, rng: Generator, view: CropView) -> PaintedPicture:
        """Picture without people, with as many objects as pictures with people have."""
        canvas = view.backdrop(rng, self._materials.background(rng))
        for _ in range(2):
            self._clutter(rng, canvas)
        if rng.random() < self._config.occluder:
            self._thing(rng, canvas, np.full(2, view.size / 2), view.size / 5)
        canvas = view.end_of_frame(degrade(rng, canvas, self._config, view.fineness))
        nothing = np.zeros((view.size, view.size))
        return PaintedPicture(canvas, nothing > 0, nothing)

    def _clutter(self, rng: Generator, canvas: Image) -> None:
        if rng.random() < self._config.clutter:
            for _ in range(int(rng.integers(1, 4))):
                self._thing(rng, canvas, rng.uniform(0, len(canvas), 2), len(canvas) / 6)

    def _thing(self, rng: Generator, canvas: Image, centre: Array, reach: float) -> Image:
        size = reach * float(rng.uniform(0.5, 1.5))
        return np.asarray(draw_object(rng, canvas, self._materials, centre, size), np.uint8)

    def _composite(
        self, rng: Generator, canvas: Image, drawn: Rendering
    ) -> tuple[Image, NDArray[np.uint8]]:
        color, mask = drawn.color, drawn.target
        if rng.random() < self._config.motion_blur:
            kernel = motion_kernel(rng, len(canvas))
            color = np.asarray(cv2.filter2D(color, -1, kernel), np.uint8)
            mask = np.asarray(cv2.filter2D(mask, -1, kernel), np.uint8)
        behind = cv2.merge([cv2.bitwise_not(np.ascontiguousarray(color[:, :, 3]))] * 3)
        kept = cv2.multiply(canvas, behind, scale=1 / 255)
        return np.asarray(cv2.add(kept, np.ascontiguousarray(color[:, :, :3])), np.uint8), mask

    def _in_the_way(
        self, rng: Generator, canvas: Image, scene: SyntheticScene, view: CropView
    ) -> NDArray[np.uint8]:
        """Draw occluders in front of the person; return what they cover ``(n, n)``."""
        hidden = np.zeros(canvas.shape[:2], np.uint8)
        joints = scene.people[0].joints
        pixels = view.project(joints)
        if scene.desk and rng.random() < self._config.desk:
            edge = self._desk_edge(rng, scene, view)
            hidden = np.maximum(hidden, draw_desk(rng, canvas, self._materials, edge))
        if rng.random() < self._config.occluder:
            for _ in range(int(rng.integers(1, 3))):
                near = pixels[int(rng.integers(1, 24))] + rng.normal(0, view.size / 20, 2)
                covered = self._thing(rng, canvas, near, view.size / 8)
                hidden = np.maximum(hidden, covered)
        return np.asarray(hidden, np.uint8)

    def _over_face(
        self,
        rng: Generator,
        canvas: Image,
        person: Person,
        view: CropView,
        free: NDArray[np.bool_],
    ) -> NDArray[np.uint8]:
        """Hide a face whose middle is seen; return what is covered ``(n, n)``."""
        face = self._dresser.face(person)
        nose, middle = face[0], face.mean(axis=0)
        column, row = np.floor(view.project(middle)).astype(int)
        inside = 0 <= row < view.size and 0 <= column < view.size and free[row, column]
        if not inside or nose[2] > middle[2]:
            return np.zeros_like(free, np.uint8)
        # From the crop's camera back to the frame's.
        placed = middle @ view.crop_camera.rotation
        radius = FACE_RADIUS * view.camera.focal / float(placed[2])
        places = view.frame_places() - view.camera.project(placed)
        return hide_face(rng, canvas, places, radius)

    def _desk_edge(self, rng: Generator, scene: SyntheticScene, view: CropView) -> Array:
        """A level line in the frame between the elbows and the hips of a person at a desk."""
        turn = view.crop_camera.rotation
        frame = scene.camera.project(scene.people[0].joints @ turn)
        upper, lower = frame[JOINT["spine2"], 1], frame[JOINT["pelvis"], 1]
        level = upper + (lower - upper) * float(rng.uniform(0.0, 1.0))
        slope = float(rng.normal(0, 0.03)) * scene.camera.size[0]
        # From right to left, so that "below" is on the line's left when y points down.
        line = np.array([[0.0, level - slope], [scene.camera.size[0], level + slope]])
        focal, size = scene.camera.focal, np.array(scene.camera.size)
        rays = np.column_stack([(line - size / 2) / focal, np.ones(2)]) @ turn.T
        return np.clip(view.project(rays), -8 * view.size, 9 * view.size)


def _shade_floor(canvas: Image, scene: SyntheticScene, view: CropView) -> None:
    """Contact shadows: soft dark spots where bodies touch the floor."""
    shade = np.zeros(canvas.shape[:2], np.uint8)
    for person in scene.people:
        heights = person.joints @ scene.up - scene.floor
        for joint in np.flatnonzero(heights < _CONTACT):
            place = person.joints[joint] - scene.up * heights[joint]
            _draw_disc(shade, place, scene.up, view)
    if shade.any():
        soft = cv2.GaussianBlur(shade.astype(np.float32), (0, 0), max(view.size / 60, 1.0))
        canvas[:] = (canvas * (1 - 0.45 / 255 * soft[:, :, None])).astype(np.uint8)


def _draw_disc(shade: NDArray[np.uint8], place: Array, up: Array, view: CropView) -> None:
    """A disc on the floor, projected."""
    side = np.cross(up, [0.0, 0.0, 1.0])
    side /= max(float(np.linalg.norm(side)), 1e-6)
    other = np.cross(up, side)
    around = np.linspace(0, 2 * np.pi, 16, endpoint=False)
    rim = place + 0.16 * (np.cos(around)[:, None] * side + np.sin(around)[:, None] * other)
    if rim[:, 2].min() < 0.2:
        return
    pixels = rim @ view.intrinsics().T
    flat = np.clip(pixels[:, :2] / pixels[:, 2:], -8 * view.size, 9 * view.size)
    cv2.fillPoly(shade, [np.round(flat * 16).astype(np.int32)], 255, cv2.LINE_AA, 4)
