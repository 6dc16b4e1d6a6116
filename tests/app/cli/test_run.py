"""The command ``hmr-live run`` over many files, as a program that is stopped, killed, shared."""

from __future__ import annotations

import importlib.util
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from hmr_live.batch.archive.archive_report import ArchiveProgress
from hmr_live.batch.archive.inputs import ArchiveShard, find_jobs
from hmr_live.batch.archive.worker import Outcome, State
from hmr_live.body.model import DEFAULT_BODY
from hmr_live.capture.sources import VideoFile
from hmr_live.core.assets import asset_path
from hmr_live.core.camera_place import CameraPlace
from hmr_live.core.errors import AssetError
from hmr_live.recovery import network_choice
from hmr_live.recovery.network_choice import TIMING_VARIABLE
from hmr_live.takes.video import VideoFileWriter
from hmr_live_app.cli.main import main
from hmr_live_app.cli.progress_bar import ProgressBar, progress_line
from hmr_live_app.cli.run import pipeline_identity, run_one

ROOT = Path(__file__).resolve().parents[3]
unix_only = pytest.mark.skipif(sys.platform == "win32", reason="ends programs by signals")


def start(*arguments, cwd):
    environment = {k: v for k, v in os.environ.items() if k != "DISPLAY"}
    environment["PYTHONPATH"] = os.pathsep.join([str(ROOT), *filter(None, sys.path)])
    return subprocess.Popen(
        [sys.executable, "-m", "hmr_live_app", "run", "--no-overlay", *map(str, arguments)],
        cwd=cwd,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        stdin=subprocess.DEVNULL,
        text=True,
        start_new_session=True,
    )


def finish(program):
    out, err = program.communicate(timeout=300)
    assert "Traceback" not in err, err
    return program.returncode, out, err


def wait_for(condition, program):
    give_up = time.monotonic() + 200
    while not condition():
        assert program.poll() is None, program.communicate()
        assert time.monotonic() < give_up
        time.sleep(0.02)


def finished(out):
    return {path.parent.name for path in out.glob("*/job.json")}


def begin_of(clip, frames, path):
    source = VideoFile(clip)
    writer = VideoFileWriter(path, source.size, source.fps)
    for _ in range(frames):
        writer.add(source.read().image)
    writer.close()
    source.close()


@pytest.fixture
def archive(tmp_path, demo_clip):
    """Two videos of three seconds and a broken one."""
    folder = tmp_path / "videos"
    folder.mkdir()
    for name in ("first", "second"):
        shutil.copy(demo_clip, folder / f"{name}.mp4")
    (folder / "broken.mp4").write_bytes(demo_clip.read_bytes()[:2000])
    return tmp_path


@pytest.fixture
def short_archive(tmp_path, demo_clip, webcam_clip):
    """Two videos of some frames."""
    (tmp_path / "videos").mkdir()
    begin_of(demo_clip, 12, tmp_path / "videos" / "man.mp4")
    begin_of(webcam_clip, 9, tmp_path / "videos" / "woman.mp4")
    return tmp_path


@unix_only
def test_a_run_that_is_stopped_and_killed_goes_on_where_it_was(archive):
    out = archive / "out"
    stopped = start("videos", "--processes", "1", cwd=archive)
    wait_for(lambda: finished(out), stopped)
    os.killpg(stopped.pid, signal.SIGINT)  # as a terminal does: to the parent and to the worker
    code, said, _ = finish(stopped)
    assert code == 130
    assert "start the same command again and it goes on" in said
    assert not list(out.glob(".*")), "neither leases nor half of a folder"
    done = finished(out)
    assert done
    assert json.loads((out / "archive.json").read_text())["interrupted"]

    killed = start("videos", cwd=archive)
    wait_for(lambda: list(out.glob(".*.part")) or len(finished(out)) == 2, killed)
    killed.kill()
    killed.communicate(timeout=60)  # its end is that of the worker too, who writes there as well
    assert finished(out) >= done

    code, said, _ = finish(start("videos", cwd=archive))
    assert code == 1
    assert "were finished before" in said
    assert "failed: broken.mp4: broken.mp4" in said
    assert finished(out) == {"first.mp4", "second.mp4"}
    assert not list(out.glob(".*"))
    states = {
        file["name"]: file["state"]
        for file in json.loads((out / "archive.json").read_text())["files"]
    }
    assert states.pop("broken.mp4") == "failed"
    assert states["first.mp4"] == "finished before"
    assert len(states) == 2


