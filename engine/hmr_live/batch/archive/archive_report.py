"""What became of all files of an archive, for people and as JSON."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from hmr_live.batch.archive.inputs import ArchiveShard, Job
from hmr_live.batch.archive.job_record import replace_text
from hmr_live.batch.archive.worker import Outcome, State
from hmr_live.core.errors import ArchiveError

if TYPE_CHECKING:
    from hmr_live.batch.archive.run import ArchiveProgress

#: State in the report of a file that an interrupted run did not get to.
_OPEN: Final = "not done"


@dataclass(frozen=True)
class ArchiveReport:
    """What became of the files.

    Attributes
    ----------
    outcomes
        One for each file that is through, in the order of their names.
    not_done
        Names of the files that an interrupted run did not finish.
    frames, seconds
        Frames processed by this run, and its wall-clock time, start of the workers included.
    settings
        See :class:`hmr_live.batch.archive.worker.JobSpec`.
    interrupted
        Whether the run was ended early.
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
        through = {outcome.name for outcome in outcomes}
        return cls(
            outcomes=tuple(outcomes),
            not_done=tuple(job.name for job in jobs if job.name not in through),
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
        """Frames a second of this run, all its workers together."""
        return self.frames / self.seconds if self.seconds else 0.0

    def as_text(self) -> str:
        """Lines for people: the count, then every file that failed or has something to tell."""
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
            If the disk refuses.
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
