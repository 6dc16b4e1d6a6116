"""ModernGL on a context that Qt has created."""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from typing import Any

import moderngl
from PyQt6.QtCore import QByteArray
from PyQt6.QtGui import QOpenGLContext

from hmr_live.core.errors import RenderError


class _QtLoader:
    """Finds OpenGL's functions through Qt: right under X11, Wayland, Windows and macOS alike."""

    def __init__(self, context: QOpenGLContext) -> None:
        self._context = context

    def load_opengl_function(self, name: str) -> int:
        """Address of a function, 0 when there is none."""
        address = self._context.getProcAddress(QByteArray(name.encode()))
        return 0 if address is None else int(address)

    def release(self) -> None:
        """Nothing to do: the context is Qt's."""


def moderngl_context(context: QOpenGLContext | None) -> moderngl.Context:
    """ModernGL's view of a current Qt context.

    Raises
    ------
    RenderError
        If there is none.
    """
    if context is None:
        raise RenderError(no_opengl_message("no context"))
    # moderngl's types want settings here; what it takes is an object that finds functions.
    loader: Any = _QtLoader(context)
    return moderngl.create_context(require=330, context=loader)


def finish_of(context: QOpenGLContext | None) -> Callable[[], None]:
    """Return a function that waits for OpenGL to finish while other Python threads run.

    ModernGL's own ``finish`` holds the GIL: with a software renderer, the threads that capture and
    recover would be blocked for all that time.
    """
    address = _QtLoader(context).load_opengl_function("glFinish") if context else 0
    return ctypes.CFUNCTYPE(None)(address) if address else lambda: None


def no_opengl_message(reason: str) -> str:
    """The message for users without a usable OpenGL."""
    return (
        f"The 3D view needs OpenGL 3.3 ({reason}): update the graphics driver, or install Mesa's "
        "software renderer; plots and recording work without it."
    )
