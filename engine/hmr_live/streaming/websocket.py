"""WebSocket: a small server for browsers and programs, in an asyncio loop of its own.

How slow clients are handled: :mod:`hmr_live.streaming.websocket_client`.
"""

from __future__ import annotations

import asyncio
import logging
import socket
import threading
from collections.abc import Collection, Mapping, Sequence
from concurrent.futures import Future
from http import HTTPStatus
from pathlib import Path
from typing import TYPE_CHECKING, Final
from urllib.parse import parse_qs, urlsplit

from hmr_live.core.errors import StreamError
from hmr_live.core.optional_packages import require_package
from hmr_live.core.state import FrameResult
from hmr_live.streaming.address import Address, is_ip_address
from hmr_live.streaming.schema import FORMATS, JSON, encoder, frame_message, hello_message
from hmr_live.streaming.stream import Sink
from hmr_live.streaming.websocket_client import BUFFER_BYTES, WebSocketClient

if TYPE_CHECKING:
    from websockets.asyncio.server import ServerConnection
    from websockets.http11 import Request, Response
    from websockets.typing import Subprotocol

logger = logging.getLogger(__name__)

DEFAULT_PORT: Final = 8765
#: What clients send is read and ignored.
_MAX_RECEIVED_BYTES: Final = 1024
_SUBPROTOCOLS: Final = {f"hmr-live.{name}": name for name in FORMATS}
_PAGE: Final = Path(__file__).with_name("skeleton.html")
_PAGE_POLICY: Final = (
    "default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; "
    "connect-src 'self'; frame-ancestors 'none'"
)


class WebSocketSink(Sink):
    """Sends frame messages to every client, and the page that draws them over HTTP.

    Parameters
    ----------
    address
        Where to listen.
    allowed_origins
        Web pages of other sites that may read the stream, such as ``https://example.org``.

    Raises
    ------
    StreamError
        If the package websockets is not installed.
    """

    def __init__(self, address: Address, allowed_origins: Collection[str] = ()) -> None:
        require_package(
            "websockets", "websockets", "The WebSocket stream", extra="streaming", error=StreamError
        )
        self._listen_at = address
        self._allowed = frozenset(allowed_origins)
        self._encoders = {JSON: encoder(JSON)}
        self.address = f"http://{address}"
        self.clients = 0
        self._loop: asyncio.AbstractEventLoop | None = None
        self._ending: asyncio.Event | None = None
        self._thread: threading.Thread | None = None
        # The two below belong to the loop's thread; the stream's thread only reads the formats.
        self._connected: set[WebSocketClient] = set()
        self._formats: frozenset[str] = frozenset()

    def open(self) -> None:
        """Listen; raises :class:`.StreamError` if the address is in use or not this machine's."""
        opened: Future[None] = Future()
        self._thread = threading.Thread(
            target=self._run, args=(opened,), name="WebSocket server", daemon=True
        )
        self._thread.start()
        opened.result()

    def deliver(self, result: FrameResult) -> None:
        """Encode the frame once for each format in use and pass it to the loop."""
        formats, loop = self._formats, self._loop
        if formats and loop is not None:
            message = frame_message(result)
            encoded = {name: self._encoders[name](message) for name in formats}
            loop.call_soon_threadsafe(self._publish, encoded)

    def close(self) -> None:
        """Disconnect everybody and free the port."""
        loop, ending, thread = self._loop, self._ending, self._thread
        self._loop = self._ending = self._thread = None
        if loop is not None and ending is not None:
            loop.call_soon_threadsafe(ending.set)
        if thread is not None:
            thread.join()

    # The methods below run in the loop's thread.

    def _run(self, opened: Future[None]) -> None:
        try:
            asyncio.run(self._serve(opened))
        except Exception as error:  # open() must hear of it
            if opened.done():
                logger.exception("The WebSocket server at %s failed", self._listen_at)
            elif isinstance(error, OSError):
                opened.set_exception(_cannot_listen(self._listen_at, error))
            else:
                opened.set_exception(error)

    async def _serve(self, opened: Future[None]) -> None:
        from websockets.asyncio.server import serve

        ending = asyncio.Event()
        server = serve(
            self._serve_client,
            self._listen_at.host,
            self._listen_at.port,
            process_request=self._answer,
            select_subprotocol=self._select_subprotocol,
            compression=None,  # it costs more time than sending uncompressed
            max_size=_MAX_RECEIVED_BYTES,
            write_limit=BUFFER_BYTES,
            close_timeout=1,
            server_header="hmr-live",
            logger=_quiet_logger(),
        )
        async with server:
            self._loop, self._ending = asyncio.get_running_loop(), ending
            opened.set_result(None)
            await ending.wait()

    def _answer(self, connection: ServerConnection, request: Request) -> Response | None:
        """Accept WebSockets; all other requests get the page."""
        from websockets.datastructures import Headers
        from websockets.http11 import Response

        url = urlsplit(request.path)
        if url.path != "/":
            return connection.respond(HTTPStatus.NOT_FOUND, "There is nothing here.\n")
        if request.headers.get("Upgrade", "").lower() != "websocket":
            page = _PAGE.read_bytes()
            headers = Headers(
                {
                    "Content-Type": "text/html; charset=utf-8",
                    "Content-Length": str(len(page)),
                    "Content-Security-Policy": _PAGE_POLICY,
                    "Connection": "close",
                }
            )
            return Response(HTTPStatus.OK, "OK", headers, page)
        headers = request.headers
        if not is_allowed_origin(headers.get("Origin"), headers.get("Host"), self._allowed):
            return connection.respond(
                HTTPStatus.FORBIDDEN, "This page may not read the stream: see --allow-origin.\n"
            )
        try:
            self._prepare_encoder(_format_in(url.query))
        except StreamError as error:
            return connection.respond(HTTPStatus.BAD_REQUEST, f"{error}\n")
        return None

    def _select_subprotocol(
        self, _: ServerConnection, offered: Sequence[Subprotocol]
    ) -> Subprotocol | None:
        """Take the first one offered that is known and can be encoded here, else none."""
        for name in offered:
            if name in _SUBPROTOCOLS:
                try:
                    self._prepare_encoder(_SUBPROTOCOLS[name])
                except StreamError:
                    continue
                return name
        return None

    def _prepare_encoder(self, format_name: str) -> None:
        if format_name not in self._encoders:
            self._encoders[format_name] = encoder(format_name)

    async def _serve_client(self, connection: ServerConnection) -> None:
        request = connection.request
        query = urlsplit(request.path).query if request is not None else ""
        chosen = _SUBPROTOCOLS.get(connection.subprotocol or "")
        client = WebSocketClient(connection, chosen or _format_in(query))
        self._change_clients(self._connected | {client})
        feeding = asyncio.create_task(self._feed(client))
        try:
            async for _ in connection:  # ends when the client leaves
                continue
        finally:
            feeding.cancel()
            self._change_clients(self._connected - {client})

    async def _feed(self, client: WebSocketClient) -> None:
        from websockets.exceptions import ConnectionClosed

        try:
            await client.send(self._encoders[client.format](hello_message()))
            while True:
                await client.send(await client.next_message())
                self.sent += 1
        except ConnectionClosed:
            return
        except TimeoutError:
            client.abort()

    def _publish(self, encoded: Mapping[str, bytes]) -> None:
        for client in self._connected:
            # A client that connected since the encoding gets the next frame.
            if client.format in encoded and client.post(encoded[client.format]):
                self.dropped += 1

    def _change_clients(self, clients: set[WebSocketClient]) -> None:
        self._connected = clients
        self.clients = len(clients)
        self._formats = frozenset(client.format for client in clients)


