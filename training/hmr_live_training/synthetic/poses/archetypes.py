"""Postures that motion capture lacks, made from joint angles: sitting, lying, reaching and so on.

Angles are axis-angle components in SMPL's frame (x to the person's left, y up, z forward; arms
along +-x, legs straight down): negative x at a hip lifts the thigh, positive x at a knee bends it,
positive x at the spine bends forward; at the left shoulder negative z lowers the arm and negative
y brings it forward.  Left limbs are drawn first, the right ones are mirrored.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from hmr_live.body.rotations import axis_angle_from_matrix, matrix_from_axis_angle
from hmr_live.body.skeleton import JOINT

Array = NDArray[np.floating[Any]]
Generator = np.random.Generator
Triple = tuple[float, float, float]

_MIRROR: Final = np.array([1.0, -1.0, -1.0])
_SPINE: Final = [JOINT[name] for name in ("spine1", "spine2", "spine3")]
#: All joints but the pelvis and the legs.
_ABOVE_HIPS: Final = [
    joint
    for name, joint in JOINT.items()
    if name != "pelvis" and not name.endswith(("hip", "knee", "ankle", "foot"))
]
#: Share of a captured spine that is left under an upright trunk.
_SPINE_KEPT: Final = 0.3
#: Share of upright people who sit, anywhere and at a desk.
_SITTING: Final = 0.3
_SITTING_AT_DESK: Final = 0.7


class Posture:
    """A pose under construction: ``(24, 3)`` axis-angle, joint 0 in a world with y up."""

    def __init__(self) -> None:
        self.angles = np.zeros((24, 3))

    def mid(self, name: str, values: Triple) -> None:
        """Set a joint on the midline, radians."""
        self.angles[JOINT[name]] = values

    def side(self, left: bool, name: str, values: Triple) -> None:
        """Set a limb joint; the values are those of the left limb."""
        joint = JOINT[("left_" if left else "right_") + name]
        self.angles[joint] = np.array(values) * (1.0 if left else _MIRROR)


def _deg(rng: Generator, low: float, high: float) -> float:
    return float(np.deg2rad(rng.uniform(low, high)))


# Legs -------------------------------------------------------------------------------------------


def stand(rng: Generator, body: Posture) -> None:
    """On both feet, one knee perhaps relaxed."""
    for left in (True, False):
        bend = max(0.0, float(rng.normal(0, 0.18)))
        body.side(left, "hip", (-0.5 * bend, _deg(rng, -5, 20), _deg(rng, -8, 6)))
        body.side(left, "knee", (bend, 0, 0))
        body.side(left, "ankle", (-0.5 * bend, 0, 0))


def stand_straight(rng: Generator, body: Posture) -> None:
    """Standing with nearly straight knees, swaying a little, perhaps with the weight on one leg."""
    sway, tilt = (float(np.deg2rad(v)) for v in rng.normal(0, [1.5, 1.0]))
    width = _deg(rng, 0, 9)
    relaxed = rng.integers(2) if rng.random() < 0.3 else 2
    body.mid("pelvis", (sway, 0, tilt))
    for number, left in enumerate((True, False)):
        bend = _deg(rng, 8, 22) if number == relaxed else _deg(rng, 0, 6)
        side = 1 if left else -1
        out = _deg(rng, 0, 12)
        body.side(left, "hip", (-0.5 * bend - sway, out, width - side * tilt))
        body.side(left, "knee", (bend, 0, 0))
        body.side(left, "ankle", (-0.5 * bend, 0, -width))


def sit_upright(rng: Generator, body: Posture) -> None:
    """On a chair, thighs about level, back upright."""
    lean = float(np.deg2rad(rng.normal(0, 4)))
    hip, knee, open_ = _deg(rng, 78, 95), _deg(rng, 70, 105), _deg(rng, 0, 20)
    body.mid("pelvis", (lean, 0, 0))
    for left in (True, False):
        own = float(np.deg2rad(rng.normal(0, 4)))
        body.side(left, "hip", (-hip - lean + own, open_, 0.2 * open_))
        body.side(left, "knee", (knee + float(np.deg2rad(rng.normal(0, 6))), 0, 0))
        body.side(left, "ankle", (_deg(rng, -10, 15), 0, 0))


def sit(rng: Generator, body: Posture) -> None:
    """On a chair or a stool."""
    lean = _deg(rng, -15, 20)
    body.mid("pelvis", (-lean, 0, 0))
    together = rng.random() < 0.6
    hip, knee, open_ = _deg(rng, 70, 100), _deg(rng, 65, 110), _deg(rng, -2, 22)
    for left in (True, False):
        if not together:
            hip, knee, open_ = _deg(rng, 65, 105), _deg(rng, 35, 120), _deg(rng, -12, 25)
        body.side(left, "hip", (-hip + lean, open_, 0.2 * open_))
        body.side(left, "knee", (knee, 0, 0))
        body.side(left, "ankle", (_deg(rng, -15, 15), 0, 0))


def sit_on_floor(rng: Generator, body: Posture) -> None:
    """With stretched, drawn-up or crossed legs."""
    lean = _deg(rng, -5, 25)
    body.mid("pelvis", (-lean, 0, 0))
    style = rng.integers(3)
    for left in (True, False):
        if style == 0:
            body.side(left, "hip", (-_deg(rng, 75, 95) + lean, _deg(rng, 0, 20), 0))
            body.side(left, "knee", (_deg(rng, 0, 25), 0, 0))
            body.side(left, "ankle", (_deg(rng, 0, 30), 0, 0))
        elif style == 1:
            body.side(left, "hip", (-_deg(rng, 105, 130) + lean, _deg(rng, -5, 15), 0))
            body.side(left, "knee", (_deg(rng, 90, 130), 0, 0))
        else:
            body.side(left, "hip", (-_deg(rng, 70, 90), _deg(rng, 35, 60), _deg(rng, 20, 45)))
            body.side(left, "knee", (_deg(rng, 95, 125), 0, 0))
            body.side(left, "ankle", (_deg(rng, 0, 30), 0, 0))


def crouch(rng: Generator, body: Posture) -> None:
    """Squatting, more or less deep."""
    depth = _deg(rng, 35, 125)
    body.mid("pelvis", (_deg(rng, 5, 35), 0, 0))
    open_ = _deg(rng, 0, 30)
    for left in (True, False):
        body.side(left, "hip", (-depth * float(rng.uniform(0.85, 1.05)), open_, 0.4 * open_))
        body.side(left, "knee", (depth * float(rng.uniform(0.9, 1.1)), 0, 0))
        body.side(left, "ankle", (-0.25 * depth, 0, 0))


def kneel(rng: Generator, body: Posture) -> None:
    """On one knee or on both."""
    one = rng.random() < 0.5
    for left in (True, False):
        if one and left:
            body.side(left, "hip", (-_deg(rng, 70, 100), _deg(rng, 0, 20), 0))
            body.side(left, "knee", (_deg(rng, 70, 110), 0, 0))
        else:
            thigh = _deg(rng, 0, 20) if one else _deg(rng, 0, 75)
            body.side(left, "hip", (-thigh if not one else 0.3 * thigh, _deg(rng, -5, 15), 0))
            body.side(left, "knee", (_deg(rng, 85, 100) + (0 if one else 0.6 * thigh), 0, 0))
            body.side(left, "ankle", (_deg(rng, 10, 40), 0, 0))


def lunge(rng: Generator, body: Posture) -> None:
    """A wide step, forward or to the side."""
    front = _deg(rng, 20, 95)
    body.side(True, "hip", (-front, _deg(rng, -10, 30), _deg(rng, 0, 25)))
    body.side(True, "knee", (front * float(rng.uniform(0.2, 1.1)), 0, 0))
    body.side(False, "hip", (_deg(rng, 0, 35), _deg(rng, -10, 25), _deg(rng, 0, 35)))
    body.side(False, "knee", (_deg(rng, 0, 50), 0, 0))


def one_leg(rng: Generator, body: Posture) -> None:
    """Balancing or kicking on one leg."""
    stand(rng, body)
    lift = _deg(rng, -35, 120)
    body.side(True, "hip", (-lift, _deg(rng, -10, 40), _deg(rng, -5, 60)))
    body.side(True, "knee", (_deg(rng, 0, 120 if lift > 0.3 else 60), 0, 0))
    body.side(True, "ankle", (_deg(rng, -10, 40), 0, 0))


def lie(rng: Generator, body: Posture) -> None:
    """On the back, the belly or a side."""
    for left in (True, False):
        drawn = _deg(rng, 0, 100) if rng.random() < 0.45 else _deg(rng, 0, 15)
        body.side(left, "hip", (-drawn, _deg(rng, -5, 25), _deg(rng, 0, 15)))
        body.side(left, "knee", (drawn * float(rng.uniform(0.8, 1.5)), 0, 0))
        body.side(left, "ankle", (_deg(rng, 10, 40), 0, 0))
    tilt = float(rng.normal(0, 0.15))
    which = rng.random()
    if which < 0.45:
        body.mid("pelvis", (-np.pi / 2 + tilt, 0, 0))
    elif which < 0.75:
        body.mid("pelvis", (np.pi / 2 + tilt, 0, 0))
    else:
        body.mid("pelvis", (tilt, 0, np.pi / 2 * float(rng.choice([-1, 1]))))


def bend_over(rng: Generator, body: Posture) -> None:
    """Standing, the trunk bent forward at hips and spine."""
    stand(rng, body)
    bend = _deg(rng, 25, 95)
    body.mid("pelvis", (bend, 0, 0))
    for left in (True, False):
        joint = JOINT["left_hip" if left else "right_hip"]
        body.angles[joint, 0] -= bend
    body.mid("spine1", (_deg(rng, 0, 30), 0, _deg(rng, -10, 10)))
    body.mid("spine2", (_deg(rng, 0, 20), _deg(rng, -15, 15), 0))


LEGS: Final[tuple[tuple[float, Callable[[Generator, Posture], None]], ...]] = (
    (0.12, stand),
    (0.12, stand_straight),
    (0.12, sit),
    (0.06, sit_upright),
    (0.08, sit_on_floor),
    (0.12, crouch),
    (0.08, kneel),
    (0.08, lunge),
    (0.07, one_leg),
    (0.08, lie),
    (0.07, bend_over),
)

# Arms -------------------------------------------------------------------------------------------


def bend_elbow(rng: Generator, body: Posture, left: bool, low: float, high: float) -> None:
    """Bend by an angle in degrees.

    Captured elbows have their hinge anywhere between "forward" and "up", with the upper arm
    twisted accordingly, so that the forearm ends up in the same place.
    """
    bend, hinge = _deg(rng, low, high), _deg(rng, -10, 40)
    body.side(left, "elbow", (0, -bend * np.cos(hinge), bend * np.sin(hinge)))
    shoulder = JOINT["left_shoulder" if left else "right_shoulder"]
    twisted = matrix_from_axis_angle(body.angles[shoulder]) @ matrix_from_axis_angle(
        np.array([hinge, 0.0, 0.0])
    )
    body.angles[shoulder] = axis_angle_from_matrix(twisted)


def hang(rng: Generator, body: Posture, left: bool) -> None:
    """At the side."""
    body.side(left, "shoulder", (_deg(rng, -30, 30), _deg(rng, -25, 20), -_deg(rng, 55, 80)))
    bend_elbow(rng, body, left, 0, 45)


def overhead(rng: Generator, body: Posture, left: bool) -> None:
    """Raised, straight or bent."""
    body.side(left, "shoulder", (_deg(rng, -20, 20), -_deg(rng, -5, 40), _deg(rng, 25, 85)))
    bend_elbow(rng, body, left, 0, 110)


def akimbo(rng: Generator, body: Posture, left: bool) -> None:
    """Hand on the hip."""
    body.side(left, "shoulder", (-_deg(rng, 20, 50), _deg(rng, 5, 35), -_deg(rng, 40, 60)))
    bend_elbow(rng, body, left, 75, 110)


def forward(rng: Generator, body: Posture, left: bool) -> None:
    """Reaching or typing in front of the body."""
    body.side(left, "shoulder", (_deg(rng, -30, 30), -_deg(rng, 20, 95), -_deg(rng, -15, 60)))
    bend_elbow(rng, body, left, 0, 100)


def at_face(rng: Generator, body: Posture, left: bool) -> None:
    """Hand near chin, ear or hair, as on the phone or thinking."""
    body.side(left, "shoulder", (-_deg(rng, 10, 60), -_deg(rng, 15, 70), -_deg(rng, 0, 60)))
    bend_elbow(rng, body, left, 115, 145)


def folded(rng: Generator, body: Posture, left: bool) -> None:
    """Forearm across the chest or the belly."""
    body.side(left, "shoulder", (-_deg(rng, -10, 30), -_deg(rng, 25, 55), -_deg(rng, 45, 68)))
    bend_elbow(rng, body, left, 75, 110)


def out(rng: Generator, body: Posture, left: bool) -> None:
    """Stretched to the side."""
    body.side(left, "shoulder", (_deg(rng, -40, 40), -_deg(rng, -30, 40), -_deg(rng, -30, 35)))
    bend_elbow(rng, body, left, 0, 60)


def back(rng: Generator, body: Posture, left: bool) -> None:
    """Behind the body, as a hand that leans on something."""
    body.side(left, "shoulder", (_deg(rng, 0, 40), _deg(rng, 15, 45), -_deg(rng, 30, 70)))
    bend_elbow(rng, body, left, 0, 60)


ARMS: Final[tuple[tuple[float, Callable[[Generator, Posture, bool], None]], ...]] = (
    (0.20, hang),
    (0.17, overhead),
    (0.08, akimbo),
    (0.20, forward),
    (0.10, at_face),
    (0.10, folded),
    (0.10, out),
    (0.05, back),
)
#: Arms of a person at a desk.
DESK_ARMS: Final = (
    (0.22, hang),
    (0.10, overhead),
    (0.34, forward),
    (0.18, at_face),
    (0.12, folded),
    (0.04, out),
)


def trunk(rng: Generator, body: Posture, *, upright: bool = False) -> None:
    """A natural spine: some flexion, some side bend, some twist, shared by its joints."""
    sigma = (0.06, 0.04, 0.12) if upright else (0.16, 0.10, 0.16)
    mean = 0.02 if upright else 0.08
    flexion, side, twist = (float(v) for v in rng.normal([mean, 0, 0], sigma))
    for name, share in (("spine1", 0.4), ("spine2", 0.35), ("spine3", 0.25)):
        body.angles[JOINT[name]] += (share * flexion, share * twist, share * side)


def made_posture(rng: Generator, *, desk: bool = False) -> Array:
    """A random posture, ``(24, 3)`` axis-angle; at a desk people sit or stand upright."""
    body = Posture()
    legs = _upright_legs(rng, _SITTING_AT_DESK) if desk else _choose(rng, LEGS)
    legs(rng, body)
    trunk(rng, body, upright=desk)
    arms = DESK_ARMS if desk else ARMS
    both = _choose(rng, arms)
    for left in (True, False):
        arm = both if rng.random() < 0.55 else _choose(rng, arms)
        arm(rng, body, left)
    return body.angles


def upright_posture(rng: Generator, captured: Array, *, desk: bool = False) -> Array:
    """Stand or sit upright under the arms and the head of a captured frame.

    Parameters
    ----------
    rng
        Random generator.
    captured
        ``(24, 3)`` axis-angle since a flat T-pose with straight legs.
    desk
        A person at a desk, who sits more often.

    Returns
    -------
    Array
        ``(24, 3)`` axis-angle since the flat T-pose, float32, facing +z.
    """
    body = Posture()
    body.angles[_ABOVE_HIPS] = captured[_ABOVE_HIPS]
    body.angles[_SPINE] *= _SPINE_KEPT
    legs = _upright_legs(rng, _SITTING_AT_DESK if desk else _SITTING)
    legs(rng, body)
    return body.angles.astype(np.float32)


def _upright_legs(rng: Generator, sitting: float) -> Callable[[Generator, Posture], None]:
    return sit_upright if rng.random() < sitting else stand_straight


def _choose(rng: Generator, table: tuple[tuple[float, Any], ...]) -> Any:  # noqa: ANN401
    weights = np.array([weight for weight, _ in table])
    return table[int(rng.choice(len(table), p=weights / weights.sum()))][1]
