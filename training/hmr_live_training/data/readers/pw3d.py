"""3DPW (von Marcard et al., ECCV 2018): ``sequenceFiles/<split>/*.pkl`` beside ``imageFiles``.

The files are pickles of Python 2.  They are read by the engine's whitelist unpickler, which runs
nothing that is in them.  Used are ``poses`` (T x 72), ``betas``, ``trans``, ``genders``,
``jointPositions`` (T x 72, metres, world), ``poses2d`` (T x 3 x 18, OpenPose), ``campose_valid``,
``cam_poses`` (T x 4 x 4, world to camera) and ``cam_intrinsics``.

SMPL's 24 joints in 2D are the projections of ``jointPositions``; the face comes from ``poses2d``.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Literal

import numpy as np

from hmr_live.body.rotations import axis_angle_from_matrix, matrix_from_axis_angle
from hmr_live.body.safe_pickle import RefusedNameError, dense_array, read_smpl_pickle
from hmr_live.core.errors import AssetError
from hmr_live_training.data.readers.joint_sets import COMMON, OPENPOSE_18, SMPL, to_common
from hmr_live_training.data.readers.person import Array, LabelledPerson, box_around, none_occluded

_BODY: Final = {"m": "smpl_male", "f": "smpl_female"}
_FACE: Final = [COMMON[n] for n in ("nose", "left_eye", "right_eye", "left_ear", "right_ear")]


@dataclass(frozen=True)
class _Sequence:
    """What is common to the people of a sequence."""

    name: str
    images: Path
    split: str
    world_to_camera: Array
    intrinsics: Array


def read_3dpw(
    folder: Path | str, split: Literal["train", "validation", "test"], *, step: int = 1
) -> Iterator[LabelledPerson]:
    """Every ``step``-th frame of every person whose camera pose is valid.

    Raises
    ------
    AssetError
        When there are no sequences or one is damaged.
    """
    files = sorted((Path(folder) / "sequenceFiles" / split).glob("*.pkl"))
    if not files:
        raise AssetError(f"There are no .pkl files in {folder}/sequenceFiles/{split}; unpack 3DPW.")
    for file in files:
        content = _load(file)
        try:
            sequence = _Sequence(
                name=file.stem,
                images=Path(folder) / "imageFiles" / file.stem,
                split=split,
                world_to_camera=dense_array(content["cam_poses"]).astype(np.float64),
                intrinsics=dense_array(content["cam_intrinsics"]).astype(np.float32),
            )
            for number in range(len(_items(content, "poses"))):
                yield from _one_person(content, number, sequence, step)
        except (KeyError, ValueError, IndexError) as error:
            raise AssetError(f"{file} is not a 3DPW sequence ({error}); copy it again.") from error


def _load(path: Path) -> dict[str, object]:
    try:
        return read_smpl_pickle(path.read_bytes())
    except RefusedNameError as error:
        raise AssetError(
            f"{path} asks for '{error}', which no 3DPW file needs; nothing in it was run."
        ) from error
    except (OSError, ValueError) as error:
        raise AssetError(f"{path} cannot be read as a pickle; copy it again.") from error


def _items(content: dict[str, object], key: str) -> list[Any]:
    values = content[key]
    if not isinstance(values, list):
        raise ValueError(f"'{key}' is not a list of people")
    return values


def _one_person(
    content: dict[str, object], number: int, sequence: _Sequence, step: int
) -> Iterator[LabelledPerson]:
    def rows(key: str, shape: tuple[int, ...]) -> Array:
        return dense_array(_items(content, key)[number]).astype(np.float64).reshape(shape)

    poses, joints = rows("poses", (-1, 24, 3)), rows("jointPositions", (-1, 24, 3))
    trans, seen = rows("trans", (-1, 3)), rows("poses2d", (-1, 3, 18))
    betas = rows("betas", (-1,))[:10].astype(np.float32)
    valid = rows("campose_valid", (-1,)) > 0
    gender = str(_items(content, "genders")[number])
    for frame in range(0, len(poses), step):
        if not valid[frame]:
            continue
        rotation, shift = _camera(sequence.world_to_camera[frame])
        pose, transl = _in_camera(poses[frame], trans[frame], joints[frame, 0], rotation, shift)
        points = joints[frame] @ rotation.T + shift
        joints_2d = _pixels(points, sequence.intrinsics, seen[frame].T)
        yield LabelledPerson(
            picture=sequence.images / f"image_{frame:05d}.jpg",
            joints_2d=joints_2d,
            occluded=none_occluded(),
            box=box_around(joints_2d),
            data_set="3dpw",
            split=sequence.split,
            subject=f"{sequence.name}_{number}",
            joints_3d=to_common(np.column_stack([points, np.ones(24)]), SMPL),
            pose=pose,
            betas=betas,
            transl=transl,
            body=_BODY.get(gender, "smpl_neutral"),
            intrinsics=sequence.intrinsics,
        )


def _camera(matrix: Array) -> tuple[Array, Array]:
    return matrix[:3, :3], matrix[:3, 3]


def _in_camera(
    pose: Array, trans: Array, pelvis: Array, rotation: Array, shift: Array
) -> tuple[Array, Array]:
    """Pose and translation in the camera frame.

    SMPL turns the body about its rest pelvis J_0, so that pelvis = J_0 + trans; turning the world
    turns ``pelvis``, and J_0 = pelvis - trans stays: transl = R pelvis + t - J_0.
    """
    turned = pose.copy()
    turned[0] = axis_angle_from_matrix(rotation @ matrix_from_axis_angle(pose[0]))
    transl = rotation @ pelvis + shift - (pelvis - trans)
    return turned.astype(np.float32), transl.astype(np.float32)


def _pixels(points: Array, intrinsics: Array, detected: Array) -> Array:
    """Common joints ``(K, 3)``: projections of SMPL's 24, the face from OpenPose ``(18, 3)``."""
    projected = points @ intrinsics.T.astype(np.float64)
    pixels = projected[:, :2] / np.maximum(projected[:, 2:], 1e-6)
    in_front = (points[:, 2] > 1e-3).astype(np.float64)
    joints_2d = to_common(np.column_stack([pixels, in_front]), SMPL)
    joints_2d[_FACE] = to_common(detected, OPENPOSE_18)[_FACE]
    return joints_2d
