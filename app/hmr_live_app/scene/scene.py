"""What the graphics area shows: the video with the bodies over it, and the same bodies in 3D.

No Qt here: the scene draws into any framebuffer of its context.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import moderngl
import numpy as np

from hmr_live.body.model import BodyModel
from hmr_live.core.state import Array, BodyState, FrameResult, Image
from hmr_live.render.body_renderer import BodyRenderer
from hmr_live.render.floor import Floor
from hmr_live.render.floor_tracker import FloorTracker
from hmr_live.render.image_plane import ImagePlane, Rectangle, letterbox
from hmr_live.render.palette import body_color
from hmr_live.render.view_camera import OrbitCamera, ViewCamera
from hmr_live_app.scene.lock_mark import draw_corners, frame_around
from hmr_live_app.scene.picking import joints_in_video, joints_in_view3d, person_at

#: Behind everything; shows as bars beside the video and as the line between the panes.
_BACKGROUND: Final = (0.055, 0.063, 0.078)
#: Pixels between the panes.
_GAP: Final = 2
_MARGIN: Final = 12
_OVERLAY_OPACITY: Final = 0.88
#: Of everybody but the locked person.
_BESIDE_OPACITY: Final = 0.5
#: Linear light; the body that another one is compared with, drawn over it.
_GHOST_COLOR: Final = (0.85, 0.42, 0.12)
_GHOST_OPACITY: Final = 0.45
#: Seconds for which people missed by a few frames stay in the 3D pane, so as not to flicker.
_HOLD_S: Final = 0.3


@dataclass(frozen=True, slots=True)
class Panes:
    """The two halves of the graphics area, in framebuffer pixels from the bottom left."""

    video: Rectangle
    view3d: Rectangle


def arrange(size: tuple[int, int], video_size: tuple[int, int]) -> Panes:
    """Give the video the width that its aspect ratio wants, and the 3D pane the rest.

    Parameters
    ----------
    size
        (width, height) of the whole area.
    video_size
        (width, height) of the video; only the proportion counts.
    """
    width, height = max(size[0], 8), max(size[1], 1)
    wanted = height * video_size[0] / video_size[1]
    left = round(min(max(wanted, 0.36 * width), 0.6 * width))
    return Panes(
        Rectangle(0, 0, left, height), Rectangle(left + _GAP, 0, width - left - _GAP, height)
    )


class Scene:
    """Both panes and what is in them.

    Parameters
    ----------
    ctx
        The context that everything is made in; it must be current when it is used.
    picture_of_text
        Draws a caption: text and pixels for each point -> ``(H, W, 4)`` premultiplied BGRA.
    """

    def __init__(self, ctx: moderngl.Context, text_image: Callable[[str, float], Image]) -> None:
        self.ctx = ctx
        self.orbit = OrbitCamera()
        self.show_mesh = True
        #: What the left pane is called.
        self.video_caption = "VIDEO"
        #: Said over the video and in the 3D pane; empty when there is nothing to say.
        self.hint = ""
        self.view3d_hint = ""
        self._text_image = text_image
        self._captions: dict[tuple[str, float], tuple[ImagePlane, tuple[int, int]]] = {}
        self._bodies: BodyRenderer | None = None
        self._plane = ImagePlane(ctx)
        self._floor = Floor(ctx)
        self._floor_tracker = FloorTracker()
        self._result: FrameResult | None = None
        self._in_view3d: tuple[BodyState, ...] = ()
        self._ghosts: tuple[BodyState, ...] = ()
        #: When each person in the 3D view was last seen.
        self._seen_at: dict[int, float] = {}
        self._uploaded_for: tuple[int, tuple[int, int]] | None = None
        self._posed: tuple[tuple[BodyState, ...], ...] | None = None
        self._serial = 0

    def set_body(self, body: BodyModel) -> None:
        """The body model that the results belong to; before this no mesh is drawn."""
        self._bodies = BodyRenderer(self.ctx, body)
        self._posed = None

    def show(self, result: FrameResult, ghosts: tuple[BodyState, ...] = ()) -> None:
        """Show this frame from now on.

        Parameters
        ----------
        result
            The frame with its people.
        ghosts
            Bodies to compare them with, drawn half transparent over them.
        """
        self._result = result
        self._ghosts = ghosts
        self._serial += 1
        time, leader = result.frame.time, result.leader
        alone = () if leader is None else (leader,)
        self._floor_tracker.follow(alone if result.locked else result.bodies, time)
        seen_at = {body.track_id: time for body in result.bodies}
        held = tuple(
            body
            for body in self._in_view3d
            if body.track_id not in seen_at and 0 <= time - self._seen_at[body.track_id] <= _HOLD_S
        )
        self._in_view3d = result.bodies + held
        self._seen_at = {
            **{body.track_id: self._seen_at[body.track_id] for body in held},
            **seen_at,
        }

    def clear(self) -> None:
        """Another source begins: nothing to show yet."""
        self._result, self._in_view3d, self._ghosts = None, (), ()
        self._floor_tracker.reset()

    def panes(self, size: tuple[int, int]) -> Panes:
        """Where the panes lie in an area of ``size`` = (width, height) pixels."""
        shape = (16, 9) if self._result is None else self._result.frame.size
        return arrange(size, shape)

    def person_at(self, point: tuple[float, float], size: tuple[int, int]) -> int | None:
        """Identity of the person at a point of either pane; None where there is nobody.

        Parameters
        ----------
        point
            Pixels from the bottom left of an area of ``size``.
        size
            (width, height) of the area in pixels.
        """
        if self._result is None:
            return None
        panes, frame = self.panes(size), self._result.frame
        if point[0] >= panes.view3d.x:
            camera = self._view3d_camera(panes.view3d)
            shown = {b.track_id: joints_in_view3d(b, camera, panes.view3d) for b in self._in_view3d}
        else:
            place = letterbox(frame.size, panes.video)
            bodies = self._result.bodies
            shown = {b.track_id: joints_in_video(b, frame.size, place) for b in bodies}
        return person_at(point, shown)

    def paint(self, target: moderngl.Framebuffer, size: tuple[int, int], scale: float) -> None:
        """Draw everything.

        Parameters
        ----------
        target
            The framebuffer, at least ``size`` pixels.
        size
            (width, height) in pixels.
        scale
            Pixels for each point, for the captions.
        """
        panes = self.panes(size)
        target.use()
        target.viewport = (0, 0, *size)
        target.clear(*_BACKGROUND, 1.0, depth=1.0)
        self._pose()
        self._paint_video(panes.video)
        self._paint_view3d(panes.view3d)
        self._paint_captions(panes, scale)
        self._paint_lock(target, panes, scale)

    def _pose(self) -> None:
        """Skin every body once; both panes draw the same vertices."""
        shown = self._in_view3d, self._ghosts
        if self._bodies is None or (self._posed is not None and _same(self._posed, shown)):
            return
        self._posed = shown
        for slot, body in enumerate(self._in_view3d + self._ghosts):
            self._bodies.pose(body.rotmats, body.betas, body.transl, slot)

    def _paint_video(self, pane: Rectangle) -> None:
        if self._result is None:
            return
        frame = self._result.frame
        place = letterbox(frame.size, pane)
        if self._uploaded_for != (self._serial, place.size):
            self._plane.upload(frame.image, place.size)
            self._uploaded_for = (self._serial, place.size)
        self._plane.draw(place)
        if self._bodies is None or not self.show_mesh:
            return
        for slot, body in enumerate(self._result.bodies):
            camera = ViewCamera.over_frame(body, frame.size)
            beside = self._result.locked and body.track_id != self._result.leader_id
            opacity = _BESIDE_OPACITY if beside else _OVERLAY_OPACITY
            self._bodies.draw(
                camera,
                slot=slot,
                opacity=opacity,
                over=self._plane,
                color=body_color(body.track_id),
            )
        for slot, body in enumerate(self._ghosts, start=len(self._in_view3d)):
            self._draw_ghost(ViewCamera.over_frame(body, frame.size), slot)

    def _paint_view3d(self, pane: Rectangle) -> None:
        self.ctx.viewport = pane.as_tuple()
        world_from_camera = self._floor_tracker.world_from_camera
        from_world = self.orbit.camera(pane.size, self._floor_tracker.spread)
        camera = from_world.with_model(world_from_camera)
        people = [_moved(world_from_camera, body.joints) for body in self._in_view3d]
        self._floor.draw(from_world, people)
        if self._bodies is None:
            return
        for slot, body in enumerate(self._in_view3d):
            self._bodies.draw(camera, slot=slot, color=body_color(body.track_id))
        for slot in range(len(self._in_view3d), len(self._in_view3d + self._ghosts)):
            self._draw_ghost(camera, slot)

    def _view3d_camera(self, pane: Rectangle) -> ViewCamera:
        """From the camera frame to the 3D pane."""
        from_world = self.orbit.camera(pane.size, self._floor_tracker.spread)
        return from_world.with_model(self._floor_tracker.world_from_camera)

    def _draw_ghost(self, camera: ViewCamera, slot: int) -> None:
        if self._bodies is not None:
            self._bodies.draw(camera, slot=slot, opacity=_GHOST_OPACITY, color=_GHOST_COLOR)

    def _paint_captions(self, panes: Panes, scale: float) -> None:
        margin = round(_MARGIN * scale)
        for text, pane in ((self.video_caption, panes.video), ("3D", panes.view3d)):
            plane, (width, height) = self._caption(text, scale)
            top = pane.y + pane.height - margin - height
            plane.draw(Rectangle(pane.x + margin, top, width, height), blend=True)
        for text, pane in ((self.hint, panes.video), (self.view3d_hint, panes.view3d)):
            if not text:
                continue
            plane, (width, height) = self._caption(text, scale)
            left = pane.x + (pane.width - width) // 2
            bottom = pane.y + (2 * margin if self._result else (pane.height - height) // 2)
            plane.draw(Rectangle(left, bottom, width, height), blend=True)

    def _paint_lock(self, target: moderngl.Framebuffer, panes: Panes, scale: float) -> None:
        """Mark the locked person in both panes."""
        result = self._result
        body = result.leader if result is not None and result.locked else None
        if result is None or body is None:
            return
        place = letterbox(result.frame.size, panes.video)
        in_view3d = joints_in_view3d(body, self._view3d_camera(panes.view3d), panes.view3d)
        plane, (width, height) = self._caption("LOCKED", scale)
        for joints, pane in (
            (joints_in_video(body, result.frame.size, place), place),
            (in_view3d, panes.view3d),
        ):
            around = frame_around(joints, pane)
            draw_corners(target, around, scale)
            bottom = min(around.y + around.height, pane.y + pane.height - height)
            left = around.x + (around.width - width) // 2
            plane.draw(Rectangle(left, bottom, width, height), blend=True)

    def _caption(self, text: str, scale: float) -> tuple[ImagePlane, tuple[int, int]]:
        key = (text, scale)
        if key not in self._captions:
            picture = self._text_image(text, scale)
            size = (picture.shape[1], picture.shape[0])
            plane = ImagePlane(self.ctx)
            plane.upload(picture, size)
            self._captions[key] = (plane, size)
        return self._captions[key]


def _same(first: tuple[object, ...], second: tuple[object, ...]) -> bool:
    """Whether the parts are the very same objects; bodies hold arrays, which compare by element."""
    return all(a is b for a, b in zip(first, second, strict=True))


def _moved(matrix: Array, points: Array) -> Array:
    return np.asarray(points @ matrix[:3, :3].T + matrix[:3, 3])
