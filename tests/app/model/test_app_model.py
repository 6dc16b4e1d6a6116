from __future__ import annotations

import threading
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from hmr_live.body.model import BodyModel
from hmr_live.core.errors import AssetError
from hmr_live.core.state import Frame, FrameResult
from hmr_live.takes.container import read_take
from hmr_live_app.model.app_model import AppModel
from hmr_live_app.model.source import SourceChoice, Status
from tests.app.support import CLIP, MainLoop, MovingPerson

DEMO = SourceChoice(CLIP, "Demo clip", loop=True)


def results_of(model: AppModel) -> list[FrameResult]:
    results: list[FrameResult] = []
    model.result_ready.connect(results.append)
    return results


def test_opening_returns_at_once_and_results_come_in_the_main_thread(
    main_loop: MainLoop, person: MovingPerson
) -> None:
    loading = threading.Event()

    def slow_load() -> MovingPerson:
        loading.wait(5)
        return person

    model = AppModel(slow_load, main_loop)
    threads: set[str] = set()
    model.result_ready.connect(lambda _: threads.add(threading.current_thread().name))
    model.open(DEMO)
    assert model.status is Status.OPENING
    loading.set()
    main_loop.run_until(lambda: bool(threads))
    assert threads == {threading.main_thread().name}
    assert model.status is Status.RUNNING
    model.close()


def test_a_main_thread_that_is_busy_finds_one_result_waiting_the_newest(
    main_loop: MainLoop, person: MovingPerson
) -> None:
    model = AppModel(lambda: person, main_loop)
    results = results_of(model)
    model.open(DEMO)
    main_loop.run_until(lambda: len(results) > 0)
    seen, processed = len(results), person.processed
    main_loop.let_run_until(lambda: person.processed > processed + 5)
    assert main_loop.asked.qsize() == 1
    main_loop.asked.get()()
    assert len(results) == seen + 1
    assert results[-1].frame.index >= processed + 4
    model.close()


def test_end_of_a_file_is_told_and_it_can_be_played_again(
    main_loop: MainLoop, person: MovingPerson, make_video: Callable[..., Path]
) -> None:
    model = AppModel(lambda: person, main_loop)
    results = results_of(model)
    model.open(SourceChoice(make_video(frames=5), "five frames"))
    main_loop.run_until(lambda: model.status is Status.ENDED)
    first = len(results)
    assert first >= 1
    model.toggle_running()
    main_loop.run_until(lambda: model.status is Status.ENDED)
    assert len(results) > first
    model.close()


def test_results_of_a_source_that_was_left_are_not_delivered(
    main_loop: MainLoop, person: MovingPerson, make_video: Callable[..., Path]
) -> None:
    model = AppModel(lambda: person, main_loop)
    results = results_of(model)
    model.open(DEMO)
    main_loop.run_until(lambda: len(results) > 2)
    # One more result of the old source waits for the main thread.
    main_loop.let_run_until(lambda: main_loop.asked.qsize() == 1)
    model.open(SourceChoice(make_video(frames=30), "grey"))
    results.clear()
    main_loop.run_until(lambda: len(results) > 3)
    assert {result.frame.size for result in results} == {(64, 48)}
    model.close()


def test_recording_ends_with_its_source(
    main_loop: MainLoop, person: MovingPerson, make_video: Callable[..., Path], tmp_path: Path
) -> None:
    model = AppModel(lambda: person, main_loop)
    saved: list[Path] = []
    model.recording_saved.connect(saved.append)
    model.open(SourceChoice(make_video(frames=40), "grey"))
    main_loop.run_until(lambda: model.status is Status.RUNNING)
    model.start_recording(tmp_path)
    main_loop.run_until(lambda: bool(saved))
    assert model.recording is None
    take = read_take(saved[0])
    assert take.info["frames"] > 3
    assert take.info["source"] == "grey"
    assert take.info["clock"] == "monotonic"


def test_closing_saves_the_recording(
    main_loop: MainLoop, person: MovingPerson, tmp_path: Path
) -> None:
    model = AppModel(lambda: person, main_loop)
    results = results_of(model)
    model.open(DEMO)
    main_loop.run_until(lambda: model.status is Status.RUNNING)
    model.start_recording(tmp_path)
    main_loop.run_until(lambda: len(results) > 3)
    model.close()
    (path,) = tmp_path.glob("*.hmrtake")
    take = read_take(path)
    assert take.info["complete"]
    assert take.info["frames"] >= 3


