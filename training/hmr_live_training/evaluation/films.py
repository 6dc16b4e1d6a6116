"""Moving pictures through the live pipeline: tracks, raw and smoothed.

The tracker runs on raw joints with smoothing on and off alike, so one pass gives all forms: the raw
bodies, the same bodies through the filters of live pictures, and through those of files.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from hmr_live.batch.zero_phase import ZeroPhaseSmoother
from hmr_live.body.model import BodyModel
from hmr_live.capture.sources import VideoFile
from hmr_live.core.state import Frame, FrameResult
from hmr_live.recovery.detector import PersonDetector
from hmr_live.recovery.pipeline import Pipeline
from hmr_live.recovery.smoothing import BodySmoother
from hmr_live_training.evaluation.estimators import NetworkEstimator
from hmr_live_training.evaluation.metrics import hip_centred, jitter
from hmr_live_training.evaluation.progress import Progress
from hmr_live_training.evaluation.report import Row
from hmr_live_training.evaluation.statistics import percent, ratio
from hmr_live_training.landmarks import LSP_LIMBS_IN_SMPL

Array = NDArray[np.floating[Any]]

#: Frames that are drawn together by the bootstrap: neighbours are nearly equal.
_BLOCK: Final = 15
_LIMBS: Final = list(LSP_LIMBS_IN_SMPL)
FORMS: Final = ("raw", "smoothed", "ahead")


@dataclass(frozen=True)
class Track:
    """One person through T frames; NaN where nobody was seen.

    Attributes
    ----------
    raw, smoothed, ahead
        ``(T, 12, 3)`` hip-centred limb joints in metres, camera frame: without filters, with those
        of live pictures (:mod:`.smoothing`) and of files (:mod:`.zero_phase`).
    seen
        ``(T,)``.
    """

    raw: Array
    smoothed: Array
    ahead: Array
    seen: NDArray[np.bool_]


def follow(
    frames: Iterable[Frame],
    estimator: NetworkEstimator,
    detector: PersonDetector,
    focal_length: float | None = None,
) -> Track:
    """Run the live pipeline over frames in order."""
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
        raw.append(_limbs(body, result))
        if not result.bodies:
            smoother.reset()
            smoothed.append(raw[-1])
            continue
        one = result.bodies[0]
        rotmats, betas, _ = smoother(one.rotmats, one.betas, one.transl, frame.time)
        one = replace(one, rotmats=rotmats, betas=betas)
        smoothed.append(_limbs(body, replace(result, bodies=(one,))))
    ahead += zero_phase.flush()
    found = np.stack(raw)
    return Track(
        found,
        np.stack(smoothed),
        np.stack([_limbs(body, result) for result in ahead]),
        np.asarray(np.isfinite(found).all(axis=(1, 2))),
    )


def _limbs(body: BodyModel, result: FrameResult) -> Array:
    """``(12, 3)`` hip-centred, of the first person; NaN where there is nobody."""
    if not result.bodies:
        return np.full((len(_LIMBS), 3), np.nan)
    one = result.bodies[0]
    joints = body.joints(one.rotmats, one.betas)[_LIMBS].astype(np.float64)
    return np.asarray(hip_centred(joints[None])[0])


def in_blocks(values: Array) -> tuple[Array, Array]:
    """Sums and numbers of the finite values ``(T,)`` in blocks of neighbouring frames."""
    finite = np.isfinite(values)
    starts = np.arange(0, len(values), _BLOCK)
    sums = np.add.reduceat(np.where(finite, values, 0), starts)
    return sums, np.add.reduceat(finite.astype(np.float64), starts)


def video_rows(
    videos: list[Path],
    estimators: list[NetworkEstimator],
    detector: PersonDetector,
    *,
    step: int = 1,
) -> list[Row]:
    """Jitter of every video; with ``step`` > 1 only that share of it, from its beginning."""
    rows = []
    for path in videos:
        for estimator in estimators:
            source = VideoFile(path)
            track = follow(_frames(source, step), estimator, detector)
            for form in FORMS:
                sums, numbers = in_blocks(jitter(getattr(track, form)))
                figures = {
                    "jitter": ratio(sums, numbers, "mm/frame^2"),
                    "frames with a person": percent(track.seen),
                }
                split = f"{source.fps:g} frames a second"
                rows.append(Row("Films", path.name, split, form, estimator.name, figures))
    return rows


def _frames(source: VideoFile, step: int) -> Iterator[Frame]:
    total = max(source.frame_count // step, 1)
    progress = Progress(source.name, total)
    try:
        for _ in range(total):
            frame = source.read()
            if frame is None:
                return
            yield frame
            progress.step()
    finally:
        source.close()
