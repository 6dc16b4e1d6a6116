"""Motion capture retargeted to the rest pose of a body.

Captured rotations are relative to a flat T-pose with straight legs; an SMPL body rests with its
arms a little lower and its legs a little apart.  Discriminators, joint limits and the mean pose of
the regressor need rotations relative to the rest pose of the body.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from hmr_live.body.model import BodyModel
from hmr_live.body.rotations import axis_angle_from_matrix, matrix_from_axis_angle
from hmr_live_training.data.everyday import everyday_frames
from hmr_live_training.data.mocap import load_poses
from hmr_live_training.synthetic.poses.everyday_legs import everyday_legs
from hmr_live_training.synthetic.poses.sampler import flat_tpose_offsets, onto_body

Array = NDArray[np.floating[Any]]

#: People who stand or sit under captured arms, for each captured frame.
_ADDED: Final = 0.25


def load_body_poses(
    data: Path, body: Path, *, held_out: bool = False, everyday: bool = False
) -> Array:
    """Frames of the training (or held-out) sequences on a body, ``(F, 24, 3)`` axis-angle.

    Parameters
    ----------
    data, body
        Training data, and the body's file.
    held_out
        The held-out sequences instead of the training ones.
    everyday
        Draw frames so that everyday postures have their share
        (:mod:`hmr_live_training.data.everyday`), and add people who stand or sit while their arms
        do anything.
    """
    poses = load_poses(data, held_out=held_out)
    if everyday:
        poses = everyday_frames(poses)
    rotmats = matrix_from_axis_angle(poses)
    turned = onto_body(rotmats, flat_tpose_offsets(BodyModel.load(body)))
    if everyday:
        rng = np.random.default_rng(0)
        added = turned[:: round(1 / _ADDED)]
        turned = np.concatenate([turned, [everyday_legs(rng, pose) for pose in added]])
    return axis_angle_from_matrix(turned).astype(np.float32)
