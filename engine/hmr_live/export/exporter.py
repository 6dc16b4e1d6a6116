"""Export a take to other file formats."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Final

from hmr_live.body.model import BodyModel
from hmr_live.core.errors import ExportError
from hmr_live.export.clip import MotionClip, make_clip
from hmr_live.export.floor import on_floor
from hmr_live.export.formats import ClipFormat, TakeFormat, TakeRequest
from hmr_live.export.world_frame import UpAxis
from hmr_live.takes.take import Motion, Take

Progress = Callable[[float], None]

#: People who come into sight later than the first by more than this are reported.
_MIN_DELAY_S: Final = 0.02


@dataclass(frozen=True)
class ExportOptions:
    """Export options.

    Attributes
    ----------
    track_id
        Person to write (:attr:`hmr_live.takes.take.Motion.track_id`); None writes all.
    rate
        Frames a second; None keeps the take's own.
    up
        Axis of the world that points up; None means the format's default.
    floor
        Put people on the floor, see :func:`hmr_live.export.floor.on_floor`.
    video
        The video that the take was made from, for the overlay.
    overwrite
        Whether existing files may be replaced.
    """

    track_id: int | None = None
    rate: float | None = None
    up: UpAxis | None = None
    floor: bool = False
    video: Path | None = None
    overwrite: bool = False


class Exporter:
    """Writes one take in any number of formats.

    Parameters
    ----------
    take
        The take.
    name
        Name of its files, without suffix.
    body
        The body model of the take, see :func:`body_of_take`.
    options
        See :class:`ExportOptions`.

    Raises
    ------
    ExportError
        If the take holds nobody, or not the requested person.
    """

    def __init__(
        self, take: Take, name: str, body: BodyModel, options: ExportOptions | None = None
    ) -> None:
        self.take, self.name, self.body = take, name, body
        self.options = options or ExportOptions()
        self.motions = _chosen(take, name, self.options.track_id)

    @cached_property
    def clips(self) -> tuple[MotionClip, ...]:
        """One for each person, in a world with y up; made once for all formats."""
        several = len(self.motions) > 1
        clips = tuple(
            make_clip(
                self.take,
                motion,
                self.body,
                name=f"{self.name}_person{motion.track_id}" if several else self.name,
                rate=self.options.rate,
            )
            for motion in self.motions
        )
        return on_floor(clips) if self.options.floor else clips

    @property
    def seconds(self) -> float:
        """Length of the take: the longest motion of a person."""
        return max(float(motion.times[-1] - motion.times[0]) for motion in self.motions)

    def notes(self, formats: Sequence[ClipFormat | TakeFormat] = ()) -> list[str]:
        """Messages about what the files cannot represent, such as gaps.

        Parameters
        ----------
        formats
            The formats to be written.
        """
        notes = [note for clip in self.clips if (note := clip.describe_gaps())]
        first = min(self.clips, key=lambda clip: clip.start)
        notes += [
            f"{clip.name} starts {delay:.2f} s after {first.name}."
            for clip in self.clips
            if (delay := clip.start - first.start) > _MIN_DELAY_S
        ]
        if not self.take.info.get("complete", True):
            notes.append(
                f"The recording of {self.name} was cut off: it ends with the last saved frame."
            )
        return notes + self._marker_notes(formats)

    def _marker_notes(self, formats: Sequence[ClipFormat | TakeFormat]) -> list[str]:
        count = len(self.take.markers)
        if not count:
            return []
        without = [f.name for f in formats if isinstance(f, TakeFormat) or not f.markers]
        notes = []
        if without:
            notes.append(
                f"Markers cannot be stored in {', '.join(without)} and are left out there."
            )
        if len(without) < len(formats):
            notes += [
                f"{clip.name}: {lost} of {count} markers are outside its frames and left out."
                for clip in self.clips
                if (lost := count - len(clip.markers))
            ]
        return notes

    def write(
        self, format_: ClipFormat | TakeFormat, target: Path, progress: Progress = lambda _: None
    ) -> tuple[Path, ...]:
        """Write one format; a file gets its name only when it is complete.

        Parameters
        ----------
        format_
            The format.
        target
            The file, or a folder, in which the files get the take's name.  With several people, the
            files of formats that hold one person get the person's number appended.
        progress
            Called with the finished share, in [0, 1].

        Returns
        -------
        tuple of Path
            The files.

        Raises
        ------
        ExportError
            If a file exists or cannot be written, or a package is missing.
        HmrLiveError
            For the overlay, also the errors of :func:`hmr_live.export.overlay.write_overlay`.
        """
        if isinstance(format_, TakeFormat):
            request = TakeRequest(
                self.take,
                self.motions,
                self.body,
                self.options.video,
                self.options.rate,
                progress,
            )
            path = self._path(format_, target, self.name)
            self._save(path, lambda place: format_.write(request, place))
            return (path,)
        paths = [self._path(format_, target, clip.name) for clip in self.clips]
        for number, (clip, path) in enumerate(zip(self.clips, paths, strict=True)):
            self._write_clip(format_, clip, path)
            progress((number + 1) / len(paths))
        return tuple(paths)

    def _write_clip(self, format_: ClipFormat, clip: MotionClip, path: Path) -> None:
        up = format_.up if format_.fixed_up else self.options.up or format_.up
        self._save(path, lambda place: format_.write(clip.turned(up), place))

    def _path(self, format_: ClipFormat | TakeFormat, target: Path, name: str) -> Path:
        if target.is_dir():
            return target / f"{name}{format_.suffix}"
        stem = target.name.removesuffix(format_.suffix)
        return target.with_name(f"{stem}{name.removeprefix(self.name)}{format_.suffix}")

    def _save(self, path: Path, write: Callable[[Path], None]) -> None:
        if path.exists() and not self.options.overwrite:
            raise ExportError(
                f"{path} exists already: choose another name or folder, or replace it "
                "(--overwrite on the command line)."
            )
        part = path.with_name(f"{path.stem}.part{path.suffix}")
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            # Fails early, with one message for all writers, if nothing can be written here.
            part.open("wb").close()
            write(part)
            part.replace(path)
        except OSError as error:
            raise ExportError(
                f"{path} cannot be written ({error.strerror or error}): make room, or choose "
                "another folder."
            ) from error
        finally:
            with contextlib.suppress(OSError):  # without the folder there is no such file
                part.unlink(missing_ok=True)


def body_of_take(take: Take, body: BodyModel | None = None) -> BodyModel:
    """The body model that a take was recorded with.

    Parameters
    ----------
    take
        Its ``info`` identifies the body model by checksum.
    body
        The user's choice; None means the shipped one.

    Raises
    ------
    ExportError
        If it is not the take's body model: its betas mean nothing on another one.
    """
    body = body or BodyModel.default()
    recorded = take.info.get("body") or {}
    if recorded.get("sha256", body.sha256) == body.sha256:
        return body
    raise ExportError(
        f"The take was recorded with the body model {recorded.get('name', 'of another file')}, and "
        f"{body.name} is a different one: give the take's own with --body."
    )


def _chosen(take: Take, name: str, track_id: int | None) -> Sequence[Motion]:
    present = [motion for motion in take.motions if len(motion.times)]
    if not present:
        raise ExportError(f"Nobody is in sight in {name}: there is nothing to export.")
    if track_id is None:
        return present
    chosen = [motion for motion in present if motion.track_id == track_id]
    if not chosen:
        numbers = ", ".join(str(motion.track_id) for motion in present)
        raise ExportError(f"There is no person {track_id} in {name}: choose one of {numbers}.")
    return chosen
