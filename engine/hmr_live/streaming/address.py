"""Network addresses: ``HOST:PORT``, or ``PORT`` alone for this machine."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass
from typing import Final

from hmr_live.core.errors import StreamError

LOOPBACK: Final = "127.0.0.1"


@dataclass(frozen=True, slots=True)
class Address:
    """Host (a name or an IP address, without brackets) and port."""

    host: str
    port: int

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{host}:{self.port}"


def parse_address(text: str) -> Address:
    """Read ``HOST:PORT``, ``[IPv6]:PORT`` or ``PORT``.

    Parameters
    ----------
    text
        The text; without a host, this machine's loopback address is meant.

    Raises
    ------
    StreamError
        If it is not an address.
    """
    host, colon, port = text.strip().rpartition(":")
    host = host.removeprefix("[").removesuffix("]") if colon else LOOPBACK
    if not host or not port.isascii() or not port.isdigit() or not 0 < int(port) < 65536:
        raise StreamError(
            f"“{text}” is not an address: write HOST:PORT, such as 192.168.1.20:39539, or just a "
            "port (1 to 65535) for this computer."
        )
    return Address(host, int(port))


def is_ip_address(host: str) -> bool:
    """Whether the host is a numeric IP address, which needs no name server."""
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True
