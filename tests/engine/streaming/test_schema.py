from __future__ import annotations

import dataclasses
import json

import msgpack
import numpy as np
import pytest

from hmr_live.angles import ANGLES
from hmr_live.body.rotations import angle_between, matrix_from_axis_angle
from hmr_live.body.skeleton import JOINT_NAMES, PARENTS
from hmr_live.core import optional_packages as packages
from hmr_live.core.errors import StreamError
from hmr_live.core.state import FrameResult
from hmr_live.recovery.frame_camera import project
from hmr_live.streaming import schema
from hmr_live.streaming.schema import encoder, frame_message, hello_message
from tests.engine.streaming.cases import SIZE, body_model, person, random_pose, result_of

DECODE = {"json": json.loads, "msgpack": msgpack.unpackb}


@pytest.mark.parametrize("form", ["json", "msgpack"])
def test_a_message_holds_the_whole_body(form):
    body = dataclasses.replace(person(random_pose(1)), track_id=3)
    message = DECODE[form](encoder(form)(frame_message(result_of(body, index=7))))
    assert message["type"] == "frame"
    assert message["version"] == 1
    assert message["frame_index"] == 7
    assert message["time"] == pytest.approx(12.5 + 7 / 30, abs=1e-6)
    assert message["size"] == list(SIZE)
    (received,) = message["people"]
    assert (received["id"], received["measured"]) == (3, True)
    rotmats = matrix_from_axis_angle(np.array(received["theta"]).reshape(24, 3))
    assert np.degrees(angle_between(rotmats, body.rotmats.astype(np.float64)).max()) < 0.02
    for name, shape in {"transl": (3,), "joints": (24, 3)}.items():
        np.testing.assert_allclose(
            np.reshape(received[name], shape), getattr(body, name), atol=1e-4
        )
    for name, tolerance in {
        "joints_2d": 0.01,
        "angles": 0.01,
        "confidence": 1e-4,
        "betas": 1e-4,
    }.items():
        np.testing.assert_allclose(received[name], getattr(body, name).ravel(), atol=tolerance)


def test_a_receiver_can_pose_the_body_and_find_it_in_the_picture_from_the_message_alone():
    body = person(random_pose(2))
    (received,) = frame_message(result_of(body), joints_2d=False)["people"]
    assert "joints_2d" not in received
    rotmats = matrix_from_axis_angle(np.array(received["theta"], np.float32).reshape(24, 3))
    joints = body_model().joints(rotmats, np.array(received["betas"])) + received["transl"]
    np.testing.assert_allclose(joints, np.reshape(received["joints"], (24, 3)), atol=1e-3)
    pixels = project(joints, received["focal_length"], SIZE)
    np.testing.assert_allclose(pixels, body.joints_2d, atol=0.3)


def test_the_first_message_names_what_the_numbers_are():
    hello = json.loads(encoder("json")(hello_message()))
    assert hello["joints"] == list(JOINT_NAMES)
    assert hello["parents"] == list(PARENTS)
    assert hello["angles"] == [angle.name for angle in ANGLES]


def test_numbers_that_are_none_become_null_for_json_knows_no_nan():
    angles = person({}).angles.copy()
    angles[2] = np.nan
    body = dataclasses.replace(person({}), angles_of=lambda _: angles)
    (received,) = json.loads(encoder("json")(frame_message(result_of(body))))["people"]
    assert received["angles"][2] is None
    assert received["angles"][3] is not None


@pytest.mark.parametrize("form", ["json", "msgpack"])
def test_the_time_keeps_its_microseconds_after_weeks(form):
    frame = dataclasses.replace(result_of().frame, time=3_000_000.123456)
    message = DECODE[form](encoder(form)(frame_message(FrameResult(frame, ()))))
    assert message["time"] == pytest.approx(3_000_000.123456, abs=1e-6)


def test_an_empty_frame_is_told_too():
    assert frame_message(result_of())["people"] == []


def test_a_missing_package_is_named_with_the_extra_that_brings_it(monkeypatch):
    monkeypatch.setattr(packages, "find_spec", lambda _: None)
    with pytest.raises(StreamError, match=r"msgpack.*hmr-live\[streaming\]"):
        schema.encoder("msgpack")
    assert schema.encoder("json")({}) == b"{}"