@unix_only
def test_ctrl_c_between_a_lease_and_its_record_leaves_no_lease(short_archive, monkeypatch, capsys):
    def struck(*arguments):
        os.kill(os.getpid(), signal.SIGINT)
        dump(*arguments)

    dump = json.dump
    monkeypatch.setattr(
        "hmr_live.batch.archive.leases.json", SimpleNamespace(dump=struck, loads=json.loads)
    )
    out = short_archive / "out"
    handlers = [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)]
    try:
        videos = str(short_archive / "videos")
        assert main(["run", videos, "--out", str(out), "--processes", "1"]) == 130
    finally:
        signal.signal(signal.SIGINT, handlers[0])
        signal.signal(signal.SIGTERM, handlers[1])
    assert "2 left to do" in capsys.readouterr().out
    assert not list(out.glob(".*"))


def test_two_local_workers_of_a_cluster_and_two_processes_find_the_same_poses(short_archive):
    if importlib.util.find_spec("ray") is None:
        pytest.skip("Ray is not installed: the extra hmr-live[cluster] is missing")
    (short_archive / "list.txt").write_text("videos/man.mp4\n\n# what follows is done too\n")
    inputs = ["videos/woman.mp4", "--list", "list.txt", "--processes", "2"]
    by_processes = start(*inputs, "--out", "processes", cwd=short_archive)
    by_cluster = start(*inputs, "--out", "cluster", "--cluster", "local", cwd=short_archive)
    assert finish(by_processes)[0] == 0
    code, said, err = finish(by_cluster)
    assert (code, err) == (0, ""), "Ray keeps quiet"
    assert "2 of 2 files done; 21 frames" in said
    for name, frames in {"man.mp4": 12, "woman.mp4": 9}.items():
        first, second = (
            np.load(short_archive / where / name / "smpl_parameters.npz")["poses"]
            for where in ("processes", "cluster")
        )
        assert len(first) == frames
        np.testing.assert_array_equal(first, second)


def test_a_shard_does_its_part_only(short_archive):
    shards = [ArchiveShard(1, 2), ArchiveShard(2, 2)]
    jobs = find_jobs([str(short_archive / "videos")], short_archive / "out")
    first, second = ({job.name for job in jobs if shard.holds(job)} for shard in shards)
    assert first
    assert second, "the names are chosen so that each shard gets one"
    assert finish(start("videos", "--shard", "2/2", cwd=short_archive))[0] == 0
    report = json.loads((short_archive / "out" / "archive-2-of-2.json").read_text())
    assert {file["name"] for file in report["files"]} == second
    assert finished(short_archive / "out") == second


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ([], "There is nothing to process"),
        (["*.webm"], "No file matches *.webm"),
        (["videos", "--shard", "3/2"], "'3/2' is not a shard"),
        (["--list", "none.txt"], "The list none.txt cannot be read"),
        (["videos", "--network", "none.onnx"], "There is no network at none.onnx"),
    ],
)
def test_what_cannot_begin_ends_with_one_sentence(
    short_archive, monkeypatch, capsys, arguments, words
):
    monkeypatch.chdir(short_archive)
    assert main(["run", *arguments]) == 1
    said = capsys.readouterr()
    assert said.out == ""
    assert words in said.err
    assert len(said.err.strip().splitlines()) == 1


def test_only_what_changes_the_results_counts_as_another_setting(demo_clip, tmp_path):
    copied = tmp_path / "body.npz"
    shutil.copy(asset_path(*DEFAULT_BODY), copied)
    plain = pipeline_identity({})
    assert pipeline_identity({"threads": 3, "backend": "auto", "body": copied}) == plain
    for change in ({"smoothing": False}, {"people": 2}, {"body": demo_clip}):
        assert pipeline_identity(change) != plain


