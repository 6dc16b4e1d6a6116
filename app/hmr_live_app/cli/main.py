"""The command ``hmr-live``: the window, and commands that need none."""

from __future__ import annotations

import argparse
import logging
import os
import sys
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

# One BLAS thread: the small matrix products of a body gain nothing from more, and spinning threads
# take the cores that the network needs.  Must be set before numpy is imported.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

from hmr_live.core.camera_place import CameraPlace
from hmr_live.core.errors import CameraPlaceError, HmrLiveError, RecordingError
from hmr_live.recovery.network_choice import AUTO, DEFAULT_FPS
from hmr_live.recovery.tracking import MAX_PEOPLE
from hmr_live_app.cli.bench import add_bench_arguments, run_bench
from hmr_live_app.cli.export import add_export_command
from hmr_live_app.cli.latency import add_latency_arguments
from hmr_live_app.cli.run import add_run_command, run_files, run_one
from hmr_live_app.cli.stream_options import (
    add_stream_arguments,
    add_stream_options,
    requested_streams,
)
from hmr_live_app.model.error_reports import summary_of
from hmr_live_app.model.log_file import FILE_ONLY, log_path, logging_to_file
from hmr_live_app.model.takes.file_types import is_take
from hmr_live_app.pipeline_options import inference_threads, network_option, open_pipeline

if TYPE_CHECKING:
    from hmr_live.recovery.pipeline import Pipeline
    from hmr_live_app.main_window import MainWindow

