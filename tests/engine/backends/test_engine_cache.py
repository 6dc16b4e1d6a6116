import json
import os
import shutil
import sys

import pytest

from hmr_live.backends.tensorrt import cache as cache_module
from hmr_live.backends.tensorrt.cache import MAX_FILES, CacheKey, EngineCache
from hmr_live.core.cache_folder import FOLDER_VARIABLE
from hmr_live.core.errors import BackendError

SLOT = {"kind": "engine", "onnx_sha256": "a" * 64, "gpu": "Some GPU", "precision": "fp16"}
STAMP = {"tensorrt": "11.0", "driver": "580.1"}
KEY = CacheKey(SLOT, STAMP)
posix_only = pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such modes")


@pytest.fixture
def cache(tmp_path):
    return EngineCache(tmp_path / "engines")


@pytest.fixture
def stored(cache):
    cache.write(KEY, b"engine")
    return cache.folder / KEY.file_name


def test_what_was_written_is_read(cache, stored):
    assert cache.read(KEY) == b"engine"


def test_an_empty_cache_has_nothing_and_says_nothing(cache, caplog):
    assert cache.read(KEY) is None
    assert not caplog.records


@pytest.mark.parametrize("name", SLOT)
def test_another_network_gpu_or_precision_is_another_file(name, cache, stored):
    slot = {**SLOT, name: "other"}
    assert cache.read(CacheKey(slot, STAMP)) is None


@pytest.mark.parametrize("name", STAMP)
def test_another_version_or_driver_makes_the_file_stale(name, cache, stored, caplog):
    assert cache.read(CacheKey(SLOT, {**STAMP, name: "99"})) is None
    assert f"it was made with {name} {STAMP[name]} and this is 99" in caplog.text


@pytest.mark.parametrize("damage", ["flip", "cut", "append", "empty"])
def test_a_damaged_engine_is_found_before_it_is_loaded(damage, cache, stored, caplog):
    data = {"flip": b"enginf", "cut": b"engin", "append": b"engine!", "empty": b""}[damage]
    stored.write_bytes(data)
    assert cache.read(KEY) is None
    assert "it is damaged" in caplog.text


def test_an_engine_that_somebody_put_there_is_not_loaded(cache, caplog):
    cache.folder.mkdir(mode=0o700)
    (cache.folder / KEY.file_name).write_bytes(b"foreign")
    assert cache.read(KEY) is None
    assert "not one of ours" in caplog.text


@pytest.mark.parametrize("text", ["", "[]", "{}", "not json", '{"slot": 1}'])
def test_a_record_that_is_none_is_not_believed(text, cache, stored, caplog):
    stored.with_suffix(".json").write_text(text)
    assert cache.read(KEY) is None
    assert "is not used, because" in caplog.text


def test_a_record_of_another_network_is_not_believed(cache, stored, caplog):
    path = stored.with_suffix(".json")
    path.write_text(json.dumps({**json.loads(path.read_text()), "slot": {"kind": "engine"}}))
    assert cache.read(KEY) is None
    assert "another network or GPU" in caplog.text


@posix_only
def test_files_and_folder_are_private(cache, stored):
    assert cache.folder.stat().st_mode & 0o077 == 0
    for path in cache.folder.iterdir():
        assert path.stat().st_mode & 0o077 == 0


@posix_only
@pytest.mark.parametrize("what", ["engine", "record", "folder"])
def test_what_others_may_write_is_not_loaded(what, cache, stored, caplog):
    record = stored.with_suffix(".json")
    {"engine": stored, "record": record, "folder": cache.folder}[what].chmod(0o777)
    assert cache.read(KEY) is None
    assert "other users may write" in caplog.text


@posix_only
def test_what_belongs_to_another_user_is_not_loaded(cache, stored, monkeypatch, caplog):
    monkeypatch.setattr(os, "getuid", lambda: stored.stat().st_uid + 1)
    assert cache.read(KEY) is None
    assert "belongs to another user" in caplog.text


@posix_only
def test_a_link_is_not_followed(cache, stored, tmp_path):
    elsewhere = tmp_path / "elsewhere.bin"
    shutil.move(stored, elsewhere)
    stored.symlink_to(elsewhere)
    assert cache.read(KEY) is None


def test_writing_again_replaces_both_files(cache, stored):
    newer = CacheKey(SLOT, {**STAMP, "tensorrt": "11.1"})
    cache.write(newer, b"newer")
    assert cache.read(newer) == b"newer"
    assert cache.read(KEY) is None
    assert len(list(cache.folder.iterdir())) == 2


def test_a_disk_without_room_is_found_before_building(cache, monkeypatch):
    usage = shutil.disk_usage(cache.folder.parent)
    monkeypatch.setattr(cache_module.shutil, "disk_usage", lambda _: usage._replace(free=5 << 20))
    with pytest.raises(BackendError, match=r"has 5 MB left, and the compiled network needs 8 MB"):
        cache.require_room(8 << 20)
    cache.require_room(4 << 20)


def test_a_disk_that_fills_up_ends_in_a_sentence_and_leaves_no_part(cache, stored, monkeypatch):
    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(cache_module.Path, "replace", full)
    with pytest.raises(BackendError, match=f"No space left on device.*{FOLDER_VARIABLE}"):
        cache.write(KEY, b"newer")
    assert not list(cache.folder.glob(".part-*"))
    assert cache.read(KEY) is None


def test_a_folder_that_cannot_be_made_ends_in_a_sentence(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(BackendError, match="cannot be used"):
        EngineCache(tmp_path / "file" / "engines").require_room(1)


def test_the_folder_can_be_named(tmp_path, monkeypatch):
    monkeypatch.setenv(FOLDER_VARIABLE, str(tmp_path))
    assert EngineCache().folder == tmp_path / "engines"


def test_old_files_are_removed(cache):
    for i in range(MAX_FILES + 3):
        key = CacheKey({**SLOT, "onnx_sha256": str(i)}, STAMP)
        cache.write(key, b"engine")
        os.utime(cache.folder / key.file_name, (i, i))
    assert len(list(cache.folder.glob("*.bin"))) == MAX_FILES
    assert len(list(cache.folder.glob("*.json"))) == MAX_FILES
    assert cache.read(key) == b"engine"
