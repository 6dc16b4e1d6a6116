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
from hmr_live.render.view_camera import OrbitCamera
from hmr_live_app.scene.captions import text_image
from hmr_live_app.scene.gl_context import finish_of, moderngl_context, no_opengl_message
from hmr_live_app.scene.scene import Panes, Scene, arrange
from hmr_live_app.scene.window_target import WindowTarget

_log = logging.getLogger(__name__)
_RADIANS_PER_POINT: Final = 0.008
_WHEEL_NOTCH: Final = 120
#: A press and release at most so many points apart is a click.
_CLICK_RADIUS: Final = 4
#: Shown until the view has been dragged.
_MOUSE_HINT: Final = "Drag to rotate · scroll to zoom"


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
    """Why there can be no 3D view here, as a message for the user; None where there can.

    Call this before a :class:`SceneView` is shown: Qt crashes when it has to paint a window for
    which no context could be created.
    """
    context = QOpenGLContext()
    if not context.create():
        return no_opengl_message("this display offers none")
    version = context.format().version()
    if version < (3, 3):
        return no_opengl_message(f"this display offers {version[0]}.{version[1]}")
    return None


class SceneView(QOpenGLWindow):
    """Shows the newest result; the mouse rotates, pans and zooms the 3D pane.

    A QOpenGLWindow and not a QOpenGLWidget: the widget is composed with the rest of the window at
    every frame, which halves the frame rate without a GPU.
    """

    #: OpenGL cannot be used; the message says why.
    failed = pyqtSignal(str)
    #: The identity of the person who was clicked; None for a click on empty space.
    person_clicked = pyqtSignal(object)

    def __init__(self) -> None:
        super().__init__()
        self.draw_times = StageStatistics()
        #: OpenGL's name of the GPU or software renderer; empty before there is a context.
        self.renderer = ""
        self._scene: Scene | None = None
        self._ctx: moderngl.Context | None = None
        self._finish: Callable[[], None] = lambda: None
        self._target: WindowTarget | None = None
        #: The camera of the 3D pane.
        self.orbit = OrbitCamera()
        self._body: BodyModel | None = None
        self._new_body = False
        self._result: FrameResult | None = None
        #: The bodies that are drawn half transparent.
        self.ghosts: tuple[BodyState, ...] = ()
        self._video_caption = "VIDEO"
        self._new_result = False
        self._cleared = False
        #: The hint over the video; empty for none.
        self.hint = ""
        self._show_mesh = True
        self._coarse = False
        self._dragged_from: QPointF | None = None
        self._pressed_at: QPointF | None = None
        self._knows_mouse = False
        self._broken = False

    @property
    def shown(self) -> FrameResult | None:
        """The result in both panes; None before the first one."""
        return self._result

    @property
    def panes(self) -> Panes:
        """Where the panes lie, in framebuffer pixels."""
        size = (16, 9) if self._result is None else self._result.frame.size
        return arrange(self._pixels(), size)

    def set_body(self, body: BodyModel) -> None:
        """The body model that the results belong to."""
        if self._body is not None and self._body.sha256 == body.sha256:
            return
        self._body, self._new_body = body, True
        self.update()

    def show_result(self, result: FrameResult, ghosts: tuple[BodyState, ...] = ()) -> None:
        """Show this frame at the next repaint, with ghosts to compare its people to."""
        self._result, self.ghosts, self._new_result = result, ghosts, True
        self.update()

    def clear(self) -> None:
        """Forget the result: another source begins."""
        self._result, self.ghosts, self._new_result, self._cleared = None, (), False, True
        self.update()

    def set_video_caption(self, text: str) -> None:
        """Set the caption of the left pane."""
        self._video_caption = text
        self.update()

    def set_hint(self, text: str) -> None:
        """Show a short hint over the video; none when empty."""
        if text != self.hint:
            self.hint = text
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
        """Look at the middle of the 3D pane from the front again."""
        self.orbit = OrbitCamera()
        self.update()

    def initializeGL(self) -> None:
        """Create the scene; Qt calls this with the context current, again after a new context."""
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
                # Otherwise the time would only cover issuing the commands.  Never wait for a GPU.
                self._finish()
        except Exception as error:  # a lost context must not end the program
            self._fail(error)
            return
        self.draw_times.add({"draw": (time.perf_counter() - started) * 1000})

    def mousePressEvent(self, event: QMouseEvent | None) -> None:
        """Begin a click, or a rotation or pan in the 3D pane."""
        if event is None:
            return
        left = event.button() == Qt.MouseButton.LeftButton
        self._pressed_at = event.position() if left else None
        if self._is_in_view3d(event.position()):
            self._dragged_from = event.position()

    def mouseMoveEvent(self, event: QMouseEvent | None) -> None:
        """Rotate with the left button; pan with the right or middle one, or with Shift."""
        if event is None or self._dragged_from is None:
            return
        self._knows_mouse = True
        step = event.position() - self._dragged_from
        self._dragged_from = event.position()
        shifts = event.buttons() & (Qt.MouseButton.RightButton | Qt.MouseButton.MiddleButton)
        if shifts or event.modifiers() & Qt.KeyboardModifier.ShiftModifier:
            height = max(self.height(), 1)
            self.orbit.pan(step.x() / height, step.y() / height)
        else:
            self.orbit.orbit(step.x() * _RADIANS_PER_POINT, step.y() * _RADIANS_PER_POINT)
        self.update()

    def mouseReleaseEvent(self, event: QMouseEvent | None) -> None:
        """End the drag, or handle a click."""
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
        if event is not None and self._is_in_view3d(event.position()):
            self.reset_view()

    def wheelEvent(self, event: QWheelEvent | None) -> None:
        """Zoom."""
        if event is not None and self._is_in_view3d(event.position()):
            self.orbit.zoom(event.angleDelta().y() / _WHEEL_NOTCH)
            self.update()

    def _update_scene(self, scene: Scene) -> None:
        if self._new_body and self._body is not None:
            scene.set_body(self._body)
            self._new_body = False
        if self._cleared:
            scene.clear()
            self._cleared = False
        if self._new_result and self._result is not None:
            scene.show(self._result, self.ghosts)
            self._new_result = False
        scene.orbit, scene.show_mesh, scene.hint = self.orbit, self._show_mesh, self.hint
        scene.video_caption = self._video_caption
        scene.view3d_hint = "" if self._knows_mouse or self._result is None else _MOUSE_HINT

    def _pixels(self) -> tuple[int, int]:
        ratio = self.devicePixelRatio()
        return max(round(self.width() * ratio), 1), max(round(self.height() * ratio), 1)

    def _is_in_view3d(self, position: QPointF) -> bool:
        return position.x() * self.devicePixelRatio() >= self.panes.view3d.x

    def _fail(self, error: Exception) -> None:
        self._broken = True
        if isinstance(error, RenderError):
            self.failed.emit(str(error))
        else:
            _log.error("drawing failed", exc_info=error)
            self.failed.emit(no_opengl_message(str(error)))
