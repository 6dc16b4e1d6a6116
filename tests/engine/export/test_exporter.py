"""From a take to files: names, people, refusals."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import replace

import cv2
import numpy as np
import pytest

from hmr_live.body.model import BodyModel
from hmr_live.core.errors import ExportError
from hmr_live.core.optional_packages import import_package
from hmr_live.export.exporter import Exporter, ExportOptions, body_of_take
from hmr_live.export.formats import FORMATS, TakeFormat, format_named
from hmr_live.takes.take import Take
from hmr_live.takes.video import VideoFileWriter
from tests.engine.body.body_cases import tiny_body, write_npz
from tests.engine.export.takes import cut, even_times, make_motion, make_take

TIMES = even_times(12)
MP4 = FORMATS["mp4"]
CLIP_FORMATS = [name for name, format_ in FORMATS.items() if not isinstance(format_, TakeFormat)]


def exporter(*motions, body, name="walk", **options):
    return Exporter(make_take(*motions), name, body, ExportOptions(**options))


@pytest.mark.parametrize("name", [name for name in FORMATS if name != "mp4"])
def test_every_format_becomes_one_file_of_the_takes_name(name, body, tmp_path):
    (path,) = exporter(make_motion(TIMES), body=body).write(FORMATS[name], tmp_path)
    assert path == tmp_path / f"walk{FORMATS[name].suffix}"
    assert [file.name for file in tmp_path.iterdir()] == [path.name], "no temporary file stays"
    assert path.stat().st_size > 500


@pytest.mark.parametrize("name", CLIP_FORMATS)
def test_a_single_frame_can_be_exported(name, body, tmp_path):
    (path,) = exporter(make_motion(TIMES[:1]), body=body).write(FORMATS[name], tmp_path)
    assert path.is_file()


def test_the_suffix_is_added_to_a_name_without_it(body, tmp_path):
    (path,) = exporter(make_motion(TIMES), body=body).write(FORMATS["bvh"], tmp_path / "take.one")
    assert path.name == "take.one.bvh"
    (path,) = exporter(make_motion(TIMES), body=body).write(FORMATS["bvh"], tmp_path / "b.bvh")
    assert path.name == "b.bvh"


def test_several_people_become_several_files_or_one_that_holds_all(body, tmp_path):
    people = make_motion(TIMES), make_motion(TIMES[3:], track_id=4)
    both = exporter(*people, body=body)
    names = [path.name for path in both.write(FORMATS["csv"], tmp_path / "a.csv")]
    assert names == ["a_person0.csv", "a_person4.csv"]
    assert [path.name for path in both.write(FORMATS["pkl"], tmp_path)] == ["walk.pkl"]
    assert both.notes() == ["walk_person4 starts 0.10 s after walk_person0."]
    one = exporter(*people, body=body, track_id=4)
    (path,) = one.write(FORMATS["csv"], tmp_path)
    assert path.name == "walk.csv"
    assert len(path.read_text().splitlines()) == 10
    with pytest.raises(ExportError, match="no person 2 in walk: choose one of 0, 4"):
        exporter(*people, body=body, track_id=2)


def test_up_and_rate_reach_the_file(body, tmp_path):
    motion = make_motion(TIMES)
    heights = {}
    for up in ("y", "z"):
        out = exporter(motion, body=body, up=up, rate=60.0)
        (path,) = out.write(FORMATS["csv"], tmp_path / up)
        table = np.genfromtxt(path, delimiter=",", names=True)
        assert len(table) == 23
        heights[up] = table[f"head_{up}_m"]
    np.testing.assert_allclose(heights["y"], heights["z"])
    glb = exporter(motion, body=body, up="z").write(FORMATS["glb"], tmp_path)[0].read_bytes()
    plain = exporter(motion, body=body, overwrite=True).write(FORMATS["glb"], tmp_path)[0]
    assert plain.read_bytes() == glb, "glTF has y up, whatever is asked for"


def test_files_that_exist_are_kept_unless_told_otherwise(body, tmp_path):
    (tmp_path / "walk.bvh").write_text("mine")
    with pytest.raises(ExportError, match="exists already"):
        exporter(make_motion(TIMES), body=body).write(FORMATS["bvh"], tmp_path)
    assert (tmp_path / "walk.bvh").read_text() == "mine"
    exporter(make_motion(TIMES), body=body, overwrite=True).write(FORMATS["bvh"], tmp_path)
    assert (tmp_path / "walk.bvh").read_text().startswith("HIERARCHY")


@pytest.mark.parametrize("name", [name for name in FORMATS if name != "mp4"])
def test_a_place_that_cannot_be_written_to_is_said(name, body, tmp_path):
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(ExportError, match=r"cannot be written .* choose another folder"):
        exporter(make_motion(TIMES), body=body).write(FORMATS[name], tmp_path / "file" / "walk")


def test_a_failed_export_leaves_nothing(body, tmp_path, monkeypatch):
    def full(*_):
        raise OSError(28, "No space left on device")

    broken = replace(FORMATS["csv"], write=full)
    with pytest.raises(ExportError, match="No space left on device"):
        exporter(make_motion(TIMES), body=body).write(broken, tmp_path)
    assert not list(tmp_path.iterdir())


def test_a_recording_that_was_cut_off_is_told(body):
    take = make_take(make_motion(TIMES), complete=False)
    assert Exporter(take, "walk", body).notes() == [
        "The recording of walk was cut off: it ends with the last saved frame."
    ]


@pytest.mark.parametrize("keep", [None, np.zeros(12, bool)])
def test_a_take_of_nobody_is_refused(body, keep):
    motions = () if keep is None else (cut(make_motion(TIMES), keep),)
    with pytest.raises(ExportError, match="Nobody is in sight in walk"):
        exporter(*motions, body=body)


@pytest.mark.parametrize(
    ("name", "module", "package"),
    [("usd", "pxr.Usd", "usd-core"), ("parquet", "pyarrow", "pyarrow"), ("c3d", "ezc3d", "ezc3d")],
)
def test_a_missing_package_is_named(name, module, package, body, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(ExportError, match=rf"{package}.* pip install 'hmr-live\[export\]'"):
        exporter(make_motion(TIMES), body=body).write(FORMATS[name], tmp_path)
    assert not list(tmp_path.iterdir())
    assert import_package("json", "json", "This", extra="export", error=ExportError) is json


def test_optional_packages_are_loaded_only_when_they_are_needed():
    code = (
        "import sys; import hmr_live.export.formats; "
        "print([m for m in ('pxr', 'pyarrow', 'ezc3d') if m in sys.modules])"
    )
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ended.stdout.strip() == "[]"


def test_a_take_of_another_body_asks_for_that_body(body, tmp_path):
    path = write_npz(tmp_path / "other.npz", tiny_body())
    other = BodyModel.load(path)
    take = make_take(make_motion(TIMES), body=other)
    with pytest.raises(ExportError, match="body model other, and open_body is a different one"):
        body_of_take(take)
    assert body_of_take(take, other) is other
    assert body_of_take(Take({}, (), (), None)).sha256 == body.sha256


def test_formats_go_by_name_or_suffix():
    assert format_named(".BVH") is FORMATS["bvh"]
    with pytest.raises(ExportError, match="no export format 'fbx': choose one of npz, pkl"):
        format_named("fbx")
    assert all(format_.available for format_ in FORMATS.values())
    assert not replace(FORMATS["c3d"], module="no_such_package").available


def test_progress_ends_at_one(body, tmp_path):
    shares = []
    people = make_motion(TIMES), make_motion(TIMES, track_id=1)
    exporter(*people, body=body).write(FORMATS["trc"], tmp_path, shares.append)
    assert shares == [0.5, 1.0]


# ------------------------------------------------------------------------------ overlay


def film(path, frames=6, fps=30.0):
    """Grey pictures that grow brighter, 160 x 120."""
    writer = VideoFileWriter(path, (160, 120), fps)
    for number in range(frames):
        writer.add(np.full((120, 160, 3), 10 * number, np.uint8))
    writer.close()
    return path


def watch(path):
    video = cv2.VideoCapture(str(path))
    pictures = []
    while (read := video.read())[0]:
        pictures.append(read[1])
    return video.get(cv2.CAP_PROP_FPS), np.array(pictures)


def before_the_camera(times):
    pose = np.zeros((len(times), 24, 3))
    pose[:, 0, 0] = np.pi
    motion = make_motion(times, pose=pose, transl=np.tile([0.0, 0.0, 3.0], (len(times), 1)))
    return replace(motion, focal_length=np.full(len(times), 140.0, np.float32))


def test_overlay_draws_the_person_over_the_takes_own_video(body, tmp_path):
    moments = np.array([5.0, 5.03, 5.07, 5.1, 5.5, 5.53])
    take = replace(
        make_take(before_the_camera(moments[:4]), video_times=moments.tolist()),
        video=film(tmp_path / "walk.avi"),
    )
    shares = []
    (path,) = Exporter(take, "walk", body).write(MP4, tmp_path, shares.append)
    fps, pictures = watch(path)
    # From 5.0 to 5.53 s at 30 a second; where nothing was filmed the picture stands still.
    assert fps == pytest.approx(30, abs=0.1)
    assert 16 <= len(pictures) <= 18
    middle, corner = pictures[:, 60, 80].astype(int), pictures[:, 5, 5].astype(int)
    assert np.abs(middle - corner).max(axis=1)[:4].min() > 20, "the body is in the middle"
    assert np.abs(middle - corner).max(axis=1)[-1] < 12, "and gone where it was not seen"
    assert corner[6].max() < corner[-1].min() - 10
    assert shares[-1] == 1.0
    moved = replace(take, video=None)
    options = ExportOptions(video=take.video, overwrite=True)
    (path,) = Exporter(moved, "walk", body, options).write(MP4, tmp_path)
    assert len(watch(path)[1]) == len(pictures)


def test_overlay_needs_a_video_of_the_take(body, tmp_path):
    live = make_take(before_the_camera(TIMES))
    with pytest.raises(ExportError, match="none was recorded beside it"):
        Exporter(live, "walk", body).write(MP4, tmp_path)
    film(tmp_path / "another.mp4")
    elsewhere = ExportOptions(video=tmp_path / "another.mp4")
    with pytest.raises(ExportError, match="none was recorded beside it"):
        Exporter(live, "walk", body, elsewhere).write(MP4, tmp_path)
    film(tmp_path / "source.mp4", frames=4)
    media = make_take(before_the_camera(np.arange(4) / 30), clock="media", source="source.mp4")
    with pytest.raises(ExportError, match=r"source\.mp4 .* --video"):
        Exporter(media, "walk", body).write(MP4, tmp_path)
    options = ExportOptions(video=tmp_path / "source.mp4")
    (path,) = Exporter(media, "walk", body, options).write(MP4, tmp_path)
    _, pictures = watch(path)
    assert len(pictures) == 4
    assert np.abs(pictures[2, 60, 80].astype(int) - pictures[2, 5, 5]).max() > 20
