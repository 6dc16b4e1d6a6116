from __future__ import annotations

import threading
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from hmr_live.body.model import BodyModel
from hmr_live.core.state import Frame, FrameResult
from hmr_live.takes.container import read_take
from hmr_live_app.model.session import Session, SourceChoice, Status
from tests.app.support import CLIP, MainLoop, MovingPerson

DEMO = SourceChoice(CLIP, "Demo clip", loop=True)


def results_of(session: Session) -> list[FrameResult]:
    results: list[FrameResult] = []
    session.result_ready.connect(results.append)
    return results


def test_opening_returns_at_once_and_results_come_in_the_main_thread(
    main_loop: MainLoop, person: MovingPerson
) -> None:
    loading = threading.Event()

    def slow_load() -> MovingPerson:
        loading.wait(5)
        return person

    session = Session(slow_load, main_loop)
    threads: set[str] = set()
    session.result_ready.connect(lambda _: threads.add(threading.current_thread().name))
    session.open(DEMO)
    assert session.status is Status.OPENING
    loading.set()
    main_loop.run_until(lambda: bool(threads))
    assert threads == {threading.main_thread().name}
    assert session.status is Status.RUNNING
    session.close()


def test_a_main_thread_that_is_busy_finds_one_result_waiting_the_newest(
    main_loop: MainLoop, person: MovingPerson
) -> None:
    session = Session(lambda: person, main_loop)
    results = results_of(session)
    session.open(DEMO)
    main_loop.run_until(lambda: len(results) > 0)
    seen, processed = len(results), person.processed
    main_loop.let_run_until(lambda: person.processed > processed + 5)
    assert main_loop.asked.qsize() == 1
    main_loop.asked.get()()
    assert len(results) == seen + 1
    assert results[-1].frame.index >= processed + 4
    session.close()


def test_end_of_a_file_is_told_and_it_can_be_played_again(
    main_loop: MainLoop, person: MovingPerson, make_video: Callable[..., Path]
) -> None:
    session = Session(lambda: person, main_loop)
    results = results_of(session)
    session.open(SourceChoice(make_video(frames=5), "five frames"))
    main_loop.run_until(lambda: session.status is Status.ENDED)
    first = len(results)
    assert first >= 1
    session.toggle_running()
    main_loop.run_until(lambda: session.status is Status.ENDED)
    assert len(results) > first
    session.close()


def test_results_of_a_source_that_was_left_are_not_delivered(
    main_loop: MainLoop, person: MovingPerson, make_video: Callable[..., Path]
) -> None:
    session = Session(lambda: person, main_loop)
    results = results_of(session)
    session.open(DEMO)
    main_loop.run_until(lambda: len(results) > 2)
    # One more result of the old source waits for the main thread.
    main_loop.let_run_until(lambda: main_loop.asked.qsize() == 1)
    session.open(SourceChoice(make_video(frames=30), "grey"))
    results.clear()
    main_loop.run_until(lambda: len(results) > 3)
    assert {result.frame.size for result in results} == {(64, 48)}
    session.close()


def test_recording_ends_with_its_source(
    main_loop: MainLoop, person: MovingPerson, make_video: Callable[..., Path], tmp_path: Path
) -> None:
    session = Session(lambda: person, main_loop)
    saved: list[Path] = []
    session.recording_saved.connect(saved.append)
    session.open(SourceChoice(make_video(frames=40), "grey"))
    main_loop.run_until(lambda: session.status is Status.RUNNING)
    session.start_recording(tmp_path)
    main_loop.run_until(lambda: bool(saved))
    assert session.recording is None
    take = read_take(saved[0])
    assert take.info["frames"] > 3
    assert take.info["source"] == "grey"
    assert take.info["clock"] == "monotonic"


def test_closing_saves_the_recording(
    main_loop: MainLoop, person: MovingPerson, tmp_path: Path
) -> None:
    session = Session(lambda: person, main_loop)
    results = results_of(session)
    session.open(DEMO)
    main_loop.run_until(lambda: session.status is Status.RUNNING)
    session.start_recording(tmp_path)
    main_loop.run_until(lambda: len(results) > 3)
    session.close()
    (path,) = tmp_path.glob("*.hmrtake")
    take = read_take(path)
    assert take.info["complete"]
    assert take.info["frames"] >= 3


def test_recording_begins_some_seconds_before_the_button(
    main_loop: MainLoop, person: MovingPerson, tmp_path: Path
) -> None:
    session = Session(lambda: person, main_loop, pre_roll=30)
    results = results_of(session)
    session.open(DEMO)
    main_loop.run_until(lambda: len(results) > 5)
    before = results[-1].frame.index
    session.start_recording(tmp_path)
    session.close()
    (path,) = tmp_path.glob("*.hmrtake")
    recorded = read_take(path).motions[0].frame_index.tolist()
    assert recorded[0] == 0
    assert before in recorded


def test_the_pre_roll_can_be_changed_while_a_source_runs(
    main_loop: MainLoop, person: MovingPerson, tmp_path: Path
) -> None:
    session = Session(lambda: person, main_loop, pre_roll=30)
    results = results_of(session)
    session.open(DEMO)
    main_loop.run_until(lambda: len(results) > 5)
    session.set_pre_roll(0)
    count = len(results)
    main_loop.run_until(lambda: len(results) > count + 1)
    before = results[-1].frame.index
    session.start_recording(tmp_path)
    main_loop.run_until(lambda: len(results) > count + 4)
    session.close()
    (path,) = tmp_path.glob("*.hmrtake")
    assert read_take(path).motions[0].frame_index[0] > before