def test_recording_begins_some_seconds_before_the_button(
    main_loop: MainLoop, person: MovingPerson, tmp_path: Path
) -> None:
    model = AppModel(lambda: person, main_loop)
    model.set_pre_roll(30)
    results = results_of(model)
    model.open(DEMO)
    main_loop.run_until(lambda: len(results) > 5)
    before = results[-1].frame.index
    model.start_recording(tmp_path)
    model.close()
    (path,) = tmp_path.glob("*.hmrtake")
    recorded = read_take(path).motions[0].frame_index.tolist()
    assert recorded[0] == 0
    assert before in recorded


def test_the_pre_roll_can_be_changed_while_a_source_runs(
    main_loop: MainLoop, person: MovingPerson, tmp_path: Path
) -> None:
    model = AppModel(lambda: person, main_loop)
    model.set_pre_roll(30)
    results = results_of(model)
    model.open(DEMO)
    main_loop.run_until(lambda: len(results) > 5)
    model.set_pre_roll(0)
    count = len(results)
    main_loop.run_until(lambda: len(results) > count + 1)
    before = results[-1].frame.index
    model.start_recording(tmp_path)
    main_loop.run_until(lambda: len(results) > count + 4)
    model.close()
    (path,) = tmp_path.glob("*.hmrtake")
    assert read_take(path).motions[0].frame_index[0] > before


def test_markers_and_changes_of_smoothing_stand_in_the_take(
    main_loop: MainLoop, person: MovingPerson, tmp_path: Path
) -> None:
    model = AppModel(lambda: person, main_loop)
    results = results_of(model)
    model.open(DEMO)
    main_loop.run_until(lambda: len(results) > 2)
    model.add_marker()  # nothing is recorded yet
    model.start_recording(tmp_path)
    model.add_marker()
    model.set_smoothing(False)
    model.close()
    (path,) = tmp_path.glob("*.hmrtake")
    take = read_take(path)
    assert [marker.label for marker in take.markers] == ["marker 1", "smoothing off"]
    assert take.info["smoothing"]["on"] is True


def test_takes_begun_within_one_second_have_files_of_their_own(
    main_loop: MainLoop, person: MovingPerson, tmp_path: Path
) -> None:
    model = AppModel(lambda: person, main_loop)
    results = results_of(model)
    model.open(DEMO)
    main_loop.run_until(lambda: len(results) > 2)
    saved: list[Path] = []
    model.recording_saved.connect(saved.append)
    for _ in range(3):
        model.start_recording(tmp_path)
        model.stop_recording()
    main_loop.run_until(lambda: len(saved) == 3)
    assert len(set(saved)) == 3
    model.close()


