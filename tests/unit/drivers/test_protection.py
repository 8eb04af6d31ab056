"""Errors and heat on virtual sticks: the clock goes down, the target stays, all is restored."""

import asyncio
import contextlib
from collections.abc import AsyncIterator

import pytest

from luxminer.device.contract import DeviceOptions
from luxminer.errors import DeviceFault, Overheated
from luxminer_drivers.bm1384.device import open_stick
from luxminer_drivers.bm1384.spec import SPEC
from luxminer_drivers.common.guard import QUIET_S
from luxminer_drivers.common.stick import ChainStick
from luxminer_hil.chipsim.faults import Fault, FaultKind, FaultPlan
from tests.unit.drivers.fake_chain import FakeChain
from tests.unit.drivers.fake_host import FakeHost
from tests.unit.drivers.virtual_rig import Rig, running
from tests.unit.drivers.warp import warped

WITH_SENSOR = ["compaca1", "compaca2"]

RESTORED_S = 3600.0


def check_target(rig: Rig) -> None:
    """The target was the owner's and the clock at or below it, all the time."""
    for report in rig.host.reports:
        assert report.target_mhz == rig.host.reports[0].target_mhz
        assert report.frequency_mhz <= report.target_mhz
        assert report.limit_mhz is None or report.limit_mhz < report.target_mhz


@pytest.mark.slow
@pytest.mark.parametrize("name", ["2pac", "compac"])
@warped
async def test_errors_lower_the_clock_until_they_end(
    name: str, caplog: pytest.LogCaptureFixture
) -> None:
    wrong = Fault(kind=FaultKind.CORRUPT_NONCE, probability=0.36, from_s=15.0, until_s=90.0)
    with caplog.at_level("INFO"):
        async with running(name, faults=FaultPlan([wrong], seed=5)) as rig:
            await rig.until(lambda: rig.host.reports, 30, "bring-up")
            await rig.until(lambda: rig.host.reports[-1].limit_mhz, 240, "a lower clock")
            limit_mhz = rig.host.reports[-1].limit_mhz
            await rig.until(
                lambda: rig.host.reports[-1].frequency_mhz <= limit_mhz,  # type: ignore[operator]
                200,
                "chips that follow",
            )
            await rig.until(
                lambda: rig.host.reports[-1].frequency_mhz == rig.host.reports[-1].target_mhz,
                RESTORED_S,
                "the target",
            )
            check_target(rig)
            for chip in rig.stick.counters().chips:
                assert chip.mhz == pytest.approx(rig.host.reports[-1].target_mhz, abs=0.01)
    down = [line for line in caplog.messages if " nonces are wrong: " in line]
    up = [line for line in caplog.messages if "quiet again: " in line]
    assert len(down) == len(up) > 0, "each step is said once"


@pytest.mark.slow
@warped
async def test_heat_lowers_the_clock_until_it_is_cool(caplog: pytest.LogCaptureFixture) -> None:
    async with running("compaca1") as rig:
        assert rig.stick.telemetry is not None
        await rig.shares(5)
        rig.stick.telemetry.ambient_c = 60.0
        await rig.until(lambda: rig.host.reports[-1].limit_mhz, 300, "a lower clock")
        await asyncio.sleep(300)
        assert rig.host.reports[-1].temperature_c is not None
        assert rig.host.reports[-1].temperature_c < 95
        lowest_mhz = rig.host.reports[-1].frequency_mhz
        assert lowest_mhz < rig.host.reports[-1].target_mhz
        await asyncio.sleep(2 * QUIET_S)
        assert rig.host.reports[-1].limit_mhz is not None, "it is still warm"
        rig.stick.telemetry.ambient_c = 24.0
        await rig.until(
            lambda: rig.host.reports[-1].frequency_mhz == rig.host.reports[-1].target_mhz,
            RESTORED_S,
            "the target",
        )
        check_target(rig)
        rig.check_books()
    assert " C: " in caplog.text


@pytest.mark.slow
@pytest.mark.parametrize("mhz", [700, 800])
@warped
async def test_heat_on_the_way_up_ends_the_way_up(mhz: float) -> None:
    async with running("compaca1", mhz=mhz) as rig:
        assert rig.stick.telemetry is not None
        rig.stick.telemetry.ambient_c = 20.0
        await rig.until(
            lambda: rig.host.reports and rig.host.reports[-1].limit_mhz, 300, "a lower clock"
        )
        first = len(rig.host.reports)
        highest_mhz = rig.host.reports[-1].frequency_mhz
        assert rig.host.reports[-1].limit_mhz < highest_mhz < mhz  # type: ignore[operator]
        await asyncio.sleep(250)
        for report in rig.host.reports[first:]:
            assert report.frequency_mhz <= highest_mhz
            assert report.temperature_c is not None
            assert report.temperature_c < 100
        check_target(rig)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["terminusa1", "terminusa2"])
@warped
async def test_chips_run_no_faster_than_their_link_brings_headers(name: str) -> None:
    async with running(name, mhz=800, version_mask=0x2000) as rig:
        assert rig.stick.telemetry is not None
        rig.stick.telemetry.ambient_c = -50.0
        await rig.until(lambda: rig.host.reports, 30, "bring-up")
        await asyncio.sleep(120)
        report = rig.host.reports[-1]
        assert report.limit_mhz == report.frequency_mhz < 300
        assert "use a pool that lets versions be rolled" in report.problem
        assert not report.is_ramping
        before = rig.host.gate.total()
        await rig.shares(200)
        assert rig.host.gate.total().duplicates == before.duplicates
        assert rig.host.reports[-1].limit_mhz == report.limit_mhz
        check_target(rig)
        rig.check_books()


