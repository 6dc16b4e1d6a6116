"""Colours and the style sheet: one dark theme for every widget."""

from __future__ import annotations

from typing import Final

from PyQt6.QtGui import QColor, QPalette
from PyQt6.QtWidgets import QApplication

from hmr_live_app.model.angle_groups import Curve

WINDOW: Final = "#12151b"
PANEL: Final = "#1a1e26"
RAISED: Final = "#252b36"
HOVER: Final = "#2f3744"
LINE: Final = "#2b323e"
TEXT: Final = "#e4e8ef"
MUTED: Final = "#8d97a8"
FAINT: Final = "#5d6676"
ACCENT: Final = "#ff9d5c"
GOOD: Final = "#5fd39a"
WARNING: Final = "#f5c451"
BAD: Final = "#ff6b6b"

#: (left, right) colours of the curves by hue: the left side full, the right side pale.  Chosen to
#: stay apart for people with red-green blindness.
_CURVES: Final = (
    ("#ff8a4c", "#ffcfae"),
    ("#4ea8ff", "#b9dcff"),
    ("#3fd0a4", "#b5f0dd"),
    ("#d77bff", "#edc9ff"),
    ("#ffd24a", "#fff0ba"),
    ("#ff6f91", "#ffc9d5"),
)

_STYLE: Final = f"""
* {{ font-size: 13px; }}
QMainWindow, QDialog, QMessageBox {{ background: {WINDOW}; }}
QWidget {{ color: {TEXT}; }}
QToolTip {{ background: {RAISED}; color: {TEXT}; border: 1px solid {LINE}; padding: 4px 6px; }}

QMenuBar {{ background: {WINDOW}; padding: 2px 6px; }}
QMenuBar::item {{ padding: 4px 10px; border-radius: 5px; color: {MUTED}; }}
QMenuBar::item:selected {{ background: {RAISED}; color: {TEXT}; }}
QMenu {{ background: {PANEL}; border: 1px solid {LINE}; padding: 6px; }}
QMenu::item {{ padding: 6px 28px 6px 12px; border-radius: 5px; }}
QMenu::item:selected {{ background: {HOVER}; }}
QMenu::item:disabled {{ color: {FAINT}; }}
QMenu::separator {{ height: 1px; background: {LINE}; margin: 6px 8px; }}
QMenu::indicator {{ width: 14px; height: 14px; margin-left: 6px; }}

QToolBar {{ background: {WINDOW}; border: 0; padding: 4px 12px 10px 12px; spacing: 8px; }}
QToolBar QToolButton {{
    background: {RAISED}; border: 1px solid transparent; border-radius: 8px;
    padding: 7px 14px; font-weight: 600;
}}
QToolBar QToolButton:hover {{ background: {HOVER}; }}
QToolBar QToolButton:pressed {{ background: {LINE}; }}
QToolBar QToolButton:focus {{ border-color: {FAINT}; }}
QToolBar QToolButton:disabled {{ color: {FAINT}; background: {PANEL}; }}
QToolBar QToolButton:checked {{ color: {ACCENT}; border-color: #6b4a35; background: #2d2723; }}
QToolBar QToolButton#source {{ padding-right: 30px; }}
QToolBar QToolButton#source::menu-indicator {{
    subcontrol-position: right center; subcontrol-origin: padding; right: 10px;
}}
QToolBar QToolButton#run {{ background: {ACCENT}; color: #20140b; }}
QToolBar QToolButton#run:hover {{ background: #ffb27d; }}
QToolBar QToolButton#run:disabled {{ background: {PANEL}; color: {FAINT}; }}
QToolBar QToolButton#record:checked {{
    color: #ffffff; background: #a8323a; border-color: #d24a52;
}}
QToolBar QLabel#recording {{ color: {MUTED}; padding-left: 4px; }}

QFrame#banner {{ background: #3a2024; border: 1px solid #6d3138; border-radius: 8px; }}
QFrame#banner[kind="info"] {{ background: #1c2f2a; border-color: #2f5a4c; }}
QFrame#banner QToolButton {{
    background: transparent; border: 0; padding: 4px 8px; color: {MUTED}; border-radius: 5px;
}}
QFrame#banner QToolButton:hover {{ background: {HOVER}; color: {TEXT}; }}

QWidget#panel {{ background: {PANEL}; border-radius: 10px; }}
QLabel#heading {{ color: {MUTED}; font-size: 11px; font-weight: 700; letter-spacing: 1px; }}
QTreeWidget {{ background: transparent; border: 0; outline: 0; }}
QTreeWidget::item {{ height: 25px; border-radius: 5px; }}
QTreeWidget::item:hover {{ background: {RAISED}; }}
QTreeWidget::item:selected {{ background: {RAISED}; color: {TEXT}; }}
QHeaderView {{ background: transparent; }}
QHeaderView::section {{
    background: transparent; border: 0; color: {FAINT}; font-size: 11px; padding: 2px 4px;
}}
QScrollBar:vertical {{ background: transparent; width: 10px; margin: 0; }}
QScrollBar::handle:vertical {{ background: {HOVER}; border-radius: 4px; min-height: 30px; }}
QScrollBar::add-line, QScrollBar::sub-line {{ height: 0; width: 0; }}
QScrollBar::add-page, QScrollBar::sub-page {{ background: transparent; }}
QToolButton#span {{
    background: {RAISED}; border: 0; border-radius: 6px; padding: 4px 24px 4px 10px;
}}
QToolButton#span:hover {{ background: {HOVER}; }}
QToolButton#span::menu-indicator {{
    subcontrol-position: right center; subcontrol-origin: padding; right: 8px;
}}
QSplitter::handle {{ background: {WINDOW}; }}
QSplitter::handle:hover {{ background: {HOVER}; }}

QStatusBar {{ background: {WINDOW}; border-top: 1px solid {LINE}; min-height: 30px; }}
QStatusBar::item {{ border: 0; }}
QStatusBar QLabel {{ color: {MUTED}; padding: 0 8px; font-size: 12px; }}
"""


