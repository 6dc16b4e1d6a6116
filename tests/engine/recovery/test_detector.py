import cv2
import numpy as np
import pytest

from hmr_live.capture.sources import VideoFile
from hmr_live.recovery.detector import PersonDetector


@pytest.fixture(scope="module")
def detector():
    return PersonDetector()


def test_the_crop_box_of_the_man_in_the_clip_holds_him_upright(detector, demo_clip):
    image = VideoFile(demo_clip).read().image
    (found,) = detector.detect(image)
    crop_box = found.crop_box
    height = image.shape[0]
    assert found.score > 0.7
    # He stands in the middle; his hips are a little above the middle of the picture.
    assert crop_box.cx == pytest.approx(image.shape[1] * 0.33, abs=60)
    assert crop_box.cy == pytest.approx(height * 0.45, abs=60)
    assert 0.7 * height < crop_box.side < 1.6 * height
    assert abs(crop_box.angle) < 0.3


def test_a_turned_picture_gives_a_turned_crop_box(detector, demo_clip):
    image = VideoFile(demo_clip).read().image
    (upright,) = detector.detect(image)
    turned = np.ascontiguousarray(np.rot90(image, k=-1))  # clockwise
    found = detector.detect(turned)
    assert found
    turn = found[0].crop_box.angle - upright.crop_box.angle
    assert (turn + np.pi) % (2 * np.pi) - np.pi == pytest.approx(np.pi / 2, abs=0.4)


def test_scale_and_place_follow_the_picture(detector, demo_clip):
    image = VideoFile(demo_clip).read().image
    (alone,) = detector.detect(image)
    canvas = np.full((900, 1300, 3), 90, np.uint8)
    canvas[100 : 100 + image.shape[0], 500 : 500 + image.shape[1]] = image
    (moved,) = detector.detect(canvas)
    assert moved.crop_box.cx == pytest.approx(alone.crop_box.cx + 500, abs=25)
    assert moved.crop_box.cy == pytest.approx(alone.crop_box.cy + 100, abs=25)
    # The detector's circle is coarse; tracking refines it on the next frame.
    assert moved.crop_box.side == pytest.approx(alone.crop_box.side, rel=0.25)


@pytest.mark.parametrize("level", [0, 128, 255])
def test_a_blank_picture_holds_nobody(detector, level):
    assert detector.detect(np.full((480, 640, 3), level, np.uint8)) == []


def test_two_people_are_two_detections_largest_first(detector, demo_clip):
    image = VideoFile(demo_clip).read().image
    smaller = cv2.resize(image[:, ::-1], None, fx=0.8, fy=0.8, interpolation=cv2.INTER_AREA)
    height, width = smaller.shape[:2]
    canvas = np.full((image.shape[0], image.shape[1] + width, 3), 120, np.uint8)
    canvas[:, : image.shape[1]] = image
    canvas[100 : 100 + height, image.shape[1] :] = smaller
    found = detector.detect(canvas)
    assert len(found) == 2
    assert found[0].crop_box.cx < image.shape[1] < found[1].crop_box.cx
    assert found[0].crop_box.side > found[1].crop_box.side
