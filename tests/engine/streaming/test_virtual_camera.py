"""The virtual camera through a stand-in for pyvirtualcam: no system here has the device."""

from __future__ import annotations

import enum
import importlib.machinery
import sys
import types

import numpy as np
import pytest

from hmr_live.core.errors import RenderError, StreamError
from hmr_live.core.state import Frame, FrameResult
from hmr_live.render import offscreen
from hmr_live.streaming import stream as stream_module
from hmr_live.streaming import virtual_camera
from hmr_live.streaming.request import StreamKind, StreamRequest, make_stream
from tests.engine.streaming.cases import body_model, person, result_of, wait_until


class FakeCamera:
    """The part of pyvirtualcam.Camera that is used, with its checks."""

    opened: list[FakeCamera]
    there = True

    def __init__(self, width, height, fps, *, fmt, device=None):
        if not self.there:
            raise RuntimeError("'v4l2loopback' backend: no device\nfound")
        self.width, self.height, self.fmt = width, height, fmt
        self.device = device or "/dev/video9"
        self.frames = []
        self.closed = False
        self.opened.append(self)

    def send(self, frame):
        assert not self.closed
        if frame.dtype != np.uint8 or frame.shape != (self.height, self.width, 3):
            raise ValueError("unexpected frame")
        if not self.there:
            raise RuntimeError("device gone")
        self.frames.append(frame.copy())

    def close(self):
        self.closed = True


@pytest.fixture
def camera(monkeypatch):
    class Camera(FakeCamera):
        opened: list[FakeCamera] = []  # noqa: RUF012 — one list a test is meant

    module = types.ModuleType("pyvirtualcam")
    module.__spec__ = importlib.machinery.ModuleSpec("pyvirtualcam", None)
    module.Camera = Camera
    module.PixelFormat = enum.Enum("PixelFormat", ["RGB", "BGR"])
    monkeypatch.setitem(sys.modules, "pyvirtualcam", module)
    return Camera


@pytest.fixture
def start(camera):
    streams = []

    def started(body=body_model, **options):
        request = StreamRequest(StreamKind.VIRTUAL_CAMERA, **{"address": "", **options})
        stream = make_stream(request, body)
        stream.start()
        streams.append(stream)
        return stream

    yield started
    for stream in streams:
        stream.stop()
        stream.join(5)
    assert all(opened.closed for opened in camera.opened)


def first_frame(camera):
    wait_until(lambda: bool(camera.opened and camera.opened[-1].frames))
    return camera.opened[-1].frames[0]


def test_the_plain_picture_arrives_as_it_is(camera, start):
    stream = start(overlay=False, address="/dev/video4")
    result = result_of(person({}))
    stream.send(result)
    np.testing.assert_array_equal(first_frame(camera), result.frame.image)
    assert camera.opened[0].fmt.name == "BGR"
    wait_until(lambda: stream.status().sent == 1)
    assert stream.status().address == "/dev/video4"


def test_the_mesh_is_drawn_over_the_picture(camera, start):
    result = result_of(person({}))
    start().send(result)
    changed = np.abs(first_frame(camera).astype(int) - result.frame.image).max(axis=2) > 20
    x, y = person({}).joints_2d[9].round().astype(int)  # the chest
    assert changed[y, x]
    assert not changed[:10, :10].any()
    assert 0.02 < changed.mean() < 0.4


def test_the_plain_picture_is_shown_until_the_body_is_loaded(camera, start):
    result = result_of(person({}))
    start(body=lambda: None).send(result)
    np.testing.assert_array_equal(first_frame(camera), result.frame.image)


def test_frames_of_another_size_open_the_device_again(camera, start):
    stream = start(overlay=False)
    stream.send(result_of())
    first_frame(camera)
    stream.send(FrameResult(Frame(np.zeros((90, 160, 3), np.uint8), 0, 0), ()))
    wait_until(lambda: len(camera.opened) == 2 and bool(camera.opened[1].frames))
    assert camera.opened[0].closed
    assert (camera.opened[1].width, camera.opened[1].height) == (160, 90)


def test_a_system_without_a_virtual_camera_is_told_what_to_do_and_tried_again(
    camera, start, monkeypatch
):
    monkeypatch.setattr(virtual_camera, "RETRY_S", 0.05)
    monkeypatch.setattr(stream_module, "PROBLEM_SHOWN_S", 0.0)
    camera.there = False
    stream = start(overlay=False)
    stream.send(result_of())
    wait_until(lambda: stream.status().problem is not None)
    assert "backend: no device found): on Linux load v4l2loopback" in stream.status().problem
    camera.there = True
    wait_until(lambda: stream.send(result_of()) or stream.status().sent > 0)
    wait_until(lambda: stream.send(result_of()) or stream.status().problem is None)


def test_a_device_that_goes_away_is_told(camera, start):
    stream = start(overlay=False)
    stream.send(result_of())
    first_frame(camera)
    camera.there = False
    stream.send(result_of())
    wait_until(lambda: stream.status().problem is not None)
    assert "device gone" in stream.status().problem


def test_without_opengl_the_plain_picture_is_shown_and_told(camera, start, monkeypatch):
    def no_opengl():
        raise RenderError("This machine offers no OpenGL 3.3.")

    monkeypatch.setattr(offscreen, "create_standalone_context", no_opengl)
    stream = start()
    result = result_of(person({}))
    stream.send(result)
    np.testing.assert_array_equal(first_frame(camera), result.frame.image)
    wait_until(lambda: stream.status().problem is not None)
    assert "plain video" in stream.status().problem


def test_the_missing_package_is_named_with_its_licence(monkeypatch):
    monkeypatch.setattr(virtual_camera, "find_spec", lambda _: None)
    with pytest.raises(StreamError, match=r"GPL.*pip install pyvirtualcam"):
        make_stream(StreamRequest(StreamKind.VIRTUAL_CAMERA, ""), lambda: None)
