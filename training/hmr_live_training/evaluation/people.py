"""Labelled people of any reader: PCK, and in 3D MPJPE and PA-MPJPE.

Regions follow from the labelled joints.  SMPL's twelve limb joints are compared as they are: no
joint regressor of a data set is used, so figures of papers that use one (3DPW's and Human3.6M's 14
joints) are not the same figures.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from hmr_live.core.errors import AssetError
from hmr_live.core.state import CropBox, Image
from hmr_live_training.data.crops import (
    crop_box_from_bounds,
    crop_box_from_lsp,
    crop_matrix,
    rotate_to_crop,
)
from hmr_live_training.data.readers.joint_sets import lsp_from_common
from hmr_live_training.data.readers.person import LabelledPerson, PictureReader
from hmr_live_training.evaluation.estimators import Estimate, to_crop
from hmr_live_training.evaluation.metrics import (
    hip_centred,
    pck_hits,
    point_errors,
    procrustes_aligned,
    swapped,
)
from hmr_live_training.evaluation.statistics import Figure, mean, percent
from hmr_live_training.landmarks import LSP_LIMBS

Array = NDArray[np.floating[Any]]
#: A picture and regions in it to one estimate a region.
Look = Callable[[Image, Sequence[CropBox]], list[Estimate]]

#: How a region follows from LSP joints ``(14, 3)``.
RULES: Final[dict[str, Callable[[Array], CropBox]]] = {
    "upright": crop_box_from_lsp,
    "box": crop_box_from_bounds,
}
_MIN_JOINTS: Final = 4


@dataclass
class _Collected:
    """Joints of one estimator under one rule."""

    flat: list[Array] = field(default_factory=list)
    flat_labels: list[Array] = field(default_factory=list)
    deep: list[Array] = field(default_factory=list)
    deep_labels: list[Array] = field(default_factory=list)

    def add(self, estimate: Estimate, person: LabelledPerson, crop_box: CropBox) -> None:
        keypoints = lsp_from_common(person.joints_2d)
        places = to_crop(keypoints[:, :2].astype(np.float64), crop_box)
        self.flat.append(estimate.joints_2d)
        self.flat_labels.append(np.column_stack([places, keypoints[:, 2]]))
        limbs = _limbs_3d(person, crop_box)
        if limbs is not None:
            self.deep.append(estimate.joints_3d)
            self.deep_labels.append(limbs)

    def figures(self) -> dict[str, Figure | None]:
        found, labels = np.stack(self.flat), np.stack(self.flat_labels)
        figures = {
            "PCK12@0.2": percent(*pck_hits(found, labels)),
            "swapped": percent(*swapped(found, labels)),
        }
        if not self.deep:
            return figures | {"MPJPE": None, "PA-MPJPE": None}
        deep, true = (hip_centred(np.stack(x)) for x in (self.deep, self.deep_labels))
        return figures | {
            "MPJPE": mean(point_errors(deep, true), "mm"),
            "PA-MPJPE": mean(point_errors(procrustes_aligned(deep, true), true), "mm"),
        }


def measure_people(
    people: Iterable[LabelledPerson],
    looks: Mapping[str, Look],
    rules: Sequence[str] = tuple(RULES),
    *,
    step: int = 1,
) -> dict[tuple[str, str], dict[str, Figure | None]]:
    """Figures by estimator and rule.

    Parameters
    ----------
    people
        Those with fewer than four labelled LSP joints do not count; in 3D those whose twelve limb
        joints are all labelled count.
    looks
        Estimators by name.
    rules
        Names of :data:`RULES`.
    step
        Take every ``step``-th person.

    Raises
    ------
    AssetError
        When nobody counts.
    """
    collected = {(name, rule): _Collected() for name in looks for rule in rules}
    counting = (p for p in people if (lsp_from_common(p.joints_2d)[:, 2] > 0).sum() >= _MIN_JOINTS)
    anybody = False
    with PictureReader() as reader:
        for number, person in enumerate(counting):
            if number % step:
                continue
            anybody = True
            image, keypoints = reader.read(person.picture), lsp_from_common(person.joints_2d)
            crop_boxes = [RULES[rule](keypoints) for rule in rules]
            for name, look in looks.items():
                estimates = look(image, crop_boxes)
                for rule, crop_box, estimate in zip(rules, crop_boxes, estimates, strict=True):
                    collected[name, rule].add(estimate, person, crop_box)
    if not anybody:
        raise AssetError("Nobody in these shards has enough labelled joints; give other shards.")
    return {key: one.figures() for key, one in collected.items()}


def _limbs_3d(person: LabelledPerson, crop_box: CropBox) -> Array | None:
    """The twelve limb joints ``(12, 3)`` in the crop's camera frame, if all are labelled."""
    if person.joints_3d is None:
        return None
    limbs = lsp_from_common(person.joints_3d)[list(LSP_LIMBS)].astype(np.float64)
    if not (limbs[:, 3] > 0).all():
        return None
    return rotate_to_crop(crop_matrix(crop_box), limbs[:, :3])
