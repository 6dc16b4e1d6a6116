"""COCO person keypoints (Lin et al., ECCV 2014): ``person_keypoints_<split>.json``.

Each annotation has 17 joints as x, y, v with v = 0 not labelled (x = y = 0), 1 labelled but
hidden, 2 labelled and visible; pixels count from 0.  Crowds and people without joints are left
out.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from hmr_live.core.errors import AssetError
from hmr_live_training.data.readers.joint_sets import COCO, to_common
from hmr_live_training.data.readers.person import LabelledPerson


def read_coco(
    annotations: Path | str, images: Path | str, split: str, *, min_joints: int = 6
) -> Iterator[LabelledPerson]:
    """People with at least ``min_joints`` labelled joints.

    Parameters
    ----------
    annotations
        The JSON file.
    images
        Folder of the pictures, e.g. ``train2017``.
    split
        Name to write into the samples.
    min_joints
        People below it are too small or too hidden to teach a pose; the paper takes 6 or more.

    Raises
    ------
    AssetError
        When the file is missing or holds no person keypoints.
    """
    path = Path(annotations)
    content = _load(path)
    try:
        files = {picture["id"]: picture["file_name"] for picture in content["images"]}
        for entry in content["annotations"]:
            if entry.get("iscrowd") or entry["num_keypoints"] < min_joints:
                continue
            yield _person(entry, Path(images) / files[entry["image_id"]], split)
    except (KeyError, TypeError, ValueError) as error:
        raise AssetError(
            f"{path} holds no COCO person keypoints ({error!r}); give person_keypoints_*.json."
        ) from error


def _load(path: Path) -> dict[str, Any]:
    try:
        content = json.loads(path.read_bytes())
    except OSError as error:
        raise AssetError(f"There is no {path}; check the path of the annotations.") from error
    except ValueError as error:
        raise AssetError(f"{path} is damaged; copy the annotations again.") from error
    if not isinstance(content, dict):
        raise AssetError(f"{path} holds no COCO annotations; give person_keypoints_*.json.")
    return content


def _person(entry: dict[str, Any], picture: Path, split: str) -> LabelledPerson:
    flags = np.asarray(entry["keypoints"], np.float64).reshape(len(COCO), 3)
    labels = np.column_stack([flags[:, :2], flags[:, 2] > 0, flags[:, 2] == 1])
    common = to_common(labels, COCO)
    left, top, width, height = entry["bbox"]
    return LabelledPerson(
        picture=picture,
        joints_2d=common[:, :3],
        occluded=common[:, 3] > 0,
        box=np.array([left, top, left + width, top + height], np.float32),
        data_set="coco",
        split=split,
        subject=str(entry["id"]),
    )
