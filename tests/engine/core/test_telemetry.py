"""Nothing that the program imports reports its use to anybody or leaves files behind at home."""

import importlib.metadata
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]

#: Runs before anything else and in forked children too: notes who is asked for or connected to.
WATCH = """
import os, sys
def watch(event, arguments):
    if event in ("socket.getaddrinfo", "socket.connect", "socket.sendto", "socket.gethostbyname"):
        os.write(1, f"{event} {arguments[-4:]}\\n".encode())
sys.addaudithook(watch)
"""


def alone(code: str, home: Path) -> str:
    """What is noted while ``code`` runs in a process and a home folder of its own."""
    # OpenVINO is silent where it believes to be tested automatically, NNCF where pytest is loaded.
    not_passed_on = {"CI", "TF_BUILD", "JENKINS_URL", "XDG_CACHE_HOME", "ORT_DISABLE_TELEMETRY"}
    environment = {k: v for k, v in os.environ.items() if k not in not_passed_on}
    environment |= {"HOME": str(home), "USERPROFILE": str(home), "LOCALAPPDATA": str(home)}
    ended = subprocess.run(
        [sys.executable, "-c", WATCH + code],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    )
    return ended.stdout


OPEN = """
from hmr_live.core.assets import asset_path
from hmr_live.backends import open_backend
open_backend(asset_path("networks", "person_detector.onnx"), name={name!r}).close()
"""

IMPORT = """
from hmr_live.core.telemetry import import_without_telemetry
import_without_telemetry({name!r})
"""


@pytest.mark.parametrize(
    ("package", "code"),
    [
        ("onnxruntime", OPEN.format(name="onnxruntime")),
        ("openvino", OPEN.format(name="openvino")),
        ("nncf", IMPORT.format(name="nncf")),
        ("torch", "import hmr_live_training.export.quantise"),
    ],
    ids=["onnxruntime", "openvino", "nncf", "training"],
)
def test_no_library_reports_its_use(package, code, tmp_path):
    pytest.importorskip(package)
    assert not alone(code, tmp_path)
    assert not list(tmp_path.iterdir())


def test_reports_would_be_noticed(tmp_path):
    """The watch sees what OpenVINO does when it is left alone: it is not blind."""
    try:
        importlib.metadata.version("openvino-telemetry")
    except importlib.metadata.PackageNotFoundError:
        pytest.skip("this OpenVINO comes without what reports")
    # Nothing leaves this process: the name that is asked for is an address nobody listens at.
    code = "import socket; socket.getaddrinfo = lambda *a, **k: 1 / 0\nimport openvino"
    alone(code, tmp_path)
    assert list(tmp_path.iterdir())
