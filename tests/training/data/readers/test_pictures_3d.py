"""MPI-INF-3DHP, Human3.6M and 3DPW: small files in the published formats."""

from __future__ import annotations

import cdflib.cdfwrite
import numpy as np
import pytest
import scipy.io

from hmr_live.body.model import BodyModel
from hmr_live.body.rotations import matrix_from_axis_angle
from hmr_live.core.errors import AssetError
from hmr_live_training.data.readers.human36m import read_human36m
from hmr_live_training.data.readers.joint_sets import COMMON, HUMAN36M, MPI_INF_3DHP
from hmr_live_training.data.readers.mpi_inf_3dhp import read_calibration, read_mpi_inf_3dhp
from hmr_live_training.data.readers.person import ImageReader, VideoFrame
from hmr_live_training.data.readers.pw3d import read_3dpw
from tests.training.data.readers.files import python2_pickle, write_picture, write_video

INTRINSICS = np.array([[1497.693, 0, 1024.704], [0, 1497.103, 1051.394], [0, 0, 1]])


def standing(joint_set, frames):
    """Millimetres in a camera frame, ``(frames, J, 3)``: left at +x, head up (small y), 4 m away.

    A person who faces the camera has the left side on the picture's right.
    """
    points = np.zeros((frames, len(joint_set), 3))
    for k, name in enumerate(joint_set):
        side = {"left": 200.0, "right": -200.0}.get((name or "").split("_")[0], 0.0)
        height = {"ankle": 900.0, "knee": 500.0, "shoulder": -450.0, "top": -750.0}
        points[:, k] = side, height.get((name or "").split("_")[-1], 0.0), 4000.0
    return points + 10 * np.arange(frames)[:, None, None]


def projected(points, matrix=INTRINSICS):
    pixels = points @ matrix.T
    return pixels[..., :2] / pixels[..., 2:]


def calibration_text(cameras):
    """As Skeletool writes it: seven lines a camera."""
    rows = ["Skeletool Camera Calibration File V1.0"]
    for camera in cameras:
        full = np.eye(4)
        full[:3, :3] = INTRINSICS
        full[0, 2] += camera
        rows += [
            f"name          {camera}",
            "  sensor      10 10",
            "  size        2048 2048",
            "  animated    0",
            "  intrinsic   " + " ".join(map(str, full.ravel())),
            "  extrinsic   " + " ".join(map(str, np.eye(4).ravel())),
            "  radial      0",
        ]
    return "\n".join(rows) + "\n"


def mpi_sequence(folder, frames=6):
    folder.mkdir(parents=True)
    pixels, deep = np.empty((14, 1), object), np.empty((14, 1), object)
    for camera in range(14):
        points = standing(MPI_INF_3DHP, frames) + np.array([camera, 0, 0])
        deep[camera, 0] = points.reshape(frames, 84)
        pixels[camera, 0] = projected(points).reshape(frames, 56)
    content = {"annot2": pixels, "annot3": deep, "univ_annot3": deep, "cameras": np.arange(14)}
    scipy.io.savemat(folder / "annot.mat", content, do_compression=True)
    (folder / "camera.calibration").write_text(calibration_text(range(14)))


def check_front_view(person):
    """Head above feet, the person's left at +x, in pixels and in metres alike."""
    for joints in (person.joints_2d, person.joints_3d):
        assert joints[COMMON["head_top"], 1] < joints[COMMON["left_knee"], 1]
        assert joints[COMMON["left_knee"], 1] < joints[COMMON["left_ankle"], 1]
        assert joints[COMMON["left_wrist"], 0] > joints[COMMON["right_wrist"], 0]


def test_3dhp_gives_metres_in_the_frame_of_each_camera(tmp_path):
    mpi_sequence(tmp_path / "S3" / "Seq2")
    people = list(read_mpi_inf_3dhp(tmp_path, cameras=[0, 5], step=2))
    assert len(people) == 6
    person = people[4]
    assert person.picture.path == tmp_path / "S3" / "Seq2" / "imageSequence" / "video_5.avi"
    assert person.picture.index == 2
    assert person.subject == "S3"
    np.testing.assert_allclose(
        person.joints_3d[COMMON["left_shoulder"]], [0.225, -0.43, 4.02, 1], rtol=1e-5
    )
    check_front_view(person)
    assert person.joints_2d[COMMON["spine1"], 2] == 0


def test_3dhp_pixels_are_the_projection_of_its_metres_by_its_intrinsics(tmp_path):
    mpi_sequence(tmp_path / "S1" / "Seq1")
    person = next(iter(read_mpi_inf_3dhp(tmp_path, cameras=[0])))
    labelled = person.joints_3d[:, 3] > 0
    pixels = projected(person.joints_3d[labelled, :3], person.intrinsics)
    np.testing.assert_allclose(person.joints_2d[labelled, :2], pixels, atol=0.01)


