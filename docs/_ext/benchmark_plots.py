"""The directive ``benchmark-plot``: one measure of ``benchmarks.jsonl`` over time, as SVG."""

from __future__ import annotations

import json
import math
from html import escape
from pathlib import Path
from typing import Any, Final

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective

_WIDTH: Final = 760
_HEIGHT: Final = 300
#: What a commit's name takes on the axis.
_LABEL_WIDTH: Final = 64
_LEFT, _RIGHT, _TOP, _BOTTOM = 50, 180, 20, 60
_COLOURS: Final = ("#4f8fd0", "#e08a45", "#55a868", "#b07aa1")


class BenchmarkPlot(SphinxDirective):
    """Argument: the measure.  A dot is a ratio, a bar its interval where it is known."""

    required_arguments = 1

    def run(self) -> list[nodes.Node]:
        """The plot."""
        log = Path(self.env.srcdir) / "benchmarks.jsonl"
        self.env.note_dependency(str(log))
        entries = [json.loads(line) for line in log.read_text(encoding="utf-8").splitlines()]
        chosen = [entry for entry in entries if entry["measure"] == self.arguments[0]]
        return [nodes.raw("", plot(chosen), format="html")]


def plot(entries: list[dict[str, Any]]) -> str:
    """The SVG of entries of one measure, in the order of the log."""
    commits = list(dict.fromkeys(entry["commit"] for entry in entries))
    names = list(dict.fromkeys(entry["name"] for entry in entries))
    dates = {entry["commit"]: entry["date"] for entry in entries}
    top = max(entry["high"] or entry["ratio"] for entry in entries) * 1.05
    step = (_WIDTH - _LEFT - _RIGHT) / max(len(commits), 1)

    def x(entry: dict[str, Any]) -> float:
        aside = 10 * (names.index(entry["name"]) - (len(names) - 1) / 2)
        return _LEFT + step * (commits.index(entry["commit"]) + 0.5) + aside

    def y(value: float) -> float:
        return _TOP + (_HEIGHT - _TOP - _BOTTOM) * (1 - value / top)

    parts = [_text(_LEFT - 8, y(value) + 4, f"{value:g}", "end") for value in _ticks(top)]
    parts += [
        f'<path d="M{_LEFT} {y(value):.1f}H{_WIDTH - _RIGHT}" stroke="currentColor" '
        f'stroke-opacity="{0.7 if value == 1 else 0.15}"/>'
        for value in _ticks(top)
    ]
    every = math.ceil(_LABEL_WIDTH / step)
    for index, commit in enumerate(commits):
        if index % every:
            continue
        middle = _LEFT + step * (index + 0.5)
        parts.append(_text(middle, _HEIGHT - 38, commit[:7], "middle"))
        parts.append(_text(middle, _HEIGHT - 22, dates[commit][5:], "middle"))
    for entry in entries:
        colour = _COLOURS[names.index(entry["name"]) % len(_COLOURS)]
        if entry["low"] is not None:
            ends = f"M{x(entry):.1f} {y(entry['low']):.1f}V{y(entry['high']):.1f}"
            parts.append(f'<path d="{ends}" stroke="{colour}" stroke-width="2"/>')
        title = escape(f"{entry['name']}, {entry['machine']}: {entry['ratio']}")
        parts.append(
            f'<circle cx="{x(entry):.1f}" cy="{y(entry["ratio"]):.1f}" r="4.5" fill="{colour}">'
            f"<title>{title}</title></circle>"
        )
    for index, name in enumerate(names):
        place = _TOP + 12 + 20 * index
        colour = _COLOURS[index % len(_COLOURS)]
        parts.append(f'<circle cx="{_WIDTH - _RIGHT + 20}" cy="{place}" r="4.5" fill="{colour}"/>')
        parts.append(_text(_WIDTH - _RIGHT + 32, place + 4, escape(name), "start"))
    style = f"width:100%;max-width:{_WIDTH}px;color:var(--color-foreground-primary)"
    return (
        f'<svg viewBox="0 0 {_WIDTH} {_HEIGHT}" role="img" style="{style}" '
        f'font-family="sans-serif" font-size="12">{"".join(parts)}</svg>'
    )


def _ticks(top: float) -> list[float]:
    step = 0.5 if top > 1.5 else 0.25
    return [step * index for index in range(int(top / step) + 1)]


def _text(x: float, y: float, text: str, anchor: str) -> str:
    place = f'x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}"'
    return f'<text {place} fill="currentColor">{text}</text>'


def setup(app: Sphinx) -> dict[str, bool]:
    """Register the directive with Sphinx."""
    app.add_directive("benchmark-plot", BenchmarkPlot)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
