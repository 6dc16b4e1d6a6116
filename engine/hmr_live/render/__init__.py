"""Drawing bodies with OpenGL 3.3: in a window's context or without any window.

:class:`~hmr_live.render.offscreen.OffscreenRenderer` makes its own context and returns pictures;
:class:`.BodyRenderer`, :class:`.ImagePlane`
and :class:`~hmr_live.render.floor.Floor` draw into a context that somebody else owns.
"""
