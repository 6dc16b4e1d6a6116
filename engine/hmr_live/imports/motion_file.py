"""Import a motion file of another program as a take, to play, plot and export it.

Takes have a camera, motion capture does not: the person is placed in front of a level camera that
sees the whole motion.  ``info["world_from_camera"]`` holds its pose, so that exports are in the
file's own world again.

Poses carry over between body models, shapes do not: betas are kept only if the file says that
it was made with the body model in use, and are zero otherwise.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from hmr_live.body.kinematics import posed_joints
from hmr_live.body.model import BodyModel
from hmr_live.body.rotations import axis_angle_from_matrix, matrix_from_axis_angle
from hmr_live.body.skeleton import NUM_BETAS
from hmr_live.core.errors import AssetError
from hmr_live.core.state import CropBox
from hmr_live.export.world_frame import Y_UP_FROM_CAMERA
from hmr_live.imports.amass import read_amass
from hmr_live.imports.bvh import read_bvh
from hmr_live.imports.world_motion import WorldMotion
from hmr_live.recovery.crop_camera import CropCamera
from hmr_live.recovery.frame_camera import default_focal_length, project
from hmr_live.takes.container import SUFFIX, read_take
from hmr_live.takes.take import Motion, Take

Array = NDArray[np.floating[Any]]

FRAME_SIZE: Final = (1280, 720)
#: Minimum distance of the person from the camera, metres.
_NEAREST: Final = 2.5
#: Share of the frame that the motion may fill.
_FILL: Final = 0.85
#: Frames a second; a higher rate is a mistake in the file.
_HIGHEST_RATE: Final = 1000.0
#: Half a crop's side over half the extent of the joints in it.
_CROP_MARGIN: Final = 1.25


def open_take(path: Path, body: BodyModel | None = None) -> Take:
    """Open a take, or a motion file of another program, by its suffix.

    Raises
    ------
    RecordingError, AssetError
        If it cannot be read.
    """
    return read_take(path) if path.suffix.lower() == SUFFIX else open_motion_file(path, body)


def open_motion_file(path: Path, body: BodyModel | None = None) -> Take:
    """Open an AMASS ``.npz`` or a ``.bvh`` file as a take of one person.

    Parameters
    ----------
    path
        The file; for the bone names that are known in BVH files see :mod:`hmr_live.imports.bvh`.
    body
        The body model that shows the motion; by default the shipped one.

    Raises
    ------
    AssetError
        If the file is missing, damaged, of another kind, or has no frames.
    """
    body = body or BodyModel.default()
    readers: dict[str, Callable[[], WorldMotion]] = {
        ".npz": lambda: read_amass(path, body=body),
        ".bvh": lambda: read_bvh(path),
    }
    try:
        motion = readers[path.suffix.lower()]()
    except KeyError as error:
        raise AssetError(
            f"{path.name} is not a supported motion file: choose a {SUFFIX}, an AMASS .npz "
            "or a .bvh file."
        ) from error
    if not len(motion):
        raise AssetError(f"{path.name} holds no frames: choose another file.")
    if not 0 < motion.fps <= _HIGHEST_RATE:
        raise AssetError(
            f"{path.name} says that it has {motion.fps:g} frames a second, which cannot be: export "
            "it again with the right frame rate."
        )
    if not (np.isfinite(motion.poses).all() and np.isfinite(motion.transl).all()):
        raise AssetError(f"{path.name} holds numbers that are not finite; export it again.")
    return _take(path, motion, body)


def _take(path: Path, motion: WorldMotion, body: BodyModel) -> Take:
    same_body = motion.body == body.sha256 and motion.betas is not None
    betas = motion.betas if same_body else None
    shape = np.zeros(NUM_BETAS, np.float32) if betas is None else betas
    rest = body.rest_joints(shape).astype(np.float64)
    rotmats = matrix_from_axis_angle(motion.poses.astype(np.float64))
    joints = posed_joints(rotmats, rest) + motion.transl[:, None]
    stand = _camera_place(joints)
    from_world = Y_UP_FROM_CAMERA.T
    rotmats[:, 0] = from_world @ rotmats[:, 0]
    pelvis = (motion.transl + rest[0] - stand) @ from_world.T
    kept = np.ones(len(motion), bool) if motion.seen is None else motion.seen
    person = _seen_motion(
        axis_angle_from_matrix(rotmats)[kept],
        np.tile(shape, (int(kept.sum()), 1)),
        (pelvis - rest[0])[kept],
        ((joints - stand) @ from_world.T)[kept],
        np.flatnonzero(kept),
        motion.fps,
        path.stat().st_mtime,
    )
    info = {
        "format": path.suffix.lower().removeprefix("."),
        "version": 1,
        "complete": True,
        "frames": len(motion),
        "dropped": 0,
        "clock": "file",
        "source": path.name,
        "frame_size": list(FRAME_SIZE),
        "body": {
            "name": body.name,
            "sha256": body.sha256,
            "rest_pelvis": body.rest_joints(np.zeros(NUM_BETAS, np.float32))[0].tolist(),
        },
        "world_from_camera": {
            "rotation": Y_UP_FROM_CAMERA.tolist(),
            "translation": stand.tolist(),
        },
    }
    return Take(info, (person,) if len(person.times) else (), motion.markers, None)


def _camera_place(joints: Array) -> Array:
    """``(3,)`` a place in the world from which a level camera along -z sees all joints."""
    low, high = joints.min(axis=(0, 1)), joints.max(axis=(0, 1))
    middle = (low + high) / 2
    half = (high - low)[:2] / 2
    focal = default_focal_length(FRAME_SIZE)
    distance = (half * 2 * focal / (np.array(FRAME_SIZE) * _FILL)).max()
    return np.array([middle[0], middle[1], high[2] + max(_NEAREST, float(distance))])


def _seen_motion(
    pose: Array,
    betas: Array,
    transl: Array,
    joints: Array,
    frames: NDArray[np.intp],
    fps: float,
    unix: float,
) -> Motion:
    """A stream as if a network had seen the person, surely; everything in the camera frame."""
    count = len(frames)
    times = frames / fps
    focal = default_focal_length(FRAME_SIZE)
    points = project(joints, focal, FRAME_SIZE)
    low, high = points.min(axis=1), points.max(axis=1)
    side = _CROP_MARGIN * (high - low).max(axis=1)
    crop_box = np.column_stack([(low + high) / 2, side, np.zeros(count)])
    camera = np.empty((count, 3))
    for index, (pelvis, place) in enumerate(zip(joints[:, 0], transl, strict=True)):
        crop_camera = CropCamera.of(CropBox(*crop_box[index]), FRAME_SIZE, focal)
        # SMPL turns bodies about the pelvis, which stands at pelvis - place in the body.
        camera[index] = crop_camera.camera(crop_camera.rotation @ pelvis - (pelvis - place))
    return Motion(
        track_id=0,
        times=np.asarray(times, np.float64),
        unix_times=np.asarray(times + unix, np.float64),
        frame_index=frames.astype(np.int64),
        pose=pose.astype(np.float32),
        betas=betas.astype(np.float32),
        transl=transl.astype(np.float32),
        focal_length=np.full(count, focal, np.float32),
        camera=camera.astype(np.float32),
        crop_box=crop_box.astype(np.float32),
        joints=joints.astype(np.float32),
        confidence=np.ones((count, joints.shape[1]), np.float32),
        score=np.ones(count, np.float32),
        measured=np.ones(count, np.bool_),
    )
