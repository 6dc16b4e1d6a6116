"""Which web pages may read the stream: a browser lets any page connect to any address.

Browsers name the page in the ``Origin`` header and do not let the page change it; other programs
send none.
"""

from __future__ import annotations

from collections.abc import Collection
from urllib.parse import urlsplit

from hmr_live.streaming.address import is_ip_address


def is_allowed(origin: str | None, host: str | None, allowed: Collection[str]) -> bool:
    """Whether a WebSocket may be opened.

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
