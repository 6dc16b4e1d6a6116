"""BlazePose as published, the baseline, on the same crops as our networks.

Landmarks are refined with the heat maps, as in BlazePose's own pipeline.  Source: Bazarevsky et
al., "BlazePose: on-device real-time body pose tracking", CVPR workshops 2020.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Final

import numpy as np
import onnxruntime

from hmr_live.core.state import CropBox, Image
from hmr_live.recovery.crop import crop_image
from hmr_live_training.data.crops import CROP_SIZE
from hmr_live_training.data.teacher import run_landmarks
from hmr_live_training.evaluation.estimators import Array, Estimate
from hmr_live_training.landmarks import BLAZEPOSE_POINTS, LSP_LIMBS_IN_BLAZEPOSE
from hmr_live_training.sampling.features import open_network

KINDS: Final = ("lite", "full", "heavy")
_LIMBS: Final = list(LSP_LIMBS_IN_BLAZEPOSE)


class BlazePoseEstimator:
    """One of BlazePose's three landmark networks.

    Parameters
    ----------
    kind
        "lite", "full" or "heavy"; part of the name in the tables.
    session
        Network with outputs ``landmarks``, ``world``, ``flag`` and ``heatmap``.
    refine
        Whether to move points to the centres of mass of their heat maps.
    """

    def __init__(
        self, kind: str, session: onnxruntime.InferenceSession, *, refine: bool = True
    ) -> None:
        self.name = f"BlazePose {kind}"
        self._session = session
        self._refine = refine

    @classmethod
    def open(cls, encoders: Path, cache: Path, kind: str, threads: int = 1) -> BlazePoseEstimator:
        """Read ``pose_landmark_<kind>.tflite``; its ONNX form is kept in ``cache``.

        Raises
        ------
        AssetError
            When the file is missing or is not the published one.
        """
        # Only the conversion to ONNX needs torch.
        from hmr_live_training.sampling.prepare import landmark_file

        return cls(kind, open_network(landmark_file(encoders, cache, kind), threads))

    def estimate(
        self, image: Image, crop_boxes: Sequence[CropBox], focal_length: float | None = None
    ) -> list[Estimate]:
        """See :meth:`.Estimator.estimate`; BlazePose knows no focal length."""
        return [self._one(crop_image(image, crop_box, CROP_SIZE)) for crop_box in crop_boxes]

    def _one(self, crop: Image) -> Estimate:
        points, visibility, world, flag = run_landmarks(self._session, crop, refine=self._refine)
        places: Array = np.asarray(points * (2 / CROP_SIZE) - 1)
        return Estimate(
            joints_2d=places[_LIMBS],
            joints_3d=world[_LIMBS],
            points_2d=places[list(BLAZEPOSE_POINTS)],
            score=flag,
            confidence=visibility[_LIMBS],
        )
