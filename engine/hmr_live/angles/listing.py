"""The definitions of the angles as text for people."""

from __future__ import annotations

import textwrap
from typing import Final

from hmr_live.angles.definition import AngleDefinition
from hmr_live.angles.definitions import ANGLES

_WIDTH: Final = 100
_INDENT: Final = 4


def definitions_text() -> str:
    """Every angle once, left and right together: what, sign, neutral pose, range in degrees."""
    blocks = [_block(angle) for angle in ANGLES if angle.side != "right"]
    return "\n".join(blocks)


def _block(angle: AngleDefinition) -> str:
    sides = " (left, right)" if angle.side else ""
    lines = {
        "what": angle.meaning,
        "positive": angle.positive,
        "zero": angle.neutral,
        "range": f"{angle.low} to {angle.high} degrees",
        "singular": angle.singular,
    }
    return "\n".join(
        [
            f"{angle.unsided_name}{sides}",
            *(_line(label, text) for label, text in lines.items() if text),
        ]
    )


def _line(label: str, text: str) -> str:
    return textwrap.fill(
        text,
        _WIDTH,
        initial_indent=" " * _INDENT + f"{label:<10}",
        subsequent_indent=" " * (_INDENT + 10),
    )
