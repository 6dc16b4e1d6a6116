"""The development photos: figures of a perfect, a swapped and an overfitted estimator."""

from __future__ import annotations

import numpy as np
import pytest

from hmr_live.body.model import BodyModel
from hmr_live.core.errors import AssetError
from hmr_live.core.state import CropBox
from hmr_live.recovery.detector import Detection
from hmr_live.recovery.network import NetworkOutput
from hmr_live_training.data.lspet import Photos, load_lspet
from hmr_live_training.data.mocap import JointLimits
from hmr_live_training.data.readers.joint_sets import lsp_from_common
from hmr_live_training.data.teacher import TeacherLabels
from hmr_live_training.evaluation.datasets.crop_geometries import crop_views, jittered, nearest
from hmr_live_training.evaluation.datasets.lspet import run_lspet
from hmr_live_training.evaluation.datasets.lspet_figures import lspet_rows
from hmr_live_training.evaluation.estimators import BodyReader, Estimate, NetworkEstimator, to_crop
from hmr_live_training.landmarks import LSP_LIMBS_IN_BLAZEPOSE, LSP_MIRROR, LSP_NAMES
from tests.training.cases import write_lspet
from tests.training.evaluation.test_measure import perfect
from tests.training.paper.test_paper import posed_person

SWAP = list(LSP_MIRROR[:12])
LIMITS = JointLimits(np.full((21, 3), -1.0), np.full((21, 3), 1.0))


class Detections:
    """A detector that always gives the same crop boxes."""

    def __init__(self, *crop_boxes):
        self.crop_boxes = crop_boxes

    def detect(self, image):
        return [Detection(crop_box, 0.9) for crop_box in self.crop_boxes]


class Knowing:
    """Knows where everybody's joints are in the picture; ``change`` spoils it."""

    def __init__(self, joints, name="knowing", change=None):
        self.name = name
        self._joints = joints
        self._change = change or (lambda points, crop_box: points)

    def estimate(self, image, crop_boxes):
        return [self._one(crop_box) for crop_box in crop_boxes]

    def _one(self, crop_box):
        points = self._change(to_crop(self._joints[:12, :2].astype(float), crop_box), crop_box)
        deep = np.column_stack([points, np.zeros(12)])
        hand = np.tile(points[6], (27, 1))
        return Estimate(points, deep, hand, 0.4, np.full(12, 0.8))


@pytest.fixture
def photos(tmp_path):
    write_lspet(tmp_path, [7999, 8001, 8002, 8003], LSP_NAMES)
    return load_lspet(tmp_path, "development")


def rows_of(rows, section, name, condition="upright"):
    (row,) = [
        r
        for r in rows
        if r.section.startswith(section) and (r.estimator, r.condition) == (name, condition)
    ]
    return {key: figure and figure.value for key, figure in row.figures.items()}


def measured(photos, *estimators, detector=None, **options):
    run = run_lspet(photos, estimators, detector or Detections(), **options)
    return lspet_rows(run, LIMITS)


def test_exact_estimates_are_right_in_every_crop_geometry(photos):
    around = CropBox(112, 125, 260, 0.3)
    knowing = Knowing(photos.keypoints[0])
    rows = measured(photos, knowing, detector=Detections(CropBox(10, 10, 40), around))
    for crop_geometry in ("upright", "box", "again", "jittered", "detector"):
        figures = rows_of(rows, "Crops", "knowing", crop_geometry)
        assert figures["PCK12@0.2"] == 100
        assert figures["swapped"] == 0
        assert figures["missed at 0.5"] == 100
        assert figures["missed at 0.2"] == 0
        assert figures["found"] == 100
    assert rows_of(rows, "Calibration of joint", "knowing")["ECE"] == pytest.approx(20)


def test_only_the_development_photos_are_measured(photos):
    (row,) = [r for r in measured(photos, Knowing(photos.keypoints[0])) if r.section == "Crops"][:1]
    assert row.count == 3
    run = run_lspet(photos, [Knowing(photos.keypoints[0])], Detections(), step=2)
    assert len(run.reference.labels) == 2


