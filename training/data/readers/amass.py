"""AMASS (Mahmood et al., ICCV 2019): one ``.npz`` a sequence, body model SMPL+H.

Used are ``poses`` (T x 156: 22 body joints, then 30 finger joints), ``trans`` (T x 3), ``betas``
(16 numbers, the first 10 of which are SMPL's), ``gender`` and ``mocap_framerate``
(``mocap_frame_rate`` in the SMPL-X files, whose ``poses`` are T x 165).  The world has z up and is
turned here so that y is up.  SMPL's two hand joints have no counterpart in SMPL+H and stay at
rest.
"""

from __future__ import annotations

import zipfile
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from engine.body import BodyModel
from engine.errors import AssetError
from engine.rotations import axis_angle_from_matrix, matrix_from_axis_angle
from training.data.readers.motion import Array, Motion

_BODY_JOINTS: Final = 22
#: World with z up -> world with y up.
_UPRIGHT: Final = np.array([[1.0, 0.0, 0.0], [0.0, 0.0, 1.0], [0.0, -1.0, 0.0]])
_RATES: Final = ("mocap_framerate", "mocap_frame_rate")


def read_amass(path: Path | str, *, rest_pelvis: Array | None = None) -> Motion:
    """One sequence.

    Parameters
    ----------
    path
        The ``.npz``; ``shape.npz`` files hold no motion and are refused.
    rest_pelvis
        ``(3,)`` rest pelvis of the subject's body, about which the world's turn moves the body;
        the open body's is near enough for all but the subject's height above the floor.

    Raises
    ------
    AssetError
        When the file is missing, damaged or holds no motion.
    """
    path = Path(path)
    arrays = _load(path)
    rate = next((arrays[name] for name in _RATES if name in arrays), None)
    if rate is None or "poses" not in arrays or "trans" not in arrays:
        raise AssetError(f"{path} holds no motion of AMASS; leave it out.")
    poses, trans = arrays["poses"], arrays["trans"]
    if poses.ndim != 2 or poses.shape[1] < 66 or trans.shape != (len(poses), 3):
        raise AssetError(f"{path} has not 22 body joints and a translation a frame; copy it again.")
    if rest_pelvis is None:
        rest_pelvis = BodyModel.default().rest_joints(np.zeros(10, np.float32))[0]
    theta = np.zeros((len(poses), 24, 3), np.float32)
    theta[:, :_BODY_JOINTS] = poses[:, :66].reshape(-1, _BODY_JOINTS, 3)
    root = _UPRIGHT @ matrix_from_axis_angle(poses[:, :3].astype(np.float64))
    theta[:, 0] = axis_angle_from_matrix(root)
    transl = (trans + rest_pelvis) @ _UPRIGHT.T - rest_pelvis
    betas = arrays.get("betas")
    return Motion(
        name="/".join(path.with_suffix("").parts[-3:]),
        poses=theta,
        transl=transl.astype(np.float32),
        fps=float(rate),
        betas=None if betas is None else betas[:10].astype(np.float32),
        body=f"smpl_{_gender(arrays)}",
    )


def _load(path: Path) -> dict[str, NDArray[Any]]:
    try:
        with np.load(path, allow_pickle=False) as file:
            wanted = {"poses", "trans", "betas", "gender", *_RATES} & set(file.files)
            return {name: file[name] for name in wanted}
    except FileNotFoundError as error:
        raise AssetError(f"There is no {path}; check the path.") from error
    except (OSError, ValueError, zipfile.BadZipFile, EOFError, AttributeError) as error:
        raise AssetError(f"{path} is no .npz file of AMASS; copy it again.") from error


def _gender(arrays: dict[str, NDArray[Any]]) -> str:
    value = arrays["gender"].item() if "gender" in arrays else "neutral"
    text = value.decode("ascii", "replace") if isinstance(value, bytes) else str(value)
    return text if text in ("male", "female") else "neutral"
