import json
import subprocess
import sys
from pathlib import Path

import onnxruntime
import pytest

from hmr_live import doctor
from hmr_live.backends import BACKENDS, Entry, gpu, onnx_runtime
from hmr_live.backends.base import BackendUnavailableError
from hmr_live.backends.gpu import NvidiaGpu, parse_gpus
from hmr_live.backends.timing import Timings
from hmr_live.core.errors import RenderError
from hmr_live.core.timing import StageSummary
from hmr_live.doctor import DoctorReport, Finding, backend_finding, examine
from hmr_live.recovery import network_choice
from tests.engine.backends.backend_cases import ScriptedBackends

ROOT = Path(__file__).resolve().parents[2]
CARD = NvidiaGpu("NVIDIA GeForce RTX 4070", "580.65.06", "12282 MiB", "8.9")


@pytest.fixture(scope="module")
def report():
    return examine(backend="onnxruntime")


@pytest.fixture
def processor_wheel(monkeypatch):
    """ONNX Runtime as its plain wheel has it."""
    monkeypatch.setattr(onnxruntime, "get_available_providers", lambda: ["CPUExecutionProvider"])


def found(report, topic):
    (finding,) = [f for f in report.findings if f.topic.strip() == topic]
    return finding


def test_every_topic_is_one_line(report):
    lines = report.as_text().splitlines()
    assert len(lines) == len(report.findings)
    for topic in ("Python", "System", "Processor", "NVIDIA GPU", "OpenGL", "Cameras", "Chosen"):
        assert sum(line[2:].startswith(topic) for line in lines) == 1


def test_it_names_the_installed_runtime_and_what_was_chosen(report):
    assert onnxruntime.__version__ in found(report, "onnxruntime").found
    assert "onnxruntime (ONNX Runtime" in found(report, "Chosen").found
    assert "requested by name" in found(report, "Chosen").found


def test_auto_gives_the_reason_of_its_choice():
    chosen = found(examine(), "Chosen").found
    name = chosen.split(" ", maxsplit=1)[0]
    assert BACKENDS[name].reason in chosen


@pytest.mark.usefixtures("processor_wheel")
def test_what_is_not_installed_comes_with_advice(monkeypatch):
    monkeypatch.setattr(doctor, "nvidia_gpus", lambda: (CARD,))
    finding = backend_finding(BACKENDS["onnxruntime-cuda"])
    assert "not installed" in finding.found
    assert "onnxruntime-gpu" in finding.advice


@pytest.mark.usefixtures("processor_wheel")
def test_without_an_nvidia_gpu_nothing_for_it_is_advised(monkeypatch):
    monkeypatch.setattr(doctor, "nvidia_gpus", lambda: ())
    finding = backend_finding(BACKENDS["onnxruntime-cuda"])
    assert "it needs an NVIDIA GPU" in finding.found
    assert not finding.advice


@pytest.mark.parametrize("name", ["onnxruntime-cuda", "onnxruntime-tensorrt"])
def test_the_wheel_for_nvidia_gpus_is_not_enough(name, monkeypatch):
    providers = [provider.key for provider in onnx_runtime.PROVIDERS.values()]
    monkeypatch.setattr(onnxruntime, "get_available_providers", lambda: providers)
    monkeypatch.setattr(onnx_runtime, "nvidia_gpus", lambda: ())
    assert backend_finding(BACKENDS[name]).found == (
        "installed, but nvidia-smi lists no NVIDIA GPU"
    )
    monkeypatch.setattr(onnx_runtime, "nvidia_gpus", lambda: (CARD,))
    assert backend_finding(BACKENDS[name]).found.startswith("ONNX Runtime")


@pytest.mark.parametrize(
    ("error", "text"),
    [
        (BackendUnavailableError("there is no GPU"), "installed, but there is no GPU"),
        (OSError("libnvinfer.so.10 is missing"), "broken (libnvinfer.so.10 is missing)"),
    ],
)
def test_a_package_that_fails_is_a_line_and_not_the_end(error, text, monkeypatch):
    entry = ScriptedBackends(monkeypatch).add("fast")

    def fail(name):
        raise error

    sys.modules[entry.module].version = fail
    assert backend_finding(entry).found == text


def test_a_machine_without_opengl_is_a_sentence_and_not_good(monkeypatch):
    def none():
        raise RenderError("This machine offers no OpenGL 3.3.")

    monkeypatch.setattr("hmr_live.render.offscreen.create_standalone_context", none)
    report = examine(backend="onnxruntime")
    assert found(report, "OpenGL") == Finding("OpenGL", "This machine offers no OpenGL 3.3.", False)
    assert not report.good


