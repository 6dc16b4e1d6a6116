"""VMC (Virtual Motion Capture protocol 2.7, the performer's side): OSC messages over UDP."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Final

import numpy as np

from hmr_live.core.errors import StreamError
from hmr_live.core.optional_packages import require_package
from hmr_live.core.state import Array, BodyState, FrameResult
from hmr_live.streaming.address import Address
from hmr_live.streaming.stream import Sink
from hmr_live.streaming.udp import DatagramSocket
from hmr_live.streaming.vmc_pose import BONES, vrm_pose

if TYPE_CHECKING:
    from pythonosc.osc_message import OscMessage

#: Default port of VMC receivers.
DEFAULT_PORT: Final = 39539
#: Bytes that cross a usual network unfragmented; the bones of a frame need two such packets.
MAX_PACKET: Final = 1400
#: After this long without anybody, the next person starts at the origin again.
FORGET_AFTER_S: Final = 2.0
_BUNDLE_HEADER: Final = 16
_MODEL_LOADED, _CALIBRATED, _NORMAL_MODE = 1, 3, 0


class VmcSink(Sink):
    """Sends the leader to a VMC receiver ("marionette").

    The place where a person comes into sight becomes the origin of the avatar's world.

    Parameters
    ----------
    address
        Receiver.

    Raises
    ------
    StreamError
        If the package python-osc is not installed.
    """

    def __init__(self, address: Address) -> None:
        require_package(
            "pythonosc", "python-osc", "The VMC stream", extra="streaming", error=StreamError
        )
        self.address = str(address)
        self._socket = DatagramSocket(address)
        self._started = time.monotonic()
        self._origin: Array | None = None
        self._track_id: int | None = None
        self._seen_at = 0.0

    def open(self) -> None:
        """Resolve the host."""
        self._socket.open()

    def deliver(self, result: FrameResult) -> None:
        """Send one frame: root and bones if somebody is in sight, state and time always."""
        now = time.monotonic()
        messages = []
        body = result.leader
        if body is not None:
            messages += bone_messages(body, self._origin_of(body, now))
        state = (_MODEL_LOADED, _CALIBRATED, _NORMAL_MODE, int(body is not None))
        messages.append(_message("/VMC/Ext/OK", state))
        messages.append(_message("/VMC/Ext/T", (now - self._started,)))
        for packet in packets(messages):
            self._socket.send(packet)
        self.sent += 1

    def close(self) -> None:
        """Release the socket."""
        self._socket.close()

    def _origin_of(self, body: BodyState, now: float) -> Array:
        """Where the pelvis was when the person came into sight, ``(3,)`` camera frame."""
        is_new = body.track_id != self._track_id or now - self._seen_at > FORGET_AFTER_S
        if self._origin is None or is_new:
            self._origin = np.array(body.joints[0])
        self._track_id, self._seen_at = body.track_id, now
        return self._origin


def bone_messages(body: BodyState, origin: Array) -> list[OscMessage]:
    """Root and bones of one person; see :func:`hmr_live.streaming.vmc_pose.vrm_pose`."""
    pose = vrm_pose(body, origin)
    rest = (0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 1.0)
    messages = [_message("/VMC/Ext/Root/Pos", ("root", *rest))]
    for name, position, quaternion in zip(
        BONES.values(), pose.positions.tolist(), pose.quaternions.tolist(), strict=True
    ):
        messages.append(_message("/VMC/Ext/Bone/Pos", (name, *position, *quaternion)))
    return messages


def packets(messages: Sequence[OscMessage]) -> Iterator[bytes]:
    """Pack messages into OSC bundles of at most :data:`MAX_PACKET` bytes, in their order."""
    from pythonosc.osc_bundle_builder import IMMEDIATELY, OscBundleBuilder

    bundle, size = OscBundleBuilder(IMMEDIATELY), _BUNDLE_HEADER
    for message in messages:
        needed = message.size + 4  # each element is preceded by its length
        if size + needed > MAX_PACKET:
            yield bundle.build().dgram
            bundle, size = OscBundleBuilder(IMMEDIATELY), _BUNDLE_HEADER
        bundle.add_content(message)
        size += needed
    yield bundle.build().dgram


def _message(address: str, values: Sequence[int | float | str]) -> OscMessage:
    from pythonosc.osc_message_builder import OscMessageBuilder

    builder = OscMessageBuilder(address)
    for value in values:
        builder.add_arg(value)
    return builder.build()
