"""Angles of one leg."""

from __future__ import annotations

from typing import Final

from hmr_live.angles.definition import AngleDefinition

_WIDE: Final = "undefined when the thigh points straight sideways: rotation 0 is given there"

LEG: Final = (
    AngleDefinition(
        name="hip flexion",
        joint="hip",
        meaning="thigh against the pelvis about the pelvis's mediolateral axis",
        positive="the thigh swings forward",
        neutral="thigh straight down from an upright pelvis",
        low=-30,
        high=130,
        singular=_WIDE,
    ),
    AngleDefinition(
        name="hip abduction",
        joint="hip",
        meaning="thigh against the pelvis about the floating axis",
        positive="the thigh swings outward (ISB counts adduction positive)",
        neutral="thigh straight down from a level pelvis",
        low=-30,
        high=60,
    ),
    AngleDefinition(
        name="hip rotation",
        joint="hip",
        meaning="thigh about its own axis",
        positive="inward, the kneecap turns to the other leg",
        neutral="kneecap forward",
        low=-60,
        high=50,
        singular=_WIDE,
    ),
    AngleDefinition(
        name="knee flexion",
        joint="knee",
        meaning="shank against the thigh about the thigh's mediolateral axis",
        positive="the heel moves towards the seat",
        neutral="hip, knee and ankle in line",
        low=-10,
        high=150,
    ),
    AngleDefinition(
        name="knee varus",
        joint="knee",
        meaning="shank against the thigh about the floating axis",
        positive="varus, the foot towards the other leg (adduction); negative: valgus",
        neutral="hip, knee and ankle in line",
        low=-20,
        high=20,
    ),
    AngleDefinition(
        name="knee rotation",
        joint="knee",
        meaning="shank about its own axis against the thigh",
        positive="inward",
        neutral="as in the body's rest pose",
        low=-40,
        high=30,
    ),
    AngleDefinition(
        name="ankle dorsiflexion",
        joint="ankle",
        meaning="foot against the shank about the shank's mediolateral axis",
        positive="the toes rise; negative: plantarflexion",
        neutral="sole at a right angle to the shank",
        low=-55,
        high=30,
    ),
    AngleDefinition(
        name="ankle inversion",
        joint="ankle",
        meaning="foot against the shank about the floating axis",
        positive="the sole turns to the other foot; negative: eversion",
        neutral="sole at a right angle to the shank",
        low=-30,
        high=40,
    ),
    AngleDefinition(
        name="ankle rotation",
        joint="ankle",
        meaning="foot about the axis across its sole, against the shank",
        positive="inward (toes in)",
        neutral="foot pointing as in the body's rest pose",
        low=-30,
        high=30,
    ),
    AngleDefinition(
        name="toe extension",
        joint="ankle",
        meaning="toes against the foot about the mediolateral axis",
        positive="the toes rise",
        neutral="toes flat on the ground with the sole",
        low=-40,
        high=80,
    ),
)
