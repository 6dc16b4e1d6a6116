"""The WebSocket stream, read by real clients over real sockets."""

from __future__ import annotations

import json
import socket
import urllib.error
import urllib.request
from contextlib import contextmanager

import msgpack
import numpy as np
import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import connect

from hmr_live.core import optional_packages as packages
from hmr_live.core.errors import StreamError
from hmr_live.streaming import stream as stream_module
from hmr_live.streaming import websocket, websocket_client
from hmr_live.streaming.address import Address
from hmr_live.streaming.request import StreamKind, StreamRequest, make_stream
from tests.engine.streaming.cases import person, random_pose, result_of, wait_until


@pytest.fixture
def server(port):
    request = StreamRequest(
        StreamKind.WEBSOCKET, str(port), allowed_origins=("https://allowed.example",)
    )
    stream = make_stream(request, lambda: None)
    stream.start()
    assert stream.wait_open(5)
    yield stream
    stream.stop()
    stream.join(5)


def opened(port, path="/", **options):
    return connect(f"ws://127.0.0.1:{port}{path}", compression=None, **options)


def wait_for_clients(server, count):
    wait_until(lambda: server.status().clients == count)


def test_a_client_gets_the_names_and_then_every_frame(server, port):
    body = person(random_pose(1))
    with opened(port) as client:
        hello = json.loads(client.recv(5))
        assert hello["type"] == "hello"
        wait_for_clients(server, 1)
        for index in range(3):
            server.send(result_of(body, index=index))
            frame = json.loads(client.recv(5))
            assert frame["frame_index"] == index
        joints = np.reshape(frame["people"][0]["joints"], (24, 3))
        np.testing.assert_allclose(joints, body.joints, atol=1e-4)
    wait_for_clients(server, 0)
    assert server.status().sent == 3


@pytest.mark.parametrize(
    ("path", "options"),
    [
        ("/?format=msgpack", {}),
        ("/", {"subprotocols": ["hmr-live.msgpack"]}),
        ("/", {"subprotocols": ["unknown", "hmr-live.msgpack", "hmr-live.json"]}),
    ],
)
def test_messagepack_is_chosen_by_query_or_subprotocol(server, port, path, options):
    with opened(port, path, **options) as client:
        assert msgpack.unpackb(client.recv(5))["type"] == "hello"
        wait_for_clients(server, 1)
        server.send(result_of(person({})))
        assert msgpack.unpackb(client.recv(5))["type"] == "frame"


def test_clients_of_both_formats_are_served_at_once(server, port):
    with opened(port) as first, opened(port, "/?format=msgpack") as second:
        first.recv(5), second.recv(5)
        wait_for_clients(server, 2)
        server.send(result_of(person({}), index=5))
        assert json.loads(first.recv(5))["frame_index"] == 5
        assert msgpack.unpackb(second.recv(5))["frame_index"] == 5


@contextmanager
def client_that_never_reads(port):
    """Opens a WebSocket by hand and takes nothing any more."""
    with socket.socket() as idle:
        idle.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        idle.connect(("127.0.0.1", port))
        idle.sendall(
            b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n"
        )
        assert idle.recv(12) == b"HTTP/1.1 101"
        yield


def test_a_client_that_never_reads_loses_frames_and_the_others_lose_none(server, port):
    with client_that_never_reads(port), opened(port) as reading:
        reading.recv(5)
        wait_for_clients(server, 2)
        body = person(random_pose(2))
        for index in range(80):
            server.send(result_of(body, index=index))
            assert json.loads(reading.recv(5))["frame_index"] == index
        assert server.status().dropped > 40


def test_a_client_that_takes_nothing_is_disconnected(server, port, monkeypatch):
    monkeypatch.setattr(websocket_client, "STALLED_S", 0.1)
    with client_that_never_reads(port):
        wait_for_clients(server, 1)
        result = result_of(person(random_pose(2)))
        wait_until(lambda: server.send(result) or server.status().clients == 0)


def test_nothing_is_encoded_while_nobody_is_connected(port, monkeypatch):
    encoded = []
    monkeypatch.setattr(websocket, "frame_message", encoded.append)
    sink = websocket.WebSocketSink(Address("127.0.0.1", port))
    sink.open()
    sink.deliver(result_of(person({})))
    sink.close()
    assert not encoded


@pytest.mark.parametrize("origin", ["https://evil.example", "null", "http://localhost:1"])
def test_a_foreign_web_page_is_refused(server, port, origin):
    with pytest.raises(InvalidStatus) as refused, opened(port, origin=origin):
        pass
    assert refused.value.response.status_code == 403


@pytest.mark.parametrize("origin", ["https://allowed.example", None])
def test_pages_that_the_user_allows_and_programs_are_let_in(server, port, origin):
    with opened(port, origin=origin) as client:
        assert json.loads(client.recv(5))["type"] == "hello"


def test_our_own_page_is_served_and_let_in(server, port):
    address = f"http://127.0.0.1:{port}"
    with urllib.request.urlopen(f"{address}/", timeout=5) as answer:
        page = answer.read().decode()
        assert answer.headers["Content-Type"].startswith("text/html")
        assert "default-src 'none'" in answer.headers["Content-Security-Policy"]
    assert "new WebSocket" in page
    with opened(port, origin=address) as client:
        assert client.recv(5)


def test_other_paths_and_formats_do_not_exist(server, port):
    with pytest.raises(urllib.error.HTTPError, match="404"):
        urllib.request.urlopen(f"http://127.0.0.1:{port}/../secret", timeout=5)
    with pytest.raises(InvalidStatus, match="400"), opened(port, "/?format=xml"):
        pass


def test_it_listens_on_this_computer_only(server, port):
    with socket.create_connection(("127.0.0.1", port), timeout=5):
        pass
    with socket.socket() as other:  # the address 0.0.0.0 would take this one too
        other.bind(("127.0.0.2", port))


def test_a_port_in_use_is_told_and_taken_when_it_is_free(port, monkeypatch):
    monkeypatch.setattr(stream_module, "RETRY_S", 0.05)
    stream = make_stream(StreamRequest(StreamKind.WEBSOCKET, str(port)), lambda: None)
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", port))
        taken.listen()
        stream.start()
        wait_until(lambda: stream.status().problem is not None)
        assert f"127.0.0.1:{port}" in stream.status().problem
        assert "choose another port" in stream.status().problem
    assert stream.wait_open(5)
    stream.stop()
    stream.join(5)


def test_a_host_that_is_not_known_is_told():
    request = StreamRequest(StreamKind.WEBSOCKET, "no.such.host.invalid:8765")
    stream = make_stream(request, lambda: None)
    stream.start()
    wait_until(lambda: stream.status().problem is not None)
    assert "no.such.host.invalid is not known" in stream.status().problem
    stream.stop()
    stream.join(5)


def test_stopping_disconnects_the_clients_and_frees_the_port(server, port):
    with opened(port) as client:
        client.recv(5)
        wait_for_clients(server, 1)
        server.stop()
        server.join(5)
        with pytest.raises(ConnectionClosed):
            client.recv(5)
    with socket.socket() as again:
        again.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        again.bind(("127.0.0.1", port))


def test_a_missing_package_is_named(monkeypatch):
    monkeypatch.setattr(packages, "find_spec", lambda _: None)
    with pytest.raises(StreamError, match=r"websockets.*hmr-live\[streaming\]"):
        make_stream(StreamRequest(StreamKind.WEBSOCKET, "8765"), lambda: None)
