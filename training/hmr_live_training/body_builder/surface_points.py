"""The 21 named surface points that ``smplx`` looks up by vertex number (nose, heels ...)."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from hmr_live.body.skeleton import JOINT
from hmr_live_training.body_builder.source import Floats, MakeHumanSource
from hmr_live_training.body_builder.surface import SkinSurface

_FINGERS = ("thumb", "index", "middle", "ring", "pinky")


def find_surface_points(
    source: MakeHumanSource,
    surface: SkinSurface,
    template: Floats,
    joints: Floats,
    weights: Floats,
) -> dict[str, int]:
    """Return the vertex number of each named point.

    Parameters
    ----------
    source, surface
        MakeHuman's data and the skin.
    template, joints, weights
        Of the finished body: ``(V, 3)``, ``(24, 3)``, ``(V, 24)``.
    """

    def farthest(where: NDArray[np.bool_], along: Floats) -> int:
        candidates = np.flatnonzero(where)
        return int(candidates[np.argmax(along[candidates])])

    def bone(name: str) -> Floats:
        return np.asarray(source.rig.weights[surface.source_vertices, source.rig.number(name)])

    x, y, z = template.T
    head = weights[:, JOINT["head"]] > 0.8
    height = y - joints[JOINT["head"], 1]
    face = head & (np.abs(x) < 0.01) & (height > -0.01) & (height < 0.09)
    points = {"nose": farthest(face, z)}
    for letter in "lr":
        eye = np.zeros(len(template), bool)
        numbers = surface.number_of[source.group_vertices(f"helper-{letter}-eye")]
        eye[numbers[numbers >= 0]] = True
        points[f"{letter}eye"] = farthest(eye, z)
    ear_zone = head & (height > -0.02) & (height < 0.10)
    points |= {"lear": farthest(ear_zone, x), "rear": farthest(ear_zone, -x)}
    for letter, side in (("l", "left_"), ("r", "right_")):
        for number, finger in enumerate(_FINGERS, start=1):
            tip = bone(f"finger{number}-3.{letter.upper()}") > 0.6
            along = template[tip].mean(axis=0) - joints[JOINT[side + "wrist"]]
            points[letter + finger] = farthest(tip, template @ along)
        big, small = bone(f"toe1-2.{letter.upper()}"), bone(f"toe5-3.{letter.upper()}")
        points[f"{letter.upper()}BigToe"] = farthest(big > 0.5, z)
        points[f"{letter.upper()}SmallToe"] = farthest(small > 0.5, z)
        sole = (weights[:, JOINT[side + "ankle"]] > 0.5) & (y < y.min() + 0.03)
        points[f"{letter.upper()}Heel"] = farthest(sole, -z)
    return points
