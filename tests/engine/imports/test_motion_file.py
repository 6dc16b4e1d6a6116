"""Motion files of other programs become takes; what goes out comes in again."""

from __future__ import annotations

import numpy as np
import pytest

from hmr_live.body.model import BodyModel
from hmr_live.body.rotations import angle_between, matrix_from_axis_angle
from hmr_live.body.skeleton import JOINT
from hmr_live.core.errors import AssetError, RecordingError
from hmr_live.core.state import CropBox
from hmr_live.export.clip import make_clip
from hmr_live.export.exporter import Exporter, ExportOptions
from hmr_live.export.formats import FORMATS
from hmr_live.imports.motion_file import FRAME_SIZE, open_motion_file, open_take
from hmr_live.recovery.crop_camera import CropCamera
from tests.engine.export.takes import cut, even_times, make_motion, make_take
from tests.engine.imports.files import amass_file, channels, turn, write_bvh

SHAPE = np.array([1.5, -1.0, 0.5, 0.8, -0.3, 0.2, 0.0, 0.4, -0.6, 0.1])


@pytest.fixture(scope="module")
def body():
    return BodyModel.default()


def assert_before_the_camera(take, body):
    """Everything that the window needs is there and agrees."""
    (motion,) = take.motions
    pixels = motion.joints[..., :2] * (motion.focal_length / motion.joints[..., 2].T).T[..., None]
    assert (motion.joints[..., 2] > 1).all()
    assert (np.abs(pixels) < np.array(FRAME_SIZE) / 2).all()
    rotmats = matrix_from_axis_angle(motion.pose)
    for frame in (0, -1):
        joints = body.joints(rotmats[frame], motion.betas[frame]) + motion.transl[frame]
        np.testing.assert_allclose(joints, motion.joints[frame], atol=1e-4)
        crop_camera = CropCamera.of(
            CropBox(*motion.crop_box[frame]), FRAME_SIZE, float(motion.focal_length[frame])
        )
        pelvis = body.rest_joints(motion.betas[frame])[0]
        place = crop_camera.translation_in_frame(motion.camera[frame], pelvis)
        np.testing.assert_allclose(place, motion.transl[frame], atol=1e-3)
        in_crop = crop_camera.project(joints @ crop_camera.rotation.T)
        assert np.abs(in_crop).max() < 1
    # Upright in the picture: the head is above the feet, y down.
    assert motion.joints[0, JOINT["head"], 1] < motion.joints[0, JOINT["left_ankle"], 1]
    assert take.info["body"]["sha256"] == body.sha256
    assert take.video is None


def test_amass_of_others_is_played_on_our_body(body, tmp_path):
    take = open_motion_file(amass_file(tmp_path / "01_poses.npz", frames=24))
    assert_before_the_camera(take, body)
    (motion,) = take.motions
    np.testing.assert_allclose(np.diff(motion.times), 1 / 120)
    assert not motion.betas.any(), "SMPL's shape means nothing on another body"
    assert take.info["source"] == "01_poses.npz"


def test_amass_of_smplx_and_of_plain_smpl_is_read(tmp_path):
    rate = {"mocap_framerate": None, "mocap_frame_rate": np.array(60.0)}
    smplx = amass_file(tmp_path / "x.npz", poses=np.zeros((4, 165)), **rate)
    assert len(open_motion_file(smplx).motions[0].times) == 4
    poses = np.zeros((4, 72))
    poses[:, 66] = 0.25
    smpl = open_motion_file(amass_file(tmp_path / "s.npz", poses=poses)).motions[0]
    np.testing.assert_allclose(smpl.pose[:, 22, 0], 0.25)


def test_cmu_bvh_is_played(body, tmp_path):
    values = channels(30)
    values[:, 1] = 17
    for frame in range(30):
        turn(values, "LeftLeg", (0, 0, frame), frame)
    take = open_motion_file(write_bvh(tmp_path / "02_01.bvh", values))
    assert_before_the_camera(take, body)
    knee = matrix_from_axis_angle(take.motions[0].pose[[0, -1], JOINT["left_knee"]].astype(float))
    assert np.rad2deg(angle_between(*knee)) == pytest.approx(29, abs=1e-3)


