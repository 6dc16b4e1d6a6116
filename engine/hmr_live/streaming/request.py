"""A request for a stream, and the stream made from it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum

from hmr_live.body.model import BodyModel
from hmr_live.streaming import vmc, websocket
from hmr_live.streaming.address import parse_address
from hmr_live.streaming.schema import MSGPACK
from hmr_live.streaming.stream import Sink, Stream
from hmr_live.streaming.udp import UdpSink
from hmr_live.streaming.virtual_camera import VirtualCameraSink


class StreamKind(Enum):
    """The streams there are; the value is the option's name."""

    VMC = "vmc"
    WEBSOCKET = "websocket"
    UDP = "udp"
    VIRTUAL_CAMERA = "virtual-camera"


#: Default address of each stream; for a virtual camera, empty means the first one found.
DEFAULT_ADDRESSES = {
    StreamKind.VMC: f"127.0.0.1:{vmc.DEFAULT_PORT}",
    StreamKind.WEBSOCKET: f"127.0.0.1:{websocket.DEFAULT_PORT}",
    StreamKind.UDP: "127.0.0.1:8766",
    StreamKind.VIRTUAL_CAMERA: "",
}


@dataclass(frozen=True, slots=True)
class StreamRequest:
    """One stream to switch on.

    Attributes
    ----------
    kind
        Which one.
    address
        ``HOST:PORT`` to send to or to listen at (a port alone means this computer), or the device
        of the virtual camera.
    format
        UDP: ``msgpack`` or ``json``.
    overlay
        Virtual camera: whether the bodies are drawn over the picture.
    allowed_origins
        WebSocket: web pages of other sites that may read the stream.
    """

    kind: StreamKind
    address: str
    format: str = MSGPACK
    overlay: bool = True
    allowed_origins: tuple[str, ...] = ()


def make_stream(request: StreamRequest, body: Callable[[], BodyModel | None]) -> Stream:
    """Create a stream; it is not running yet.

    Parameters
    ----------
    request
        What to stream, and where.
    body
        Returns the body model of the results; None until there is one.

    Raises
    ------
    StreamError
        If the address is invalid or a package is missing.
    """
    return Stream(_sink(request, body))


def _sink(request: StreamRequest, body: Callable[[], BodyModel | None]) -> Sink:
    if request.kind is StreamKind.VIRTUAL_CAMERA:
        return VirtualCameraSink(body, overlay=request.overlay, device=request.address)
    address = parse_address(request.address)
    if request.kind is StreamKind.VMC:
        return vmc.VmcSink(address)
    if request.kind is StreamKind.WEBSOCKET:
        return websocket.WebSocketSink(address, request.allowed_origins)
    return UdpSink(address, request.format)
