"""Orders for single sticks in the whole service: what stands in the registers of their chips."""

import asyncio
from dataclasses import replace
from pathlib import Path

import pytest

from luxminer.config.save import Saver
from luxminer.control.sticks import (
    DisableDevice,
    EnableDevice,
    RebootDevice,
    SetFrequency,
    SetHealth,
    SetVoltage,
    StopRamp,
)
from luxminer.errors import CommandError
from luxminer.telemetry.model import DeviceStatus
from tests.integration.test_heat import is_quiet, mines, settled
from tests.integration.test_tuning import bench, until
from tests.unit.drivers.warp import warped

pytestmark = pytest.mark.slow


def saved(saver: Saver, **expected: object) -> None:
    (row,) = saver.config.devices
    assert {name: getattr(row, name) for name in expected} == expected


@warped
async def test_a_clock_is_ramped_to_and_a_ramp_is_stopped_where_it_is(tmp_path: Path) -> None:
    async with bench(tmp_path) as made:
        stick = await made.plug("compacf")
        async with made.service(tmp_path / "state") as daemon:
            at_first = await settled(daemon, stick)
            given = await daemon.bus.send(SetFrequency(device_id=0, mhz=at_first + 100))
            saved(daemon.saver, frequency_mhz=at_first + 100)
            await until(daemon, lambda _: max(stick.clocks) > at_first + 15, 120, "the ramp")
            stopped = await daemon.bus.send(StopRamp(device_id=0))
            assert isinstance(stopped, float)
            assert isinstance(given, float)
            assert at_first < stopped < given
            await until(daemon, lambda now: not now.devices[0].is_ramping, 120, "it stands")
            await asyncio.sleep(120)
            (clock,) = stick.clocks
            assert clock == pytest.approx(stopped, abs=7)
            assert daemon.hub.snapshot().devices[0].target_mhz == pytest.approx(stopped)
            await daemon.bus.send(SetFrequency(device_id=0, mhz=at_first))
            await until(daemon, lambda _: stick.clocks == {at_first}, 300, "back again")
            with pytest.raises(CommandError, match="out of range"):
                await daemon.bus.send(SetFrequency(device_id=0, mhz=5000))
            with pytest.raises(CommandError, match="no device 7"):
                await daemon.bus.send(StopRamp(device_id=7))


@warped
async def test_reboot_rest_and_leaving_alone(tmp_path: Path) -> None:
    async with bench(tmp_path) as made:
        stick = await made.plug("compac")
        async with made.service(tmp_path / "state") as daemon:
            at_first = await settled(daemon, stick)
            resets = daemon.hub.snapshot().devices[0].resets
            await daemon.bus.send(RebootDevice(device_id=0, delay_s=60))
            await is_quiet(daemon, 40)
            await until(
                daemon,
                lambda now: now.devices[0].elapsed_s > 0 and stick.clocks == {at_first},
                120,
                "it starts anew",
            )
            now = daemon.hub.snapshot()
            assert now.devices[0].resets == resets + 1
            assert "REBOOT_USER" in {event.code for event in now.events}
            await mines(daemon, 60)
            await daemon.bus.send(RebootDevice(device_id=0, delay_s=None))
            await is_quiet(daemon, 600)
            now = daemon.hub.snapshot()
            assert now.devices[0].is_shut_down
            assert now.devices[0].enabled
            assert "SHUTDOWN_USER" in {event.code for event in now.events}
            assert await daemon.bus.send(EnableDevice(device_id=0))
            await mines(daemon, 60)
            assert not daemon.hub.snapshot().devices[0].is_shut_down
            assert await daemon.bus.send(DisableDevice(device_id=0))
            saved(daemon.saver, enabled=False)
            await is_quiet(daemon, 60)
            assert not await daemon.bus.send(DisableDevice(device_id=0))
            assert await daemon.bus.send(EnableDevice(device_id=0))
            await mines(daemon, 60)
            saved(daemon.saver, enabled=True)
            assert daemon.hub.snapshot().devices[0].status is DeviceStatus.ALIVE
            with pytest.raises(CommandError, match="nothing sets the core voltage"):
                await daemon.bus.send(SetVoltage(device_id=0, core_mv=300))


@warped
async def test_a_core_voltage_is_set_and_is_there_after_a_restart(tmp_path: Path) -> None:
    async with bench(tmp_path) as made:
        stick = await made.plug("compaca1")
        board = stick.stick.telemetry
        assert board is not None
        async with made.service(tmp_path / "state") as daemon:
            await settled(daemon, stick)
            before = daemon.hub.snapshot().devices[0].core_mv
            assert before is not None
            await daemon.bus.send(SetVoltage(device_id=0, core_mv=before + 20))
            saved(daemon.saver, core_mv=before + 20)
            await until(
                daemon, lambda now: now.devices[0].core_mv == before + 20, 60, "the voltage"
            )
            assert board.core_mv == before + 20
            made.sticks[0] = replace(stick, settings=daemon.saver.config.devices[0])
        async with made.service(tmp_path / "state") as daemon:
            await settled(daemon, stick)
            assert daemon.hub.snapshot().devices[0].core_mv == board.core_mv == before + 20


@warped
async def test_the_chips_of_a_stick_are_judged_by_what_they_find(tmp_path: Path) -> None:
    async with bench(tmp_path) as made:
        stick = await made.plug("2pac")
        async with made.service(tmp_path / "state") as daemon:
            await settled(daemon, stick)
            await daemon.bus.send(SetHealth(readings=30, factor=0.3))
            now = await until(
                daemon,
                lambda now: all(chip.healthy is not None for chip in now.devices[0].chips),
                3000,
                "a verdict for each chip",
            )
            assert [chip.healthy for chip in now.devices[0].chips] == [True, True]
            assert now.health.readings == daemon.saver.config.health.readings == 30
            for chip in now.devices[0].chips:
                assert chip.verdict is not None
                assert 0.3 < chip.verdict.found / chip.verdict.expected < 3
                assert sum(chip.nonces_10m) > 0
            assert not [event for event in now.events if event.code.startswith("BOARD_")]
