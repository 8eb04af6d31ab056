"""Every product against every situation, on its virtual twin. Minutes pass in warped time."""

import asyncio
from dataclasses import replace

import pytest

from luxminer.errors import ChipsMissing, ConfigError, DeviceFault, ProbeMismatch, TransportClosed
from luxminer_hil.chipsim.faults import Direction, Fault, FaultKind, FaultPlan
from luxminer_hil.chipsim.products import MODELS as CHIPS
from luxminer_hil.memory_transport import BoardTransport
from tests.unit.drivers.virtual_rig import SPECS, Rig, running
from tests.unit.drivers.warp import warped

PRODUCTS = sorted(SPECS)
COUNTED = [name for name in PRODUCTS if SPECS[name][1].chip not in ("BM1380", "BE100")]

pytestmark = pytest.mark.slow


@pytest.mark.parametrize("name", PRODUCTS)
@warped
async def test_it_is_found_brought_up_and_mines_200_shares_without_an_error(name: str) -> None:
    async with running(name) as rig:
        await rig.until(lambda: rig.host.reports, 30, "bring-up")
        assert len(rig.host.reports[0].chips) == CHIPS[name]
        await rig.shares(200)
        rig.check_books()
        counters = rig.stick.counters()
        assert not counters.bad_frames
        assert rig.host.reports[-1].tasks_sent > 0
        assert counters.hashed > 0


@pytest.mark.parametrize("name", PRODUCTS)
@warped
async def test_the_twin_is_as_fast_as_its_driver_expects(name: str) -> None:
    async with running(name) as rig:
        await rig.until(lambda: rig.host.reports, 30, "bring-up")
        await rig.until(lambda: not rig.host.reports[-1].is_ramping, 300, "its clock")
        really_hs = sum(chip.rate_hs for chip in rig.stick.counters().chips)
        assert really_hs == pytest.approx(rig.host.reports[-1].nominal_hs, rel=1e-3)


@pytest.mark.parametrize("name", PRODUCTS)
@warped
async def test_versions_are_rolled_as_the_pool_grants(name: str) -> None:
    """In the chip, by several midstates, or from task to task, as the family can."""
    for mask in (0x1FFFE000, 0x00006000, 0):
        async with running(name, version_mask=mask) as rig:
            await rig.shares(40)
            rig.check_books()
            versions = set(rig.host.versions)
            assert all(version & ~mask == 0x20000000 & ~mask for version in versions)
            assert (len(versions) > 1) == bool(mask), versions
            if not rig.host.reports[-1].problem:
                assert rig.host.gate.total().duplicates == 0
                counters = rig.stick.counters()
                assert counters.dry_s < 0.01 * counters.uptime_s * len(counters.chips)


@pytest.mark.parametrize("name", PRODUCTS)
@warped
async def test_pulled_and_plugged_in_again_it_mines_on(name: str) -> None:
    async with running(name) as rig:
        await rig.shares(5)
        rig.stick.unplug()
        await asyncio.sleep(1)
        assert isinstance(await rig.close(), TransportClosed)
        rig.stick.replug()
        await rig.open()
        await rig.shares(20)
        rig.check_books()


@pytest.mark.parametrize("name", PRODUCTS)
@warped
async def test_started_anew_without_a_farewell_it_comes_up(name: str) -> None:
    """As after a crash of the host: the chips run on, with addresses, clock and rate set."""
    async with running(name) as rig:
        await rig.shares(5)
        assert rig.task is not None
        task, transport = rig.task, rig.transport
        assert isinstance(transport, BoardTransport)
        await transport.close()
        await asyncio.wait({task})
        await rig.open()
        await rig.shares(20)
        rig.check_books()


@pytest.mark.parametrize("name", PRODUCTS)
@warped
async def test_left_at_the_fast_rate_without_a_reset_line_it_is_brought_back(name: str) -> None:
    async with running(name, has_board=False) as rig:
        await rig.shares(5)
        assert rig.task is not None
        assert rig.transport is not None
        await rig.transport.close()
        await asyncio.wait({rig.task})
        await rig.open()
        await rig.shares(20)
        rig.check_books()


