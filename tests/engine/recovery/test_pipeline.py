"""The pipeline's own logic, with a detector and a network whose answers are known."""

import math

import numpy as np
import pytest

from hmr_live.body.model import BodyModel
from hmr_live.body.rotations import angle_between, matrix_from_axis_angle
from hmr_live.core.camera_place import CameraPlace
from hmr_live.core.state import Frame
from hmr_live.recovery.crop import crop_box_around
from hmr_live.recovery.crop_camera import CropCamera
from hmr_live.recovery.detector import Detection
from hmr_live.recovery.network import NetworkOutput
from hmr_live.recovery.pipeline import (
    CHECK_EVERY,
    MIN_DETECTION_SCORE,
    MIN_TRACKING_SCORE,
    Pipeline,
)
from hmr_live.recovery.tracking.tracker import SEARCH_EVERY

SIZE = (640, 480)


class FakeDetector:
    """Finds the person at ``place`` (x, y, radius), or nobody."""

    def __init__(self, place=(320, 240, 150)):
        self.place = place
        self.calls = 0

    def detect(self, image):
        self.calls += 1
        if self.place is None:
            return []
        x, y, radius = self.place
        hips = np.array([x, y], float)
        return [Detection(crop_box_around(hips, hips - [0, radius], radius), 0.9)]


PELVIS = BodyModel.default().rest_joints(np.zeros(10, np.float32))[0]
#: The person's pelvis in the frame and their size.
PLACE, PIXELS_A_METRE = np.array([320.0, 240.0]), 170.0


class FakeNetwork:
    """Sees one person, always at the same place of the frame, upright in the crop."""

    name = "fake"
    has_presence_score = True

    def __init__(self):
        self.score = 0.95
        self.poison = None
        self.noise = self.shape_noise = 0.0
        self.heading = 0.0
        self.crop_boxes = []
        self._rng = np.random.default_rng(0)

    def run(self, image, crop_boxes, focal_length):
        self.crop_boxes += crop_boxes
        outputs = []
        for crop_box in crop_boxes:
            pose = np.zeros((24, 3), np.float32)
            pose[0] = [math.pi, 0, 0]
            pose[16, 2], pose[17, 2] = -1.2, 1.2
            pose += (self._rng.normal(size=(24, 3)) * self.noise).astype(np.float32)
            rotmats = matrix_from_axis_angle(pose)
            turn = np.array([0, self.heading, 0], np.float32)
            rotmats[0] = rotmats[0] @ matrix_from_axis_angle(turn)
            crop_camera = CropCamera.of(crop_box, SIZE, focal_length)
            camera = self._camera(crop_camera, focal_length)
            if self.poison is not None:
                rotmats[5, 0, 0] = self.poison
            confidence = np.full(24, 0.8, np.float32)
            betas = (self._rng.normal(size=10) * self.shape_noise).astype(np.float32)
            outputs.append(
                NetworkOutput(rotmats, betas, camera, self.score, confidence, crop_camera.focal)
            )
        return outputs

    def _camera(self, crop_camera, focal_length):
        x, y = (PLACE - np.array(SIZE) / 2) / PIXELS_A_METRE
        pelvis = np.array([x, y, focal_length / PIXELS_A_METRE])
        return crop_camera.camera(crop_camera.rotation @ pelvis - PELVIS)


@pytest.fixture
def parts():
    return FakeDetector(), FakeNetwork()


@pytest.fixture
def pipeline(parts):
    return Pipeline(*parts, BodyModel.default())


def frame(k):
    return Frame(np.zeros((SIZE[1], SIZE[0], 3), np.uint8), k / 30, k)


def test_the_detector_runs_once_and_tracking_takes_over(pipeline, parts):
    detector, _ = parts
    for k in range(20):
        assert len(pipeline.process(frame(k)).bodies) == 1
    assert detector.calls == 1


def test_tracking_keeps_the_person_in_the_crop_instead_of_drifting(pipeline, parts):
    _, network = parts
    for k in range(60):
        body = pipeline.process(frame(k)).bodies[0]
    first, last = network.crop_boxes[1], network.crop_boxes[-1]
    assert math.hypot(last.cx - first.cx, last.cy - first.cy) < 0.01 * first.side
    assert last.side == pytest.approx(first.side, rel=0.01)
    np.testing.assert_allclose(body.joints_2d[0], PLACE, atol=0.1)
    assert body.joints_2d[15, 1] < body.joints_2d[0, 1] < body.joints_2d[7, 1]


