from __future__ import annotations

import time
from dataclasses import replace

import numpy as np
import pytest
from pytestqt.qtbot import QtBot

from hmr_live.angles import ANGLE_INDEX, ANGLES, definitions_text
from hmr_live.body.model import BodyModel
from hmr_live.body.rotations import matrix_from_axis_angle
from hmr_live.core.state import Frame, FrameResult
from hmr_live_app.cli.main import main
from hmr_live_app.main_window import MainWindow
from hmr_live_app.model.angle_groups import DEFAULT_CHOICE, GROUPS
from hmr_live_app.model.angle_history import AngleHistory
from hmr_live_app.widgets.angle_table import AngleTable
from hmr_live_app.widgets.plots import AnglePlot
from hmr_live_app.widgets.theme import curve_color
from tests.app.support import body_state, table_row


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
    assert len({curve_color(group.curves[0]) for group in chosen}) == len(chosen)


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
    path = curve.getPath()
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
    with qtbot.waitSignal(table.choice_changed) as changed:
        table.itemClicked.emit(table_row(table, "Hip", "Rotation"), 0)
    assert changed.args[0] == ("hip rotation", "knee flexion")
    table.itemClicked.emit(table_row(table, "Hip", "Rotation"), 0)
    assert table.choice == ("knee flexion",)


def test_table_lists_short_names_by_joint_and_unfolds_what_is_plotted(qtbot: QtBot) -> None:
    table = AngleTable()
    qtbot.addWidget(table)
    table.choose(["knee flexion"])
    headings = [table.topLevelItem(row) for row in range(table.topLevelItemCount())]
    assert [heading.text(0) for heading in headings] == [
        *("Shoulder", "Elbow", "Wrist", "Hip", "Knee", "Ankle", "Trunk", "Neck", "Pelvis")
    ]
    knee = headings[4]
    assert [knee.child(row).text(0) for row in range(3)] == ["Flexion", "Varus", "Rotation"]
    assert [heading.text(0) for heading in headings if heading.isExpanded()] == ["Knee"]
    table.itemClicked.emit(headings[0], 0)
    assert headings[0].isExpanded()
    assert table.choice == ("knee flexion",)
    table.itemClicked.emit(headings[0], 0)
    assert not headings[0].isExpanded()


def test_table_says_how_an_angle_is_defined(qtbot: QtBot) -> None:
    table = AngleTable()
    qtbot.addWidget(table)
    tip = table_row(table, "Ankle", "Dorsiflexion").toolTip(0)
    assert "toes rise" in tip
    assert "right angle" in tip


def test_table_writes_degrees_and_dashes(qtbot: QtBot) -> None:
    table = AngleTable()
    qtbot.addWidget(table)
    angles = np.full(len(ANGLES), np.nan, np.float32)
    angles[ANGLE_INDEX["left knee varus"]] = -0.2
    table.show_values(angles)
    assert table_row(table, "Knee", "Varus").text(1) == "0°"
    assert table_row(table, "Knee", "Varus").text(2) == "–"


def turning(body: BodyModel, time: float, degrees: float) -> FrameResult:
    """Somebody who has turned to the left by so much since facing the camera."""
    found = result(body, time)
    rotmats = found.bodies[0].rotmats.copy()
    rotmats[0] = rotmats[0] @ matrix_from_axis_angle(np.radians([0, degrees, 0]))
    state = replace(found.bodies[0], rotmats=rotmats)
    return replace(found, bodies=(state,))


def test_curve_of_a_turning_person_never_jumps_and_its_end_stays_in_sight(
    qtbot: QtBot, body: BodyModel
) -> None:
    index = ANGLE_INDEX["pelvis rotation"]
    history = AngleHistory(seconds=60)
    plot = AnglePlot(history)
    qtbot.addWidget(plot)
    plot.choose(["pelvis rotation"])
    for step in range(100):
        history.add(turning(body, 0.1 * step, 9.0 * step))
        plot.refresh()
        drawn = plot.curves[index].getData()[1]
        assert abs(drawn[-1]) <= 188
        assert np.abs(np.diff(drawn)).max(initial=0) == pytest.approx(9 if step else 0, abs=0.1)
    assert history.latest()[index] == pytest.approx(9 * 99 - 2 * 360, abs=0.1)


def test_curve_that_jitters_at_half_a_turn_stays_where_it_is(qtbot: QtBot, body: BodyModel) -> None:
    index = ANGLE_INDEX["pelvis rotation"]
    history = AngleHistory(seconds=60)
    plot = AnglePlot(history)
    qtbot.addWidget(plot)
    plot.choose(["pelvis rotation"])
    ends = []
    for step, degrees in enumerate((170, 178, 183, 178, 184, 177)):
        history.add(turning(body, 0.1 * step, degrees))
        plot.refresh()
        ends.append(float(plot.curves[index].getData()[1][-1]))
    assert ends == pytest.approx([170, 178, 183, 178, 184, 177], abs=0.1)


def test_plot_is_drawn_when_the_screen_has_just_been_painted_but_not_every_time(
    window: MainWindow, qtbot: QtBot, body: BodyModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    panel = window.panel
    panel.drawing._timer.stop()  # the screen alone is to be the reason
    drawn: list[float] = []
    monkeypatch.setattr(panel.plot, "refresh", lambda: drawn.append(time.monotonic()))
    start = time.monotonic()
    while time.monotonic() - start < 0.6:
        panel.add(result(body, time.monotonic()))
        panel.drawing.on_painted()
        qtbot.wait(5)
    assert 2 <= len(drawn) <= 11
    assert np.diff(drawn).min() >= 0.058


def test_plot_is_drawn_where_no_screen_is_ever_painted(
    window: MainWindow, qtbot: QtBot, body: BodyModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    panel = window.panel
    drawn: list[int] = []
    monkeypatch.setattr(panel.plot, "refresh", lambda: drawn.append(1))
    panel.add(result(body, 0.0))
    qtbot.waitUntil(lambda: bool(drawn))


def test_command_line_prints_the_definitions(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["angles"]) == 0
    assert capsys.readouterr().out.strip() == definitions_text()
