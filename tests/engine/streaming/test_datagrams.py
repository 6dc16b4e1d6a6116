"""The streams that send datagrams, read from real sockets by an independent receiver."""

from __future__ import annotations

import json
import socket
from dataclasses import replace

import msgpack
import numpy as np
import pytest

from hmr_live.core import optional_packages as packages
from hmr_live.core.errors import StreamError
from hmr_live.streaming import vmc
from hmr_live.streaming.address import Address
from hmr_live.streaming.request import StreamKind, StreamRequest, make_stream
from hmr_live.streaming.udp import DatagramSocket
from hmr_live.streaming.vmc_pose import BONES, vrm_pose
from tests.engine.streaming.cases import person, random_pose, result_of, wait_until
from tests.engine.streaming.osc_reader import read_packet


@pytest.fixture
def receiver():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as listening:
        listening.bind(("127.0.0.1", 0))
        listening.settimeout(5)
        yield listening


@pytest.fixture
def stream_to():
    streams = []

    def start(kind, port, **options):
        stream = make_stream(StreamRequest(kind, str(port), **options), lambda: None)
        stream.start()
        streams.append(stream)
        return stream

    yield start
    for stream in streams:
        stream.stop()
        stream.join(5)


def port_of(receiver):
    return receiver.getsockname()[1]


def vmc_frame(receiver):
    """Address -> arguments of one frame (bones by name), and the sizes of its packets."""
    messages, sizes = {}, []
    while "/VMC/Ext/T" not in messages:
        packet = receiver.recv(65536)
        sizes.append(len(packet))
        for address, arguments in read_packet(packet):
            if address == "/VMC/Ext/Bone/Pos":
                messages.setdefault(address, {})[arguments[0]] = arguments[1:]
            else:
                messages[address] = arguments
    return messages, sizes


def test_vmc_carries_state_time_root_and_every_bone(receiver, stream_to):
    body = person(random_pose(3))
    stream_to(StreamKind.VMC, port_of(receiver)).send(result_of(body))
    messages, sizes = vmc_frame(receiver)
    assert messages["/VMC/Ext/OK"] == [1, 3, 0, 1]
    assert 0 <= messages["/VMC/Ext/T"][0] < 10
    assert messages["/VMC/Ext/Root/Pos"] == ["root", 0, 0, 0, 0, 0, 0, 1]
    bones = messages["/VMC/Ext/Bone/Pos"]
    assert list(bones) == list(BONES.values())
    expected = vrm_pose(body, body.joints[0])
    for index, numbers in enumerate(bones.values()):
        assert all(isinstance(number, float) for number in numbers)
        np.testing.assert_allclose(numbers[:3], expected.positions[index], atol=1e-6)
        np.testing.assert_allclose(numbers[3:], expected.quaternions[index], atol=1e-6)
    assert max(sizes) <= vmc.MAX_PACKET


def test_vmc_says_when_nobody_is_tracked_and_leaves_the_avatar_as_it_is(receiver, stream_to):
    stream_to(StreamKind.VMC, port_of(receiver)).send(result_of())
    messages, _ = vmc_frame(receiver)
    assert messages["/VMC/Ext/OK"] == [1, 3, 0, 0]
    assert "/VMC/Ext/Bone/Pos" not in messages


def hips(receiver):
    return vmc_frame(receiver)[0]["/VMC/Ext/Bone/Pos"]["Hips"][:3]


def test_the_avatar_follows_steps_and_the_next_person_starts_in_the_middle(
    receiver, stream_to, monkeypatch
):
    stream = stream_to(StreamKind.VMC, port_of(receiver))
    places = []
    for at in ((0.5, 0.2, 3.0), (0.9, 0.2, 3.0)):
        stream.send(result_of(person({}, at=at)))
        places.append(hips(receiver)[0])
    np.testing.assert_allclose(places, [0, -0.4], atol=1e-5)
    monkeypatch.setattr(vmc, "FORGET_AFTER_S", -1.0)  # that much time has gone by at once
    stream.send(result_of(person({}, at=(-0.7, 0.2, 4.0))))
    np.testing.assert_allclose(np.array(hips(receiver))[[0, 2]], 0, atol=1e-5)


