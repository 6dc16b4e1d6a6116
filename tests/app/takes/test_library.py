from __future__ import annotations

from pathlib import Path

import pytest

from app.takes.library import TakeLibrary
from engine.takes.container import read_take
from engine.takes.edit import keep_range
from tests.app.support import MainLoop
from tests.engine.takes.cases import write_take


@pytest.fixture
def trash(tmp_path: Path) -> Path:
    folder = tmp_path / "trash"
    folder.mkdir()
    return folder


@pytest.fixture
def library(main_loop: MainLoop, trash: Path) -> TakeLibrary:
    def to_trash(path: Path) -> bool:
        path.rename(trash / path.name)
        return True

    return TakeLibrary(main_loop, to_trash)


def names(library: TakeLibrary) -> list[str]:
    return sorted(summary.path.name for summary in library.takes)


def test_the_folder_is_listed_without_the_take_that_is_being_recorded(
    library: TakeLibrary, main_loop: MainLoop, tmp_path: Path
) -> None:
    for name in ("a", "b", "c"):
        write_take(tmp_path / f"{name}.hmrtake")
    library.look(tmp_path, recording=tmp_path / "c.hmrtake")
    main_loop.run_until(lambda: library.takes)
    assert names(library) == ["a.hmrtake", "b.hmrtake"]
    known = library.takes
    library.look(tmp_path)
    main_loop.run_until(lambda: len(library.takes) == 3)
    assert all(summary in library.takes for summary in known)
    library.look(tmp_path / "not there")
    main_loop.run_until(lambda: not library.takes)


def test_a_take_goes_to_the_trash_with_its_video(
    library: TakeLibrary, trash: Path, tmp_path: Path
) -> None:
    path = write_take(tmp_path / "a.hmrtake")
    path.with_suffix(".avi").write_bytes(b"film")
    removed: list[Path] = []
    library.removed.connect(removed.append)
    library.delete(path)
    assert removed == [path]
    assert sorted(p.name for p in trash.iterdir()) == ["a.avi", "a.hmrtake"]


def test_where_there_is_no_trash_nothing_is_deleted(main_loop: MainLoop, tmp_path: Path) -> None:
    library = TakeLibrary(main_loop, lambda path: False)
    sentences: list[str] = []
    library.failed.connect(sentences.append)
    path = write_take(tmp_path / "a.hmrtake")
    library.delete(path)
    assert path.exists()
    assert "no trash" in sentences[0]


def test_a_name_that_is_taken_is_told(library: TakeLibrary, tmp_path: Path) -> None:
    told: list[object] = []
    library.failed.connect(told.append)
    library.renamed.connect(lambda old, new: told.append((old.name, new.name)))
    for name in ("a", "b"):
        write_take(tmp_path / f"{name}.hmrtake")
    library.rename(tmp_path / "a.hmrtake", "b")
    library.rename(tmp_path / "a.hmrtake", "c")
    assert "exists already" in str(told[0])
    assert told[1] == ("a.hmrtake", "c.hmrtake")


def test_a_damaged_take_is_repaired_beside_itself(
    library: TakeLibrary, main_loop: MainLoop, tmp_path: Path
) -> None:
    path = write_take(tmp_path / "a.hmrtake")
    data = path.read_bytes()
    path.write_bytes(data[:5000] + b"\0" + data[5001:])
    told: list[tuple[Path, str]] = []
    library.saved.connect(lambda *saved: told.append(saved))
    library.repair(path)
    main_loop.run_until(lambda: told)
    assert "1 lost" in told[0][1]
    assert read_take(told[0][0]).info["frames"] == 11


def test_a_part_is_saved_under_a_free_name_and_what_cannot_be_saved_is_told(
    library: TakeLibrary, main_loop: MainLoop, tmp_path: Path
) -> None:
    take = read_take(write_take(tmp_path / "a.hmrtake"))
    told: list[object] = []
    library.saved.connect(lambda path, _: told.append(path))
    library.failed.connect(told.append)
    for _ in range(2):
        library.save(lambda: keep_range(take, 0, 100.1), tmp_path, "part")
        count = len(told) + 1
        main_loop.run_until(lambda n=count: len(told) == n)
    assert told == [tmp_path / "part.hmrtake", tmp_path / "part_2.hmrtake"]
    library.save(lambda: keep_range(take, 0, 1), tmp_path, "nobody")
    main_loop.run_until(lambda: len(told) == 3)
    assert "Nobody is in sight" in str(told[2])
