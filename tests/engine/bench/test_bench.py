"""Taking turns, the figures that come out, and another program behind a pipe."""

import json
import stat
import sys
import textwrap

import numpy as np
import pytest

from hmr_live.bench import BenchReport, MediaPipePose, open_pipelines, time_body, time_interleaved
from hmr_live.bench.bench_report import TargetReport, ratio_of
from hmr_live.bench.interleaved import BLOCK, WARM_UP, TimingSamples
from hmr_live.body.model import BodyModel
from hmr_live.core.errors import BackendError, SourceError
from hmr_live.core.state import Frame

RED = np.zeros((4, 6, 3), np.uint8)
RED[..., 2] = 255  # BGR

#: An interpreter whose MediaPipe finds somebody in red pictures and dies of blue ones.
FAKE_INTERPRETER = """\
#!{python}
import runpy, sys, types

class Pose:
    def __init__(self, model_complexity):
        assert model_complexity == 1

    def process(self, picture):
        print("a native library writes where it should not", flush=True)
        if picture[0, 0, 2] == 255:
            print("out of memory", file=sys.stderr)
            sys.exit(3)
        found = picture.shape == (4, 6, 3) and picture[0, 0, 0] == 255
        return types.SimpleNamespace(pose_landmarks=object() if found else None)

mediapipe = types.ModuleType("mediapipe")
mediapipe.__version__ = "0.10.21"
mediapipe.solutions = types.SimpleNamespace(pose=types.SimpleNamespace(Pose=Pose))
sys.modules["mediapipe"] = mediapipe
assert sys.argv[1] == "-I", "nothing of ours may reach the other environment"
sys.argv = sys.argv[2:]
runpy.run_path(sys.argv[0], run_name="__main__")
"""


class Clip:
    """So many frames, each decoded in 100 ms."""

    name = "clip.mp4"

    def __init__(self, frames):
        self._left = iter(range(frames))

    def read(self):
        index = next(self._left, None)
        return None if index is None else Frame(RED, float(index), index, capture_ms=100.0)


class Scripted:
    """Takes 3 ms for the network, and 2 ms more for the detector on every tenth frame."""

    description = "a test"

    def __init__(self, name, log, *, slower=1.0):
        self.name = name
        self._log = log
        self._slower = slower
        self.closed = False

    def run(self, frame):
        self._log.append((frame.index, self.name))
        stages = {"network": 3.0 * self._slower}
        return stages | ({"detect": 2.0 * self._slower} if frame.index % 10 == 0 else {})

    def close(self):
        self.closed = True


@pytest.fixture(scope="module")
def body_timings():
    return time_body(BodyModel.default())


def test_every_frame_goes_to_everybody_and_the_first_turn_changes_hands():
    log = []
    a, b = time_interleaved(Clip(1000), [Scripted("a", log), Scripted("b", log)], 30)
    assert len(log) == 2 * (WARM_UP + 30)
    first, second = range(BLOCK), range(BLOCK, 2 * BLOCK)
    assert log[: 4 * BLOCK] == [
        *[(k, "a") for k in first],
        *[(k, "b") for k in first],
        *[(k, "b") for k in second],
        *[(k, "a") for k in second],
    ]
    assert len(a.totals) == len(b.totals) == 30
    assert sum(a.totals) == 30 * 3 + 3 * 2, "decoding is nobody's own time"


def test_a_clip_that_ends_early_is_timed_to_its_end():
    (samples,) = time_interleaved(Clip(WARM_UP + 7), [Scripted("a", [])], 300)
    assert len(samples.totals) == 7


@pytest.mark.parametrize(("length", "frames"), [(WARM_UP, 5), (100, 0)])
def test_nothing_to_time_is_a_sentence(length, frames):
    with pytest.raises(SourceError, match=r"longer clip|at least one frame"):
        time_interleaved(Clip(length), [Scripted("a", [])], frames)


def test_shares_are_of_the_time_after_decoding():
    target = Scripted("a", [])
    report = TargetReport.of(target, time_interleaved(Clip(50), [target], 30)[0])
    assert report.stages["capture"].share is None
    assert report.stages["network"].share == pytest.approx(90 / 96)
    assert report.stages["detect"].share == pytest.approx(6 / 96)
    assert report.stages["detect"].count == 3
    assert report.fps == pytest.approx(30 / 0.096, abs=0.01)
    lines = report.as_text().splitlines()
    assert lines[0] == "a: 312.5 frames/s (a test)"
    assert [line.split()[0] for line in lines[2:]] == ["capture", "network", "detect", "all"]
    assert lines[-1].split()[1:] == ["3.00", "5.00", "100.0", "%", "30"]


