"""AMASS ``.npz`` (Mahmood et al. 2019): what smplx, aitviewer and the research code open.

``poses`` (T, 156) axis-angle of SMPL+H: 22 body joints, then 30 finger joints, which are at rest
(SMPL's two hand joints have no counterpart); ``trans`` (T, 3), ``betas`` (16: SMPL's 10, then
zeros), ``gender``, ``mocap_framerate``, ``dmpls`` (zeros).  Metres, z up, always.  Beside
them stands what only we know: ``seen`` and ``measured`` (T,), ``confidence`` (T, 24), ``hands``
(T, 2, 3), the axis-angle of SMPL's hand joints, ``joints`` (T, 24, 3) with ``joint_names``,
``angles_deg`` (T, A) with ``angle_names``, ``marker_times`` (M,), seconds since the first frame,
with ``marker_labels``, and ``details``, the take's own words as JSON.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Final

import numpy as np

from hmr_live.angles import ANGLES
from hmr_live.body.rotations import axis_angle_from_matrix
from hmr_live.body.skeleton import JOINT_NAMES
from hmr_live.export.clip import MotionClip

BODY_JOINTS: Final = 22
_SMPLH_POSE: Final = 156
_BETAS: Final = 16


def write_amass(clip: MotionClip, path: Path) -> None:
    """Write a clip whose world has z up.

    Raises
    ------
    OSError
        When the disk refuses.
    """
    frames = len(clip)
    pose = axis_angle_from_matrix(clip.rotmats).astype(np.float32)
    poses = np.zeros((frames, _SMPLH_POSE), np.float32)
    poses[:, : 3 * BODY_JOINTS] = pose[:, :BODY_JOINTS].reshape(frames, -1)
    betas = np.zeros(_BETAS, np.float32)
    betas[: len(clip.betas)] = clip.betas
    body = {"name": clip.body.name, "sha256": clip.body.sha256}
    with path.open("wb") as file:
        np.savez_compressed(
            file,
            poses=poses,
            trans=clip.transl.astype(np.float32),
            betas=betas,
            gender=np.array("neutral"),
            mocap_framerate=np.array(clip.rate),
            dmpls=np.zeros((frames, 8), np.float32),
            seen=clip.seen,
            measured=clip.measured,
            confidence=clip.confidence.astype(np.float32),
            hands=pose[:, BODY_JOINTS:],
            joints=clip.joints.astype(np.float32),
            joint_names=np.array(JOINT_NAMES),
            angles_deg=clip.angles.astype(np.float32),
            angle_names=np.array([angle.name for angle in ANGLES]),
            start_unix=np.array(clip.start_unix),
            marker_times=np.array([marker.time for marker in clip.markers], np.float64),
            marker_labels=np.array([marker.label for marker in clip.markers], np.str_),
            details=np.array(json.dumps({**clip.info, "body": body})),
        )
