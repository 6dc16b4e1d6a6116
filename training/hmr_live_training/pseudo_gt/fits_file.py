"""The file of pseudo ground truth: SMPL parameters fitted to the photos of a split.

``python -m hmr_live_training.pseudo_gt`` writes it.  Row k belongs to photo k of the split; a photo
whose fit was rejected has weight 0.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hmr_live.body.rotations import axis_angle_from_matrix, matrix_from_6d
from hmr_live.core.errors import AssetError
from hmr_live_training.data.lspet import Photos

Array = NDArray[np.floating[Any]]

#: Turns the frame of a level camera (y down) into a world with y up.
_LEVEL = np.diag([1.0, -1.0, -1.0]).astype(np.float32)


@dataclass(frozen=True)
class Fits:
    """Fits of one split, photo by photo, float32.

    Attributes
    ----------
    names
        ``(N,)`` file names of the photos.
    pose
        ``(N, 24, 6)`` relative rotations in 6-D (:func:`hmr_live.body.rotations.matrix_from_6d`);
        joint 0 turns the body into the photo's camera frame (x right, y down, z forward).
    betas
        ``(N, 10)`` of the body that was fitted.
    camera
        ``(N, 3)`` weak perspective of the photo as (scale, u, v): pixels per metre, and the pixel
        of the pelvis (joint 0).  ``x = scale * (X - X_pelvis)_xy + (u, v)``.
    pelvis
        ``(N, 3)`` metres: where joint 0 rests (see :mod:`hmr_live.body.skeleton`).
    weight
        ``(N,)`` in [0, 1]: confidence in the fit; 0 for a rejected one.
    joint_weight
        ``(N, 24)`` in [0, 1]: confidence in the rotation of each joint, ``weight`` included.
    residual
        ``(N,)`` mean distance to the joints of the photo, in torso lengths of the fitted body.
    beyond_limits
        ``(N,)`` radians beyond the joint limits, summed over joints.
    prior
        ``(N,)`` energy of the pose prior.
    depth
        ``(N,)`` metres: mean distance to the teacher's 3D points, weighted by their confidence.
    support
        ``(N,)`` in [0, 1]: share of the limb joints with a confident 3D point.
    correction
        ``(L, 3)`` metres: learned offsets of :data:`hmr_live_training.landmarks.BODY_LANDMARKS`.
    """

    names: NDArray[np.str_]
    pose: Array
    betas: Array
    camera: Array
    pelvis: Array
    weight: Array
    joint_weight: Array
    residual: Array
    beyond_limits: Array
    prior: Array
    depth: Array
    support: Array
    correction: Array

    def __len__(self) -> int:
        return len(self.names)

    @property
    def kept(self) -> NDArray[np.bool_]:
        """``(N,)`` which fits were not rejected."""
        return np.asarray(self.weight > 0)

    @property
    def rotmats(self) -> Array:
        """``(N, 24, 3, 3)`` the pose as rotation matrices."""
        return matrix_from_6d(self.pose)


def world_poses(fits: Fits) -> Array:
    """Axis-angle poses ``(K, 24, 3)`` of the kept fits in a world with y up.

    The cameras are taken to be level.  The photos' order is kept, so that photos of one scene
    stay together.
    """
    rotmats = fits.rotmats[fits.kept]
    rotmats[:, 0] = _LEVEL @ rotmats[:, 0]
    return np.asarray(axis_angle_from_matrix(rotmats), np.float32)


def save_arrays(path: Path, **arrays: NDArray[Any]) -> None:
    """Write an ``.npz``; the file appears only when it is complete."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_suffix(".part")
    with temporary.open("wb") as file:
        np.savez(file, **arrays)  # type: ignore[arg-type]  # names are no flags
    temporary.replace(path)


def save_fits(path: Path, fits: Fits) -> None:
    """Write the fits of a split."""
    save_arrays(path, **{field.name: getattr(fits, field.name) for field in fields(Fits)})


def load_fits(path: Path, photos: Photos) -> Fits:
    """Read the fits of a split.

    Raises
    ------
    AssetError
        When the file is missing or is no file of fits, or when the fits are of other photos.
    """
    if not path.exists():
        raise AssetError(
            f"There is no {path.name} in {path.parent}; run hmr_live_training.pseudo_gt first."
        )
    try:
        with np.load(path) as file:
            fits = Fits(*(file[field.name] for field in fields(Fits)))
    except (OSError, KeyError, ValueError) as error:
        raise AssetError(
            f"{path} holds no fits; delete it and run hmr_live_training.pseudo_gt."
        ) from error
    if not np.array_equal(fits.names, photos.names):
        raise AssetError(
            f"The fits in {path} are not of the {photos.split} photos; run "
            "hmr_live_training.pseudo_gt again."
        )
    return fits