@pytest.mark.parametrize(
    "change",
    [
        lambda points, crop_box: points[SWAP],
        lambda points, crop_box: points * (-1, 1),
        lambda points, crop_box: points[:, ::-1],
        lambda points, crop_box: points * (1, -1),
    ],
    ids=["sides", "mirror", "axes", "upside down"],
)
def test_swapped_sides_and_axes_cost_nearly_everything(photos, change):
    figures = rows_of(
        measured(photos, Knowing(photos.keypoints[0], change=change)), "Crops", "knowing"
    )
    assert figures["PCK12@0.2"] < 40


def test_swapped_sides_are_counted_by_view(photos):
    keypoints = photos.keypoints.copy()
    keypoints[1] = keypoints[1, list(LSP_MIRROR)]  # the second shows the back
    object.__setattr__(photos, "keypoints", keypoints)
    rows = measured(photos, Knowing(photos.keypoints[0], "as if in front"))
    assert rows_of(rows, "Left and right", "as if in front", "front")["swapped"] == 0
    assert rows_of(rows, "Left and right", "as if in front", "back")["swapped"] == 100
    assert rows_of(rows, "Left and right", "as if in front", "side")["swapped"] is None
    assert rows_of(rows, "Crops", "as if in front")["swapped"] == pytest.approx(100 / 3)


def test_a_network_that_needs_one_crop_geometry_fails_in_the_others(photos):
    def narrow(points, crop_box):
        return points if abs(crop_box.side - upright.side) < 1e-6 else points * 0.3

    upright = crop_views(
        photos.image(0), photos.keypoints[0], Detections(), np.random.default_rng(0)
    ).crop_boxes["upright"]
    rows = measured(photos, Knowing(photos.keypoints[0], change=narrow))
    assert rows_of(rows, "Crops", "knowing")["PCK12@0.2"] == 100
    assert rows_of(rows, "Crops", "knowing", "box")["PCK12@0.2"] < 60
    assert rows_of(rows, "Crops", "knowing", "jittered")["PCK12@0.2"] < 60


def test_the_second_pass_follows_from_the_first(photos):
    crop_boxes = crop_views(
        photos.image(0), photos.keypoints[0], Detections(), np.random.default_rng(0)
    ).crop_boxes
    seen = []

    def rough_in_boxes(points, crop_box):
        seen.append(crop_box)
        return points + 0.25 if crop_box == crop_boxes["box"] else points

    rows = measured(photos, Knowing(photos.keypoints[0], change=rough_in_boxes))
    assert rows_of(rows, "Crops", "knowing", "box")["PCK12@0.2"] == 0
    assert rows_of(rows, "Crops", "knowing", "again")["PCK12@0.2"] == 100
    moved = seen[3]
    assert 0.8 < moved.side / crop_boxes["upright"].side < 1.01  # the head's top is not looked for
    shift = 0.25 * crop_boxes["box"].side / 2
    assert moved.cx - crop_boxes["upright"].cx == pytest.approx(shift)


def test_a_part_that_never_moves_is_seen_in_its_own_column(photos):
    def frozen(points, crop_box):
        points = points.copy()
        points[[6, 11]] = 0.9
        return points

    figures = rows_of(
        measured(photos, Knowing(photos.keypoints[0], change=frozen)), "Joint", "knowing"
    )
    assert figures["wrists"] == 0
    assert figures["elbows"] == figures["ankles"] == 100
    assert figures["left"] == figures["right"] == pytest.approx(100 * 5 / 6)


def teacher_of(photos):
    """A teacher who puts hands where the right wrist is and everything else on the labels."""
    count = len(photos)
    points = np.repeat(photos.keypoints[:, None, 6, :2], 33, axis=1)
    points[:, list(LSP_LIMBS_IN_BLAZEPOSE)] = photos.keypoints[:, :12, :2]
    world = np.concatenate([points / 100, np.zeros((count, 33, 1))], axis=2)
    return TeacherLabels(
        points.astype(np.float32),
        np.ones((count, 33), np.float32),
        world.astype(np.float32),
        np.zeros((count, 33), np.float32),
        np.ones(count, np.float32),
    )


