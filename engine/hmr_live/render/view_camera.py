"""Cameras of the renderer: pinhole cameras in the frame's geometry, and an orbit camera.

View space is OpenGL's: x right, y up, z towards the viewer.  All matrices multiply column vectors
from the left and are float32 in numpy's row-major order; they are transposed only when written
into a shader.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace
from typing import Final

import numpy as np

from hmr_live.core.state import Array, BodyState

#: From the OpenCV camera frame (y down, z forward) to OpenGL's view space (y up, z backward).
#: It is a rotation about x, so triangles keep their winding.
VIEW_FROM_CAMERA: Final = np.diag(np.array([1, -1, -1, 1], np.float32))

#: Metres; nothing of interest is nearer or farther.  A narrow range keeps 24 bits of depth exact.
NEAR: Final = 0.05
FAR: Final = 100.0
#: So much farther from its target, as a share, an orbiting camera stands for each metre between
#: people and their middle.
_BACK_PER_METRE: Final = 1.0


def perspective(focal: float, size: tuple[int, int], near: float = NEAR, far: float = FAR) -> Array:
    """OpenGL's symmetric perspective matrix ``(4, 4)`` for a focal length in pixels of ``size``."""
    width, height = size
    matrix = np.zeros((4, 4), np.float32)
    matrix[0, 0] = 2 * focal / width
    matrix[1, 1] = 2 * focal / height
    matrix[2, 2] = (far + near) / (near - far)
    matrix[2, 3] = 2 * far * near / (near - far)
    matrix[3, 2] = -1
    return matrix


def look_at(eye: Array, target: Array) -> Array:
    """View matrix ``(4, 4)`` of a camera at ``eye`` (3,) that looks at ``target`` (3,), y up."""
    x, y, z = (float(a) - float(b) for a, b in zip(eye, target, strict=True))
    distance, flat = math.sqrt(x * x + y * y + z * z), math.hypot(x, z)
    x, y, z, flat = x / distance, y / distance, z / distance, flat / distance
    rotation = np.array([[z / flat, 0, -x / flat], [-x * y / flat, flat, -y * z / flat], [x, y, z]])
    matrix = np.eye(4, dtype=np.float32)
    matrix[:3, :3] = rotation
    matrix[:3, 3] = -rotation @ eye
    return matrix


@dataclass(frozen=True, slots=True)
class ViewCamera:
    """View and projection matrices of a renderer.

    Attributes
    ----------
    view
        ``(4, 4)`` from the model's coordinates to view space; a rotation and a translation.
    projection
        ``(4, 4)`` from view space to clip space.
    """

    view: Array
    projection: Array

    @classmethod
    def over_frame(cls, body: BodyState, size: tuple[int, int]) -> ViewCamera:
        """The camera that draws ``body`` over its frame of ``size`` = (width, height)."""
        return cls(VIEW_FROM_CAMERA, perspective(body.focal_length, size))

    def cropped(self, part: tuple[int, int, int, int], size: tuple[int, int]) -> ViewCamera:
        """The same camera for a viewport that shows only a part of its image.

        Parameters
        ----------
        part
            Left, top, width and height in pixels of the image.
        size
            (width, height) of the whole image.
        """
        left, top, width, height = part
        across, down = size[0] / width, size[1] / height
        matrix = np.eye(4, dtype=np.float32)
        matrix[0, 0], matrix[0, 3] = across, across - 1 - 2 * left / width
        matrix[1, 1], matrix[1, 3] = down, 1 - down + 2 * top / height
        return replace(self, projection=np.asarray(matrix @ self.projection, np.float32))

    def with_model(self, model: Array) -> ViewCamera:
        """The same camera with a model matrix ``(4, 4)`` applied first."""
        return replace(self, view=np.asarray(self.view @ model, np.float32))


@dataclass(slots=True)
class OrbitCamera:
    """A camera that orbits a target in a world with y up.

    Attributes
    ----------
    target
        ``(3,)`` metres, the point looked at.
    distance
        Metres from the target.
    azimuth, elevation
        Radians; azimuth 0 looks along -z, elevation > 0 looks from above.
    field_of_view
        Radians, vertical.
    """

    target: Array = field(default_factory=lambda: np.array([0.0, 0.95, 0.0], np.float32))
    distance: float = 3.6
    azimuth: float = 0.45
    elevation: float = 0.22
    field_of_view: float = 0.66

    MIN_DISTANCE: Final = 0.5
    MAX_DISTANCE: Final = 20.0
    MIN_ELEVATION: Final = -0.15
    MAX_ELEVATION: Final = 1.5

    @property
    def eye(self) -> Array:
        """``(3,)`` metres, where the camera stands."""
        flat = np.cos(self.elevation)
        direction = np.array(
            [np.sin(self.azimuth) * flat, np.sin(self.elevation), np.cos(self.azimuth) * flat]
        )
        return np.asarray(self.target + self.distance * direction, np.float32)

    def orbit(self, right: float, down: float) -> None:
        """Orbit by a drag, in radians: the scene follows the pointer."""
        self.azimuth = float((self.azimuth - right + np.pi) % (2 * np.pi) - np.pi)
        self.elevation = float(
            np.clip(self.elevation + down, self.MIN_ELEVATION, self.MAX_ELEVATION)
        )

    def pan(self, right: float, down: float) -> None:
        """Pan by fractions of the image's height."""
        scale = 2 * self.distance * np.tan(self.field_of_view / 2)
        axes = look_at(self.eye, self.target)[:3, :3]
        moved = self.target - scale * (right * axes[0] - down * axes[1])
        self.target = np.asarray(np.clip(moved, -10, 10), np.float32)

    def zoom(self, steps: float) -> None:
        """Zoom in by ``steps`` notches of a mouse wheel (negative: out)."""
        self.distance = float(
            np.clip(self.distance * 0.9**steps, self.MIN_DISTANCE, self.MAX_DISTANCE)
        )

    def camera(self, size: tuple[int, int], spread: float = 0.0) -> ViewCamera:
        """The camera for a viewport of ``size`` = (width, height) pixels.

        It stands farther back if people stand up to ``spread`` metres from the middle.
        """
        width, height = size
        focal = height / (2 * np.tan(self.field_of_view / 2))
        eye = self.target + (1 + _BACK_PER_METRE * spread) * (self.eye - self.target)
        return ViewCamera(look_at(eye, self.target), perspective(focal, (width, height)))
