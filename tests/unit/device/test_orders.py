"""Orders of owner, profile and tuner reach the driver in the right order, and never cross."""

import asyncio
from dataclasses import replace

import pytest

from luxminer.device.contract import CoreRange, DeviceOptions
from luxminer.device.orders import Orders
from luxminer.device.wishes import Wish
from luxminer.errors import CommandError, DeviceFault
from tests.unit.device.models import stick_model

CORE = CoreRange(default_mv=300, min_mv=100, max_mv=500, step_mv=5)
OPTIONS = DeviceOptions(model=replace(stick_model(), core=CORE), frequency_mhz=150.0)


class Driver:
    """What a session passes on, slowly if asked to; refuses what is in ``refused``."""

    def __init__(self) -> None:
        self.name = "stick 1"
        self.got: list[tuple[str, float]] = []
        self.refused: set[float] = set()
        self.is_slow = False

    async def set_frequency(self, mhz: float) -> float | None:
        return await self._take("mhz", mhz)

    async def set_voltage(self, core_mv: int) -> None:
        await self._take("mv", core_mv)

    async def _take(self, what: str, value: float) -> float:
        if self.is_slow:
            await asyncio.sleep(0.01)
        if value in self.refused:
            raise DeviceFault("the chips say no")
        self.got.append((what, value))
        return value


class Bench:
    def __init__(self) -> None:
        self.driver: Driver | None = Driver()
        self.lifted = 0
        self.orders = Orders(OPTIONS, lambda: self.driver, self.lift)

    def lift(self) -> None:
        self.lifted += 1

    @property
    def got(self) -> list[tuple[str, float]]:
        assert self.driver is not None
        got, self.driver.got = self.driver.got, []
        return got


async def test_more_voltage_comes_before_a_faster_clock_and_less_after_a_slower_one() -> None:
    bench = Bench()
    await bench.orders.try_out(Wish(mhz=200, core_mv=320), 0)
    assert bench.got == [("mv", 320), ("mhz", 200)]
    await bench.orders.try_out(Wish(mhz=160, core_mv=310), 0)
    assert bench.got == [("mhz", 160), ("mv", 310)]
    await bench.orders.end_trial()
    assert bench.got == [("mhz", 150), ("mv", 300)]
    assert bench.orders.wishes.trial is None
    await bench.orders.end_trial()
    assert bench.got == []


async def test_a_trial_leaves_the_target_and_an_order_ends_it() -> None:
    bench = Bench()
    await bench.orders.try_out(Wish(mhz=200, core_mv=320), 0)
    assert bench.orders.wishes.target_mhz == 150
    assert await bench.orders.set_frequency(175) == 175
    assert bench.got[2:] == [("mhz", 175), ("mv", 300)]
    assert (bench.orders.wishes.trial, bench.orders.wishes.target_mhz) == (None, 175)
    with pytest.raises(CommandError, match="another order") as refused:
        await bench.orders.try_out(Wish(mhz=210), 0)
    assert refused.value.reason == "superseded"
    assert bench.got == []
    await bench.orders.set_voltage(None)
    assert bench.orders.wishes.target_core_mv == 300
    assert bench.orders.count == 2


async def test_an_order_during_a_change_of_the_tuner_is_the_last_word() -> None:
    bench = Bench()
    assert bench.driver is not None
    bench.driver.is_slow = True
    trying = asyncio.create_task(bench.orders.try_out(Wish(mhz=200, core_mv=320), 0))
    await asyncio.sleep(0)
    ordering = asyncio.create_task(bench.orders.set_frequency(175))
    await asyncio.sleep(0)
    late = asyncio.create_task(bench.orders.try_out(Wish(mhz=210), 0))
    await asyncio.wait({trying, ordering, late})
    assert isinstance(late.exception(), CommandError)
    assert bench.got == [("mv", 320), ("mhz", 200), ("mhz", 175), ("mv", 300)]


