"""Rules that hold the project together."""

import ast
import os
import subprocess
import sys
import zipfile
from graphlib import CycleError, TopologicalSorter
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


#: Import package of each folder.
PACKAGES = {"engine": "hmr_live", "app": "hmr_live_app", "training": "hmr_live_training"}


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


def modules_of(folder):
    """Dotted name of each module of a folder's import package -> its file."""
    found = {}
    for path in sorted((ROOT / folder / PACKAGES[folder]).rglob("*.py")):
        name = ".".join(path.relative_to(ROOT / folder).with_suffix("").parts)
        found[name.removesuffix(".__init__")] = path
    return found


def imports_between(modules):
    """Module -> the modules of the same package that it names in an import, wherever it stands."""
    graph = {}
    for module, path in modules.items():
        graph[module] = set()
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            names = []
            if isinstance(node, ast.Import):
                names = [alias.name for alias in node.names]
            elif isinstance(node, ast.ImportFrom) and not node.level:
                names = [f"{node.module}.{alias.name}" for alias in node.names]
            for name in names:
                while name and name not in modules:
                    name = name.rpartition(".")[0]
                if name and name != module:
                    graph[module].add(name)
    return graph


def room_of(module):
    """The subpackage directly under the import package; modules there stand for themselves."""
    return ".".join(module.split(".")[:2])


def cycle_in(graph):
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        return " -> ".join(error.args[1])
    return ""


@pytest.mark.parametrize("folder", PACKAGES)
def test_neither_modules_nor_subpackages_import_each_other_in_circles(folder):
    graph = imports_between(modules_of(folder))
    assert sum(map(len, graph.values())) > 100
    assert not cycle_in(graph)
    rooms = {room_of(module): set() for module in graph}
    for module, imported in graph.items():
        rooms[room_of(module)] |= {room_of(name) for name in imported} - {room_of(module)}
    assert not cycle_in(rooms)


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    """The wheel's content, unpacked; built offline with what is installed."""
    folder = tmp_path_factory.mktemp("wheel")
    options = ["--no-deps", "--no-build-isolation", "--no-index", "--disable-pip-version-check"]
    subprocess.run(
        [sys.executable, "-m", "pip", "wheel", str(ROOT), *options, "--wheel-dir", str(folder)],
        capture_output=True,
        text=True,
        check=True,
    )
    (file,) = folder.glob("*.whl")
    with zipfile.ZipFile(file) as archive:
        archive.extractall(folder / "unpacked")
    return folder / "unpacked"


def run_from(wheel, cwd, *arguments):
    """Run Python with the unpacked wheel, and nothing of the checkout, on its path."""
    ended = subprocess.run(
        [sys.executable, *arguments],
        cwd=cwd,
        env={**os.environ, "PYTHONPATH": str(wheel)},
        capture_output=True,
        text=True,
        check=True,
    )
    return ended.stdout.strip()


def test_the_wheel_installs_no_top_level_name_but_ours(wheel):
    names = {path.name for path in wheel.iterdir()}
    (metadata,) = (name for name in names if name.endswith(".dist-info"))
    assert names == {"hmr_live", "hmr_live_app", metadata}


def test_the_program_runs_from_the_wheel(wheel, tmp_path):
    assert "hmr-live" in run_from(wheel, tmp_path, "-m", "hmr_live_app", "--help")


def test_the_assets_are_found_in_the_wheel(wheel, tmp_path):
    code = (
        "from hmr_live.core.assets import asset_path; "
        "print(asset_path('networks', 'full.onnx'), asset_path('networks', 'person_detector.onnx'))"
    )
    folder = wheel / "hmr_live" / "assets" / "networks"
    expected = f"{folder / 'full.onnx'} {folder / 'person_detector.onnx'}"
    assert run_from(wheel, tmp_path, "-c", code) == expected


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
