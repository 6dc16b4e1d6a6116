"""Moving pictures through the live pipeline: tracks, raw and smoothed.

The tracker runs on raw joints with smoothing on and off alike, so one pass gives both: the raw
bodies, and the same bodies through the program's own filters.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from engine.body import BodyModel
from engine.detector import PersonDetector
from engine.pipeline import Pipeline
from engine.smoothing import BodySmoother
from engine.sources import VideoFile
from engine.state import Frame
from training.evaluation.estimators import NetworkEstimator
from training.evaluation.progress import Progress
from training.evaluation.report import Row
from training.evaluation.statistics import percent, ratio
from training.landmarks import LSP_LIMBS_IN_SMPL
from training.metrics import hip_centred, jitter

Array = NDArray[np.floating[Any]]

#: Frames that are drawn together by the bootstrap: neighbours are nearly equal.
_BLOCK: Final = 15
_LIMBS: Final = list(LSP_LIMBS_IN_SMPL)
FORMS: Final = ("raw", "smoothed")


@dataclass(frozen=True)
class Track:
    """One person through T frames; NaN where nobody was seen.

    Attributes
    ----------
    raw, smoothed
        ``(T, 12, 3)`` hip-centred limb joints in metres, camera frame.
    seen
        ``(T,)``.
    """

    raw: Array
    smoothed: Array
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
    smoother = BodySmoother()
    raw, smoothed = [], []
    for frame in frames:
        bodies = pipeline.process(frame).bodies
        if not bodies:
            smoother.reset()
            raw.append(np.full((len(_LIMBS), 3), np.nan))
            smoothed.append(raw[-1])
            continue
        one = bodies[0]
        raw.append(_limbs(body, one.rotmats, one.betas))
        rotmats, betas, _ = smoother(one.rotmats, one.betas, one.transl, frame.time)
        smoothed.append(_limbs(body, rotmats, betas))
    first, second = np.stack(raw), np.stack(smoothed)
    return Track(first, second, np.isfinite(first).all(axis=(1, 2)))


def _limbs(body: BodyModel, rotmats: Array, betas: Array) -> Array:
    joints = body.joints(rotmats, betas)[_LIMBS].astype(np.float64)
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