def test_an_archive_has_the_same_network_on_every_machine(tmp_path, monkeypatch):
    monkeypatch.setenv(TIMING_VARIABLE, "on")
    monkeypatch.setattr(network_choice, "time_networks", None)  # would fail
    full = asset_path("networks", "full.onnx")
    (tmp_path / "full").touch()
    monkeypatch.chdir(tmp_path)
    plain = pipeline_identity({})
    assert pipeline_identity({"network": "auto"}) == plain
    assert pipeline_identity({"network": full}) == plain
    assert pipeline_identity({"network": asset_path("networks", "lite.onnx")}) != plain
    assert set(plain) == {"network", "body", "backend", "smoothing", "camera_place", "people"}
    high, low = (pipeline_identity({"camera_place": CameraPlace(h)}) for h in (1.2, 1.5))
    assert plain != high != low
    assert json.loads(json.dumps(high))["camera_place"] == {"height": 1.2, "pitch": 0.0}


def test_one_file_chooses_by_its_own_rate_without_hurry(demo_clip, tmp_path):
    asked = {}

    def open_pipeline(**options):
        asked.update(options)
        raise AssetError("That was enough.")

    with pytest.raises(AssetError):
        run_one(str(demo_clip), open_pipeline, tmp_path)
    assert asked == {"fps": 30.0, "live": False}


def test_without_ray_the_extra_to_install_is_named(short_archive, monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, "ray", None)
    assert main(["run", str(short_archive / "videos"), "--cluster", "auto"]) == 1
    assert "pip install 'hmr-live[cluster]'" in capsys.readouterr().err


def test_workers_that_cannot_begin_end_the_run_with_one_sentence(short_archive):
    code, said, err = finish(start("videos", "--backend", "abacus", cwd=short_archive))
    assert (code, said) == (1, "")
    assert "no back end called 'abacus'" in err
    assert len(err.strip().splitlines()) == 1


def test_the_line_of_progress_tells_share_counts_and_time_left():
    progress = ArchiveProgress(files=4, bytes=400)
    progress.outcomes = [Outcome("a", State.DONE), Outcome("b", State.FAILED)]
    progress.bytes_done, progress.bytes_worked = 200, 100
    progress.frames, progress.seconds = 300, 10.0
    assert progress_line(progress, cells=8) == (
        "[####----]  50%  2 of 4 files, 1 failed, 30 frames/s, 0:00:20 left"
    )
    progress.waiting_for = ("studio-2",)
    assert progress_line(progress, cells=8).endswith("1 failed, waiting for studio-2")


def test_the_line_is_cut_to_the_terminal_and_wiped(capsys, monkeypatch):
    monkeypatch.setattr(shutil, "get_terminal_size", lambda: os.terminal_size((30, 24)))
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    bar = ProgressBar()
    bar.show(ArchiveProgress(files=4, bytes=400))
    bar.clear()
    assert capsys.readouterr().err == "\r[------------------------]   \033[K\r\033[K"


@pytest.mark.parametrize(
    ("options", "message"),
    [(["--camera-height", "120"], "in metres"), (["--camera-pitch", "20"], "add --camera-height")],
)
def test_a_camera_that_stands_nowhere_is_refused(demo_clip, tmp_path, capsys, options, message):
    assert main(["run", str(demo_clip), "--out", str(tmp_path), *options]) == 1
    assert message in capsys.readouterr().err
    assert not list(tmp_path.iterdir())


def test_the_height_of_the_camera_sets_the_size(demo_clip, tmp_path, capsys):
    depths = []
    for height in ("0.8", "1.6"):
        out = tmp_path / height
        options = ["--camera-height", height, "--camera-pitch", "22.5", "--no-overlay"]
        assert main(["run", str(demo_clip), "--out", str(out), "--network", "lite", *options]) == 0
        with np.load(out / "smpl_parameters.npz") as parameters:
            depths.append(np.median(parameters["trans"][:, 2]))
    assert depths[1] > 1.2 * depths[0]