#: Style sheet of forms and rows of buttons, as in dialogs and under a take.
CONTROLS_STYLE: Final = f"""
QLineEdit {{
    background: {RAISED}; border: 1px solid {LINE}; border-radius: 6px;
    padding: 4px 8px;
}}
QLineEdit:disabled {{ background: {PANEL}; }}
QLineEdit:disabled, QComboBox:disabled, QAbstractSpinBox:disabled, QCheckBox:disabled {{
    color: {FAINT};
}}
QCheckBox {{ spacing: 8px; }}
QCheckBox::indicator {{
    width: 14px; height: 14px; border: 1px solid {FAINT}; border-radius: 4px;
}}
QCheckBox::indicator:checked {{ background: {ACCENT}; border-color: {ACCENT}; }}
QToolButton, QPushButton {{
    background: {RAISED}; border: 1px solid transparent; border-radius: 6px;
    padding: 5px 8px;
}}
QToolButton:hover, QPushButton:hover {{ background: {HOVER}; }}
QToolButton:focus, QPushButton:focus {{ border-color: {FAINT}; }}
QToolButton:disabled, QPushButton:disabled {{ color: {FAINT}; background: {PANEL}; }}
QToolButton:checked {{ color: {ACCENT}; border-color: #6b4a35; background: #2d2723; }}
QToolButton#play, QPushButton#main {{ background: {ACCENT}; color: #20140b; }}
QToolButton#play:hover, QPushButton#main:hover {{ background: #ffb27d; }}
QPushButton#main:disabled {{ background: {PANEL}; color: {FAINT}; }}
QToolButton::menu-indicator {{ image: none; }}
QLabel#time {{ color: {MUTED}; }}
QProgressBar {{
    background: {RAISED}; border: 0; border-radius: 6px; text-align: center;
    min-height: 18px;
}}
QProgressBar::chunk {{ background: #6b4a35; border-radius: 6px; }}
"""


def curve_color(curve: Curve) -> str:
    """Colour of a joint angle's curve, as ``#rrggbb``."""
    left, right = _CURVES[curve.hue % len(_CURVES)]
    return right if curve.side == "right" else left


def apply_theme(application: QApplication) -> None:
    """Apply style, palette and style sheet to the whole application."""
    application.setStyle("Fusion")
    palette = QPalette()
    for role, color in {
        QPalette.ColorRole.Window: WINDOW,
        QPalette.ColorRole.WindowText: TEXT,
        QPalette.ColorRole.Base: PANEL,
        QPalette.ColorRole.AlternateBase: RAISED,
        QPalette.ColorRole.Text: TEXT,
        QPalette.ColorRole.Button: RAISED,
        QPalette.ColorRole.ButtonText: TEXT,
        QPalette.ColorRole.BrightText: BAD,
        QPalette.ColorRole.Highlight: ACCENT,
        QPalette.ColorRole.HighlightedText: "#20140b",
        QPalette.ColorRole.Link: ACCENT,
        QPalette.ColorRole.ToolTipBase: RAISED,
        QPalette.ColorRole.ToolTipText: TEXT,
        QPalette.ColorRole.PlaceholderText: FAINT,
    }.items():
        palette.setColor(role, QColor(color))
    for role in (
        QPalette.ColorRole.Text,
        QPalette.ColorRole.ButtonText,
        QPalette.ColorRole.WindowText,
    ):
        palette.setColor(QPalette.ColorGroup.Disabled, role, QColor(FAINT))
    application.setPalette(palette)
    application.setStyleSheet(_STYLE)
