"""MPII Human Pose (Andriluka et al., CVPR 2014): ``mpii_human_pose_v1_u12_1.mat``.

The struct ``RELEASE`` has ``annolist`` (pictures with people), ``img_train`` (1 where labels are
public) and ``single_person``.  Joints are a list of points with ids 0 to 15; ``is_visible`` is 0,
1, a digit as text, or empty.  Pixels count from 1 as in MATLAB; here they count from 0.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from hmr_live.core.errors import AssetError
from hmr_live_training.data.readers.joint_sets import MPII, to_common
from hmr_live_training.data.readers.matlab import load_mat
from hmr_live_training.data.readers.person import Array, LabelledPerson, box_around


def read_mpii(
    annotations: Path | str, images: Path | str, *, min_joints: int = 6
) -> Iterator[LabelledPerson]:
    """People of the training pictures with at least ``min_joints`` labelled joints.

    Raises
    ------
    AssetError
        When the file is missing or no release of MPII.
    """
    path = Path(annotations)
    release = load_mat(path, "RELEASE", structs=True)
    try:
        pictures = zip(_list(release.annolist), _list(release.img_train), strict=True)
        for picture, is_training in pictures:
            if not is_training:
                continue
            name = str(picture.image.name)
            for number, rectangle in enumerate(_list(getattr(picture, "annorect", None))):
                labels = _labels(rectangle)
                if (labels[:, 2] > 0).sum() >= min_joints:
                    yield _person(Path(images) / name, labels, f"{Path(name).stem}_{number}")
    except (AttributeError, TypeError, ValueError) as error:
        raise AssetError(f"{path} is not an MPII release ({error}); copy it again.") from error


def _list(value: object) -> list[Any]:
    """What MATLAB stores as one object, an array of them, or an empty array."""
    return [] if value is None else list(np.atleast_1d(np.asarray(value, object)))


def _labels(rectangle: Any) -> Array:  # noqa: ANN401
    """``(16, 4)``: x, y, labelled, hidden."""
    labels = np.zeros((len(MPII), 4))
    for points in _list(getattr(rectangle, "annopoints", None)):
        for point in _list(getattr(points, "point", None)):
            flag = np.atleast_1d(np.asarray(getattr(point, "is_visible", 1)))
            hidden = flag.size > 0 and str(flag.flat[0]) == "0"
            labels[int(point.id)] = float(point.x) - 1, float(point.y) - 1, 1, hidden
    return labels


def _person(picture: Path, labels: Array, subject: str) -> LabelledPerson:
    common = to_common(labels, MPII)
    return LabelledPerson(
        picture=picture,
        joints_2d=common[:, :3],
        occluded=common[:, 3] > 0,
        box=box_around(common[:, :3]),
        data_set="mpii",
        split="train",
        subject=subject,
    )
