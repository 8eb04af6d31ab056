"""The tuner against scripted sticks in warped time: it finds, yields, goes on, and never harms."""

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import replace

import pytest

from luxminer.config.schema import TuningConfig
from luxminer.control import CommandBus, SetProfile, StartTuning, StopTuning
from luxminer.device.state import DeviceState
from luxminer.errors import CommandError
from luxminer.telemetry.model import NonceCounts, TuningSnapshot
from luxminer.tuning.keeper import SAVE_S, Keeper
from luxminer.tuning.profile import Profile
from luxminer.tuning.results import Result, Results, Stage
from luxminer.tuning.search import BAD_PART, GOOD_PART, Goal, Setting
from luxminer.tuning.tuner import MAX_DOUBTS, MAX_REFUSALS, Tuner
from luxminer_drivers.bm1384.pll import choose_pll
from tests.unit.drivers.warp import WarpClock, warped
from tests.unit.tuning.scripted import (
    CORE,
    HASHES_PER_CLOCK,
    MODEL,
    ScriptedStick,
    ScriptedSticks,
)
from tests.unit.tuning.stick_twin import StickTwin

TWIN = StickTwin(edge_mhz=240.0)
HOURS_S = 6 * 3600.0
CONFIG = TuningConfig(enabled=True)


class Bench:
    """A tuner on scripted sticks; ``results`` are those of an earlier run."""

    def __init__(
        self,
        *sticks: ScriptedStick,
        config: TuningConfig = CONFIG,
        profile: str = "default",
        results: Results | None = None,
        keeper: Keeper | None = None,
    ) -> None:
        self.sticks = ScriptedSticks(*sticks)
        self.bus = CommandBus()
        keeper = keeper or Keeper(None)
        for identity, result in (results or Results()).items():
            keeper.results.put(identity, result)
        self.results = keeper.results
        self.profile = Profile(profile, keeper.results, config.max_hw_error_percent)
        self.tuner = Tuner(
            config,
            self.profile,
            keeper,
            self.sticks,
            clock=WarpClock(),
            counts=self.counts,
            has_work=self.sticks.has_work,
            bus=self.bus,
        )
        for stick, state in zip(sticks, self.sticks.device_states(), strict=True):
            stick.orders.expect_profile(self.profile.wish_of(state))

    def counts(self, device_id: int) -> NonceCounts:
        return self.sticks.counts(device_id)

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        task = asyncio.create_task(self.tuner.run())
        try:
            yield
            assert not task.done()
        finally:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task

    def is_enabled(self) -> bool:
        return self.tuner.is_enabled

    def seen(self, device_id: int = 0) -> TuningSnapshot:
        snapshot = self.tuner.snapshot(self.sticks.device_states()[device_id])
        assert snapshot is not None
        return snapshot

    def result(self, device_id: int = 0) -> Result | None:
        state = self.sticks.device_states()[device_id]
        return self.results.get(state.identity, state.model)

    async def until_over(self, device_id: int = 0) -> Result:
        """Wait until a search has begun and ended."""
        loop = asyncio.get_running_loop()
        limit_s = loop.time() + HOURS_S
        was_tuning = False
        while not was_tuning or self.seen(device_id).is_tuning:
            was_tuning |= self.seen(device_id).is_tuning
            await asyncio.sleep(1.0)
            assert loop.time() < limit_s, self.seen(device_id)
        result = self.result(device_id)
        assert result is not None
        return result


def last(stick: ScriptedStick) -> tuple[float, int | None]:
    """Return what a stick was last set to."""
    return stick.told[-1]


def is_at_edge(result: Result, twin: StickTwin, limit: float = 0.02) -> bool:
    core_mv = result.setting.core_mv
    low = twin.clock_of(GOOD_PART * limit, core_mv) - MODEL.step_mhz
    return low - 0.5 < result.setting.mhz < twin.clock_of(BAD_PART * limit, core_mv)


