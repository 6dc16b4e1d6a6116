"""``hmr-live stream``: the live pipeline and its streams without a window."""

from __future__ import annotations

import argparse
import signal
import sys
import threading
from collections.abc import Callable
from contextlib import closing
from typing import Final

from hmr_live.body.model import BodyModel
from hmr_live.capture.devices import named_camera
from hmr_live.capture.sources import open_source
from hmr_live.core.errors import HmrLiveError, StreamError
from hmr_live.live.session import LiveSession, LiveStats
from hmr_live.recovery.pipeline import Pipeline
from hmr_live.streaming import Stream, StreamKind, Streams, StreamStatus, make_stream
from hmr_live_app.cli.stream_options import requested_streams
from hmr_live_app.cli.termination_signals import on_termination

#: Between two status lines: on a terminal, and in a log.
_TERMINAL_S: Final = 1.0
_LOG_S: Final = 10.0


def run_streams(options: argparse.Namespace, open_pipeline: Callable[..., Pipeline]) -> int:
    """Stream until the source ends or Ctrl-C is pressed.

    Parameters
    ----------
    options
        As parsed.
    open_pipeline
        Opens the pipeline, given the source's ``fps``.

    Raises
    ------
    HmrLiveError
        A requested stream cannot be opened, or the source cannot be opened or fails.
    """
    on_termination(signal.default_int_handler)  # the usual way out
    pipeline: Pipeline | None = None
    made = _make_streams(options, lambda: None if pipeline is None else pipeline.body)
    spec = options.video if options.camera is None else named_camera(options.camera)
    with closing(open_source(spec, realtime=True, loop=options.loop)) as source:
        pipeline = open_pipeline(fps=source.fps)
        streams, ended = Streams(), threading.Event()
        errors: list[HmrLiveError] = []

        def fail(error: HmrLiveError) -> None:
            errors.append(error)
            ended.set()

        live = LiveSession(
            source,
            pipeline,
            on_result=streams.send,
            on_error=fail,
            on_end=ended.set,
        )
        with closing(pipeline):
            try:
                for kind, stream in made.items():
                    streams.start(kind, stream)
                live.start()
                _report_until(ended, live, streams)
            except KeyboardInterrupt:
                print(file=sys.stderr)  # the terminal has written ^C into the status line
            finally:
                live.stop()
                summary = _status_line(live.stats(), streams.status())
                streams.stop_all()
    if errors:
        raise errors[0]
    print(summary)
    return 0


def _make_streams(
    options: argparse.Namespace, body: Callable[[], BodyModel | None]
) -> dict[StreamKind, Stream]:
    """Create the requested streams; raises StreamError if there are none or one is impossible."""
    requests = requested_streams(options)
    if not requests:
        raise StreamError(
            "No stream is given: add --websocket 8765, --vmc HOST:PORT, --udp HOST:PORT or "
            "--virtual-camera overlay."
        )
    return {request.kind: make_stream(request, body) for request in requests}


def _status_line(stats: LiveStats, statuses: dict[StreamKind, StreamStatus]) -> str:
    """The state of the pipeline and the streams, in one line."""
    parts = [f"{stats.processed} frames, {stats.fps:.0f} fps"]
    for kind, status in statuses.items():
        clients = "" if status.clients is None else f"{status.clients} connected, "
        parts.append(
            f"{kind.value} {status.address}: {clients}{status.sent} sent, {status.dropped} dropped"
        )
    return " | ".join(parts)


def _report_until(ended: threading.Event, live: LiveSession, streams: Streams) -> None:
    """Print the status at intervals, and each new problem once."""
    terminal = sys.stderr.isatty()
    reported: dict[StreamKind, str | None] = {}
    seconds = 0.0
    while not ended.wait(_TERMINAL_S):
        seconds += _TERMINAL_S
        statuses = streams.status()
        _report_problems(statuses, reported, "\r\x1b[K" if terminal else "")
        if terminal:
            line = _status_line(live.stats(), statuses)
            print(f"\r{line}\x1b[K", end="", file=sys.stderr, flush=True)
        elif seconds >= _LOG_S:
            seconds = 0.0
            print(_status_line(live.stats(), statuses), file=sys.stderr, flush=True)


def _report_problems(
    statuses: dict[StreamKind, StreamStatus],
    reported: dict[StreamKind, str | None],
    start_of_line: str,
) -> None:
    for kind, status in statuses.items():
        if status.problem != reported.get(kind):
            reported[kind] = status.problem
            if status.problem is not None:
                print(f"{start_of_line}hmr-live: {status.problem}", file=sys.stderr, flush=True)
