"""Windows of motion as an image network answers it, with the truth beside it.

Half of them are drawn films (:mod:`.films`), with all that networks do wrong there; the others are
captured motion before cameras of any tilt, with errors of the same kind and size made up: depth of
limbs wrong slowly, everything else a little, left and right exchanged for a while.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from hmr_live.body.model import BodyModel
from hmr_live.body.rotations import matrix_from_axis_angle
from hmr_live.body.skeleton import JOINT, MIRROR, PARENTS
from hmr_live.recovery.crop_to_camera import CameraSpaceBody, CropToCamera
from hmr_live.recovery.person_shape import PersonShape
from hmr_live_training.data.everyday import everyday_weights
from hmr_live_training.data.mocap import load_sequences
from hmr_live_training.models.rotations import matrix_from_6d, sixd_from_matrix
from hmr_live_training.models.rotations import matrix_from_axis_angle as turn_of
from hmr_live_training.motion.films import RATE, Answers, Film
from hmr_live_training.motion.network import PLACES, MotionInput
from hmr_live_training.motion.performance import perform
from hmr_live_training.synthetic.poses.sampler import flat_tpose_offsets, onto_body

Array = NDArray[np.floating[Any]]

#: Frames of a window.
LENGTH: Final = 56
_MIRROR: Final = list(MIRROR)
_SOLES_MIRRORED: Final = [2, 3, 0, 1]
_UPPER: Final = [JOINT[name] for name in ("spine2", "spine3", "neck", "head")] + [
    JOINT[f"{side}_{name}"]
    for side in ("left", "right")
    for name in ("collar", "shoulder", "elbow", "wrist", "hand")
]
#: Share of windows with the legs of one sequence and the upper body of another.
_MIXED: Final = 0.5
#: Made-up errors relative to the mean: what a network is not sure of at all has the first number,
#: and the second one less where it is certain.
_UNSURE: Final = (2.6, 2.2)
#: Metres; no pelvis is nearer.
_NEAREST: Final = 0.05
#: The child towards which each joint's bone points; ends have none.
_BONES: Final = {
    JOINT[f"{side}_{joint}"]: JOINT[f"{side}_{child}"]
    for side in ("left", "right")
    for joint, child in (
        ("hip", "knee"),
        ("knee", "ankle"),
        ("ankle", "foot"),
        ("shoulder", "elbow"),
        ("elbow", "wrist"),
        ("wrist", "hand"),
    )
} | {JOINT["pelvis"]: JOINT["spine3"], JOINT["spine3"]: JOINT["neck"], JOINT["neck"]: JOINT["head"]}


class Window(NamedTuple):
    """``frames`` as the motion network reads them, and the truth, both of n windows.

    ``rotmats`` ``(n, T, 24, 3, 3)``, ``velocity`` ``(n, T, 3)`` metres a second, ``contacts`` ``(n,
    T, 4)``, ``up`` ``(n, 3)``; all in the camera frame.
    """

    frames: MotionInput
    rotmats: Tensor
    velocity: Tensor
    contacts: Tensor
    up: Tensor


@dataclass(frozen=True)
class FilmStretch:
    """T frames of a film in which the person was found, in one shape.

    Attributes
    ----------
    frames
        What the motion network reads, as one window.
    true_rotmats
        ``(T, 24, 3, 3)``, joint 0 into the camera frame.
    true_pelvis
        ``(T, 3)`` metres, camera frame.
    contacts
        ``(T, 4)``.
    up
        ``(3,)`` against gravity, camera frame.
    """

    frames: MotionInput
    true_rotmats: Array
    true_pelvis: Array
    contacts: NDArray[np.bool_]
    up: Array


class Skeleton:
    """Places of joints from rotations, on the mean shape."""

    def __init__(self, body: BodyModel) -> None:
        rest = torch.from_numpy(body.rest_joints(np.zeros(10, np.float32)).astype(np.float32))
        parents = torch.tensor([max(p, 0) for p in PARENTS])
        self.offsets = rest - rest[parents]

    def turns(self, rotmats: Tensor) -> Tensor:
        """Relative rotations ``(..., 24, 3, 3)`` -> of each joint, in joint 0's frame."""
        found = [rotmats[..., 0, :, :]]
        for joint in range(1, 24):
            found.append(found[PARENTS[joint]] @ rotmats[..., joint, :, :])
        return torch.stack(found, dim=-3)

    def relative(self, turns: Tensor) -> Tensor:
        """The inverse of :meth:`turns`."""
        parents = [max(p, 0) for p in PARENTS]
        relative = turns[..., parents, :, :].transpose(-1, -2) @ turns
        return torch.cat([turns[..., :1, :, :], relative[..., 1:, :, :]], dim=-3)

    def joints(self, turns: Tensor) -> Tensor:
        """``(..., 24, 3)`` metres from the pelvis, of global rotations."""
        found = [torch.zeros_like(turns[..., 0, :, 0])]
        for joint in range(1, 24):
            parent = PARENTS[joint]
            found.append(found[parent] + turns[..., parent, :, :] @ self.offsets[joint])
        return torch.stack(found, dim=-2)


