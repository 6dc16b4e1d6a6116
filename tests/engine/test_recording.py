import dataclasses
import os
import signal
import subprocess
import sys
import textwrap

import numpy as np
import pytest

from engine.angles import ANGLES, joint_angles
from engine.body import BodyModel
from engine.errors import RecordingError
from engine.recording import WORLD_FROM_CAMERA, Recorder, load_recording, recover_recording
from engine.rotations import matrix_from_axis_angle
from engine.state import BodyState, Frame, FrameResult, Region


@pytest.fixture(scope="module")
def body():
    return BodyModel.default()


def make_state(body, seed):
    rng = np.random.default_rng(seed)
    pose = rng.normal(size=(24, 3)).astype(np.float32) * 0.4
    rotmats = matrix_from_axis_angle(pose)
    betas = rng.normal(size=10).astype(np.float32)
    transl = np.array([0.1 * seed, 0.2, 3.0], np.float32)
    joints = body.joints(rotmats, betas) + transl
    return BodyState(
        rotmats=rotmats,
        betas=betas,
        transl=transl,
        focal_length=900.0,
        camera=np.array([0.9, 0, 0.2], np.float32),
        region=Region(320, 240, 300, 0.1),
        joints=joints,
        joints_2d=joints[:, :2],
        confidence=np.linspace(0, 1, 24, dtype=np.float32),
        score=0.9,
        angles=joint_angles(rotmats),
    )


def make_result(body, seed, with_body=True):
    frame = Frame(np.zeros((4, 4, 3), np.uint8), 100 + seed / 30, seed)
    return FrameResult(frame, (make_state(body, seed),) if with_body else ())


def record(path, body, count=12):
    recorder = Recorder(path, body)
    for seed in range(count):
        recorder.add(make_result(body, seed))
    return recorder


def test_a_recording_holds_what_was_recorded(tmp_path, body):
    saved = record(tmp_path / "take.npz", body).close()
    data = load_recording(saved)
    state = make_state(body, 7)
    rotmats = matrix_from_axis_angle(data["smpl_poses_camera"][7])
    np.testing.assert_allclose(rotmats, state.rotmats, atol=1e-5)
    np.testing.assert_allclose(data["transl_camera"][7], state.transl, atol=1e-6)
    np.testing.assert_allclose(data["joints_camera"][7], state.joints, atol=1e-5)
    np.testing.assert_allclose(data["times"], np.arange(12) / 30, atol=1e-6)
    assert data["mocap_framerate"] == pytest.approx(30, rel=1e-3)
    assert data["angles_deg"].shape == (12, len(ANGLES))
    assert not list(tmp_path.glob("*.part")), "the journal is gone once the recording is saved"


def test_amass_poses_put_the_body_where_the_camera_saw_it(tmp_path, body):
    """poses + trans through SMPL must give the camera's joints, turned into the z-up world."""
    data = load_recording(record(tmp_path / "take.npz", body).close())
    assert data["poses"].shape == (12, 156)
    assert str(data["gender"]) == "neutral"
    for k in (0, 5, 11):
        pose = data["smpl_poses_camera"][k].copy()
        pose[:22] = data["poses"][k, :66].reshape(22, 3)
        joints = body.joints(matrix_from_axis_angle(pose), np.zeros(10, np.float32))
        camera_pose = matrix_from_axis_angle(data["smpl_poses_camera"][k])
        seen = body.joints(camera_pose, np.zeros(10, np.float32)) + data["transl_camera"][k]
        np.testing.assert_allclose(joints + data["trans"][k], seen @ WORLD_FROM_CAMERA.T, atol=1e-4)


def test_frames_without_a_person_leave_no_row(tmp_path, body):
    recorder = Recorder(tmp_path / "take.npz", body)
    for seed in range(6):
        recorder.add(make_result(body, seed, with_body=seed != 3))
    data = load_recording(recorder.close())
    assert data["frame_index"].tolist() == [0, 1, 2, 4, 5]


