"""Pose sampler: motion capture, mixtures of it, postures that it lacks, and variation on top.

Captured data have rigid wrists, hands and toes and hardly any collars; every pose therefore gets
natural rotations of head, collars, forearms, wrists, fingers, ankles and toes on top, then noise,
then joint limits.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from hmr_live.body.model import BodyModel
from hmr_live.body.rotations import axis_angle_from_matrix, matrix_from_axis_angle, slerp
from hmr_live.body.skeleton import JOINT
from hmr_live.core.errors import AssetError
from hmr_live_training.data.everyday import everyday_weights
from hmr_live_training.data.mocap import load_sequences, mirror_pose
from hmr_live_training.synthetic.poses.archetypes import made_posture, upright_posture
from hmr_live_training.synthetic.poses.collisions import self_penetration
from hmr_live_training.synthetic.poses.limits import within_range
from hmr_live_training.synthetic.scene_config import SyntheticConfig

Array = NDArray[np.floating[Any]]
Generator = np.random.Generator

#: Families of poses, in the order of their shares in the configuration.
FAMILIES: Final = ("captured", "blended", "made", "upright", "fitted")
_UPPER: Final = [JOINT[name] for name in ("spine1", "spine2", "spine3", "neck", "head")] + [
    JOINT[f"{side}_{name}"]
    for side in ("left", "right")
    for name in ("collar", "shoulder", "elbow", "wrist", "hand")
]
#: Radians; sigma of the axis-angle variation that is added to every pose.
_NATURAL: Final = {
    "neck": (0.15, 0.22, 0.09),
    "head": (0.17, 0.25, 0.09),
    "collar": (0.04, 0.07, 0.07),
    "wrist": (0.40, 0.20, 0.32),
    "elbow": (0.25, 0.0, 0.0),
    "ankle": (0.14, 0.10, 0.07),
    "foot": (0.16, 0.0, 0.0),
}
_LEGS: Final = [JOINT[name] for name in ("left_hip", "right_hip", "left_knee", "right_knee")]
#: Share of made postures among people at a desk; the others are upright under captured arms.
_MADE_AT_DESK: Final = 0.4
#: Knee flexion, radians, from which on knees have the whole joint noise.
_BENT: Final = 0.7
#: What carries an upright trunk, and its share of the joint noise.
_TRUNK: Final = [
    JOINT[name] for name in ("pelvis", "left_hip", "right_hip", "spine1", "spine2", "spine3")
]
_UPRIGHT_NOISE: Final = 0.3
_DRAWS: Final = 6
#: Metres of self-penetration that skin and cloth hide.
_TOLERANCE: Final = 0.015


class PoseSampler:
    """Samples poses of one split.

    Parameters
    ----------
    data
        Folder with the motion capture; whole sequences are held out for the test split.
    split
        "train" or "test".
    body
        Model that poses are retargeted to and checked for self-penetration on.
    config
        Shares and noise.

    Raises
    ------
    AssetError
        When the motion capture or the fitted poses cannot be read.
    """

    def __init__(
        self, data: Path | str, split: str, body: BodyModel, config: SyntheticConfig
    ) -> None:
        self._body = body
        self._config = config
        sequences = [s.poses for s in load_sequences(data, held_out=split == "test")]
        self.captured = np.concatenate(sequences)
        self._cumulative = np.cumsum(everyday_weights(sequences))
        self._offsets = flat_tpose_offsets(body)
        # Made legs count from straight ones, made arms from the body's rest pose.
        self._leg_offsets = {joint: self._offsets[joint] for joint in _LEGS}
        self._fitted = _load_fitted(config.fitted_poses, split)
        shares = np.array([getattr(config, name) for name in FAMILIES])
        if self._fitted is None:
            shares[FAMILIES.index("fitted")] = 0
        self._shares = shares / shares.sum()

    def draw(self, rng: Generator, *, desk: bool = False) -> Array:
        """A pose ``(24, 3, 3)``; joint 0 turns the body into a world with y up, any heading.

        Parameters
        ----------
        rng
            Random generator.
        desk
            A person at a desk, who sits or stands upright.
        """
        best, least = None, np.inf
        for _ in range(_DRAWS):
            pose = self._attempt(rng, desk)
            inside = self_penetration(self._body.joints(pose, np.zeros(10, np.float32)))
            if inside < least:
                best, least = pose, inside
            if least <= _TOLERANCE:
                break
        assert best is not None  # _DRAWS is at least one
        return best

    def _attempt(self, rng: Generator, desk: bool) -> Array:
        family = FAMILIES[int(rng.choice(len(FAMILIES), p=self._shares))]
        if desk:
            family = "made" if rng.random() < _MADE_AT_DESK else "upright"
        if family == "made":
            made = made_posture(rng, desk=desk).astype(np.float32)
            pose = onto_body(matrix_from_axis_angle(made), self._leg_offsets)
        elif family == "blended":
            pose = self._blend(rng)
        elif family == "upright":
            stance = upright_posture(rng, self._frame(rng), desk=desk)
            pose = onto_body(matrix_from_axis_angle(stance), self._offsets)
        elif family == "fitted" and self._fitted is not None:
            pose = matrix_from_axis_angle(self._fitted[int(rng.integers(len(self._fitted)))])
        else:
            pose = self._capture(rng)
        angles = axis_angle_from_matrix(pose)
        if rng.random() < 0.5:
            angles = mirror_pose(angles)
        angles = natural_variation(rng, angles, hands=family != "fitted")
        noise = self._config.joint_noise * float(rng.uniform(0, 1.5))
        upright = desk or family == "upright"
        turned = matrix_from_axis_angle(angles) @ matrix_from_axis_angle(
            rng.normal(0, noise, (24, 3)).astype(np.float32) * _noise_scale(angles, upright)
        )
        angles = within_range(axis_angle_from_matrix(turned))
        return np.asarray(matrix_from_axis_angle(angles), np.float32)

    def _capture(self, rng: Generator) -> Array:
        return onto_body(matrix_from_axis_angle(self._frame(rng)), self._offsets)

    def _frame(self, rng: Generator) -> Array:
        """A captured frame ``(24, 3)``; everyday postures have their share."""
        number = int(np.searchsorted(self._cumulative, rng.random()))
        return np.asarray(self.captured[min(number, len(self.captured) - 1)])

    def _blend(self, rng: Generator) -> Array:
        """Legs of one frame with the upper body of another, or an interpolation of two frames."""
        first, second = self._capture(rng), self._capture(rng)
        if rng.random() < 0.6:
            first[_UPPER] = second[_UPPER]
            return first
        mixed = slerp(first, second, float(rng.uniform(0.2, 0.8)))
        mixed[0] = first[0]
        return mixed


def _noise_scale(angles: Array, upright: bool) -> Array:
    """Scale of the joint noise, ``(24, 1)``.

    Noise would bend straight knees, which cannot give way to the other side; it grows with their
    flexion.  An upright trunk stays upright.
    """
    scale = np.ones((len(angles), 1), np.float32)
    knees = [JOINT["left_knee"], JOINT["right_knee"]]
    scale[knees, 0] = np.clip(np.linalg.norm(angles[knees], axis=1) / _BENT, 0, 1)
    if upright:
        scale[_TRUNK] = _UPRIGHT_NOISE
    return scale


def natural_variation(rng: Generator, angles: Array, *, hands: bool = True) -> Array:
    """Vary the joints that motion capture leaves stiff, ``(24, 3)`` axis-angle -> the same.

    Parameters
    ----------
    rng
        Random generator.
    angles
        Captured or made pose.
    hands
        Whether wrists and fingers are drawn too (not for poses that have their own).
    """
    angles = angles.copy()
    for name, sigma in _NATURAL.items():
        if not hands and name in ("wrist", "elbow"):
            continue
        sides = [name] if name in JOINT else [f"left_{name}", f"right_{name}"]
        for joint in sides:
            angles[JOINT[joint]] += rng.normal(0, sigma)
    for sign, side in ((-1, "left"), (1, "right")):
        lifted = -sign * float(angles[JOINT[f"{side}_shoulder"], 2])
        # Shoulder blades follow an arm that rises above the horizontal.
        angles[JOINT[f"{side}_collar"], 2] -= sign * 0.3 * max(lifted - 0.2, 0.0)
        if hands:
            curl = abs(float(rng.normal(0.25, 0.35)))
            angles[JOINT[f"{side}_hand"]] += (0, 0, sign * curl)
    return angles


def flat_tpose_offsets(body: BodyModel) -> dict[int, Array]:
    """Rotations F that bring the body's own rest limbs onto a flat T-pose with straight legs.

    Captured rotations count from such a T-pose, but SMPL-like bodies rest with slightly dropped
    arms and spread legs: ``G_body = G_captured F`` makes the limbs point the same way.
    """
    rest = body.rest_joints(np.zeros(10, np.float32)).astype(np.float64)
    bones = {
        "shoulder": ("shoulder", "elbow"),
        "elbow": ("elbow", "wrist"),
        "wrist": ("elbow", "wrist"),
        "hip": ("hip", "knee"),
        "knee": ("knee", "ankle"),
    }
    offsets = {}
    for side, sign in (("left", 1.0), ("right", -1.0)):
        for name, (start, end) in bones.items():
            bone = rest[JOINT[f"{side}_{end}"]] - rest[JOINT[f"{side}_{start}"]]
            leg = name in ("hip", "knee")
            goal = np.array([0.0, -1.0, 0.0] if leg else [sign, 0.0, 0.0])
            offsets[JOINT[f"{side}_{name}"]] = _shortest_turn(bone, goal)
    return offsets


def onto_body(rotmats: Array, offsets: dict[int, Array]) -> Array:
    """Relative rotations since a flat T-pose -> since the body's rest pose, ``(..., 24, 3, 3)``."""
    result = np.array(rotmats)
    for joint, offset in offsets.items():
        result[..., joint, :, :] = result[..., joint, :, :] @ offset
        for child in _CHILDREN[joint]:
            result[..., child, :, :] = offset.T @ result[..., child, :, :]
    return result