def stretches(body: BodyModel, film: Film, answers: Answers) -> list[FilmStretch]:
    """The stretches of a film in which a network found the person."""
    seen = np.isfinite(answers.transl).all(axis=1)
    camera, pelvis = CropToCamera(body), body.rest_joints(film.betas)[0]
    edges = np.flatnonzero(np.diff(np.pad(seen.astype(int), 1)))
    made = []
    for begin, end in edges.reshape(-1, 2):
        part, shape, joints = slice(begin, end), PersonShape(), []
        for k in range(begin, end):
            answer = CameraSpaceBody(answers.rotmats[k], answers.betas[k], answers.transl[k])
            betas = shape(answer.betas, answers.confidence[k], k / RATE)
            shown = camera.reshaped(answer, betas)
            joints.append(body.joints(shown.rotmats, shown.betas) + shown.transl)
        frames = motion_input(
            answers.rotmats[part], np.stack(joints), answers.confidence[part], 1 / RATE
        )
        made.append(
            FilmStretch(
                frames,
                film.rotmats[part],
                film.transl[part] + pelvis,
                film.contacts[part],
                film.up,
            )
        )
    return made


def motion_input(rotmats: Array, joints: Array, confidence: Array, step: float) -> MotionInput:
    """What the motion network reads of T frames of one person, as one window.

    Parameters
    ----------
    rotmats
        ``(T, 24, 3, 3)``, joint 0 into the camera frame.
    joints
        ``(T, 24, 3)`` metres, camera frame.
    confidence
        ``(T, 24)``.
    step
        Seconds from frame to frame.
    """
    z = np.maximum(joints[:, :1, 2], _NEAREST)
    place = np.concatenate([joints[:, 0, :2] / z, np.log(z)], axis=1)
    near = (joints - joints[:, :1])[:, :PLACES]
    steps = np.full((len(joints), 1), step)
    window = (rotmats, near, place, confidence, steps)
    return MotionInput(*(torch.from_numpy(np.asarray(a, np.float32))[None] for a in window))


