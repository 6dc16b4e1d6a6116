"""People and frames to record, without networks and without a body model."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np

from hmr_live.angles import joint_angles
from hmr_live.body.rotations import matrix_from_axis_angle
from hmr_live.core.state import BodyState, CropBox, Frame, FrameResult
from hmr_live.takes.records import TakeFrame, body_records
from hmr_live.takes.writer import TakeWriter

INFO = {
    "clock": "media",
    "source": "test",
    "frame_size": [64, 48],
    "body": {"name": "test body", "sha256": "0" * 64, "rest_pelvis": [0.0, -0.2, 0.03]},
    "network": {"name": "none", "sha256": "1" * 64},
}
FPS = 30
PICTURE = np.zeros((48, 64, 3), np.uint8)


def body_state(seed: int) -> BodyState:
    rng = np.random.default_rng(seed)
    rotmats = matrix_from_axis_angle(rng.normal(size=(24, 3)).astype(np.float32) * 0.4)
    transl = np.array([0.1 * seed, 0.2, 3.0], np.float32)
    joints = rng.normal(size=(24, 3)).astype(np.float32) + transl
    return BodyState(
        rotmats=rotmats,
        betas=rng.normal(size=10).astype(np.float32),
        transl=transl,
        focal_length=900.0,
        camera=np.array([0.9, 0, 0.2], np.float32),
        crop_box=CropBox(320, 240, 300, 0.1),
        joints=joints,
        joints_2d=joints[:, :2],
        confidence=np.linspace(0, 1, 24, dtype=np.float32),
        score=0.9,
        angles_of=joint_angles,
    )


def result(number: int, people: int = 1, time: float | None = None) -> FrameResult:
    """Frame ``number``; person p in it is ``body_state(number + 1000 p)``."""
    moment = 100 + number / FPS if time is None else time
    bodies = tuple(
        replace(body_state(number + 1000 * track_id), track_id=track_id)
        for track_id in range(people)
    )
    return FrameResult(Frame(PICTURE, moment, number), bodies)


def take_frame(number: int, people: int = 1) -> TakeFrame:
    return TakeFrame.of(result(number, people), live=False)


def write_frames(writer: TakeWriter, numbers: range, people: int = 1) -> None:
    for number in numbers:
        frame = take_frame(number, people)
        bodies = body_records(frame.bodies)
        writer.add_frame(frame.time, frame.unix_time, frame.frame_index, bodies)


def write_take(path: Path, frames: int = 12, people: int = 1) -> Path:
    writer = TakeWriter(path, INFO)
    write_frames(writer, range(frames), people)
    writer.close()
    return path
