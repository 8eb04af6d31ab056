"""Orders of owner, profile and tuner reach the driver in the right order, and never cross."""

import asyncio
from dataclasses import replace

import pytest

from luxminer.device.contract import CoreRange, DeviceOptions, DeviceReport
from luxminer.device.orders import LOOK_S, MAX_CORE_S, MAX_RAMP_S, Orders
from luxminer.device.wishes import Wish
from luxminer.errors import CommandError, DeviceFault
from tests.unit.device.models import stick_model
from tests.unit.drivers.warp import warped

CORE = CoreRange(default_mv=300, min_mv=100, max_mv=500, step_mv=5)
OPTIONS = DeviceOptions(model=replace(stick_model(), core=CORE), frequency_mhz=150.0)


class Driver:
    """What a session passes on, slowly if asked to; refuses what is in ``refused``."""

    def __init__(self) -> None:
        self.name = "stick 1"
        self.got: list[tuple[str, float]] = []
        self.refused: set[float] = set()
        self.is_slow = False
        self.last_report: DeviceReport | None = None

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


MHZ_PER_S = 3.0
CORE_S = 2.0
"""Until a core voltage that was told is there."""


class RampingDriver(Driver):
    """Comes to its clock and core voltage in time, and says once a second where it is."""

    def __init__(self, mhz: float, core_mv: int) -> None:
        super().__init__()
        self.mhz = self.target_mhz = mhz
        self.core_mv = self.told_mv = core_mv
        self.is_stuck = False
        self.course: list[tuple[float, int]] = []
        self._report()

    async def _take(self, what: str, value: float) -> float:
        given = await super()._take(what, value)
        if what == "mhz":
            self.target_mhz = given
        else:
            self.told_mv = int(given)
            asyncio.get_running_loop().call_later(CORE_S, self._come_to, int(given))
        return given

    def _come_to(self, core_mv: int) -> None:
        if not self.is_stuck:
            self.core_mv = core_mv

    async def run(self) -> None:
        while True:
            await asyncio.sleep(1.0)
            gap_mhz = self.target_mhz - self.mhz
            if not self.is_stuck:
                self.mhz += max(-MHZ_PER_S, min(MHZ_PER_S, gap_mhz))
            self.course.append((self.mhz, self.core_mv))
            self._report()

    def _report(self) -> None:
        self.last_report = DeviceReport(
            chips=(),
            cores_per_chip=1,
            frequency_mhz=self.mhz,
            target_mhz=self.target_mhz,
            nominal_hs=0.0,
            ticket_difficulty=1.0,
            task_interval_s=1.0,
            tasks_sent=0,
            busy_tasks_sent=0,
            bytes_discarded=0,
            resets=0,
            is_ramping=self.mhz != self.target_mhz,
            core_mv=self.core_mv,
        )


class Ramping:
    """A bench with such a driver at a trial of 200 MHz and 340 mV; its target is 150 at 300."""

    def __init__(self) -> None:
        self.bench = Bench()
        self.orders = self.bench.orders

    async def __aenter__(self) -> "Ramping":
        self.driver = self.bench.driver = RampingDriver(150.0, 300)
        self.task = asyncio.create_task(self.driver.run())
        assert await self.orders.try_out(Wish(mhz=200, core_mv=340), 0) == 200
        await asyncio.sleep(60)
        assert (self.driver.mhz, self.driver.core_mv) == (200, 340)
        self.driver.got.clear()
        return self

    async def __aexit__(self, *_: object) -> None:
        self.task.cancel()
        await asyncio.wait({self.task})
        await self.orders.end()

    def assert_never_starved(self) -> None:
        """Every clock has had the voltage of the next setting at or above it."""
        assert all(mv >= 340 for mhz, mv in self.driver.course if mhz > 150), self.driver.course


@warped
async def test_a_lower_voltage_waits_for_the_clock_and_a_faster_clock_for_the_voltage() -> None:
    async with Ramping() as ramping:
        driver, orders = ramping.driver, ramping.orders
        await orders.end_trial()
        assert driver.got == [("mhz", 150)]
        await asyncio.sleep(60)
        assert driver.got == [("mhz", 150), ("mv", 300)]
        assert (driver.mhz, driver.core_mv) == (150, 300)
        ramping.assert_never_starved()


@warped
async def test_an_order_does_not_wait_for_what_follows() -> None:
    async with Ramping() as ramping:
        loop = asyncio.get_running_loop()
        began_s = loop.time()
        assert await ramping.orders.set_frequency(175) == 175
        await ramping.orders.set_voltage(345)
        assert await ramping.orders.set_frequency(225) == 225
        await ramping.orders.set_voltage(300)
        assert loop.time() == began_s


