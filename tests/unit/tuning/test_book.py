"""The list of profiles: names, estimates, and which one is in force."""

from dataclasses import replace

import pytest

from luxminer.device.state import DeviceState
from luxminer.device.wishes import Wish
from luxminer.tuning.book import ProfileBook
from luxminer.tuning.estimate import power_now_w
from luxminer.tuning.ladder import STEPS_DOWN, STEPS_UP
from luxminer.tuning.profile import Profile
from luxminer.tuning.results import Result, Results, Stage
from luxminer.tuning.search import Goal, Setting
from tests.unit.tuning.scripted import CORE, MODEL, ScriptedStick
from tests.unit.tuning.stick_twin import StickTwin


def stick(number: int = 0, mhz: float = 150.0, **changes: object) -> DeviceState:
    model = replace(MODEL, core=CORE) if changes.pop("core", False) else MODEL
    state = ScriptedStick(number, StickTwin(edge_mhz=300), model, frequency_mhz=mhz).state()
    values = {"chips": 2, "hashes_per_clock": 55.0, "joules_per_gh": 0.5, "scale": 0.25}
    return replace(state, **values | changes)  # type: ignore[arg-type]  # a test's own values


def profile(name: str = "default", results: Results | None = None) -> Profile:
    return Profile(name, results or Results(), 2.0)


def tuned(*states: DeviceState) -> Results:
    results = Results()
    for state in states:
        result = Result(
            model=state.model,
            goal=Goal.RATE,
            max_hw_error_percent=2.0,
            setting=Setting(mhz=200.0),
            rate_hs=1.0,
            wrong_part=0.01,
            power_w=None,
            stage=Stage.FINAL,
            wall_s=0.0,
        )
        results.put(state.identity, result)
    return results


def test_sticks_alike_have_the_clocks_for_names() -> None:
    rows = ProfileBook(profile(), [stick(0), stick(1)]).rows()
    assert [row.step for row in rows] == list(range(-STEPS_DOWN, STEPS_UP + 1))
    by_step = {row.step: row for row in rows}
    assert by_step[0].name == "default"
    assert (by_step[1].name, by_step[1].order, by_step[1].mhz) == ("156.25MHz", "+1", 156.25)
    assert by_step[0].rate_hs == pytest.approx(2 * 2 * 55 * 150e6 * 0.25)
    assert by_step[0].power_w == pytest.approx(2 * 2 * 55 * 150e6 / 1e9 * 0.5), "of real sticks"


def test_sticks_that_differ_have_steps_for_names() -> None:
    rows = {row.step: row for row in ProfileBook(profile(), [stick(0), stick(1, 300.0)]).rows()}
    assert [rows[step].name for step in (-1, 0, 1)] == ["-1", "default", "+1"]
    assert rows[0].mhz == 225.0
    assert len({row.name for row in rows.values()}) == len(rows)


@pytest.mark.parametrize("name", ["default", "+1", "+8", "-16", "tuned"])
@pytest.mark.parametrize("states", [[], [stick(0)], [stick(0), stick(1, 390.0)]])
def test_the_profile_in_force_is_always_one_of_the_list(
    name: str, states: list[DeviceState]
) -> None:
    book = ProfileBook(profile(name), states)
    names = {row.name for row in book.rows()}
    assert book.name in names
    assert {book.name_of(state) for state in states} <= names


def test_a_stick_with_an_order_is_named_by_its_clock() -> None:
    ordered = stick(0, has_order=True, target_mhz=162.5)
    assert ProfileBook(profile("-1"), [ordered]).name_of(ordered) == "162.5MHz"
    between = stick(0, has_order=True, target_mhz=163.0)
    assert ProfileBook(profile("-1"), [between]).name_of(between) == "143.75MHz"


def test_tuned_is_listed_when_there_is_a_result() -> None:
    one, other = stick(0), stick(1)
    assert "tuned" not in {row.name for row in ProfileBook(profile(), [one, other]).rows()}
    for results, is_tuned, mhz in ((tuned(one), False, 175.0), (tuned(one, other), True, 200.0)):
        book = ProfileBook(profile(results=results), [one, other])
        (row,) = (row for row in book.rows() if row.name == "tuned")
        assert (row.is_tuned, row.mhz, row.step) == (is_tuned, mhz, None)


def test_the_core_voltage_is_shown_where_something_sets_it() -> None:
    assert {row.core_v for row in ProfileBook(profile(), [stick(0)]).rows()} == {None}
    with_core = ProfileBook(profile(), [stick(0, core=True)]).rows()
    assert {row.core_v for row in with_core} == {CORE.default_mv / 1000}


def test_power_is_measured_else_estimated_else_nothing() -> None:
    state = stick(0)
    assert state.report is not None
    up = replace(state, brought_up_s=1.0, report=replace(state.report, nominal_hs=2.5e9))
    watts, is_measured = power_now_w(up)
    assert watts == pytest.approx(5.0)
    assert not is_measured
    metered = replace(up, report=replace(state.report, power_w=4.5))
    assert power_now_w(metered) == (4.5, True)
    assert power_now_w(replace(metered, brought_up_s=None)) == (0.0, False)
    assert power_now_w(replace(up, joules_per_gh=0.0)) == (0.0, False)


def test_what_a_profile_says_is_what_its_row_shows() -> None:
    state = stick(0)
    for row in ProfileBook(profile(results=tuned(state)), [state]).rows():
        wish = profile(row.order, tuned(state)).wish_of(state)
        assert (wish if wish != Wish() else Wish(mhz=150.0)) == Wish(mhz=row.mhz)
