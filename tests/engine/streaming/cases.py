"""People in known poses, and waiting for what other threads do."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from functools import cache

import numpy as np

from hmr_live.angles import joint_angles
from hmr_live.body.model import BodyModel
from hmr_live.body.rotations import matrix_from_axis_angle
from hmr_live.body.skeleton import JOINT, NUM_JOINTS
from hmr_live.core.state import Array, BodyState, CropBox, Frame, FrameResult
from hmr_live.recovery.frame_camera import project

SIZE = (640, 480)
FOCAL = 554.0
#: Upright and facing the camera: the body's y up and z forward are the camera's -y and -z.
FACING = (np.pi, 0.0, 0.0)


@cache
def body_model() -> BodyModel:
    return BodyModel.default()


def person(
    pose: Mapping[str, tuple[float, float, float]] | Array,
    at: tuple[float, float, float] = (0.0, 0.2, 3.0),
) -> BodyState:
    """Somebody in the pose: joint name -> axis-angle, or ``(24, 3)``; facing the camera if untold.

    ``at`` is the translation in the camera frame.
    """
    if isinstance(pose, Mapping):
        theta = np.zeros((NUM_JOINTS, 3), np.float32)
        for name, vector in {"pelvis": FACING, **pose}.items():
            theta[JOINT[name]] = vector
    else:
        theta = np.asarray(pose, np.float32)
    rotmats = matrix_from_axis_angle(theta)
    betas = np.linspace(-1, 1, 10, dtype=np.float32)
    transl = np.array(at, np.float32)
    joints = body_model().joints(rotmats, betas) + transl
    return BodyState(
        rotmats=rotmats,
        betas=betas,
        transl=transl,
        focal_length=FOCAL,
        camera=np.array([1, 0, 0], np.float32),
        crop_box=CropBox(320, 240, 400),
        joints=joints,
        joints_2d=project(joints, FOCAL, SIZE),
        confidence=np.linspace(0, 1, NUM_JOINTS, dtype=np.float32),
        score=0.9,
        angles_of=joint_angles,
    )


def random_pose(seed: int, spread: float = 0.6) -> Array:
    """``(24, 3)`` axis-angle, facing the camera more or less."""
    theta = np.random.default_rng(seed).normal(0, spread, (NUM_JOINTS, 3)).astype(np.float32)
    theta[0] = FACING
    theta[0, 1:] += 0.3
    return theta


def result_of(*bodies: BodyState, index: int = 7) -> FrameResult:
    image = np.full((SIZE[1], SIZE[0], 3), 40, np.uint8)
    return FrameResult(Frame(image, 12.5 + index / 30, index), bodies)


def wait_until(condition: Callable[[], bool], timeout: float = 30.0) -> None:
    end = time.monotonic() + timeout
    while not condition():
        assert time.monotonic() < end, "it did not happen in time"
        time.sleep(0.002)
