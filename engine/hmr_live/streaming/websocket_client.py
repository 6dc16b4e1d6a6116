"""One client of the WebSocket server.

Each client has a slot for one message beside the one on its way: whoever reads slowly misses
frames, and holds up neither the other clients nor the pipeline.
"""

from __future__ import annotations

import asyncio
import socket
from typing import TYPE_CHECKING, Final

from hmr_live.streaming.schema import JSON

if TYPE_CHECKING:
    from websockets.asyncio.server import ServerConnection

#: A client that takes nothing for this long is disconnected.
STALLED_S: Final = 10.0
#: The system keeps no more than about this much for a client: what lies there is no longer new.
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
        """Leave a message; True when an unsent one had to make room."""
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
        """Send; raises TimeoutError when the client takes nothing for too long."""
        async with asyncio.timeout(STALLED_S):
            await self._connection.send(message.decode() if self.format == JSON else message)

    def abort(self) -> None:
        """Break the connection without waiting for the client."""
        self._connection.transport.abort()
