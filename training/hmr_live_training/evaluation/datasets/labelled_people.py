"""Labelled people of any reader: PCK, and with 3D labels MPJPE and PA-MPJPE.

Crop boxes follow from the labelled joints.  SMPL's twelve limb joints are compared as they are:
no joint regressor of a data set is used, so the figures differ from those of papers that use one
(such as the 14 joints of 3DPW and Human3.6M).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from hmr_live.core.errors import AssetError
from hmr_live.core.state import CropBox
from hmr_live_training.data.crops import (
    crop_box_from_bounds,
    crop_box_from_lsp,
    crop_matrix,
    rotate_to_crop,
)
from hmr_live_training.data.readers.joint_sets import lsp_from_common
from hmr_live_training.data.readers.person import ImageReader, LabelledPerson
from hmr_live_training.evaluation.estimators import Estimate, Estimator, to_crop
from hmr_live_training.evaluation.metrics import hip_centred, mpjpe, pa_mpjpe, pck_hits, swapped
from hmr_live_training.evaluation.report import ResultRow
from hmr_live_training.evaluation.statistics import Figure, mean, percent
from hmr_live_training.landmarks import LSP_LIMBS

Array = NDArray[np.floating[Any]]

#: Crop geometries: how a crop box follows from LSP joints ``(14, 3)``.
_CROP_BOXES: Final[dict[str, Callable[[Array], CropBox]]] = {
    "upright": crop_box_from_lsp,
    "box": crop_box_from_bounds,
}
_MIN_JOINTS: Final = 4


@dataclass
class _JointPairs:
    """Predicted and labelled joints of one estimator in one crop geometry."""

    flat: list[Array] = field(default_factory=list)
    flat_labels: list[Array] = field(default_factory=list)
    deep: list[Array] = field(default_factory=list)
    deep_labels: list[Array] = field(default_factory=list)

    def add(self, estimate: Estimate, person: LabelledPerson, crop_box: CropBox) -> None:
        keypoints = lsp_from_common(person.joints_2d)
        points = to_crop(keypoints[:, :2].astype(np.float64), crop_box)
        self.flat.append(estimate.joints_2d)
        self.flat_labels.append(np.column_stack([points, keypoints[:, 2]]))
        limbs = _limbs_3d(person, crop_box)
        if limbs is not None:
            self.deep.append(estimate.joints_3d)
            self.deep_labels.append(limbs)

    def figures(self) -> dict[str, Figure | None]:
        predicted, labels = np.stack(self.flat), np.stack(self.flat_labels)
        figures = {
            "PCK12@0.2": percent(*pck_hits(predicted, labels)),
            "swapped": percent(*swapped(predicted, labels)),
        }
        if not self.deep:
            return figures | {"MPJPE": None, "PA-MPJPE": None}
        deep, true = (hip_centred(np.stack(x)) for x in (self.deep, self.deep_labels))
        return figures | {
            "MPJPE": mean(mpjpe(deep, true), "mm"),
            "PA-MPJPE": mean(pa_mpjpe(deep, true), "mm"),
        }


def labelled_people_rows(
    people: Iterable[LabelledPerson],
    estimators: Sequence[Estimator],
    data_set: str,
    split: str,
    *,
    step: int = 1,
) -> list[ResultRow]:
    """Figures of every estimator in the crop geometries "upright" and "box".

    Parameters
    ----------
    people
        Those with fewer than four labelled LSP joints do not count; in 3D only those with labels
        of all twelve limb joints count.
    estimators
        Networks and baselines.
    data_set, split
        Names in the tables.
    step
        Evaluate every ``step``-th person.

    Raises
    ------
    AssetError
        When nobody counts.
    """
    collected = {(e.name, geometry): _JointPairs() for e in estimators for geometry in _CROP_BOXES}
    counting = (p for p in people if (lsp_from_common(p.joints_2d)[:, 2] > 0).sum() >= _MIN_JOINTS)
    empty = True
    with ImageReader() as reader:
        for number, person in enumerate(counting):
            if number % step:
                continue
            empty = False
            image, keypoints = reader.read(person.picture), lsp_from_common(person.joints_2d)
            crop_boxes = [place(keypoints) for place in _CROP_BOXES.values()]
            for estimator in estimators:
                estimates = estimator.estimate(image, crop_boxes)
                for geometry, crop_box, estimate in zip(
                    _CROP_BOXES, crop_boxes, estimates, strict=True
                ):
                    collected[estimator.name, geometry].add(estimate, person, crop_box)
    if empty:
        raise AssetError("Nobody in these shards has enough labelled joints; give other shards.")
    return [
        ResultRow("Labelled people", data_set, split, geometry, name, pairs.figures())
        for (name, geometry), pairs in collected.items()
    ]


def _limbs_3d(person: LabelledPerson, crop_box: CropBox) -> Array | None:
    """Limb joints ``(12, 3)``, metres, camera frame of the crop; None unless all are labelled."""
    if person.joints_3d is None:
        return None
    limbs = lsp_from_common(person.joints_3d)[list(LSP_LIMBS)].astype(np.float64)
    if not (limbs[:, 3] > 0).all():
        return None
    return rotate_to_crop(crop_matrix(crop_box), limbs[:, :3])
