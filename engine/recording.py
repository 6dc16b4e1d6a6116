"""Record the SMPL stream of one person to an AMASS-style ``.npz``.

While a recording runs, every frame goes at once to a journal beside the final file: one header
line of JSON, then records of a fixed size.  A crash, a kill or a full disk therefore loses at
most the frame that was being written; :func:`recover_recording` turns a left-over journal into
the ``.npz``.
"""

from __future__ import annotations

import json
import os
import threading
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from engine.angles import ANGLES
from engine.body import BodyModel
from engine.errors import RecordingError
from engine.rotations import axis_angle_from_matrix, matrix_from_axis_angle
from engine.skeleton import JOINT_NAMES, NUM_BETAS, NUM_JOINTS
from engine.state import Array, BodyState, FrameResult

JOURNAL_SUFFIX: Final = ".part"
_MAGIC: Final = "hmr-live-journal-1"
_HEADER_BYTES: Final = 4096
#: The journal reaches the disk (fsync) at most this many seconds after a frame.
_SYNC_EVERY_S: Final = 1.0

#: AMASS is z-up; this takes the camera frame (x right, y down, z forward) there.
WORLD_FROM_CAMERA: Final = np.array([[1, 0, 0], [0, 0, 1], [0, -1, 0]], np.float32)

_RECORD: Final = np.dtype(
    [
        ("time", "<f8"),
        ("frame_index", "<i8"),
        ("pose", "<f4", (NUM_JOINTS, 3)),
        ("betas", "<f4", (NUM_BETAS,)),
        ("transl", "<f4", (3,)),
        ("focal_length", "<f4"),
        ("camera", "<f4", (3,)),
        ("region", "<f4", (4,)),
        ("joints", "<f4", (NUM_JOINTS, 3)),
        ("confidence", "<f4", (NUM_JOINTS,)),
        ("score", "<f4"),
        ("angles", "<f4", (len(ANGLES),)),
    ]
)


class Recorder:
    """Writes the first body of every result; frames without a body are not written.

    Any thread may call it.

    Parameters
    ----------
    path
        The ``.npz`` to be; it must not exist yet.
    body
        The body model of the stream (its rest pelvis enters AMASS's translation).
    details
        Anything worth keeping: source, network, frame size.

    Raises
    ------
    RecordingError
        If the place cannot be written to or the file exists.
    """

    def __init__(
        self, path: Path, body: BodyModel, details: Mapping[str, Any] | None = None
    ) -> None:
        self.path = path
        self.frames = 0
        self._lock = threading.Lock()
        self._failure: RecordingError | None = None
        self._synced = 0.0
        if path.exists():
            raise RecordingError(f"{path} exists already: choose another name.")
        header = {
            "magic": _MAGIC,
            "started_unix": time.time(),
            "started_monotonic": time.monotonic(),
            "body": body.name,
            "body_sha256": body.sha256,
            "rest_pelvis": body.rest_joints(np.zeros(NUM_BETAS, np.float32))[0].tolist(),
            **(details or {}),
        }
        line = (json.dumps(header) + "\n").encode()
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._journal = _journal_of(path).open("xb", buffering=0)
            self._journal.write(line.ljust(_HEADER_BYTES))
        except OSError as error:
            raise RecordingError(
                f"Nothing can be recorded to {path} ({error.strerror}): choose another folder."
            ) from error

    def add(self, result: FrameResult) -> None:
        """Write the frame's first body, if it has one.

        Raises
        ------
        RecordingError
            Once, when the disk refuses; what was written before stays and can be closed.
        """
        if not result.bodies:
            return
        record = _record(result.bodies[0], result.frame.time, result.frame.index)
        with self._lock:
            if self._failure is not None:
                return
            try:
                data = record.tobytes()
                if self._journal.write(data) != len(data):
                    raise OSError(28, "no space left")
                self.frames += 1
                if time.monotonic() - self._synced > _SYNC_EVERY_S:
                    os.fsync(self._journal.fileno())
                    self._synced = time.monotonic()
            except (OSError, ValueError) as error:
                self._failure = RecordingError(
                    f"The recording {self.path.name} had to stop ({error}): make room on the "
                    f"disk; its {self.frames} frames are kept."
                )
                raise self._failure from error

    def close(self) -> Path:
        """Finish: turn the journal into the ``.npz`` and return its path.

        Raises
        ------
        RecordingError
            If nothing was recorded, or the ``.npz`` cannot be written (the journal then stays).
        """
        with self._lock:
            self._journal.close()
        return recover_recording(_journal_of(self.path))