def test_markers_and_changes_of_smoothing_stand_in_the_take(
    main_loop: MainLoop, person: MovingPerson, tmp_path: Path
) -> None:
    session = Session(lambda: person, main_loop)
    results = results_of(session)
    session.open(DEMO)
    main_loop.run_until(lambda: len(results) > 2)
    session.add_marker()  # nothing is recorded yet
    session.start_recording(tmp_path)
    session.add_marker()
    session.set_smoothing(False)
    session.close()
    (path,) = tmp_path.glob("*.hmrtake")
    take = read_take(path)
    assert [marker.label for marker in take.markers] == ["marker 1", "smoothing off"]
    assert take.info["smoothing"]["on"] is True


def test_takes_begun_within_one_second_have_files_of_their_own(
    main_loop: MainLoop, person: MovingPerson, tmp_path: Path
) -> None:
    session = Session(lambda: person, main_loop)
    results = results_of(session)
    session.open(DEMO)
    main_loop.run_until(lambda: len(results) > 2)
    saved: list[Path] = []
    session.recording_saved.connect(saved.append)
    for _ in range(3):
        session.start_recording(tmp_path)
        session.stop_recording()
    main_loop.run_until(lambda: len(saved) == 3)
    assert len(set(saved)) == 3
    session.close()


def test_a_disk_that_fills_up_ends_the_recording_with_a_sentence_and_saves_it(
    main_loop: MainLoop, person: MovingPerson, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    session = Session(lambda: person, main_loop)
    results = results_of(session)
    told: list[str] = []
    saved: list[Path] = []
    session.failed.connect(told.append)
    session.recording_saved.connect(saved.append)
    session.open(DEMO)
    main_loop.run_until(lambda: len(results) > 2)
    session.start_recording(tmp_path)
    recording = session.recording
    assert recording is not None
    monkeypatch.setattr(recording, "_keep_free", 1 << 62)
    main_loop.run_until(lambda: bool(saved))
    assert "make room" in told[0]
    assert session.recording is None
    assert session.status is Status.RUNNING
    assert read_take(saved[0]).info["frames"] > 2
    session.close()


def test_recording_without_anybody_in_sight_is_told(
    main_loop: MainLoop, person: MovingPerson, tmp_path: Path
) -> None:
    person.nobody = True
    session = Session(lambda: person, main_loop)
    told: list[str] = []
    session.failed.connect(told.append)
    session.open(DEMO)
    main_loop.run_until(lambda: session.status is Status.RUNNING)
    session.start_recording(tmp_path)
    session.stop_recording()
    main_loop.run_until(lambda: bool(told))
    assert "Nobody was in sight" in told[0]
    session.close()


def test_bug_in_the_pipeline_ends_in_a_sentence(main_loop: MainLoop, body: BodyModel) -> None:
    class Broken(MovingPerson):
        def process(self, frame: object) -> FrameResult:
            raise ZeroDivisionError("bug")

    session = Session(lambda: Broken(body), main_loop)
    told: list[str] = []
    session.failed.connect(told.append)
    session.open(DEMO)
    main_loop.run_until(lambda: session.status is Status.FAILED)
    assert "bug" in told[0]
    session.close()


def test_smoothing_chosen_before_the_networks_are_loaded_counts(
    main_loop: MainLoop, person: MovingPerson
) -> None:
    session = Session(lambda: person, main_loop)
    session.set_smoothing(False)
    session.open(DEMO)
    main_loop.run_until(lambda: session.status is Status.RUNNING)
    assert person.smoothing is False
    session.close()


class FakeCamera:
    """Sends grey frames for ever."""

    name = "Front camera"
    size = (64, 48)
    fps = 30.0
    live = True

    def __init__(self) -> None:
        self.closed = False
        self._index = 0

    def read(self) -> Frame | None:
        if self.closed:
            return None
        time.sleep(0.01)
        self._index += 1
        return Frame(np.full((48, 64, 3), 90, np.uint8), time.monotonic(), self._index)

    def close(self) -> None:
        self.closed = True


def test_camera_asked_for_by_number_is_shown_by_its_name(
    main_loop: MainLoop, person: MovingPerson, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("hmr_live_app.model.session.open_source", lambda *_, **__: FakeCamera())
    session = Session(lambda: person, main_loop)
    session.open(SourceChoice(0, "Camera 0"))
    main_loop.run_until(lambda: session.status is Status.RUNNING)
    assert session.source is not None
    assert session.source.label == "Front camera"
    session.close()


def test_a_source_left_behind_is_closed(
    main_loop: MainLoop, person: MovingPerson, monkeypatch: pytest.MonkeyPatch
) -> None:
    cameras: list[FakeCamera] = []

    def open_camera(*_: object, **__: object) -> FakeCamera:
        cameras.append(FakeCamera())
        return cameras[-1]

    monkeypatch.setattr("hmr_live_app.model.session.open_source", open_camera)
    session = Session(lambda: person, main_loop)
    for number in (1, 2, 3):
        session.open(SourceChoice(number, f"Camera {number}"))
    main_loop.run_until(lambda: session.status is Status.RUNNING)
    main_loop.run_until(lambda: [camera.closed for camera in cameras] == [True, True, False])
    session.close()
    assert cameras[-1].closed


def test_a_source_that_is_left_stays_known_and_comes_back(
    main_loop: MainLoop, person: MovingPerson
) -> None:
    session = Session(lambda: person, main_loop)
    results = results_of(session)
    session.open(DEMO)
    session.leave()
    assert session.status is Status.IDLE
    session.toggle_running()
    main_loop.run_until(lambda: len(results) > 1)
    session.leave()
    assert session.stats() is None
    assert not session.can_record
    count = len(results)
    time.sleep(0.2)
    while not main_loop.asked.empty():
        main_loop.asked.get()()
    assert len(results) == count
    assert session.source == DEMO
    session.close()
