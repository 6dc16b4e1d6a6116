"""Puts the preferences into the window at the start, and notes them at the end."""

from __future__ import annotations

from dataclasses import dataclass

from PyQt6.QtWidgets import QMainWindow, QSplitter, QWidget

from hmr_live_app.scene.scene_view import SceneView
from hmr_live_app.widgets.actions import Actions
from hmr_live_app.widgets.angle_panel import AnglePanel
from hmr_live_app.widgets.performance import Performance
from hmr_live_app.widgets.pre_roll_menu import PreRollMenu
from hmr_live_app.widgets.preferences import Preferences


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
