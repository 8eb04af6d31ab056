"""A1 and A2 whose temperature nobody knows: never faster, then slow, said with the cure."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from dataclasses import replace

import pytest

from luxminer.errors import DeviceFault, Overheated
from luxminer_drivers.bm13xx.controller import FAULT_MISSES, MAX_MISSES
from tests.unit.drivers.virtual_rig import Rig, running
from tests.unit.drivers.warp import warped

LINES: dict[str, Callable[[bytes], bytes]] = {
    "silent": lambda _: b"",
    "short": lambda answer: answer[:4],
    "without a temperature": lambda answer: answer[:4] + bytes(len(answer[4:])),
}
POLL_S = 1.3
"""Longest distance of two readings."""
CURE = "unplug the stick and plug it in again"


class Line:
    """What becomes of the controller's answers."""

    def __init__(self, rig: Rig, state: str = "") -> None:
        assert rig.stick.telemetry is not None
        self.state = state
        self._feed = rig.stick.telemetry.feed
        rig.stick.telemetry.feed = self.feed  # type: ignore[method-assign]

    def feed(self, data: bytes) -> bytes:
        answer = self._feed(data)
        return LINES[self.state](answer) if self.state else answer


@contextlib.asynccontextmanager
async def started(
    name: str, mhz: float, state: str, limit_mhz: float | None = None
) -> AsyncIterator[tuple[Rig, Line]]:
    """Start a stick whose controller is not right from the beginning."""
    rig = Rig(name, mhz=mhz)
    rig.options = replace(rig.options, limit_mhz=limit_mhz)
    async with rig.stick:
        line = Line(rig, state)
        await rig.open()
        await rig.until(lambda: rig.host.reports, 60, "bring-up")
        yield rig, line
        await rig.close()


@pytest.mark.slow
@pytest.mark.parametrize("state", LINES)
@warped
async def test_a_controller_that_falls_silent_takes_the_clock_down_and_is_a_fault(
    state: str, caplog: pytest.LogCaptureFixture
) -> None:
    async with running("compaca1", mhz=500) as rig:
        telemetry = rig.stick.telemetry
        assert telemetry is not None
        line = Line(rig)
        telemetry.ambient_c = 20.0
        await rig.until(
            lambda: rig.host.reports and rig.host.reports[-1].frequency_mhz == 500, 200, "500 MHz"
        )
        telemetry.ambient_c = 27.0
        await rig.until(lambda: rig.host.reports[-1].limit_mhz, 60, "a step down")
        line.state = state
        silent = len(rig.host.reports)
        await rig.until(lambda: rig.host.reports[-1].problem, MAX_MISSES * POLL_S + 2, "a problem")
        assert CURE in rig.host.reports[-1].problem
        assert "100 MHz" in rig.host.reports[-1].problem
        assert rig.host.reports[-1].limit_mhz == 100
        telemetry.ambient_c = 45.0
        await rig.until(lambda: rig.host.reports[-1].frequency_mhz == 100, 200, "the safe clock")
        clocks = [report.frequency_mhz for report in rig.host.reports[silent:]]
        assert clocks == sorted(clocks, reverse=True), "step by step, and never up"
        assert all(report.target_mhz == 500 for report in rig.host.reports)
        assert rig.task is not None
        await asyncio.wait({rig.task}, timeout=FAULT_MISSES * POLL_S)
        fault = await rig.close()
        assert isinstance(fault, DeviceFault)
        assert "no temperature" in str(fault)
        assert CURE in str(fault)
        assert rig.host.reports[-1].limit_mhz == 100, "it starts with that again"
        assert not telemetry.is_regulator_on
    assert caplog.text.count("tells no temperature any more") == 1


