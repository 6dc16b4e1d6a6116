"""One client of the WebSocket server.

Each client has a slot for one message besides the one being sent: a slow client misses frames,
and delays neither the other clients nor the pipeline.
"""

from __future__ import annotations

import asyncio
import socket
from typing import TYPE_CHECKING, Final

from hmr_live.streaming.schema import JSON

if TYPE_CHECKING:
    from websockets.asyncio.server import ServerConnection

#: A client that receives nothing for this long is disconnected.
STALLED_S: Final = 10.0
#: Send buffer of a client: frames that wait there are no longer current.
BUFFER_BYTES: Final = 16 * 1024


class WebSocketClient:
    """A connection with its slot; everything happens in the loop's thread.

    Parameters
    ----------
    connection
        The open connection.
    format_name
        How its messages are encoded, one of :data:`hmr_live.streaming.schema.FORMATS`.
    """

    def __init__(self, connection: ServerConnection, format_name: str) -> None:
        self.format = format_name
        self._connection = connection
        self._waiting: bytes | None = None
        self._posted = asyncio.Event()
        transport_socket = connection.transport.get_extra_info("socket")
        if transport_socket is not None:
            transport_socket.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, BUFFER_BYTES)

    def post(self, message: bytes) -> bool:
        """Put a message into the slot; True if it replaced an unsent one."""
        replaced = self._waiting is not None
        self._waiting = message
        self._posted.set()
        return replaced

    async def next_message(self) -> bytes:
        """Wait for the newest message."""
        while self._waiting is None:
            await self._posted.wait()
            self._posted.clear()
        message, self._waiting = self._waiting, None
        return message

    async def send(self, message: bytes) -> None:
        """Send; raises TimeoutError if the client receives nothing for too long."""
        async with asyncio.timeout(STALLED_S):
            await self._connection.send(message.decode() if self.format == JSON else message)

    def abort(self) -> None:
        """Close the connection without waiting for the client."""
        self._connection.transport.abort()
