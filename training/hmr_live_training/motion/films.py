"""Drawn films with exact truth, and what an image network answers on them.

``python -m hmr_live_training.motion.films --count 100 --out films.npz``.  A dressed person does
captured motion in a room before a fixed camera; every frame goes through the live pipeline without
filters.  What comes out beside what is true is what the motion network learns errors from.
"""

from __future__ import annotations

import argparse
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, Final

import cv2
import numpy as np
from numpy.typing import NDArray

from hmr_live.body.rotations import matrix_from_axis_angle
from hmr_live.core.errors import AssetError
from hmr_live.core.state import BodyState, Frame
from hmr_live.recovery.detector import PersonDetector
from hmr_live.recovery.network import HmrNetwork
from hmr_live.recovery.pipeline import Pipeline
from hmr_live_training.data.everyday import everyday_weights
from hmr_live_training.data.mocap import load_sequences, mirror_pose
from hmr_live_training.evaluation.datasets.studio import Studio, through_a_sensor, whole_frame
from hmr_live_training.evaluation.progress import ProgressLog
from hmr_live_training.motion.performance import Performance, perform
from hmr_live_training.synthetic.poses.sampler import flat_tpose_offsets, onto_body
from hmr_live_training.synthetic.scene.camera_sampling import PinholeCamera
from hmr_live_training.synthetic.scene.scene import draw_betas, draw_light
from hmr_live_training.synthetic.scene_config import SyntheticConfig

Array = NDArray[np.floating[Any]]

RATE: Final = 30.0
#: Frames of a film, and side of its pictures in pixels.
FRAMES: Final = 90
_SIZE: Final = 448
_CONFIG: Final = SyntheticConfig()
#: Degrees: pitch of cameras (down is positive) as mean and sigma, largest, and sigma of their roll.
_PITCH: Final = (10.0, 13.0)
_STEEPEST: Final = 45.0
_ROLL: Final = 4.0
#: Degrees; field of view.
_FIELD: Final = (40.0, 75.0)
#: Share of films before a webcam, which shows the upper half.
_WEBCAM: Final = 0.15
#: So much of the frame's height is the person, from the middle of the path.
_FILLS: Final = (0.5, 0.85)


@dataclass(frozen=True)
class Answers:
    """What a network said of T frames; NaN where nobody was found.

    Attributes
    ----------
    rotmats
        ``(T, 24, 3, 3)``, joint 0 into the camera frame.
    betas
        ``(T, 10)``.
    transl
        ``(T, 3)`` metres, camera frame.
    confidence
        ``(T, 24)``.
    """

    rotmats: Array
    betas: Array
    transl: Array
    confidence: Array


@dataclass(frozen=True)
class Film:
    """A film of one person: truth, camera, and the answers of networks by name.

    Attributes
    ----------
    rotmats, betas, transl
        ``(T, 24, 3, 3)``, ``(10,)``, ``(T, 3)`` of the true body, camera frame.
    contacts
        ``(T, 4)`` of :data:`hmr_live_training.motion.performance.SOLE_POINTS`.
    up
        ``(3,)`` against gravity, camera frame.
    focal
        Pixels, of a square frame of ``size``.
    size
        Pixels.
    activity
        Name of the captured sequence.
    answers
        By name of the network.
    """

    rotmats: Array
    betas: Array
    transl: Array
    contacts: NDArray[np.bool_]
    up: Array
    focal: float
    size: int
    activity: str
    answers: dict[str, Answers]