def test_a_ratio_of_medians_bears_one_disturbance_and_shows_it():
    own, baseline = [10.0] * 100, [30.0] * 100
    baseline[40:48] = [300.0] * 8
    ratio = ratio_of("a", own, baseline)
    assert ratio.median == pytest.approx(3)
    assert (ratio.low, ratio.high) == pytest.approx((3, 30))


def test_a_ratio_of_few_frames_has_few_parts():
    ratio = ratio_of("a", [1.0, 2.0], [3.0, 3.0])
    assert (ratio.low, ratio.high) == pytest.approx((1.5, 3))


def test_the_report_compares_everybody_with_the_baseline(body_timings):
    targets = [Scripted("a", []), Scripted("b", [], slower=2), Scripted("baseline", [], slower=4)]
    samples = time_interleaved(Clip(100), targets, 50)
    report = BenchReport.of(
        "clip.mp4",
        targets,
        samples,
        body=body_timings,
        has_baseline=True,
        left_out={"tensorrt:fp32": "tensorrt is not installed."},
    )
    text = report.as_text()
    assert "clip.mp4, 50 frames, interleaved" in text
    assert "a is 4.00 times as fast as baseline (4.00 to 4.00 over the parts of the run)" in text
    assert "b is 2.00 times as fast as baseline" in text
    assert "left out: tensorrt is not installed." in text
    values = json.loads(report.as_json())
    assert [run["name"] for run in values["runs"]] == ["a", "b", "baseline"]
    assert [ratio["name"] for ratio in values["ratios"]] == ["a", "b"]
    assert values["left_out"]


def test_alone_nobody_is_compared(body_timings):
    target = Scripted("a", [])
    samples = [TimingSamples([3.0], {"network": [3.0]})]
    report = BenchReport.of("clip.mp4", [target], samples, body=body_timings)
    assert report.baseline == ""
    assert "interleaved" not in report.as_text()


def test_the_body_alone_is_timed_whole_and_by_joints(body_timings):
    assert body_timings.vertices == 6889
    assert 0 < body_timings.joints.p50 < body_timings.mesh.p50
    assert "6,889 vertices" in body_timings.as_text()


class FakePipeline:
    def __init__(self):
        self.closed = False

    def reset(self):
        pass

    def close(self):
        self.closed = True


def test_all_opens_what_runs_and_says_why_the_others_do_not(tmp_path):
    def open_pipeline(name):
        if not name.startswith("onnxruntime:"):
            raise BackendError(f"{name} is not installed.")
        return FakePipeline()

    opened, left_out = open_pipelines(["all"], tmp_path / "none.onnx", open_pipeline)
    assert [target.name for target in opened] == ["onnxruntime:fp32"]
    assert left_out["openvino:fp32"] == "openvino:fp32 is not installed."


def test_a_back_end_asked_for_by_name_must_run(tmp_path):
    pipelines = {"onnxruntime": FakePipeline()}

    def open_pipeline(name):
        if name not in pipelines:
            raise BackendError(f"{name} is not installed.")
        return pipelines[name]

    with pytest.raises(BackendError, match="openvino is not installed"):
        open_pipelines(["onnxruntime", "openvino"], tmp_path / "none.onnx", open_pipeline)
    assert pipelines["onnxruntime"].closed


def test_without_any_back_end_there_is_no_benchmark(tmp_path):
    def open_pipeline(name):
        raise BackendError(f"{name} is not installed.")

    with pytest.raises(BackendError, match="No back end can be timed here"):
        open_pipelines(["all"], tmp_path / "none.onnx", open_pipeline)


@pytest.fixture
def interpreter(tmp_path):
    path = tmp_path / "python"
    path.write_text(textwrap.dedent(FAKE_INTERPRETER.format(python=sys.executable)))
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    return path


@pytest.mark.skipif(sys.platform == "win32", reason="the stand-in is a script with a first line")
def test_mediapipe_answers_through_the_pipe_and_its_end_is_a_sentence(interpreter):
    mediapipe = MediaPipePose(interpreter)
    assert mediapipe.name == "MediaPipe Pose 0.10.21"
    for _ in range(3):
        assert 0 < mediapipe.run(Frame(RED, 0.0, 0))["process"] < 1000
    with pytest.raises(BackendError, match=r"has stopped \(out of memory\)"):
        mediapipe.run(Frame(np.ascontiguousarray(RED[..., ::-1]), 0.0, 1))
    mediapipe.close()


def test_an_interpreter_without_mediapipe_is_a_sentence_that_tells_how_to_make_one(tmp_path):
    with pytest.raises(BackendError, match=r"No module named 'mediapipe'.*mediapipe==0\.10\.21"):
        MediaPipePose(sys.executable)
    with pytest.raises(BackendError, match="cannot be started"):
        MediaPipePose(tmp_path / "none")
