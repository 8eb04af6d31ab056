"""The core voltage of A1 and A2 on virtual sticks: set, kept over a start, measured."""

from dataclasses import replace

import pytest

from luxminer.device.contract import SetsVoltage
from luxminer.errors import DeviceFault
from tests.unit.drivers.virtual_rig import SPECS, Rig, running
from tests.unit.drivers.warp import warped

DEFAULTS_MV = {"compaca1": 300, "compaca2": 270}


def voltage_of(rig: Rig) -> SetsVoltage:
    device: object = rig.device
    assert isinstance(device, SetsVoltage)
    return device


def test_models_with_a_controller_say_their_range() -> None:
    with_range = {name: model.core for name, (_, model) in SPECS.items() if model.core is not None}
    assert set(with_range) == {"compaca1", "compaca2", "terminusa1", "terminusa2"}
    for core in with_range.values():
        assert (core.min_mv, core.max_mv, core.step_mv) == (100, 500, 5)


@pytest.mark.parametrize("name", SPECS)
def test_models_say_their_finest_step(name: str) -> None:
    model = SPECS[name][1]
    assert (model.step_mhz > 0) == (model.max_mhz > model.min_mhz)


@pytest.mark.parametrize("name", DEFAULTS_MV)
@warped
async def test_a_new_voltage_reaches_the_chips(name: str) -> None:
    async with running(name) as rig:
        telemetry = rig.stick.telemetry
        assert telemetry is not None
        await rig.until(lambda: rig.host.reports, 30, "bring-up")
        assert rig.host.reports[-1].core_mv == telemetry.core_mv == DEFAULTS_MV[name]
        await voltage_of(rig).set_voltage(285)
        await rig.until(lambda: rig.host.reports[-1].core_mv == 285, 10, "a report")
        await rig.until(lambda: telemetry.core_mv == 285, 10, "the controller")
        await rig.until(lambda: rig.host.reports[-1].power_w, 10, "power is measured")
        near = pytest.approx(0.285, abs=0.005)
        await rig.until(lambda: rig.host.reports[-1].voltage_v == near, 10, "a reading")


@warped
async def test_a_stick_starts_with_what_its_owner_set() -> None:
    rig = Rig("compaca1")
    rig.options = replace(rig.options, core_mv=310)
    async with rig.stick:
        await rig.open()
        await rig.until(lambda: rig.host.reports, 30, "bring-up")
        assert rig.stick.telemetry is not None
        assert rig.stick.telemetry.core_mv == 310
        await rig.close()


@warped
async def test_without_a_controller_it_is_refused() -> None:
    async with running("compaca1", has_board=False) as rig:
        await rig.until(lambda: rig.host.reports, 30, "bring-up")
        assert rig.host.reports[-1].core_mv is None
        with pytest.raises(DeviceFault, match="controller"):
            await voltage_of(rig).set_voltage(310)