@warped
async def test_an_order_meanwhile_takes_the_place_of_what_has_not_followed() -> None:
    async with Ramping() as ramping:
        driver, orders = ramping.driver, ramping.orders
        await orders.end_trial()
        await asyncio.sleep(5)
        await orders.set_voltage(340)
        await asyncio.sleep(60)
        assert driver.got == [("mhz", 150)], "it has that voltage still"
        await orders.set_frequency(140)
        await orders.set_voltage(350)
        assert await orders.set_frequency(200) == 200
        await orders.set_frequency(145)
        await asyncio.sleep(60)
        assert driver.got[1:] == [("mhz", 140), ("mv", 350), ("mhz", 145)]
        assert (driver.mhz, driver.core_mv) == (145, 350)


@warped
async def test_a_faster_clock_is_not_lost_when_the_profile_changes_meanwhile() -> None:
    async with Ramping() as ramping:
        driver, orders = ramping.driver, ramping.orders
        await orders.set_voltage(350)
        await orders.set_frequency(225)
        await orders.set_profile(Wish(mhz=160), keep_order=True)
        await asyncio.sleep(60)
        assert (driver.mhz, driver.core_mv) == (225, 350)


@warped
async def test_an_order_that_is_refused_changes_nothing_of_what_follows() -> None:
    async with Ramping() as ramping:
        driver, orders = ramping.driver, ramping.orders
        await orders.end_trial()
        driver.refused = {175}
        with pytest.raises(CommandError, match="the chips say no"):
            await orders.set_frequency(175)
        assert driver.got == [("mhz", 150)]
        await asyncio.sleep(60)
        assert (driver.mhz, driver.core_mv) == (150, 300)
        ramping.assert_never_starved()


async def test_a_voltage_that_nothing_can_set_refuses_no_order_for_the_clock() -> None:
    bench = Bench()
    assert bench.driver is not None
    bench.driver.refused = {320}
    with pytest.raises(CommandError, match="the chips say no"):
        await bench.orders.set_profile(Wish(mhz=175, core_mv=320), keep_order=False)
    assert await bench.orders.set_frequency(200) == 200
    assert bench.got == [("mhz", 200)]
    assert bench.orders.wishes.core_mv == 320, "for the next start"


@warped
async def test_a_clock_that_is_refused_keeps_its_voltage() -> None:
    async with Ramping() as ramping:
        driver, orders = ramping.driver, ramping.orders
        driver.refused = {150}
        with pytest.raises(CommandError, match="the chips say no"):
            await orders.end_trial()
        with pytest.raises(CommandError, match="the chips say no"):
            await orders.set_voltage(310)
        await asyncio.sleep(60)
        assert driver.got == []
        driver.refused.clear()
        await orders.set_voltage(310)
        await asyncio.sleep(60)
        assert driver.got == [("mhz", 150), ("mv", 310)]
        ramping.assert_never_starved()


@warped
async def test_with_the_session_ends_what_has_not_followed() -> None:
    async with Ramping() as ramping:
        driver, orders = ramping.driver, ramping.orders
        await orders.end_trial()
        ramping.bench.driver = None
        await asyncio.sleep(60)
        assert driver.got == [("mhz", 150)]
        again = ramping.bench.driver = RampingDriver(150.0, 300)
        await orders.set_voltage(310)
        assert again.got == [("mv", 310)]
        tried = asyncio.create_task(orders.try_out(Wish(mhz=200, core_mv=340), 1))
        await asyncio.sleep(LOOK_S)
        await orders.end()
        with pytest.raises(CommandError) as refused:
            await tried
        assert refused.value.reason == "superseded"
        assert again.got == [("mv", 310), ("mv", 340)]


@warped
async def test_waiting_has_an_end(caplog: pytest.LogCaptureFixture) -> None:
    async with Ramping() as ramping:
        driver, orders = ramping.driver, ramping.orders
        driver.is_stuck = True
        with pytest.raises(CommandError, match="higher voltage"):
            async with asyncio.timeout(MAX_CORE_S + 1):
                await orders.try_out(Wish(mhz=250, core_mv=360), 0)
        await orders.end_trial()
        await asyncio.sleep(MAX_RAMP_S + 10)
        assert driver.got == [("mv", 360), ("mhz", 150)]
        assert caplog.text.count("waits for the next start") == 2
