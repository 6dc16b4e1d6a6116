"""Estimators: everything that recovers people from crops, behind one interface.

An estimator gets an image and crop boxes and cuts the crops as the engine does, so all of them
see the very same pixels.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final, Protocol

import numpy as np
from numpy.typing import NDArray

from hmr_live.body.model import BodyModel
from hmr_live.core.errors import AssetError
from hmr_live.core.state import CropBox, Image
from hmr_live.recovery.crop import apply_affine, apply_homography, frame_from_crop
from hmr_live.recovery.crop_camera import CropCamera
from hmr_live.recovery.detector import PersonDetector
from hmr_live.recovery.frame_camera import default_focal_length
from hmr_live.recovery.network import HmrNetwork, NetworkOutput
from hmr_live.recovery.pipeline import Pipeline
from hmr_live_training.keypoint_regressors import KEYPOINT_REGRESSORS, read_regressors
from hmr_live_training.landmarks import (
    BODY_LANDMARKS,
    LSP_LIMBS,
    LSP_LIMBS_IN_SMPL,
    NUM_BLAZEPOSE,
)
from hmr_live_training.synthetic.labels import LandmarkReader
from hmr_live_training.synthetic.surface import BodySurface

Array = NDArray[np.floating[Any]]

_LIMBS: Final = list(LSP_LIMBS_IN_SMPL)
#: LSP's joints follow BlazePose's points among the landmarks.
_CLICKED: Final = [NUM_BLAZEPOSE + k for k in LSP_LIMBS]
_VERTEX_NAMES: Final = {
    landmark.vertex
    for landmark in BODY_LANDMARKS
    if landmark.vertex and landmark.vertex != "head_top"
}


@dataclass(frozen=True)
class Estimate:
    """The estimate of one crop.

    Attributes
    ----------
    joints_2d
        ``(12, 2)`` LSP's limb joints in [-1, 1] across the crop, x right, y down.
    joints_3d
        ``(12, 3)`` the same in metres, axes of the crop's camera (x right, y down, z forward);
        the origin is arbitrary.
    points_2d
        ``(27, 2)`` the BlazePose points of :data:`.BODY_LANDMARKS` like ``joints_2d``; NaN when
        the body does not name the vertices.
    score
        Probability that the crop shows a person.
    confidence
        ``(12,)`` probability that each limb joint is where ``joints_2d`` says.
    output
        SMPL parameters; None for an estimator without a body.
    clicks_2d
        ``(12, 2)`` like ``joints_2d``, but where LSP's annotators click, regressed from the mesh;
        None without a body that there are regressors for.
    """

    joints_2d: Array
    joints_3d: Array
    points_2d: Array
    score: float
    confidence: Array
    output: NetworkOutput | None = None
    clicks_2d: Array | None = None


class Estimator(Protocol):
    """Images and crop boxes in, estimates out."""

    @property
    def name(self) -> str:
        """Name in the tables."""
        ...

    def estimate(
        self, image: Image, crop_boxes: Sequence[CropBox], focal_length: float | None = None
    ) -> list[Estimate]:
        """One estimate for each crop box.

        Parameters
        ----------
        image
            ``(H, W, 3)`` BGR.
        crop_boxes
            Where the people are.
        focal_length
            Of the camera, pixels; from a 60 degree field of view when None.
        """
        ...


class BodyReader:
    """Computes joints and surface points from SMPL parameters.

    Parameters
    ----------
    body
        Model that the network was trained with.
    """

    def __init__(self, body: BodyModel) -> None:
        self.body = body
        named = set(body.vertex_ids) >= _VERTEX_NAMES
        self._landmarks = LandmarkReader(BodySurface(body)) if named else None
        regressors = read_regressors(KEYPOINT_REGRESSORS)
        fits = named and regressors.shape[1] == body.num_vertices
        self._clicks = regressors[_CLICKED] if fits else None

    def __call__(self, output: NetworkOutput) -> Estimate:
        """Pose the body and project it with the camera of the crop."""
        mesh = self.body.forward(output.rotmats, output.betas)
        points = np.full((NUM_BLAZEPOSE, 2), np.nan)
        if self._landmarks is not None:
            points = output.in_crop(self._landmarks(mesh.joints, mesh.vertices))[:NUM_BLAZEPOSE]
        clicks = None
        if self._clicks is not None:
            clicks = output.in_crop(self._clicks @ mesh.vertices)
        return Estimate(
            joints_2d=output.in_crop(mesh.joints[_LIMBS]),
            joints_3d=mesh.joints[_LIMBS],
            points_2d=points,
            score=output.score,
            confidence=output.confidence[_LIMBS],
            output=output,
            clicks_2d=clicks,
        )


def _cut_out(
    estimate: Estimate, crop_box: CropBox, size: tuple[int, int], focal_length: float | None
) -> Estimate:
    """The estimate with its 2D points in the plain cut-out of the frame, as labels are."""
    if estimate.output is None or math.isinf(estimate.output.focal):
        return estimate
    camera = CropCamera.of(crop_box, size, focal_length or default_focal_length(size))
    mapping = camera.frame_from_crop(2, size)
    return with_points_2d(
        estimate, lambda points: to_crop(apply_homography(mapping, points + 1), crop_box)
    )


def with_points_2d(estimate: Estimate, moved: Callable[[Array], Array]) -> Estimate:
    """The estimate with all its 2D points moved."""
    clicks = estimate.clicks_2d
    return replace(
        estimate,
        joints_2d=moved(estimate.joints_2d),
        points_2d=moved(estimate.points_2d),
        clicks_2d=None if clicks is None else moved(clicks),
    )


class NetworkEstimator:
    """An exported HMR network as the live pipeline runs it.

    Parameters
    ----------
    name
        Name in the tables.
    network
        Loaded through the engine.
    reader
        Has the body that the network was trained with.
    """

    def __init__(self, name: str, network: HmrNetwork, reader: BodyReader) -> None:
        self.name = name
        self.network = network
        self.reader = reader

    def estimate(
        self, image: Image, crop_boxes: Sequence[CropBox], focal_length: float | None = None
    ) -> list[Estimate]:
        """See :meth:`Estimator.estimate`.

        Raises
        ------
        AssetError
            When an output of the network is NaN or infinite.
        """
        outputs = self.network.run(image, crop_boxes, focal_length)
        if not all(output.is_finite for output in outputs):
            raise AssetError(
                f"An output of {self.name} is NaN or infinite; export the network again in float32."
            )
        size = (image.shape[1], image.shape[0])
        return [
            _cut_out(self.reader(output), crop_box, size, focal_length)
            for output, crop_box in zip(outputs, crop_boxes, strict=True)
        ]


def live_pipelines(
    estimators: Sequence[Estimator], detector: PersonDetector
) -> dict[str, Pipeline]:
    """The live pipeline around every network, by name of the estimator; without smoothing."""
    return {
        e.name: Pipeline(detector, e.network, e.reader.body, smoothing=False)
        for e in estimators
        if isinstance(e, NetworkEstimator)
    }


def to_frame(points: Array, crop_box: CropBox) -> Array:
    """Points ``(..., 2)`` in [-1, 1] across the crop -> frame pixels."""
    return apply_affine(frame_from_crop(crop_box, 2), points + 1)


def to_crop(points: Array, crop_box: CropBox) -> Array:
    """Frame pixels ``(..., 2)`` -> [-1, 1] across the crop; inverse of :func:`to_frame`."""
    cos, sin = math.cos(crop_box.angle), math.sin(crop_box.angle)
    turned = (points - (crop_box.cx, crop_box.cy)) @ np.array([[cos, -sin], [sin, cos]])
    return np.asarray(turned * (2 / crop_box.side))
