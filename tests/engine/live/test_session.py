import threading
import time

import numpy as np
import pytest

from hmr_live.core.errors import SourceError
from hmr_live.core.state import Frame, FrameResult
from hmr_live.live.session import LiveSession


class Ticker:
    """A live source: a frame every ``period`` seconds, ``count`` of them."""

    name, size, fps, live = "ticker", (8, 8), 100.0, True

    def __init__(self, count=50, period=0.005, fail_at=None):
        self.count, self.period, self.fail_at = count, period, fail_at
        self.index = 0
        self.closed = False

    def read(self):
        if self.index == self.fail_at:
            raise SourceError("The ticker broke: buy a new one.")
        if self.closed or self.index >= self.count:
            return None
        time.sleep(self.period)
        self.index += 1
        return Frame(np.zeros((8, 8, 3), np.uint8), time.monotonic(), self.index - 1)

    def close(self):
        self.closed = True


class Worker:
    """A pipeline that takes ``seconds`` a frame."""

    def __init__(self, seconds=0.0, error=None):
        self.seconds, self.error = seconds, error
        self.resets = 0

    def process(self, frame):
        time.sleep(self.seconds)
        if self.error:
            raise self.error
        return FrameResult(frame, (), {"network": self.seconds * 1000})

    def reset(self):
        self.resets += 1


def run(source, worker, wait=60.0):
    """Run a session to its end; return (session, results, errors)."""
    ended = threading.Event()
    results, errors = [], []

    def fail(error):
        errors.append(error)
        ended.set()

    session = LiveSession(source, worker, on_result=results.append, on_error=fail, on_end=ended.set)
    session.start()
    assert ended.wait(wait), "the session must end by itself"
    session.stop()
    return session, results, errors


def wait_until(condition):
    end = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < end, "it did not happen in time"
        time.sleep(0.002)


def test_a_fast_pipeline_sees_every_frame_in_order():
    session, results, errors = run(Ticker(count=30), Worker())
    assert [r.frame.index for r in results] == list(range(30))
    assert session.stats().dropped == 0
    assert not errors


def test_a_slow_pipeline_skips_frames_and_stays_up_to_date():
    source = Ticker(count=60, period=0.001)

    class Slow(Worker):
        def process(self, frame):
            # Five more frames come in the meantime, as long as there are so many.
            wait_until(lambda: source.index >= min(frame.index + 6, source.count))
            return super().process(frame)

    session, results, _ = run(source, Slow())
    stats = session.stats()
    assert stats.dropped > 40
    assert stats.captured == stats.processed + stats.dropped, "no frame may vanish uncounted"
    assert len(results) == stats.processed
    steps = np.diff([r.frame.index for r in results])
    # The fifth of them may be on its way from the source still.
    assert (steps[:-1] >= 4).all(), "what is processed must be the latest frame, not an old one"
    assert results[-1].frame.index == 59, "the last frame is never lost"


def test_a_broken_source_is_reported_once_and_ends_the_session():
    session, results, errors = run(Ticker(fail_at=5), Worker())
    assert [str(e) for e in errors] == ["The ticker broke: buy a new one."]
    assert len(results) <= 5
    assert not session.alive


def test_a_bug_in_the_pipeline_is_reported_not_swallowed(caplog):
    _, _, errors = run(Ticker(), Worker(error=ZeroDivisionError("oops")))
    assert len(errors) == 1
    assert "oops" in str(errors[0])
    assert "oops" in caplog.text


def test_stopping_is_quick_and_silent():
    results, errors, ends = [], [], []
    session = LiveSession(
        Ticker(count=10**9),
        Worker(),
        on_result=results.append,
        on_error=errors.append,
        on_end=lambda: ends.append(1),
    )
    session.start()
    wait_until(lambda: results)
    session.stop()
    assert not session.alive
    assert not errors
    assert not ends
    assert session.source.closed


def test_a_paused_session_holds_and_goes_on():
    results = []
    session = LiveSession(Ticker(count=10_000), Worker(), on_result=results.append)
    session.start()
    wait_until(lambda: results)
    session.pause(True)
    held = len(results)
    time.sleep(0.2)  # thirty more would come
    assert len(results) <= held + 2, "those that were on their way"
    session.pause(False)
    wait_until(lambda: len(results) > held + 5)
    session.stop()


def test_a_session_can_be_stopped_while_paused():
    session = LiveSession(Ticker(count=10_000), Worker())
    session.start()
    session.pause(True)
    session.stop()
    assert not session.alive


def test_the_rate_is_that_of_the_source():
    session, results, _ = run(Ticker(count=60, period=0.01), Worker())
    times = [result.frame.time for result in results]
    rate = (len(times) - 1) / (times[-1] - times[0])
    assert session.stats().fps == pytest.approx(rate, rel=0.35)


def test_a_session_starts_without_the_past_of_the_last_one():
    worker = Worker()
    run(Ticker(count=2), worker)
    run(Ticker(count=2), worker)
    assert worker.resets == 2