def test_an_empty_recording_says_so_and_leaves_nothing(tmp_path, body):
    recorder = Recorder(tmp_path / "take.npz", body)
    with pytest.raises(RecordingError, match="Nobody was in sight"):
        recorder.close()
    assert not list(tmp_path.iterdir())


def test_a_recording_never_overwrites_another(tmp_path, body):
    record(tmp_path / "take.npz", body).close()
    with pytest.raises(RecordingError, match="exists already"):
        Recorder(tmp_path / "take.npz", body)


def test_a_folder_that_cannot_be_made_is_refused_with_a_sentence(tmp_path, body):
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(RecordingError, match="choose another folder"):
        Recorder(tmp_path / "file" / "take.npz", body)


def test_a_killed_program_loses_no_written_frame(tmp_path):
    script = textwrap.dedent(f"""
        import os, signal, sys
        sys.path[:0] = {sys.path!r}
        from pathlib import Path
        from engine.body import BodyModel
        from tests.engine.test_recording import record
        record(Path({str(tmp_path / "take.npz")!r}), BodyModel.default(), count=9)
        os.kill(os.getpid(), signal.SIGKILL)
    """)
    root = os.fspath(pytest.importorskip("engine").__path__[0] + "/..")
    ended = subprocess.run([sys.executable, "-c", script], cwd=root, check=False)
    assert ended.returncode == -signal.SIGKILL
    data = load_recording(recover_recording(tmp_path / "take.npz.part"))
    assert data["frame_index"].tolist() == list(range(9))


def test_a_journal_cut_in_the_middle_of_a_frame_keeps_the_whole_ones(tmp_path, body):
    record(tmp_path / "take.npz", body, count=5)._journal.close()
    journal = tmp_path / "take.npz.part"
    journal.write_bytes(journal.read_bytes()[:-100])
    assert len(load_recording(recover_recording(journal))["times"]) == 4


def test_a_full_disk_stops_the_recording_and_keeps_what_is_there(tmp_path, body):
    recorder = record(tmp_path / "take.npz", body, count=5)
    recorder._journal.close()
    recorder._journal = open("/dev/full", "wb", buffering=0)  # noqa: SIM115, PTH123
    with pytest.raises(RecordingError, match=r"had to stop.*5 frames are kept"):
        recorder.add(make_result(body, 5))
    recorder.add(make_result(body, 6))  # said once; the live session goes on
    assert len(load_recording(recorder.close())["times"]) == 5


@pytest.mark.parametrize("content", [b"", b"junk", b'{"magic": "other"}'.ljust(5000)])
def test_a_foreign_journal_is_refused(tmp_path, content):
    path = tmp_path / "x.npz.part"
    path.write_bytes(content)
    with pytest.raises(RecordingError, match="not the journal"):
        recover_recording(path)


def test_foreign_and_truncated_recordings_are_refused(tmp_path, body):
    good = record(tmp_path / "take.npz", body).close()
    cut = tmp_path / "cut.npz"
    cut.write_bytes(good.read_bytes()[:2000])
    with pytest.raises(RecordingError, match="cannot be read"):
        load_recording(cut)
    np.savez(tmp_path / "other.npz", a=1)
    with pytest.raises(RecordingError, match="holds no poses"):
        load_recording(tmp_path / "other.npz")
    with pytest.raises(RecordingError, match="There is no recording"):
        load_recording(tmp_path / "missing.npz")


def test_only_the_first_person_is_recorded(tmp_path, body):
    recorder = Recorder(tmp_path / "take.npz", body)
    result = make_result(body, 1)
    recorder.add(dataclasses.replace(result, bodies=(*result.bodies, make_state(body, 2))))
    data = load_recording(recorder.close())
    np.testing.assert_allclose(data["transl_camera"], [make_state(body, 1).transl])
