"""AMASS (Mahmood et al., ICCV 2019): one ``.npz`` a sequence, body model SMPL+H.

Used are ``poses`` (T x 156: 22 body joints, then 30 finger joints), ``trans`` (T x 3), ``betas``
(16 numbers, the first 10 of which are SMPL's), ``gender`` and ``mocap_framerate``
(``mocap_frame_rate`` in the SMPL-X files, whose ``poses`` are T x 165).  The world has z up and is
turned here so that y is up.  SMPL's two hand joints have no counterpart in SMPL+H and stay at
rest, unless the file is one of ours (see :mod:`hmr_live.export.amass`) or has SMPL's own 72
numbers; markers are in our files alone.
"""

from __future__ import annotations

import json
import zipfile
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from hmr_live.body.model import BodyModel
from hmr_live.body.rotations import axis_angle_from_matrix, matrix_from_axis_angle
from hmr_live.core.errors import AssetError
from hmr_live.imports.world_motion import Array, WorldMotion
from hmr_live.takes.take import Marker

_BODY_JOINTS: Final = 22
_SMPL_POSE: Final = 72
#: World with z up -> world with y up.
_UPRIGHT: Final = np.array([[1.0, 0.0, 0.0], [0.0, 0.0, 1.0], [0.0, -1.0, 0.0]])
_RATES: Final = ("mocap_framerate", "mocap_frame_rate")
_OURS: Final = ("hands", "seen", "marker_times", "marker_labels", "details")


def read_amass(
    path: Path | str, *, rest_pelvis: Array | None = None, body: BodyModel | None = None
) -> WorldMotion:
    """One sequence.

    Parameters
    ----------
    path
        The ``.npz``; ``shape.npz`` files hold no motion and are refused.
    rest_pelvis
        ``(3,)`` rest pelvis of the subject's body, about which the world's turn moves the body;
        by default that of ``body``.
    body
        A body model, by default the open one.  Its rest pelvis is near enough for all but the
        subject's height above the floor, and exact where the file was made with it.

    Raises
    ------
    AssetError
        When the file is missing, damaged or holds no motion.
    """
    path = Path(path)
    arrays = _load(path)
    rate = next((arrays[name] for name in _RATES if name in arrays), None)
    if rate is None or "poses" not in arrays or "trans" not in arrays:
        raise AssetError(f"{path} holds no AMASS motion: choose another file.")
    poses, trans = arrays["poses"], arrays["trans"]
    if poses.ndim != 2 or poses.shape[1] < 66 or trans.shape != (len(poses), 3):
        raise AssetError(
            f"{path} lacks 22 body joints and a translation for each frame: copy it again."
        )
    betas = _betas(arrays)
    made_with = _body_of(arrays)
    if rest_pelvis is None:
        body = body or BodyModel.default()
        shape = betas if made_with == body.sha256 else None
        rest_pelvis = body.rest_joints(np.zeros(10) if shape is None else shape)[0]
    root = _UPRIGHT @ matrix_from_axis_angle(poses[:, :3].astype(np.float64))
    theta = _theta(arrays)
    theta[:, 0] = axis_angle_from_matrix(root)
    transl = (trans + rest_pelvis) @ _UPRIGHT.T - rest_pelvis
    seen = arrays.get("seen")
    return WorldMotion(
        name="/".join(path.with_suffix("").parts[-3:]),
        poses=theta,
        transl=transl.astype(np.float32),
        fps=float(rate),
        betas=betas,
        body=made_with,
        seen=seen.astype(bool) if seen is not None and seen.shape == (len(poses),) else None,
        markers=_markers(arrays),
    )


def _load(path: Path) -> dict[str, NDArray[Any]]:
    try:
        with path.open("rb") as opened, np.load(opened, allow_pickle=False) as file:
            wanted = {"poses", "trans", "betas", "gender", *_RATES, *_OURS} & set(file.files)
            return {name: file[name] for name in wanted}
    except FileNotFoundError as error:
        raise AssetError(f"There is no {path}: check the path.") from error
    except (OSError, ValueError, zipfile.BadZipFile, EOFError, AttributeError, TypeError) as error:
        raise AssetError(f"{path} is not an AMASS .npz file: copy it again.") from error


def _theta(arrays: dict[str, NDArray[Any]]) -> Array:
    """SMPL's pose, ``(T, 24, 3)``, with the file's own root."""
    poses = arrays["poses"]
    theta = np.zeros((len(poses), 24, 3), np.float32)
    theta[:, :_BODY_JOINTS] = poses[:, :66].reshape(-1, _BODY_JOINTS, 3)
    hands = arrays.get("hands")
    if poses.shape[1] == _SMPL_POSE:
        theta[:, _BODY_JOINTS:] = poses[:, 66:].reshape(-1, 2, 3)
    elif hands is not None and hands.shape == (len(poses), 2, 3):
        theta[:, _BODY_JOINTS:] = hands
    return theta


def _betas(arrays: dict[str, NDArray[Any]]) -> Array | None:
    betas = arrays.get("betas")
    if betas is None or betas.ndim != 1 or len(betas) < 10:
        return None
    return betas[:10].astype(np.float32)


def _markers(arrays: dict[str, NDArray[Any]]) -> tuple[Marker, ...]:
    times, labels = arrays.get("marker_times"), arrays.get("marker_labels")
    if times is None or labels is None or times.ndim != 1 or times.shape != labels.shape:
        return ()
    if times.dtype.kind != "f" or not np.isfinite(times).all():
        return ()
    return tuple(
        Marker(time, str(label)) for time, label in zip(times.tolist(), labels, strict=True)
    )


def _body_of(arrays: dict[str, NDArray[Any]]) -> str:
    """Checksum of the body in our files, gender of SMPL's in all others."""
    try:
        return str(json.loads(str(arrays["details"]))["body"]["sha256"])
    except (KeyError, TypeError, ValueError):
        return f"smpl_{_gender(arrays)}"


def _gender(arrays: dict[str, NDArray[Any]]) -> str:
    value = arrays["gender"].item() if "gender" in arrays else "neutral"
    text = value.decode("ascii", "replace") if isinstance(value, bytes) else str(value)
    return text if text in ("male", "female") else "neutral"
