"""Write the pages of the API reference before Sphinx reads them, and give its links a target.

``hmr_live`` gets a page for each room, made by autodoc.  The program and the training package are
not libraries: theirs is one page each, a table of modules with the first sentence of each, read
from the source without importing it.
"""

from __future__ import annotations

import ast
import pkgutil
import re
from collections.abc import Iterator
from pathlib import Path

from docutils import nodes
from names import Names
from sphinx.addnodes import pending_xref
from sphinx.application import Sphinx
from sphinx.environment import BuildEnvironment
from sphinx.util import logging

logger = logging.getLogger(__name__)

LIBRARY = "hmr_live"
#: Where each package lies below the root.
PACKAGES = {LIBRARY: "engine", "hmr_live_app": "app", "hmr_live_training": "training"}
_UNIMPORTABLE = ("__main__",)


def modules_of(package: str, root: Path) -> Iterator[tuple[str, bool]]:
    """Names of all modules of a package, each with whether it is a package itself."""
    yield package, True
    folder = root / PACKAGES[package] / package
    for module in pkgutil.walk_packages([str(folder)], f"{package}."):
        if module.name.rpartition(".")[2] not in _UNIMPORTABLE:
            yield module.name, module.ispkg


def source_of(module: str, root: Path) -> Path:
    """The file of a module."""
    path = root / PACKAGES[module.partition(".")[0]] / Path(*module.split("."))
    return path / "__init__.py" if path.is_dir() else path.with_suffix(".py")


def write_pages(app: Sphinx) -> None:
    """Write ``api/*.rst``; a page that is the same already is left alone."""
    docs = Path(app.srcdir)
    root = docs.parent
    pages = dict(_library_pages(root))
    for package in PACKAGES:
        if package != LIBRARY:
            pages[package] = _module_table(package, root)
    (docs / "api").mkdir(exist_ok=True)
    for path in (docs / "api").glob("hmr_live*.rst"):
        if path.stem not in pages:
            path.unlink()
    for name, text in pages.items():
        path = docs / "api" / f"{name}.rst"
        if not path.is_file() or path.read_text(encoding="utf-8") != text:
            path.write_text(text, encoding="utf-8")
    names = Names(PACKAGES, root)
    for path, place, target in names.broken_roles():
        logger.warning(
            "docstring of %s: no such name: %s", place, target, location=(str(path), None)
        )
    app.names_of_packages = names


def _library_pages(root: Path) -> Iterator[tuple[str, str]]:
    rooms: dict[str, list[tuple[str, bool]]] = {}
    for name, is_package in modules_of(LIBRARY, root):
        parts = name.split(".")
        room = ".".join(parts[:2]) if len(parts) > 2 or is_package else LIBRARY
        rooms.setdefault(room, []).append((name, is_package))
    for room, modules in rooms.items():
        lines = [room, "=" * len(room), ""]
        for name, is_package in modules:
            if name != room:
                lines += [name, "-" * len(name), ""]
            lines += [f".. automodule:: {name}"]
            # A package only passes names on: each is documented where it is defined.
            lines += ["" if is_package else "   :members:", ""]
        yield room, "\n".join(lines)


def _module_table(package: str, root: Path) -> str:
    lines = [package, "=" * len(package), ""]
    for name, is_package in modules_of(package, root):
        text = source_of(name, root).read_text(encoding="utf-8")
        docstring = ast.get_docstring(ast.parse(text)) or ""
        if is_package:
            if name != package:
                lines += [name, "-" * len(name), ""]
            lines += [docstring, ""]
        else:
            first = re.split(r"\n\n|(?<=[.:])\s{2}", docstring, maxsplit=1)[0]
            lines += [f"``{name.removeprefix(f'{package}.')}``"]
            lines += [f"    {line}" for line in first.splitlines()] + [""]
    return "\n".join(lines)


def resolve(
    app: Sphinx, env: BuildEnvironment, node: pending_xref, contnode: nodes.Element
) -> nodes.Element | None:
    """Lead a link to where its target is documented.

    ``hmr_live.angles.ANGLES`` is passed on by a package and documented in the module that defines
    it.  What is real and not documented (a private constant, a module of the training) is shown
    without a link.
    """
    if node.get("refdomain") != "py":
        return None
    defined = app.names_of_packages.definition_of(node["reftarget"], node.get("reftype", ""))
    if defined is None:
        return None
    domain = env.get_domain("py")
    if defined in domain.objects:
        entry = domain.objects[defined]
        return domain_reference(app, node, entry.docname, entry.node_id, contnode)
    return contnode


def domain_reference(
    app: Sphinx, node: pending_xref, docname: str, anchor: str, contnode: nodes.Element
) -> nodes.Element:
    """A reference to an anchor of a page."""
    uri = app.builder.get_relative_uri(node["refdoc"], docname)
    reference = nodes.reference("", "", internal=True, refuri=f"{uri}#{anchor}")
    reference += contnode
    return reference


def setup(app: Sphinx) -> dict[str, bool]:
    """Register the writer and the resolver with Sphinx."""
    app.connect("builder-inited", write_pages)
    app.connect("missing-reference", resolve)
    return {"parallel_read_safe": False, "parallel_write_safe": True}