@warped
async def test_a_stick_is_tuned_to_its_edge_and_its_target_is_left_alone() -> None:
    stick = ScriptedStick(0, TWIN, serial="A")
    bench = Bench(stick)
    async with bench.running():
        await asyncio.sleep(60)
        state = bench.sticks.device_states()[0]
        assert state.trial is not None
        assert (state.target_mhz, state.has_order) == (150, False)
        assert "right of" in bench.seen().progress
        result = await bench.until_over()
        assert is_at_edge(result, TWIN), result
        assert (result.stage, result.goal) == (Stage.FINAL, Goal.RATE)
        assert last(stick) == (150.0, None), "back at its target"
        shown = bench.seen()
        assert shown.result is not None
        assert (shown.result.frequency_mhz, shown.result.stage) == (result.setting.mhz, "final")
        assert (shown.progress, shown.measured) == ("", 0)
        told = len(stick.told)
        await asyncio.sleep(3600)
        assert len(stick.told) == told, "it is not tuned again"
        assert await bench.bus.send(SetProfile(profile="tuned")) == ()
        assert last(stick) == (result.setting.mhz, None)
        assert all(MODEL.min_mhz <= mhz <= MODEL.max_mhz for mhz, _ in stick.told)


@warped
async def test_it_looks_at_nothing_while_nothing_is_to_be_tuned() -> None:
    bench = Bench(ScriptedStick(0, TWIN), config=TuningConfig(enabled=False))
    async with bench.running():
        await asyncio.sleep(3600)
        assert bench.sticks.looks <= 3600 / SAVE_S + 1
        assert await bench.bus.send(StartTuning()) == (0,)
        await asyncio.sleep(5)
        assert bench.seen().is_tuning


@warped
async def test_under_profile_tuned_it_runs_at_the_result_at_once() -> None:
    stick = ScriptedStick(0, TWIN)
    bench = Bench(stick, profile="tuned")
    async with bench.running():
        result = await bench.until_over()
        assert last(stick) == (result.setting.mhz, None)
        assert bench.sticks.device_states()[0].target_mhz == result.setting.mhz


@warped
async def test_the_core_voltage_is_tuned_too_where_it_can_be_set() -> None:
    twin = StickTwin(edge_mhz=240.0, mhz_per_mv=2.0)
    stick = ScriptedStick(0, twin, replace(MODEL, core=CORE))
    blind = ScriptedStick(1, twin, replace(MODEL, core=CORE), has_controller=False)
    bench = Bench(stick, blind, profile="tuned")
    async with bench.running():
        result = await bench.until_over()
        core_mv = result.setting.core_mv
        assert core_mv is not None
        assert 315 <= core_mv <= 330
        assert is_at_edge(result, twin), result
        assert last(stick)[0] == result.setting.mhz
        assert stick.core_mv == core_mv
        without = bench.result(1)
        assert without is not None
        assert without.setting.core_mv is None


@warped
async def test_a_result_without_a_voltage_is_gone_on_from_at_the_usual_one() -> None:
    model = replace(MODEL, core=CORE)
    bench = Bench(ScriptedStick(0, TWIN, model, has_controller=False))
    async with bench.running():
        await asyncio.sleep(400)
    found = bench.result()
    assert found is not None
    assert (found.stage, found.setting.core_mv) == (Stage.UNDER_WAY, None)
    stick = ScriptedStick(0, TWIN, model)
    stick.down_s = asyncio.get_running_loop().time()
    again = Bench(stick, results=bench.results)
    async with again.running():
        await asyncio.sleep(30)
        assert last(stick) == (found.setting.mhz, CORE.default_mv)


