"""Write a take as files of other programs."""

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

#: People who come into sight by this much later than the first are told of.
_LATE_S: Final = 0.02


@dataclass(frozen=True)
class ExportOptions:
    """What the user may choose.

    Attributes
    ----------
    track_id
        Only this one (:attr:`hmr_live.takes.take.Motion.track_id`); None writes all.
    rate
        Frames a second; None keeps the take's own.
    up
        Axis of the world that points up; None leaves it to the format.
    floor
        Put people on the floor, see :func:`hmr_live.export.floor.on_floor`.
    video
        The video that the take was made from, for the overlay.
    overwrite
        Whether files that exist may be replaced.
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
        What to write.
    name
        What its files are called, without suffix.
    body
        The body model of the take, see :func:`body_of_take`.
    options
        See :class:`ExportOptions`.

    Raises
    ------
    ExportError
        When the take holds nobody, or not the person asked for.
    """

    def __init__(
        self, take: Take, name: str, body: BodyModel, options: ExportOptions | None = None
    ) -> None:
        self.take, self.name, self.body = take, name, body
        self.options = options or ExportOptions()
        self.motions = _chosen(take, name, self.options.track_id)

    @cached_property
    def clips(self) -> tuple[MotionClip, ...]:
        """One a person, in a world with y up; made once for all formats."""
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
        """How long the take is: the longest stream of a person."""
        return max(float(motion.times[-1] - motion.times[0]) for motion in self.motions)

    def notes(self, formats: Sequence[ClipFormat | TakeFormat] = ()) -> list[str]:
        """Sentences on what the files cannot show, such as gaps.

        Parameters
        ----------
        formats
            Those that are written.
        """
        notes = [note for clip in self.clips if (note := clip.describe_gaps())]
        first = min(self.clips, key=lambda clip: clip.start)
        notes += [
            f"{clip.name} begins {late:.2f} s after {first.name}."
            for clip in self.clips
            if (late := clip.start - first.start) > _LATE_S
        ]
        if not self.take.info.get("complete", True):
            notes.append(
                f"The recording of {self.name} was cut off: it ends with the last frame kept."
            )
        return notes + self._marker_notes(formats)

    def _marker_notes(self, formats: Sequence[ClipFormat | TakeFormat]) -> list[str]:
        count = len(self.take.markers)
        if not count:
            return []
        without = [f.name for f in formats if isinstance(f, TakeFormat) or not f.markers]
        notes = []
        if without:
            notes.append(f"Markers have no place in {', '.join(without)} and are left out there.")
        if len(without) < len(formats):
            notes += [
                f"{clip.name}: {lost} of {count} markers are outside of its frames and left out."
                for clip in self.clips
                if (lost := count - len(clip.markers))
            ]
        return notes

    def write(
        self, format_: ClipFormat | TakeFormat, target: Path, progress: Progress = lambda _: None
    ) -> tuple[Path, ...]:
        """Write one format; a file appears under its name only when it is whole.

        Parameters
        ----------
        format_
            Which one.
        target
            The file, or a folder in which files get the take's name.  With several people, formats
            that hold one each get the person into the file's name.
        progress
            Called with the share that is done, in [0, 1].

        Returns
        -------
        tuple of Path
            The files.

        Raises
        ------
        ExportError
            When a file exists, cannot be written, or a package is missing.
        HmrLiveError
            For the overlay also those of :func:`hmr_live.export.overlay.write_overlay`.
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
                f"{path} exists already: choose another name, or allow to replace it."
            )
        part = path.with_name(f"{path.stem}.part{path.suffix}")
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            # Tells in our words, for every writer, that nothing can be written here.
            part.open("wb").close()
            write(part)
            part.replace(path)
        except OSError as error:
            raise ExportError(
                f"{path} cannot be written ({error.strerror or error}): make room, or choose "
                "another folder."
            ) from error
        finally:
            with contextlib.suppress(OSError):  # where there is no folder, there is no part
                part.unlink(missing_ok=True)


def body_of_take(take: Take, body: BodyModel | None = None) -> BodyModel:
    """The body model that a take was recorded with.

    Parameters
    ----------
    take
        Its ``info`` names the body by checksum.
    body
        The user's choice; None takes the one that ships.

    Raises
    ------
    ExportError
        When it is another body than the take's: betas mean nothing on it.
    """
    body = body or BodyModel.default()
    told = take.info.get("body") or {}
    if told.get("sha256", body.sha256) == body.sha256:
        return body
    raise ExportError(
        f"The take was recorded with the body model {told.get('name', 'of another file')}, and "
        f"{body.name} is another one: name the take's own file with --body."
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
