"""Angles of one arm."""

from __future__ import annotations

from typing import Final

from hmr_live.angles.definition import AngleDefinition

_HANGING: Final = "undefined when the arm hangs or points straight up: plane 0 is given there"
_OVERHEAD: Final = "undefined when the arm points straight up: plane 0 is given there"

ARM: Final = (
    AngleDefinition(
        name="shoulder elevation",
        joint="shoulder",
        meaning="upper arm against the thorax's downward axis (second of ISB's Y-X-Y)",
        positive="the arm rises, in whatever direction",
        neutral="arm hanging",
        low=0,
        high=180,
    ),
    AngleDefinition(
        name="shoulder plane",
        joint="shoulder",
        meaning="vertical plane in which the arm is raised (first of Y-X-Y)",
        positive="towards the front; 90 is straight forward",
        neutral="arm raised sideways",
        low=-180,
        high=180,
        singular=_HANGING,
    ),
    AngleDefinition(
        name="shoulder axial rotation",
        joint="shoulder",
        meaning="upper arm about its own axis, from the plane of elevation (third of Y-X-Y)",
        positive="inward",
        neutral="arm raised sideways, forearm pointing forward",
        low=-180,
        high=180,
        singular=_HANGING,
    ),
    AngleDefinition(
        name="shoulder flexion",
        joint="shoulder",
        meaning="forward share of the elevation: elevation x sin(plane)",
        positive="the arm swings forward",
        neutral="arm hanging or raised straight sideways",
        low=-60,
        high=180,
        singular=_OVERHEAD,
    ),
    AngleDefinition(
        name="shoulder abduction",
        joint="shoulder",
        meaning="sideward share of the elevation: elevation x cos(plane)",
        positive="the arm swings outward",
        neutral="arm hanging or raised straight forward",
        low=-60,
        high=180,
        singular=_OVERHEAD,
    ),
    AngleDefinition(
        name="shoulder rotation",
        joint="shoulder",
        meaning="upper arm about its own axis, from the shortest way out of hanging (torsion)",
        positive="inward",
        neutral="arm hanging, forearm pointing forward",
        low=-110,
        high=100,
        singular=_OVERHEAD,
    ),
    AngleDefinition(
        name="elbow flexion",
        joint="elbow",
        meaning="angle between forearm and the prolonged upper arm, whatever way it bends",
        positive="bent; overstretching counts positive too",
        neutral="shoulder, elbow and wrist in line",
        low=0,
        high=150,
    ),
    AngleDefinition(
        name="forearm pronation",
        joint="elbow",
        meaning="hand about the forearm's axis, against the plane in which the elbow bends",
        positive="pronation, the palm turns to the back; ISB's angle is this plus 90",
        neutral="thumb forward (arm hanging) or up (elbow at 90)",
        low=-90,
        high=90,
    ),
    AngleDefinition(
        name="wrist flexion",
        joint="wrist",
        meaning="hand against the pronated forearm about the mediolateral axis of the palm",
        positive="towards the palm",
        neutral="line from wrist to knuckles along the forearm",
        low=-80,
        high=90,
    ),
    AngleDefinition(
        name="wrist deviation",
        joint="wrist",
        meaning="hand against the pronated forearm in the plane of the palm",
        positive="towards the little finger (ulnar)",
        neutral="line from wrist to knuckles along the forearm",
        low=-30,
        high=45,
    ),
)
