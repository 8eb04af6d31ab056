"""Whatever a stick goes through, only nonces and time at the setting count, each once."""

from dataclasses import dataclass, replace
from fractions import Fraction
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from luxminer.device.state import DeviceState
from luxminer.tuning.measurement import (
    EARLY_CLAIMS,
    EARLY_S,
    MAX_SETTLING_S,
    MAX_STARTS,
    Measurement,
    Sample,
)
from luxminer.tuning.search import Evidence, Setting
from tests.unit.tuning.scripted import ScriptedStick
from tests.unit.tuning.stick_twin import StickTwin

SETTLE_S = 10.0
SETTING = Setting(mhz=150.0)
RUNNING = replace(ScriptedStick(0, StickTwin(edge_mhz=240.0)).state(), brought_up_s=0.0)
assert RUNNING.report is not None
AT_SETTING = replace(RUNNING.report, frequency_mhz=150.0, target_mhz=150.0, is_ramping=False)
AT_SETTING = replace(AT_SETTING, nominal_hs=2.0**32 * 4, ticket_difficulty=2.0, power_w=3.0)
GOOD = replace(RUNNING, report=AT_SETTING)


def changed(**changes: object) -> DeviceState:
    return replace(GOOD, report=replace(AT_SETTING, **changes))  # type: ignore[arg-type]


STATES = {
    "at it": GOOD,
    "elsewhere": changed(target_mhz=156.25, frequency_mhz=156.25),
    "ramping": changed(frequency_mhz=140.0, is_ramping=True),
    "down": replace(GOOD, brought_up_s=None),
    "pulled": replace(GOOD, brought_up_s=None, present=False),
    "switched off": replace(GOOD, brought_up_s=None, enabled=False),
    "started anew": replace(GOOD, brought_up_s=1.0),
    "silent": replace(GOOD, report=None),
}


@dataclass(frozen=True)
class Step:
    passed_s: float
    state: str
    right: int
    wrong: int
    has_work: bool


STEPS = st.lists(
    st.builds(
        Step,
        passed_s=st.floats(0.1, 8.0),
        state=st.sampled_from([*STATES, "at it", "at it", "at it"]),
        right=st.integers(0, 50),
        wrong=st.integers(0, 5),
        has_work=st.sampled_from([True, True, True, False]),
    ),
    max_size=60,
)


@given(STEPS)
def test_counts_are_those_of_the_time_in_force(steps: list[Step]) -> None:
    now_s, work, wrong = 100.0, Fraction(0), 0
    first = Sample(now_s=now_s, state=GOOD, work=work, hw_errors=wrong, has_work=True)
    measurement = Measurement(SETTING, first, SETTLE_S)
    # A slow twin: it keeps all samples since the last one that was not at the setting.
    unbroken: list[tuple[Sample, Step]] = []
    run = "at it"
    for step in steps:
        now_s += step.passed_s
        work += step.right * 2
        wrong += step.wrong
        state = STATES[step.state]
        sample = Sample(
            now_s=now_s, state=state, work=work, hw_errors=wrong, has_work=step.has_work
        )
        evidence = measurement.take(sample)
        if step.state not in ("at it", "started anew"):
            unbroken = []
            assert evidence is None
            continue
        if step.state != run:
            run, unbroken = step.state, []
        unbroken.append((sample, step))
        settled = [(s, made) for s, made in unbroken if s.now_s - unbroken[0][0].now_s >= SETTLE_S]
        counted = [
            made
            for (before, _), (after, made) in pairwise(settled)
            if before.has_work and after.has_work
        ]
        if not counted:
            assert evidence is None
            continue
        assert evidence is not None
        elapsed_s = sum(made.passed_s for made in counted)
        assert abs(evidence.elapsed_s - elapsed_s) < 1e-6
        assert abs(evidence.expected - elapsed_s * 2) < 1e-6
        assert evidence.right == sum(made.right for made in counted)
        assert evidence.wrong == sum(made.wrong for made in counted)
        assert evidence.power_w is not None
        assert abs(evidence.power_w - 3.0) < 1e-9
        assert not evidence.has_failed


