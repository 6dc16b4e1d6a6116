"""Small windows: choosing a file, mouse and keys, about."""

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
    ("Space", "start, pause, play again"),
    ("R", "start and stop a recording"),
    ("K", "set a marker in the recording"),
    ("S", "smoothing"),
    ("L", "live streams"),
    ("M", "mesh over the video"),
    ("P", "joint angles"),
    ("T", "the list of takes"),
    ("H", "how long frames take from the camera to the screen"),
    ("A", "adapt the quality to the machine"),
    ("0", "reset the 3D view"),
    ("Click on a person", "with several people: lock on them, plot their angles"),
    ("Esc, click beside everybody", "let go of the locked person"),
    ("F, Esc", "full screen and back"),
    ("Left, Right", "in a take: one frame back or forward"),
    ("I, O", "in a take: the range begins, ends here"),
    ("Ctrl+E, Ctrl+L", "in a take: export it, back to live"),
    ("Ctrl+O", "open a video, picture or take"),
    ("Drag in the 3D view", "turn"),
    ("Right or middle drag, Shift + drag", "shift"),
    ("Wheel", "nearer and farther"),
    ("Double click", "reset the 3D view"),
)


def ask_for_file(parent: QWidget, folder: Path) -> Path | None:
    """Let somebody choose a video, picture or take; None when they did not."""
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
    """Say what mouse and keys do."""
    rows = "".join(
        f"<tr><td style='padding:3px 24px 3px 0'><b>{key}</b></td><td>{what}</td></tr>"
        for key, what in _KEYS
    )
    _show(parent, "Mouse and keys", f"<table>{rows}</table>")


def show_about(parent: QWidget) -> None:
    """Say what this is."""
    _show(
        parent,
        "About hmr-live",
        f"<h3>hmr-live {__version__}</h3>"
        "<p>Live human mesh recovery: pose and shape of a person, as "
        "an SMPL body, from an ordinary camera, on this computer alone.</p>"
        "<p>Apache License 2.0; see NOTICE for the body, the networks and the clip.</p>",
    )


def _show(parent: QWidget, title: str, text: str) -> None:
    """A window that does not stop the one behind it."""
    box = QMessageBox(parent)
    box.setWindowTitle(title)
    box.setTextFormat(Qt.TextFormat.RichText)
    box.setText(text)
    box.setModal(False)
    box.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
    box.show()