@pytest.mark.parametrize("measures_power", [True, False])
def test_efficiency_needs_a_measured_input(*, measures_power: bool) -> None:
    @warped
    async def run() -> None:
        twin = StickTwin(edge_mhz=240.0, mhz_per_mv=1.0)
        model = replace(MODEL, core=CORE)
        stick = ScriptedStick(0, twin, model, measures_power=measures_power)
        bench = Bench(stick, config=replace(CONFIG, goal="efficiency"))
        async with bench.running():
            result = await bench.until_over()
        assert result.goal is (Goal.EFFICIENCY if measures_power else Goal.RATE)
        assert (result.power_w is not None) == measures_power

    run()


def compac(*, edge_mhz: float, frequency_mhz: float) -> ScriptedStick:
    """A stick with the dividers of a Compac, which give no 406.25 MHz, but 412.5."""
    return ScriptedStick(
        0,
        StickTwin(edge_mhz=edge_mhz, width_mhz=1.0),
        replace(MODEL, min_mhz=6.25, max_mhz=500.0),
        frequency_mhz=frequency_mhz,
        dividers=lambda mhz: choose_pll(mhz).mhz,
    )


@warped
async def test_a_clock_that_the_dividers_do_not_give_does_not_end_the_climb() -> None:
    stick = compac(edge_mhz=2000.0, frequency_mhz=156.25)
    bench = Bench(stick)
    async with bench.running():
        result = await bench.until_over()
        assert (result.setting.mhz, result.stage) == (500, Stage.FINAL)
        assert stick.faults == 0


@warped
async def test_what_is_found_is_what_the_dividers_give() -> None:
    stick = compac(edge_mhz=420.0, frequency_mhz=406.25)
    bench = Bench(stick)
    async with bench.running():
        result = await bench.until_over()
        assert result.setting.mhz == 412.5
        assert result.rate_hs > 412 * 1e6 * HASHES_PER_CLOCK


@warped
async def test_a_clock_told_while_the_stick_is_down_is_what_its_dividers_make_of_it() -> None:
    stick = compac(edge_mhz=424.0, frequency_mhz=418.75)
    bench = Bench(stick)
    async with bench.running():
        # It fails at 425 MHz, so it is down when it is told 406.25, which are 412.5.
        result = await bench.until_over()
        assert result.setting.mhz == 412.5
        assert (406.25, None) in stick.told


@warped
async def test_an_order_of_the_owner_ends_the_search_and_stays() -> None:
    stick = ScriptedStick(0, TWIN)
    bench = Bench(stick, profile="tuned")
    async with bench.running():
        await asyncio.sleep(400)
        assert bench.seen().is_tuning
        await stick.orders.set_frequency(125)
        await asyncio.sleep(3)
        assert not bench.seen().is_tuning
        result = bench.result()
        assert result is not None
        assert result.stage is Stage.STOPPED
        await asyncio.sleep(3600)
        assert last(stick) == (125.0, None)
        assert bench.sticks.device_states()[0].target_mhz == 125


@warped
async def test_a_stick_with_an_order_is_not_tuned_unasked() -> None:
    stick = ScriptedStick(0, TWIN)
    await stick.orders.set_frequency(125)
    bench = Bench(stick)
    async with bench.running():
        await asyncio.sleep(600)
        assert {mhz for mhz, _ in stick.told} == {125}
        assert await bench.bus.send(StartTuning(device_id=0)) == (0,)
        await bench.until_over()
        assert last(stick) == (125.0, None), "what its owner wants is still that"


@warped
async def test_it_is_stopped_and_started_for_one_stick_and_for_all() -> None:
    sticks = [ScriptedStick(n, TWIN) for n in range(2)]
    bench = Bench(*sticks, config=TuningConfig())
    async with bench.running():
        await asyncio.sleep(30)
        assert await bench.bus.send(StopTuning()) == ()
        assert await bench.bus.send(StartTuning()) == (0, 1)
        assert bench.is_enabled()
        await asyncio.sleep(600)
        assert await bench.bus.send(StopTuning(device_id=1)) == (1,)
        assert (bench.seen(0).is_tuning, bench.seen(1).is_tuning) == (True, False)
        assert last(sticks[1]) == (150.0, None)
        stopped = bench.result(1)
        assert stopped is not None
        assert stopped.stage is Stage.STOPPED
        await bench.until_over(0)
        assert not bench.seen(1).is_tuning
        assert await bench.bus.send(StartTuning()) == (1,), "the other one has its result"
        await asyncio.sleep(2)
        assert last(sticks[1])[0] == stopped.setting.mhz, "it goes on from there"
        assert await bench.bus.send(StopTuning()) == (1,)
        assert not bench.is_enabled()
        with pytest.raises(CommandError, match="no device 2; known: 0 to 1"):
            await bench.bus.send(StartTuning(device_id=2))