def is_allowed_origin(origin: str | None, host: str | None, allowed: Collection[str]) -> bool:
    """Whether a WebSocket may be opened.

    A browser lets any web page connect to any address, but names the page in the ``Origin`` header
    and does not let the page change it.  Other programs send none.

    The server's own page may read the stream, but only under an IP address or ``localhost``:
    another site can make its own name resolve to this computer (DNS rebinding), but not an address.

    Parameters
    ----------
    origin
        The request's ``Origin`` header, such as ``http://localhost:8765``.
    host
        Its ``Host`` header, such as ``localhost:8765``.
    allowed
        Origins that the user has named.
    """
    if origin is None or origin in allowed:
        return True
    page = urlsplit(origin)
    name = page.hostname or ""
    return page.netloc == host and (name == "localhost" or is_ip_address(name))


def _format_in(query: str) -> str:
    """``format`` in a query string; JSON if there is none."""
    name = parse_qs(query).get("format", [JSON])[0]
    if name not in FORMATS:
        raise StreamError(f"There is no format “{name}”: use {' or '.join(FORMATS)}.")
    return name


def _cannot_listen(address: Address, error: OSError) -> StreamError:
    if isinstance(error, socket.gaierror):
        return StreamError(
            f"The host {address.host} is not known ({error.strerror}): enter an IP address of this "
            "computer."
        )
    return StreamError(
        f"Nobody can connect to {address} ({error.strerror or error}): close the program that uses "
        "the port, or choose another port."
    )


def _quiet_logger() -> logging.Logger:
    """A silenced logger: broken connections are normal, not errors."""
    log = logging.getLogger(f"{__name__}.server")
    log.setLevel(logging.CRITICAL)
    return log
