"""Colours of people's bodies, the same in every view."""

from __future__ import annotations

from typing import Final

from hmr_live.render.body_renderer import BODY_COLOR

#: Linear light, red, green and blue; one for each trackable person, of similar lightness, and none
#: the colour of skin.
PALETTE: Final = (
    BODY_COLOR,
    (0.58, 0.47, 0.12),
    (0.22, 0.52, 0.30),
    (0.55, 0.28, 0.50),
    (0.16, 0.50, 0.54),
    (0.58, 0.25, 0.22),
    (0.42, 0.48, 0.16),
    (0.38, 0.32, 0.68),
)


def body_color(track_id: int) -> tuple[float, float, float]:
    """Colour of a track; people in sight together have different ones."""
    return PALETTE[track_id % len(PALETTE)]


def display_color(track_id: int) -> tuple[int, int, int]:
    """The colour for texts and marks: sRGB, 0 to 255, light enough for a dark background."""
    red, green, blue = (
        round(255 * min(1.5 * value, 1.0) ** (1 / 2.2)) for value in body_color(track_id)
    )
    return red, green, blue
