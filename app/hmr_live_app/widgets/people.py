"""How many people are tracked, and the lock on one of them."""

from __future__ import annotations

from PyQt6.QtCore import QObject, pyqtSignal
from PyQt6.QtGui import QActionGroup
from PyQt6.QtWidgets import QMenu

from hmr_live.recovery.tracking import MAX_PEOPLE
from hmr_live_app.model.app_model import AppModel
from hmr_live_app.scene.scene_view import SceneView


class PeopleController(QObject):
    """The menu *People to track*, and clicks on people in the view, which lock on to them.

    Parameters
    ----------
    model, view
        What is controlled, and where people are clicked.

    Attributes
    ----------
    menu
        Offers one number to choose.
    """

    #: The number chosen in the menu.
    count_chosen = pyqtSignal(int)

    def __init__(self, model: AppModel, view: SceneView) -> None:
        super().__init__()
        self._model, self._view = model, view
        self.menu = QMenu("&People to track")
        self._group = QActionGroup(self.menu)
        for count in range(1, MAX_PEOPLE + 1):
            action = self.menu.addAction(str(count))
            if action is not None:
                action.setCheckable(True)
                action.setData(count)
                self._group.addAction(action)
        self._group.triggered.connect(lambda action: self._choose(action.data()))
        view.person_clicked.connect(self._on_click)

    def set_count(self, count: int) -> None:
        """Track up to so many people; does not emit :attr:`count_chosen`."""
        for action in self._group.actions():
            action.setChecked(action.data() == count)
        self._model.set_people(count)
        if count == 1:
            self.release()

    def release(self) -> bool:
        """Release the lock; return whether there was one."""
        shown = self._view.shown
        was_locked = shown is not None and shown.locked
        self._lock(None)
        return was_locked

    def _choose(self, count: int) -> None:
        self.set_count(count)
        self.count_chosen.emit(count)

    def _on_click(self, track_id: int | None) -> None:
        if self._model.can_lock:
            self._lock(track_id)

    def _lock(self, track_id: int | None) -> None:
        self._model.lock(track_id)
        shown = self._view.shown
        if shown is not None and self._model.can_lock:
            # The next frame shows it too, but while paused there is none.
            self._view.show_result(self._model.as_locked(shown))