async def test_what_the_driver_refuses_is_as_if_never_said() -> None:
    bench = Bench()
    assert bench.driver is not None
    bench.driver.refused = {200, 175}
    with pytest.raises(CommandError, match="stick 1: the chips say no"):
        await bench.orders.try_out(Wish(mhz=200, core_mv=320), 0)
    assert bench.got == [("mv", 320), ("mv", 300)]
    with pytest.raises(CommandError):
        await bench.orders.set_frequency(175)
    assert (bench.orders.wishes.clock_mhz, bench.orders.count) == (150, 0)


async def test_the_end_of_a_trial_and_a_profile_stay_for_the_next_start() -> None:
    bench = Bench()
    assert bench.driver is not None
    await bench.orders.try_out(Wish(mhz=200), 0)
    bench.driver.refused = {150, 125}
    with pytest.raises(CommandError):
        await bench.orders.end_trial()
    assert bench.orders.wishes.clock_mhz == 150
    with pytest.raises(CommandError):
        await bench.orders.set_profile(Wish(mhz=125), keep_order=False)
    assert bench.orders.wishes.clock_mhz == 125


async def test_a_profile_takes_the_place_of_an_order_unless_it_is_kept() -> None:
    bench = Bench()
    await bench.orders.set_frequency(175)
    await bench.orders.set_profile(Wish(mhz=125), keep_order=True)
    assert bench.got == [("mhz", 175)]
    await bench.orders.try_out(Wish(mhz=200), 1)
    await bench.orders.set_profile(Wish(mhz=125, core_mv=290), keep_order=False)
    assert bench.got == [("mhz", 200), ("mv", 290)]
    await bench.orders.end_trial()
    assert bench.got == [("mhz", 125)]
    assert not bench.orders.wishes.has_order


async def test_a_stick_that_is_not_there_takes_it_at_its_start() -> None:
    bench = Bench()
    bench.driver = None
    assert await bench.orders.set_frequency(175) == 175
    await bench.orders.set_voltage(310)
    assert (bench.orders.wishes.clock_mhz, bench.orders.wishes.core_mv) == (175, 310)
    assert bench.lifted == 1


@pytest.mark.parametrize("wish", [Wish(mhz=501), Wish(mhz=1), Wish(core_mv=99), Wish(core_mv=501)])
async def test_nothing_beyond_the_model_is_tried(wish: Wish) -> None:
    bench = Bench()
    with pytest.raises(CommandError, match="out of range for a GekkoScience Compac"):
        await bench.orders.try_out(wish, 0)
    assert bench.got == []


class ChipDriver(Driver):
    """Takes a clock for each chip, besides."""

    async def set_chip_frequency(self, chip: int, mhz: float) -> float | None:
        return await self._take(f"chip {chip}", mhz)


async def test_a_chip_gets_a_clock_of_its_own_where_the_stick_can() -> None:
    bench = Bench()
    with pytest.raises(CommandError, match="all have one clock") as refused:
        await bench.orders.set_chip_frequency(0, 150)
    assert refused.value.reason == "unsupported"
    driver = bench.driver = ChipDriver()
    model = replace(OPTIONS.model, sets_chips=True, chips=2)
    bench.orders.take(replace(OPTIONS, model=model))
    assert await bench.orders.set_chip_frequency(1, 175) == 175
    assert list(bench.orders.chip_mhz) == [0.0, 175]
    for chip, mhz, reason in ((2, 175, "unknown-chip"), (-1, 175, "unknown-chip")):
        with pytest.raises(CommandError) as refused:
            await bench.orders.set_chip_frequency(chip, mhz)
        assert refused.value.reason == reason
    with pytest.raises(CommandError, match="out of range"):
        await bench.orders.set_chip_frequency(0, 1e6)
    driver.refused = {160.0}
    with pytest.raises(CommandError, match="the chips say no"):
        await bench.orders.set_chip_frequency(1, 160)
    assert list(bench.orders.chip_mhz) == [0.0, 175]
    bench.driver = None
    assert await bench.orders.set_chip_frequency(1, 0) == 150, "that of the stick"
    assert list(bench.orders.chip_mhz) == [0.0, 0.0]
