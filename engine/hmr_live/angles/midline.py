"""Angles of trunk, neck and pelvis."""

from __future__ import annotations

from typing import Final

from hmr_live.angles.definition import AngleDefinition

_BENT: Final = "undefined at a side bend of 90: rotation 0 is given there"
_LYING: Final = "undefined when lying on the side: rotation 0 is given there"

MIDLINE: Final = (
    AngleDefinition(
        name="trunk flexion",
        joint="trunk",
        meaning="thorax against the pelvis about the pelvis's mediolateral axis",
        positive="forward",
        neutral="as in the body's rest pose, upright",
        low=-40,
        high=90,
        singular=_BENT,
    ),
    AngleDefinition(
        name="trunk side bend",
        joint="trunk",
        meaning="thorax against the pelvis about the floating axis",
        positive="to the person's left (ISB counts the right positive)",
        neutral="upright",
        low=-45,
        high=45,
    ),
    AngleDefinition(
        name="trunk rotation",
        joint="trunk",
        meaning="thorax about its long axis against the pelvis",
        positive="to the person's left",
        neutral="shoulders above the hips",
        low=-60,
        high=60,
        singular=_BENT,
    ),
    AngleDefinition(
        name="neck flexion",
        joint="neck",
        meaning="head against the thorax about the thorax's mediolateral axis",
        positive="forward",
        neutral="as in the body's rest pose, looking ahead",
        low=-70,
        high=70,
        singular=_BENT,
    ),
    AngleDefinition(
        name="neck side bend",
        joint="neck",
        meaning="head against the thorax about the floating axis",
        positive="to the person's left",
        neutral="head upright",
        low=-50,
        high=50,
    ),
    AngleDefinition(
        name="neck rotation",
        joint="neck",
        meaning="head about its long axis against the thorax",
        positive="to the person's left",
        neutral="looking ahead",
        low=-85,
        high=85,
        singular=_BENT,
    ),
    AngleDefinition(
        name="pelvis tilt",
        joint="pelvis",
        meaning="pelvis about its mediolateral axis; camera taken as level",
        positive="anterior, the top forward",
        neutral="upright as in the body's rest pose",
        low=-90,
        high=90,
        singular=_LYING,
    ),
    AngleDefinition(
        name="pelvis obliquity",
        joint="pelvis",
        meaning="its mediolateral axis against the horizontal; camera taken as level",
        positive="leaning to the person's left, the right hip higher",
        neutral="both hips at one height",
        low=-90,
        high=90,
    ),
    AngleDefinition(
        name="pelvis rotation",
        joint="pelvis",
        meaning="its heading about the vertical, against the camera; camera taken as level",
        positive="turned to the person's left",
        neutral="facing the camera",
        low=-180,
        high=180,
        singular=_LYING,
    ),
)