class FilmMaker:
    """Draws films of one split.

    Parameters
    ----------
    data
        Folder of the training data.
    held_out
        Motion, clothes and backgrounds of the test split.

    Raises
    ------
    AssetError
        When motion capture, backgrounds or fabrics are missing.
    RenderError
        When the machine offers no OpenGL 3.3.
    """

    def __init__(self, data: Path, *, held_out: bool) -> None:
        self.studio = Studio(data, split="test" if held_out else "train", makehuman_share=0.4)
        self._held_out = held_out
        self._sequences = load_sequences(data, held_out=held_out)
        weights = everyday_weights([s.poses for s in self._sequences])
        ends = np.cumsum([len(s.poses) for s in self._sequences])
        self._weights = np.array([w.sum() for w in np.split(weights, ends[:-1])])
        self._offsets = flat_tpose_offsets(self.studio.body)

    def close(self) -> None:
        """Release the OpenGL context."""
        self.studio.close()

    def draw(self, number: int, frames: int = FRAMES) -> tuple[Film, list[NDArray[np.uint8]]]:
        """Film ``number``, without answers, and its pictures as JPEG."""
        rng = np.random.default_rng([11, int(self._held_out), number])
        activity, performance, betas = self._performance(rng, frames)
        camera = _camera(rng, performance)
        rotmats = performance.rotmats.copy()
        rotmats[:, 0] = camera.rotation @ rotmats[:, 0]
        pelvis = self.studio.body.rest_joints(betas)[0]
        transl = camera.from_world(performance.joints[:, 0]) - pelvis
        film = Film(
            rotmats.astype(np.float32),
            betas,
            transl.astype(np.float32),
            performance.contacts,
            (camera.rotation @ (0.0, 1.0, 0.0)).astype(np.float32),
            camera.focal,
            camera.size[0],
            activity,
            {},
        )
        return film, list(self._pictures(rng, film, camera))

    def _performance(self, rng: np.random.Generator, frames: int) -> tuple[str, Performance, Array]:
        shares = self._weights / self._weights.sum()
        sequence = self._sequences[int(rng.choice(len(shares), p=shares))]
        begin = int(rng.integers(max(len(sequence.poses) - frames, 0) + 1))
        poses = sequence.poses[begin : begin + frames]
        if rng.random() < 0.5:
            poses = mirror_pose(poses)
        rotmats = onto_body(matrix_from_axis_angle(poses), self._offsets).astype(np.float32)
        heading = matrix_from_axis_angle(np.array([0, rng.uniform(-math.pi, math.pi), 0]))
        rotmats[:, 0] = heading @ rotmats[:, 0]
        betas = draw_betas(rng, _CONFIG)
        return sequence.name, perform(self.studio.body, rotmats, betas, RATE), betas

    def _pictures(
        self, rng: np.random.Generator, film: Film, camera: PinholeCamera
    ) -> Iterator[NDArray[np.uint8]]:
        view = whole_frame(camera)
        background = self.studio.materials.background(rng)
        backdrop = view.backdrop(rng, background)
        light = draw_light(rng, background, film.up)
        looks = int(rng.integers(2**31))
        for rotmats, transl in zip(film.rotmats, film.transl, strict=True):
            person = self.studio.dressed(looks, rotmats, film.betas, transl)
            yield through_a_sensor(rng, self.studio.draw(person, light, backdrop, view))


def _camera(rng: np.random.Generator, performance: Performance) -> PinholeCamera:
    """A fixed camera that sees the middle of what is done, whole or as a webcam does."""
    joints = performance.joints
    field = math.radians(float(rng.uniform(*_FIELD)))
    focal = _SIZE / 2 / math.tan(field / 2)
    webcam = rng.random() < _WEBCAM
    low, high = joints.min(axis=(0, 1)), joints.max(axis=(0, 1))
    middle, extent = (low + high) / 2, high - low
    down = math.radians(float(np.clip(rng.normal(*_PITCH), -20, _STEEPEST)))
    if webcam:
        head = joints[:, 15].mean(axis=0)
        middle, distance = head - (0, 0.3, 0), float(rng.uniform(0.9, 1.8))
        down = math.radians(float(rng.normal(0, 10)))
    else:
        reach = max(float(extent[1]), 0.7 * float(np.hypot(extent[0], extent[2])), 1.2)
        distance = reach / float(rng.uniform(*_FILLS)) * focal / _SIZE + float(extent[2]) / 2
    position = middle + distance * np.array([0, math.sin(down), math.cos(down)])
    position[1] = max(float(position[1]), 0.1)
    forward = (middle - position) / np.linalg.norm(middle - position)
    right = np.cross(forward, [0.0, 1.0, 0.0])
    right /= np.linalg.norm(right)
    upright = np.stack([right, np.cross(forward, right), forward])
    roll = matrix_from_axis_angle(np.array([0, 0, math.radians(float(rng.normal(0, _ROLL)))]))
    return PinholeCamera(roll @ upright, position, focal, (_SIZE, _SIZE))


