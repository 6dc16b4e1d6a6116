"""The sample type of all readers: a labelled person in a picture."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from hmr_live.core.errors import AssetError
from hmr_live_training.data.readers.joint_sets import NUM_COMMON

Array = NDArray[np.floating[Any]]
Image = NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class VideoFrame:
    """A picture inside a video file; ``index`` counts from 0."""

    path: Path
    index: int


#: A picture file, the bytes of one, or a frame of a video.
Picture = Path | bytes | VideoFrame


@dataclass(frozen=True, slots=True)
class LabelledPerson:
    """One person in one picture with every label that the data set has; K joints, common set.

    Attributes
    ----------
    picture
        Where the pixels are.
    joints_2d
        ``(K, 3)`` float32: x, y in picture pixels, then the weight of the label: 0 where the data
        set says nothing, 1 for a label, between for a detection.  (0, 0) is the middle of the
        picture's first pixel.
    occluded
        ``(K,)`` bool: labelled, but said to be hidden (False where the data set does not say).
    box
        ``(4,)`` float32: left, top, right, bottom in pixels.
    data_set, split, subject
        Names; a subject never appears in two splits of the same data set.
    joints_3d
        ``(K, 4)`` float32: metres in the picture's camera frame (x right, y down, z forward), then
        the weight; None without 3D labels.
    pose
        ``(24, 3)`` float32 axis-angle; joint 0 turns the body into the camera frame.
    betas
        ``(10,)`` float32, of the body model named by ``body``.
    transl
        ``(3,)`` float32 metres, added to the posed body in the camera frame.
    body
        Model that pose and betas belong to: ``smpl_male``, ``smpl_female``, ``smpl_neutral``,
        ``open_body``, or "" without parameters.
    intrinsics
        ``(3, 3)`` float32 pinhole matrix of the picture, None when unknown.
    """

    picture: Picture
    joints_2d: Array
    occluded: NDArray[np.bool_]
    box: Array
    data_set: str
    split: str
    subject: str
    joints_3d: Array | None = None
    pose: Array | None = None
    betas: Array | None = None
    transl: Array | None = None
    body: str = ""
    intrinsics: Array | None = None


def none_occluded() -> NDArray[np.bool_]:
    """``occluded`` of a data set that does not say."""
    return np.zeros(NUM_COMMON, np.bool_)


def box_around(joints_2d: Array) -> Array:
    """Smallest box around the labelled joints, ``(4,)``; zeros when nothing is labelled."""
    seen = joints_2d[joints_2d[:, 2] > 0, :2]
    if not len(seen):
        return np.zeros(4, np.float32)
    return np.concatenate([seen.min(axis=0), seen.max(axis=0)]).astype(np.float32)


class ImageReader:
    """Reads pictures; consecutive frames of a video are decoded once, in order."""

    def __init__(self) -> None:
        self._video: cv2.VideoCapture | None = None
        self._path: Path | None = None
        self._next = 0

    def __enter__(self) -> ImageReader:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the open video."""
        if self._video is not None:
            self._video.release()
        self._video, self._path = None, None

    def read(self, picture: Picture) -> Image:
        """``(H, W, 3)`` BGR.

        Raises
        ------
        AssetError
            When there is no such picture or it is damaged.
        """
        if isinstance(picture, VideoFrame):
            return self._frame(picture)
        if isinstance(picture, bytes):
            data, name = np.frombuffer(picture, np.uint8), "a picture inside a shard"
        else:
            name = str(picture)
            try:
                data = np.fromfile(picture, np.uint8)
            except OSError as error:
                raise AssetError(f"There is no picture {name}; check the data folder.") from error
        image = cv2.imdecode(data, cv2.IMREAD_COLOR) if data.size else None
        if image is None:
            raise AssetError(f"Cannot decode {name}; copy the data set again.")
        return np.asarray(image, np.uint8)

    def _frame(self, wanted: VideoFrame) -> Image:
        if wanted.path != self._path or wanted.index < self._next or self._video is None:
            self.close()
            if not wanted.path.is_file():
                raise AssetError(f"There is no video {wanted.path}; check the data folder.")
            self._video, self._path, self._next = cv2.VideoCapture(str(wanted.path)), wanted.path, 0
        # Seeking is off by some frames in many files, so frames in between are decoded.
        while self._next < wanted.index and self._video.grab():
            self._next += 1
        ok, image = self._video.read()
        if not ok or self._next != wanted.index:
            raise AssetError(
                f"{wanted.path} ends before frame {wanted.index}; copy the data set again."
            )
        self._next += 1
        return np.asarray(image, np.uint8)
