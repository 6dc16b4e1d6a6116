import time

import cv2
import numpy as np
import pytest

from hmr_live.capture import devices
from hmr_live.capture.camera_source import CameraSource
from hmr_live.capture.devices import (
    CameraInfo,
    CameraPort,
    OpenCvDevice,
    list_cameras,
    low_latency_mode,
    named_camera,
)
from hmr_live.capture.sources import open_source
from hmr_live.core.errors import SourceError

MODE = low_latency_mode(4)


def test_a_missing_camera_is_refused_with_a_sentence():
    assert list_cameras() == [] or all(camera.name for camera in list_cameras())
    with pytest.raises(SourceError, match="There is no camera 87"):
        open_source("87")


def test_a_camera_that_another_program_holds_is_named(monkeypatch):
    monkeypatch.setattr(devices, "list_cameras", lambda: [CameraInfo(3, "Desk Cam")])
    with pytest.raises(SourceError, match=r"Desk Cam.*another program"):
        open_source(3)


class FakeCapture:
    """Stands in for OpenCV's capture: ``pictures`` good frames, then nothing."""

    def __init__(self, pictures=3, arrived=0.0):
        self.left = pictures
        self.arrived = arrived
        self.settings = []

    def isOpened(self):
        return True

    def set(self, key, value):
        self.settings.append(key)

    def get(self, key):
        known = {
            cv2.CAP_PROP_FRAME_WIDTH: 64,
            cv2.CAP_PROP_FRAME_HEIGHT: 48,
            cv2.CAP_PROP_POS_MSEC: self.arrived * 1000,
        }
        return known.get(key, 30.0)

    def grab(self):
        self.left -= 1
        return self.left >= 0

    def retrieve(self):
        return True, np.zeros((48, 64, 3), np.uint8)

    def release(self):
        self.left = 0


@pytest.fixture
def capture(monkeypatch):
    device = FakeCapture()
    opened = []

    def open_capture(index, *_):
        opened.append(index)
        return device

    monkeypatch.setattr(devices.cv2, "VideoCapture", open_capture)
    device.opened = opened
    return device


def test_a_camera_stamps_frames_with_the_monotonic_clock(capture):
    camera = open_source(0)
    before = time.monotonic()
    frame = camera.read()
    assert before - 1 <= frame.time <= time.monotonic()
    camera.close()


def test_the_drivers_own_time_of_arrival_is_taken_where_it_is_on_our_clock(capture):
    device = OpenCvDevice(0, MODE)
    capture.arrived = time.monotonic() - 0.05
    assert device.grab() == pytest.approx(capture.arrived)
    capture.arrived = 12.5  # seconds since the start of the stream
    before = time.monotonic()
    assert before <= device.grab() <= time.monotonic()


def test_a_camera_asks_for_compressed_frames_before_their_size(capture):
    OpenCvDevice(0, MODE)
    order = capture.settings
    assert order.index(cv2.CAP_PROP_FOURCC) < order.index(cv2.CAP_PROP_FRAME_WIDTH)
    assert order[-1] == cv2.CAP_PROP_BUFFERSIZE


def test_few_cores_get_pictures_that_are_quick_to_decode():
    few, many = low_latency_mode(2), low_latency_mode(8)
    assert few.size[0] * few.size[1] < many.size[0] * many.size[1]
    assert few.fps <= many.fps


def test_a_camera_without_pictures_gives_none(capture):
    capture.left = 0
    assert OpenCvDevice(0, MODE).grab() is None


def test_a_camera_that_comes_back_with_another_number_is_found_by_its_name(capture):
    here = [CameraInfo(0, "Built-in"), CameraInfo(2, "Desk Cam")]
    port = CameraPort(2, lambda: here)
    assert port.name == "Desk Cam"
    port()
    here[1:] = []
    with pytest.raises(SourceError, match="Desk Cam is not connected"):
        port()
    here.append(CameraInfo(4, "Desk Cam"))
    port()
    assert capture.opened == [2, 4]


def test_where_no_camera_is_listed_the_number_is_tried(capture):
    port = CameraPort(1, lambda: [])
    assert port.name == "Camera 1"
    camera = CameraSource(port, port.name)
    assert camera.read().size == (64, 48)
    camera.close()


def test_cameras_of_the_same_name_are_told_apart(monkeypatch):
    twins = [CameraInfo(0, "Cam"), CameraInfo(2, "Cam"), CameraInfo(1, "")]
    monkeypatch.setattr(devices, "enumerate_cameras", lambda _: twins)
    assert [c.name for c in list_cameras()] == ["Cam", "Camera 1", "Cam (2)"]


@pytest.mark.parametrize(
    ("text", "number"), [("2", 2), ("desk", 2), ("Desk Cam", 2), ("built", 0), ("cam", 5)]
)
def test_a_camera_is_chosen_by_number_or_name(text, number):
    cameras = [CameraInfo(0, "Built-in"), CameraInfo(2, "Desk Cam"), CameraInfo(5, "Cam")]
    assert named_camera(text, lambda: cameras) == number


@pytest.mark.parametrize(
    ("text", "words"), [("door", "There is no camera “door”: choose"), ("d", "several cameras")]
)
def test_a_name_that_fits_no_camera_or_several_is_refused(text, words):
    cameras = [CameraInfo(0, "Side Desk"), CameraInfo(2, "Desk Cam")]
    with pytest.raises(SourceError, match=words):
        named_camera(text, lambda: cameras)
