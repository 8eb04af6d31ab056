"""Clocks of single chips: what is written, what the chips do, and how they are judged."""

import asyncio
from dataclasses import replace

import pytest

from luxminer.device.contract import DeviceOptions, SetsChipClock
from luxminer.errors import ConfigError, DeviceFault
from luxminer_drivers.bm13xx.facts import Family
from luxminer_drivers.bm13xx.plan import Plan
from luxminer_drivers.bm13xx.pll import choose_pll
from luxminer_drivers.bm13xx.steps import Settings, expand
from luxminer_drivers.bm1387.device import PLAN as BM1387
from luxminer_drivers.bm1397.device import PLAN as BM1397
from luxminer_hil.chipsim.faults import Fault, FaultKind, FaultPlan
from tests.unit.drivers.virtual_rig import SPECS, Rig, running
from tests.unit.drivers.warp import warped

ABLE = sorted(name for name, (_, model) in SPECS.items() if model.sets_chips)


def test_the_sticks_whose_chips_can_be_told_apart_are_those_of_the_reference() -> None:
    assert ABLE == ["compacf", "newpac", "r606", "r909"]


@pytest.mark.parametrize(
    ("plan", "chips", "plls", "frames"),
    [
        (BM1387, 2, {1: 318.75}, ["4809800c0066024100"]),
        (BM1387, 12, {4: 50.0, 8: 75.0}, ["4809540c001002411b", "4809a80c001802411c"]),
        (
            BM1397,
            6,
            {2: 200.0},
            [*["55aa410954700f0f0f0005"] * 2, *["55aa4109540840a002250a"] * 2],
        ),
    ],
)
def test_only_the_chips_that_are_meant_are_written(
    plan: Plan, chips: int, plls: dict[int, float], frames: list[str]
) -> None:
    kind: Family = plan.kind
    base = choose_pll(kind.pll, 300)
    settings = Settings(
        chips=chips,
        pll=base,
        chip_plls={chip: choose_pll(kind.pll, mhz) for chip, mhz in plls.items()},
        ticket_difficulty=1,
    )
    sent = [action.data.hex() for action in expand(kind, plan.chip_clock, settings)]
    assert [frame[:-2] for frame in sent] == [frame[:-2] for frame in frames]
    if chips != 2:
        assert sent == frames, "recorded frames, check sums included"


@warped
async def test_zeros_for_chips_that_there_are_not_mean_nothing() -> None:
    rig = Rig("newpac")
    rig.options = replace(rig.options, chip_mhz=(0.0, 200.0, 0.0))
    async with rig.stick:
        await rig.open()
        await rig.until(lambda: rig.host.reports, 30, "a report")
        assert not rig.host.reports[-1].problem
        await rig.close()


def _able(rig: Rig) -> SetsChipClock:
    device: object = rig.device
    assert isinstance(device, SetsChipClock)
    return device


async def _clocks(rig: Rig, wanted: list[float], limit_s: float = 300.0) -> None:
    def are_right() -> bool:
        real = [chip.mhz for chip in rig.stick.counters().chips]
        said = [chip.frequency_mhz for chip in rig.host.reports[-1].chips]
        return real == wanted == said and not rig.host.reports[-1].is_ramping

    await rig.until(lambda: rig.host.reports and are_right(), limit_s, f"{wanted}")


@pytest.mark.slow
@pytest.mark.parametrize("name", ABLE)
@warped
async def test_a_chip_follows_its_own_clock_and_returns_to_that_of_the_stick(name: str) -> None:
    async with running(name) as rig:
        await rig.until(lambda: rig.host.reports, 30, "bring-up")
        device, mhz = _able(rig), rig.model.frequency_mhz
        count = len(rig.host.reports[-1].chips)
        own = mhz + 25.0
        assert await device.set_chip_frequency(count - 1, own) == own
        await _clocks(rig, [*[mhz] * (count - 1), own])
        rated_hs = rig.model.hashes_per_clock * (mhz * count + 25.0) * 1e6 * float(rig.scale)
        assert rig.host.reports[-1].nominal_hs == pytest.approx(rated_hs)
        await rig.shares(40)
        assert await device.set_chip_frequency(count - 1, 0) == mhz
        await _clocks(rig, [mhz] * count)
        assert rig.device is not None
        assert await rig.device.set_frequency(mhz - 25.0) == mhz - 25.0
        await _clocks(rig, [mhz - 25.0] * count)
        await rig.shares(20)
        rig.check_books()


