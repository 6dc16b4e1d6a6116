"""Live streams switched in the window and by the command line."""

from __future__ import annotations

import argparse
import json
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from pytestqt.qtbot import QtBot
from websockets.sync.client import connect

from hmr_live.streaming import StreamKind, StreamRequest
from hmr_live_app.cli.main import main
from hmr_live_app.cli.stream_options import add_stream_options, requested_streams
from hmr_live_app.main_window import MainWindow
from tests.app.support import CLIP, PATIENCE


@pytest.fixture
def port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        number: int = free.getsockname()[1]
        return number


def test_every_stream_is_off_at_first_and_stays_on_this_computer(window: MainWindow) -> None:
    assert window.model.streams.status() == {}
    for kind, row in window.streams.rows.items():
        assert not row.switch.isChecked()
        assert kind is StreamKind.VIRTUAL_CAMERA or row.address.text().startswith("127.0.0.1:")


def test_a_stream_switched_on_in_the_window_is_read_by_a_client(
    window: MainWindow, port: int, qtbot: QtBot
) -> None:
    window.commands.streams.trigger()
    qtbot.waitUntil(window.streams.isVisible, timeout=PATIENCE)
    row = window.streams.rows[StreamKind.WEBSOCKET]
    row.address.setText(str(port))
    row.switch.click()
    qtbot.waitUntil(lambda: _is_open(port), timeout=PATIENCE)
    served = f"http://127.0.0.1:{port} · 0 connected"
    qtbot.waitUntil(lambda: served in row.counts.text(), timeout=PATIENCE)
    assert not row.address.isEnabled()
    assert "1 on" in window.commands.streams.text()
    with connect(f"ws://127.0.0.1:{port}/") as client:
        assert json.loads(client.recv(60))["type"] == "hello"
        assert json.loads(client.recv(60))["people"]
        qtbot.waitUntil(lambda: "1 connected" in row.counts.text(), timeout=PATIENCE)
    row.switch.click()
    assert window.model.streams.status() == {}
    assert "on" not in window.commands.streams.text().split("streams")[1]
    assert row.address.isEnabled()


def test_an_address_that_makes_no_sense_leaves_the_stream_off_with_a_sentence(
    window: MainWindow,
) -> None:
    window.streams.show()
    row = window.streams.rows[StreamKind.VMC]
    row.address.setText("studio")
    row.switch.click()
    assert not row.switch.isChecked()
    assert "HOST:PORT" in row.message.text()


def test_a_problem_of_a_stream_shows_in_the_main_window_when_the_dialog_is_closed(
    window: MainWindow, qtbot: QtBot
) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        window.streams.switch_on(StreamRequest(StreamKind.WEBSOCKET, address))
        qtbot.waitUntil(lambda: address in window.banner.text, timeout=PATIENCE)
    assert window.streams.rows[StreamKind.WEBSOCKET].switch.isChecked()


def test_closing_the_window_frees_the_port(window: MainWindow, port: int, qtbot: QtBot) -> None:
    window.streams.switch_on(StreamRequest(StreamKind.WEBSOCKET, str(port)))
    qtbot.waitUntil(lambda: _is_open(port), timeout=PATIENCE)
    with connect(f"ws://127.0.0.1:{port}/") as client:
        client.recv(60)
        window.close()
    with socket.socket() as again:
        again.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        again.bind(("127.0.0.1", port))


def test_the_options_name_streams_and_their_absence_none() -> None:
    parser = argparse.ArgumentParser()
    add_stream_options(parser)
    assert requested_streams(parser.parse_args([])) == []
    words = "--vmc 39539 --websocket 8765 --allow-origin https://a.example/ --udp h:1 "
    words += "--udp-format json --virtual-camera plain"
    assert requested_streams(parser.parse_args(words.split())) == [
        StreamRequest(StreamKind.VMC, "39539"),
        StreamRequest(StreamKind.WEBSOCKET, "8765", allowed_origins=("https://a.example",)),
        StreamRequest(StreamKind.UDP, "h:1", format="json"),
        StreamRequest(StreamKind.VIRTUAL_CAMERA, "", overlay=False),
    ]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ((), "No stream is given"),
        (("--udp", "nowhere"), "is not an address"),
        (("--websocket", "8765"), "no file"),
    ],
)
def test_the_command_says_what_is_missing(
    arguments: tuple[str, ...], words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    kept = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        assert main(["stream", "--video", "missing.mp4", *arguments]) == 1
    finally:
        for number, handler in kept.items():
            signal.signal(number, handler)
    assert words in capsys.readouterr().err


@pytest.mark.skipif(sys.platform == "win32", reason="there is no SIGINT for one process")
def test_the_command_streams_without_a_window_until_ctrl_c(port: int) -> None:
    with subprocess.Popen(
        [
            *(sys.executable, "-m", "hmr_live_app", "stream", "--video", str(CLIP), "--loop"),
            *("--websocket", str(port), "--backend", "onnxruntime", "--threads", "1"),
        ],
        cwd=Path(__file__).parents[3],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            _wait_for(lambda: _is_open(port) or process.poll() is not None)
            with connect(f"ws://127.0.0.1:{port}/?format=json") as client:
                assert json.loads(client.recv(60))["type"] == "hello"
                frames = [json.loads(client.recv(60)) for _ in range(3)]
        finally:
            process.send_signal(signal.SIGINT)
            out, err = process.communicate(timeout=60)
    assert frames[-1]["people"]
    assert frames[0]["frame_index"] < frames[-1]["frame_index"]
    assert process.returncode == 0, err
    assert f"websocket http://127.0.0.1:{port}" in out


def _wait_for(condition: Callable[[], bool]) -> None:
    end = time.monotonic() + 120
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.05)


def _is_open(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0
