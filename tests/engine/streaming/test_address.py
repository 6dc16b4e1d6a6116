from __future__ import annotations

import pytest

from hmr_live.core.errors import StreamError
from hmr_live.streaming.address import Address, parse_address
from hmr_live.streaming.websocket import is_allowed_origin


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("39539", Address("127.0.0.1", 39539)),
        ("192.168.1.20:39539", Address("192.168.1.20", 39539)),
        ("studio-pc:80", Address("studio-pc", 80)),
        ("[::1]:8765", Address("::1", 8765)),
        (" 0.0.0.0:8765 ", Address("0.0.0.0", 8765)),
    ],
)
def test_addresses_are_read_and_a_port_alone_is_this_computer(text, expected):
    assert parse_address(text) == expected
    assert parse_address(str(expected)) == expected


@pytest.mark.parametrize(
    "text", ["", "here", ":80", "host:", "host:0", "host:65536", "host:-1", "٣"]
)
def test_what_is_no_address_is_refused_with_an_example(text):
    with pytest.raises(StreamError, match="HOST:PORT"):
        parse_address(text)


@pytest.mark.parametrize(
    ("origin", "host", "expected"),
    [
        (None, "localhost:8765", True),  # a program
        ("http://localhost:8765", "localhost:8765", True),
        ("http://127.0.0.1:8765", "127.0.0.1:8765", True),
        ("http://192.168.1.5:8765", "192.168.1.5:8765", True),
        ("http://[::1]:8765", "[::1]:8765", True),
        ("https://example.org", "localhost:8765", False),
        ("http://localhost:3000", "localhost:8765", False),  # another server on this computer
        ("http://evil.example:8765", "evil.example:8765", False),  # a name turned to our address
        ("null", "localhost:8765", False),  # a file, or a frame in a sandbox
        ("https://allowed.example", "localhost:8765", True),
        ("", "localhost:8765", False),
    ],
)
def test_only_our_own_page_and_those_allowed_may_read_the_stream(origin, host, expected):
    assert is_allowed_origin(origin, host, {"https://allowed.example"}) is expected
