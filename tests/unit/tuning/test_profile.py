"""What a stored setting must be for a stick to be set to it."""

from dataclasses import replace

import pytest

from luxminer.tuning.profile import can_run
from luxminer.tuning.search import Setting
from tests.unit.tuning.scripted import CORE, MODEL, ScriptedStick
from tests.unit.tuning.stick_twin import StickTwin

PLAIN = ScriptedStick(0, StickTwin(edge_mhz=300)).state()
SETTABLE = ScriptedStick(0, StickTwin(edge_mhz=300), replace(MODEL, core=CORE)).state()


@pytest.mark.parametrize(("mhz", "can"), [(50, True), (400, True), (49, False), (401, False)])
def test_a_clock_has_to_be_in_the_range_of_the_model(mhz: float, *, can: bool) -> None:
    assert can_run(PLAIN, Setting(mhz=mhz)) is can


@pytest.mark.parametrize(
    ("core_mv", "can"), [(300, True), (270, True), (330, True), (265, False), (500, False)]
)
def test_a_core_voltage_has_to_be_one_that_a_search_tries(core_mv: int, *, can: bool) -> None:
    assert can_run(SETTABLE, Setting(mhz=200, core_mv=core_mv)) is can


def test_a_core_voltage_is_for_sticks_where_it_can_be_set() -> None:
    assert not can_run(PLAIN, Setting(mhz=200, core_mv=300))
