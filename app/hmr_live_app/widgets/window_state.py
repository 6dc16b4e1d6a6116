"""What the window remembers between two starts: written into it, and read from it at the end."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from hmr_live_app.main_window import MainWindow


def restore(window: MainWindow) -> None:
    """Make the window as its preferences say; size and place come from there too."""
    chosen, actions = window.preferences, window.commands
    actions.smoothing.setChecked(window.session.smoothing)
    actions.mesh.setChecked(chosen.show_mesh)
    actions.panel.setChecked(chosen.show_panel)
    actions.record_video.setChecked(chosen.record_video)
    actions.adaptive.setChecked(chosen.adaptive_quality)
    actions.takes.setChecked(chosen.show_takes)
    window.performance.set_adaptive(chosen.adaptive_quality)
    window.pre_roll.choose(chosen.pre_roll)
    window.panel.setVisible(chosen.show_panel)
    window.takes.list.setVisible(chosen.show_takes)
    window.view.set_show_mesh(chosen.show_mesh)
    window.panel.set_seconds(chosen.seconds)
    window.panel.table.choose(chosen.angles)
    window.resize(1440, 860)
    if chosen.geometry is not None:
        window.restoreGeometry(chosen.geometry)
    if chosen.splitter is not None:
        window.splitter.restoreState(chosen.splitter)


def remember(window: MainWindow) -> None:
    """Note in the window's preferences how it is now."""
    chosen, actions = window.preferences, window.commands
    chosen.smoothing = actions.smoothing.isChecked()
    chosen.show_mesh = actions.mesh.isChecked()
    chosen.show_panel = actions.panel.isChecked()
    chosen.show_takes = actions.takes.isChecked()
    chosen.record_video = actions.record_video.isChecked()
    chosen.adaptive_quality = actions.adaptive.isChecked()
    chosen.angles, chosen.seconds = window.panel.table.choice, window.panel.seconds
    if not window.isFullScreen():
        chosen.geometry, chosen.splitter = window.saveGeometry(), window.splitter.saveState()