def test_3dhp_cameras_are_read_by_name(tmp_path):
    (tmp_path / "camera.calibration").write_text(calibration_text([4, 7]))
    cameras = read_calibration(tmp_path / "camera.calibration")
    assert sorted(cameras) == [4, 7]
    assert cameras[7][0, 2] == pytest.approx(1024.704 + 7)
    assert cameras[4][1, 1] == pytest.approx(1497.103)


def test_3dhp_reports_what_is_missing(tmp_path):
    with pytest.raises(AssetError, match="S1/Seq1"):
        list(read_mpi_inf_3dhp(tmp_path))
    mpi_sequence(tmp_path / "S1" / "Seq1", frames=2)
    with pytest.raises(AssetError, match="no camera 14"):
        list(read_mpi_inf_3dhp(tmp_path, cameras=[14]))
    (tmp_path / "S1" / "Seq1" / "camera.calibration").unlink()
    with pytest.raises(AssetError, match=r"camera\.calibration"):
        list(read_mpi_inf_3dhp(tmp_path))


def write_cdf(path, values):
    path.parent.mkdir(parents=True, exist_ok=True)
    flat = values.reshape(1, len(values), -1).astype(np.float32)
    cdf = cdflib.cdfwrite.CDF(path, cdf_spec={"Majority": 1, "Encoding": 6})
    variable = {
        "Variable": "Pose",
        "Data_Type": 44,
        "Num_Elements": 1,
        "Rec_Vary": True,
        "Dim_Sizes": list(flat.shape[1:]),
    }
    cdf.write_var(variable, var_data=flat)
    cdf.close()


def human36m_sequence(folder, subject, name, frames=7):
    poses = folder / subject / "MyPoseFeatures"
    points = standing(HUMAN36M, frames)
    write_cdf(poses / "D3_Positions_mono" / f"{name}.cdf", points)
    write_cdf(poses / "D2_Positions" / f"{name}.cdf", projected(points))


def test_human36m_reads_the_official_cdf_files(tmp_path):
    human36m_sequence(tmp_path, "S9", "Walking 1.55011271")
    people = list(read_human36m(tmp_path, "test", subjects=["S9"]))
    assert [p.picture.index for p in people] == [0, 5]
    person = people[1]
    assert person.picture.path == tmp_path / "S9" / "Videos" / "Walking 1.55011271.mp4"
    assert (person.subject, person.split, person.data_set) == ("S9", "test", "human36m")
    np.testing.assert_allclose(
        person.joints_3d[COMMON["right_knee"]], [-0.15, 0.55, 4.05, 1], rtol=1e-5
    )
    np.testing.assert_allclose(
        person.joints_2d[COMMON["right_knee"], :2],
        projected(np.array([-150.0, 550.0, 4050.0])),
        rtol=1e-5,
    )
    check_front_view(person)
    assert not person.joints_3d[COMMON["spine2"]].any()


def test_human36m_leaves_out_the_damaged_video_and_keeps_the_split(tmp_path):
    human36m_sequence(tmp_path, "S11", "Directions.54138969")
    human36m_sequence(tmp_path, "S11", "Directions.60457274")
    people = list(read_human36m(tmp_path, "test", subjects=["S11"]))
    assert {p.picture.path.name for p in people} == {"Directions.60457274.mp4"}
    with pytest.raises(AssetError, match="S11 is not in the train split"):
        list(read_human36m(tmp_path, "train", subjects=["S11"]))


def test_human36m_reports_missing_and_damaged_poses(tmp_path):
    with pytest.raises(AssetError, match="Poses_D3_Positions_mono"):
        list(read_human36m(tmp_path, "test"))
    human36m_sequence(tmp_path, "S9", "Eating.54138969")
    file = tmp_path / "S9" / "MyPoseFeatures" / "D2_Positions" / "Eating.54138969.cdf"
    file.write_bytes(b"broken")
    with pytest.raises(AssetError, match="holds no 'Pose'"):
        list(read_human36m(tmp_path, "test", subjects=["S9"]))