def test_a_lost_person_is_looked_for_again(pipeline, parts):
    detector, network = parts
    pipeline.process(frame(0))
    network.score = MIN_TRACKING_SCORE - 0.01
    assert pipeline.process(frame(1)).bodies == ()
    network.score = 0.95
    results = [pipeline.process(frame(2 + k)) for k in range(SEARCH_EVERY)]
    assert detector.calls == 2
    assert results[-1].bodies


def test_a_network_that_cannot_tell_presence_is_checked_by_the_detector(pipeline, parts):
    detector, network = parts
    network.has_presence_score = False
    for k in range(2 * CHECK_EVERY + 1):
        assert pipeline.process(frame(k)).bodies
    assert detector.calls == 3
    detector.place = None
    ended = [pipeline.process(frame(k)).bodies == () for k in range(100, 100 + CHECK_EVERY)]
    assert ended[-1]
    assert not ended[0]


def test_a_doubtful_detection_is_not_taken_for_a_person(pipeline, parts):
    _, network = parts
    network.score = MIN_DETECTION_SCORE - 0.01
    assert pipeline.process(frame(0)).bodies == ()
    assert pipeline.recover(frame(0).image) == []
    network.score = MIN_DETECTION_SCORE + 0.01
    assert any(pipeline.process(frame(1 + k)).bodies for k in range(SEARCH_EVERY))
    network.score = MIN_TRACKING_SCORE + 0.01
    assert pipeline.process(frame(9)).bodies, "who is followed already is not lost that easily"


def test_a_picture_alone_is_looked_at_until_the_crop_box_settles(pipeline, parts):
    detector, network = parts
    detector.place = (350, 260, 210)
    result = pipeline.process_still(frame(0))
    assert [len(result.bodies), detector.calls] == [1, 2]
    far = [abs(crop_box.side - network.crop_boxes[-1].side) for crop_box in network.crop_boxes]
    assert len(network.crop_boxes) > 3
    assert far[0] > 10 * far[-2], "the last two looks agree"
    assert {"detect", "network", "body"} <= set(result.timings)


def test_a_picture_counts_answers_that_were_no_numbers(pipeline, parts):
    _, network = parts
    result = pipeline.process_still(frame(0))
    assert result.bodies[0].track_id == 0
    assert result.leader is result.bodies[0]
    network.poison = np.nan
    result = pipeline.process_still(frame(1))
    assert result.bodies == ()
    assert result.invalid_outputs == 1


def test_an_empty_room_does_not_cost_a_detection_on_every_frame(pipeline, parts):
    detector, network = parts
    detector.place = None
    for k in range(30):
        assert pipeline.process(frame(k)).bodies == ()
    assert detector.calls == 30 / SEARCH_EVERY
    assert not network.crop_boxes


@pytest.mark.parametrize("poison", [np.nan, np.inf])
def test_an_answer_that_is_no_number_is_counted_and_never_shown(pipeline, parts, poison, caplog):
    _, network = parts
    pipeline.process(frame(0))
    network.poison = poison
    assert pipeline.process(frame(1)).bodies == ()
    assert pipeline.invalid_outputs == 1
    assert "NaN" in caplog.text
    network.poison = None
    assert any(pipeline.process(frame(2 + k)).bodies for k in range(SEARCH_EVERY))


def test_a_person_who_leaves_the_frame_is_let_go(pipeline, parts):
    detector, network = parts
    detector.place = (2000, 240, 150)
    assert pipeline.process(frame(0)).bodies == ()
    assert not network.crop_boxes, "a crop box far outside the frame is not worth a network pass"


def test_a_leaning_person_comes_out_leaning(parts):
    detector, network = parts
    pipeline = Pipeline(detector, network, BodyModel.default(), smoothing=False)
    upright = pipeline.process(frame(0)).bodies[0]
    pipeline.reset()
    lean = 0.6
    detector.detect = lambda image: [
        Detection(
            crop_box_around(
                np.array([320.0, 240.0]),
                np.array([320 + 150 * math.sin(lean), 240 - 150 * math.cos(lean)]),
                150,
            ),
            0.9,
        )
    ]
    leaning = pipeline.process(frame(1)).bodies[0]
    assert angle_between(upright.rotmats[0], leaning.rotmats[0]) == pytest.approx(lean, abs=1e-4)
    np.testing.assert_allclose(leaning.rotmats[1:], upright.rotmats[1:], atol=1e-6)
    up = leaning.joints_2d[12] - leaning.joints_2d[0]
    assert math.atan2(up[0], -up[1]) == pytest.approx(lean, abs=0.05)


