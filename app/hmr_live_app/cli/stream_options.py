"""The command line's options for live streams."""

from __future__ import annotations

import argparse

from hmr_live.streaming import StreamKind, StreamRequest
from hmr_live.streaming.schema import FORMATS, MSGPACK


def add_stream_options(parser: argparse.ArgumentParser) -> None:
    """Add the options; those not given do not appear in the result."""
    # SUPPRESS keeps a subcommand's default from overwriting an option given before it.
    nothing = argparse.SUPPRESS
    group = parser.add_argument_group(
        "live streams", "All are off by default.  A port alone means this computer only."
    )
    group.add_argument(
        "--vmc", metavar="HOST:PORT", default=nothing, help="send the pose to avatar apps"
    )
    group.add_argument(
        "--websocket",
        metavar="[HOST:]PORT",
        default=nothing,
        help="serve browsers and programs; open http://localhost:PORT to see the skeleton",
    )
    group.add_argument(
        "--allow-origin",
        metavar="URL",
        action="append",
        default=nothing,
        help="let pages of this site read the WebSocket, for example https://example.org",
    )
    group.add_argument(
        "--udp", metavar="HOST:PORT", default=nothing, help="send one datagram per frame"
    )
    group.add_argument(
        "--udp-format",
        choices=FORMATS,
        default=nothing,
        help=f"encoding of the datagrams (default: {MSGPACK})",
    )
    group.add_argument(
        "--virtual-camera",
        choices=("overlay", "plain"),
        default=nothing,
        help="appear as a webcam in other programs, with the mesh or without",
    )


def add_stream_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the command, without those of the pipeline."""
    source = parser.add_mutually_exclusive_group(required=True)
    source.add_argument("--camera", metavar="CAMERA", help="a camera, by number or name")
    source.add_argument("--video", metavar="FILE", help="a video file, played at its own speed")
    parser.add_argument("--loop", action="store_true", help="repeat the video")
    add_stream_options(parser)


def requested_streams(options: argparse.Namespace) -> list[StreamRequest]:
    """The streams that the options request."""
    named = vars(options)
    requests = []
    if "vmc" in named:
        requests.append(StreamRequest(StreamKind.VMC, named["vmc"]))
    if "websocket" in named:
        origins = tuple(url.rstrip("/") for url in named.get("allow_origin", ()))
        requests.append(
            StreamRequest(StreamKind.WEBSOCKET, named["websocket"], allowed_origins=origins)
        )
    if "udp" in named:
        form = named.get("udp_format", MSGPACK)
        requests.append(StreamRequest(StreamKind.UDP, named["udp"], format=form))
    if "virtual_camera" in named:
        overlay = named["virtual_camera"] == "overlay"
        requests.append(StreamRequest(StreamKind.VIRTUAL_CAMERA, "", overlay=overlay))
    return requests