def take(measurement: Measurement, now_s: float, state: DeviceState) -> Evidence | None:
    sample = Sample(now_s=now_s, state=state, work=Fraction(0), hw_errors=0, has_work=True)
    return measurement.take(sample)


def begin(state: DeviceState, setting: Setting = SETTING) -> Measurement:
    sample = Sample(now_s=0.0, state=state, work=Fraction(0), hw_errors=0, has_work=True)
    return Measurement(setting, sample, SETTLE_S)


def test_a_fault_at_the_setting_fails_it_and_one_before_does_not() -> None:
    evidence = take(begin(GOOD), 1.0, replace(GOOD, faults=1, brought_up_s=None))
    assert evidence is not None
    assert evidence.has_failed
    down = replace(GOOD, faults=5, brought_up_s=None)
    measurement = begin(down)
    for fault in range(1, MAX_STARTS):
        assert take(measurement, fault, replace(down, faults=5 + fault)) is None
    evidence = take(measurement, 9.0, replace(down, faults=5 + MAX_STARTS))
    assert evidence is not None
    assert evidence.has_failed
    assert not measurement.has_come_up


def test_faults_of_a_stick_that_is_pulled_are_not_those_of_the_setting() -> None:
    measurement = begin(GOOD)
    gone = replace(GOOD, present=False, brought_up_s=None)
    assert take(measurement, 1.0, replace(gone, faults=1)) is None
    assert take(measurement, 2.0, replace(GOOD, faults=1, brought_up_s=None)) is None
    assert take(measurement, 3.0, replace(GOOD, faults=1, brought_up_s=2.5)) is None
    evidence = take(measurement, 4.0, replace(GOOD, faults=2, brought_up_s=None))
    assert evidence is not None
    assert evidence.has_failed


@given(st.floats(0.5, 100.0), st.integers(0, 200), st.integers(0, 200))
def test_a_clock_that_protection_lowers_has_failed_unless_it_may_mean_the_last_one(
    passed_s: float, right: int, wrong: int
) -> None:
    measurement = begin(GOOD)
    lowered = changed(limit_mhz=140.0, frequency_mhz=140.0)
    evidence = measurement.take(
        Sample(
            now_s=passed_s,
            state=lowered,
            work=Fraction(2 * right),
            hw_errors=wrong,
            has_work=True,
        )
    )
    assert evidence is not None
    assert evidence.has_failed
    is_early = right + wrong < EARLY_CLAIMS or passed_s < EARLY_S
    assert measurement.is_doubtful == is_early


def test_a_voltage_that_is_not_there_yet_is_waited_for() -> None:
    measurement = begin(GOOD, Setting(mhz=150.0, core_mv=310))
    for now_s in range(1, 30):
        assert take(measurement, now_s, changed(core_mv=300)) is None
    for now_s in range(30, 40):
        assert take(measurement, now_s, changed(core_mv=310)) is None
    assert take(measurement, 41.0, changed(core_mv=310)) is None
    assert take(measurement, 42.0, changed(core_mv=310)) is not None


def test_a_clock_that_is_never_reached_has_failed() -> None:
    measurement = begin(GOOD)
    ramping = changed(frequency_mhz=140.0, is_ramping=True)
    assert take(measurement, MAX_SETTLING_S, ramping) is None
    assert measurement.phase == "changes from 140 MHz"
    evidence = take(measurement, MAX_SETTLING_S + 1, ramping)
    assert evidence is not None
    assert evidence.has_failed


def test_another_clock_after_a_start_is_told_again_and_one_before_is_waited_for() -> None:
    far = changed(target_mhz=156.25, frequency_mhz=156.25)
    near = changed(target_mhz=151.0, frequency_mhz=151.0)
    for first in (GOOD, replace(GOOD, brought_up_s=None)):
        measurement = begin(first)
        strayed = []
        states = ((first, far), (1.5, GOOD), (1.5, near), (1.5, GOOD), (1.5, far))
        for now_s, (start, state) in enumerate(states):
            brought_up_s = start if isinstance(start, float) else first.brought_up_s
            assert take(measurement, now_s, replace(state, brought_up_s=brought_up_s)) is None
            strayed.append(measurement.has_strayed)
        assert strayed == [False, False, True, True, True]