class PosedSequence:
    """A sequence made from a body: posed in the world, seen by a moving camera."""

    def __init__(self, frames=3):
        rng = np.random.default_rng(1)
        self.body = BodyModel.default()
        self.betas = rng.normal(0, 1, 10)
        self.poses = rng.normal(0, 0.3, (frames, 24, 3))
        self.trans = rng.normal(0, 0.5, (frames, 3))
        self.cameras = np.tile(np.eye(4), (frames, 1, 1))
        self.cameras[:, :3, :3] = matrix_from_axis_angle(
            rng.normal(0, 0.3, (frames, 3)) + np.array([3, 0, 0])
        )
        self.cameras[:, :3, 3] = [0.1, 0.2, 5.0]
        self.matrix = np.array([[1969.0, 0, 540], [0, 1961.0, 960], [0, 0, 1]])
        self.joints = np.stack(
            [self.lbs(pose) + t for pose, t in zip(self.poses, self.trans, strict=True)]
        )
        self.seen = np.zeros((frames, 3, 18))
        self.seen[:, :, 0] = 11, 12, 0.7
        self.seen[:, :, 15] = 21, 22, 0.6

    def lbs(self, pose):
        rotmats = matrix_from_axis_angle(pose.astype(np.float32))
        return self.body.joints(rotmats, self.betas.astype(np.float32)).astype(np.float64)

    def write(self, folder, **changes):
        frames = len(self.poses)
        content = {
            "sequence": "downtown_walking_00",
            "poses": [self.poses.reshape(frames, 72)],
            "betas": [self.betas],
            "trans": [self.trans],
            "genders": ["f"],
            "jointPositions": [self.joints.reshape(frames, 72)],
            "poses2d": [self.seen],
            "campose_valid": [np.array([1, 0, 1][:frames])],
            "cam_poses": self.cameras,
            "cam_intrinsics": self.matrix,
            "img_frame_ids": np.arange(frames),
        }
        path = folder / "sequenceFiles" / "test" / "downtown_walking_00.pkl"
        path.parent.mkdir(parents=True)
        path.write_bytes(python2_pickle(content | changes))


def test_3dpw_parameters_in_the_camera_frame_pose_the_body_where_the_joints_are(tmp_path):
    sequence = PosedSequence()
    sequence.write(tmp_path)
    people = list(read_3dpw(tmp_path, "test"))
    assert [p.picture.name for p in people] == ["image_00000.jpg", "image_00002.jpg"]
    for person in people:
        joints = sequence.lbs(person.pose) + person.transl
        np.testing.assert_allclose(joints, person.joints_3d[:24, :3], atol=2e-4)
        pixels = projected(joints, sequence.matrix)
        np.testing.assert_allclose(person.joints_2d[:24, :2], pixels, atol=0.1)
        assert person.body == "smpl_female"
        assert person.joints_3d[:24, 2].min() > 3


def test_3dpw_takes_the_face_from_its_detections(tmp_path):
    PosedSequence().write(tmp_path)
    person = next(iter(read_3dpw(tmp_path, "test")))
    np.testing.assert_allclose(person.joints_2d[COMMON["nose"]], [11, 12, 0.7], rtol=1e-6)
    np.testing.assert_allclose(person.joints_2d[COMMON["left_eye"]], [21, 22, 0.6], rtol=1e-6)
    assert person.joints_2d[COMMON["right_eye"], 2] == 0
    assert person.picture.parent == tmp_path / "imageFiles" / "downtown_walking_00"


def test_3dpw_files_that_would_run_code_are_refused(tmp_path):
    path = tmp_path / "sequenceFiles" / "train" / "x.pkl"
    path.parent.mkdir(parents=True)
    path.write_bytes(b"cos\nsystem\n(S'echo harm'\ntR.")
    with pytest.raises(AssetError, match=r"os\.system"):
        list(read_3dpw(tmp_path, "train"))


def test_3dpw_reports_missing_and_foreign_files(tmp_path):
    with pytest.raises(AssetError, match=r"no \.pkl files"):
        list(read_3dpw(tmp_path, "test"))
    PosedSequence().write(tmp_path, poses=3)
    with pytest.raises(AssetError, match="not a 3DPW sequence"):
        list(read_3dpw(tmp_path, "test"))


@pytest.mark.parametrize("name", ["video_0.avi", "Walking.mp4"])
def test_frames_of_videos_are_the_ones_that_were_asked_for(tmp_path, name):
    write_video(tmp_path / name)
    with ImageReader() as reader:
        for index in (1, 2, 5, 0):
            image = reader.read(VideoFrame(tmp_path / name, index))
            assert abs(float(image.mean()) - (20 + 30 * index)) < 6
        with pytest.raises(AssetError, match="ends before frame 6"):
            reader.read(VideoFrame(tmp_path / name, 6))
        with pytest.raises(AssetError, match="no video"):
            reader.read(VideoFrame(tmp_path / "none.avi", 0))


def test_damaged_pictures_are_reported(tmp_path):
    write_picture(tmp_path / "a.jpg")
    (tmp_path / "b.jpg").write_bytes(b"no picture")
    reader = ImageReader()
    assert reader.read(tmp_path / "a.jpg").shape == (60, 80, 3)
    assert reader.read((tmp_path / "a.jpg").read_bytes()).shape == (60, 80, 3)
    with pytest.raises(AssetError, match="Cannot decode"):
        reader.read(tmp_path / "b.jpg")
    with pytest.raises(AssetError, match="inside a shard"):
        reader.read(b"")