@pytest.mark.parametrize("to", ["npz", "bvh"])
def test_an_imported_file_is_exported_in_its_own_world(to, body, tmp_path):
    first = open_motion_file(amass_file(tmp_path / "a.npz", frames=12))
    Exporter(first, "b", body).write(FORMATS[to], tmp_path)
    second = open_motion_file(tmp_path / f"b.{to}")
    clips = [make_clip(take, take.motions[0], body, name="c") for take in (first, second)]
    assert np.linalg.norm(clips[0].joints - clips[1].joints, axis=-1).max() < 1e-4
    assert angle_between(clips[0].rotmats, clips[1].rotmats).max() < np.deg2rad(0.01)
    # AMASS's world has z up: pelvis at (1, 2, 0.9) before the turn, see the file.
    trans = np.load(tmp_path / "a.npz")["trans"][0]
    if to == "npz":
        np.testing.assert_allclose(np.load(tmp_path / "b.npz")["trans"][0], trans, atol=1e-4)


def test_our_amass_comes_back_with_shape_hands_and_gaps(body, tmp_path):
    times = even_times(91)
    motion = cut(make_motion(times, betas=SHAPE), (times < 101) | (times > 102))
    Exporter(make_take(motion), "a", body).write(FORMATS["npz"], tmp_path)
    (read,) = open_motion_file(tmp_path / "a.npz").motions
    np.testing.assert_allclose(read.betas[0], SHAPE, atol=1e-6)
    np.testing.assert_allclose(read.times, motion.times - 100, atol=1e-6)
    found, expected = (matrix_from_axis_angle(m.pose.astype(float)) for m in (read, motion))
    assert angle_between(found, expected).max() < np.deg2rad(0.1)
    between = np.diff(read.joints[:, 0], axis=0), np.diff(motion.joints[:, 0], axis=0)
    np.testing.assert_allclose(*between, atol=1e-3)


@pytest.mark.parametrize("up", ["y", "z"])
def test_our_bvh_comes_back_whichever_axis_is_up(up, body, tmp_path):
    motion = make_motion(even_times(20))
    take = make_take(motion)
    Exporter(take, "a", body, ExportOptions(up=up)).write(FORMATS["bvh"], tmp_path)
    second = open_motion_file(tmp_path / "a.bvh")
    clips = [make_clip(t, t.motions[0], body, name="c") for t in (take, second)]
    assert np.linalg.norm(clips[0].joints - clips[1].joints, axis=-1).max() < 1e-4


def test_takes_and_motion_files_open_by_suffix(tmp_path):
    with pytest.raises(RecordingError):
        open_take(tmp_path / "none.hmrtake")
    with pytest.raises(AssetError, match="There is no"):
        open_take(tmp_path / "none.npz")
    with pytest.raises(AssetError, match="There is no"):
        open_take(tmp_path / "none.bvh")
    with pytest.raises(AssetError, match=r"not a supported motion file: choose a \.hmrtake"):
        open_take(tmp_path / "walk.fbx")


def test_empty_and_broken_motion_is_refused(tmp_path):
    empty = amass_file(tmp_path / "e.npz", poses=np.zeros((0, 156)), trans=np.zeros((0, 3)))
    with pytest.raises(AssetError, match="no frames"):
        open_motion_file(empty)
    broken = amass_file(tmp_path / "n.npz", trans=np.full((4, 3), np.nan))
    with pytest.raises(AssetError, match="not finite"):
        open_motion_file(broken)
    with pytest.raises(AssetError, match="has 0 frames a second, which cannot be"):
        open_motion_file(amass_file(tmp_path / "r.npz", mocap_framerate=np.array(0.0)))
    path = amass_file(tmp_path / "t.npz")
    path.write_bytes(path.read_bytes()[:300])
    with pytest.raises(AssetError, match=r"not an AMASS \.npz file"):
        open_motion_file(path)
