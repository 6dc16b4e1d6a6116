import subprocess
import sys
import time

import numpy as np
import pytest

from hmr_live.capture.simulated_camera import SimulatedDevice
from hmr_live.capture.sources import open_source
from hmr_live.core.errors import SourceError


def test_a_simulated_camera_keeps_its_pace_and_stamps_the_moment(make_video):
    camera = open_source(f"simulated:{make_video(frames=10)}")
    assert camera.live
    frames = [camera.read() for _ in range(12)]
    camera.close()
    times = np.array([frame.time for frame in frames])
    # A picture that came while the machine was busy is missed, as with a camera.
    steps = np.diff(times) * camera.fps
    np.testing.assert_allclose(steps, steps.round(), atol=1e-6)
    assert steps.min() == pytest.approx(1)
    assert times[-1] <= time.monotonic()


def test_it_plays_to_and_fro_so_that_nothing_jumps():
    images = [np.full((16, 16, 3), 60 * k, np.uint8) for k in range(4)]
    device = SimulatedDevice(images, fps=1000.0)
    levels = []
    for tick in range(9):
        device._tick = tick
        levels.append(int(device.retrieve().mean().round()))
    np.testing.assert_allclose(levels, [0, 60, 120, 180, 120, 60, 0, 60, 120], atol=3)


def test_who_comes_late_gets_the_newest_picture():
    device = SimulatedDevice([np.zeros((16, 16, 3), np.uint8)] * 2, fps=100.0)
    device.grab()
    time.sleep(0.1)
    before = time.monotonic()
    assert device.grab() > before - 1 / device.fps


def test_without_pictures_there_is_no_camera():
    with pytest.raises(SourceError, match="needs at least one frame"):
        SimulatedDevice([])


#: Says at the very end which threads still run: the first to be registered is the last to be asked.
FORGETFUL = """
import atexit, sys, threading
atexit.register(lambda: print(*(thread.name for thread in threading.enumerate())))
from hmr_live.capture.sources import open_source
camera = open_source(f"simulated:{sys.argv[1]}")
camera.read()
"""


def test_a_camera_that_was_forgotten_does_not_outlive_python(make_video):
    command = [sys.executable, "-c", FORGETFUL, str(make_video(frames=10))]
    done = subprocess.run(command, check=True, capture_output=True, text=True, timeout=60)
    assert done.stdout.split() == ["MainThread"]