@pytest.mark.slow
@pytest.mark.parametrize("name", WITH_SENSOR)
@warped
async def test_a_stick_that_is_far_too_hot_rests_until_it_is_cool(name: str) -> None:
    async with running(name) as rig:
        telemetry = rig.stick.telemetry
        assert telemetry is not None
        await rig.shares(5)
        assert telemetry.fan_percent == (100 if name.endswith("a2") else 0), "the A1 has none"
        telemetry.ambient_c = 100.0
        assert rig.task is not None
        await asyncio.wait({rig.task}, timeout=60)
        hot = await rig.close()
        assert isinstance(hot, Overheated)
        assert "switched off until it is below 85 C" in str(hot)
        assert not telemetry.is_regulator_on
        telemetry.ambient_c = 88.0
        await asyncio.sleep(30)
        await rig.open()
        await asyncio.wait({rig.task}, timeout=30)
        warm = await rig.close()
        assert isinstance(warm, Overheated)
        assert "rests until it is below 85 C" in str(warm)
        assert not telemetry.is_regulator_on
        telemetry.ambient_c = 24.0
        await asyncio.sleep(60)
        before = rig.host.gate.total()  # of chips that hot some nonces may have been wrong
        await rig.open()
        await rig.shares(5)
        total = rig.host.gate.total()
        assert total.balanced
        assert total.hw_errors == before.hw_errors


@warped
async def test_a_new_order_of_the_owner_ends_protection() -> None:
    wrong = Fault(kind=FaultKind.CORRUPT_NONCE, probability=0.36, from_s=15.0, until_s=120.0)
    async with running("compac", faults=FaultPlan([wrong], seed=5)) as rig:
        await rig.until(lambda: rig.host.reports, 30, "bring-up")
        await rig.until(lambda: rig.host.reports[-1].limit_mhz, 240, "a lower clock")
        await asyncio.sleep(120)
        assert rig.device is not None
        set_mhz = await rig.device.set_frequency(125.0)
        await rig.until(lambda: rig.host.reports[-1].frequency_mhz == set_mhz, 60, "the order")
        assert rig.host.reports[-1].target_mhz == set_mhz
        assert rig.host.reports[-1].limit_mhz is None


@contextlib.asynccontextmanager
async def mining(
    part: float, limit_mhz: float | None = None, slow_mhz: float = 0.0
) -> AsyncIterator[tuple[FakeHost, "asyncio.Task[None]", ChainStick]]:
    """Run a Compac at 100 MHz that finds ``part`` of what its clock should bring.

    At ``slow_mhz`` and below it finds all.
    """
    chain, host = FakeChain(), FakeHost()
    chain.clock = b""
    credit = 0.0
    counted_s = asyncio.get_running_loop().time()

    def answer(frame: bytes) -> bytes:
        nonlocal credit, counted_s
        reply = chain.answer(frame)
        if len(frame) != 64 or not reply:
            return reply
        now_s = asyncio.get_running_loop().time()
        mhz = host.reports[-1].frequency_mhz if host.reports else 100.0
        found = 1.0 if mhz <= slow_mhz else part
        ticket = frame[39] + 1
        credit = min(credit + found * (now_s - counted_s) * 55e6 * mhz / ticket / 2**32, 1.5)
        counted_s = now_s
        if credit < 1:
            return b""
        credit -= 1
        return reply

    chain.answers = answer
    model = next(model for model in SPEC.models if model.name == "compac")
    options = DeviceOptions(model=model, frequency_mhz=100.0, limit_mhz=limit_mhz)
    stick = await open_stick(chain, options)
    task = asyncio.create_task(stick.run(host))
    try:
        yield host, task, stick
    finally:
        task.cancel()
        await asyncio.wait({task})


@warped
async def test_a_rate_that_is_good_enough_changes_nothing() -> None:
    async with mining(0.7) as (host, task, _):
        await asyncio.sleep(3600)
        assert not task.done()
        assert all(report.limit_mhz is None for report in host.reports)


@warped
async def test_a_plateau_that_a_lower_clock_does_not_help_is_a_fault(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async with mining(0.5) as (host, task, _):
        await asyncio.wait({task}, timeout=3600)
        assert task.done()
        fault = task.exception()
        assert isinstance(fault, DeviceFault)
        assert "finds 50% of what its clock should bring" in str(fault)
        assert "a lower clock does not help" in str(fault)
        assert host.reports[-1].limit_mhz is None, "so it starts at its target again"
        lower = [report for report in host.reports if report.limit_mhz is not None]
        assert lower
        assert all(report.target_mhz == 100 for report in host.reports)
    assert caplog.text.count("instead of the 100 that are set") == 1


@warped
async def test_what_was_found_at_the_clock_before_does_not_lower_the_one_that_is_ordered() -> None:
    async with mining(0.3, slow_mhz=75.0) as (host, task, stick):
        await asyncio.sleep(600)  # a window takes 625 s
        assert host.reports[-1].limit_mhz is None
        assert await stick.set_frequency(75.0) == 75
        await asyncio.sleep(2000)
        assert not task.done()
        assert host.reports[-1].frequency_mhz == 75
        assert all(report.limit_mhz is None for report in host.reports)


@warped
async def test_it_goes_on_below_its_target_and_returns_to_it() -> None:
    async with mining(1.0, limit_mhz=75.0) as (host, task, _):
        await asyncio.sleep(60)
        first = host.reports[-1]
        assert (first.frequency_mhz, first.limit_mhz, first.target_mhz) == (75, 75, 100)
        await asyncio.sleep(4 * QUIET_S + 60)
        assert host.reports[-1].frequency_mhz == 100
        assert host.reports[-1].limit_mhz is None
        assert not task.done()
