"""A headless Chromium, driven over its DevTools protocol."""

from __future__ import annotations

import base64
import itertools
import json
import subprocess
import urllib.request
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import cv2
import numpy as np
from websockets.sync.client import connect

from hmr_live.core.state import Image
from tests.engine.streaming.cases import wait_until

_SWITCHES = (
    *("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
    *("--remote-debugging-port=0", "--window-size=640,520", "--hide-scrollbars"),
    "--disable-dev-shm-usage",  # in a container it may be too small for a page
)


class Browser:
    """One page in a browser of its own, with an empty profile in ``folder``."""

    def __init__(self, program: str, folder: Path) -> None:
        profile = folder / "profile"
        self._process = subprocess.Popen(
            [program, *_SWITCHES, f"--user-data-dir={profile}", "about:blank"],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        told = profile / "DevToolsActivePort"
        wait_until(lambda: told.exists() and told.read_text().count("\n") == 1)
        port = told.read_text().split()[0]
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/json/list", timeout=10) as answer:
            (page,) = (target for target in json.load(answer) if target["type"] == "page")
        self._closing = ExitStack()
        tools = connect(page["webSocketDebuggerUrl"], compression=None, max_size=None)
        self._tools = self._closing.enter_context(tools)
        self._numbers = itertools.count()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._ask("Browser.close")
        self._closing.close()
        self._process.wait(10)

    def open(self, url: str) -> None:
        self._ask("Page.navigate", url=url)

    def evaluate(self, expression: str) -> Any:
        """Value of a JavaScript expression in the page."""
        answer = self._ask("Runtime.evaluate", expression=expression, awaitPromise=True)
        return answer["result"].get("value")

    def screenshot(self) -> Image:
        """What the page looks like, ``(H, W, 3)`` BGR."""
        data = base64.b64decode(self._ask("Page.captureScreenshot")["data"])
        image = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)
        assert image is not None
        return np.asarray(image, np.uint8)

    def _ask(self, method: str, **parameters: Any) -> dict[str, Any]:
        number = next(self._numbers)
        self._tools.send(json.dumps({"id": number, "method": method, "params": parameters}))
        while True:
            answer = json.loads(self._tools.recv(30))
            if answer.get("id") == number:
                result: dict[str, Any] = answer["result"]
                return result
