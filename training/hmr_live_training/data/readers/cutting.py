"""Cut people out of large pictures, so that shards hold only the pixels that training uses."""

from __future__ import annotations

from dataclasses import dataclass, replace

import cv2
import numpy as np

from hmr_live.core.errors import AssetError
from hmr_live_training.data.readers.person import Array, ImageReader, LabelledPerson


@dataclass(frozen=True)
class CutConfig:
    """How much of a picture goes into a shard."""

    #: Shares of the box's longer side added on each side, so that every augmentation finds pixels.
    margin: float = 0.6
    #: Longer side of the box in the shard; larger people are shrunk to it.
    person_size: int = 320
    jpeg_quality: int = 92


def cut_out(
    person: LabelledPerson, reader: ImageReader, config: CutConfig | None = None
) -> tuple[bytes, LabelledPerson]:
    """The person with a margin as a small JPEG, and the person with all labels moved along.

    Raises
    ------
    AssetError
        When the picture cannot be read or the box lies outside of it.
    """
    config = config or CutConfig()
    image = reader.read(person.picture)
    longer = max(float(np.ptp(person.box[0::2])), float(np.ptp(person.box[1::2])), 1.0)
    margin = config.margin * longer
    size = np.array([image.shape[1], image.shape[0]])
    low = np.clip(np.floor(person.box[:2] - margin), 0, size).astype(int)
    high = np.clip(np.ceil(person.box[2:] + margin) + 1, 0, size).astype(int)
    if (high - low).min() < 2:
        raise AssetError(f"A box of {person.data_set} lies outside of its picture; check the data.")
    part = image[low[1] : high[1], low[0] : high[0]]
    wanted = min(1.0, config.person_size / longer)
    small = np.maximum(np.round((high - low) * wanted), 1).astype(int)
    if wanted < 1:
        width, height = int(small[0]), int(small[1])
        part = np.asarray(cv2.resize(part, (width, height), interpolation=cv2.INTER_AREA), np.uint8)
    quality = [cv2.IMWRITE_JPEG_QUALITY, config.jpeg_quality]
    jpeg = cv2.imencode(".jpg", part, quality)[1].tobytes()
    return jpeg, _moved(person, jpeg, low, small / (high - low))


def _moved(person: LabelledPerson, jpeg: bytes, low: Array, scale: Array) -> LabelledPerson:
    """Labels after cutting at ``low`` and scaling; pixel middles lie at whole numbers."""
    shift = (0.5 - low) * scale - 0.5
    joints = person.joints_2d.copy()
    labelled = joints[:, 2] > 0
    joints[labelled, :2] = joints[labelled, :2] * scale + shift
    intrinsics = None
    if person.intrinsics is not None:
        move = np.eye(3)
        move[[0, 1], [0, 1]], move[:2, 2] = scale, shift
        intrinsics = (move @ person.intrinsics).astype(np.float32)
    box = (person.box.reshape(2, 2) * scale + shift).reshape(4).astype(np.float32)
    return replace(person, picture=jpeg, joints_2d=joints, box=box, intrinsics=intrinsics)
