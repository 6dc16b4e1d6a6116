from __future__ import annotations

from types import SimpleNamespace

import moderngl
import numpy as np
import pytest

from hmr_live.body.skeleton import JOINT, NUM_JOINTS
from hmr_live.core.state import Array
from hmr_live.render.floor import EXTENT, Floor, floor_homography
from hmr_live.render.floor_tracker import FloorTracker
from hmr_live.render.offscreen import create_standalone_context, leave_context
from hmr_live.render.view_camera import OrbitCamera, ViewCamera


def person(x: float = 0.0, y: float = 0.0, z: float = 3.0) -> SimpleNamespace:
    """Joints of somebody upright in the camera frame (y down) whose ankles are 0.9 m below y."""
    joints = np.zeros((NUM_JOINTS, 3), np.float32)
    joints[:] = [x, y, z]
    for name in ("left_ankle", "right_ankle", "left_foot", "right_foot"):
        joints[JOINT[name], 1] = y + 0.9
    joints[JOINT["head"], 1] = y - 0.6
    return SimpleNamespace(joints=joints)


def in_world(tracker: FloorTracker, joints: Array) -> Array:
    matrix = tracker.world_from_camera
    return joints @ matrix[:3, :3].T + matrix[:3, 3]


def test_first_person_stands_on_the_floor_in_the_middle_of_the_floor_grid() -> None:
    tracker = FloorTracker()
    someone = person(x=1.0, y=0.3, z=4.0)
    tracker.follow([someone], 10.0)
    joints = in_world(tracker, someone.joints)
    np.testing.assert_allclose(joints[JOINT["pelvis"], [0, 2]], 0, atol=1e-6)
    assert joints[JOINT["left_ankle"], 1] == pytest.approx(0.08, abs=1e-5)
    assert joints[JOINT["head"], 1] > joints[JOINT["pelvis"], 1]


def test_quick_jump_is_seen_and_slow_drift_is_not() -> None:
    tracker = FloorTracker(time_constant=0.8)
    tracker.follow([person()], 0.0)
    jump = person(y=-0.3)
    tracker.follow([jump], 0.03)
    assert in_world(tracker, jump.joints)[JOINT["left_ankle"], 1] > 0.3
    for step in range(200):
        tracker.follow([jump], 0.06 + 0.03 * step)
    assert in_world(tracker, jump.joints)[JOINT["left_ankle"], 1] == pytest.approx(0.08, abs=0.01)


def test_floor_stays_when_nobody_is_seen_and_after_reset_takes_the_next_person_at_once() -> None:
    tracker = FloorTracker()
    tracker.follow([person(x=1.0)], 0.0)
    before = tracker.world_from_camera
    tracker.follow([], 1.0)
    np.testing.assert_array_equal(tracker.world_from_camera, before)
    tracker.reset()
    tracker.follow([person(x=-2.0)], 1.1)
    assert in_world(tracker, person(x=-2.0).joints)[0, 0] == pytest.approx(0)


def test_floor_starts_anew_when_time_runs_backwards() -> None:
    tracker = FloorTracker()
    tracker.follow([person(x=0.0)], 10.0)
    tracker.follow([person(x=5.0)], 0.0)
    assert in_world(tracker, person(x=5.0).joints)[0, 0] == pytest.approx(0)


def project(camera: OrbitCamera, point: Array, size: tuple[int, int] = (400, 300)) -> Array:
    """NDC of a point in world coordinates."""
    seen = camera.camera(size)
    clip = seen.projection @ seen.view @ np.append(point, 1.0)
    return np.asarray(clip[:2] / clip[3])


def test_orbit_camera_looks_at_its_target_from_its_distance() -> None:
    camera = OrbitCamera()
    camera.orbit(0.7, 0.3)
    np.testing.assert_allclose(project(camera, camera.target), 0, atol=1e-6)
    assert np.linalg.norm(camera.eye - camera.target) == pytest.approx(camera.distance, rel=1e-5)


