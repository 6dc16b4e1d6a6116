"""The look of what only takes have."""

from __future__ import annotations

from typing import Final

from hmr_live_app.widgets import theme

STYLE: Final = f"""
QLineEdit {{
    background: {theme.RAISED}; border: 1px solid {theme.LINE}; border-radius: 6px;
    padding: 4px 8px;
}}
QLineEdit:disabled {{ background: {theme.PANEL}; }}
QLineEdit:disabled, QComboBox:disabled, QAbstractSpinBox:disabled, QCheckBox:disabled {{
    color: {theme.FAINT};
}}
QCheckBox {{ spacing: 8px; }}
QCheckBox::indicator {{
    width: 14px; height: 14px; border: 1px solid {theme.FAINT}; border-radius: 4px;
}}
QCheckBox::indicator:checked {{ background: {theme.ACCENT}; border-color: {theme.ACCENT}; }}
QToolButton, QPushButton {{
    background: {theme.RAISED}; border: 1px solid transparent; border-radius: 6px;
    padding: 5px 8px;
}}
QToolButton:hover, QPushButton:hover {{ background: {theme.HOVER}; }}
QToolButton:focus, QPushButton:focus {{ border-color: {theme.FAINT}; }}
QToolButton:disabled, QPushButton:disabled {{ color: {theme.FAINT}; background: {theme.PANEL}; }}
QToolButton:checked {{ color: {theme.ACCENT}; border-color: #6b4a35; background: #2d2723; }}
QToolButton#play, QPushButton#main {{ background: {theme.ACCENT}; color: #20140b; }}
QToolButton#play:hover, QPushButton#main:hover {{ background: #ffb27d; }}
QPushButton#main:disabled {{ background: {theme.PANEL}; color: {theme.FAINT}; }}
QToolButton::menu-indicator {{ image: none; }}
QLabel#time {{ color: {theme.MUTED}; }}
QProgressBar {{
    background: {theme.RAISED}; border: 0; border-radius: 6px; text-align: center;
    min-height: 18px;
}}
QProgressBar::chunk {{ background: #6b4a35; border-radius: 6px; }}
"""