class FilmWindows:
    """Windows of drawn films."""

    def __init__(self, body: BodyModel, films: Sequence[Film]) -> None:
        found = [s for f in films for a in f.answers.values() for s in stretches(body, f, a)]
        self._stretches = [s for s in found if len(s.true_rotmats) >= LENGTH // 2]
        counts = np.array([len(s.true_rotmats) for s in self._stretches], float)
        self._shares = counts / counts.sum()

    def draw(self, rng: np.random.Generator, count: int) -> Window:
        """So many windows, at 30, 15 and 10 frames a second."""
        rows = [self._one(rng) for _ in range(count)]
        frames = MotionInput(*(torch.stack(c) for c in zip(*(r[0] for r in rows), strict=True)))
        return Window(frames, *(torch.stack(c) for c in zip(*(r[1:] for r in rows), strict=True)))

    def _one(self, rng: np.random.Generator) -> tuple[MotionInput, Tensor, Tensor, Tensor, Tensor]:
        stretch = self._stretches[int(rng.choice(len(self._stretches), p=self._shares))]
        stride = int(rng.choice([1, 2, 3], p=[0.7, 0.2, 0.1]))
        last = len(stretch.true_rotmats) - 1
        begin = int(rng.integers(max(last - (LENGTH // 2) * stride, 0) + 1))
        chosen = begin + stride * np.arange(LENGTH)
        # A film that ends goes back from there.
        chosen = last - np.abs(last - chosen % (2 * last))
        frames = MotionInput(*(field[0, chosen] for field in stretch.frames))
        velocity = np.gradient(stretch.true_pelvis, axis=0)[chosen] * RATE
        velocity[np.diff(chosen, append=chosen[-1]) < 0] *= -1
        return (
            frames._replace(step=torch.full((LENGTH, 1), stride / RATE)),
            torch.from_numpy(stretch.true_rotmats[chosen]),
            torch.from_numpy(velocity.astype(np.float32)),
            torch.from_numpy(stretch.contacts[chosen].astype(np.float32)),
            torch.from_numpy(stretch.up),
        )


class CapturedWindows:
    """Windows of captured motion with made-up errors.

    Parameters
    ----------
    body
        The body model.
    data
        Folder of the training data.
    films
        Lend their confidences: how sure a network is of which joints for how long.
    """

    def __init__(self, body: BodyModel, data: Path, films: FilmWindows) -> None:
        self._skeleton = Skeleton(body)
        self._films = films
        offsets = flat_tpose_offsets(body)
        sequences = [s.poses for s in load_sequences(data) if len(s.poses) >= LENGTH]
        weights = everyday_weights(sequences)
        ends = np.cumsum([len(s) for s in sequences])
        shares = np.array([w.sum() for w in np.split(weights, ends[:-1])])
        self._shares = shares / shares.sum()
        betas = np.zeros(10, np.float32)
        self._performances = []
        for poses in sequences:
            rotmats = onto_body(matrix_from_axis_angle(poses), offsets).astype(np.float32)
            done = perform(body, rotmats, betas, RATE)
            self._performances.append(
                (
                    torch.from_numpy(rotmats),
                    torch.from_numpy(done.joints[:, 0].astype(np.float32)),
                    torch.from_numpy(done.contacts.astype(np.float32)),
                )
            )

    def draw(self, rng: np.random.Generator, count: int) -> Window:
        """So many windows, at 10 to 60 frames a second."""
        generator = torch.Generator().manual_seed(int(rng.integers(2**31)))
        rows = [self._one(rng) for _ in range(count)]
        rotmats, pelvis, contacts, step = (torch.stack(c) for c in zip(*rows, strict=True))
        camera = _cameras(generator, count)
        rotmats = torch.cat([camera[:, None, None] @ rotmats[:, :, :1], rotmats[:, :, 1:]], dim=2)
        pelvis = (pelvis - pelvis.mean(dim=1, keepdim=True)) @ camera.transpose(1, 2)
        distance = torch.exp(torch.rand(count, 1, generator=generator) * 1.8 + 0.3)
        aside = torch.randn(count, 2, generator=generator) * 0.15 * distance
        pelvis = pelvis + torch.cat([aside, distance + 0.8], dim=1)[:, None]
        velocity = torch.diff(pelvis, dim=1, prepend=pelvis[:, :1]) / step
        velocity[:, 0] = velocity[:, 1]
        confidence = self._films.draw(rng, count).frames.confidence
        frames = self._answered(generator, rotmats, pelvis, step, confidence)
        return Window(frames, rotmats, velocity, contacts, camera[:, :, 1])

    def _one(self, rng: np.random.Generator) -> tuple[Tensor, ...]:
        number = int(rng.choice(len(self._shares), p=self._shares))
        rotmats, pelvis, contacts = self._performances[number]
        if rng.random() < _MIXED:
            # Legs of one, arms and head of another: more than anybody captured.
            other = self._performances[int(rng.integers(len(self._performances)))][0]
            rows = (int(rng.integers(len(other))) + torch.arange(len(rotmats))) % len(other)
            rotmats = rotmats.clone()
            rotmats[:, _UPPER] = other[rows][:, _UPPER]
        stride = float(rng.choice([0.5, 1.0, 1.25, 2.0, 3.0], p=[0.3, 0.35, 0.1, 0.15, 0.1]))
        last = len(rotmats) - 1
        begin = float(rng.uniform(0, max(last - stride * LENGTH, 1)))
        place = begin + stride * np.arange(LENGTH)
        if rng.random() < 0.06:  # somebody who keeps still
            place[:] = begin
        place = last - np.abs(last - place % (2 * last))
        low = torch.from_numpy(np.floor(place).astype(np.int64)).clamp(max=last - 1)
        part = torch.from_numpy((place - np.floor(place)).astype(np.float32))
        mixed = torch.lerp(rotmats[low], rotmats[low + 1], part[:, None, None, None])
        turns = _nearest_rotation(mixed)
        path = torch.lerp(pelvis[low], pelvis[low + 1], part[:, None])
        heading = torch.tensor([0.0, float(rng.uniform(-math.pi, math.pi)), 0.0])
        turn = turn_of(heading)
        turns = torch.cat([turn @ turns[:, :1], turns[:, 1:]], dim=1)
        step = torch.full((LENGTH, 1), stride / RATE)
        return turns, path @ turn.T, contacts[low], step

    def _answered(
        self,
        generator: torch.Generator,
        rotmats: Tensor,
        pelvis: Tensor,
        step: Tensor,
        confidence: Tensor,
    ) -> MotionInput:
        """What an image network might have said."""
        count = len(rotmats)
        unsure = ((_UNSURE[0] - _UNSURE[1] * confidence) * _arms())[..., None]
        noise = _Noise(generator, step)
        turns = self._skeleton.turns(rotmats)
        size = torch.exp(0.5 * torch.randn(count, 1, 1, 1, generator=generator) - 0.35)
        # Everything together leans, slowly; each joint a little.
        lean = noise.slow(3, 1.5) * torch.tensor([0.14, 0.10, 0.05]) * size[..., 0]
        small = unsure * noise.slow((24, 3), 0.5) * 0.06 + unsure * noise.white((24, 3)) * 0.035
        turns = turn_of(lean)[:, :, None] @ turns @ turn_of(small * size)
        # Depth of limbs.
        deep = noise.slow(24, 0.35) * 0.22 + noise.white(24) * 0.06 + noise.constant(24) * 0.12
        deep = deep * size[..., 0] * unsure[..., 0]
        deep = deep * torch.exp(0.3 * torch.randn(count, 1, 24, generator=generator))
        corrected = turns.clone()
        for joint, child in _BONES.items():
            bone = turns[..., joint, :, :] @ _unit(self._skeleton.offsets[child])
            wrong = bone.clone()
            wrong[..., 2] = wrong[..., 2] + deep[..., joint]
            corrected[..., joint, :, :] = _between(bone, _unit(wrong)) @ turns[..., joint, :, :]
        relative = self._skeleton.relative(corrected)
        relative = _exchanged(relative, noise)
        joints = self._skeleton.joints(self._skeleton.turns(relative))
        z = pelvis[..., 2:].clamp_min(0.3)
        place = torch.cat([pelvis[..., :2] / z, torch.log(z)], dim=-1)
        wander = noise.slow(3, 0.6) * torch.tensor([0.004, 0.004, 0.03])
        jumps = noise.white(3) * torch.tensor([0.002, 0.002, 0.012])
        place = place + wander + jumps + noise.constant(3) * torch.tensor([0, 0, 0.08])
        return MotionInput(relative, joints[..., :PLACES, :], place, confidence, step)


class _Noise:
    """Noise of n windows of T frames, by its time in seconds."""

    def __init__(self, generator: torch.Generator, step: Tensor) -> None:
        self._generator, self._step = generator, step

    def _normal(self, *shape: int) -> Tensor:
        return torch.randn(*shape, generator=self._generator)

    def white(self, size: int | tuple[int, ...]) -> Tensor:
        sizes = (size,) if isinstance(size, int) else size
        return self._normal(*self._step.shape[:2], *sizes)

    def constant(self, size: int) -> Tensor:
        return self._normal(len(self._step), 1, size)

    def slow(self, size: int | tuple[int, ...], seconds: float) -> Tensor:
        """Variance 1, memory of so many seconds."""
        white = self.white(size)
        kept = torch.exp(-self._step[:, 0] / seconds).reshape(-1, *(1,) * (white.dim() - 2))
        new = torch.sqrt(1 - kept**2)
        rows = [white[:, 0]]
        for t in range(1, white.shape[1]):
            rows.append(kept * rows[-1] + new * white[:, t])
        return torch.stack(rows, dim=1)


def _arms() -> Tensor:
    """Arms go wrong more than anything else, ``(24,)``."""
    scale = torch.ones(24)
    for joint in ("collar", "shoulder", "elbow", "wrist"):
        for side in ("left", "right"):
            scale[JOINT[f"{side}_{joint}"]] = 1.0 if joint == "collar" else 2.0
    return scale


#: How long an exchange of left and right lasts, seconds.
_EXCHANGE_S: Final = 0.25


def _exchanged(rotmats: Tensor, noise: _Noise) -> Tensor:
    """For a while somebody seems to face the other way."""
    episode = (noise.slow(1, _EXCHANGE_S)[..., 0] > 1.6) & (
        noise.constant(1)[..., 0] > 0.67  # a quarter of the windows
    )
    if not episode.any():
        return rotmats
    # The same picture seen from behind: mirrored in depth, with left and right exchanged.
    behind = rotmats[..., _MIRROR, :, :] * _mirror_signs()
    deep, aside = torch.diag(torch.tensor([1.0, 1, -1])), torch.diag(torch.tensor([-1.0, 1, 1]))
    behind[..., 0, :, :] = deep @ rotmats[..., 0, :, :] @ aside
    return torch.where(episode[..., None, None, None], behind, rotmats)


def _mirror_signs() -> Tensor:
    mirror = torch.tensor([-1.0, 1.0, 1.0])
    return mirror[:, None] * mirror[None, :]


def mirrored(window: Window) -> Window:
    """The same windows in a mirror."""
    frames, signs = window.frames, _mirror_signs()
    aside = torch.tensor([-1.0, 1.0, 1.0])
    places = [k for k in _MIRROR if k < PLACES]
    return Window(
        MotionInput(
            frames.rotmats[:, :, _MIRROR] * signs,
            frames.joints[:, :, places] * aside,
            frames.place * aside,
            frames.confidence[:, :, _MIRROR],
            frames.step,
        ),
        window.rotmats[:, :, _MIRROR] * signs,
        window.velocity * aside,
        window.contacts[..., _SOLES_MIRRORED],
        window.up * aside,
    )


def _cameras(generator: torch.Generator, count: int) -> Tensor:
    """Rotations ``(n, 3, 3)`` from a room with y up into cameras of any tilt."""
    pitch = 0.17 + 0.23 * torch.randn(count, generator=generator)
    roll = 0.08 * torch.randn(count, generator=generator)
    zero = torch.zeros(count)
    tilt = turn_of(torch.stack([pitch, zero, zero], dim=1))
    rolled = turn_of(torch.stack([zero, zero, roll], dim=1))
    return rolled @ tilt @ torch.diag(torch.tensor([1.0, -1.0, -1.0]))


def _unit(vectors: Tensor) -> Tensor:
    return torch.nn.functional.normalize(vectors, dim=-1)


def _between(first: Tensor, second: Tensor) -> Tensor:
    """The smallest rotations from unit vectors to others."""
    axis = torch.cross(first, second, dim=-1)
    sine = axis.norm(dim=-1, keepdim=True)
    angle = torch.atan2(sine, (first * second).sum(dim=-1, keepdim=True))
    return turn_of(axis / sine.clamp_min(1e-6) * angle)


def _nearest_rotation(matrices: Tensor) -> Tensor:
    return matrix_from_6d(sixd_from_matrix(matrices))
