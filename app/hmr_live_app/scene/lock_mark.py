"""The corners around the locked person."""

from __future__ import annotations

from typing import Final

import moderngl
import numpy as np

from hmr_live.core.state import Array
from hmr_live.render.image_plane import Rectangle

#: The theme's accent colour, sRGB in [0, 1].
_COLOR: Final = (1.0, 0.612, 0.341)
#: Of the body's larger extent: from the outermost joints to the frame, and an arm of a corner.
_MARGIN: Final = 0.09
_ARM: Final = 0.11
#: Points.
_THICKNESS: Final = 3


def frame_around(joints: Array, pane: Rectangle) -> Rectangle:
    """Rectangle around joints ``(24, 2)``, cut to the pane; framebuffer pixels."""
    low, high = joints.min(axis=0), joints.max(axis=0)
    margin = _MARGIN * (high - low).max()
    ends = [pane.x + pane.width, pane.y + pane.height]
    left, bottom = np.clip(low - margin, [pane.x, pane.y], ends).astype(int)
    right, top = np.clip(high + margin, [pane.x, pane.y], ends).astype(int)
    return Rectangle(int(left), int(bottom), int(right - left), int(top - bottom))


def draw_corners(target: moderngl.Framebuffer, around: Rectangle, scale: float) -> None:
    """Draw the four corners of a rectangle.

    Parameters
    ----------
    target
        The framebuffer in use.
    around
        The rectangle, framebuffer pixels.
    scale
        Pixels for each point.
    """
    thick = max(round(_THICKNESS * scale), 1)
    arm = min(round(_ARM * max(around.width, around.height)), around.width, around.height)
    if arm < thick:
        return
    for right in (False, True):
        x = around.x + (around.width - arm if right else 0)
        edge = around.x + (around.width - thick if right else 0)
        for top in (False, True):
            y = around.y + (around.height - arm if top else 0)
            end = around.y + (around.height - thick if top else 0)
            target.clear(*_COLOR, 1.0, viewport=(x, end, arm, thick))
            target.clear(*_COLOR, 1.0, viewport=(edge, y, thick, arm))