def frames_of(pictures: Sequence[NDArray[np.uint8]], rate: float = RATE) -> Iterator[Frame]:
    """The pictures of a film as a video source gives them."""
    for k, data in enumerate(pictures):
        yield Frame(np.asarray(cv2.imdecode(data, cv2.IMREAD_COLOR), np.uint8), k / rate, k)


def watch(pipeline: Pipeline, pictures: Sequence[NDArray[np.uint8]]) -> Answers:
    """The first person of every frame as a pipeline answers."""
    pipeline.reset()
    found: list[BodyState | None] = []
    for frame in frames_of(pictures):
        bodies = pipeline.process(frame).bodies
        found.append(bodies[0] if bodies and bodies[0].measured else None)
    shapes = {"rotmats": (24, 3, 3), "betas": (10,), "transl": (3,), "confidence": (24,)}
    values = {
        name: np.stack(
            [np.full(shape, np.nan) if f is None else getattr(f, name) for f in found]
        ).astype(np.float32)
        for name, shape in shapes.items()
    }
    return Answers(**values)


def save_films(path: Path, films: Sequence[Film]) -> None:
    """Write films into one ``.npz``."""
    arrays: dict[str, Any] = {"length": [len(f.rotmats) for f in films]}
    arrays["activity"] = [f.activity for f in films]
    for name in ("betas", "up", "focal", "size"):
        arrays[name] = np.stack([getattr(f, name) for f in films])
    for name in ("rotmats", "transl", "contacts"):
        arrays[name] = np.concatenate([getattr(f, name) for f in films])
    names = sorted(films[0].answers)
    arrays["networks"] = names
    for name in names:
        for field in fields(Answers):
            rows = [getattr(f.answers[name], field.name) for f in films]
            arrays[f"{name}_{field.name}"] = np.concatenate(rows)
    np.savez_compressed(path, **arrays)


def load_films(path: Path) -> list[Film]:
    """Read films of :func:`save_films`.

    Raises
    ------
    AssetError
        When the file is missing or of another kind.
    """
    try:
        with np.load(path, allow_pickle=False) as file:
            arrays = {name: file[name] for name in file.files}
        ends = np.cumsum(arrays["length"])
        parts = {
            name: np.split(arrays[name], ends[:-1])
            for name in arrays
            if len(arrays[name]) == ends[-1]
        }
        return [
            Film(
                *(parts["rotmats"][k], arrays["betas"][k], parts["transl"][k]),
                *(parts["contacts"][k], arrays["up"][k], float(arrays["focal"][k])),
                *(int(arrays["size"][k]), str(arrays["activity"][k])),
                {
                    str(name): Answers(*(parts[f"{name}_{f.name}"][k] for f in fields(Answers)))
                    for name in arrays["networks"]
                },
            )
            for k in range(len(ends))
        ]
    except (OSError, KeyError, ValueError, TypeError) as error:
        raise AssetError(f"{path} holds no films ({error}); draw them again.") from error


def main(arguments: Sequence[str] | None = None) -> int:
    """Draw films and write what networks answer on them."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n\n")[2])
    parser.add_argument("networks", nargs="+", type=Path, help="exported networks (.onnx)")
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    parser.add_argument("--count", type=int, default=100, help="number of films")
    parser.add_argument("--first", type=int, default=0, help="number of the first one")
    parser.add_argument("--held-out", action="store_true", help="of the test split")
    parser.add_argument("--out", type=Path, required=True, help=".npz to write")
    chosen = parser.parse_args(arguments)
    maker = FilmMaker(chosen.data, held_out=chosen.held_out)
    detector = PersonDetector(backend="onnxruntime")
    networks = {path.stem: HmrNetwork(path, backend="onnxruntime") for path in chosen.networks}
    body = maker.studio.body
    progress = ProgressLog("films", chosen.count)
    films = []
    for number in range(chosen.first, chosen.first + chosen.count):
        film, pictures = maker.draw(number)
        for name, network in networks.items():
            pipeline = Pipeline(detector, network, body, smoothing=False, focal_length=film.focal)
            film.answers[name] = watch(pipeline, pictures)
        films.append(film)
        progress.step()
        if len(films) % 10 == 0:
            save_films(chosen.out, films)
    save_films(chosen.out, films)
    maker.close()
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
