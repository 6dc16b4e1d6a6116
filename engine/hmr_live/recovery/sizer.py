"""Statures from the height of the camera.

One picture does not tell a tall person from a near one.  A camera whose height over the floor is
known does: the soles of whoever stands on the floor are so far below it.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from hmr_live.body.model import BodyModel
from hmr_live.body.skeleton import JOINT, NUM_BETAS, NUM_JOINTS
from hmr_live.core.camera_place import CameraPlace
from hmr_live.core.state import Array
from hmr_live.recovery.crop_to_camera import CameraSpaceBody
from hmr_live.recovery.frame_camera import project

#: Feet of less confidence, or beyond the frame, are guesses.
_SURE: Final = 0.4
_FEET: Final = [JOINT[f"{side}_{name}"] for side in ("left", "right") for name in ("ankle", "foot")]
#: A sole is as low as its lowest vertices: a single one may be a spike.
_SOLE_VERTICES: Final = 8
#: Soles so little below the camera, as a share of the distance, give no scale.
_LEAST_DROP: Final = 0.05
#: Nobody is so much smaller or larger than the mean person.
_SCALES: Final = (0.6, 1.4)


class Sizer:
    """Says how tall people are, from the soles that a camera of known height sees.

    Parameters
    ----------
    body_model
        The body model.
    place
        Of the camera.
    """

    def __init__(self, body_model: BodyModel, place: CameraPlace) -> None:
        self._body_model = body_model
        self.place = place
        # A body that stands is as tall as its betas say, all but linearly.
        zero, straight = np.zeros(NUM_BETAS, np.float32), np.tile(np.eye(3), (NUM_JOINTS, 1, 1))
        shapes = [zero, *np.eye(NUM_BETAS, dtype=np.float32)]
        tall = [float(np.ptp(body_model.forward(straight, b).vertices[:, 1])) for b in shapes]
        self._mean = tall[0]
        self._gradient = np.array(tall[1:]) - tall[0]

    def stature(self, betas: Array) -> float:
        """Metres, of somebody who stands straight."""
        return float(self._mean + self._gradient @ betas)

    def resized(self, betas: Array, scale: float) -> Array:
        """The nearest betas ``(10,)`` of a body that is ``scale`` times as tall."""
        missing = (scale - 1) * self.stature(betas)
        step = missing * self._gradient / (self._gradient @ self._gradient)
        return np.asarray(betas + step, np.float32)

    def scale(
        self, body: CameraSpaceBody, confidence: Array, focal_length: float, size: tuple[int, int]
    ) -> float | None:
        """How many times as large somebody is as recovered; None where no soles are seen.

        Parameters
        ----------
        body
            As recovered, in the camera's frame.
        confidence
            ``(24,)`` of the joints.
        focal_length, size
            Pixels of the frame, and its (width, height).
        """
        feet = (self._body_model.joints(body.rotmats, body.betas) + body.transl)[_FEET]
        if feet[:, 2].min() <= 0 or confidence[_FEET].min() < _SURE:
            return None
        pixels = project(feet, focal_length, size)
        if (pixels < 0).any() or (pixels > size).any():
            return None
        vertices = self._body_model.forward(body.rotmats, body.betas).vertices + body.transl
        drops = vertices @ self.place.down
        drop = float(np.partition(drops, -_SOLE_VERTICES)[-_SOLE_VERTICES:].mean())
        if drop < _LEAST_DROP * float(feet[:, 2].mean()):
            return None
        return float(np.clip(self.place.height / drop, *_SCALES))
