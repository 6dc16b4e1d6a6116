"""MPI-INF-3DHP (Mehta et al., 3DV 2017), training sequences ``S1/Seq1`` to ``S8/Seq2``.

Each sequence folder holds ``annot.mat`` with one cell a camera (``annot2``: T x 56 pixels,
``annot3``: T x 84 millimetres in that camera's frame), ``camera.calibration``, and the videos
``imageSequence/video_<camera>.avi``.  The camera frame is x right, y down, z forward.  The test
set is stored in another format (MATLAB 7.3) and is not read here.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from hmr_live.core.errors import AssetError
from hmr_live_training.data.readers.joint_sets import MPI_INF_3DHP, to_common
from hmr_live_training.data.readers.matlab import load_mat
from hmr_live_training.data.readers.person import (
    Array,
    LabelledPerson,
    VideoFrame,
    box_around,
    none_occluded,
)

#: Cameras at chest height and a little above; the others look down steeply.
DEFAULT_CAMERAS = (0, 1, 2, 4, 5, 6, 7, 8)


def read_calibration(path: Path | str) -> dict[int, Array]:
    """Camera number -> ``(3, 3)`` intrinsics, from ``camera.calibration``.

    Raises
    ------
    AssetError
        When the file is missing or holds no cameras.
    """
    try:
        lines = Path(path).read_text(encoding="ascii", errors="replace").splitlines()
    except OSError as error:
        raise AssetError(f"There is no {path}; check the data folder.") from error
    cameras: dict[int, Array] = {}
    name = -1
    try:
        for words in (line.split() for line in lines):
            if words[:1] == ["name"]:
                name = int(words[1])
            elif words[:1] == ["intrinsic"]:
                cameras[name] = np.array(words[1:17], np.float32).reshape(4, 4)[:3, :3]
    except (IndexError, ValueError) as error:
        raise AssetError(f"{path} is damaged ({error}); copy it again.") from error
    if not cameras:
        raise AssetError(f"{path} holds no cameras; copy it again.")
    return cameras


def read_mpi_inf_3dhp(
    folder: Path | str,
    *,
    subjects: Sequence[int] = tuple(range(1, 9)),
    cameras: Sequence[int] = DEFAULT_CAMERAS,
    step: int = 5,
) -> Iterator[LabelledPerson]:
    """Every ``step``-th frame of the given subjects and cameras.

    Raises
    ------
    AssetError
        When a sequence that exists is incomplete, or none exists.
    """
    sequences = [
        path
        for subject in subjects
        for path in sorted(Path(folder).glob(f"S{subject}/Seq*"))
        if path.is_dir()
    ]
    if not sequences:
        raise AssetError(
            f"There are no sequences such as S1/Seq1 in {folder}; check the data folder."
        )
    for sequence in sequences:
        yield from _sequence(sequence, cameras, step)


def _sequence(folder: Path, cameras: Sequence[int], step: int) -> Iterator[LabelledPerson]:
    intrinsics = read_calibration(folder / "camera.calibration")
    path = folder / "annot.mat"
    pixels, metres = (_cells(path, name) for name in ("annot2", "annot3"))
    for camera in cameras:
        if camera >= len(pixels) or camera >= len(metres) or camera not in intrinsics:
            raise AssetError(f"{folder} has no camera {camera}; copy the sequence again.")
        try:
            flat, deep = pixels[camera].reshape(-1, 28, 2), metres[camera].reshape(-1, 28, 3) / 1000
        except ValueError as error:
            raise AssetError(f"{path} does not have 28 joints; copy the sequence again.") from error
        for frame in range(0, len(flat), step):
            joints_2d = to_common(_weighted(flat[frame]), MPI_INF_3DHP)
            yield LabelledPerson(
                picture=VideoFrame(folder / "imageSequence" / f"video_{camera}.avi", frame),
                joints_2d=joints_2d,
                occluded=none_occluded(),
                box=box_around(joints_2d),
                data_set="mpi_inf_3dhp",
                split="train",
                subject=folder.parent.name,
                joints_3d=to_common(_weighted(deep[frame]), MPI_INF_3DHP),
                intrinsics=intrinsics[camera],
            )


def _cells(path: Path, name: str) -> list[Array]:
    """A 14 x 1 cell array as a list of arrays."""
    cells = np.asarray(load_mat(path, name), object).ravel()
    try:
        return [np.asarray(cell, np.float64) for cell in cells]
    except ValueError as error:
        raise AssetError(f"'{name}' in {path} holds no numbers; copy it again.") from error


def _weighted(joints: Array) -> Array:
    return np.column_stack([joints, np.ones(len(joints))])
