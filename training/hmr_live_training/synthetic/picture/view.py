"""The part of a frame that is rendered: the crop box, at the resolution of the frame."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import cv2
import numpy as np
from numpy.typing import NDArray

from hmr_live.core.state import CropBox, Image
from hmr_live_training.data.crops import CROP_SIZE, crop_matrix
from hmr_live_training.synthetic.scene.camera_sampling import PinholeCamera

Array = NDArray[np.floating[Any]]

#: Small people are rendered at the resolution of the frame, in steps and with a least side.
_SMALLEST: Final = 64
_STEP: Final = 16


@dataclass(frozen=True)
class CropView:
    """A crop box of a frame and the resolution that it is rendered in.

    Attributes
    ----------
    camera
        Takes the frame.
    crop_box
        The square.
    size
        Side of the rendered image in pixels, at most that of the finished crop.
    finished
        Side of the finished crop.
    """

    camera: PinholeCamera
    crop_box: CropBox
    size: int
    finished: int

    @classmethod
    def of(cls, camera: PinholeCamera, crop_box: CropBox, finished: int) -> CropView:
        """Choose the resolution."""
        own = int(np.ceil(crop_box.side / _STEP)) * _STEP
        size = finished if own >= finished else max(own, min(_SMALLEST, finished))
        return cls(camera, crop_box, size, finished)

    @property
    def fineness(self) -> float:
        """Frame pixels for each rendered pixel, at least 1."""
        return max(self.crop_box.side / self.size, 1.0)

    def matrix(self, size: int | None = None) -> Array:
        """Matrix ``(2, 3)``, frame pixels -> pixels of the rendered image (of side ``size``)."""
        return np.asarray(crop_matrix(self.crop_box) * ((size or self.size) / CROP_SIZE))

    def intrinsics(self, size: int | None = None) -> Array:
        """Matrix ``(3, 3)``, camera frame -> the same pixels."""
        return np.vstack([self.matrix(size), [0, 0, 1]]) @ self.camera.matrix()

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
        affine = self.matrix() @ frame_from_background
        return warp_affine(background, affine, self.size)

    def end_of_frame(self, image: Image) -> Image:
        """Repeat the frame's edge pixels where the square reaches beyond the frame."""
        width, height = self.camera.size
        matrix = self.matrix()
        corners = np.array([[0, 0], [self.size, 0], [0, self.size], [self.size, self.size]])
        back = cv2.invertAffineTransform(matrix)
        frame = corners @ back[:, :2].T + back[:, 2]
        if (frame >= 0).all() and (frame <= (width, height)).all():
            return image
        centres = np.arange(self.size) + 0.5
        x, y = np.meshgrid(centres, centres)
        places = np.stack([x, y], axis=-1) @ back[:, :2].T + back[:, 2]
        # Half a drawn pixel inside, so that the last row is a row of the frame.
        inset = 0.5 * self.crop_box.side / self.size
        places = np.clip(places, inset, np.array([width, height]) - inset)
        sources = (places @ matrix[:, :2].T + matrix[:, 2] - 0.5).astype(np.float32)
        return np.asarray(
            cv2.remap(
                image,
                sources[..., 0],
                sources[..., 1],
                cv2.INTER_LINEAR,
                borderMode=cv2.BORDER_REPLICATE,
            ),
            np.uint8,
        )

    def finish(self, image: Image) -> Image:
        """Resize a rendered image to the finished size."""
        if self.size == self.finished:
            return image
        shape = (self.finished, self.finished)
        return np.asarray(cv2.resize(image, shape, interpolation=cv2.INTER_LINEAR), np.uint8)


def warp_affine(image: Image, affine: Array, size: int) -> Image:
    """Map a picture by a corner-to-corner affine; reduced by area first where it shrinks."""
    affine = affine.copy()
    scale = float(np.sqrt(abs(np.linalg.det(affine[:, :2]))))
    if scale < 0.6:
        shrink = scale * 1.4
        image = np.asarray(
            cv2.resize(image, None, fx=shrink, fy=shrink, interpolation=cv2.INTER_AREA), np.uint8
        )
        affine[:, :2] /= shrink
    # OpenCV counts from pixel centres.
    affine[:, 2] += affine[:, :2].sum(axis=1) * 0.5 - 0.5
    return np.asarray(
        cv2.warpAffine(
            image, affine, (size, size), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE
        ),
        np.uint8,
    )
