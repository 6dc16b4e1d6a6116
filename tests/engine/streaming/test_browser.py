"""The page that draws the skeleton, in a real browser; skipped where Chromium is not installed."""

from __future__ import annotations

import functools
import http.server
import shutil
import threading

import numpy as np
import pytest

from hmr_live.streaming.request import StreamKind, StreamRequest, make_stream
from tests.engine.streaming.browser import Browser
from tests.engine.streaming.cases import person, random_pose, result_of, wait_until

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
#: The colour of the drawn bones, BGR.
ORANGE = np.array([0x5C, 0x9D, 0xFF])

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="Chromium is not installed")


@pytest.fixture
def browser(tmp_path):
    with Browser(CHROMIUM, tmp_path) as opened:
        yield opened


@pytest.fixture
def stream(port):
    stream = make_stream(StreamRequest(StreamKind.WEBSOCKET, str(port)), lambda: None)
    stream.start()
    assert stream.wait_open(5)
    yield stream
    stream.stop()
    stream.join(5)


def bones_in(picture):
    return np.abs(picture.astype(int) - ORANGE).max(axis=2) < 60


def test_the_page_draws_the_skeleton_of_every_frame(browser, stream, port):
    browser.open(f"http://127.0.0.1:{port}/")
    wait_until(lambda: stream.status().clients == 1)
    pictures = []
    for index in (1, 2):
        stream.send(result_of(person(random_pose(index)), index=index))
        shown = f"document.querySelector('p').textContent === 'frame {index} · 1 in sight'"
        wait_until(lambda shown=shown: browser.evaluate(shown))
        pictures.append(bones_in(browser.screenshot()))
    first, second = pictures
    assert first.sum() > 500
    assert second.sum() > 500
    assert (first != second).sum() > 500


def test_a_page_of_another_server_cannot_read_the_stream(browser, stream, port, tmp_path):
    (tmp_path / "index.html").write_text("<title>foreign</title>")
    handler = functools.partial(QuietHandler, directory=str(tmp_path))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as foreign:
        threading.Thread(target=foreign.serve_forever).start()
        browser.open(f"http://127.0.0.1:{foreign.server_address[1]}/")
        wait_until(lambda: browser.evaluate("document.title") == "foreign")
        outcome = browser.evaluate(
            f"new Promise(tell => {{ const stream = new WebSocket('ws://127.0.0.1:{port}/');"
            "stream.onopen = stream.onmessage = () => tell('read');"
            "stream.onerror = () => tell('refused'); })"
        )
        foreign.shutdown()
    assert outcome == "refused"
    assert stream.status().clients == 0


class QuietHandler(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_):
        pass