def recover_recording(journal: Path) -> Path:
    """Turn a journal into the ``.npz`` it stands for; the journal is removed afterwards.

    Raises
    ------
    RecordingError
        If it is no journal, holds no frame, or the ``.npz`` cannot be written.
    """
    header, records = _read_journal(journal)
    target = journal.with_name(journal.name.removesuffix(JOURNAL_SUFFIX))
    if target.exists():
        raise RecordingError(f"{target} exists already: move it away, then try again.")
    if not len(records):
        journal.unlink(missing_ok=True)
        raise RecordingError("Nobody was in sight while recording, so there is nothing to save.")
    temporary = journal.with_name(journal.name + ".npz")
    try:
        with temporary.open("wb") as file:
            np.savez_compressed(file, **_amass(header, records))
        temporary.replace(target)
    except OSError as error:
        temporary.unlink(missing_ok=True)
        raise RecordingError(
            f"{target} cannot be written ({error.strerror}): its {len(records)} frames are safe "
            f"in {journal.name}; make room and run hmr-live recover on it."
        ) from error
    journal.unlink(missing_ok=True)
    return target


def load_recording(path: Path) -> dict[str, NDArray[Any]]:
    """Read a recording back; the keys are those of AMASS plus ours (see :func:`_amass`).

    Raises
    ------
    RecordingError
        If the file is missing, truncated or something else.
    """
    try:
        # Opened here, so that it is closed again even when it turns out to be no archive.
        with path.open("rb") as file, np.load(file, allow_pickle=False) as archive:
            content = {key: archive[key] for key in archive.files}
    except FileNotFoundError as error:
        raise RecordingError(f"There is no recording {path}: check the path.") from error
    except Exception as error:  # zip, numpy and OS errors, by the way in which it is damaged
        raise RecordingError(
            f"{path.name} cannot be read ({error}): it is damaged or not a recording."
        ) from error
    if "poses" not in content or "trans" not in content:
        raise RecordingError(f"{path.name} is not a recording: it holds no poses.")
    return content


def _amass(header: dict[str, Any], records: NDArray[Any]) -> dict[str, Any]:
    """Arrays of the ``.npz``: AMASS's keys first, then what only we know."""
    rotations = records["pose"].astype(np.float32)
    rest_pelvis = np.asarray(header["rest_pelvis"], np.float32)
    poses = np.zeros((len(records), 156), np.float32)  # SMPL-H: 22 body joints, 30 finger joints
    poses[:, :66] = rotations[:, :22].reshape(len(records), 66)
    poses[:, :3] = _world_orient(rotations[:, 0])
    # The body turns about its pelvis, so only the pelvis moves as a point does.
    trans = (records["transl"] + rest_pelvis) @ WORLD_FROM_CAMERA.T - rest_pelvis
    times = records["time"] - records["time"][0]
    steps = np.diff(times)
    rate = 1 / np.median(steps) if len(steps) and np.median(steps) > 0 else 30.0
    return {
        "poses": poses,
        "trans": trans.astype(np.float32),
        "betas": np.median(records["betas"], axis=0).astype(np.float32),
        "gender": np.array("neutral"),
        "mocap_framerate": np.array(rate, np.float32),
        "dmpls": np.zeros((len(records), 8), np.float32),
        "times": times,
        "smpl_poses_camera": rotations,
        "transl_camera": records["transl"],
        "betas_by_frame": records["betas"],
        "world_from_camera": WORLD_FROM_CAMERA,
        "joints_camera": records["joints"],
        "joint_names": np.array(JOINT_NAMES),
        "confidence": records["confidence"],
        "score": records["score"],
        "focal_length": records["focal_length"],
        "weak_perspective_camera": records["camera"],
        "crop_region": records["region"],
        "frame_index": records["frame_index"],
        "angles_deg": records["angles"],
        "angle_names": np.array([angle.name for angle in ANGLES]),
        "details": np.array(json.dumps(header)),
    }


def _world_orient(orient: Array) -> Array:
    return axis_angle_from_matrix(WORLD_FROM_CAMERA @ matrix_from_axis_angle(orient))


def _record(body: BodyState, moment: float, frame_index: int) -> NDArray[Any]:
    record = np.zeros((), _RECORD)
    region = body.region
    values = {
        "time": moment,
        "frame_index": frame_index,
        "pose": axis_angle_from_matrix(body.rotmats),
        "betas": body.betas,
        "transl": body.transl,
        "focal_length": body.focal_length,
        "camera": body.camera,
        "region": (region.cx, region.cy, region.side, region.angle),
        "joints": body.joints,
        "confidence": body.confidence,
        "score": body.score,
        "angles": body.angles,
    }
    for name, value in values.items():
        record[name] = value
    return record


def _journal_of(path: Path) -> Path:
    return path.with_name(path.name + JOURNAL_SUFFIX)


def _read_journal(journal: Path) -> tuple[dict[str, Any], NDArray[Any]]:
    try:
        data = journal.read_bytes()
        header = json.loads(data[:_HEADER_BYTES])
        if header.get("magic") != _MAGIC:
            raise ValueError("another kind of file")
    except FileNotFoundError as error:
        raise RecordingError(f"There is no file {journal}: check the path.") from error
    except (OSError, ValueError, AttributeError) as error:
        raise RecordingError(
            f"{journal.name} is not the journal of an hmr-live recording ({error})."
        ) from error
    whole = (len(data) - _HEADER_BYTES) // _RECORD.itemsize  # the last record may be cut off
    records = np.frombuffer(data, _RECORD, count=max(whole, 0), offset=_HEADER_BYTES)
    return header, records
