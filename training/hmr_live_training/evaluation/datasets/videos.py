"""Videos through the live pipeline: raw and smoothed joints of a person, and their jitter.

The tracker follows raw joints whether smoothing is on or off, so the network runs once for all
forms: raw bodies, bodies as the window shows them, and bodies as files have them.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, NamedTuple, cast

import numpy as np
from numpy.typing import NDArray

from hmr_live.batch.zero_phase import ZeroPhaseSmoother
from hmr_live.body.model import BodyModel
from hmr_live.body.skeleton import NUM_JOINTS
from hmr_live.capture.sources import VideoFile
from hmr_live.core.state import CropBox, Frame, FrameResult, Image
from hmr_live.recovery.detector import PersonDetector
from hmr_live.recovery.network import HmrNetwork, NetworkOutput
from hmr_live.recovery.pipeline import Pipeline
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
#: Names of the forms: as the network answers; in one shape and with live filters; in one shape and
#: with the zero-phase filters of files.
FORMS: Final = ("raw", "smoothed", "ahead")


@dataclass(frozen=True)
class PersonTrack:
    """One person in T frames; NaN where nobody was found.

    Attributes
    ----------
    raw, smoothed, ahead
        ``(T, 12, 3)`` hip-centred limb joints in metres, camera frame, by form (:data:`FORMS`).
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
    body, network = estimator.reader.body, cast(HmrNetwork, _AskedOnce(estimator.network))
    raw, live, file = (
        Pipeline(
            detector,
            network,
            body,
            smoothing=form != "raw",
            focal_length=focal_length,
        )
        for form in FORMS
    )
    file.filters = False
    zero_phase = ZeroPhaseSmoother(file)
    found: dict[str, list[FrameResult]] = {form: [] for form in FORMS}
    for frame in frames:
        found["raw"].append(raw.process(frame))
        found["smoothed"].append(live.process(frame))
        found["ahead"] += zero_phase.add(file.process(frame))
    found["ahead"] += zero_phase.flush()
    poses = {form: [_pose(body, result) for result in results] for form, results in found.items()}
    joints = {form: np.stack([pose.joints for pose in each]) for form, each in poses.items()}
    return PersonTrack(
        **joints,
        rotmats={form: np.stack([pose.rotmats for pose in each]) for form, each in poses.items()},
        seen=np.asarray(np.isfinite(joints["raw"]).all(axis=(1, 2))),
    )


class _AskedOnce:
    """A network that answers several pipelines which look at the same crops of a frame."""

    def __init__(self, network: HmrNetwork) -> None:
        self._network = network
        self._image: Image | None = None
        self._question: tuple[object, ...] = ()
        self._answer: list[NetworkOutput] = []

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 - whatever the network has
        return getattr(self._network, name)

    def run(
        self, image: Image, crop_boxes: Sequence[CropBox], focal_length: float | None = None
    ) -> list[NetworkOutput]:
        """As :meth:`.HmrNetwork.run`."""
        question = tuple(crop_boxes), focal_length
        if image is not self._image or question != self._question:
            self._image, self._question = image, question
            self._answer = self._network.run(image, crop_boxes, focal_length)
        return self._answer


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
