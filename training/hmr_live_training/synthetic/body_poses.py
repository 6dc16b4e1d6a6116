"""Motion capture as poses of the body in use.

Captured rotations count from a flat T-pose with straight legs; an SMPL-like body rests with arms
a little lower and legs a little apart.  What the discriminators see, what the limits are taken
from and where the regressor starts has to be the body's own rotations.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hmr_live.body.model import BodyModel
from hmr_live.body.rotations import axis_angle_from_matrix, matrix_from_axis_angle
from hmr_live_training.data.mocap import load_poses
from hmr_live_training.synthetic.poses import flat_tpose_offsets, onto_body

Array = NDArray[np.floating[Any]]


def load_body_poses(data: Path, body: Path, *, held_out: bool = False) -> Array:
    """Frames of the training (or held-out) sequences on a body, ``(F, 24, 3)`` axis-angle."""
    rotmats = matrix_from_axis_angle(load_poses(data, held_out=held_out))
    turned = onto_body(rotmats, flat_tpose_offsets(BodyModel.load(body)))
    return axis_angle_from_matrix(turned).astype(np.float32)
