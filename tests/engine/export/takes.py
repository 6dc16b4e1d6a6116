"""Takes with motion that is known, for exports."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from hmr_live.body.model import BodyModel
from hmr_live.body.rotations import axis_angle_from_matrix, matrix_from_axis_angle
from hmr_live.body.skeleton import NUM_BETAS, PARENTS
from hmr_live.takes.take import Motion, Take

FRAME_SIZE = (640, 480)
#: The person stands upright before the camera and faces it.
FACING = np.diag([1.0, -1.0, -1.0])


def even_times(frames, fps=30.0, start=100.0):
    return start + np.arange(frames) / fps


def uneven_times(frames, fps=30.0, start=100.0, seed=0):
    """A webcam's: up to 8 ms early or late."""
    return even_times(frames, fps, start) + np.random.default_rng(seed).uniform(-8e-3, 8e-3, frames)


def swinging_pose(times, seed=0, size=0.9):
    """``(T, 24, 3)``: every joint swings smoothly about an axis of its own."""
    rng = np.random.default_rng(seed)
    axis = rng.normal(size=(24, 3))
    axis *= size / np.linalg.norm(axis, axis=1, keepdims=True)
    phase, speed = rng.uniform(0, 6, (2, 24))
    swing = np.sin(phase + (1 + speed / 6) * (times[:, None] - times[0]))
    pose = swing[..., None] * axis
    pose[:, 0] = axis_angle_from_matrix(FACING @ matrix_from_axis_angle(pose[:, 0]))
    return pose


def make_motion(times, *, pose=None, transl=None, betas=None, track_id=0, body=None):
    body = body or BodyModel.default()
    count = len(times)
    pose = np.asarray(swinging_pose(times, track_id) if pose is None else pose, np.float32)
    if transl is None:
        since = times - times[0] if count else times
        transl = np.stack([0.2 * np.sin(since), 0.1 * since, 3 + 0.3 * np.cos(since)], axis=1)
    betas = np.broadcast_to(np.zeros(NUM_BETAS) if betas is None else betas, (count, NUM_BETAS))
    transl = np.asarray(transl, np.float32)
    betas = np.ascontiguousarray(betas, np.float32)
    joints = [
        body.joints(matrix_from_axis_angle(p), b) + t
        for p, b, t in zip(pose, betas, transl, strict=True)
    ]
    return Motion(
        track_id=track_id,
        times=np.asarray(times, np.float64),
        unix_times=np.asarray(times, np.float64) + 1.7e9,
        frame_index=np.arange(count),
        pose=pose,
        betas=betas,
        transl=transl,
        focal_length=np.full(count, 554.0, np.float32),
        camera=np.tile(np.array([0.9, 0.0, 0.2], np.float32), (count, 1)),
        crop_box=np.tile(np.array([300, 250, 400, 0.1], np.float32), (count, 1)),
        joints=np.asarray(joints, np.float32).reshape(count, 24, 3),
        confidence=np.full((count, 24), 0.75, np.float32),
        score=np.ones(count, np.float32),
        measured=np.ones(count, bool),
    )


def make_take(*motions, body=None, **info):
    body = body or BodyModel.default()
    told = {
        "clock": "monotonic",
        "source": "Camera",
        "frame_size": list(FRAME_SIZE),
        "body": {"name": body.name, "sha256": body.sha256},
    }
    return Take(told | info, motions, (), None)


def cut(motion, keep):
    """The frames for which ``keep`` (T,) is true."""
    names = [name for name in motion.__dataclass_fields__ if name != "track_id"]
    return replace(motion, **{name: getattr(motion, name)[keep] for name in names})


def world_rotations(rotmats):
    """Rotations relative to the parent ``(..., 24, 3, 3)`` -> relative to the world."""
    world = rotmats.copy()
    for joint, parent in enumerate(PARENTS[1:], start=1):
        world[..., joint, :, :] = world[..., parent, :, :] @ rotmats[..., joint, :, :]
    return world
