"""Drawing bodies with OpenGL 3.3: in a window's context or without any window.

:class:`~engine.render.offscreen.OffscreenRenderer` makes its own context and returns pictures;
:class:`~engine.render.body_renderer.BodyRenderer`, :class:`~engine.render.image_plane.ImagePlane`
and :class:`~engine.render.floor.Floor` draw into a context that somebody else owns.
"""
