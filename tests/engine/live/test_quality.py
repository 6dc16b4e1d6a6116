import numpy as np
import pytest

from hmr_live.live.quality import Load, QualityGovernor, QualityReduction

LOOKS_A_SECOND = 4


class Machine:
    """A machine on which a frame takes so long, less with each measure that is taken."""

    def __init__(self, governor, drawing_ms, recovery_ms, savings, source_fps=30.0):
        self.governor = governor
        self.drawing_ms, self.recovery_ms = drawing_ms, recovery_ms
        self.savings = savings
        self.source_fps = source_fps
        self.now = 0.0
        self.changes = []

    def run(self, seconds, noise=0.0):
        rng = np.random.default_rng(0)
        for _ in range(int(seconds * LOOKS_A_SECOND)):
            self.now += 1 / LOOKS_A_SECOND
            work = self.drawing_ms + self.recovery_ms
            work -= sum(self.savings[reduction] for reduction in self.governor.reductions)
            frame_ms = max(work, 1000 / self.source_fps) * (1 + noise * rng.standard_normal())
            load = Load(frame_ms, self.source_fps, self.recovery_ms, self.drawing_ms)
            if self.governor.update(load, self.now):
                self.changes.append((self.now, self.governor.reductions))
        return self


SAVINGS = {QualityReduction.PLOTS: 4, QualityReduction.DRAWING: 10, QualityReduction.INFERENCE: 8}


def test_a_fast_machine_keeps_full_quality():
    assert Machine(QualityGovernor(), 10, 15, SAVINGS).run(120, noise=0.02).changes == []


def test_a_slow_machine_takes_reductions_until_the_target_is_met():
    machine = Machine(QualityGovernor(), 28, 20, SAVINGS).run(15)
    assert machine.governor.reductions == (QualityReduction.PLOTS, QualityReduction.DRAWING)


def test_what_takes_the_time_is_done_without_first():
    machine = Machine(QualityGovernor(), 20, 25, SAVINGS).run(15)
    assert machine.governor.reductions[:2] == (QualityReduction.PLOTS, QualityReduction.INFERENCE)


def test_where_nothing_helps_all_reductions_are_taken_and_kept():
    machine = Machine(QualityGovernor(), 300, 20, SAVINGS).run(120)
    assert set(machine.governor.reductions) == set(QualityReduction)
    assert len(machine.changes) == 3


def test_quality_comes_back_when_the_machine_is_free_again():
    machine = Machine(QualityGovernor(), 28, 20, SAVINGS).run(20)
    machine.drawing_ms = 8
    assert machine.run(60).governor.reductions == ()


def test_trials_become_rare_so_that_nothing_flickers():
    machine = Machine(QualityGovernor(), 25, 20, SAVINGS).run(600, noise=0.01)
    trials = [now for now, reductions in machine.changes if len(reductions) == 1]
    first, later = [now for now in trials if now < 300], [now for now in trials if now >= 300]
    assert 0 < len(later) <= len(first) <= 8
    assert len(machine.changes) < 24, "ten minutes on a machine that is just too slow"


@pytest.mark.parametrize("slowness", [1.04, 1.08])
def test_a_frame_time_just_above_the_target_changes_nothing(slowness):
    machine = Machine(QualityGovernor(), slowness * 1000 / 30, 0, SAVINGS)
    assert machine.run(60).changes == []


def test_a_view_that_lags_is_reduced_before_any_frame_is_predicted():
    machine = Machine(QualityGovernor(), 1.13 * 1000 / 30, 0, dict.fromkeys(QualityReduction, 0))
    assert machine.run(60).governor.reductions == (QualityReduction.PLOTS, QualityReduction.DRAWING)
    assert machine.run(60, noise=0.005).governor.reductions == (
        QualityReduction.PLOTS,
        QualityReduction.DRAWING,
    )


def test_a_moment_of_slowness_changes_nothing():
    machine = Machine(QualityGovernor(), 10, 10, SAVINGS).run(20)
    machine.drawing_ms = 90
    machine.run(1)
    machine.drawing_ms = 10
    assert machine.run(20).changes == []


def test_a_slow_source_is_no_slow_machine():
    machine = Machine(QualityGovernor(), 10, 10, SAVINGS, source_fps=12.0)
    assert machine.run(60).changes == []


def test_a_fast_source_need_not_be_shown_faster_than_the_target():
    machine = Machine(QualityGovernor(), 20, 10, SAVINGS, source_fps=60.0)
    assert machine.run(60).changes == []


def test_while_no_frames_come_nothing_is_concluded():
    governor = QualityGovernor()
    slow = Load(90, 30, 40, 40)
    governor.update(slow, 0.0)
    governor.update(slow, 1.4)
    governor.pause()
    assert not governor.update(slow, 60.0)
    assert governor.reductions == ()


def test_reset_means_full_quality():
    machine = Machine(QualityGovernor(), 300, 20, SAVINGS).run(30)
    machine.governor.reset()
    assert machine.governor.reductions == ()