def test_hands_and_feet_are_compared_with_the_teacher(photos):
    rows = measured(photos, Knowing(photos.keypoints[0]), teacher=teacher_of(photos))
    assert rows_of(rows, "Joint", "knowing")["hands (teacher)"] == 100
    moved = Knowing(
        photos.keypoints[0], change=lambda points, crop_box: points + np.array([0.5, 0])
    )
    rows = measured(photos, moved, teacher=teacher_of(photos))
    assert rows_of(rows, "Joint", "knowing")["hands (teacher)"] == 0
    agreement = rows_of(rows, "Against the teacher", "knowing")
    assert agreement["PA-MPJPE"] == pytest.approx(0, abs=0.01)
    assert agreement["MPJPE"] > 1
    few = TeacherLabels(*(value[:1] for value in vars(teacher_of(photos)).values()))
    with pytest.raises(AssetError, match="other photos"):
        measured(photos, moved, teacher=few)


def test_black_padding_is_cut_off_and_the_joints_move_along():
    image = np.zeros((120, 140, 3), np.uint8)
    image[20:100, 30:130] = 90
    keypoints = np.column_stack([np.linspace(40, 120, 14), np.linspace(30, 90, 14), np.ones(14)])
    looks = crop_views(image, keypoints, Detections(), np.random.default_rng(0))
    assert looks.image.shape == (80, 100, 3)
    np.testing.assert_allclose(looks.keypoints[:, :2], keypoints[:, :2] - (30, 20))
    assert set(looks.crop_boxes) == {"upright", "box", "jittered"}
    assert looks.crop_boxes["box"].angle == 0


def test_the_jitter_moves_scales_and_turns_and_the_nearest_detection_is_the_persons():
    crop_box = CropBox(100, 80, 50, 0.2)
    moved = [jittered(crop_box, np.random.default_rng(k)) for k in range(200)]
    assert 0.03 < np.std([m.cx / 50 for m in moved]) < 0.07
    assert 0.6 < min(m.side for m in moved) / 50 < 0.85
    assert 10 < np.degrees(np.std([m.angle for m in moved])) < 20
    assert nearest(crop_box, [CropBox(0, 0, 50), CropBox(105, 80, 90)]) == 1
    assert nearest(crop_box, [CropBox(130, 80, 50)]) is None
    assert nearest(crop_box, []) is None


class Answering:
    """A network that knows one person."""

    has_presence_score = True

    def __init__(self, person, score):
        self._run = perfect(person)
        self._score = score

    def run(self, image, crop_boxes, focal_length=None):
        outputs = [self._run(image, crop_box) for crop_box in crop_boxes]
        return [
            NetworkOutput(o.rotmats, o.betas, o.camera, self._score, o.confidence) for o in outputs
        ]


@pytest.mark.parametrize(("score", "expected"), [(0.9, 100), (0.4, 0)])
def test_the_live_pipeline_needs_a_detection_and_a_confirmation_by_the_network(
    tmp_path, score, expected
):
    person = posed_person(tmp_path)
    keypoints = lsp_from_common(person.joints_2d)
    names = np.array([person.picture.name])
    photos = Photos(person.picture.parent, names, keypoints[None], "development")
    hips = keypoints[[2, 3], :2].mean(axis=0)
    detector = Detections(CropBox(float(hips[0]), float(hips[1]), 500.0))
    estimator = NetworkEstimator("knows", Answering(person, score), BodyReader(BodyModel.default()))
    figures = rows_of(measured(photos, estimator, detector=detector), "Crops", "knows", "live")
    assert figures["found"] == expected
    assert figures["PCK12@0.2"] == expected
