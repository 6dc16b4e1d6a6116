from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import moderngl
import numpy as np
import pytest

from hmr_live.body.model import BodyModel
from hmr_live.core.state import Array, Frame, FrameResult, Image
from hmr_live.render.offscreen import create_standalone_context, leave_context
from hmr_live_app.scene.scene import Scene, arrange
from tests.app.support import body_state, difference

SIZE = (640, 360)


class Stage:
    """A scene and the framebuffer that it draws into."""

    def __init__(self, ctx: moderngl.Context, body: BodyModel) -> None:
        self.target = ctx.simple_framebuffer(SIZE, 4)
        self.scene = Scene(ctx, lambda text, scale: np.full((10, 40, 4), 200, np.uint8))
        self.scene.set_body(body)

    def picture(self) -> Image:
        self.scene.paint(self.target, SIZE, 1.0)
        data = np.frombuffer(self.target.read(components=3), np.uint8)
        return data.reshape(SIZE[1], SIZE[0], 3)[::-1]

    def view3d(self) -> Image:
        return self.picture()[:, self.scene.panes(SIZE).view3d.x :]


@pytest.fixture(scope="module")
def ctx() -> Iterator[moderngl.Context]:
    ctx = create_standalone_context()
    yield ctx
    ctx.release()
    leave_context()


@pytest.fixture
def stage(ctx: moderngl.Context, body: BodyModel) -> Stage:
    return Stage(ctx, body)


def result(body: BodyModel, time: float, people: int = 1) -> FrameResult:
    frame = Frame(np.full((240, 180, 3), 90, np.uint8), time, 0)
    states = [body_state(body, frame.size) for _ in range(people)]
    shifted = [
        replace(
            state,
            transl=state.transl + np.array([0.9 * k, 0, 0], np.float32),
            joints=state.joints + np.array([0.9 * k, 0, 0], np.float32),
        )
        for k, state in enumerate(states)
    ]
    return FrameResult(frame, tuple(shifted))


def changed(first: Image, second: Image) -> float:
    """Share of pixels that differ clearly."""
    return float((difference(first, second) > 20).mean())


def test_video_gets_the_width_of_its_shape_and_the_3d_view_the_rest() -> None:
    tall = arrange((1000, 500), (270, 480))
    assert tall.video.width == 360
    assert tall.view3d.x + tall.view3d.width == 1000
    wide = arrange((1000, 500), (1920, 1080))
    assert wide.video.width == 600
    square = arrange((1000, 500), (500, 500))
    assert square.video.width == 500


def test_scene_without_a_result_shows_an_empty_3d_view(stage: Stage) -> None:
    picture = stage.picture()
    assert picture[:, :200].std() < 30
    assert len(np.unique(stage.view3d().reshape(-1, 3), axis=0)) > 20


def test_somebody_missed_for_a_few_frames_stays_in_the_3d_view_and_then_leaves(
    stage: Stage, body: BodyModel
) -> None:
    stage.scene.show(result(body, 0.0, people=0))
    empty = stage.view3d()
    stage.scene.show(result(body, 1.0))
    here = stage.view3d()
    stage.scene.show(result(body, 1.1, people=0))
    held = stage.view3d()
    stage.scene.show(result(body, 2.0, people=0))
    gone = stage.view3d()
    assert changed(empty, here) > 0.03
    np.testing.assert_array_equal(held, here)
    np.testing.assert_allclose(gone, empty, atol=1)


def test_nobody_is_drawn_over_a_video_frame_without_bodies(stage: Stage, body: BodyModel) -> None:
    stage.scene.show(result(body, 1.0))
    stage.scene.show(result(body, 1.1, people=0))
    pane = stage.scene.panes(SIZE).video
    middle = stage.picture()[60:300, pane.x + 60 : pane.x + 120]
    np.testing.assert_array_equal(middle, np.full_like(middle, 90))


def test_two_people_are_both_drawn(stage: Stage, body: BodyModel) -> None:
    stage.scene.show(result(body, 1.0, people=1))
    one = stage.view3d()
    stage.scene.show(result(body, 1.03, people=2))
    two = stage.view3d()
    assert changed(one, two) > 0.02


def test_a_new_source_starts_with_an_empty_3d_view(stage: Stage, body: BodyModel) -> None:
    empty = stage.view3d()
    stage.scene.show(result(body, 1.0))
    stage.scene.clear()
    np.testing.assert_array_equal(stage.view3d(), empty)


def test_mesh_can_be_taken_off_the_video_and_stays_in_the_3d_view(
    stage: Stage, body: BodyModel
) -> None:
    stage.scene.show(result(body, 1.0))
    with_mesh: Array = stage.picture()
    stage.scene.show_mesh = False
    without = stage.picture()
    split = stage.scene.panes(SIZE).view3d.x
    assert changed(with_mesh[:, : split - 2], without[:, : split - 2]) > 0.05
    np.testing.assert_array_equal(with_mesh[:, split:], without[:, split:])


def test_ghosts_are_drawn_in_both_panes_until_they_are_gone(stage: Stage, body: BodyModel) -> None:
    shown = result(body, 1.0)
    stage.scene.show(shown)
    plain = stage.picture()
    ghost = body_state(body, shown.frame.size, bend=1.1)
    stage.scene.show(shown, (ghost,))
    compared = stage.picture()
    split = stage.scene.panes(SIZE).view3d.x
    assert changed(plain[:, : split - 2], compared[:, : split - 2]) > 0.02
    assert changed(plain[:, split:], compared[:, split:]) > 0.02
    stage.scene.show(shown)
    np.testing.assert_array_equal(stage.picture(), plain)
