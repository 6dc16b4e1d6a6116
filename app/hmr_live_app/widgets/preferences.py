"""What the program remembers between two starts: its settings, and the state of its window."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from platformdirs import user_documents_path
from PyQt6.QtCore import QByteArray, QSettings
from PyQt6.QtWidgets import QMainWindow, QSplitter, QWidget

from hmr_live.recovery.network_choice import AUTO, NETWORKS
from hmr_live.recovery.tracking import MAX_PEOPLE
from hmr_live.takes.pre_roll import PRE_ROLL_S
from hmr_live_app.model.angle_groups import DEFAULT_CHOICE
from hmr_live_app.scene.scene_view import SceneView
from hmr_live_app.widgets.actions import Actions
from hmr_live_app.widgets.angle_panel import AnglePanel
from hmr_live_app.widgets.performance import Performance
from hmr_live_app.widgets.pre_roll_menu import PreRollMenu


@dataclass(slots=True)
class Preferences:
    """The user's choices.

    Attributes
    ----------
    smoothing, show_mesh, show_panel, show_takes, record_video, adaptive_quality
        Switches.
    angles
        Names of the plotted angle groups.
    seconds
        How far back the plot reaches.
    people
        How many are followed at once.
    network
        ``auto`` or the name of a shipped network.
    pre_roll
        Seconds before the record button that a take holds too.
    recordings
        Folder for recordings.
    videos
        Folder that the last opened file lay in.
    geometry, splitter
        Place of the window and of its divider, as Qt writes them.
    """

    smoothing: bool = True
    show_mesh: bool = True
    show_panel: bool = True
    show_takes: bool = False
    record_video: bool = False
    adaptive_quality: bool = True
    angles: tuple[str, ...] = DEFAULT_CHOICE
    seconds: int = 10
    people: int = 1
    network: str = AUTO
    pre_roll: int = PRE_ROLL_S
    recordings: Path = Path()
    videos: Path = Path()
    geometry: QByteArray | None = None
    splitter: QByteArray | None = None


def load_preferences() -> Preferences:
    """Read the preferences; whatever is missing or unreadable has its default."""
    stored = _store()
    plain = Preferences(recordings=user_documents_path() / "hmr-live", videos=Path.home())
    angles = stored.value("angles")  # one string: Qt reads a list of one back as a string
    return Preferences(
        smoothing=_flag(stored, "smoothing", plain.smoothing),
        show_mesh=_flag(stored, "show_mesh", plain.show_mesh),
        show_panel=_flag(stored, "show_panel", plain.show_panel),
        show_takes=_flag(stored, "show_takes", plain.show_takes),
        record_video=_flag(stored, "record_video", plain.record_video),
        adaptive_quality=_flag(stored, "adaptive_quality", plain.adaptive_quality),
        angles=tuple(filter(None, angles.split(";"))) if isinstance(angles, str) else plain.angles,
        seconds=_number(stored, "seconds", plain.seconds),
        people=min(max(_number(stored, "people", plain.people), 1), MAX_PEOPLE),
        network=_one_of(stored, "network", (AUTO, *NETWORKS)),
        pre_roll=_number(stored, "pre_roll", plain.pre_roll),
        recordings=Path(str(stored.value("recordings", plain.recordings))),
        videos=Path(str(stored.value("videos", plain.videos))),
        geometry=_bytes(stored, "geometry"),
        splitter=_bytes(stored, "splitter"),
    )


def save_preferences(preferences: Preferences) -> None:
    """Write the preferences."""
    stored = _store()
    stored.setValue("smoothing", preferences.smoothing)
    stored.setValue("show_mesh", preferences.show_mesh)
    stored.setValue("show_panel", preferences.show_panel)
    stored.setValue("show_takes", preferences.show_takes)
    stored.setValue("record_video", preferences.record_video)
    stored.setValue("adaptive_quality", preferences.adaptive_quality)
    stored.setValue("angles", ";".join(preferences.angles))
    stored.setValue("seconds", preferences.seconds)
    stored.setValue("people", preferences.people)
    stored.setValue("network", preferences.network)
    stored.setValue("pre_roll", preferences.pre_roll)
    stored.setValue("recordings", str(preferences.recordings))
    stored.setValue("videos", str(preferences.videos))
    stored.setValue("geometry", preferences.geometry)
    stored.setValue("splitter", preferences.splitter)


@dataclass(frozen=True)
class WindowState:
    """The parts of the main window whose state is remembered between two starts."""

    window: QMainWindow
    splitter: QSplitter
    actions: Actions
    pre_roll: PreRollMenu
    panel: AnglePanel
    takes: QWidget
    view: SceneView
    performance: Performance

    def restore(self, preferences: Preferences, *, smoothing: bool) -> None:
        """Set the window up, its size and place too.

        Parameters
        ----------
        preferences
            As they were loaded.
        smoothing
            Whether this run smooths, whatever the preferences say.
        """
        actions = self.actions
        actions.smoothing.setChecked(smoothing)
        actions.mesh.setChecked(preferences.show_mesh)
        actions.panel.setChecked(preferences.show_panel)
        actions.record_video.setChecked(preferences.record_video)
        actions.adaptive.setChecked(preferences.adaptive_quality)
        actions.takes.setChecked(preferences.show_takes)
        self.performance.set_adaptive(preferences.adaptive_quality)
        self.pre_roll.choose(preferences.pre_roll)
        self.panel.setVisible(preferences.show_panel)
        self.takes.setVisible(preferences.show_takes)
        self.view.set_show_mesh(preferences.show_mesh)
        self.panel.set_seconds(preferences.seconds)
        self.panel.table.choose(preferences.angles)
        self.window.resize(1440, 860)
        if preferences.geometry is not None:
            self.window.restoreGeometry(preferences.geometry)
        if preferences.splitter is not None:
            self.splitter.restoreState(preferences.splitter)

    def remember(self, preferences: Preferences) -> None:
        """Note in the preferences how the window is now."""
        actions = self.actions
        preferences.smoothing = actions.smoothing.isChecked()
        preferences.show_mesh = actions.mesh.isChecked()
        preferences.show_panel = actions.panel.isChecked()
        preferences.show_takes = actions.takes.isChecked()
        preferences.record_video = actions.record_video.isChecked()
        preferences.adaptive_quality = actions.adaptive.isChecked()
        preferences.angles, preferences.seconds = self.panel.table.choice, self.panel.seconds
        if not self.window.isFullScreen():
            preferences.geometry = self.window.saveGeometry()
            preferences.splitter = self.splitter.saveState()


def _store() -> QSettings:
    return QSettings(QSettings.Format.IniFormat, QSettings.Scope.UserScope, "hmr-live", "hmr-live")


def _flag(stored: QSettings, key: str, default: bool) -> bool:
    """Ini files know no booleans: Qt writes and reads words."""
    return str(stored.value(key, default)).lower() == "true"


def _one_of(stored: QSettings, key: str, choices: Sequence[str]) -> str:
    """One of the choices; the first if another value or none is stored."""
    value = str(stored.value(key, choices[0]))
    return value if value in choices else choices[0]


def _number(stored: QSettings, key: str, default: int) -> int:
    try:
        return int(stored.value(key, default))
    except (TypeError, ValueError):
        return default


def _bytes(stored: QSettings, key: str) -> QByteArray | None:
    value = stored.value(key)
    return value if isinstance(value, QByteArray) and not value.isEmpty() else None
