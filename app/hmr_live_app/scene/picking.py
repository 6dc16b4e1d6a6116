"""Who is under the mouse, and where people are in the panes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import numpy as np

from hmr_live.body.skeleton import PARENTS
from hmr_live.core.state import Array, BodyState
from hmr_live.render.image_plane import Rectangle
from hmr_live.render.view_camera import ViewCamera

#: A click this near to a bone, as a share of the body's height in the pane, is on the person.
_REACH: Final = 0.1
_CHILDREN: Final = [joint for joint, parent in enumerate(PARENTS) if parent >= 0]
_BONES: Final = np.array([(PARENTS[joint], joint) for joint in _CHILDREN])


def joints_in_video(body: BodyState, frame_size: tuple[int, int], place: Rectangle) -> Array:
    """Joints ``(24, 2)`` in framebuffer pixels from the bottom left, over the video.

    Parameters
    ----------
    body
        The person.
    frame_size
        (width, height) of the frame in pixels.
    place
        Where the frame is drawn.
    """
    share = body.joints_2d / np.array(frame_size)
    share[:, 1] = 1 - share[:, 1]
    return np.asarray([place.x, place.y] + share * [place.width, place.height])


def joints_in_view3d(body: BodyState, camera: ViewCamera, pane: Rectangle) -> Array:
    """Joints ``(24, 2)`` in framebuffer pixels from the bottom left, in the 3D pane.

    Parameters
    ----------
    body
        The person.
    camera
        From the camera frame to the pane.
    pane
        The 3D pane.
    """
    points = np.concatenate([body.joints, np.ones((len(body.joints), 1), np.float32)], axis=1)
    clip = points @ (camera.projection @ camera.view).T
    share = 0.5 + 0.5 * clip[:, :2] / np.maximum(clip[:, 3:], 1e-3)
    return np.asarray([pane.x, pane.y] + share * [pane.width, pane.height])


def person_at(point: tuple[float, float], people: Mapping[int, Array]) -> int | None:
    """Whose bones lie nearest to a point, if any are near.

    Parameters
    ----------
    point
        Framebuffer pixels from the bottom left.
    people
        Identity -> joints ``(24, 2)`` in the same pixels.
    """
    best, nearest = None, _REACH
    for track_id, joints in people.items():
        start, end = joints[_BONES[:, 0]], joints[_BONES[:, 1]]
        along = end - start
        share = ((point - start) * along).sum(axis=1) / np.maximum((along**2).sum(axis=1), 1e-6)
        closest = start + np.clip(share, 0, 1)[:, None] * along
        apart = np.linalg.norm(point - closest, axis=1).min() / max(np.ptp(joints[:, 1]), 1e-6)
        if apart < nearest:
            best, nearest = track_id, apart
    return best
