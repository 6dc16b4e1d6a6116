"""How well networks recover the posture of drawn people.

An overlay that fits says little about depth: a leg shown at 0.985 of its length may be straight and
in perspective, or bent by 20 degrees.  So people whose posture is known (:mod:`.posture`) are
compared in the frame's camera, whatever camera the network has for its crops.  The crop is the
tracker's, from the true joints, and the focal length is known.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from hmr_live.body.skeleton import JOINT
from hmr_live.core.camera_place import CameraPlace
from hmr_live.core.state import Image
from hmr_live.recovery.crop import crop_box_from_joints
from hmr_live.recovery.crop_to_camera import CropToCamera
from hmr_live.recovery.frame_camera import project
from hmr_live.recovery.sizer import Sizer
from hmr_live_training.evaluation.datasets.posture import (
    BENT_VIEWS,
    DESK_VIEWS,
    SHORTEST,
    STANDING_VIEWS,
    TALLEST,
    DrawnPerson,
    Pose,
    Viewpoint,
    draw_people,
    lunging,
    sitting,
    squatting,
    standing,
    stature,
)
from hmr_live_training.evaluation.datasets.studio import Studio
from hmr_live_training.evaluation.datasets.triangulated import flexions
from hmr_live_training.evaluation.estimators import NetworkEstimator
from hmr_live_training.evaluation.progress import ProgressLog
from hmr_live_training.evaluation.report import ResultRow
from hmr_live_training.evaluation.statistics import Figure, correlation, ratio
from hmr_live_training.landmarks import LSP_LIMBS_IN_SMPL

Array = NDArray[np.floating[Any]]

DATA_SET: Final = "drawn people"
SPLIT: Final = "test clothes and backgrounds"
#: People before each camera, and the fewest that are drawn.
PEOPLE: Final = 24
_FEWEST: Final = 4
#: Of a picture cut at the hips, so much of the trunk is seen below them.
_BELOW_HIPS: Final = 0.1
_CM: Final = 100.0
_LIMBS: Final = list(LSP_LIMBS_IN_SMPL)
_HIPS: Final = [JOINT["left_hip"], JOINT["right_hip"]]
_ANKLES: Final = [JOINT["left_ankle"], JOINT["right_ankle"]]
_SHOULDERS: Final = [JOINT["left_shoulder"], JOINT["right_shoulder"]]


class Scene(NamedTuple):
    """A posture before cameras; ``cut``: no picture below the hips."""

    name: str
    views: tuple[Viewpoint, ...]
    pose: Pose
    cut: bool = False


SCENES: Final = (
    Scene("standing", STANDING_VIEWS, standing),
    Scene("cut at the hips", DESK_VIEWS, standing, cut=True),
    Scene("sitting", BENT_VIEWS, sitting),
    Scene("squatting", BENT_VIEWS, squatting),
    Scene("lunging", BENT_VIEWS, lunging),
)


class _Posture(NamedTuple):
    """Degrees and metres; of N people, every field gets N as its last dimension.

    ``knees`` and ``hips``, ``(2,)`` each, are flexions, 0 for a straight joint; ``measured`` is the
    stature where the place of the camera is known.
    """

    knees: Array
    hips: Array
    trunk: Array
    legs: Array
    stature: Array
    measured: Array


class _Errors(NamedTuple):
    """Errors of one network on P people before V cameras, ``(V, P)`` each.

    Knees and hips are means of right and left; ``*_bias`` have a sign, bent too much is positive.
    Pitches are positive away from the camera.
    """

    knees: Array
    knees_bias: Array
    hips: Array
    trunk: Array
    legs: Array
    stature: Array
    measured: Array
    true_stature: Array


def knee_bends(joints: Array) -> Array:
    """Degrees between thigh and shin of SMPL's joints ``(24, 3)``, right and left ``(2,)``."""
    return np.asarray(flexions(joints[None, _LIMBS])["knee"][0])


def pitch(joints: Array, upper: Sequence[int], lower: Sequence[int]) -> float:
    """Degrees by which a line leans away from the camera (y down, z forward)."""
    line = joints[list(upper)].mean(axis=0) - joints[list(lower)].mean(axis=0)
    return float(np.degrees(np.arctan2(line[2], -line[1])))


def trunk_pitch(joints: Array) -> float:
    """Degrees by which the trunk leans away from the camera."""
    return pitch(joints, _SHOULDERS, _HIPS)


def leg_pitch(joints: Array) -> float:
    """Degrees by which hips are farther away than ankles."""
    return pitch(joints, _HIPS, _ANKLES)


def _posture_of(joints: Array, tall: float, measured: float) -> _Posture:
    bends = flexions(joints[None, _LIMBS])
    pitches = np.array(trunk_pitch(joints)), np.array(leg_pitch(joints))
    return _Posture(bends["knee"][0], bends["hip"][0], *pitches, np.array(tall), np.array(measured))


