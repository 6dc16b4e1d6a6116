"""Small dialogs: choosing a file, mouse and keyboard, about."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from PyQt6.QtCore import Qt
from PyQt6.QtWidgets import QFileDialog, QMessageBox, QWidget

from hmr_live.capture.sources import PICTURE_SUFFIXES
from hmr_live.core.version import __version__
from hmr_live_app.model.takes.file_types import TAKE_SUFFIXES

_VIDEO_SUFFIXES: Final = ("mp4", "mov", "mkv", "avi", "webm", "m4v")

_KEYS: Final = (
    ("Space", "start, pause or play again"),
    ("R", "start or stop recording"),
    ("K", "add a marker to the recording"),
    ("S", "switch smoothing on or off"),
    ("L", "open the live streams"),
    ("M", "show or hide the mesh over the video"),
    ("P", "show or hide the joint angles"),
    ("T", "show or hide the list of takes"),
    ("H", "show the latency from the camera to the screen"),
    ("A", "switch adaptive quality on or off"),
    ("0", "reset the 3D view"),
    ("Click a person", "with several people: lock on to one and plot their angles"),
    ("Esc, click empty space", "release the lock"),
    ("F, Esc", "enter, leave full screen"),
    ("Left, Right", "in a take: previous, next frame"),
    ("I, O", "in a take: set the start, end of the range"),
    ("Ctrl+E, Ctrl+L", "in a take: export it, return to the live view"),
    ("Ctrl+O", "open a video, picture or take"),
    ("Drag in the 3D view", "rotate"),
    ("Right or middle drag, Shift + drag", "pan"),
    ("Wheel", "zoom"),
    ("Double-click the 3D view", "reset the 3D view"),
)


def ask_for_file(parent: QWidget, folder: Path) -> Path | None:
    """Ask for a video, picture or take; None if the dialog was cancelled."""
    videos = " ".join(f"*.{suffix}" for suffix in _VIDEO_SUFFIXES)
    takes = " ".join(f"*{suffix}" for suffix in sorted(TAKE_SUFFIXES))
    pictures = " ".join(f"*{suffix}" for suffix in sorted(PICTURE_SUFFIXES))
    chosen, _ = QFileDialog.getOpenFileName(
        parent,
        "Open a video, picture or take",
        str(folder),
        f"Videos, pictures and takes ({videos} {pictures} {takes});;All files (*)",
    )
    return Path(chosen) if chosen else None


def show_keys(parent: QWidget) -> None:
    """Show what mouse and keys do."""
    rows = "".join(
        f"<tr><td style='padding:3px 24px 3px 0'><b>{key}</b></td><td>{what}</td></tr>"
        for key, what in _KEYS
    )
    _show(parent, "Mouse and keyboard", f"<table>{rows}</table>")


def show_about(parent: QWidget) -> None:
    """Show version, purpose and licence."""
    _show(
        parent,
        "About hmr-live",
        f"<h3>hmr-live {__version__}</h3>"
        "<p>Live human mesh recovery: the pose and shape of people as SMPL bodies, from an "
        "ordinary camera. Everything runs on this computer.</p>"
        "<p>Apache License 2.0; see NOTICE for the licences of the body, the networks and the "
        "clip.</p>",
    )


def _show(parent: QWidget, title: str, text: str) -> None:
    """Open a message box that does not block the window behind it."""
    box = QMessageBox(parent)
    box.setWindowTitle(title)
    box.setTextFormat(Qt.TextFormat.RichText)
    box.setText(text)
    box.setModal(False)
    box.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
    box.show()
