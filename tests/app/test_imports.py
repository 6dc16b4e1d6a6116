"""How the rooms of the program may import each other."""

from __future__ import annotations

import ast
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

APP = Path(__file__).resolve().parents[2] / "app"
PACKAGE = "hmr_live_app"
#: A room imports from those below it only.  Modules outside the rooms count by themselves.
LAYERS = ({"cli", "__main__"}, {"application"}, {"main_window"}, {"takes"}, {"widgets"}, {"scene"})
QT_AND_OPENGL = {"PyQt6", "pyqtgraph", "moderngl"}


def module_name(path: Path) -> str:
    return ".".join(path.relative_to(APP).with_suffix("").parts).removesuffix(".__init__")


MODULES = {module_name(path): path for path in (APP / PACKAGE).rglob("*.py")}


def imports_of(module: str) -> set[str]:
    """Full names of what a module imports, for type checkers only too."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(MODULES[module].read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            assert not node.level, f"{module}: imports are absolute here"
            inner = {f"{node.module}.{alias.name}" for alias in node.names}
            # "from package import module" names a module, "from module import name" does not.
            found |= inner & MODULES.keys() or {node.module}
    return found


def room_of(module: str) -> str:
    """The package right under the program's, or the module itself."""
    return module.partition(".")[2].partition(".")[0]


def reached_from(module: str) -> set[str]:
    """Everything that a module imports, directly or through others of the program."""
    seen: set[str] = set()
    waiting = {module}
    while waiting:
        name = waiting.pop()
        seen.add(name)
        if name in MODULES:
            waiting |= imports_of(name) - seen
    return seen - {module}


def test_no_modules_import_each_other_in_a_circle() -> None:
    TopologicalSorter({name: imports_of(name) & MODULES.keys() for name in MODULES}).prepare()


def test_no_rooms_import_each_other_in_a_circle() -> None:
    graph: dict[str, set[str]] = {}
    for name in MODULES:
        rooms = {room_of(other) for other in imports_of(name) & MODULES.keys()}
        graph.setdefault(room_of(name), set()).update(rooms - {room_of(name)})
    order = list(TopologicalSorter(graph).static_order())
    assert {"model", *(room for layer in LAYERS for room in layer)} <= set(order)
    for number, layer in enumerate(LAYERS):
        above = set().union(*LAYERS[:number])
        for room in layer:
            assert not graph[room] & above, f"{room} imports from a room above it"


@pytest.mark.parametrize("module", sorted(name for name in MODULES if room_of(name) == "model"))
def test_the_model_knows_neither_qt_nor_the_views(module: str) -> None:
    reached = reached_from(module)
    assert not {name.split(".")[0] for name in reached} & QT_AND_OPENGL
    assert {room_of(name) for name in reached & MODULES.keys()} <= {"model"}
