"""The program's own icons, drawn from a few SVG shapes in the theme's colours."""

from __future__ import annotations

from functools import cache
from typing import Final

from PyQt6.QtCore import QByteArray, QRectF, QSize, Qt
from PyQt6.QtGui import QIcon, QPainter, QPixmap
from PyQt6.QtSvg import QSvgRenderer

from hmr_live_app.widgets import theme

_ICON_SIZES: Final = (18, 36)
_STROKE: Final = (
    'fill="none" stroke="{color}" stroke-width="2" stroke-linecap="round" stroke-linejoin="round"'
)
_SHAPES: Final = {
    "play": '<path d="M7 4.5 L19 12 L7 19.5 Z" fill="{color}"/>',
    "pause": '<path d="M6 4h4v16H6zM14 4h4v16h-4z" fill="{color}"/>',
    "replay": f'<path d="M19 12a7 7 0 1 1-2.2-5.1M17 3v4.5h-4.5" {_STROKE}/>',
    "record": '<circle cx="12" cy="12" r="7" fill="{color}"/>',
    "stop": '<rect x="6" y="6" width="12" height="12" rx="2" fill="{color}"/>',
    "camera": f'<g {_STROKE}><rect x="2.5" y="6" width="13" height="12" rx="2"/>'
    '<path d="M15.5 11l6-3.5v9l-6-3.5"/></g>',
    "film": f'<g {_STROKE}><rect x="3" y="4" width="18" height="16" rx="2"/>'
    '<path d="M8 4v16M16 4v16M3 9h5M3 15h5M16 9h5M16 15h5"/></g>',
    "folder": f'<path d="M3 18V6.5h6l2 2.5h10v9.5H3z" {_STROKE}/>',
    "wave": f'<path d="M2 14c3 0 3-7 6-7s3 10 6 10 3-6 8-6" {_STROKE}/>',
    "person": f'<g {_STROKE}><circle cx="12" cy="5" r="2.6"/>'
    '<path d="M5 9.5l7 1.5 7-1.5M12 11v4.5M12 15.5L8 21.5M12 15.5l4 6"/></g>',
    "home": f'<path d="M4 11.5L12 4.5l8 7M6.5 10v9.5h11V10" {_STROKE}/>',
    "collapsed": f'<path d="M9.5 6.5L15 12l-5.5 5.5" {_STROKE}/>',
    "expanded": f'<path d="M6.5 9.5L12 15l5.5-5.5" {_STROKE}/>',
    "step": '<path d="M6 4.5 L15 12 L6 19.5 Z M16 5h3v14h-3z" fill="{color}"/>',
    "step back": '<path d="M18 4.5 L9 12 L18 19.5 Z M5 5h3v14H5z" fill="{color}"/>',
    "list": f'<path d="M8 6h12M8 12h12M8 18h12M4 6h.01M4 12h.01M4 18h.01" {_STROKE}/>',
    "close": f'<path d="M6 6l12 12M18 6L6 18" {_STROKE}/>',
}

#: A mesh person with raised arms on a rounded tile.
_APPLICATION: Final = """
<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 64 64">
<defs><linearGradient id="g" x1="0" y1="0" x2="0" y2="1">
<stop offset="0" stop-color="#2b3342"/><stop offset="1" stop-color="#12151b"/>
</linearGradient></defs>
<rect x="2" y="2" width="60" height="60" rx="14" fill="url(#g)"/>
<g fill="none" stroke="#ff9d5c" stroke-width="3" stroke-linejoin="round" stroke-linecap="round">
<circle cx="32" cy="15" r="5.5" fill="#ff9d5c"/>
<path d="M12 17 L23 27 L41 27 L52 17"/>
<path d="M23 27 L26 42 L38 42 L41 27 Z" fill="#ff9d5c" fill-opacity="0.25"/>
<path d="M26 42 L21 56 M38 42 L43 56 M23 27 L38 42 M41 27 L26 42"/>
</g></svg>
"""


@cache
def icon(name: str, color: str = theme.TEXT, *, checked_color: str = "") -> QIcon:
    """One of the tool bar's icons; of another colour while its button is checked, if given."""
    result = QIcon()
    _render(result, _svg(name, color), _ICON_SIZES)
    if checked_color:
        _render(result, _svg(name, checked_color), _ICON_SIZES, QIcon.State.On)
    return result


@cache
def chip(left: str = "", right: str = "") -> QIcon:
    """A box: empty, or ticked and filled with the colours of one or two curves."""
    if not left:
        body = f'<rect x="3.5" y="3.5" width="17" height="17" rx="5" {_STROKE}/>'
        body = body.format(color=theme.FAINT)
    else:
        body = (
            f'<rect x="2.5" y="2.5" width="19" height="19" rx="5" fill="{left}"/>'
            f'<path d="M12 2.5h4.5a5 5 0 0 1 5 5v9a5 5 0 0 1 -5 5H12z" fill="{right or left}"/>'
            '<path d="M7 12.5l3.5 3.5 7-8" fill="none" stroke="#20140b" stroke-width="2.6" '
            'stroke-linecap="round" stroke-linejoin="round"/>'
        )
    svg = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 24 24">{body}</svg>'
    result = QIcon()
    _render(result, svg, (16, 32))
    return result


@cache
def application_icon() -> QIcon:
    """The program's icon."""
    result = QIcon()
    _render(result, _APPLICATION, (16, 24, 32, 48, 64, 128, 256))
    return result


def _svg(name: str, color: str) -> str:
    shape = _SHAPES[name].format(color=color)
    return f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 24 24">{shape}</svg>'


def _render(
    into: QIcon, svg: str, sizes: tuple[int, ...], state: QIcon.State = QIcon.State.Off
) -> None:
    renderer = QSvgRenderer(QByteArray(svg.encode()))
    for size in sizes:
        pixmap = QPixmap(QSize(size, size))
        pixmap.fill(Qt.GlobalColor.transparent)
        painter = QPainter(pixmap)
        renderer.render(painter, QRectF(0, 0, size, size))
        painter.end()
        into.addPixmap(pixmap, QIcon.Mode.Normal, state)