_CHILDREN: Final = {
    JOINT[f"{side}_{parent}"]: (JOINT[f"{side}_{child}"],)
    for side in ("left", "right")
    for parent, child in (
        ("shoulder", "elbow"),
        ("elbow", "wrist"),
        ("wrist", "hand"),
        ("hip", "knee"),
        ("knee", "ankle"),
    )
}


def _shortest_turn(start: Array, goal: Array) -> Array:
    start = start / np.linalg.norm(start)
    axis = np.cross(start, goal)
    sine = float(np.linalg.norm(axis))
    angle = np.arctan2(sine, float(start @ goal))
    return np.asarray(matrix_from_axis_angle(axis / max(sine, 1e-9) * angle), np.float32)


def _load_fitted(path: Path | None, split: str) -> Array | None:
    """Poses fitted to photos; each tenth block of a hundred belongs to the test split."""
    if path is None:
        return None
    try:
        with np.load(path) as file:
            poses = file["pose"].astype(np.float32).reshape(-1, 24, 3)
    except (OSError, KeyError, ValueError) as error:
        raise AssetError(f"{path} holds no poses; it needs an array pose (N, 24, 3).") from error
    held_out = (np.arange(len(poses)) // 100) % 10 == 9
    chosen = poses[held_out == (split == "test")]
    return chosen if len(chosen) else None