_log = logging.getLogger(__name__)
#: The clip that plays when no source is given.
DEMO_CLIP = ("clips", "balancing.mp4")
_PERMISSIONS = "change the permissions of it and of its folder, or choose another place"


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command and return the exit code: 0, or 1 after one message on stderr."""
    options = _parser().parse_args(arguments)
    with logging_to_file(verbose=options.verbose):
        try:
            code: int = options.run(options)
        except HmrLiveError as error:
            print(f"hmr-live: {error}", file=sys.stderr)
            return 1
        except KeyboardInterrupt:
            print("hmr-live: stopped. What was complete before is kept.", file=sys.stderr)
            return 130
        except PermissionError as error:  # a folder on the way to a file that was named
            print(f"hmr-live: {error.filename} cannot be opened: {_PERMISSIONS}.", file=sys.stderr)
            return 1
        except BrokenPipeError:  # whoever read the output has had enough, such as head
            # Python writes what is left when it ends, and would fail once more.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            return 1
        except Exception as error:  # a bug: the user gets a message, the log the traceback
            _log.critical("Unexpected error", exc_info=True, extra=FILE_ONLY)
            print(_unexpected(error), file=sys.stderr)
            return 1
    return code


def _unexpected(error: Exception) -> str:
    log = log_path()
    return f"hmr-live: an unexpected error occurred ({summary_of(error)}): send the developers " + (
        f"the log in {log}." if log.is_file() else "what hmr-live -v prints instead of this."
    )


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
    parser.add_argument(
        "-v",
        "--verbose",
        action="store_true",
        help="print what is chosen and why, and tracebacks of unexpected errors",
    )
    source = parser.add_mutually_exclusive_group()
    source.add_argument(
        "--camera", metavar="CAMERA", help="open the window on this camera, by number or name"
    )
    source.add_argument("--video", metavar="FILE", help="open the window on this video file")
    _add_pipeline_options(parser)
    add_stream_options(parser)
    parser.set_defaults(run=_window)
    commands = parser.add_subparsers(title="commands", metavar="COMMAND")

    _add_pipeline_options(add_run_command(commands, _run))

    demo = commands.add_parser("demo", help="play the included clip, with or without a screen")
    demo.add_argument(
        "--out",
        type=Path,
        default=Path("out"),
        help="output folder if there is no screen (default: out)",
    )
    _add_pipeline_options(demo)
    demo.set_defaults(run=_demo, camera=None, video=None)

    play = commands.add_parser("play", help="open the window on a take")
    play.add_argument("take", type=Path, help="a .hmrtake, AMASS .npz or .bvh file")
    _add_pipeline_options(play)
    play.set_defaults(run=_play)

    stream = commands.add_parser(
        "stream", help="send live streams without a window until you press Ctrl-C"
    )
    add_stream_arguments(stream)
    _add_pipeline_options(stream)
    stream.set_defaults(run=_stream)

    bench = commands.add_parser("bench", help="time every stage on a clip")
    add_bench_arguments(bench)
    _add_pipeline_options(bench)
    bench.set_defaults(run=_bench)

    latency = commands.add_parser(
        "latency", help="measure the latency of the window from camera to screen"
    )
    add_latency_arguments(latency)
    _add_pipeline_options(latency)
    latency.set_defaults(run=_latency)

    cameras = commands.add_parser("cameras", help="list the cameras of this computer")
    cameras.set_defaults(run=_cameras)

    angles = commands.add_parser("angles", help="show how each joint angle is defined")
    angles.set_defaults(run=_angles)

    doctor = commands.add_parser(
        "doctor", help="show what this computer has, what is chosen and why"
    )
    doctor.add_argument("--json", action="store_true", help="print JSON")
    doctor.add_argument(
        "--measure", action="store_true", help="time every network on every back end again"
    )
    _add_pipeline_options(doctor)
    doctor.set_defaults(run=_doctor)

    repair = commands.add_parser("repair", help="recover what is left of a damaged take")
    repair.add_argument("take", type=Path, help="the .hmrtake file; it is not changed")
    repair.add_argument("--out", type=Path, help="the new file (default: next to the old one)")
    repair.set_defaults(run=_repair)

    add_export_command(commands)
    return parser


def _add_pipeline_options(parser: argparse.ArgumentParser) -> None:
    # SUPPRESS keeps a subcommand's default from overwriting an option given before it.
    group = parser.add_argument_group("pipeline")
    nothing = argparse.SUPPRESS
    group.add_argument(
        "--network",
        type=network_option,
        default=nothing,
        help="auto (default: the most accurate that this computer runs fast enough), lite, full, "
        "heavy, or an .onnx file with its manifest",
    )
    group.add_argument("--body", type=Path, default=nothing, help="an SMPL .pkl or .npz file")
    group.add_argument(
        "--backend",
        default=nothing,
        help="auto (default), or a name listed by doctor, optionally with :fp32, :fp16 or :int8; "
        "bench also accepts all, or several names separated by commas",
    )
    group.add_argument("--threads", type=int, default=nothing, help="threads of one inference")
    group.add_argument(
        "--no-smoothing", action="store_true", default=nothing, help="do not smooth the poses"
    )
    group.add_argument(
        "--camera-height",
        type=float,
        metavar="METRES",
        default=nothing,
        help="of a fixed camera over the floor: statures are metric where feet are seen",
    )
    group.add_argument(
        "--camera-pitch",
        type=float,
        metavar="DEGREES",
        default=nothing,
        help="how far that camera looks down (default: 0)",
    )
    group.add_argument(
        "--people",
        type=int,
        choices=range(1, MAX_PEOPLE + 1),
        metavar="N",
        default=nothing,
        help=f"number of people to track at once, up to {MAX_PEOPLE} (default: 1)",
    )


def _window(
    options: argparse.Namespace, on_open: Callable[[MainWindow], None] = lambda _: None
) -> int:
    if not has_display():
        print(
            "hmr-live: there is no screen here (DISPLAY is not set): run hmr-live run FILE or "
            "hmr-live demo instead.",
            file=sys.stderr,
        )
        return 1
    from hmr_live.capture.devices import named_camera
    from hmr_live.core.assets import asset_path
    from hmr_live_app.application import run_window  # PyQt6 is not needed without a window

    return run_window(
        options.video if options.camera is None else named_camera(options.camera),
        demo_clip=asset_path(*DEMO_CLIP),
        smoothing=not getattr(options, "no_smoothing", False),
        streams=requested_streams(options),
        on_open=on_open,
        **_pipeline_settings(options),
    )


def _play(options: argparse.Namespace) -> int:
    if not is_take(options.take):
        raise RecordingError(
            f"{options.take} is not a take: choose a .hmrtake, AMASS .npz or .bvh file."
        )
    options.camera, options.video = None, str(options.take)
    return _window(options)


def _demo(options: argparse.Namespace) -> int:
    if has_display():
        return _window(options)
    from hmr_live.core.assets import asset_path

    print("There is no screen here, so the included clip is processed into a folder instead.")
    return run_one(str(asset_path(*DEMO_CLIP)), partial(_open_pipeline, options), options.out)


def _run(options: argparse.Namespace) -> int:
    smoothing = not getattr(options, "no_smoothing", False)
    settings = _pipeline_settings(options) | {"smoothing": smoothing}
    return run_files(options, settings, _announce)


def _stream(options: argparse.Namespace) -> int:
    from hmr_live_app.cli.stream import run_streams

    return run_streams(options, partial(_open_pipeline, options))


def _bench(options: argparse.Namespace) -> int:
    from hmr_live.core.assets import asset_path
    from hmr_live.recovery.network_loader import NetworkLoader

    # Every back end runs the same network: the one that the fastest would run live.
    loader = NetworkLoader(
        threads=inference_threads(getattr(options, "threads", None)), announce=_announce
    )
    options.network = loader.choose(getattr(options, "network", AUTO))

    def open_on(backend: str) -> Pipeline:
        return _open_pipeline(argparse.Namespace(**{**vars(options), "backend": backend}))

    return run_bench(options, options.input or asset_path(*DEMO_CLIP), open_on)


def _latency(options: argparse.Namespace) -> int:
    from hmr_live.capture.sources import SIMULATED
    from hmr_live.core.assets import asset_path
    from hmr_live_app.cli.latency import measure_latency

    if options.camera is None:
        options.video = f"{SIMULATED}{options.video or asset_path(*DEMO_CLIP)}"
    return measure_latency(options, lambda on_open: _window(options, on_open))


def _cameras(options: argparse.Namespace) -> int:
    from hmr_live.capture.devices import list_cameras

    cameras = list_cameras()
    for camera in cameras:
        print(f"{camera.index}: {camera.name}")
    if not cameras:
        print("No camera was found on this computer.")
    return 0


def _angles(_options: argparse.Namespace) -> int:
    from hmr_live.angles import definitions_text

    print(definitions_text())
    return 0


def _doctor(options: argparse.Namespace) -> int:
    from hmr_live.doctor import examine

    report = examine(
        backend=getattr(options, "backend", "auto"),
        network=getattr(options, "network", AUTO),
        threads=inference_threads(getattr(options, "threads", None)),
        measure=options.measure,
    )
    print(report.as_json() if options.json else report.as_text())
    return 0 if report.good else 1


def _repair(options: argparse.Namespace) -> int:
    from hmr_live.takes.repair import repair_take

    print(repair_take(options.take, options.out).as_text())
    return 0


def _open_pipeline(
    options: argparse.Namespace, *, fps: float = DEFAULT_FPS, live: bool = True
) -> Pipeline:
    return open_pipeline(
        **_pipeline_settings(options),
        smoothing=not getattr(options, "no_smoothing", False),
        fps=fps,
        live=live,
        announce=_announce,
    )


def _announce(message: str) -> None:
    print(f"hmr-live: {message}", file=sys.stderr, flush=True)


def _pipeline_settings(options: argparse.Namespace) -> dict[str, Any]:
    """Those of network, body, backend, threads, camera and people that the user has given."""
    names = ("network", "body", "backend", "threads", "people")
    given = vars(options)
    settings = {name: value for name, value in given.items() if name in names}
    if "camera_height" in given:
        place = CameraPlace(options.camera_height, given.get("camera_pitch", 0.0))
        settings["camera_place"] = place
    elif "camera_pitch" in given:
        raise CameraPlaceError("The pitch of the camera alone says nothing: add --camera-height.")
    return settings
