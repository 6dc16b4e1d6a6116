"""Blend functions."""

from __future__ import annotations

from typing import Any, Final

import moderngl

#: Straight alpha over an opaque image, whose alpha stays 1, so that the desktop does not show
#: through a window whose framebuffer has alpha.
OVER: Final[Any] = (  # moderngl's types know only the form with two factors
    moderngl.SRC_ALPHA,
    moderngl.ONE_MINUS_SRC_ALPHA,
    moderngl.ONE,
    moderngl.ONE_MINUS_SRC_ALPHA,
)

#: The same for premultiplied colours (text rendered by Qt).
OVER_PREMULTIPLIED: Final = (moderngl.ONE, moderngl.ONE_MINUS_SRC_ALPHA)

#: Keep the colour; writes depth only.
DEPTH_ONLY: Final = (moderngl.ZERO, moderngl.ONE)

#: Multiply the colour; the alpha stays.
MULTIPLY: Final = (moderngl.DST_COLOR, moderngl.ZERO)
