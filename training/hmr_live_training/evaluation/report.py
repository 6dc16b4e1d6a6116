"""Rows of figures as aligned text, as Markdown and as JSON."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Final

from hmr_live_training.evaluation.statistics import Figure, ReliabilityBin

_HEADS: Final = ("estimator", "condition", "N")
_RELIABILITY: Final = "Reliability: share of events, % (number of predicted probabilities)"
Table = tuple[str, list[list[str]]]


@dataclass(frozen=True)
class ResultRow:
    """Figures of one estimator under one condition.

    Attributes
    ----------
    section
        What is measured; rows of one section, data set and split form a table.
    data_set, split
        The data it is measured on.
    condition
        Which crops, people or joints.
    estimator
        Network or baseline.
    figures
        By name, in the order of the columns; None where nothing counts.
    reliability
        Reliability tables by the probability that they judge.
    """

    section: str
    data_set: str
    split: str
    condition: str
    estimator: str
    figures: Mapping[str, Figure | None]
    reliability: Mapping[str, Sequence[ReliabilityBin]] = field(default_factory=dict)

    @property
    def title(self) -> str:
        """Heading of the row's table."""
        return f"{self.section}: {self.data_set}, {self.split}"

    @property
    def count(self) -> int:
        """The largest count behind the row's figures."""
        return max((f.count for f in self.figures.values() if f is not None), default=0)


def tables(rows: Sequence[ResultRow]) -> list[Table]:
    """Group rows into tables: a title, then lines of cells of which the first is the heading."""
    grouped: dict[str, list[ResultRow]] = {}
    for row in rows:
        grouped.setdefault(row.title, []).append(row)
    made = [(title, _figure_lines(group)) for title, group in grouped.items()]
    bins = [row for row in rows if row.reliability]
    return [*made, (_RELIABILITY, _reliability_lines(bins))] if bins else made


def _figure_lines(rows: Sequence[ResultRow]) -> list[list[str]]:
    names = list(dict.fromkeys(name for row in rows for name in row.figures))
    units = {
        name: figure.unit
        for row in rows
        for name, figure in row.figures.items()
        if figure is not None and figure.unit
    }
    heads = [f"{name}, {units[name]}" if name in units else name for name in names]
    lines = [[*_HEADS, *heads]]
    for row in rows:
        cells = [_cell(row.figures.get(name), row.count) for name in names]
        lines.append([row.estimator, row.condition, str(row.count), *cells])
    return lines


def _cell(figure: Figure | None, count: int) -> str:
    """``62.9 [60.8, 65.1]``, with the number of people where it differs from the row's."""
    if figure is None:
        return "-"
    digits = 1 if figure.unit else 2
    low, value, high = (f"{v:.{digits}f}" for v in (figure.low, figure.value, figure.high))
    own = "" if figure.count == count else f" n={figure.count}"
    return f"{value} [{low}, {high}]{own}"


def _reliability_lines(rows: Sequence[ResultRow]) -> list[list[str]]:
    first = next(iter(rows[0].reliability.values()))
    edges = [f"{100 * b.low:.0f}-{100 * b.high:.0f}" for b in first]
    lines = [["estimator", "data", "predicted, %", *edges]]
    for row in rows:
        for name, bins in row.reliability.items():
            cells = [
                "-" if b.happened is None else f"{100 * b.happened:.0f} ({b.count})" for b in bins
            ]
            where = f"{row.data_set}, {row.split}, {row.condition}"
            lines.append([row.estimator, where, name, *cells])
    return lines


def as_text(rows: Sequence[ResultRow]) -> str:
    """Plain text in aligned columns, with a blank line between tables."""
    parts = []
    for title, lines in tables(rows):
        widths = [max(len(line[k]) for line in lines) for k in range(len(lines[0]))]
        parts.append(title)
        for line in lines:
            cells = (cell.ljust(width) for cell, width in zip(line, widths, strict=True))
            parts.append("  ".join(cells).rstrip())
        parts.append("")
    return "\n".join(parts)


def as_markdown(rows: Sequence[ResultRow]) -> str:
    """Markdown tables."""
    parts = []
    for title, lines in tables(rows):
        parts += [f"**{title}**", ""]
        parts += [f"| {' | '.join(lines[0])} |", f"|{'---|' * len(lines[0])}"]
        parts += [f"| {' | '.join(line)} |" for line in lines[1:]]
        parts.append("")
    return "\n".join(parts)


def as_json(rows: Sequence[ResultRow]) -> list[dict[str, Any]]:
    """The rows as plain values, by the field names of :class:`ResultRow` and :class:`.Figure`."""
    return [asdict(row) for row in rows]
