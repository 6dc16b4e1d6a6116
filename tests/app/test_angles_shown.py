from __future__ import annotations

import numpy as np
import pytest
from pytestqt.qtbot import QtBot

from app.angle_groups import DEFAULT_CHOICE, GROUPS
from app.angle_history import AngleHistory
from app.angle_table import AngleTable
from app.plots import AnglePlot
from engine.angles import ANGLES
from engine.body import BodyModel
from engine.state import Frame, FrameResult
from tests.app.support import body_state


def result(body: BodyModel, time: float, *, bend: float = 0.5, seen: bool = True) -> FrameResult:
    frame = Frame(np.zeros((4, 4, 3), np.uint8), time, 0)
    return FrameResult(frame, (body_state(body, (4, 4), bend),) if seen else ())


def test_every_angle_is_in_exactly_one_group_and_sides_share_a_hue() -> None:
    indices = sorted(curve.index for group in GROUPS for curve in group.curves)
    assert indices == list(range(len(ANGLES)))
    knee = next(group for group in GROUPS if group.name == "knee flexion")
    assert [curve.side for curve in knee.curves] == ["left", "right"]
    assert {ANGLES[curve.index].name for curve in knee.curves} == {
        "left knee flexion",
        "right knee flexion",
    }


def test_default_choice_names_real_groups_of_different_colours() -> None:
    chosen = [group for group in GROUPS if group.name in DEFAULT_CHOICE]
    assert len(chosen) == len(DEFAULT_CHOICE)
    assert len({group.curves[0].color for group in chosen}) == len(chosen)


def test_history_keeps_the_last_seconds_and_forgets_the_rest(body: BodyModel) -> None:
    history = AngleHistory(seconds=1.0, capacity=50)
    for step in range(120):
        history.add(result(body, 5 + 0.04 * step))
    times, values = history.window()
    assert times[-1] == 0
    assert times[0] == pytest.approx(-1.0, abs=0.041)
    assert (np.diff(times) > 0).all()
    assert values.shape == (len(times), len(ANGLES))


def test_history_starts_anew_when_time_runs_backwards(body: BodyModel) -> None:
    history = AngleHistory()
    history.add(result(body, 100.0))
    history.add(result(body, 0.0))
    assert len(history.window()[0]) == 1


def test_nobody_in_sight_leaves_a_gap_in_the_curve(qtbot: QtBot, body: BodyModel) -> None:
    history = AngleHistory(seconds=10)
    for step in range(20):
        history.add(result(body, 0.1 * step, seen=not 8 <= step < 12))
    plot = AnglePlot(history)
    qtbot.addWidget(plot)
    plot.choose(["knee flexion"])
    curve = next(iter(plot.curves.values()))
    path = curve.curve.getPath()
    moves = sum(path.elementAt(i).isMoveTo() for i in range(path.elementCount()))
    drawn = {round(path.elementAt(i).x, 3) for i in range(path.elementCount())}
    assert moves >= 2
    connected = [
        (path.elementAt(i - 1).x, path.elementAt(i).x)
        for i in range(1, path.elementCount())
        if path.elementAt(i).isLineTo()
    ]
    assert not any(-1.15 < end < -0.75 for _, end in connected)
    assert -1.9 in drawn


def test_table_toggles_what_is_plotted_and_reports_it(qtbot: QtBot) -> None:
    table = AngleTable()
    qtbot.addWidget(table)
    table.choose(["knee flexion"])
    first = table.topLevelItem(0)
    with qtbot.waitSignal(table.choice_changed) as changed:
        table.itemClicked.emit(first, 0)
    assert set(changed.args[0]) == {"knee flexion", GROUPS[0].name}
    table.itemClicked.emit(first, 0)
    assert table.choice == ("knee flexion",)


def test_table_writes_degrees_and_dashes(qtbot: QtBot, body: BodyModel) -> None:
    table = AngleTable()
    qtbot.addWidget(table)
    angles = np.full(len(ANGLES), np.nan, np.float32)
    angles[0] = -0.2
    table.show_values(angles)
    assert table.topLevelItem(0).text(1) == "0°"
    assert table.topLevelItem(0).text(2) == "–"