@pytest.mark.parametrize("name", PRODUCTS)
@warped
async def test_the_clock_can_be_changed_while_it_mines(name: str) -> None:
    async with running(name) as rig:
        await rig.shares(10)
        model = rig.model
        assert rig.device is not None
        for mhz in (model.min_mhz - 1, model.max_mhz + 1):
            with pytest.raises(ConfigError, match=f"is out of range for a {model.title}"):
                await rig.device.set_frequency(mhz)
        wishes = (model.frequency_mhz + 25, max(model.min_mhz, model.frequency_mhz - 25))
        for mhz in [wish for wish in wishes if model.min_mhz <= wish <= model.max_mhz]:
            set_mhz = await rig.device.set_frequency(mhz)
            assert abs(set_mhz - mhz) < 13
            await rig.until(
                lambda wanted=set_mhz: (
                    rig.host.reports[-1].frequency_mhz == wanted  # type: ignore[misc]
                ),
                120,
                f"{set_mhz} MHz",
            )
            await asyncio.sleep(0.1)  # the order may still be on the line
            for chip in rig.stick.counters().chips:
                assert chip.mhz == pytest.approx(set_mhz, abs=0.01)
            await rig.shares(20)
        rig.check_books()


@pytest.mark.parametrize("name", ["compaca1", "compaca2"])
@warped
async def test_from_clocks_between_the_usual_steps_it_comes_down_again(name: str) -> None:
    """Near their end the dividers of these chips leave gaps."""
    async with running(name, mhz=800) as rig:
        assert rig.stick.telemetry is not None
        rig.stick.telemetry.ambient_c = -30.0
        await rig.until(
            lambda: rig.host.reports and rig.host.reports[-1].frequency_mhz == 800, 300, "800 MHz"
        )
        assert rig.device is not None
        for mhz, set_mhz in ((757, 760), (300, 300)):
            assert await rig.device.set_frequency(mhz) == set_mhz
            await rig.until(
                lambda wanted=set_mhz: (
                    rig.host.reports[-1].frequency_mhz == wanted  # type: ignore[misc]
                ),
                300,
                f"{mhz} MHz",
            )
            assert not rig.host.reports[-1].is_ramping
            assert {chip.mhz for chip in rig.stick.counters().chips} == {set_mhz}


@pytest.mark.parametrize("name", PRODUCTS)
@warped
async def test_a_wrong_number_of_chips_is_said_or_refused(
    name: str, caplog: pytest.LogCaptureFixture
) -> None:
    expected = SPECS[name][1].chips
    if name not in COUNTED:
        # Nothing counts them, but two answer the detection task as one does not.
        async with running(name, chips=2) as rig:
            assert rig.task is not None
            await asyncio.wait({rig.task}, timeout=60)
            assert isinstance(await rig.close(), ProbeMismatch)
        return
    if expected < 2:
        async with running(name, chips=2) as rig:
            await rig.shares(10)
            assert len(rig.host.reports[-1].chips) == 2
            rig.check_books()
        assert bool(expected) == ("2 chips answered" in caplog.text)
        return
    async with running(name, chips=expected - 1) as rig:
        assert rig.task is not None
        await asyncio.wait({rig.task}, timeout=60)
        if rig.task.done():
            assert isinstance(rig.task.exception(), ChipsMissing)
            assert f"{expected - 1} chip" in str(rig.task.exception())
        else:
            assert f"{expected - 1} chip" in caplog.text
            await rig.shares(10)
            assert f" answered, a {rig.model.title} has {expected}" in rig.host.reports[-1].problem


@pytest.mark.parametrize("name", PRODUCTS)
@warped
async def test_garbage_on_the_line_costs_some_nonces_and_nothing_else(name: str) -> None:
    noise = Fault(kind=FaultKind.FLIP, direction=Direction.TO_HOST, probability=0.02, from_s=15.0)
    drops = replace(noise, kind=FaultKind.DROP)
    async with running(name, faults=FaultPlan([noise, drops], seed=5)) as rig:
        await rig.shares(60)
        total = rig.host.gate.total()
        assert total.balanced
        assert total.hw_errors <= total.nonces / 2
        assert rig.task is not None
        assert not rig.task.done()


@pytest.mark.parametrize("name", PRODUCTS)
@warped
async def test_a_dead_stick_is_no_stick(name: str) -> None:
    dead = [Fault(kind=FaultKind.DEAD, chip=chip) for chip in range(CHIPS[name])]
    rig = Rig(name, faults=FaultPlan(dead, seed=5))
    async with rig.stick:
        await rig.open()
        assert rig.task is not None
        await asyncio.wait({rig.task}, timeout=60)
        assert rig.task.done()
        assert isinstance(await rig.close(), ProbeMismatch | DeviceFault)