@warped
async def test_a_replug_and_a_pause_without_work_change_nothing() -> None:
    stick = ScriptedStick(0, TWIN)
    bench = Bench(stick)
    async with bench.running():
        loop = asyncio.get_running_loop()
        for _ in range(4):
            await asyncio.sleep(100)
            stick.pull()
            await asyncio.sleep(50)
            assert "waits for the stick" in bench.seen().progress
            stick.plug(loop.time())
            await asyncio.sleep(100)
            stick.has_work = False
            await asyncio.sleep(200)
            assert "waits for work" in bench.seen().progress
            stick.has_work = True
        result = await bench.until_over()
        assert is_at_edge(result, TWIN), result


@warped
async def test_a_restart_goes_on_from_what_was_found() -> None:
    first = ScriptedStick(0, TWIN, serial="A")
    before = Bench(first, profile="tuned")
    async with before.running():
        await asyncio.sleep(400)
        found = before.result()
    assert found is not None
    assert found.stage is Stage.UNDER_WAY
    assert found.is_verified
    stick = ScriptedStick(0, TWIN, serial="A")
    stick.down_s = asyncio.get_running_loop().time()
    config, results = TuningConfig(), Results.decode(before.results.encode())
    after = Bench(stick, config=config, profile="tuned", results=results)
    async with after.running():
        result = await after.until_over()
        assert stick.told[0] == (found.setting.mhz, None)
        assert is_at_edge(result, TWIN), result
        assert result.stage is Stage.FINAL
    third = ScriptedStick(0, TWIN, serial="A")
    third.down_s = asyncio.get_running_loop().time()
    final = Bench(third, profile="tuned", results=Results.decode(after.results.encode()))
    async with final.running():
        await asyncio.sleep(600)
        assert third.told == [(result.setting.mhz, None)], "it starts there, and stays"


@warped
async def test_a_restart_before_anything_is_verified_goes_on_too() -> None:
    bench = Bench(ScriptedStick(0, TWIN, serial="A"), config=TuningConfig())
    async with bench.running():
        await bench.bus.send(StartTuning(device_id=0))
        await asyncio.sleep(10)
    assert bench.seen().result is None
    stick = ScriptedStick(0, TWIN, serial="A")
    stick.down_s = asyncio.get_running_loop().time()
    again = Bench(stick, config=TuningConfig(), results=Results.decode(bench.results.encode()))
    async with again.running():
        assert is_at_edge(await again.until_over(), TWIN)


@warped
async def test_what_was_stopped_stays_stopped_over_a_restart() -> None:
    bench = Bench(ScriptedStick(0, TWIN))
    async with bench.running():
        await asyncio.sleep(600)
        await bench.bus.send(StopTuning())
    stick = ScriptedStick(0, TWIN)
    stick.down_s = asyncio.get_running_loop().time()
    again = Bench(stick, results=Results.decode(bench.results.encode()))
    async with again.running():
        await asyncio.sleep(600)
        assert stick.told == [(150.0, None)]


@warped
async def test_a_new_limit_means_a_new_search() -> None:
    bench = Bench(ScriptedStick(0, TWIN))
    async with bench.running():
        loose = await bench.until_over()
    stick = ScriptedStick(0, TWIN)
    stick.down_s = asyncio.get_running_loop().time()
    config = replace(CONFIG, max_hw_error_percent=0.2)
    strict = Bench(stick, config=config, results=bench.results, profile="tuned")
    async with strict.running():
        result = await strict.until_over()
        assert is_at_edge(result, TWIN, 0.002)
        assert result.setting.mhz < loose.setting.mhz


