"""Keypoint regressors: what annotators click and other networks see, as weights of vertices.

:mod:`hmr_live_training.body_builder.keypoints` makes them.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from hmr_live.core.assets import ROOT
from hmr_live.core.errors import AssetError
from hmr_live_training.landmarks import BODY_LANDMARKS

Array = NDArray[np.floating[Any]]

#: Those of the open body's mesh.
KEYPOINT_REGRESSORS: Final = ROOT / "body" / "keypoint_regressors.npz"


def read_regressors(path: Path | str) -> Array:
    """``(L, V)`` weights of the vertices for each of :data:`.BODY_LANDMARKS`."""
    names = [landmark.name for landmark in BODY_LANDMARKS]
    try:
        with np.load(path) as file:
            place = {str(name): k for k, name in enumerate(file["names"])}
            matrix = np.zeros((len(place), int(file["vertices"])))
            matrix[file["landmark"], file["vertex"]] = file["weight"]
            return np.asarray(matrix[[place[name] for name in names]])
    except (OSError, KeyError, ValueError, IndexError) as error:
        raise AssetError(
            f"{path} holds no keypoint regressors of this version ({error!r}); make them with "
            "hmr_live_training.body_builder.keypoints."
        ) from error
