"""The directive ``angle-table``: every joint angle, read from ``hmr_live.angles``."""

from __future__ import annotations

from collections.abc import Sequence

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective

from hmr_live.angles import ANGLES, AngleDefinition

_HEADINGS = ("angle", "what moves", "positive", "zero", "range (degrees)")
_WIDTHS = (17, 29, 22, 20, 12)


class AngleTable(SphinxDirective):
    """A row for each angle, left and right together, and a list of those with singular poses."""

    def run(self) -> list[nodes.Node]:
        """Table and list."""
        shown = [angle for angle in ANGLES if angle.side != "right"]
        group = nodes.tgroup(cols=len(_HEADINGS))
        group += [nodes.colspec(colwidth=width) for width in _WIDTHS]
        group += nodes.thead("", _row(_HEADINGS))
        group += nodes.tbody("", *(_row(_cells(angle)) for angle in shown))
        singular = nodes.bullet_list()
        for angle in shown:
            if angle.singular:
                text = f"{angle.unsided_name}: {angle.singular}"
                singular += nodes.list_item("", nodes.paragraph("", text))
        return [nodes.table("", group), nodes.paragraph("", "Singular poses:"), singular]


def _cells(angle: AngleDefinition) -> tuple[str, ...]:
    name = f"{angle.unsided_name} (left, right)" if angle.side else angle.unsided_name
    return (name, angle.meaning, angle.positive, angle.neutral, f"{angle.low} to {angle.high}")


def _row(cells: Sequence[str]) -> nodes.row:
    return nodes.row("", *(nodes.entry("", nodes.paragraph("", cell)) for cell in cells))


def setup(app: Sphinx) -> dict[str, bool]:
    """Register the directive with Sphinx."""
    app.add_directive("angle-table", AngleTable)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
