"""Process a whole video or image, every frame as fast as possible, into a results folder."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

from hmr_live.batch.overlay_video import OverlayVideo
from hmr_live.batch.zero_phase import ZeroPhaseSmoother
from hmr_live.capture.sources import FrameSource, ImageFile
from hmr_live.core.errors import ExportError, HmrLiveError, RecordingError
from hmr_live.core.state import FrameResult
from hmr_live.core.timing import StageStatistics, StageSummary
from hmr_live.export.exporter import Exporter, ExportOptions
from hmr_live.export.formats import FORMATS
from hmr_live.recovery.pipeline import Pipeline
from hmr_live.takes.container import SUFFIX, TakeWriter, read_take
from hmr_live.takes.info import take_info
from hmr_live.takes.records import TakeFrame, body_records

_TAKE: Final = f"take{SUFFIX}"
#: The files of further people have their number appended.
_PARAMETERS: Final = "smpl_parameters"
_OVERLAY: Final = "overlay.mp4"
_SUMMARY: Final = "summary.json"
#: A video that ends before this share of its announced frame count is reported as incomplete.
_COMPLETE_SHARE: Final = 0.9


@dataclass(frozen=True)
class RunSummary:
    """Summary of a run, as written to ``summary.json``.

    Attributes
    ----------
    source
        Name of the video.
    frames, frames_with_body
        Frames read, and those in which somebody was found.
    seconds, fps
        Wall-clock time of the whole run, and frames a second, drawing and writing included.
    pipeline_fps
        Frames a second from the median times of detect, network and body alone, which are longer
        while an overlay is drawn in parallel.
    stages
        Milliseconds by stage.
    network, backend
        Which network ran, and on what.
    files
        Names of the files in the run's folder, by kind.
    notes
        Messages about what could not be done.
    """

    source: str
    frames: int
    frames_with_body: int
    seconds: float
    fps: float
    pipeline_fps: float
    stages: dict[str, StageSummary]
    network: str
    backend: str
    files: dict[str, str]
    notes: list[str]

    def as_text(self, folder: Path) -> str:
        """Summary as text, with the files as paths in ``folder``."""
        found = f"{self.frames_with_body} of {self.frames} frames"
        drawing = ", drawing and writing included" if "draw" in self.stages else ""
        lines = [
            f"{self.source}: a body in {found}, {self.fps:.1f} frames/s{drawing} "
            f"({self.network}, {self.backend})",
            stage_table(self.stages),
            *(f"{kind}: {folder / name}" for kind, name in self.files.items()),
            *self.notes,
        ]
        return "\n".join(lines)


def stage_table(stages: dict[str, StageSummary]) -> str:
    """Table of p50 and p95 by stage, in milliseconds."""
    rows = [f"{'stage':<10}{'p50 ms':>9}{'p95 ms':>9}{'frames':>8}"]
    rows += [f"{name:<10}{s.p50:>9.2f}{s.p95:>9.2f}{s.count:>8}" for name, s in stages.items()]
    return "\n".join(rows)


def run_offline(
    source: FrameSource,
    pipeline: Pipeline,
    out: Path,
    *,
    overlay: bool = True,
    progress: Callable[[int], None] = lambda _: None,
) -> RunSummary:
    """Recover every frame of a source; write the overlay video, the parameters and a summary.

    Where the pipeline smooths, a file is smoothed without lag instead (:mod:`.zero_phase`).

    An interrupt (Ctrl-C) or a source that fails midway ends the run early; the frames processed so
    far are still written, and the error is raised afterwards.  Any other exception, including one
    raised by ``progress``, leaves the files unfinished and without a summary.

    Parameters
    ----------
    source, pipeline
        The source is closed at the end.
    out
        Folder, created if needed; files of an earlier run in it are replaced.
    overlay
        Whether to draw and write the video.
    progress
        Called after every frame with the number of frames done.

    Raises
    ------
    SourceError
        If the source fails.
    RecordingError
        If the folder cannot be written to.
    """
    pipeline.reset()
    filters, is_still = pipeline.filters, isinstance(source, ImageFile)
    smoother = ZeroPhaseSmoother(pipeline) if pipeline.smoothing and not source.live else None
    writer = _Writer(source, pipeline, out, overlay, smoother)
    interruption: BaseException | None = None

    def write(results: Iterable[FrameResult]) -> None:
        for result in results:
            writer.add(result)
            progress(writer.frames)

    start = time.perf_counter()
    pipeline.filters = filters and smoother is None
    try:
        try:
            while (frame := source.read()) is not None:
                result = pipeline.process_still(frame) if is_still else pipeline.process(frame)
                write(smoother.add(result) if smoother else [result])
        except (HmrLiveError, KeyboardInterrupt) as error:
            interruption = error
        if smoother:
            write(smoother.flush())
        writer.catch_up()
    except (HmrLiveError, KeyboardInterrupt) as error:
        interruption = interruption or error
    except BaseException:
        writer.release()
        raise
    finally:
        source.close()
        pipeline.filters = filters
    summary = writer.close(time.perf_counter() - start)
    if interruption is not None:
        raise interruption
    return summary


class _Writer:
    """The files of one run."""

    def __init__(
        self,
        source: FrameSource,
        pipeline: Pipeline,
        out: Path,
        overlay: bool,
        smoother: ZeroPhaseSmoother | None,
    ) -> None:
        self._source, self._pipeline, self._out = source, pipeline, out
        self._statistics = StageStatistics(window=None)
        self.frames = self._with_body = 0
        self._files: dict[str, str] = {}
        self._notes: list[str] = []
        self._prepare_folder()
        info = take_info(
            pipeline,
            source=source.name,
            frame_size=source.size,
            live=source.live,
            smoothing=smoother.describe() if smoother else None,
        )
        # Written in this thread: a run may wait for the disk, but loses nothing.
        self._take = TakeWriter(out / _TAKE, info)
        self._overlay: OverlayVideo | None = None
        if overlay:
            self._overlay = OverlayVideo(pipeline.body, out / _OVERLAY, source.fps, self._notes)

    def add(self, result: FrameResult) -> None:
        """Write one frame; it is drawn while the next one is recovered."""
        self.frames += 1
        self._with_body += bool(result.bodies)
        if self._overlay is not None:
            for timings in self._overlay.add(result.frame, result.bodies):
                self._statistics.add(timings)
        self._record(result)
        self._statistics.add(result.timings)

    def catch_up(self) -> None:
        """Wait until every frame has been drawn."""
        if self._overlay is not None:
            for timings in self._overlay.flush():
                self._statistics.add(timings)

    def close(self, seconds: float) -> RunSummary:
        """Finish the files and return the summary."""
        if self._overlay is not None and self._overlay.exists:
            self._files["overlay"] = _OVERLAY
        self.release()
        self._write_parameters()
        self._note_early_end()
        stages = self._statistics.summary()
        busy = sum(stages[s].p50 for s in ("network", "body") if s in stages)
        if "detect" in stages:
            busy += stages["detect"].p50 * stages["detect"].count / max(self.frames, 1)
        summary = RunSummary(
            source=self._source.name,
            frames=self.frames,
            frames_with_body=self._with_body,
            seconds=round(seconds, 3),
            fps=round(self.frames / seconds, 2) if seconds else 0.0,
            pipeline_fps=round(1000 / busy, 2) if busy else 0.0,
            stages=stages,
            network=self._pipeline.network.name,
            backend=self._pipeline.network.backend.describe(),
            files=self._files | {"summary": _SUMMARY},
            notes=self._notes,
        )
        self._write_summary(summary)
        return summary

    def release(self) -> None:
        """Release the files and OpenGL, without a summary."""
        if self._overlay is not None:
            self._overlay.close()
        self._take.close()

    def _note_early_end(self) -> None:
        announced = int(getattr(self._source, "frame_count", 0))
        if self.frames < _COMPLETE_SHARE * announced:
            self._notes.append(
                f"{self._source.name} ends after {self.frames} of {announced} frames: the rest is "
                "damaged or missing."
            )

    def _record(self, result: FrameResult) -> None:
        record = TakeFrame.of(result, live=self._source.live)
        bodies = body_records(record.bodies)
        self._take.add_frame(record.time, record.unix_time, record.frame_index, bodies)

    def _write_parameters(self) -> None:
        """Write the take, and each person as an AMASS file; neither when nobody was in sight."""
        if not self._with_body:
            self._take.path.unlink(missing_ok=True)
            self._notes.append("Nobody was in sight, so there are no parameters to save.")
            return
        self._files["take"] = _TAKE
        try:
            take = read_take(self._take.path)
            for number, motion in enumerate(take.motions, 1):
                options = ExportOptions(track_id=motion.track_id)
                exporter = Exporter(take, "take", self._pipeline.body, options)
                suffix = f"_{number}" if number > 1 else ""
                name = f"{_PARAMETERS}{suffix}.npz"
                exporter.write(FORMATS["npz"], self._out / name)
                self._files[f"parameters{suffix}"] = name
        except (RecordingError, ExportError) as error:
            self._notes.append(str(error))

    def _write_summary(self, summary: RunSummary) -> None:
        path = self._out / _SUMMARY
        try:
            path.write_text(json.dumps(asdict(summary), indent=2) + "\n", encoding="utf-8")
        except OSError as error:
            raise RecordingError(
                f"{path} cannot be written ({error.strerror}): make room on the disk; the other "
                "files of the run are in the same folder."
            ) from error

    def _prepare_folder(self) -> None:
        try:
            self._out.mkdir(parents=True, exist_ok=True)
            old = [self._out / name for name in (_TAKE, _OVERLAY, _SUMMARY)]
            for path in (*old, *self._out.glob(f"{_PARAMETERS}*.npz")):
                path.unlink(missing_ok=True)
        except OSError as error:
            raise RecordingError(
                f"Nothing can be written to {self._out} ({error.strerror}): choose another "
                "folder with --out."
            ) from error
