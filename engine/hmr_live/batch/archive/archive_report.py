"""How far a run over an archive is, and its report, as text and as JSON."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any, Final

from hmr_live.batch.archive.inputs import ArchiveShard, Job
from hmr_live.batch.archive.job_record import replace_text
from hmr_live.batch.archive.worker import Outcome, State
from hmr_live.core.errors import ArchiveError

#: State in the report of a file that an interrupted run did not finish.
_OPEN: Final = "not done"


@dataclass
class ArchiveProgress:
    """Progress of a run.

    Attributes
    ----------
    files, bytes
        Number of files in the archive, and their size.
    outcomes
        Outcomes of the files that are done with, in the order of completion.
    bytes_done
        Bytes of those files, and the finished share of those in work.
    bytes_worked
        The same without the files that an earlier run had finished.
    frames
        Frames processed by this run.
    seconds
        Since its start.
    waiting_for
        Names of the machines that work on the remaining files; empty while there is work here.
    """

    files: int
    bytes: int
    outcomes: list[Outcome] = field(default_factory=list)
    bytes_done: float = 0.0
    bytes_worked: float = 0.0
    frames: int = 0
    seconds: float = 0.0
    waiting_for: tuple[str, ...] = ()


@dataclass(frozen=True)
class ArchiveReport:
    """The result of a run.

    Attributes
    ----------
    outcomes
        One for each file that is done with, sorted by name.
    not_done
        Names of the files that an interrupted run did not finish.
    frames, seconds
        Frames processed by this run, and its wall-clock time, startup of the workers included.
    settings
        See :class:`hmr_live.batch.archive.worker.JobSpec`.
    interrupted
        Whether the run was stopped early.
    """

    outcomes: tuple[Outcome, ...]
    not_done: tuple[str, ...]
    frames: int
    seconds: float
    settings: Mapping[str, Any]
    interrupted: bool

    @classmethod
    def of(
        cls,
        jobs: Sequence[Job],
        progress: ArchiveProgress,
        settings: Mapping[str, Any],
        *,
        interrupted: bool,
    ) -> ArchiveReport:
        """Sum up a run."""
        outcomes = sorted(progress.outcomes, key=lambda outcome: outcome.name)
        done = {outcome.name for outcome in outcomes}
        return cls(
            outcomes=tuple(outcomes),
            not_done=tuple(job.name for job in jobs if job.name not in done),
            frames=sum(o.frames for o in outcomes if o.state is State.DONE),
            seconds=progress.seconds,
            settings=settings,
            interrupted=interrupted,
        )

    @property
    def failed(self) -> list[Outcome]:
        """The files that could not be processed."""
        return [outcome for outcome in self.outcomes if outcome.state is State.FAILED]

    @property
    def fps(self) -> float:
        """Frames a second of this run, over all its workers."""
        return self.frames / self.seconds if self.seconds else 0.0

    def as_text(self) -> str:
        """Summary as text: the counts, then every file that failed or has notes."""
        count = Counter(outcome.state for outcome in self.outcomes)
        files = len(self.outcomes) + len(self.not_done)
        parts = [f"{count[State.DONE]} of {files} files done"]
        if count[State.FINISHED_BEFORE]:
            parts.append(f"{count[State.FINISHED_BEFORE]} were finished before")
        if count[State.FAILED]:
            parts.append(f"{count[State.FAILED]} failed")
        if self.not_done:
            parts.append(f"{len(self.not_done)} left to do")
        took = timedelta(seconds=round(self.seconds))
        lines = [f"{', '.join(parts)}; {self.frames} frames in {took}, {self.fps:.1f} frames/s."]
        lines += [f"{outcome.name}: {note}" for outcome in self.outcomes for note in outcome.notes]
        lines += [f"failed: {outcome.name}: {outcome.problem}" for outcome in self.failed]
        if self.interrupted:
            lines.append("The run was stopped: start the same command again and it goes on.")
        return "\n".join(lines)

    def write(self, out: Path, shard: ArchiveShard | None = None) -> Path:
        """Write the report into the folder of the results, as ``archive.json``; return its path.

        Each shard writes one of its own, ``archive-2-of-8.json``.

        Raises
        ------
        ArchiveError
            If the file cannot be written.
        """
        part = f"-{shard.number}-of-{shard.count}" if shard else ""
        path = out / f"archive{part}.json"
        files = [asdict(outcome) | {"state": outcome.state.value} for outcome in self.outcomes]
        files += [{"name": name, "state": _OPEN} for name in self.not_done]
        content = {
            "files": files,
            "failed": len(self.failed),
            "frames": self.frames,
            "seconds": round(self.seconds, 3),
            "fps": round(self.fps, 2),
            "interrupted": self.interrupted,
            "settings": dict(self.settings),
        }
        try:
            out.mkdir(parents=True, exist_ok=True)
            replace_text(path, json.dumps(content, indent=2) + "\n")
        except OSError as error:
            raise ArchiveError(
                f"{path} cannot be written ({error.strerror}): make room on the disk; the results "
                "of the files are kept."
            ) from error
        return path
