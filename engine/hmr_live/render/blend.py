"""How a half-transparent thing is drawn over what is there already."""

from __future__ import annotations

from typing import Any, Final

import moderngl

#: Straight alpha over an opaque picture; the picture stays opaque, so that no desktop shines
#: through a window whose framebuffer has alpha.
OVER: Final[Any] = (  # moderngl's types know only the form with two factors
    moderngl.SRC_ALPHA,
    moderngl.ONE_MINUS_SRC_ALPHA,
    moderngl.ONE,
    moderngl.ONE_MINUS_SRC_ALPHA,
)

#: The same for colours already multiplied by their alpha (Qt's pictures of text).
OVER_PREMULTIPLIED: Final = (moderngl.ONE, moderngl.ONE_MINUS_SRC_ALPHA)

#: Keep the colour that is there; used to fill in depth alone.
DEPTH_ONLY: Final = (moderngl.ZERO, moderngl.ONE)

#: Multiply what is there, whose alpha stays.
MULTIPLY: Final = (moderngl.DST_COLOR, moderngl.ZERO)