def test_smoothing_calms_a_jittering_network(parts):
    def jitter(smoothing):
        network = FakeNetwork()
        network.noise = 0.03
        pipeline = Pipeline(FakeDetector(), network, BodyModel.default(), smoothing=smoothing)
        joints = np.array([pipeline.process(frame(k)).bodies[0].joints for k in range(60)])
        local = joints - joints[:, :1]
        return np.linalg.norm(np.diff(local[20:], n=2, axis=0), axis=-1).mean()

    assert jitter(smoothing=True) < 0.5 * jitter(smoothing=False)


def test_a_person_keeps_one_shape(parts):
    detector, network = parts
    network.shape_noise = 0.5
    pipeline = Pipeline(detector, network, BodyModel.default())
    bodies = [pipeline.process(frame(k)).bodies[0] for k in range(180)]
    assert np.ptp([body.betas for body in bodies[150:]], axis=0).max() == 0
    sizes = [np.ptp(body.joints_2d[:, 1]) for body in bodies[150:]]
    assert np.std(sizes) < 0.01 * np.mean(sizes)
    pipeline.smoothing = False
    raw = [pipeline.process(frame(k)).bodies[0].betas for k in range(180, 190)]
    assert np.ptp(raw, axis=0).min() > 0.3


@pytest.mark.parametrize("still", [False, True])
def test_a_camera_of_known_height_makes_statures_metric(parts, still):
    place = CameraPlace(1.1)
    pipeline = Pipeline(*parts, BodyModel.default(), camera_place=place)
    if still:
        (body,) = pipeline.recover(frame(0).image)
    else:
        body = [pipeline.process(frame(k)).bodies[0] for k in range(90)][-1]
    drops = pipeline.vertices(body) @ place.down
    assert drops.max() == pytest.approx(1.1, abs=0.04)
    plain = Pipeline(*parts, BodyModel.default()).recover(frame(0).image)[0]
    assert abs(drops.max() / (pipeline.vertices(plain) @ place.down).max() - 1) > 0.05
    np.testing.assert_allclose(body.joints_2d[0], plain.joints_2d[0], atol=0.5)


def test_smoothing_can_be_switched_while_running(pipeline):
    pipeline.process(frame(0))
    pipeline.smoothing = False
    raw = pipeline.process(frame(1)).bodies[0]
    np.testing.assert_allclose(
        raw.rotmats[16], matrix_from_axis_angle(np.array([0, 0, -1.2])), atol=1e-6
    )


def test_every_stage_is_timed(pipeline):
    assert set(pipeline.process(frame(0)).timings) == {"capture", "detect", "network", "body"}
    assert set(pipeline.process(frame(1)).timings) == {"capture", "network", "body"}


def test_a_state_is_consistent_with_the_body_model(pipeline):
    body = pipeline.process(frame(0)).bodies[0]
    mesh = pipeline.body.forward(body.rotmats, body.betas)
    np.testing.assert_allclose(mesh.joints + body.transl, body.joints, atol=1e-5)
    np.testing.assert_allclose(pipeline.vertices(body), mesh.vertices + body.transl, atol=1e-6)
    scale = body.focal_length / body.joints[:, 2:]
    projected = body.joints[:, :2] * scale + np.array(SIZE) / 2
    np.testing.assert_allclose(projected, body.joints_2d, atol=1e-2)


def headings(pipeline, network, angles):
    """Root rotation shown for each frame, and whether it was measured, as the heading changes."""
    shown = []
    for k, angle in enumerate(angles):
        network.heading = angle
        body = pipeline.process(frame(k)).bodies[0]
        facing = body.rotmats[0] @ [0, 0, 1]
        shown.append((round(math.atan2(-facing[0], -facing[2]) % (2 * math.pi), 2), body.measured))
    return shown


def test_a_body_that_turns_about_for_a_moment_is_not_believed(parts):
    pipeline = Pipeline(*parts, BodyModel.default(), smoothing=False)
    shown = headings(pipeline, parts[1], [0.0, 0.1, 3.0, 0.2])
    (first, _), (second, _), (third, accepted), (last, again) = shown
    assert third == second != first
    assert not accepted
    assert again
    assert abs(last - second) == pytest.approx(0.1, abs=0.02)


def test_a_body_that_stays_turned_is_believed(parts):
    pipeline = Pipeline(*parts, BodyModel.default(), smoothing=False)
    shown = headings(pipeline, parts[1], [0.0, 3.0, 3.0, 3.0])
    assert [measured for _, measured in shown] == [True, False, False, True]
    assert shown[3][0] != shown[0][0]


def test_a_dancer_may_turn(parts):
    pipeline = Pipeline(*parts, BodyModel.default(), smoothing=False)
    shown = headings(pipeline, parts[1], [0.5 * k for k in range(8)])
    assert all(measured for _, measured in shown)
