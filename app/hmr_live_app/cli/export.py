"""The command ``hmr-live export``: takes and motion files in other file formats."""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Final

from hmr_live.core.errors import ExportError, HmrLiveError

if TYPE_CHECKING:
    from hmr_live.export.exporter import Exporter
    from hmr_live.export.formats import ClipFormat, TakeFormat

_ALL: Final = "all"


def add_export_command(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add ``export`` to the program's commands."""
    from hmr_live.export.formats import FORMATS

    listing = "\n".join(f"  {format_.name:<9}{format_.summary}" for format_ in FORMATS.values())
    parser = commands.add_parser(
        "export",
        help="export a take as AMASS, BVH, glTF, USD, CSV, C3D, video and more",
        description="Export a take, an AMASS .npz or a .bvh file to other file formats.",
        epilog=f"formats:\n{listing}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("take", type=Path, help="a .hmrtake, AMASS .npz or .bvh file")
    parser.add_argument(
        "--to",
        metavar="FORMAT",
        action="append",
        required=True,
        help="format to write; may be repeated; all writes every format available here",
    )
    parser.add_argument(
        "--out", type=Path, help="file, or folder for several files (default: next to the take)"
    )
    parser.add_argument(
        "--person", metavar="N", type=int, help="export person N only (default: everyone)"
    )
    parser.add_argument(
        "--rate", metavar="HZ", type=float, help="frames per second (default: as recorded)"
    )
    parser.add_argument(
        "--up", choices=("y", "z"), help="up axis, for formats that leave the choice"
    )
    parser.add_argument(
        "--floor",
        action="store_true",
        help="level the camera, put the feet at height 0 and the start above the origin",
    )
    parser.add_argument("--body", type=Path, help="the body model the take was recorded with")
    parser.add_argument("--video", type=Path, help="the video the take was made from (for mp4)")
    parser.add_argument("--overwrite", action="store_true", help="replace existing files")
    parser.add_argument("--time", action="store_true", help="print how long each format took")
    parser.set_defaults(run=_run)


def _run(options: argparse.Namespace) -> int:
    from hmr_live.body.model import BodyModel
    from hmr_live.export.exporter import Exporter, ExportOptions, body_of_take
    from hmr_live.imports.motion_file import open_take

    formats = _formats(options.to)
    body = BodyModel.load(options.body) if options.body else None
    take = open_take(options.take, body)
    exporter = Exporter(
        take,
        options.take.stem,
        body_of_take(take, body),
        ExportOptions(
            track_id=options.person,
            rate=options.rate,
            up=options.up,
            floor=options.floor,
            video=options.video,
            overwrite=options.overwrite,
        ),
    )
    target = _target(options.out, options.take, several=len(formats) > 1)
    start = time.perf_counter()
    notes = exporter.notes(formats)
    if options.time:
        print(_timed("reading and resampling", time.perf_counter() - start, exporter.seconds))
    # What `all` cannot write here is skipped with the reason; formats given by name must succeed.
    tolerant = _ALL in options.to
    written = sum(
        _write(exporter, format_, target, tolerant=tolerant, timed=options.time)
        for format_ in formats
    )
    for note in notes:
        print(note)
    return 0 if written else 1


def _write(
    exporter: Exporter,
    format_: ClipFormat | TakeFormat,
    target: Path,
    *,
    tolerant: bool,
    timed: bool,
) -> bool:
    """Write one format and print its files; return whether it was written."""
    start = time.perf_counter()
    try:
        paths = exporter.write(format_, target, _show_progress(format_.name))
    except HmrLiveError as error:
        if not tolerant:
            raise
        print(f"{format_.name}: skipped. {error}")
        return False
    finally:
        _clear_progress()
    for path in paths:
        print(path)
    if timed:
        print(_timed(format_.name, time.perf_counter() - start, exporter.seconds))
    return True


def _formats(names: list[str]) -> list[ClipFormat | TakeFormat]:
    """The requested formats, each once."""
    from hmr_live.export.formats import FORMATS, format_named

    if _ALL in names:
        return list(FORMATS.values())
    return list({(found := format_named(name)).name: found for name in names}.values())


def _target(out: Path | None, take: Path, *, several: bool) -> Path:
    """File or folder to write to."""
    if out is None:
        return take.parent
    if several and not out.is_dir():
        try:
            out.mkdir(parents=True)
        except OSError as error:
            raise ExportError(
                f"The folder {out} cannot be created ({error.strerror}): choose another one with "
                "--out."
            ) from error
    return out


def _timed(what: str, seconds: float, length: float) -> str:
    return f"{what:<24}{seconds:>9.3f} s{length / max(seconds, 1e-9):>10.1f} x real time"


def _show_progress(name: str) -> Callable[[float], None]:
    def show(share: float) -> None:
        if sys.stderr.isatty():
            print(f"\r{name} {share:4.0%}", end="", file=sys.stderr, flush=True)

    return show


def _clear_progress() -> None:
    if sys.stderr.isatty():
        print("\r\033[K", end="", file=sys.stderr, flush=True)
