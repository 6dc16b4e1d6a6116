"""Videos through the live pipeline: raw and smoothed joints of a person, and their jitter.

The tracker follows raw joints whether smoothing is on or off, so one pass gives all forms: the raw
bodies, the same bodies through the live filters, and through the zero-phase filters of files.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from hmr_live.batch.zero_phase import ZeroPhaseSmoother
from hmr_live.body.model import BodyModel
from hmr_live.body.skeleton import NUM_JOINTS
from hmr_live.capture.sources import VideoFile
from hmr_live.core.state import Frame, FrameResult
from hmr_live.recovery.detector import PersonDetector
from hmr_live.recovery.pipeline import Pipeline
from hmr_live.recovery.smoothing import BodySmoother
from hmr_live_training.evaluation.estimators import NetworkEstimator
from hmr_live_training.evaluation.metrics import hip_centred, jitter
from hmr_live_training.evaluation.progress import ProgressLog
from hmr_live_training.evaluation.report import ResultRow
from hmr_live_training.evaluation.statistics import percent, ratio
from hmr_live_training.landmarks import LSP_LIMBS_IN_SMPL

Array = NDArray[np.floating[Any]]

#: Frames in a block of the bootstrap; neighbouring frames are nearly equal.
_BLOCK: Final = 15
_LIMBS: Final = list(LSP_LIMBS_IN_SMPL)
#: Names of the forms: without filters, live filters, zero-phase filters.
FORMS: Final = ("raw", "smoothed", "ahead")


@dataclass(frozen=True)
class PersonTrack:
    """One person in T frames; NaN where nobody was found.

    Attributes
    ----------
    raw, smoothed, ahead
        ``(T, 12, 3)`` hip-centred limb joints in metres, camera frame: without filters, with the
        live filters (:mod:`hmr_live.recovery.smoothing`), and with the zero-phase filters of
        files (:mod:`hmr_live.batch.zero_phase`).
    rotmats
        ``(T, 24, 3, 3)`` by form: relative rotations, joint 0 into the camera frame.
    seen
        ``(T,)`` whether the person was found.
    """

    raw: Array
    smoothed: Array
    ahead: Array
    rotmats: Mapping[str, Array]
    seen: NDArray[np.bool_]


def follow(
    frames: Iterable[Frame],
    estimator: NetworkEstimator,
    detector: PersonDetector,
    focal_length: float | None = None,
) -> PersonTrack:
    """Run the live pipeline over frames in order and take the first person of each."""
    body = estimator.reader.body
    pipeline = Pipeline(
        detector, estimator.network, body, smoothing=False, focal_length=focal_length
    )
    smoother, zero_phase = BodySmoother(), ZeroPhaseSmoother(pipeline)
    raw, smoothed = [], []
    ahead: list[FrameResult] = []
    for frame in frames:
        result = pipeline.process(frame)
        ahead += zero_phase.add(result)
        raw.append(_pose(body, result))
        if not result.bodies:
            smoother.reset()
            smoothed.append(raw[-1])
            continue
        one = result.bodies[0]
        rotmats, betas, _ = smoother(one.rotmats, one.betas, one.transl, frame.time)
        one = replace(one, rotmats=rotmats, betas=betas)
        smoothed.append(_pose(body, replace(result, bodies=(one,))))
    ahead += zero_phase.flush()
    poses = dict(zip(FORMS, (raw, smoothed, [_pose(body, r) for r in ahead]), strict=True))
    joints = {form: np.stack([pose.joints for pose in found]) for form, found in poses.items()}
    return PersonTrack(
        **joints,
        rotmats={form: np.stack([pose.rotmats for pose in found]) for form, found in poses.items()},
        seen=np.asarray(np.isfinite(joints["raw"]).all(axis=(1, 2))),
    )


class _Pose(NamedTuple):
    """The first person of a frame; NaN when there is nobody."""

    joints: Array  # (12, 3) hip-centred limb joints, metres
    rotmats: Array  # (24, 3, 3)


def _pose(body: BodyModel, result: FrameResult) -> _Pose:
    if not result.bodies:
        return _Pose(np.full((len(_LIMBS), 3), np.nan), np.full((NUM_JOINTS, 3, 3), np.nan))
    one = result.bodies[0]
    joints = body.joints(one.rotmats, one.betas)[_LIMBS].astype(np.float64)
    return _Pose(np.asarray(hip_centred(joints[None])[0]), one.rotmats)


def in_blocks(values: Array) -> tuple[Array, Array]:
    """Sums and counts of the finite values ``(T,)`` in blocks of neighbouring frames."""
    finite = np.isfinite(values)
    starts = np.arange(0, len(values), _BLOCK)
    sums = np.add.reduceat(np.where(finite, values, 0), starts)
    return sums, np.add.reduceat(finite.astype(np.float64), starts)


def as_blocks(values: Array) -> Array:
    """Values ``(T, K)`` in blocks of neighbouring frames, ``(B, F * K)``, filled up with NaN."""
    missing = -len(values) % _BLOCK
    filled = np.pad(values, ((0, missing), (0, 0)), constant_values=np.nan)
    return filled.reshape(-1, _BLOCK * values.shape[1])


def video_rows(
    videos: Sequence[Path],
    estimators: Sequence[NetworkEstimator],
    detector: PersonDetector,
    *,
    step: int = 1,
) -> list[ResultRow]:
    """Jitter in every video; ``step`` > 1 takes only its first ``1 / step``."""
    rows = []
    for path in videos:
        for estimator in estimators:
            source = VideoFile(path)
            track = follow(video_frames(source, step), estimator, detector)
            for form in FORMS:
                sums, numbers = in_blocks(jitter(getattr(track, form)))
                figures = {
                    "jitter": ratio(sums, numbers, "mm/frame^2"),
                    "frames with a person": percent(track.seen),
                }
                split = f"{source.fps:g} frames a second"
                rows.append(ResultRow("Video", path.name, split, form, estimator.name, figures))
    return rows


def video_frames(source: VideoFile, step: int = 1) -> Iterator[Frame]:
    """The frames of a video with progress, the first ``1 / step`` of them; closes the source."""
    total = max(source.frame_count // step, 1)
    progress = ProgressLog(source.name, total)
    try:
        for _ in range(total):
            frame = source.read()
            if frame is None:
                return
            yield frame
            progress.step()
    finally:
        source.close()
