"""Videos: the jitter of a tracked person, and sequences with ground truth."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from hmr_live.batch.zero_phase import ZeroPhaseSmoother
from hmr_live.body.model import BodyModel
from hmr_live.body.rotations import matrix_from_axis_angle
from hmr_live.body.skeleton import JOINT
from hmr_live.capture.sources import VideoFile
from hmr_live.recovery.detector import PersonDetector
from hmr_live.recovery.network import HmrNetwork
from hmr_live.recovery.pipeline import Pipeline
from hmr_live_training.evaluation.datasets.synthetic_sequences import (
    SyntheticSequence,
    draw_sequences,
    sequence_rows,
)
from hmr_live_training.evaluation.datasets.videos import (
    FORMS,
    as_blocks,
    follow,
    in_blocks,
    video_rows,
)
from hmr_live_training.evaluation.estimators import BodyReader, NetworkEstimator
from hmr_live_training.evaluation.metrics import hip_centred
from hmr_live_training.landmarks import LSP_LIMBS_IN_SMPL
from tests.training.synthetic.synthetic_data import FRAMES, write_data

SHOWN = 5


@pytest.fixture(scope="module")
def estimator():
    return NetworkEstimator(
        "full", HmrNetwork(backend="onnxruntime"), BodyReader(BodyModel.default())
    )


@pytest.fixture(scope="module")
def detector():
    return PersonDetector(backend="onnxruntime")


@pytest.fixture(scope="module")
def sequences(tmp_path_factory):
    return draw_sequences(write_data(tmp_path_factory.mktemp("data")), count=2)


def first_frames(path):
    source = VideoFile(path)
    frames = [source.read() for _ in range(SHOWN)]
    source.close()
    return frames


@pytest.mark.parametrize("form", FORMS)
def test_a_track_holds_what_the_program_shows(demo_clip, estimator, detector, form):
    frames = first_frames(demo_clip)
    track = follow(frames, estimator, detector)
    smoothing = form != "raw"
    pipeline = Pipeline(detector, estimator.network, estimator.reader.body, smoothing=smoothing)
    pipeline.filters = form == "smoothed"
    shown = [pipeline.process(frame) for frame in frames]
    if form == "ahead":
        zero_phase = ZeroPhaseSmoother(pipeline)
        shown = [*(r for result in shown for r in zero_phase.add(result)), *zero_phase.flush()]
    joints = np.stack([result.bodies[0].joints for result in shown])
    expected = hip_centred(joints[:, list(LSP_LIMBS_IN_SMPL)])
    np.testing.assert_allclose(getattr(track, form), expected, atol=1e-4)
    assert track.seen.all()


def test_nobody_is_found_in_an_empty_picture(estimator, detector, demo_clip):
    frame = first_frames(demo_clip)[0]
    empty = type(frame)(np.full_like(frame.image, 90), frame.time, frame.index)
    assert not follow([empty, empty], estimator, detector).seen.any()


def test_blocks_leave_out_what_was_not_seen():
    values = np.concatenate([np.full(15, 2.0), [np.nan, 4.0, 6.0]])
    sums, numbers = in_blocks(values)
    assert sums.tolist() == [30, 10]
    assert numbers.tolist() == [15, 2]


def test_blocks_keep_all_values_of_neighbouring_frames():
    values = np.arange(34.0).reshape(17, 2)
    blocks = as_blocks(values)
    assert blocks.shape == (2, 30)
    assert blocks[0].tolist() == list(range(30))
    assert blocks[1, :4].tolist() == [30, 31, 32, 33]
    assert np.isnan(blocks[1, 4:]).all()


def test_a_video_gets_a_row_for_each_way_to_smooth(demo_clip, estimator, detector):
    rows = video_rows([demo_clip], [estimator], detector, step=14)
    assert tuple(row.condition for row in rows) == FORMS
    raw, smoothed, ahead = rows
    assert 0 < smoothed.figures["jitter"].value < raw.figures["jitter"].value
    assert 0 < ahead.figures["jitter"].value < raw.figures["jitter"].value
    assert raw.figures["frames with a person"].value == 100
    assert raw.data_set == "balancing.mp4"


def test_only_the_person_moves_in_rendered_sequences(sequences):
    assert len(sequences) == 2
    for sequence in sequences:
        frames = list(sequence.frames())
        assert len(frames) == len(sequence.joints) == FRAMES
        pictures = np.stack([frame.image for frame in frames]).astype(float)
        difference = np.abs(pictures[0] - pictures[-1])
        assert difference[:40, :40].mean() < 12  # noise and compression alone
        steps = [b.time - a.time for a, b in itertools.pairwise(frames)]
        assert steps == pytest.approx([1 / 30] * (FRAMES - 1))


def test_the_truth_of_a_sequence_is_upright_and_hip_centred(sequences):
    for sequence in sequences:
        hips, shoulders, ankles = (
            sequence.joints[:, k].mean(axis=1) for k in ([2, 3], [8, 9], [0, 5])
        )
        np.testing.assert_allclose(hips, 0, atol=1e-6)
        assert (shoulders[:, 1] < -0.3).all()  # y points down
        assert (ankles[:, 1] > 0.3).all()
    facing = sequences[0].joints[0]
    assert facing[9, 0] > facing[8, 0]  # the left shoulder is on the right of the picture
    turned = sequences[1].joints[0]
    assert turned[9, 0] < turned[8, 0]


def test_errors_of_sequences_are_of_position_and_acceleration(demo_clip, estimator, detector):
    """The truth is the raw track itself, moved by 2 cm and with one frame shaken by 4 mm."""
    frames = first_frames(demo_clip)
    track = follow(frames, estimator, detector)
    joints = track.raw + np.array([0.02, 0, 0])
    joints[2, :, 1] += 0.004

    class Known(SyntheticSequence):
        def frames(self):
            return iter(frames)

    known = Known([], joints, track.rotmats["raw"], None)
    rows = sequence_rows([known], [estimator], detector)
    raw, smoothed, _ = (row for row in rows if row.section == "Video")
    figures = {name: figure.value for name, figure in raw.figures.items()}
    # Second differences over a single shaken frame: 4, 8 and 4 mm.
    assert figures["acceleration error"] == pytest.approx(16 / 3, abs=0.01)
    assert figures["MPJPE"] == pytest.approx((4 * 20 + np.hypot(20, 4)) / 5, abs=0.05)
    assert figures["PA-MPJPE"] == pytest.approx(0, abs=0.05)
    assert smoothed.figures["PA-MPJPE"].value > 0.5


def test_angle_errors_of_sequences_are_of_each_form(demo_clip, estimator, detector):
    """The true person twists the trunk by 5 degrees more to the left than the raw track does."""
    frames = first_frames(demo_clip)
    track = follow(frames, estimator, detector)
    rotmats = track.rotmats["raw"].copy()
    left = matrix_from_axis_angle(np.radians([0, 5.0, 0]))
    rotmats[:, JOINT["spine3"]] = rotmats[:, JOINT["spine3"]] @ left

    class Known(SyntheticSequence):
        def frames(self):
            return iter(frames)

    rows = sequence_rows([Known([], track.raw, rotmats, None)], [estimator], detector)
    figures = {(row.section, row.condition): row.figures for row in rows}
    raw = figures["Joint angles, raw", "trunk rotation"]
    assert raw["bias"].value == pytest.approx(-5, abs=0.01)
    assert raw["mean absolute error"].value == pytest.approx(5, abs=0.01)
    assert figures["Joint angles, raw", "knee flexion"]["median"].value < 0.01
    assert figures["Joint angles, smoothed", "knee flexion"]["median"].value > 0.01
    assert ("Joint angles, ahead", "pelvis tilt") in figures
