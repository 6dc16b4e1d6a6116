"""The overlay video of a run, drawn and written while the next frames are recovered."""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Final

import cv2

from hmr_live.body.model import BodyModel
from hmr_live.body.skeleton import PARENTS
from hmr_live.core.errors import RenderError
from hmr_live.core.state import BodyState, Frame, Image
from hmr_live.core.timing import StageTimer
from hmr_live.render.offscreen import OffscreenRenderer
from hmr_live.takes.video import VideoFileWriter

logger = logging.getLogger(__name__)

#: Frames that may wait to be drawn: recovery runs ahead by no more than this.
_MAX_PENDING: Final = 4


class OverlayVideo:
    """The overlay video, drawn and written in a thread of its own.

    An OpenGL context belongs to the thread that created it.
    """

    def __init__(self, body: BodyModel, path: Path, fps: float, notes: list[str]) -> None:
        self._path, self._fps = path, fps
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="overlay")
        self._painter = self._thread.submit(_OverlayPainter, body, notes).result()
        self._pending: deque[Future[dict[str, float]]] = deque()
        self._video: VideoFileWriter | None = None

    @property
    def exists(self) -> bool:
        """Whether any frame was written."""
        return self._video is not None

    def add(self, frame: Frame, bodies: tuple[BodyState, ...]) -> Iterator[dict[str, float]]:
        """Queue a frame; yields the milliseconds by stage of the frames that have been written.

        Raises
        ------
        RecordingError
            If an earlier frame could not be written.
        """
        self._pending.append(self._thread.submit(self._add, frame, bodies))
        while len(self._pending) > _MAX_PENDING or (self._pending and self._pending[0].done()):
            yield self._pending.popleft().result()

    def flush(self) -> Iterator[dict[str, float]]:
        """Wait for all queued frames; yields as :meth:`add` does."""
        while self._pending:
            yield self._pending.popleft().result()

    def close(self) -> None:
        """Finish the file; frames that still wait, after an error, are dropped."""
        for future in self._pending:
            future.cancel()
        self._pending.clear()
        self._thread.submit(self._painter.close).result()
        self._thread.shutdown()
        if self._video is not None:
            self._video.close()

    def _add(self, frame: Frame, bodies: tuple[BodyState, ...]) -> dict[str, float]:
        timer = StageTimer()
        with timer("draw"):
            picture = self._painter.paint(frame, bodies)
        with timer("write"):
            if self._video is None:
                size = (picture.shape[1], picture.shape[0])
                self._video = VideoFileWriter(self._path, size, self._fps)
            self._video.add(picture)
        return timer.milliseconds


class _OverlayPainter:
    """Draws the mesh over the frame, or the skeleton if there is no OpenGL."""

    def __init__(self, body: BodyModel, notes: list[str]) -> None:
        self._renderer: OffscreenRenderer | None = None
        try:
            self._renderer = OffscreenRenderer(body)
        except RenderError as error:
            logger.warning("%s", error)
            notes.append(f"{error} The overlay shows the skeleton instead of the mesh.")

    def paint(self, frame: Frame, bodies: tuple[BodyState, ...]) -> Image:
        """A copy of the frame with the bodies drawn over it."""
        if self._renderer is not None:
            return self._renderer.overlay(frame, bodies)
        picture = frame.image.copy()
        for body in bodies:
            points = body.joints_2d.round().astype(int).tolist()
            for joint, parent in enumerate(PARENTS):
                if parent >= 0:
                    cv2.line(picture, points[parent], points[joint], (235, 180, 90), 3, cv2.LINE_AA)
        return picture

    def close(self) -> None:
        """Release OpenGL; the painter cannot be used afterwards."""
        if self._renderer is not None:
            self._renderer.close()