def test_drag_to_the_right_takes_the_near_side_to_the_right() -> None:
    camera = OrbitCamera(azimuth=0.0, elevation=0.0)
    near = camera.target + np.array([0, 0, 0.5], np.float32)
    camera.orbit(0.3, 0.0)
    assert project(camera, near)[0] > 0.01


def test_pan_moves_the_target_with_the_hand() -> None:
    camera = OrbitCamera()
    point = camera.target.copy()
    camera.pan(0.25, 0.1)
    moved = project(camera, point)
    # A quarter of the picture's height in a 4:3 picture, in NDC where its height is 2.
    assert moved[0] == pytest.approx(0.25 * 2 * 300 / 400, rel=0.02)
    assert moved[1] == pytest.approx(-0.1 * 2, rel=0.02)


def test_zoom_and_elevation_stop_at_their_limits() -> None:
    camera = OrbitCamera()
    camera.zoom(500)
    assert camera.distance == camera.MIN_DISTANCE
    camera.zoom(-500)
    assert camera.distance == camera.MAX_DISTANCE
    camera.orbit(0, 10)
    assert camera.elevation < np.pi / 2
    assert np.isfinite(camera.camera((10, 10)).view).all()


@pytest.mark.parametrize("elevation", [-0.1, 0.2, 1.2], ids=["from below", "usual", "from above"])
def test_picture_and_floor_are_related_by_a_homography(elevation: float) -> None:
    camera = OrbitCamera(elevation=elevation, distance=12.0).camera((400, 300))
    spots = np.array([[0.0, 0.0], [1.5, -0.5], [-2.0, 1.0]])
    points = np.column_stack([spots[:, 0], np.zeros(3), spots[:, 1], np.ones(3)])
    clip = points @ (camera.projection @ camera.view).T
    seen = np.column_stack([clip[:, :2] / clip[:, 3:], np.ones(3)])
    found = seen @ floor_homography(camera).T
    assert (found[:, 2] > 0).all()
    np.testing.assert_allclose(found[:, :2] / found[:, 2:], spots, atol=1e-3)


def test_a_camera_at_the_height_of_the_floor_sees_the_backdrop_alone() -> None:
    target = np.zeros(3, np.float32)
    camera = OrbitCamera(target=target, elevation=0.0).camera((400, 300))
    found = floor_homography(camera) @ np.array([0.3, -0.4, 1.0])
    assert np.linalg.norm(found[:2] / found[2]) > 100 * EXTENT


def test_the_empty_floor_follows_the_view() -> None:
    ctx = create_standalone_context()
    target = ctx.simple_framebuffer((120, 90), 4)
    floor = Floor(ctx)

    def picture(camera: ViewCamera) -> bytes:
        target.use()
        target.clear()
        floor.draw(camera, [])
        return target.read(components=3)

    front, side = (OrbitCamera(azimuth=angle).camera((120, 90)) for angle in (0.45, 1.3))
    first, second, again = picture(front), picture(side), picture(front)
    assert first != second
    assert first == again
    assert picture(front) == first
    ctx.release()
    leave_context()


def test_floor_is_darker_under_a_person() -> None:
    ctx = create_standalone_context()
    target = ctx.simple_framebuffer((200, 200), 4)
    camera = OrbitCamera(target=np.zeros(3, np.float32), elevation=1.4).camera((200, 200))
    floor = Floor(ctx)

    def picture(people: list[Array]) -> Array:
        target.use()
        target.clear()
        floor.draw(camera, people)
        return np.frombuffer(target.read(components=3), np.uint8).reshape(200, 200, 3).astype(float)

    tracker = FloorTracker()
    someone = person()
    tracker.follow([someone], 0.0)
    empty, shaded = picture([]), picture([in_world(tracker, someone.joints)])
    assert shaded[90:110, 90:110].mean() < 0.7 * empty[90:110, 90:110].mean()
    assert np.abs(shaded[:10] - empty[:10]).max() < 12
    assert ctx.error == "GL_NO_ERROR"
    assert isinstance(ctx, moderngl.Context)
    ctx.release()
    leave_context()