def picture_of(person: DrawnPerson, *, cut: bool) -> tuple[Image, Array]:
    """What the camera shows of a person, and the joints in it, pixels ``(24, 2)``.

    A picture that is cut ends a little below the hips.  Its last row is repeated from there on, as
    the engine does beyond the frame's end, so that the middle of the frame stays where it is;
    joints that are not shown are at the middle of the hips.
    """
    flat = project(person.joints, person.camera.focal, person.camera.size)
    if not cut:
        return person.image, flat
    hip, shoulder = flat[_HIPS].mean(axis=0), flat[_SHOULDERS].mean(axis=0)
    end = int(hip[1] + _BELOW_HIPS * (hip[1] - shoulder[1]))
    image = person.image.copy()
    image[end:] = image[end - 1]
    return image, np.where(flat[:, 1:] > end, hip, flat)


def _recovered(
    estimator: NetworkEstimator, person: DrawnPerson, place: CameraPlace, *, cut: bool
) -> _Posture:
    """A network's answer in the frame's camera."""
    body, size, focal = estimator.reader.body, person.camera.size, person.camera.focal
    image, flat = picture_of(person, cut=cut)
    box = crop_box_from_joints(flat, size)
    (output,) = estimator.network.run(image, [box], focal)
    found = CropToCamera(body, focal).estimate(box, output, size).body
    joints = body.joints(found.rotmats, found.betas) + found.transl
    tall = stature(body, found.betas)
    scale = Sizer(body, place).scale(found, output.confidence, focal, size)
    return _posture_of(joints.astype(np.float64), tall, (scale or 1) * tall)


def drawn_posture_rows(
    data: Path, estimators: Sequence[NetworkEstimator], *, step: int = 1
) -> list[ResultRow]:
    """Figures of all drawn people; ``step`` > 1 draws fewer.  Intervals resample people."""
    studio = Studio(data)
    count = max(PEOPLE // step, _FEWEST)
    progress = ProgressLog("drawn people", sum(len(scene.views) for scene in SCENES))
    rows = []
    for scene in SCENES:
        found: dict[str, list[_Errors]] = {e.name: [] for e in estimators}
        for view in scene.views:
            people = list(draw_people(studio, view, scene.pose, count, cut=scene.cut))
            for estimator in estimators:
                place = CameraPlace(view.height, view.down)
                errors = _errors(estimator, people, place, cut=scene.cut)
                found[estimator.name].append(errors)
                rows.append(_row(f"{scene.name}, {view}", estimator.name, errors))
            progress.step()
        together = {
            name: _Errors(*(np.concatenate(field) for field in zip(*errors, strict=True)))
            for name, errors in found.items()
        }
        condition = f"{scene.name}, all {len(scene.views)} cameras"
        rows += [_row(condition, name, errors) for name, errors in together.items()]
        if scene.pose is standing and not scene.cut:
            for name, errors in together.items():
                rows.append(_stature_row("lens known", condition, name, errors, errors.stature))
                known = "lens, height and pitch known"
                rows.append(_stature_row(known, condition, name, errors, errors.measured))
    studio.close()
    return rows


def _errors(
    estimator: NetworkEstimator, people: Sequence[DrawnPerson], place: CameraPlace, *, cut: bool
) -> _Errors:
    """Errors before one camera, ``(1, P)`` each."""
    found = [_recovered(estimator, person, place, cut=cut) for person in people]
    known = [
        _posture_of(person.joints.astype(np.float64), person.stature, person.stature)
        for person in people
    ]
    f, k = (_Posture(*(np.stack(field) for field in zip(*p, strict=True))) for p in (found, known))
    knees = f.knees - k.knees
    errors = _Errors(
        knees=np.abs(knees).mean(axis=1),
        knees_bias=knees.mean(axis=1),
        hips=np.abs(f.hips - k.hips).mean(axis=1),
        trunk=_turned(f.trunk - k.trunk),
        legs=_turned(f.legs - k.legs),
        stature=f.stature,
        measured=f.measured,
        true_stature=k.stature,
    )
    return _Errors(*(field[None] for field in errors))


def _turned(degrees: Array) -> Array:
    """The same angles in [-180, 180)."""
    return np.asarray((degrees + 180) % 360 - 180)


def _row(condition: str, name: str, errors: _Errors) -> ResultRow:
    figures = {
        "knees, mean error": _mean(errors.knees),
        "knees, bias": _mean(errors.knees_bias),
        "hips, mean error": _mean(errors.hips),
        "trunk pitch, mean error": _mean(np.abs(errors.trunk)),
        "trunk pitch, bias": _mean(errors.trunk),
        "leg pitch, mean error": _mean(np.abs(errors.legs)),
    }
    return ResultRow("Posture", DATA_SET, SPLIT, condition, name, figures)


def _mean(values: Array, unit: str = "deg", scale: float = 1) -> Figure | None:
    """Mean of ``(V, P)``; a unit is a person with all their pictures."""
    views, people = values.shape
    return ratio(values.sum(axis=0), np.full(people, views), unit, scale)


def _stature_row(known: str, condition: str, name: str, errors: _Errors, found: Array) -> ResultRow:
    apart = found - errors.true_stature
    figures = {
        "correlation": correlation(found.T, errors.true_stature.T),
        "mean error": _mean(np.abs(apart), "cm", _CM),
        "bias": _mean(apart, "cm", _CM),
    }
    condition = f"{condition}, {SHORTEST:.2f} to {TALLEST:.2f} m"
    return ResultRow(f"Stature, {known}", DATA_SET, SPLIT, condition, name, figures)
