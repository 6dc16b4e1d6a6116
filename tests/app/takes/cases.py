"""Takes to open in a window."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np

from hmr_live.body.model import BodyModel
from hmr_live.capture.sources import VideoFile
from hmr_live.core.state import Frame, FrameResult
from hmr_live.takes.info import take_info
from hmr_live.takes.records import TakeFrame, body_records
from hmr_live.takes.take import Marker
from hmr_live.takes.video import VideoFileWriter
from hmr_live.takes.writer import TakeWriter
from tests.app.support import CLIP, MovingPerson, body_state

FPS = 30.0
SIZE = (160, 120)


def write_take(
    path: Path, body: BodyModel, frames: int = 45, *, people: int = 1, video: bool = False
) -> Path:
    """Somebody who bends and jitters; with ``video`` over the pictures of the demo clip."""
    source = VideoFile(CLIP) if video else None
    size = SIZE if source is None else source.size
    info = take_info(MovingPerson(body), source="Demo clip", frame_size=size, live=False)
    writer = TakeWriter(path, info)
    pictures = VideoFileWriter(path.with_suffix(".avi"), size, FPS) if video else None
    jitter = np.random.default_rng(1).normal(0, 0.04, frames)
    image = np.zeros((size[1], size[0], 3), np.uint8)
    for number in range(frames):
        if source is not None and pictures is not None:
            read = source.read()
            assert read is not None
            pictures.add(read.image)
            writer.add_video_frame(number, number / FPS)
        bend = 0.6 + 0.5 * np.sin(3 * number / FPS) + jitter[number]
        bodies = tuple(
            replace(body_state(body, size, float(bend) + k / 3), track_id=k) for k in range(people)
        )
        result = FrameResult(Frame(image, number / FPS, number), bodies)
        moment = TakeFrame.of(result, live=False)
        writer.add_frame(
            moment.time, moment.unix_time, moment.frame_index, body_records(moment.bodies)
        )
    writer.add_marker(Marker(frames / 2 / FPS, "half way"))
    writer.close()
    if pictures is not None:
        pictures.close()
    return path
