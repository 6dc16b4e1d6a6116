from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from hmr_live.body.model import BodyModel
from hmr_live.capture.sources import VideoFile
from hmr_live.core.state import BodyState, FrameResult
from hmr_live.takes.playback import Playback
from hmr_live_app.model.takes.player import TakePlayer
from tests.app.support import CLIP, MainLoop
from tests.app.takes.cases import SIZE, write_take
from tests.engine.imports.files import amass_file
from tests.engine.takes.cases import write_take as write_foreign_take


class Viewer:
    """Remembers what a player told."""

    def __init__(self, player: TakePlayer) -> None:
        self.frames: list[tuple[FrameResult, tuple[BodyState, ...]]] = []
        self.messages: list[str] = []
        player.shown.connect(lambda *shown: self.frames.append(shown))
        player.failed.connect(self.messages.append)
        player.noted.connect(self.messages.append)


@pytest.fixture
def player(main_loop: MainLoop, body: BodyModel) -> TakePlayer:
    return TakePlayer(main_loop, lambda: body)


@pytest.fixture
def viewer(player: TakePlayer) -> Viewer:
    return Viewer(player)


def opened(player: TakePlayer, main_loop: MainLoop, path: Path) -> Playback:
    player.open(path)
    main_loop.run_until(lambda: player.curves is not None)
    assert player.playback is not None
    return player.playback


def test_a_take_opens_at_its_first_frame_with_its_angles(
    player: TakePlayer, viewer: Viewer, main_loop: MainLoop, body: BodyModel, tmp_path: Path
) -> None:
    playback = opened(player, main_loop, write_take(tmp_path / "a.hmrtake", body))
    result, ghosts = viewer.frames[-1]
    assert result.frame.size == SIZE
    assert result.frame.time == 0
    assert len(result.bodies) == 1
    assert ghosts == ()
    assert playback.duration == pytest.approx(44 / 30)
    assert player.curves is not None
    np.testing.assert_allclose(player.curves.degrees[0], result.bodies[0].angles, atol=1e-3)
    assert viewer.messages == []


def test_playing_shows_every_frame_once_and_ends(
    player: TakePlayer, viewer: Viewer, main_loop: MainLoop, body: BodyModel, tmp_path: Path
) -> None:
    playback = opened(player, main_loop, write_take(tmp_path / "a.hmrtake", body, 10))
    player.control(Playback.toggle)
    for _ in range(100):
        player.tick(0.005)
    assert [result.frame.index for result, _ in viewer.frames] == list(range(10))
    assert not playback.playing
    player.seek(0.1)
    assert viewer.frames[-1][0].frame.index == 3


def test_the_picture_of_the_video_belongs_to_the_body_over_it(
    player: TakePlayer, viewer: Viewer, main_loop: MainLoop, body: BodyModel, tmp_path: Path
) -> None:
    source = VideoFile(CLIP)
    pictures = [frame.image for _ in range(12) if (frame := source.read()) is not None]
    opened(player, main_loop, write_take(tmp_path / "a.hmrtake", body, 12, video=True))
    for number in (7, 2):
        player.seek(number / 30)
        main_loop.run_until(
            lambda n=number: viewer.frames and viewer.frames[-1][0].frame.index == n
        )
        shown = viewer.frames[-1][0]
        off = [np.abs(shown.frame.image.astype(int) - picture).mean() for picture in pictures]
        assert int(np.argmin(off)) == number
        assert len(shown.bodies) == 1
    player.close()


