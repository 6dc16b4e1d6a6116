from __future__ import annotations

from pathlib import Path

import pytest

from hmr_live.takes.container import read_take
from hmr_live.takes.edit import keep_range
from hmr_live_app.model.takes.collection import TakeCollection
from tests.app.support import MainLoop
from tests.engine.takes.cases import write_take


@pytest.fixture
def trash(tmp_path: Path) -> Path:
    folder = tmp_path / "trash"
    folder.mkdir()
    return folder


@pytest.fixture
def collection(main_loop: MainLoop, trash: Path) -> TakeCollection:
    def to_trash(path: Path) -> bool:
        path.rename(trash / path.name)
        return True

    return TakeCollection(main_loop, to_trash)


def names(collection: TakeCollection) -> list[str]:
    return sorted(summary.path.name for summary in collection.takes)


def test_the_folder_is_listed_without_the_take_that_is_being_recorded(
    collection: TakeCollection, main_loop: MainLoop, tmp_path: Path
) -> None:
    for name in ("a", "b", "c"):
        write_take(tmp_path / f"{name}.hmrtake")
    collection.refresh(tmp_path, recording=tmp_path / "c.hmrtake")
    main_loop.run_until(lambda: collection.takes)
    assert names(collection) == ["a.hmrtake", "b.hmrtake"]
    known = collection.takes
    collection.refresh(tmp_path)
    main_loop.run_until(lambda: len(collection.takes) == 3)
    assert all(summary in collection.takes for summary in known)
    collection.refresh(tmp_path / "not there")
    main_loop.run_until(lambda: not collection.takes)


def test_a_take_goes_to_the_trash_with_its_video(
    collection: TakeCollection, trash: Path, tmp_path: Path
) -> None:
    path = write_take(tmp_path / "a.hmrtake")
    path.with_suffix(".avi").write_bytes(b"film")
    removed: list[Path] = []
    collection.removed.connect(removed.append)
    collection.delete(path)
    assert removed == [path]
    assert sorted(p.name for p in trash.iterdir()) == ["a.avi", "a.hmrtake"]


def test_where_there_is_no_trash_nothing_is_deleted(main_loop: MainLoop, tmp_path: Path) -> None:
    collection = TakeCollection(main_loop, lambda path: False)
    messages: list[str] = []
    collection.failed.connect(messages.append)
    path = write_take(tmp_path / "a.hmrtake")
    collection.delete(path)
    assert path.exists()
    assert "no trash" in messages[0]


def test_a_name_that_is_taken_is_told(collection: TakeCollection, tmp_path: Path) -> None:
    reported: list[object] = []
    collection.failed.connect(reported.append)
    collection.renamed.connect(lambda old, new: reported.append((old.name, new.name)))
    for name in ("a", "b"):
        write_take(tmp_path / f"{name}.hmrtake")
    collection.rename(tmp_path / "a.hmrtake", "b")
    collection.rename(tmp_path / "a.hmrtake", "c")
    assert "exists already" in str(reported[0])
    assert reported[1] == ("a.hmrtake", "c.hmrtake")


def test_a_damaged_take_is_repaired_beside_itself(
    collection: TakeCollection, main_loop: MainLoop, tmp_path: Path
) -> None:
    path = write_take(tmp_path / "a.hmrtake")
    data = path.read_bytes()
    path.write_bytes(data[:5000] + bytes([data[5000] ^ 255]) + data[5001:])
    reported: list[tuple[Path, str]] = []
    collection.saved.connect(lambda *saved: reported.append(saved))
    collection.repair(path)
    main_loop.run_until(lambda: reported)
    assert "1 lost" in reported[0][1]
    assert read_take(reported[0][0]).info["frames"] == 11


def test_a_part_is_saved_under_a_free_name_and_what_cannot_be_saved_is_told(
    collection: TakeCollection, main_loop: MainLoop, tmp_path: Path
) -> None:
    take = read_take(write_take(tmp_path / "a.hmrtake"))
    reported: list[object] = []
    collection.saved.connect(lambda path, _: reported.append(path))
    collection.failed.connect(reported.append)
    for _ in range(2):
        collection.save(lambda: keep_range(take, 0, 100.1), tmp_path, "part")
        count = len(reported) + 1
        main_loop.run_until(lambda n=count: len(reported) == n)
    assert reported == [tmp_path / "part.hmrtake", tmp_path / "part_2.hmrtake"]
    collection.save(lambda: keep_range(take, 0, 1), tmp_path, "nobody")
    main_loop.run_until(lambda: len(reported) == 3)
    assert "Nobody is in sight" in str(reported[2])
