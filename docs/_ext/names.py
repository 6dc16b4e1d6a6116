"""Every name that the three packages define, read from their source without importing it."""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

_ROLE = re.compile(r":(mod|class|func|meth|attr|data|exc|obj):`([^`]+)`")
#: What a role may name; any other may name anything.
_KINDS = {"mod": "module", "class": "class", "exc": "class", "func": "function", "meth": "function"}


class Names:
    """The names, where each is defined, and the roles in docstrings that name nothing.

    Parameters
    ----------
    packages
        Package -> the folder below the root that it lies in.
    root
        The root of the repository.
    """

    def __init__(self, packages: Mapping[str, str], root: Path) -> None:
        self._packages = tuple(packages)
        self._defined: dict[str, str] = {}
        self._passed_on: dict[str, str] = {}
        self._docstrings: list[tuple[Path, str, str]] = []
        for folder in packages.values():
            for path in sorted((root / folder).rglob("*.py")):
                parts = path.relative_to(root / folder).with_suffix("").parts
                module = ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
                self._defined[module] = "module"
                self._read(ast.parse(path.read_text(encoding="utf-8")), module, path)

    def definition_of(self, target: str, role: str = "") -> str | None:
        """The full name behind a target of a role; None where there is none, or more than one."""
        target = target.lstrip("~").split(" <")[-1].rstrip(">")
        if target.startswith("."):
            target = target[1:]
        elif target.partition(".")[0] in self._packages:
            return self._follow(target)
        kind = _KINDS.get(role)
        found = [
            name
            for name, its_kind in self._defined.items()
            if name.endswith(f".{target}") and kind in (None, its_kind)
        ]
        return found[0] if len(found) == 1 else None

    def broken_roles(self) -> Iterator[tuple[Path, str, str]]:
        """File, place and target of each role in a docstring that names nothing of ours."""
        for path, place, text in self._docstrings:
            for role, target in _ROLE.findall(text):
                first, dot, _ = target.lstrip("~").partition(".")
                elsewhere = first in sys.stdlib_module_names or (
                    bool(dot) and first not in ("", *self._packages)
                )
                if not (elsewhere or self._near(place, target) or self.definition_of(target, role)):
                    yield path, place, target

    def _near(self, place: str, target: str) -> bool:
        """Whether a bare name is one of the same class or module."""
        while place:
            if f"{place}.{target}" in self._defined:
                return True
            place = place.rpartition(".")[0]
        return False

    def _follow(self, target: str) -> str | None:
        for _ in range(10):
            if target in self._defined:
                return target
            if target in self._passed_on:
                target = self._passed_on[target]
                continue
            owner, _, name = target.rpartition(".")
            if owner not in self._passed_on:
                return None
            target = f"{self._passed_on[owner]}.{name}"
        return None

    def _read(self, node: ast.AST, place: str, path: Path, owner: str = "") -> None:
        """Read what stands in a node; ``owner`` is the class whose method it is."""
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            docstring = ast.get_docstring(node)
            if docstring:
                self._docstrings.append((path, place, docstring))
        for child in ast.iter_child_nodes(node):
            if isinstance(child, ast.ClassDef):
                self._defined[f"{place}.{child.name}"] = "class"
                self._read(child, f"{place}.{child.name}", path)
            elif isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef):
                self._defined[f"{place}.{child.name}"] = "function"
                method_of = place if isinstance(node, ast.ClassDef) else owner
                self._read(child, f"{place}.{child.name}", path, method_of)
            elif isinstance(child, ast.ImportFrom) and child.module and not child.level:
                for alias in child.names:
                    name = f"{place}.{alias.asname or alias.name}"
                    self._passed_on[name] = f"{child.module}.{alias.name}"
            elif isinstance(child, ast.Assign | ast.AnnAssign):
                targets = child.targets if isinstance(child, ast.Assign) else [child.target]
                for target in (inner for outer in targets for inner in ast.walk(outer)):
                    if isinstance(target, ast.Attribute):
                        self._defined.setdefault(f"{owner}.{target.attr}", "data")
                    elif isinstance(target, ast.Name):
                        self._defined.setdefault(f"{place}.{target.id}", "data")
            elif isinstance(child, ast.If | ast.Try | ast.With):
                self._read(child, place, path, owner)
