"""UDP: one datagram for each frame, and the socket that the VMC stream uses as well."""

from __future__ import annotations

import socket

from hmr_live.core.errors import StreamError
from hmr_live.core.state import FrameResult
from hmr_live.streaming.address import Address
from hmr_live.streaming.schema import encoder, frame_message
from hmr_live.streaming.stream import Sink


class DatagramSocket:
    """A UDP socket with one receiver.

    UDP cannot tell whether anybody listens; on the same machine, however, the system reports when
    nobody does, because the socket is connected.
    """

    def __init__(self, address: Address) -> None:
        self.address = address
        self._socket: socket.socket | None = None

    def open(self) -> None:
        """Resolve the host.

        Raises
        ------
        StreamError
            If it is unknown, or cannot be reached.
        """
        self.close()
        try:
            found = socket.getaddrinfo(self.address.host, self.address.port, type=socket.SOCK_DGRAM)
            family, kind, protocol, _, place = found[0]
            self._socket = socket.socket(family, kind, protocol)
            self._socket.connect(place)
        except socket.gaierror as error:
            raise StreamError(
                f"The host {self.address.host} is not known ({error.strerror}): check the name, "
                "or enter its IP address."
            ) from error
        except OSError as error:
            raise StreamError(
                f"Nothing can be sent to {self.address} ({error.strerror}): check the address and "
                "the network."
            ) from error

    def send(self, data: bytes) -> None:
        """Send one datagram.

        Raises
        ------
        StreamError
            If it could not be sent, or an earlier one was refused.
        """
        if self._socket is None:
            raise StreamError(f"Nothing can be sent to {self.address}: it is not open.")
        try:
            self._socket.send(data)
        except ConnectionRefusedError as error:
            raise StreamError(
                f"Nobody listens at {self.address}: start the receiving program; the stream "
                "continues."
            ) from error
        except OSError as error:
            raise StreamError(
                f"Nothing can be sent to {self.address} ({error.strerror}): check the network; the "
                "stream continues."
            ) from error

    def close(self) -> None:
        """Release the socket."""
        if self._socket is not None:
            self._socket.close()
            self._socket = None


class UdpSink(Sink):
    """Frame messages of :mod:`hmr_live.streaming.schema`, without the 2D joints.

    Parameters
    ----------
    address
        Receiver.
    format_name
        ``msgpack`` (one person fits into 1,400 bytes) or ``json``.

    Raises
    ------
    StreamError
        If the package msgpack is not installed.
    """

    def __init__(self, address: Address, format_name: str) -> None:
        self.address = str(address)
        self._encode = encoder(format_name)
        self._socket = DatagramSocket(address)

    def open(self) -> None:
        """Resolve the host."""
        self._socket.open()

    def deliver(self, result: FrameResult) -> None:
        """Send the frame as one datagram."""
        self._socket.send(self._encode(frame_message(result, joints_2d=False)))
        self.sent += 1

    def close(self) -> None:
        """Release the socket."""
        self._socket.close()
