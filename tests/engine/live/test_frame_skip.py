from dataclasses import replace

import numpy as np
import pytest

from hmr_live.angles import joint_angles
from hmr_live.body.model import BodyModel
from hmr_live.body.rotations import angle_between, matrix_from_axis_angle
from hmr_live.body.skeleton import JOINT, NUM_JOINTS
from hmr_live.core.state import BodyState, CropBox, Frame, FrameResult
from hmr_live.live.frame_skip import FrameSkipExtrapolator
from hmr_live.recovery.frame_camera import project

SIZE = (320, 240)
IMAGE = np.zeros((SIZE[1], SIZE[0], 3), np.uint8)


@pytest.fixture(scope="module")
def body():
    return BodyModel.default()


class Walker:
    """A pipeline that sees people who turn their right elbow and walk at constant speed."""

    def __init__(self, body, people=1, speed=2.0):
        self.body = body
        self.people, self.speed = people, speed
        self.processed = 0
        self.resets = 0

    def person(self, number, time):
        theta = np.zeros((NUM_JOINTS, 3), np.float32)
        theta[JOINT["right_elbow"], 1] = self.speed * time
        rotmats = np.asarray(matrix_from_axis_angle(theta))
        transl = np.array([0.5 * time + number, 0.1, 4 - time], np.float32)
        joints = self.body.joints(rotmats, np.zeros(10, np.float32)) + transl
        return BodyState(
            rotmats=rotmats,
            betas=np.zeros(10, np.float32),
            transl=transl,
            focal_length=300.0,
            camera=np.array([1, 0, 0], np.float32),
            crop_box=CropBox(160, 120, 200),
            joints=joints,
            joints_2d=project(joints, 300.0, SIZE),
            confidence=np.ones(NUM_JOINTS, np.float32),
            score=0.9,
            angles_of=joint_angles,
            track_id=number,
        )

    def process(self, frame):
        self.processed += 1
        people = [self.person(number, frame.time) for number in range(self.people)]
        if self.processed % 2:  # the order may change, the numbers do not
            people.reverse()
        return FrameResult(frame, tuple(people), {"network": 1.0}, invalid_outputs=1)

    def reset(self):
        self.resets += 1


def run(processor, times):
    return [processor.process(Frame(IMAGE, time, k)) for k, time in enumerate(times)]


TIMES = np.arange(8) / 30


def test_switched_off_every_frame_is_measured(body):
    walker = Walker(body)
    results = run(FrameSkipExtrapolator(walker), TIMES)
    assert walker.processed == len(TIMES)
    assert all(result.bodies[0].measured for result in results)


def test_every_second_frame_is_predicted_and_says_so(body):
    walker = Walker(body)
    processor = FrameSkipExtrapolator(walker)
    processor.on = True
    results = run(processor, TIMES)
    # The speed is known after two frames.
    assert [result.bodies[0].measured for result in results] == [True] + [True, False] * 3 + [True]
    assert walker.processed == 5
    assert [result.frame.index for result in results] == list(range(8))
    assert [result.invalid_outputs for result in results] == [1] + [1, 0] * 3 + [1]


def test_steady_motion_is_predicted_as_it_goes_on(body):
    walker = Walker(body, people=3)
    processor = FrameSkipExtrapolator(walker)
    processor.on = True
    for result in run(processor, TIMES)[2::2]:
        for predicted in result.bodies:
            true = walker.person(predicted.track_id, result.frame.time)
            assert angle_between(true.rotmats, predicted.rotmats).max() < 1e-3
            np.testing.assert_allclose(predicted.transl, true.transl, atol=1e-4)
            np.testing.assert_allclose(predicted.joints, true.joints, atol=1e-4)
            np.testing.assert_allclose(predicted.joints_2d, true.joints_2d, atol=0.1)
            np.testing.assert_allclose(predicted.angles, true.angles, atol=0.2)


def test_after_a_pause_and_on_a_very_slow_machine_every_frame_is_measured(body):
    walker = Walker(body)
    processor = FrameSkipExtrapolator(walker)
    processor.on = True
    for result in run(processor, [0, 0.03, 5.0, 5.03, 5.3, 5.5, 5.7]):
        assert result.bodies[0].measured


def test_who_has_just_come_stays_where_they_are_for_a_frame(body):
    walker = Walker(body, people=1)
    processor = FrameSkipExtrapolator(walker)
    processor.on = True
    run(processor, TIMES[:1])
    walker.people = 2
    last, predicted = run(processor, TIMES[1:3])
    places = [{b.track_id: b.transl for b in result.bodies} for result in (last, predicted)]
    np.testing.assert_array_equal(places[0][1], places[1][1])
    assert (places[0][0] != places[1][0]).any()


def test_a_joint_that_jumped_does_not_go_on_jumping(body):
    processor = FrameSkipExtrapolator(Walker(body, speed=40.0))
    processor.on = True
    last, predicted = run(processor, TIMES[:3])[1:]
    np.testing.assert_allclose(predicted.bodies[0].rotmats, last.bodies[0].rotmats, atol=1e-6)


def test_nobody_comes_through_the_camera(body):
    class Rusher(Walker):
        def person(self, number, time):
            return replace(
                super().person(number, time), transl=np.array([0, 0, 1.2 - 30 * time], np.float32)
            )

    processor = FrameSkipExtrapolator(Rusher(body))
    processor.on = True
    predicted = run(processor, TIMES[:3])[-1]
    assert predicted.bodies[0].transl[2] > 0


def test_an_empty_picture_is_looked_at_every_time(body):
    walker = Walker(body, people=0)
    processor = FrameSkipExtrapolator(walker)
    processor.on = True
    run(processor, TIMES)
    assert walker.processed == len(TIMES)


def test_reset_forgets_the_motion(body):
    walker = Walker(body)
    processor = FrameSkipExtrapolator(walker)
    processor.on = True
    run(processor, TIMES[:2])
    processor.reset()
    assert walker.resets == 1
    assert run(processor, TIMES[2:3])[0].bodies[0].measured
