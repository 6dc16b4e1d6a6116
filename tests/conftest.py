"""Shared clips and fakes."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
import pytest

from hmr_live.core.assets import asset_path
from hmr_live.recovery.network_choice import TIMING_VARIABLE

DATA = Path(__file__).parent / "data"


@pytest.fixture(scope="session", autouse=True)
def _own_log_folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Programs that the tests start do not write into the log of whoever runs them."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_STATE_HOME", str(tmp_path_factory.mktemp("state")))
        yield


@pytest.fixture(scope="session", autouse=True)
def _nothing_timed() -> Iterator[None]:
    """The network and the back end do not depend on how fast this machine is just now."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(TIMING_VARIABLE, "off")
        yield


@pytest.fixture(scope="session")
def demo_clip() -> Path:
    """The shipped clip: one man balancing, whole body, 98 frames at 30 a second."""
    return asset_path("clips", "balancing.mp4")


@pytest.fixture(scope="session")
def webcam_clip() -> Path:
    """A woman before a webcam, upper body only, 89 frames at 30 a second."""
    return DATA / "webcam_upper_body.mp4"


@pytest.fixture(scope="session")
def leaving_clip() -> Path:
    """A man leaves, the room is empty, the next one enters: 140 frames at 10 a second."""
    return DATA / "leave_and_enter.mp4"


@pytest.fixture
def make_video(tmp_path):
    """Write a video whose frame k is filled with brightness 10 + 5 k."""

    def make(frames: int = 20, fps: float = 25.0, name: str = "levels.mp4") -> Path:
        path = tmp_path / name
        writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"mp4v"), fps, (64, 48))
        for k in range(frames):
            writer.write(np.full((48, 64, 3), 10 + 5 * k, np.uint8))
        writer.release()
        return path

    return make
