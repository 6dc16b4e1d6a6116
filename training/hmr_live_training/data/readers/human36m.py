"""Human3.6M (Ionescu et al., TPAMI 2014) in the official CDF files; nothing is converted first.

Unpacked, a subject's folder holds
``S1/MyPoseFeatures/D2_Positions/<action>.<camera>.cdf`` (T x 64 pixels),
``S1/MyPoseFeatures/D3_Positions_mono/<action>.<camera>.cdf`` (T x 96 millimetres in that camera's
frame, x right, y down, z forward) and ``S1/Videos/<action>.<camera>.mp4``, 50 frames a second.
The CDF variable is ``Pose``.  S1, S5, S6, S7 and S8 are for training, S9 and S11 for testing.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final, Literal

import cdflib
import numpy as np

from hmr_live.core.errors import AssetError
from hmr_live_training.data.readers.joint_sets import HUMAN36M, to_common
from hmr_live_training.data.readers.person import (
    Array,
    LabelledPerson,
    VideoFrame,
    box_around,
    none_occluded,
)

SUBJECTS: Final[dict[str, tuple[str, ...]]] = {
    "train": ("S1", "S5", "S6", "S7", "S8"),
    "test": ("S9", "S11"),
}
#: This video is damaged in the release.
_DAMAGED: Final = ("S11", "Directions.54138969")


def read_human36m(
    folder: Path | str,
    split: Literal["train", "test"],
    *,
    subjects: Sequence[str] | None = None,
    step: int = 5,
) -> Iterator[LabelledPerson]:
    """Every ``step``-th frame of a split, or of the given subjects of it.

    Raises
    ------
    AssetError
        When a subject is missing or its files do not fit together.
    """
    for subject in subjects or SUBJECTS[split]:
        if subject not in SUBJECTS[split]:
            raise AssetError(f"{subject} is not in the {split} split of Human3.6M; leave it out.")
        poses = Path(folder) / subject / "MyPoseFeatures"
        files = sorted((poses / "D3_Positions_mono").glob("*.cdf"))
        if not files:
            raise AssetError(
                f"There are no CDF files in {poses / 'D3_Positions_mono'}; "
                "unpack Poses_D3_Positions_mono there."
            )
        for file in files:
            if (subject, file.stem) != _DAMAGED:
                yield from _sequence(file, poses / "D2_Positions" / file.name, split, step)


def _sequence(file_3d: Path, file_2d: Path, split: str, step: int) -> Iterator[LabelledPerson]:
    metres, pixels = _read_pose(file_3d, 3) / 1000, _read_pose(file_2d, 2)
    if len(metres) != len(pixels):
        raise AssetError(f"{file_3d} and {file_2d} differ in length; copy both again.")
    subject_folder = file_3d.parents[2]
    video = subject_folder / "Videos" / f"{file_3d.stem}.mp4"
    ones = np.ones((len(HUMAN36M), 1))
    for frame in range(0, len(metres), step):
        joints_2d = to_common(np.hstack([pixels[frame], ones]), HUMAN36M)
        yield LabelledPerson(
            picture=VideoFrame(video, frame),
            joints_2d=joints_2d,
            occluded=none_occluded(),
            box=box_around(joints_2d),
            data_set="human36m",
            split=split,
            subject=subject_folder.name,
            joints_3d=to_common(np.hstack([metres[frame], ones]), HUMAN36M),
        )


def _read_pose(path: Path, columns: int) -> Array:
    """Variable ``Pose`` as ``(T, 32, columns)``."""
    if not path.is_file():
        raise AssetError(f"There is no {path}; unpack the poses of Human3.6M there.")
    try:
        values = np.asarray(cdflib.CDF(path).varget("Pose"), np.float64)
        return values.reshape(-1, len(HUMAN36M), columns)
    # A damaged CDF ends in nearly any exception.
    except Exception as error:
        raise AssetError(f"{path} holds no 'Pose' of 32 joints; copy it again.") from error