@warped
async def test_an_error_of_the_tuner_costs_one_stick_its_search_and_nothing_else(
    caplog: pytest.LogCaptureFixture,
) -> None:
    class Broken(Bench):
        def counts(self, device_id: int) -> NonceCounts:
            if device_id == 0 and asyncio.get_running_loop().time() > 300:
                raise ZeroDivisionError("made up")
            return super().counts(device_id)

    sticks = [ScriptedStick(n, TWIN) for n in range(2)]
    bench = Broken(*sticks)
    async with bench.running():
        result = await bench.until_over(1)
        assert is_at_edge(result, TWIN)
    assert bench.tuner.errors == 1
    assert not bench.seen(0).is_tuning
    assert last(sticks[0]) == (150.0, None), "it mines on at its target"
    errors = [r for r in caplog.records if r.levelno >= logging.ERROR]
    assert len(errors) == 1
    assert "device 0: its tuning failed" in errors[0].getMessage()


@warped
async def test_an_error_beside_all_sticks_is_survived(caplog: pytest.LogCaptureFixture) -> None:
    class Shaken(ScriptedSticks):
        def device_states(self) -> tuple[DeviceState, ...]:
            if 100 < asyncio.get_running_loop().time() < 200:
                raise ZeroDivisionError("made up")
            return super().device_states()

    bench = Bench(ScriptedStick(0, TWIN))
    calm, bench.sticks = bench.sticks, Shaken(*bench.sticks.sticks)
    bench.tuner = Tuner(
        CONFIG,
        bench.profile,
        Keeper(None),
        bench.sticks,
        clock=WarpClock(),
        counts=calm.counts,
        has_work=calm.has_work,
        bus=CommandBus(),
    )
    async with bench.running():
        await asyncio.sleep(300)
        assert bench.seen().is_tuning
        await asyncio.sleep(2 * 3600)
        shown = bench.seen().result
        assert shown is not None
        assert shown.stage == "final"
    assert bench.tuner.errors > 90
    assert 1 <= caplog.text.count("tuning failed, and tries again") < 10


@warped
async def test_an_error_of_a_driver_does_not_end_the_tuner() -> None:
    sticks = [ScriptedStick(n, TWIN) for n in range(2)]
    bench = Bench(*sticks)
    async with bench.running():
        await asyncio.sleep(30)
        sticks[0].bug = ZeroDivisionError("made up")
        assert is_at_edge(await bench.until_over(1), TWIN)
        assert bench.tuner.errors == 1
        assert not bench.seen(0).is_tuning
        assert bench.sticks.device_states()[0].trial is None, "its next start is at its target"


@warped
async def test_a_stick_that_does_not_come_up_any_more_is_not_blamed_on_its_clock() -> None:
    stick = ScriptedStick(0, TWIN)
    bench = Bench(stick)
    async with bench.running():
        await asyncio.sleep(250)
        found = bench.result()
        stick.comes_up = False
        stick.up_s = None
        await asyncio.sleep(120)
        assert not bench.seen().is_tuning
        result = bench.result()
        assert found is not None
        assert result is not None
        assert (result.setting, result.stage) == (found.setting, Stage.STOPPED)
        stick.comes_up = True
        await asyncio.sleep(60)
        assert last(stick) == (150.0, None)


@warped
async def test_protection_that_may_mean_the_setting_before_gets_a_second_try() -> None:
    stick = ScriptedStick(0, TWIN)
    bench = Bench(stick)
    async with bench.running():
        await asyncio.sleep(8)
        assert len(stick.told) == 2
        for again in range(1, MAX_DOUBTS + 1):
            tried = last(stick)
            stick.limit_mhz = 100.0
            await asyncio.sleep(3)
            assert last(stick) == tried
            assert len(stick.told) == 2 + again
            assert stick.limit_mhz is None
        stick.limit_mhz = 100.0
        await asyncio.sleep(3)
        assert last(stick)[0] < tried[0], "now it has failed"