def test_a_network_that_is_missing_is_a_sentence(tmp_path):
    report = examine(backend="onnxruntime", network=tmp_path / "none.onnx")
    assert "There is no network at" in found(report, "Chosen").found
    assert not report.good


def test_gpus_are_listed_as_their_driver_says(monkeypatch):
    monkeypatch.setattr(doctor, "nvidia_gpus", lambda: (CARD,))
    line = found(examine(backend="onnxruntime"), "NVIDIA GPU").found
    assert line == ("NVIDIA GeForce RTX 4070, driver 580.65.06, 12282 MiB, compute capability 8.9")


def test_lines_of_nvidia_smi_are_read():
    text = "NVIDIA GeForce RTX 4070, 580.65.06, 12282 MiB, 8.9\n[Not Supported]\n\n"
    assert parse_gpus(text) == (CARD,)


def test_a_machine_without_the_driver_has_no_gpu(monkeypatch):
    monkeypatch.setenv("PATH", "")
    assert gpu.nvidia_gpus.__wrapped__() == ()


def test_json_holds_the_same(report):
    assert json.loads(report.as_json())["findings"][0]["topic"] == "Python"
    assert not json.loads(DoctorReport((Finding("x", "y", False),)).as_json())["good"]


def test_the_command_prints_the_report():
    ended = subprocess.run(
        [sys.executable, "-m", "hmr_live_app", "doctor", "--backend", "onnxruntime"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == 0, ended.stderr
    assert "Chosen" in ended.stdout


def test_other_systems_back_ends_are_left_out(report):
    elsewhere = {entry.name for entry in BACKENDS.values() if not entry.exists_here}
    assert elsewhere, "CoreML or DirectML is always foreign"
    assert not elsewhere & {finding.topic.strip() for finding in report.findings}


def test_a_back_end_of_no_particular_system_exists_everywhere():
    assert Entry("x", "x", "x", "x").exists_here
    assert not Entry("x", "x", "x", "x", system="plan9").exists_here


def test_an_unknown_back_end_is_a_sentence():
    report = examine(backend="abacus")
    assert "There is no back end called 'abacus'" in found(report, "Chosen").found


@pytest.fixture
def timed(monkeypatch):
    """A machine on which this was measured; the calls that asked for it."""
    times = {
        ("full", "openvino"): StageSummary(30.0, 31.0, 5),
        ("full", "onnxruntime"): StageSummary(11.0, 12.5, 9),
        ("lite", "onnxruntime"): StageSummary(7.0, 7.5, 9),
    }
    calls = []

    def machine_timings(threads, *, again):
        calls.append((threads, again))
        return Timings(times, {"openvino-gpu": "the driver crashed"})

    monkeypatch.setattr(network_choice, "timing_is_off", lambda: False)
    monkeypatch.setattr(network_choice, "machine_timings", machine_timings)
    return calls


def test_the_table_of_networks_marks_what_is_chosen(timed):
    report = examine(threads=2)
    assert found(report, "full").found == ("openvino 30.0 / 31.0, onnxruntime 11.0 / 12.5 (chosen)")
    assert found(report, "lite").found == "onnxruntime 7.0 / 7.5"
    assert "--measure" in found(report, "heavy").found
    assert "the driver crashed" in found(report, "openvino-gpu").found
    assert "the fastest here, as timed" in found(report, "Chosen").found
    assert "11 of the 20 ms" in found(report, "Chosen").found
    assert timed == [(2, False)]


def test_names_are_marked_in_the_table_as_given(timed):
    report = examine(backend="onnxruntime", network="lite", measure=True)
    assert found(report, "lite").found == "onnxruntime 7.0 / 7.5 (chosen)"
    assert "(chosen)" not in found(report, "full").found
    assert timed == [(1, True)]


def test_timing_that_fails_is_a_sentence(monkeypatch):
    def fail(*_, **__):
        raise MemoryError("no memory")

    monkeypatch.setattr(network_choice, "timing_is_off", lambda: False)
    monkeypatch.setattr(network_choice, "machine_timings", fail)
    report = examine(backend="onnxruntime")
    assert found(report, "Times") == Finding("Times", "cannot be measured (no memory)", False)


def test_timing_that_is_off_is_told(report):
    assert "HMR_LIVE_TIMING is off" in found(report, "Times").found
