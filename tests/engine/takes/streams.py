"""Streams of known motion for playing, cutting and smoothing, without a body model's mesh."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from hmr_live.takes.take import Marker, Motion, Take
from tests.engine.takes.cases import INFO


def motion(times, pose=None, *, track_id=0, joints=None):
    """A stream with the given moments; joint 0 swings about y unless a pose is given."""
    times = np.asarray(times, np.float64)
    count = len(times)
    if pose is None:
        pose = np.zeros((count, 24, 3))
        pose[:, 0, 1] = np.sin(times)
    joints = np.zeros((count, 24, 3)) if joints is None else joints
    return Motion(
        track_id=track_id,
        times=times,
        unix_times=times + 1.7e9,
        frame_index=np.arange(count),
        pose=np.asarray(pose, np.float32),
        betas=np.full((count, 10), 0.1 * track_id, np.float32),
        transl=np.asarray(joints[:, 0], np.float32),
        focal_length=np.full(count, 500, np.float32),
        camera=np.tile(np.array([0.9, 0.0, 0.2], np.float32), (count, 1)),
        crop_box=np.tile(np.array([300, 250, 400, 0.1], np.float32), (count, 1)),
        joints=np.asarray(joints, np.float32),
        confidence=np.ones((count, 24), np.float32),
        score=np.ones(count, np.float32),
        measured=np.ones(count, bool),
    )


def take(*motions, markers=(), video: Path | None = None, **info):
    marks = tuple(Marker(time, f"at {time:g}") for time in markers)
    return Take({**INFO, "frames": 0, "dropped": 0, **info}, motions, marks, video)
