"""Rules that hold the project together."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent

#: What each package must never import, directly or through others of ours.
FORBIDDEN = {
    "engine": {
        "hmr_live_app",
        "hmr_live_training",
        "PyQt6",
        "pyqtgraph",
        "torch",
        "smplx",
        "scipy",
    },
    "app": {"hmr_live_training", "torch", "smplx", "scipy"},
    "training": {"hmr_live_app", "PyQt6"},
}


def imported_packages(path):
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name.split(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield node.module.split(".")[0]


@pytest.mark.parametrize("package", FORBIDDEN)
def test_arrows_between_packages_point_one_way(package):
    files = list((ROOT / package).rglob("*.py"))
    assert files
    wrong = {
        f"{path.relative_to(ROOT)} imports {name}"
        for path in files
        for name in imported_packages(path)
        if name in FORBIDDEN[package]
    }
    assert not wrong


def test_tests_of_the_window_know_no_torch_and_the_others_no_qt():
    """They run in different processes: the Makefile says why."""
    files = list((ROOT / "tests").rglob("*.py"))
    of_window = {path for path in files if path.is_relative_to(ROOT / "tests" / "app")}
    assert of_window
    wrong = {
        f"{path.relative_to(ROOT)} imports {name}"
        for path in files
        for name in imported_packages(path)
        if name in (FORBIDDEN["app"] if path in of_window else {"PyQt6", "pytestqt", "pyqtgraph"})
    }
    assert not wrong


def test_using_the_engine_loads_neither_torch_nor_qt():
    code = (
        "import sys, hmr_live; hmr_live.Pipeline.open(); "
        "print([m for m in ('torch', 'smplx', 'scipy', 'PyQt6') if m in sys.modules])"
    )
    ended = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert ended.stdout.strip() == "[]"


def test_every_shipped_asset_has_its_origin_in_the_notice():
    notice = (ROOT / "NOTICE").read_text(encoding="utf-8")
    assets = [p for p in (ROOT / "assets").rglob("*") if p.suffix in {".npz", ".onnx", ".mp4"}]
    assert len(assets) >= 4
    missing = [p.name for p in assets if p.relative_to(ROOT).as_posix() not in notice]
    assert not missing


def test_the_demo_clip_is_small():
    assert sum(p.stat().st_size for p in (ROOT / "assets" / "clips").iterdir()) < 3_000_000
