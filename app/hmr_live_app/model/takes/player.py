"""The open take: playback, smoothing, and the person whose angles are shown.  Knows no Qt.

Views observe the events of a :class:`TakePlayer` and call its methods; both happen in the main
thread only.  Reading, smoothing and decoding run in threads.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Final

import numpy as np

from hmr_live.body.model import BodyModel
from hmr_live.core.state import BodyState, Frame, FrameResult, Image
from hmr_live.takes.header import VIDEO_SUFFIX
from hmr_live.takes.people import Presence, body_state
from hmr_live.takes.picture_reader import picture_at
from hmr_live.takes.playback import Playback
from hmr_live.takes.smooth import smooth_take
from hmr_live.takes.take import Motion, Take
from hmr_live_app.model.background import CallInMain, run_in_background
from hmr_live_app.model.events import Event
from hmr_live_app.model.takes.curves import AngleCurves, angle_curves
from hmr_live_app.model.takes.opening import OpenTake, read_take_to_show
from hmr_live_app.model.takes.video_frames import VideoFrameThread

#: Background where there is no video, BGR.
_BACKGROUND: Final = (46, 38, 33)


class TakePlayer:
    """At most one open take.

    Parameters
    ----------
    call_in_main
        Runs a function in the main thread soon; callable from any thread.
    load_body
        The body model in use; called in a worker thread.

    Attributes
    ----------
    opened, closed
        A take can be played; no take is open any more.
    moved
        Playback is at another time.
    changed
        Playing or paused, the speed, the range, the person or the smoothing changed.
    shown
        Another frame is to be shown: the result, and the ghosts to compare it to.
    angles_ready
        :attr:`curves`, or how they are compared, changed.
    failed, noted
        Carry a message for the user.
    current, playback
        The open take and its playback; None if there is none.
    track_id
        Whose angles :attr:`curves` are.
    compare
        Whether the raw take is shown beside the smoothed one.
    smoothed, is_smoothing
        The smoothed take, if there is one; whether one is being made.
    curves, raw_curves
        Angles of what is shown; of the raw take where a smoothed one is shown.
    """

    def __init__(self, call_in_main: CallInMain, load_body: Callable[[], BodyModel]) -> None:
        self.opened: Event[[]] = Event()
        self.closed: Event[[]] = Event()
        self.moved: Event[[]] = Event()
        self.changed: Event[[]] = Event()
        self.shown: Event[[FrameResult, tuple[BodyState, ...]]] = Event()
        self.angles_ready: Event[[]] = Event()
        self.failed: Event[[str]] = Event()
        self.noted: Event[[str]] = Event()
        self.current: OpenTake | None = None
        self.playback: Playback | None = None
        self.track_id = 0
        self.compare = True
        self.is_smoothing = False
        self.smoothed: Take | None = None
        self.curves: AngleCurves | None = None
        self.raw_curves: AngleCurves | None = None
        self._call_in_main, self._load_body = call_in_main, load_body
        # Counts the requests: whatever an older one still delivers is ignored.
        self._opening = self._smoothing = self._curving = 0
        self._presence: tuple[Presence, Presence | None] | None = None
        self._pictures: VideoFrameThread | None = None
        self._picture_times = np.zeros(0)
        self._waiting: tuple[int, float] | None = None
        self._picture: tuple[int, Image] | None = None
        self._shown_key: object = None

    @property
    def is_open(self) -> bool:
        """Whether a take can be played."""
        return self.current is not None

    @property
    def best(self) -> Take | None:
        """The take to save or export: the smoothed one if there is one."""
        return self.smoothed or (None if self.current is None else self.current.take)

    @property
    def people(self) -> list[int]:
        """Who is in the take."""
        motions = () if self.current is None else self.current.shown.motions
        return [motion.track_id for motion in motions if len(motion.times)]

    def open(self, path: Path) -> None:
        """Read a take or motion file and show its first frame; returns at once."""
        self._opening += 1
        request = self._opening
        run_in_background(
            lambda: read_take_to_show(path, self._load_body()),
            lambda result: self._opened(request, *result),
            lambda message: self.failed.emit(message) if request == self._opening else None,
            self._call_in_main,
        )

    def close(self) -> None:
        """Close the take, and cancel one that is still being read."""
        self._opening += 1
        was_open = self.is_open
        self._release_take()
        if was_open:
            self.closed.emit()

    def note_rename(self, old: Path, new: Path) -> None:
        """Follow a file that was renamed."""
        current = self.current
        if current is not None and current.path == old:
            video = new.with_suffix(VIDEO_SUFFIX)
            take = replace(current.take, video=video) if video.is_file() else current.take
            self.current = replace(current, path=new, take=take)
            self.changed.emit()

    def tick(self, seconds: float) -> None:
        """Advance playback by this much wall-clock time."""
        if self.playback is None or not self.playback.playing:
            return
        goes_on = self.playback.advance(seconds)
        self._update()
        if not goes_on:
            self.changed.emit()

    def control(self, command: Callable[[Playback], object]) -> None:
        """Apply a command to the playback and notify the views, if a take is open."""
        if self.playback is not None:
            command(self.playback)
            self.changed.emit()
            self._update()

    def seek(self, time: float) -> None:
        """Go to this many seconds after the first frame."""
        if self.playback is not None:
            self.playback.seek(time)
            self._update()

    def follow(self, track_id: int) -> None:
        """Show this person's angles."""
        self.track_id = track_id
        self._compute_curves()
        self.changed.emit()

    def smooth(self, cutoff: float) -> None:
        """Smooth the take at ``cutoff`` Hz and keep the raw one; returns at once."""
        current = self.current
        if current is None:
            return
        self._smoothing += 1
        request = self._smoothing
        self.is_smoothing = True
        self.changed.emit()

        def failed(message: str) -> None:
            if request == self._smoothing:
                self.is_smoothing = False
                self.failed.emit(message)
                self.changed.emit()

        run_in_background(
            lambda: smooth_take(current.shown, current.body, cutoff),
            lambda take: self._set_smoothed(request, take),
            failed,
            self._call_in_main,
        )

    def drop_smoothing(self) -> None:
        """Go back to the raw take alone."""
        self._smoothing += 1
        if self.smoothed is not None or self.is_smoothing:
            self._set_smoothed(self._smoothing, None)

    def set_compare(self, on: bool) -> None:
        """Show or hide the raw take beside the smoothed one."""
        self.compare = on
        self.changed.emit()
        self.angles_ready.emit()
        self._update(again=True)

    def _opened(self, request: int, current: OpenTake, playback: Playback) -> None:
        if request != self._opening:
            return
        self._release_take()
        self.current, self.playback = current, playback
        self._presence = Presence(current.shown), None
        self.track_id = next(iter(self.people), 0)
        if current.take.video is not None:
            self._open_video(request, current.take.video)
        self.opened.emit()
        self.changed.emit()
        self._update(again=True)
        self._compute_curves()
        if current.note:
            self.noted.emit(current.note)

    def _open_video(self, request: int, video: Path) -> None:
        take = self.current.take if self.current else None
        self._picture_times = np.asarray(take.info["video_times"] if take else (), np.float64)

        def on_picture(number: int, image: Image | None) -> None:
            self._call_in_main(lambda: self._on_picture(request, number, image))

        def on_error(message: str) -> None:
            self._call_in_main(lambda: self._on_video_lost(request, message))

        self._pictures = VideoFrameThread(video, on_picture, on_error)

    def _release_take(self) -> None:
        self._smoothing += 1
        self._curving += 1
        self.is_smoothing = False
        if self._pictures is not None:
            self._pictures.close()
        self.current = self.playback = self.smoothed = None
        self.curves = self.raw_curves = self._presence = None
        self._pictures = self._picture = self._waiting = self._shown_key = None

    def _update(self, *, again: bool = False) -> None:
        """Announce the time; show the frame if it is another one, or ``again``."""
        if self.playback is None or self._presence is None:
            return
        self.moved.emit()
        moment = self.playback.moment
        people = tuple((m.track_id, index) for m, index in self._presence[0].at(moment))
        number = picture_at(self._picture_times, moment) if self._pictures is not None else -1
        if not again and self._shown_key == (people, number):
            return
        self._shown_key = people, number
        if self._pictures is not None and (self._picture is None or self._picture[0] != number):
            self._waiting = number, moment
            self._pictures.ask(number)
        else:
            self._show(moment, None if self._picture is None else self._picture[1])

    def _on_picture(self, request: int, number: int, image: Image | None) -> None:
        if request != self._opening or self.playback is None:
            return
        self._picture = None if image is None else (number, image)
        if self._waiting is not None and self._waiting[0] == number:
            moment = self._waiting[1]
            self._waiting = None
        else:  # playback is ahead of the decoder: show the late image all the same
            moment = max(float(self._picture_times[number]), self.playback.start)
        self._show(moment, image)

    def _on_video_lost(self, request: int, message: str) -> None:
        if request == self._opening:
            self._pictures = None
            self.noted.emit(message)
            self._update(again=True)

    def _show(self, moment: float, image: Image | None) -> None:
        current, presence, playback = self.current, self._presence, self.playback
        if current is None or presence is None or playback is None:
            return
        size = current.frame_size
        if image is None:
            image = np.empty((size[1], size[0], 3), np.uint8)
            image[:] = _BACKGROUND
        time = moment - playback.start
        frame = Frame(image, time, playback.index_at(time))
        bodies = [
            tuple(
                body_state(motion, index, size, current.frames) for motion, index in part.at(moment)
            )
            for part in presence
            if part is not None
        ]
        # The smoothed people are the main ones, the raw ones their ghosts.
        ghosts = bodies[0] if len(bodies) > 1 and self.compare else ()
        self.shown.emit(FrameResult(frame, bodies[-1]), ghosts)

    def _set_smoothed(self, request: int, take: Take | None) -> None:
        if request != self._smoothing or self._presence is None:
            return
        self.smoothed, self.is_smoothing = take, False
        self._presence = self._presence[0], None if take is None else Presence(take)
        self._compute_curves()
        self.changed.emit()
        self._update(again=True)

    def _compute_curves(self) -> None:
        current, playback = self.current, self.playback
        if current is None or playback is None:
            return
        self._curving += 1
        request, start = self._curving, playback.start
        raw = _motion_of(current.shown, self.track_id)
        smooth = None if self.smoothed is None else _motion_of(self.smoothed, self.track_id)

        def compute() -> tuple[AngleCurves | None, AngleCurves | None]:
            return (
                None if raw is None else angle_curves(raw, start, current.frames),
                None if smooth is None else angle_curves(smooth, start, current.frames),
            )

        run_in_background(
            compute,
            lambda pair: self._on_curves(request, *pair),
            self.failed.emit,
            self._call_in_main,
        )

    def _on_curves(self, request: int, raw: AngleCurves | None, smooth: AngleCurves | None) -> None:
        if request == self._curving:
            self.raw_curves = None if smooth is None else raw
            self.curves = smooth or raw
            self.angles_ready.emit()


def _motion_of(take: Take, track_id: int) -> Motion | None:
    return next((m for m in take.motions if m.track_id == track_id and len(m.times)), None)
