"""What of a frame is drawn: that which the crop's camera sees, as finely as the frame has it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import cv2
import numpy as np
from numpy.typing import NDArray

from hmr_live.core.state import CropBox, Image
from hmr_live.recovery.crop import apply_homography
from hmr_live.recovery.crop_camera import CropCamera
from hmr_live_training.synthetic.scene.camera_sampling import PinholeCamera

Array = NDArray[np.floating[Any]]

#: Small people are rendered at the resolution of the frame, in steps and with a least side.
_SMALLEST: Final = 64
_STEP: Final = 16


@dataclass(frozen=True)
class CropView:
    """A crop of a frame and the resolution that it is rendered in.

    Attributes
    ----------
    camera
        Takes the frame.
    crop_box
        The crop's place in the frame.
    crop_camera
        Looks along the ray to it; what it sees is drawn.
    size
        Side of the rendered image in pixels, at most that of the finished crop.
    finished
        Side of the finished crop.
    """

    camera: PinholeCamera
    crop_box: CropBox
    crop_camera: CropCamera
    size: int
    finished: int

    @classmethod
    def of(cls, camera: PinholeCamera, crop_box: CropBox, finished: int) -> CropView:
        """Choose the resolution."""
        own = int(np.ceil(crop_box.side / _STEP)) * _STEP
        size = finished if own >= finished else max(own, min(_SMALLEST, finished))
        crop_camera = CropCamera.of(crop_box, camera.size, camera.focal)
        return cls(camera, crop_box, crop_camera, size, finished)

    @property
    def fineness(self) -> float:
        """Frame pixels for each rendered pixel, at least 1."""
        return max(self.crop_box.side / self.size, 1.0)

    def frame_from_crop(self) -> Array:
        """``(3, 3)`` homography from pixels of the rendered image to frame pixels."""
        return self.crop_camera.frame_from_crop(self.size, self.camera.size)

    def intrinsics(self, size: int | None = None) -> Array:
        """``(3, 3)``, the crop's camera -> pixels of the rendered image (of side ``size``)."""
        half = (size or self.size) / 2
        focal = self.crop_camera.focal * half
        return np.array([[focal, 0, half], [0, focal, half], [0, 0, 1]])

    def project(self, points: Array, size: int | None = None) -> Array:
        """Crop camera ``(..., 3)`` -> pixels of the rendered image (of side ``size``)."""
        half = (size or self.size) / 2
        depth = np.maximum(points[..., 2:], 1e-3)
        return np.asarray(points[..., :2] * (self.crop_camera.focal * half / depth) + half)

    def backdrop(self, rng: np.random.Generator, background: Image) -> Image:
        """The background as the frame shows it inside this view, ``(size, size, 3)``."""
        width, height = self.camera.size
        rows, columns = background.shape[:2]
        scale = max(width / columns, height / rows) * float(rng.uniform(1.0, 1.6))
        spare = np.array([columns * scale - width, rows * scale - height])
        shift = -spare * rng.uniform(0, 1, 2)
        frame_from_background = np.array([[scale, 0, shift[0]], [0, scale, shift[1]], [0, 0, 1]])
        if rng.random() < 0.5:
            background = background[:, ::-1]
        homography = np.linalg.inv(self.frame_from_crop()) @ frame_from_background
        return warp_perspective(background, homography, self.size)

    def in_frame(self) -> NDArray[np.bool_]:
        """``(size, size)`` which pixels of the view lie inside the frame."""
        places = self.frame_places()
        return np.asarray(((places >= 0) & (places < self.camera.size)).all(axis=-1))

    def end_of_frame(self, image: Image) -> Image:
        """Repeat the frame's edge pixels where the view reaches beyond the frame."""
        places = self.frame_places()
        if ((places >= 0) & (places <= self.camera.size)).all():
            return image
        # Half a drawn pixel inside, so that the last row is a row of the frame.
        inset = 0.5 * self.crop_box.side / self.size
        places = np.clip(places, inset, np.array(self.camera.size) - inset)
        sources = apply_homography(np.linalg.inv(self.frame_from_crop()), places) - 0.5
        return np.asarray(
            cv2.remap(
                image,
                sources[..., 0].astype(np.float32),
                sources[..., 1].astype(np.float32),
                cv2.INTER_LINEAR,
                borderMode=cv2.BORDER_REPLICATE,
            ),
            np.uint8,
        )

    def frame_places(self) -> Array:
        """``(size, size, 2)`` frame pixels of the middles of the view's pixels."""
        centres = np.arange(self.size) + 0.5
        return apply_homography(
            self.frame_from_crop(), np.stack(np.meshgrid(centres, centres), axis=-1)
        )

    def finish(self, image: Image) -> Image:
        """Resize a rendered image to the finished size."""
        if self.size == self.finished:
            return image
        shape = (self.finished, self.finished)
        return np.asarray(cv2.resize(image, shape, interpolation=cv2.INTER_LINEAR), np.uint8)


def warp_perspective(image: Image, homography: Array, size: int) -> Image:
    """Map a picture by a corner-to-corner homography; reduced by area first where it shrinks."""
    homography = homography.copy()
    middle = np.linalg.inv(homography) @ (size / 2, size / 2, 1)
    depth = float(homography[2] @ (middle / middle[2]))
    # Areas change by det / depth cubed.
    scale = float(np.sqrt(abs(np.linalg.det(homography) / depth**3)))
    if scale < 0.6:
        shrink = scale * 1.4
        image = np.asarray(
            cv2.resize(image, None, fx=shrink, fy=shrink, interpolation=cv2.INTER_AREA), np.uint8
        )
        homography[:, :2] /= shrink
    # OpenCV counts from pixel centres.
    half = np.array([[1, 0, 0.5], [0, 1, 0.5], [0, 0, 1]])
    centred = np.linalg.inv(half) @ homography @ half
    return np.asarray(
        cv2.warpPerspective(
            image,
            centred,
            (size, size),
            flags=cv2.INTER_LINEAR,
            borderMode=cv2.BORDER_REPLICATE,
        ),
        np.uint8,
    )