@pytest.mark.slow
@warped
async def test_where_each_chip_has_its_own_clock_that_of_the_stick_is_their_mean() -> None:
    rig = Rig("newpac")
    rig.options = DeviceOptions(
        model=rig.model, frequency_mhz=100, scale=rig.options.scale, chip_mhz=(150.0, 125.0)
    )
    async with rig.stick:
        await rig.open()
        await _clocks(rig, [150.0, 125.0])
        assert rig.device is not None
        for mhz in (50.0, 900.0, 200.0):
            assert await rig.device.set_frequency(mhz) == 137.5
            await asyncio.sleep(120)
            await _clocks(rig, [150.0, 125.0], 1.0)
            report = rig.host.reports[-1]
            assert (report.frequency_mhz, report.target_mhz) == (137.5, 137.5)
            assert report.limit_mhz is None
            rated_hs = rig.model.hashes_per_clock * 275e6 * float(rig.scale)
            assert report.nominal_hs == pytest.approx(rated_hs)
        assert await _able(rig).set_chip_frequency(1, 0) == 200, "the last order is for it"
        await _clocks(rig, [150.0, 200.0])
        report = rig.host.reports[-1]
        assert (report.frequency_mhz, report.target_mhz) == (200, 200)
        await _able(rig).set_chip_frequency(1, 100)
        await _clocks(rig, [150.0, 100.0])
        assert rig.host.reports[-1].frequency_mhz == rig.host.reports[-1].target_mhz == 125
        await rig.close()


@pytest.mark.slow
@warped
async def test_clocks_of_the_configuration_are_there_after_each_start() -> None:
    rig = Rig("newpac")
    rig.options = DeviceOptions(
        model=rig.model, frequency_mhz=100, scale=rig.options.scale, chip_mhz=(0.0, 75.0)
    )
    async with rig.stick:
        for _ in range(2):
            await rig.open()
            await _clocks(rig, [100.0, 75.0])
            await rig.shares(10)
            await rig.close()
        rig.check_books()


@pytest.mark.slow
@warped
async def test_a_chip_that_restarts_by_itself_is_noticed_although_others_have_its_clock() -> None:
    faults = FaultPlan([Fault(kind=FaultKind.BROWN_OUT, from_s=400.0)])
    rig = Rig("newpac", faults=faults)
    rig.options = DeviceOptions(
        model=rig.model, frequency_mhz=112.5, scale=rig.options.scale, chip_mhz=(100.0,)
    )
    async with rig.stick:
        await rig.open()
        await _clocks(rig, [100.0, 112.5])
        assert rig.task is not None
        await asyncio.wait({rig.task}, timeout=900)
        assert isinstance(await rig.close(), DeviceFault)


@pytest.mark.slow
@warped
async def test_slow_chips_are_no_failed_ones() -> None:
    """One at a tenth of the clock of the others finds a tenth, and nobody complains."""
    rig = Rig("r606")
    rig.options = DeviceOptions(
        model=rig.model, frequency_mhz=550, scale=rig.options.scale, chip_mhz=(0.0, 56.25)
    )
    async with rig.stick:
        await rig.open()
        await _clocks(rig, [550.0, 56.25, *[550.0] * 10])
        before = rig.host.reports[-1].chips
        await asyncio.sleep(240)
        assert rig.task is not None
        assert not rig.task.done()
        report = rig.host.reports[-1]
        fast, slow, *_ = (
            now.nonces - old.nonces for now, old in zip(report.chips, before, strict=True)
        )
        assert 0.01 < slow / fast < 0.35
        assert (report.problem, report.limit_mhz) == ("", None)
        await rig.close()


@warped
async def test_what_cannot_be_is_refused_with_the_cure() -> None:
    async with running("2pac") as rig:
        device = _able(rig)
        with pytest.raises(ConfigError, match=r"chips of a .*2Pac all have one clock; set the"):
            await device.set_chip_frequency(0, 150)
    async with running("newpac") as rig:
        device = _able(rig)
        with pytest.raises(ConfigError, match=r"no chip 2; they count from 0 to 1"):
            await device.set_chip_frequency(2, 150)
        with pytest.raises(ConfigError, match=r"1000 MHz is out of range .* give 50 to 900"):
            await device.set_chip_frequency(0, 1000)


@warped
async def test_a_clock_for_a_chip_that_does_not_answer_is_said() -> None:
    rig = Rig("r909", chips=4)
    rig.options = DeviceOptions(
        model=rig.model, frequency_mhz=400, scale=rig.options.scale, chip_mhz=(*(0.0,) * 5, 300.0)
    )
    async with rig.stick:
        await rig.open()
        await rig.until(lambda: rig.host.reports, 30, "bring-up")
        assert "names chip 5, and the last one is 3" in rig.host.reports[-1].problem
        await rig.close()
