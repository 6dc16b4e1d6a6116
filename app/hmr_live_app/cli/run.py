"""``hmr-live run``: process a video, picture or camera, or an archive of videos."""

from __future__ import annotations

import argparse
import os
import signal
import sys
import threading
from collections.abc import Callable, Mapping
from contextlib import closing
from dataclasses import asdict
from functools import partial
from inspect import signature
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Any, Final

from hmr_live.core.assets import sha256_of
from hmr_live.core.camera_place import CameraPlace
from hmr_live.core.errors import ArchiveError
from hmr_live_app.cli.termination_signals import on_termination

if TYPE_CHECKING:
    from hmr_live.batch.archive.run import WorkerPool
    from hmr_live.batch.archive.worker import JobSpec, Outcome
    from hmr_live.recovery.pipeline import Pipeline

#: Settings that change the speed, or only what ``auto`` stands for.
_WITHOUT_EFFECT: Final = ("threads", "fps", "live", "announce")
_EPILOG: Final = """\
The results of one file, picture or camera go straight into the folder --out.  Several files, a
folder, a pattern or a list form an archive: each file gets its own folder in --out, broken files
are listed at the end, and the same command continues where it stopped.  Run it on several machines
that share --out to divide the files between them."""


def add_run_command(
    commands: argparse._SubParsersAction[argparse.ArgumentParser],
    run: Callable[[argparse.Namespace], int],
) -> argparse.ArgumentParser:
    """Add the command ``run``; return its parser, without the options of the pipeline.

    Parameters
    ----------
    commands
        The program's commands.
    run
        Runs the command.
    """
    parser = commands.add_parser(
        "run",
        help="process a video, a picture or many videos into a folder",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "inputs",
        metavar="INPUT",
        nargs="*",
        help="video file, picture or camera number; or files, folders and patterns",
    )
    parser.add_argument(
        "--out", type=Path, default=Path("out"), help="output folder (default: out)"
    )
    parser.add_argument("--no-overlay", action="store_true", help="do not write the overlay video")
    group = parser.add_argument_group("archive")
    group.add_argument(
        "--list", metavar="FILE", help="file with one input per line (-: standard input)"
    )
    group.add_argument(
        "--processes", metavar="N", type=_count, help="files to process at once (default: 1)"
    )
    group.add_argument(
        "--shard",
        metavar="I/N",
        help="process part I of N only, for machines without a shared folder",
    )
    group.add_argument(
        "--cluster",
        metavar="ADDRESS",
        help="use a Ray cluster: auto, local, or the address of its head node",
    )
    parser.set_defaults(run=run)
    return parser


def run_files(
    options: argparse.Namespace,
    pipeline_settings: Mapping[str, Any],
    announce: Callable[[str], None],
) -> int:
    """Process the inputs of the command line and return the exit code.

    Parameters
    ----------
    options
        As parsed.
    pipeline_settings
        Arguments of :func:`hmr_live_app.pipeline_options.open_pipeline` that the user has given.
    announce
        See :func:`hmr_live.recovery.network_choice.machine_timings`.

    Raises
    ------
    HmrLiveError
        One file cannot be processed, or nothing of an archive can.
    """
    if _is_archive(options):
        return _run_archive(options, pipeline_settings)
    from hmr_live_app.pipeline_options import open_pipeline

    if not options.inputs:
        raise ArchiveError("There is nothing to process: give a video, a folder or --list FILE.")
    return run_one(
        options.inputs[0],
        partial(open_pipeline, **pipeline_settings, announce=announce),
        options.out,
        overlay=not options.no_overlay,
    )


def run_one(
    spec: str, open_pipeline: Callable[..., Pipeline], out: Path, *, overlay: bool = True
) -> int:
    """Process one source into a folder and print the summary.

    Parameters
    ----------
    spec
        Video, picture or camera number.
    open_pipeline
        Opens the pipeline, given the source's ``fps`` and whether it is ``live``.
    out
        The folder.
    overlay
        Whether to write the overlay video.

    Raises
    ------
    HmrLiveError
        If it cannot be processed.
    """
    from hmr_live.batch.offline import run_offline
    from hmr_live.capture.sources import open_source

    source = open_source(spec)
    pipeline = open_pipeline(fps=source.fps, live=source.live)
    total = getattr(source, "frame_count", 0)

    def show(done: int) -> None:
        if sys.stderr.isatty() and done % 10 == 0:
            print(f"\r{done}/{total or '?'} frames", end="", file=sys.stderr, flush=True)

    with closing(pipeline):
        summary = run_offline(source, pipeline, out, overlay=overlay, progress=show)
    if sys.stderr.isatty():
        print("\r", end="", file=sys.stderr)
    print(summary.as_text(out))
    return 0


def _is_archive(options: argparse.Namespace) -> bool:
    from hmr_live.batch.archive.inputs import is_pattern

    named = (options.list, options.processes, options.shard, options.cluster)
    if len(options.inputs) > 1 or any(option is not None for option in named):
        return True
    return any(Path(text).is_dir() or is_pattern(text) for text in options.inputs)


