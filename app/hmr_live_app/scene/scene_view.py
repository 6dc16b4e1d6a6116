"""The graphics area of the window: the scene in a native OpenGL window, and the mouse over it."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from typing import Final

import moderngl
from PyQt6.QtCore import QPointF, Qt, pyqtSignal
from PyQt6.QtGui import QMouseEvent, QOpenGLContext, QSurfaceFormat, QWheelEvent
from PyQt6.QtOpenGL import QOpenGLWindow

from hmr_live.body.model import BodyModel
from hmr_live.core.errors import RenderError
from hmr_live.core.state import BodyState, FrameResult
from hmr_live.core.timing import StageStatistics
from hmr_live.render.body_renderer import is_software
from hmr_live.render.image_plane import Rectangle, letterbox
from hmr_live.render.view_camera import OrbitCamera
from hmr_live_app.scene.captions import text_image
from hmr_live_app.scene.gl_context import finish_of, moderngl_context, no_opengl_message
from hmr_live_app.scene.scene import Panes, Scene, arrange
from hmr_live_app.scene.window_target import WindowTarget

_log = logging.getLogger(__name__)
_RADIANS_PER_POINT: Final = 0.008
_WHEEL_NOTCH: Final = 120
#: A mouse that moves by no more than so many points between press and release has clicked.
_CLICK_RADIUS: Final = 4
#: Shown until somebody has done it.
_MOUSE_HINT: Final = "Drag to turn · scroll to zoom"


def surface_format() -> QSurfaceFormat:
    """OpenGL 3.3 core with depth; to be made the default before the application is created."""
    surface = QSurfaceFormat()
    surface.setVersion(3, 3)
    surface.setProfile(QSurfaceFormat.OpenGLContextProfile.CoreProfile)
    surface.setDepthBufferSize(24)
    # Waiting for the screen inside paintGL would hold the whole main thread; frames come at the
    # camera's pace anyway.
    surface.setSwapInterval(0)
    return surface


def opengl_problem() -> str | None:
    """The sentence that says why there can be no 3D view here; None where there can.

    To be asked before a :class:`SceneView` is shown: Qt crashes when it must paint a window for
    which no context could be made.
    """
    context = QOpenGLContext()
    if not context.create():
        return no_opengl_message("this screen offers none")
    version = context.format().version()
    if version < (3, 3):
        return no_opengl_message(f"this screen offers {version[0]}.{version[1]}")
    return None


class SceneView(QOpenGLWindow):
    """Shows the newest result; the 3D pane is turned, shifted and zoomed with the mouse.

    A QOpenGLWindow and not a QOpenGLWidget: the widget is composed with the rest of the window at
    every frame, which halves the frame rate without a GPU.
    """

    #: OpenGL cannot be used; the sentence says why.
    failed = pyqtSignal(str)
    #: Somebody has clicked on the person with this identity, or beside everybody (None).
    person_clicked = pyqtSignal(object)

    def __init__(self) -> None:
        super().__init__()
        self.draw_times = StageStatistics()
        #: OpenGL's name of what draws; empty before the first context.
        self.renderer = ""
        self._scene: Scene | None = None
        self._ctx: moderngl.Context | None = None
        self._finish: Callable[[], None] = lambda: None
        self._target: WindowTarget | None = None
        self._orbit = OrbitCamera()
        self._body: BodyModel | None = None
        self._new_body = False
        self._result: FrameResult | None = None
        self._ghosts: tuple[BodyState, ...] = ()
        self._video_caption = "VIDEO"
        self._new_result = False
        self._cleared = False
        self._hint = ""
        self._show_mesh = True
        self._coarse = False
        self._dragged_from: QPointF | None = None
        self._pressed_at: QPointF | None = None
        self._knows_mouse = False
        self._broken = False

    @property
    def orbit(self) -> OrbitCamera:
        """The camera of the 3D pane."""
        return self._orbit

    @property
    def shown(self) -> FrameResult | None:
        """The result in both panes; None before the first one."""
        return self._result

    @property
    def panes(self) -> Panes:
        """Where the panes lie, in framebuffer pixels."""
        size = (16, 9) if self._result is None else self._result.frame.size
        return arrange(self._pixels(), size)

    @property
    def video_place(self) -> Rectangle:
        """Where the video lies in its pane, in framebuffer pixels."""
        pane = self.panes.video
        return pane if self._result is None else letterbox(self._result.frame.size, pane)

    def set_body(self, body: BodyModel) -> None:
        """The body model that the results belong to."""
        if self._body is not None and self._body.sha256 == body.sha256:
            return
        self._body, self._new_body = body, True
        self.update()

    def show_result(self, result: FrameResult, ghosts: tuple[BodyState, ...] = ()) -> None:
        """Show this frame at the next repaint, with ghosts to compare its people with."""
        self._result, self._ghosts, self._new_result = result, ghosts, True
        self.update()

    def clear(self) -> None:
        """Another source begins."""
        self._result, self._ghosts, self._new_result, self._cleared = None, (), False, True
        self.update()

    @property
    def ghosts(self) -> tuple[BodyState, ...]:
        """The bodies that are drawn half transparent."""
        return self._ghosts

    def set_video_caption(self, text: str) -> None:
        """What the left pane is called."""
        self._video_caption = text
        self.update()

    @property
    def hint(self) -> str:
        """The words over the video."""
        return self._hint

    def set_hint(self, text: str) -> None:
        """A few words over the video; none when empty."""
        if text != self._hint:
            self._hint = text
            self.update()

    def set_show_mesh(self, on: bool) -> None:
        """Whether the bodies are drawn over the video."""
        self._show_mesh = on
        self.update()

    def set_coarse(self, coarse: bool) -> None:
        """Draw with fewer pixels, to leave more time to everything else."""
        self._coarse = coarse
        self.update()

    def reset_view(self) -> None:
        """Look at the middle of the room from the front again."""
        self._orbit = OrbitCamera()
        self.update()

    def initializeGL(self) -> None:
        """Make the scene; called by Qt with the context current, and again if it made a new one."""
        self._new_body, self._new_result = self._body is not None, self._result is not None
        try:
            self._ctx = moderngl_context(self.context())
            self.renderer = str(self._ctx.info["GL_RENDERER"])
            self._finish = finish_of(self.context())
            self._target = WindowTarget(self._ctx)
            self._scene = Scene(self._ctx, text_image)
        except Exception as error:  # drivers refuse in many ways
            self._fail(error)

    def paintGL(self) -> None:
        """Draw; called by Qt with the context current."""
        if self._scene is None or self._ctx is None or self._target is None or self._broken:
            return
        started = time.perf_counter()
        size = self._pixels()
        try:
            self._update_scene(self._scene)
            number = self.defaultFramebufferObject()
            target = self._target.begin(number, size, coarse=self._coarse)
            scale = self.devicePixelRatio() * target.scale
            self._scene.paint(target.framebuffer, target.size, scale)
            self._target.end()
            if is_software(self._ctx):
                # Else the milliseconds would only tell how long it takes to ask; a GPU, though,
                # must not be waited for.
                self._finish()
        except Exception as error:  # a lost context must not take the program with it
            self._fail(error)
            return
        self.draw_times.add({"draw": (time.perf_counter() - started) * 1000})

    def mousePressEvent(self, event: QMouseEvent | None) -> None:
        """Begin to click, or to turn or shift if the press is in the 3D pane."""
        if event is None:
            return
        left = event.button() == Qt.MouseButton.LeftButton
        self._pressed_at = event.position() if left else None
        if self._is_in_room(event.position()):
            self._dragged_from = event.position()

    def mouseMoveEvent(self, event: QMouseEvent | None) -> None:
        """Left button turns; right or middle button, or shift, shifts."""
        if event is None or self._dragged_from is None:
            return
        self._knows_mouse = True
        step = event.position() - self._dragged_from
        self._dragged_from = event.position()
        shifts = event.buttons() & (Qt.MouseButton.RightButton | Qt.MouseButton.MiddleButton)
        if shifts or event.modifiers() & Qt.KeyboardModifier.ShiftModifier:
            height = max(self.height(), 1)
            self._orbit.pan(step.x() / height, step.y() / height)
        else:
            self._orbit.orbit(step.x() * _RADIANS_PER_POINT, step.y() * _RADIANS_PER_POINT)
        self.update()

    def mouseReleaseEvent(self, event: QMouseEvent | None) -> None:
        """The drag is over, or it was a click."""
        self._dragged_from = None
        pressed, self._pressed_at = self._pressed_at, None
        if event is None or pressed is None or self._scene is None:
            return
        if (event.position() - pressed).manhattanLength() <= _CLICK_RADIUS:
            ratio = self.devicePixelRatio()
            point = pressed.x() * ratio, (self.height() - pressed.y()) * ratio
            self.person_clicked.emit(self._scene.person_at(point, self._pixels()))

    def mouseDoubleClickEvent(self, event: QMouseEvent | None) -> None:
        """Reset the view."""
        if event is not None and self._is_in_room(event.position()):
            self.reset_view()

    def wheelEvent(self, event: QWheelEvent | None) -> None:
        """Come nearer or go away."""
        if event is not None and self._is_in_room(event.position()):
            self._orbit.zoom(event.angleDelta().y() / _WHEEL_NOTCH)
            self.update()

    def _update_scene(self, scene: Scene) -> None:
        if self._new_body and self._body is not None:
            scene.set_body(self._body)
            self._new_body = False
        if self._cleared:
            scene.clear()
            self._cleared = False
        if self._new_result and self._result is not None:
            scene.show(self._result, self._ghosts)
            self._new_result = False
        scene.orbit, scene.show_mesh, scene.hint = self._orbit, self._show_mesh, self._hint
        scene.video_caption = self._video_caption
        scene.room_hint = "" if self._knows_mouse or self._result is None else _MOUSE_HINT

    def _pixels(self) -> tuple[int, int]:
        ratio = self.devicePixelRatio()
        return max(round(self.width() * ratio), 1), max(round(self.height() * ratio), 1)

    def _is_in_room(self, position: QPointF) -> bool:
        return position.x() * self.devicePixelRatio() >= self.panes.room.x

    def _fail(self, error: Exception) -> None:
        self._broken = True
        if isinstance(error, RenderError):
            self.failed.emit(str(error))
        else:
            _log.error("drawing failed", exc_info=error)
            self.failed.emit(no_opengl_message(str(error)))
