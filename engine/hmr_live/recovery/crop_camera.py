"""A crop as a camera: a virtual pinhole that looks along the ray to the person.

A person beside the middle of a frame is seen askew, and a weak-perspective camera cannot say so.
So the crop is what a second camera at the same place would see, turned until its axis is the ray
through the middle of the crop box (MeTRAbs, Sarandi et al. 2021; NLF, Sarandi and Pons-Moll
2024).  What a network sees then no longer depends on where in the frame the person is, and a
single number tells how strong the perspective is: the focal length in halves of the crop.

With that focal length ``F`` the weak-perspective camera ``(s, tx, ty)`` that HMR regresses is a
perspective one.  The body stands at ``t = (tx, ty, F / s)``, and a point ``X`` of it appears at
``s (X_xy + t_xy) / (1 + s X_z / F)``, x and y in [-1, 1] across the crop.  For a camera far away,
``1 / F = 0``, this is HMR's ``s (X_xy + t_xy)``.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from hmr_live.core.state import Array, CropBox
from hmr_live.recovery.frame_camera import roll

#: Scales below this, in crop halves a metre, mean nothing.
_LEAST_SCALE = 1e-3


@dataclass(frozen=True, slots=True)
class CropCamera:
    """The virtual camera of a crop.

    Attributes
    ----------
    rotation
        ``(3, 3)``, from the frame's camera to the crop's; both x right, y down, z forward.
    focal
        Focal length in halves of the crop.
    focal_length
        Of the frame's camera, pixels.
    """

    rotation: Array
    focal: float
    focal_length: float

    @classmethod
    def of(cls, crop_box: CropBox, size: tuple[int, int], focal_length: float) -> CropCamera:
        """The camera that looks at a crop box.

        Parameters
        ----------
        crop_box
            Its place in the frame.  Its angle turns the camera about the axis.
        size
            (width, height) of the frame; the principal point is its middle.
        focal_length
            Of the frame's camera, pixels.
        """
        x, y = crop_box.cx - size[0] / 2, crop_box.cy - size[1] / 2
        # In the middle of the crop a pixel of the frame stays a pixel across the ray.
        along_ray = math.sqrt(x * x + y * y + focal_length * focal_length)
        turned = roll(-crop_box.angle) @ _onto_axis(np.array([x, y, focal_length]) / along_ray)
        return cls(turned.astype(np.float32), 2 * along_ray / crop_box.side, focal_length)

    def frame_from_crop(self, crop_pixels: int, size: tuple[int, int]) -> Array:
        """``(3, 3)`` homography from crop pixels to frame pixels.

        Parameters
        ----------
        crop_pixels
            Side of the crop.
        size
            Of the frame, as in :meth:`of`.
        """
        half = crop_pixels / 2
        to_ray = np.array([[1 / half, 0, -1], [0, 1 / half, -1], [0, 0, self.focal]])
        to_frame = np.array(
            [[self.focal_length, 0, size[0] / 2], [0, self.focal_length, size[1] / 2], [0, 0, 1]]
        )
        return np.asarray(to_frame @ self.rotation.T.astype(np.float64) @ to_ray)

    def translation(self, camera: Array) -> Array:
        """``(3,)`` metres, this camera's frame, of a network's ``(s, tx, ty)``."""
        scale = max(float(camera[0]), _LEAST_SCALE)
        return np.array([camera[1], camera[2], self.focal / scale], np.float32)

    def camera(self, translation: Array) -> Array:
        """Inverse of :meth:`translation`: ``(3,)`` as (s, tx, ty)."""
        x, y, z = translation
        return np.array([self.focal / float(z), x, y], np.float32)

    def project(self, points: Array) -> Array:
        """``(..., 3)`` metres in this camera's frame -> ``(..., 2)`` in [-1, 1] across the crop."""
        return np.asarray(points[..., :2] * (self.focal / points[..., 2:]))

    def translation_in_frame(self, camera: Array, pelvis: Array) -> Array:
        """SMPL translation in the frame's camera.

        Parameters
        ----------
        camera
            ``(3,)`` a network's (s, tx, ty).
        pelvis
            ``(3,)`` the pelvis of the shaped body at rest, the point that SMPL turns bodies about.

        Returns
        -------
        ``(3,)`` metres.  It goes with ``rotation.T @ global_orient`` of the crop.
        """
        return np.asarray(
            self.rotation.T @ (pelvis + self.translation(camera)) - pelvis, np.float32
        )


def _onto_axis(ray: Array) -> Array:
    """Shortest rotation ``(3, 3)`` of a unit vector in front of the camera onto z."""
    x, y, z = ray
    share = 1 / (1 + z)
    return np.array(
        [
            [1 - share * x * x, -share * x * y, -x],
            [-share * x * y, 1 - share * y * y, -y],
            [x, y, z],
        ]
    )
