"""The video with the mesh over it, as MP4.

The frames of a take's own video have the times stored in the take, those of a source video its
own; either is resampled to a constant rate, so that it plays in real time.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from hmr_live.body.model import BodyModel
from hmr_live.capture.sources import VideoFile
from hmr_live.core.errors import ExportError
from hmr_live.core.state import BodyState, Frame, Image
from hmr_live.takes.people import body_state
from hmr_live.takes.take import Motion, Take
from hmr_live.takes.video import VideoFileWriter

Array = NDArray[np.floating[Any]]

#: A pose belongs to a frame if their times differ by less than this share of a frame.
_SAME_MOMENT: Final = 0.6


@dataclass(frozen=True)
class _Footage:
    """A video, and the times of its frames on the take's clock (None: the file's own)."""

    path: Path
    times: NDArray[np.float64] | None


def write_overlay(
    take: Take,
    motions: Sequence[Motion],
    body: BodyModel,
    path: Path,
    *,
    video: Path | None = None,
    rate: float | None = None,
    progress: Callable[[float], None] = lambda _: None,
) -> None:
    """Draw people over their video.

    Parameters
    ----------
    take, motions
        The take, and the people to draw.
    body
        The body model that the take was recorded with.
    path
        The new MP4 file.
    video
        The video that the take was made from, or its own if that was moved; by default the one
        beside the take.
    rate
        Frames a second; by default the video's own.
    progress
        Called with the finished share, in [0, 1].

    Raises
    ------
    ExportError
        If there is no video that belongs to the take.
    SourceError
        If the video cannot be read.
    RenderError
        If there is no OpenGL.
    RecordingError
        If the MP4 cannot be written.
    """
    from hmr_live.render.offscreen import (
        OffscreenRenderer,  # OpenGL, which other formats do not need
    )

    footage = _footage(take, video)
    source = VideoFile(footage.path)
    fps = rate or source.fps
    people = [_PersonTimeline(motion) for motion in motions]
    with closing(source), closing(OffscreenRenderer(body)) as renderer:
        writer = VideoFileWriter(path, source.size, fps)
        with closing(writer):
            drawn: tuple[int, Image] | None = None
            for number, frame in _at_constant_rate(_frames(source, footage.times), fps):
                if drawn is None or drawn[0] != number:
                    within = _SAME_MOMENT / source.fps
                    bodies = [b for p in people if (b := p.in_frame(frame, within)) is not None]
                    drawn = number, renderer.overlay(frame, bodies)
                writer.add(drawn[1])
                progress(min((number + 1) / max(source.frame_count, 1), 1.0))


def _footage(take: Take, video: Path | None) -> _Footage:
    times = take.info.get("video_times")
    from_file = take.info.get("clock") == "media"
    own = take.video if video is None or from_file else video
    if times and own is not None and video in (None, own):
        return _Footage(own, np.asarray(times, np.float64))
    if not from_file:
        raise ExportError(
            "The overlay needs the video of the take, and none was recorded beside it: record "
            "with video, name the file with --video if it was moved, or choose another format."
        )
    if video is None:
        raise ExportError(
            f"The overlay needs the video {take.info.get('source', '')} that the take was made "
            "from: name it with --video."
        )
    return _Footage(video, None)


def _frames(source: VideoFile, times: NDArray[np.float64] | None) -> Iterator[Frame]:
    """The video's frames with their times on the take's clock."""
    while (frame := source.read()) is not None:
        if times is None:
            yield frame
        elif frame.index < len(times):
            yield Frame(frame.image, float(times[frame.index]), frame.index)


def _at_constant_rate(frames: Iterator[Frame], fps: float) -> Iterator[tuple[int, Frame]]:
    """Resample to a constant rate: the frame shown at each tick, with its index."""
    shown = next(frames, None)
    if shown is None:
        return
    start, count = shown.time, 0
    # A frame's time may differ from the tick by rounding; half a frame is not visible.
    for following in frames:
        while start + count / fps < following.time - 0.5 / fps:
            yield shown.index, shown
            count += 1
        shown = following
    yield shown.index, shown


class _PersonTimeline:
    """Finds a person's pose at a time."""

    def __init__(self, motion: Motion) -> None:
        self._motion = motion

    def in_frame(self, frame: Frame, within: float) -> BodyState | None:
        """The body nearest in time; None if it is more than ``within`` seconds away."""
        times, moment = self._motion.times, frame.time
        index = int(np.searchsorted(times, moment))
        near = [i for i in (index - 1, index) if 0 <= i < len(times)]
        if not near:
            return None
        best = min(near, key=lambda i: abs(float(times[i]) - moment))
        if abs(times[best] - moment) > within:
            return None
        return body_state(self._motion, best, frame.size)