def test_the_avatar_follows_the_person_who_leads_and_nobody_else(receiver, stream_to):
    stream = stream_to(StreamKind.VMC, port_of(receiver))
    first = replace(person({}, at=(-1.0, 0.2, 3.0)), track_id=4)
    second = replace(person({}, at=(1.0, 0.2, 3.0)), track_id=7)
    moved = replace(person({}, at=(1.5, 0.2, 3.0)), track_id=7)
    places = []
    for bodies, leader in (((first, second), 4), ((first, second), 7), ((first, moved), 7)):
        stream.send(replace(result_of(*bodies), leader_id=leader))
        places.append(hips(receiver)[0])
    np.testing.assert_allclose(places, [0, 0, -0.5], atol=1e-5)
    stream.send(replace(result_of(first), leader_id=7))
    assert vmc_frame(receiver)[0]["/VMC/Ext/OK"][3] == 0, "the leader is out of sight"


@pytest.mark.parametrize(("form", "decode"), [("json", json.loads), ("msgpack", msgpack.unpackb)])
def test_udp_carries_a_frame_in_one_datagram(receiver, stream_to, form, decode):
    body = person(random_pose(4))
    stream = stream_to(StreamKind.UDP, port_of(receiver), format=form)
    stream.send(result_of(body, index=11))
    message = decode(receiver.recv(65536))
    assert message["frame_index"] == 11
    joints = np.reshape(message["people"][0]["joints"], (24, 3))
    np.testing.assert_allclose(joints, body.joints, atol=1e-4)
    wait_until(lambda: stream.status().sent == 1)


def test_one_person_as_messagepack_crosses_a_network_in_one_piece(receiver, stream_to):
    stream_to(StreamKind.UDP, port_of(receiver)).send(result_of(person(random_pose(5))))
    assert len(receiver.recv(65536)) <= 1400


@pytest.mark.parametrize("kind", [StreamKind.UDP, StreamKind.VMC])
def test_a_receiver_that_never_reads_holds_up_nothing(receiver, stream_to, kind):
    receiver.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    stream = stream_to(kind, port_of(receiver))
    result = result_of(person(random_pose(6)))
    frames = 50  # far more than the receiver's buffer holds
    for _ in range(frames):
        sent = stream.status().sent
        stream.send(result)
        wait_until(lambda sent=sent: stream.status().sent > sent)
    assert stream.status().sent == frames
    assert stream.status().problem is None


def test_nobody_listening_is_told_and_the_stream_goes_on_when_somebody_comes(stream_to):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as reserved:
        reserved.bind(("127.0.0.1", 0))
        port = reserved.getsockname()[1]
    stream = stream_to(StreamKind.UDP, port)
    result = result_of(person({}))
    wait_until(lambda: stream.send(result) or stream.status().problem is not None)
    assert "Nobody listens" in stream.status().problem
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as late:
        late.bind(("127.0.0.1", port))
        late.settimeout(0.05)

        def received():
            stream.send(result)
            try:
                return bool(late.recv(65536))
            except TimeoutError:
                return False

        wait_until(received)


def test_an_unknown_host_is_a_sentence():
    with pytest.raises(StreamError, match=r"no\.such\.host\.invalid is not known"):
        DatagramSocket(Address("no.such.host.invalid", 9)).open()


def test_a_missing_osc_package_is_named(monkeypatch):
    monkeypatch.setattr(packages, "find_spec", lambda _: None)
    with pytest.raises(StreamError, match=r"python-osc.*hmr-live\[streaming\]"):
        make_stream(StreamRequest(StreamKind.VMC, "39539"), lambda: None)