def _run_archive(options: argparse.Namespace, pipeline_settings: Mapping[str, Any]) -> int:
    from hmr_live.batch.archive.inputs import ArchiveShard, find_jobs
    from hmr_live.batch.archive.run import run_archive
    from hmr_live_app.cli.progress_bar import ProgressBar

    shard = ArchiveShard.parse(options.shard) if options.shard else None
    jobs = find_jobs(_inputs(options), options.out)
    if shard:
        jobs = [job for job in jobs if shard.holds(job)]
    job_spec, threads = _job_spec(options, pipeline_settings)
    bar = ProgressBar()

    def report_outcome(outcome: Outcome) -> None:
        bar.clear()
        print(_line(outcome), flush=True)

    stopped = threading.Event()

    def stop(_number: int, _frame: FrameType | None) -> None:
        stopped.set()
        on_termination(signal.default_int_handler)  # the second one does not wait

    on_termination(signal.default_int_handler)
    try:
        pool = _pool(options, job_spec, threads)  # may wait for a cluster that does not answer
        on_termination(stop)
        report = run_archive(
            jobs,
            job_spec.settings,
            pool,
            on_progress=bar.show,
            on_outcome=report_outcome,
            stopped=stopped.is_set,
        )
    finally:
        bar.clear()
    path = report.write(options.out, shard)
    print(f"{report.as_text()}\nreport: {path}")
    if report.interrupted:
        return 130
    return 1 if report.failed else 0


def _inputs(options: argparse.Namespace) -> list[str]:
    """The inputs on the command line, then those in the list."""
    from hmr_live.batch.archive.inputs import read_list

    if options.list is None:
        return list(options.inputs)
    if options.list == "-":
        return [*options.inputs, *read_list(sys.stdin)]
    try:
        lines = Path(options.list).read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise ArchiveError(
            f"The list {options.list} cannot be read ({error}): give a text file with one path "
            "per line."
        ) from error
    return [*options.inputs, *read_list(lines)]


def _job_spec(
    options: argparse.Namespace, pipeline_settings: Mapping[str, Any]
) -> tuple[JobSpec, int]:
    """How to process a file, and the threads of one worker."""
    from hmr_live.batch.archive.worker import JobSpec
    from hmr_live_app.pipeline_options import inference_threads, open_pipeline

    cores = (os.cpu_count() or 1) // (options.processes or 1)
    threads = pipeline_settings.get("threads") or max(1, min(inference_threads(None), cores))
    overlay = not options.no_overlay
    settings = {**pipeline_settings, "network": _archive_network(pipeline_settings)}
    return JobSpec(
        partial(open_pipeline, **{**settings, "threads": threads}),
        {**pipeline_identity(pipeline_settings), "overlay": overlay},
        overlay=overlay,
    ), threads


def _archive_network(pipeline_settings: Mapping[str, Any]) -> str | Path:
    """The network of an archive: ``auto`` is the same everywhere.

    Machines of different speed may share an archive, and it may be continued on another one.
    """
    from hmr_live.recovery.network_choice import AUTO, FALLBACK

    network: str | Path = pipeline_settings.get("network", AUTO)
    return FALLBACK if network == AUTO else network


def pipeline_identity(pipeline_settings: Mapping[str, Any]) -> dict[str, Any]:
    """The settings that determine the results, with SHA-256 sums in place of paths.

    Parameters
    ----------
    pipeline_settings
        See :func:`run_files`.

    Raises
    ------
    AssetError
        If the network is missing or damaged.
    ArchiveError
        If the body cannot be read.
    """
    from hmr_live.body.model import DEFAULT_BODY
    from hmr_live.core.assets import asset_path, read_manifest
    from hmr_live.recovery.network_choice import network_path
    from hmr_live_app.pipeline_options import open_pipeline

    # Settings not given count with their defaults, so that giving a default changes nothing.
    parameters = signature(open_pipeline).parameters.values()
    settings = {
        **{parameter.name: parameter.default for parameter in parameters},
        "body": asset_path(*DEFAULT_BODY),
        **pipeline_settings,
        "network": network_path(_archive_network(pipeline_settings)),
    }
    for name in _WITHOUT_EFFECT:
        settings.pop(name, None)
    read_manifest(settings["network"])  # its errors say what is wrong with a network
    try:
        return {name: _identity(value) for name, value in settings.items()}
    except OSError as error:
        raise ArchiveError(
            f"{error.filename} cannot be read ({error.strerror}): check the path."
        ) from error


def _identity(value: object) -> object:
    """A setting as JSON knows it; raises OSError for a file that cannot be read."""
    if isinstance(value, Path):
        return sha256_of(value)
    return asdict(value) if isinstance(value, CameraPlace) else value


def _pool(options: argparse.Namespace, job_spec: JobSpec, threads: int) -> WorkerPool:
    if options.cluster is None:
        from hmr_live.batch.archive.processes import ProcessPool

        return ProcessPool(job_spec, options.processes or 1, threads=threads)
    from hmr_live.batch.archive.cluster import RayPool

    return RayPool(job_spec, options.cluster, options.processes, threads=threads)


def _line(outcome: Outcome) -> str:
    from hmr_live.batch.archive.worker import State

    if outcome.state is State.FAILED:
        return f"{outcome.name}: failed: {outcome.problem}"
    found = f"a body in {outcome.frames_with_body} of {outcome.frames} frames"
    if outcome.state is State.FINISHED_BEFORE:
        return f"{outcome.name}: {found}, finished before"
    return f"{outcome.name}: {found}, {outcome.frames / max(outcome.seconds, 1e-9):.1f} frames/s"


def _count(text: str) -> int:
    """A number of processes, for the parser."""
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError("must be 1 or more")
    return number