@pytest.mark.slow
@warped
async def test_some_readings_without_an_answer_change_nothing() -> None:
    async with running("compaca2", mhz=350) as rig:
        line = Line(rig)
        await rig.until(
            lambda: rig.host.reports and rig.host.reports[-1].frequency_mhz == 350, 200, "350 MHz"
        )
        for _ in range(5):
            line.state = "silent"
            await asyncio.sleep((MAX_MISSES - 2) * 1.2)
            line.state = ""
            await asyncio.sleep(3.0)
        assert all(report.limit_mhz is None for report in rig.host.reports)
        assert not any(report.problem for report in rig.host.reports)
        assert rig.host.reports[-1].frequency_mhz == 350


@pytest.mark.slow
@warped
async def test_a_clock_on_its_way_up_stays_where_it_is_while_nothing_is_told() -> None:
    async with running("compaca1", mhz=400) as rig:
        line = Line(rig)
        await rig.until(
            lambda: rig.host.reports and rig.host.reports[-1].frequency_mhz > 320, 60, "a ramp"
        )
        line.state = "silent"
        await asyncio.sleep(4 * POLL_S)
        held_mhz = rig.host.reports[-1].frequency_mhz
        await asyncio.sleep(3 * POLL_S)
        assert rig.host.reports[-1].frequency_mhz == held_mhz < 400
        line.state = ""
        await rig.until(lambda: rig.host.reports[-1].frequency_mhz == 400, 60, "the target")


@pytest.mark.slow
@pytest.mark.parametrize("state", LINES)
@pytest.mark.parametrize(("limit_mhz", "most_mhz"), [(None, 300.0), (570.0, 100.0)])
@warped
async def test_a_start_without_a_temperature_is_slow_and_says_why(
    state: str, limit_mhz: float | None, most_mhz: float
) -> None:
    """Slowest where protection was at work when the stick ran before."""
    async with started("compaca1", 600, state, limit_mhz) as (rig, _):
        await asyncio.sleep(60)
        report = rig.host.reports[-1]
        assert report.frequency_mhz <= 300
        assert report.limit_mhz == most_mhz
        assert report.target_mhz == 600
        assert f"{most_mhz:g} MHz at most" in report.problem
        assert CURE in report.problem


@pytest.mark.slow
@warped
async def test_an_order_does_not_lift_it_and_an_answer_does() -> None:
    async with started("compaca2", 350, "silent") as (rig, line):
        assert rig.device is not None
        await rig.device.set_frequency(400)
        await asyncio.sleep(120)
        assert max(report.frequency_mhz for report in rig.host.reports) == 300
        line.state = ""
        await rig.until(lambda: rig.host.reports[-1].frequency_mhz == 400, 200, "the order")
        assert rig.host.reports[-1].problem == ""
        assert rig.host.reports[-1].temperature_c is not None


@pytest.mark.slow
@warped
async def test_a_port_without_the_second_channel_is_no_way_to_run_fast() -> None:
    async with running("compaca1", has_board=False, mhz=600) as rig:
        await rig.until(lambda: rig.host.reports, 60, "bring-up")
        await asyncio.sleep(120)
        report = rig.host.reports[-1]
        assert (report.frequency_mhz, report.limit_mhz, report.target_mhz) == (300, 300, 600)
        assert "open it by its USB path" in report.problem


@pytest.mark.slow
@warped
async def test_a_stick_that_was_too_hot_and_tells_nothing_any_more_stays_slow() -> None:
    rig = Rig("compaca1", mhz=600)
    async with rig.stick:
        telemetry = rig.stick.telemetry
        assert telemetry is not None
        await rig.open()
        await rig.shares(5)
        telemetry.ambient_c = 120.0
        assert rig.task is not None
        await asyncio.wait({rig.task}, timeout=60)
        assert isinstance(await rig.close(), Overheated)
        telemetry.ambient_c = 45.0
        Line(rig, "silent")
        rig.options = replace(rig.options, limit_mhz=570.0)
        rig.host.reports.clear()
        await rig.open()
        await rig.until(lambda: rig.host.reports, 60, "bring-up")
        await asyncio.sleep(600)
        assert rig.host.reports[-1].frequency_mhz == 100
        assert telemetry.temperature_c < 85
        await rig.close()
