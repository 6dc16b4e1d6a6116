from __future__ import annotations

import logging
import threading

import pytest

from hmr_live.core.errors import StreamError
from hmr_live.core.mailbox import Mailbox
from hmr_live.core.state import FrameResult
from hmr_live.streaming import stream as stream_module
from hmr_live.streaming.request import StreamKind
from hmr_live.streaming.stream import Sink, Stream
from hmr_live.streaming.streams import Streams
from tests.engine.streaming.cases import result_of, wait_until


class Recorder(Sink):
    """A sink that keeps what it gets, waits when told to and fails when told to."""

    def __init__(self) -> None:
        self.address = "nowhere"
        self.got: list[int] = []
        self.go_on = threading.Event()
        self.go_on.set()
        self.fail: list[str] = []
        self.refuse: list[str] = []
        self.threads: set[str] = set()
        self.closed = False

    def open(self) -> None:
        if self.refuse:
            raise StreamError(self.refuse.pop())

    def deliver(self, result: FrameResult) -> None:
        self.threads.add(threading.current_thread().name)
        self.go_on.wait(5)
        if self.fail:
            raise StreamError(self.fail.pop())
        self.got.append(result.frame.index)
        self.sent += 1

    def close(self) -> None:
        self.closed = True


@pytest.fixture
def sink():
    return Recorder()


@pytest.fixture
def running(sink):
    stream = Stream(sink)
    stream.start()
    yield stream
    sink.go_on.set()
    stream.stop()
    stream.join(5)
    assert sink.closed


def test_a_mailbox_holds_the_newest_item_and_counts_the_others():
    mailbox: Mailbox[int] = Mailbox()
    for item in range(5):
        mailbox.put(item)
    assert mailbox.take() == 4
    assert mailbox.dropped == 4


def test_a_closed_mailbox_wakes_whoever_waits():
    mailbox: Mailbox[int] = Mailbox()
    got: list[int | None] = []
    waiting = threading.Thread(target=lambda: got.append(mailbox.take()))
    waiting.start()
    mailbox.close()
    waiting.join(5)
    assert got == [None]


def test_results_reach_the_sink_in_order_and_in_another_thread(running, sink):
    for index in range(5):
        running.send(result_of(index=index))
        wait_until(lambda index=index: sink.got[-1:] == [index])
    assert sink.got == [0, 1, 2, 3, 4]
    assert threading.current_thread().name not in sink.threads
    assert running.status().sent == 5
    assert running.status().dropped == 0


def test_a_sink_that_is_busy_gets_the_newest_result_afterwards(running, sink):
    sink.go_on.clear()
    running.send(result_of(index=0))
    wait_until(lambda: bool(sink.threads))
    for index in range(1, 10):
        running.send(result_of(index=index))
    sink.go_on.set()
    wait_until(lambda: len(sink.got) == 2)
    assert sink.got == [0, 9]
    assert running.status().dropped == 8


def test_sending_to_a_sink_that_never_returns_takes_no_time(running, sink):
    sink.go_on.clear()
    result = result_of()
    for _ in range(1000):
        running.send(result)
    assert running.status().dropped >= 998, "nobody waited for the sink"


def test_a_sink_that_cannot_be_opened_is_tried_again(sink, monkeypatch):
    monkeypatch.setattr(stream_module, "RETRY_S", 0.02)
    sink.refuse = ["The port is in use."] * 2
    stream = Stream(sink)
    problems = set()
    stream.start()
    while not stream.wait_open(0.005):
        problems.add(stream.status().problem)
    stream.send(result_of(index=3))
    wait_until(lambda: sink.got == [3])
    assert "The port is in use." in problems
    assert stream.status().problem is None
    stream.stop()
    stream.join(5)


def test_a_failure_is_told_and_forgotten_when_frames_leave_again(running, sink, monkeypatch):
    monkeypatch.setattr(stream_module, "PROBLEM_SHOWN_S", 0.05)
    sink.fail = ["Nobody listens."]
    running.send(result_of())
    wait_until(lambda: running.status().problem == "Nobody listens.")
    wait_until(lambda: running.send(result_of()) or running.status().problem is None)
    assert sink.got


def test_a_bug_in_a_sink_ends_the_stream_with_a_sentence(running, sink, monkeypatch, caplog):
    def broken(_: FrameResult) -> None:
        raise ZeroDivisionError("oh")

    monkeypatch.setattr(sink, "deliver", broken)
    with caplog.at_level(logging.ERROR):
        running.send(result_of())
        wait_until(lambda: running.status().problem is not None)
    assert "unexpected error" in running.status().problem
    running.send(result_of())  # does nothing, and harms nobody


def test_streams_send_to_all_that_are_on_and_to_none_that_is_off():
    first, second = Recorder(), Recorder()
    streams = Streams()
    streams.send(result_of())
    streams.start(StreamKind.VMC, Stream(first))
    streams.start(StreamKind.UDP, Stream(second))
    streams.send(result_of(index=1))
    wait_until(lambda: first.got == second.got == [1])
    streams.stop(StreamKind.VMC)
    streams.send(result_of(index=2))
    wait_until(lambda: second.got == [1, 2])
    assert set(streams.status()) == {StreamKind.UDP}
    streams.stop_all()
    assert first.got == [1]
    assert first.closed
    assert second.closed


def test_a_stream_that_replaces_another_waits_until_the_address_is_free():
    order = []
    may_close = threading.Event()

    class Slow(Recorder):
        def close(self) -> None:
            assert may_close.wait(60)
            order.append("closed")

    class Next(Recorder):
        def open(self) -> None:
            order.append("opened")

    streams = Streams()
    streams.start(StreamKind.VMC, Stream(Slow()))
    streams.start(StreamKind.VMC, Stream(Next()))
    assert not order, "who starts it does not wait"
    may_close.set()
    streams.wait_open(60)
    assert order == ["closed", "opened"]
    streams.stop_all()