def test_a_disk_that_fills_up_ends_the_recording_with_a_sentence_and_saves_it(
    main_loop: MainLoop, person: MovingPerson, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = AppModel(lambda: person, main_loop)
    results = results_of(model)
    reported: list[str] = []
    saved: list[Path] = []
    model.failed.connect(reported.append)
    model.recording_saved.connect(saved.append)
    model.open(DEMO)
    main_loop.run_until(lambda: len(results) > 2)
    model.start_recording(tmp_path)
    recording = model.recording
    assert recording is not None
    monkeypatch.setattr(recording, "_keep_free", 1 << 62)
    main_loop.run_until(lambda: bool(saved))
    assert "make room" in reported[0]
    assert model.recording is None
    assert model.status is Status.RUNNING
    assert read_take(saved[0]).info["frames"] > 2
    model.close()


def test_recording_without_anybody_in_sight_is_told(
    main_loop: MainLoop, person: MovingPerson, tmp_path: Path
) -> None:
    person.nobody = True
    model = AppModel(lambda: person, main_loop)
    reported: list[str] = []
    model.failed.connect(reported.append)
    model.open(DEMO)
    main_loop.run_until(lambda: model.status is Status.RUNNING)
    model.start_recording(tmp_path)
    model.stop_recording()
    main_loop.run_until(lambda: bool(reported))
    assert "Nobody was in sight" in reported[0]
    model.close()


def test_bug_in_the_pipeline_ends_in_a_sentence(main_loop: MainLoop, body: BodyModel) -> None:
    class Broken(MovingPerson):
        def process(self, frame: object) -> FrameResult:
            raise ZeroDivisionError("bug")

    model = AppModel(lambda: Broken(body), main_loop)
    reported: list[str] = []
    model.failed.connect(reported.append)
    model.open(DEMO)
    main_loop.run_until(lambda: model.status is Status.FAILED)
    assert "bug" in reported[0]
    model.close()


def test_smoothing_chosen_before_the_networks_are_loaded_counts(
    main_loop: MainLoop, person: MovingPerson
) -> None:
    model = AppModel(lambda: person, main_loop)
    model.set_smoothing(False)
    model.open(DEMO)
    main_loop.run_until(lambda: model.status is Status.RUNNING)
    assert person.smoothing is False
    model.close()


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
    monkeypatch.setattr("hmr_live_app.model.app_model.open_source", lambda *_, **__: FakeCamera())
    model = AppModel(lambda: person, main_loop)
    model.open(SourceChoice(0, "Camera 0"))
    main_loop.run_until(lambda: model.status is Status.RUNNING)
    assert model.source is not None
    assert model.source.label == "Front camera"
    model.close()


def test_a_source_left_behind_is_closed(
    main_loop: MainLoop, person: MovingPerson, monkeypatch: pytest.MonkeyPatch
) -> None:
    cameras: list[FakeCamera] = []

    def open_camera(*_: object, **__: object) -> FakeCamera:
        cameras.append(FakeCamera())
        return cameras[-1]

    monkeypatch.setattr("hmr_live_app.model.app_model.open_source", open_camera)
    model = AppModel(lambda: person, main_loop)
    for number in (1, 2, 3):
        model.open(SourceChoice(number, f"Camera {number}"))
    main_loop.run_until(lambda: model.status is Status.RUNNING)
    main_loop.run_until(lambda: [camera.closed for camera in cameras] == [True, True, False])
    model.close()
    assert cameras[-1].closed


def test_the_network_follows_the_rate_of_the_source(
    main_loop: MainLoop, person: MovingPerson
) -> None:
    model = AppModel(lambda: person, main_loop)
    model.set_network("lite")
    assert not person.networks
    model.open(DEMO)
    main_loop.run_until(lambda: model.status is Status.RUNNING)
    model.set_network("lite")
    assert model.status is Status.RUNNING
    model.set_network("heavy")
    assert model.status is Status.OPENING
    main_loop.run_until(lambda: model.status is Status.RUNNING)
    assert person.networks == [("lite", 30.0), ("heavy", 30.0)]
    model.close()


def test_a_network_that_cannot_be_loaded_is_told_and_releases_the_source(
    main_loop: MainLoop, person: MovingPerson, monkeypatch: pytest.MonkeyPatch
) -> None:
    cameras: list[FakeCamera] = []

    def open_camera(*_: object, **__: object) -> FakeCamera:
        cameras.append(FakeCamera())
        return cameras[-1]

    def fail(*_: object, **__: object) -> None:
        raise AssetError("The network is damaged.")

    monkeypatch.setattr("hmr_live_app.model.app_model.open_source", open_camera)
    monkeypatch.setattr(person, "use_network", fail)
    model = AppModel(lambda: person, main_loop)
    messages: list[str] = []
    model.failed.connect(messages.append)
    model.open(SourceChoice(1, "Camera 1"))
    main_loop.run_until(lambda: bool(messages))
    assert messages == ["The network is damaged."]
    assert model.status is Status.FAILED
    assert cameras[0].closed


def test_a_source_that_is_left_stays_known_and_comes_back(
    main_loop: MainLoop, person: MovingPerson
) -> None:
    model = AppModel(lambda: person, main_loop)
    results = results_of(model)
    model.open(DEMO)
    model.leave()
    assert model.status is Status.IDLE
    model.toggle_running()
    main_loop.run_until(lambda: len(results) > 1)
    model.leave()
    assert model.stats() is None
    assert not model.can_record
    count = len(results)
    time.sleep(0.2)
    while not main_loop.asked.empty():
        main_loop.asked.get()()
    assert len(results) == count
    assert model.source == DEMO
    model.close()
