"""A camera that freezes, blocks, is unplugged and comes back, as the test tells it."""

from __future__ import annotations

import threading
import time
from typing import Literal

import numpy as np

from hmr_live.core.errors import SourceError
from hmr_live.core.state import Image

State = Literal["well", "silent", "same picture", "blocked", "unplugged", "broken"]


class FakeCamera:
    """Opens devices that all behave as :attr:`state` says."""

    def __init__(self, fps: float = 50.0) -> None:
        self.state: State = "well"
        self.fps = fps
        self.asked = 0
        self.opened = 0
        self.released = 0
        self.shown = 0
        #: Set when calls that block may return at last.
        self.unblocked = threading.Event()

    def __call__(self) -> FakeDevice:
        self.asked += 1
        if self.state == "unplugged":
            raise SourceError("Desk Cam is not connected: plug it in.")
        self._block()
        self.opened += 1
        return FakeDevice(self)

    def _block(self) -> None:
        if self.state == "blocked":
            self.unblocked.wait(120)


class FakeDevice:
    """Stands in for an open camera."""

    size = (32, 24)

    def __init__(self, camera: FakeCamera) -> None:
        self.camera = camera
        self.fps = camera.fps

    def grab(self) -> float | None:
        time.sleep(1 / self.fps)
        self.camera._block()
        if self.camera.state == "broken":
            raise RuntimeError("no such device")
        return None if self.camera.state in ("silent", "unplugged") else time.monotonic()

    def retrieve(self) -> Image | None:
        self.camera.shown += self.camera.state != "same picture"
        return np.full((24, 32, 3), self.camera.shown % 251, np.uint8)

    def release(self) -> None:
        self.camera.released += 1