@warped
async def test_a_stick_that_refuses_is_left_alone() -> None:
    stick = ScriptedStick(0, TWIN)
    bench = Bench(stick)
    async with bench.running():
        await asyncio.sleep(100)
        stick.refuses = True
        await asyncio.sleep(1200)
        assert not bench.seen().is_tuning
        assert bench.sticks.device_states()[0].trial is None
        assert MAX_REFUSALS < 10


@warped
async def test_without_any_good_setting_there_is_no_result(
    caplog: pytest.LogCaptureFixture,
) -> None:
    bench = Bench(ScriptedStick(0, StickTwin(edge_mhz=60.0, width_mhz=40.0)))
    async with bench.running():
        loop = asyncio.get_running_loop()
        while "tuning has found nothing" not in caplog.text:
            await asyncio.sleep(10)
            assert loop.time() < HOURS_S
        assert bench.result() is None
        await asyncio.sleep(600)
        assert not bench.seen().is_tuning


async def test_a_stick_without_a_clock_to_set_is_never_tuned() -> None:
    fixed = ScriptedStick(0, TWIN, replace(MODEL, min_mhz=150.0, max_mhz=150.0, step_mhz=0.0))
    bench = Bench(fixed)
    assert bench.tuner.snapshot(bench.sticks.device_states()[0]) is None
    assert await bench.bus.send(StartTuning()) == ()
    with pytest.raises(CommandError, match="nothing sets the clock") as refused:
        await bench.bus.send(StartTuning(device_id=0))
    assert refused.value.reason == "unsupported"


@warped
async def test_a_step_moves_every_stick_on_its_own_ladder() -> None:
    slow = ScriptedStick(0, TWIN)
    fast = ScriptedStick(1, TWIN, replace(MODEL, max_mhz=900.0), frequency_mhz=550.0)
    fast.twin = StickTwin(edge_mhz=2000.0)
    bench = Bench(slow, fast, config=TuningConfig())
    async with bench.running():
        await asyncio.sleep(30)
        await slow.orders.set_frequency(100)
        await bench.bus.send(SetProfile(profile="+1"))
        assert [last(stick)[0] for stick in (slow, fast)] == [156.25, 575]
        await bench.bus.send(SetProfile(profile="-2"))
        assert [last(stick)[0] for stick in (slow, fast)] == [137.5, 500]
        await bench.bus.send(SetProfile(profile="default"))
        assert [last(stick)[0] for stick in (slow, fast)] == [150, 550]
        fast.refuses = True
        assert await bench.bus.send(SetProfile(profile="+1")) == (1,)
        assert fast.orders.wishes.clock_mhz == 575, "its next start takes it"
        for name in ("1", "+9", "-17", "fast", ""):
            with pytest.raises(CommandError, match="known: default, tuned, -16 to -1"):
                await bench.bus.send(SetProfile(profile=name))
        assert bench.profile.name == "+1"


@pytest.mark.parametrize("setting", [Setting(mhz=900.0), Setting(mhz=200.0, core_mv=300)])
async def test_a_result_beyond_the_model_is_not_used(setting: Setting) -> None:
    results = Results()
    result = Result(
        model=MODEL.title,
        goal=Goal.RATE,
        max_hw_error_percent=2.0,
        setting=setting,
        rate_hs=1e9,
        wrong_part=0.0,
        power_w=None,
        stage=Stage.FINAL,
        wall_s=0.0,
    )
    results.put("A", result)
    bench = Bench(ScriptedStick(0, TWIN, serial="A"), profile="tuned", results=results)
    assert bench.sticks.device_states()[0].target_mhz == 150