def test_smoothing_shows_the_raw_take_as_a_ghost_until_it_is_dropped(
    player: TakePlayer, viewer: Viewer, main_loop: MainLoop, body: BodyModel, tmp_path: Path
) -> None:
    opened(player, main_loop, write_take(tmp_path / "a.hmrtake", body))
    player.seek(0.5)
    raw = viewer.frames[-1][0].bodies[0]
    player.smooth(1.0)
    main_loop.run_until(lambda: player.raw_curves is not None)
    result, ghosts = viewer.frames[-1]
    np.testing.assert_array_equal(ghosts[0].rotmats, raw.rotmats)
    assert np.abs(result.bodies[0].rotmats - raw.rotmats).max() > 0.01
    assert player.best is player.smoothed
    player.set_compare(False)
    assert viewer.frames[-1][1] == ()
    player.drop_smoothing()
    main_loop.run_until(lambda: player.raw_curves is None)
    np.testing.assert_array_equal(viewer.frames[-1][0].bodies[0].rotmats, raw.rotmats)


def test_another_person_can_be_followed(
    player: TakePlayer, main_loop: MainLoop, body: BodyModel, tmp_path: Path
) -> None:
    opened(player, main_loop, write_take(tmp_path / "a.hmrtake", body, people=2))
    first = player.curves
    assert player.people == [0, 1]
    player.follow(1)
    main_loop.run_until(lambda: player.curves is not first)
    assert first is not None
    assert player.curves is not None
    assert np.abs(player.curves.degrees - first.degrees).max() > 5


def test_a_take_of_another_body_plays_and_says_so(
    player: TakePlayer, viewer: Viewer, main_loop: MainLoop, tmp_path: Path
) -> None:
    opened(player, main_loop, write_foreign_take(tmp_path / "a.hmrtake"))
    assert "another body model" in viewer.messages[0]
    assert len(viewer.frames[-1][0].bodies) == 1


def test_motion_of_other_programs_plays_too(
    player: TakePlayer, viewer: Viewer, main_loop: MainLoop, tmp_path: Path
) -> None:
    playback = opened(player, main_loop, amass_file(tmp_path / "walk.npz", frames=12))
    assert playback.duration == pytest.approx(11 / 120)
    assert len(viewer.frames[-1][0].bodies) == 1


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.hmrtake", b"no take at all", "is not an hmr-live take"),
        ("a.hmrtake", b"", "is empty"),
        ("a.npz", b"no archive", "is not an AMASS .npz file"),
        ("a.bvh", b"no motion", ""),
    ],
)
def test_what_cannot_be_opened_is_told_and_the_open_take_stays(
    player: TakePlayer,
    viewer: Viewer,
    main_loop: MainLoop,
    body: BodyModel,
    tmp_path: Path,
    name: str,
    content: bytes,
    message: str,
) -> None:
    good = write_take(tmp_path / "good.hmrtake", body, 5)
    opened(player, main_loop, good)
    (tmp_path / name).write_bytes(content)
    player.open(tmp_path / name)
    main_loop.run_until(lambda: viewer.messages)
    assert message in viewer.messages[0]
    assert "unexpected" not in viewer.messages[0]
    assert player.current is not None
    assert player.current.path == good


def test_a_video_that_cannot_be_read_is_told_and_the_take_plays_without(
    player: TakePlayer, viewer: Viewer, main_loop: MainLoop, body: BodyModel, tmp_path: Path
) -> None:
    path = write_take(tmp_path / "a.hmrtake", body, 6, video=True)
    path.with_suffix(".avi").write_bytes(b"no video")
    player.open(path)
    main_loop.run_until(lambda: viewer.messages and viewer.frames)
    assert "plays without it" in viewer.messages[0]
    player.seek(0.1)
    assert viewer.frames[-1][0].frame.index == 3


def test_a_take_that_is_closed_while_it_is_read_never_opens(
    player: TakePlayer, viewer: Viewer, main_loop: MainLoop, body: BodyModel, tmp_path: Path
) -> None:
    reported: list[str] = []
    player.opened.connect(lambda: reported.append("opened"))
    player.open(write_take(tmp_path / "a.hmrtake", body, 5))
    player.close()
    player.open(write_take(tmp_path / "b.hmrtake", body, 6))
    main_loop.run_until(lambda: player.curves is not None)
    while not main_loop.asked.empty():
        main_loop.asked.get()()
    assert reported == ["opened"]
    assert player.current is not None
    assert player.current.path.name == "b.hmrtake"
