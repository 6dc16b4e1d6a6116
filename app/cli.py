"""The command ``hmr-live``: the window, and the same pipeline without one."""

from __future__ import annotations

import argparse
import logging
import os
import sys
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any

# One BLAS thread: the small products of a body gain nothing from more, and the threads that wait
# for work take the core that the network needs.  Must stand before numpy is imported.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

from engine.errors import HmrLiveError

if TYPE_CHECKING:
    from engine.pipeline import Pipeline

#: Clip that plays when no source is named.
DEMO_CLIP = ("clips", "balancing.mp4")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; the result is the exit code (0 well, 1 with a sentence on stderr)."""
    options = _parser().parse_args(arguments)
    logging.basicConfig(
        level=logging.INFO if options.verbose else logging.WARNING,
        format="%(levelname)s %(name)s: %(message)s",
    )
    try:
        code: int = options.run(options)
    except HmrLiveError as error:
        print(f"hmr-live: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("hmr-live: stopped; what was processed until then is written.", file=sys.stderr)
        return 130
    return code


def has_display() -> bool:
    """Whether a window can be opened here."""
    if sys.platform in ("win32", "darwin"):
        return True
    return bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="hmr-live",
        description="Live human mesh recovery: a webcam moves an SMPL body.",
    )
    parser.add_argument("-v", "--verbose", action="store_true", help="say what is chosen and why")
    source = parser.add_mutually_exclusive_group()
    source.add_argument("--camera", metavar="N", type=int, help="open the window on camera N")
    source.add_argument("--video", metavar="FILE", help="open the window on a video file")
    _add_pipeline_options(parser)
    parser.set_defaults(run=_window)
    commands = parser.add_subparsers(title="without a window", metavar="COMMAND")

    run = commands.add_parser("run", help="process a video or picture into a folder")
    run.add_argument("input", help="video file, picture or camera number")
    run.add_argument("--out", type=Path, default=Path("out"), help="folder (default: out)")
    run.add_argument("--no-overlay", action="store_true", help="write no video")
    _add_pipeline_options(run)
    run.set_defaults(run=_run)

    demo = commands.add_parser("demo", help="show the shipped clip, with or without a screen")
    demo.add_argument(
        "--out", type=Path, default=Path("out"), help="folder when there is no screen"
    )
    _add_pipeline_options(demo)
    demo.set_defaults(run=_demo, camera=None, video=None, no_overlay=False)

    bench = commands.add_parser("bench", help="time every stage on a clip")
    bench.add_argument("input", nargs="?", help="video file (default: the shipped clip)")
    bench.add_argument("--frames", type=int, default=300, help="frames to time (default: 300)")
    bench.add_argument("--json", action="store_true", help="print JSON")
    _add_pipeline_options(bench)
    bench.set_defaults(run=_bench)

    cameras = commands.add_parser("cameras", help="list the cameras of this machine")
    cameras.set_defaults(run=_cameras)

    doctor = commands.add_parser("doctor", help="what is found here, what is chosen and why")
    doctor.add_argument("--json", action="store_true", help="print JSON")
    _add_pipeline_options(doctor)
    doctor.set_defaults(run=_doctor)

    recover = commands.add_parser("recover", help="save what an interrupted recording left behind")
    recover.add_argument("journal", type=Path, help="the .npz.part file")
    recover.set_defaults(run=_recover)
    return parser


def _add_pipeline_options(parser: argparse.ArgumentParser) -> None:
    # SUPPRESS keeps a subcommand's default from overwriting what stood before the subcommand.
    group = parser.add_argument_group("pipeline")
    nothing = argparse.SUPPRESS
    group.add_argument("--network", type=Path, default=nothing, help="an .onnx with its manifest")
    group.add_argument("--body", type=Path, default=nothing, help="an SMPL .pkl or .npz")
    group.add_argument(
        "--backend", default=nothing, help="auto, or a name that doctor lists (default: auto)"
    )
    group.add_argument("--threads", type=int, default=nothing, help="threads of one inference")
    group.add_argument("--no-smoothing", action="store_true", default=nothing, help="raw poses")


def _window(options: argparse.Namespace) -> int:
    if not has_display():
        print(
            "hmr-live: there is no screen here (DISPLAY is not set): use hmr-live run FILE, or "
            "hmr-live demo.",
            file=sys.stderr,
        )
        return 1
    from app.window import run_window  # PyQt6 is not needed without a window
    from engine.assets import asset_path

    source = options.camera if options.camera is not None else options.video
    return run_window(
        source,
        demo_clip=asset_path(*DEMO_CLIP),
        smoothing=not getattr(options, "no_smoothing", False),
        **_pipeline_settings(options),
    )


def _demo(options: argparse.Namespace) -> int:
    if has_display():
        return _window(options)
    from engine.assets import asset_path

    print("There is no screen here, so the shipped clip is processed into a folder instead.")
    options.input = str(asset_path(*DEMO_CLIP))
    return _run(options)


def _run(options: argparse.Namespace) -> int:
    from engine.offline import run_offline
    from engine.sources import open_source

    source = open_source(options.input)
    pipeline = _open_pipeline(options)
    total = getattr(source, "frame_count", 0)

    def show(done: int) -> None:
        if sys.stderr.isatty() and done % 10 == 0:
            print(f"\r{done}/{total or '?'} frames", end="", file=sys.stderr, flush=True)

    with closing(pipeline):
        summary = run_offline(
            source, pipeline, options.out, overlay=not options.no_overlay, progress=show
        )
    if sys.stderr.isatty():
        print("\r", end="", file=sys.stderr)
    print(summary.as_text())
    return 0


def _bench(options: argparse.Namespace) -> int:
    from engine.assets import asset_path
    from engine.bench import bench_pipeline

    path = Path(options.input) if options.input else asset_path(*DEMO_CLIP)
    with closing(_open_pipeline(options)) as pipeline:
        report = bench_pipeline(path, pipeline, frames=options.frames)
    print(report.as_json() if options.json else report.as_text())
    return 0


def _cameras(options: argparse.Namespace) -> int:
    from engine.sources import list_cameras

    cameras = list_cameras()
    for camera in cameras:
        print(f"{camera.index}: {camera.name}")
    if not cameras:
        print("There is no camera on this machine.")
    return 0


def _doctor(options: argparse.Namespace) -> int:
    from app.pipeline_options import inference_threads
    from engine.doctor import examine

    report = examine(
        backend=getattr(options, "backend", "auto"),
        network=getattr(options, "network", None),
        threads=inference_threads(getattr(options, "threads", None)),
    )
    print(report.as_json() if options.json else report.as_text())
    return 0 if report.good else 1


def _recover(options: argparse.Namespace) -> int:
    from engine.recording import recover_recording

    print(f"Saved as {recover_recording(options.journal)}")
    return 0


def _open_pipeline(options: argparse.Namespace) -> Pipeline:
    from app.pipeline_options import open_pipeline

    return open_pipeline(
        **_pipeline_settings(options), smoothing=not getattr(options, "no_smoothing", False)
    )


def _pipeline_settings(options: argparse.Namespace) -> dict[str, Any]:
    """Which of network, body, backend and threads the user has named."""
    names = ("network", "body", "backend", "threads")
    return {name: value for name, value in vars(options).items() if name in names}
