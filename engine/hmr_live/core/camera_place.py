"""Where a fixed camera stands, as the user knows it."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

import numpy as np

from hmr_live.core.errors import CameraPlaceError
from hmr_live.core.state import Array

#: Metres; a camera that is lower or higher says nothing of people, or is a slip of the hand.
LOWEST: Final = 0.2
HIGHEST: Final = 6.0
#: Degrees from level.
STEEPEST: Final = 80.0


@dataclass(frozen=True)
class CameraPlace:
    """Height and pitch of a fixed camera that is not rolled.

    Attributes
    ----------
    height
        Metres over the floor on which people stand.
    pitch
        Degrees by which it looks down.

    Raises
    ------
    CameraPlaceError
        If no camera can stand like that.
    """

    height: float
    pitch: float = 0.0

    def __post_init__(self) -> None:
        if not LOWEST <= self.height <= HIGHEST:
            raise CameraPlaceError(
                f"A camera {self.height:g} m over the floor cannot be: give its height in metres, "
                f"{LOWEST:g} to {HIGHEST:g}."
            )
        if not abs(self.pitch) <= STEEPEST:
            raise CameraPlaceError(
                f"A camera that looks {self.pitch:g} degrees down cannot be: give -{STEEPEST:g} to "
                f"{STEEPEST:g}, 0 for a level one."
            )

    @property
    def down(self) -> Array:
        """``(3,)`` unit vector along gravity, in the camera's frame."""
        pitch = math.radians(self.pitch)
        return np.array([0, math.cos(pitch), math.sin(pitch)])
