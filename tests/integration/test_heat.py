"""A virtual stick that becomes hot in the whole service: slower, stopped, asleep, awake again.

The clock jumps as in the test of tuning; what is looked at are the registers of the chips.
"""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from luxminer.config.schema import AtmConfig, FanConfig, ThermalConfig
from luxminer.control import Curtail, Heat, SetHeat, SetProfile
from luxminer.daemon import Daemon
from luxminer.errors import CommandError
from luxminer.telemetry.model import MinerSnapshot
from luxminer.thermal.memory import FILE_NAME
from tests.integration.test_tuning import Bench, Plugged, bench, until
from tests.unit.drivers.warp import warped

pytestmark = pytest.mark.slow

MODEL = "compaca1"
ATM = AtmConfig(enabled=True, startup_minutes=1, post_ramp_minutes=1, temp_window=5)
FILES = {"name": "pwmfan", "pwm1": "0", "pwm1_enable": "2", "fan1_input": "900"}
WITH_FAN = 0x21
"""Version of a controller that has a fan."""
WAKE_S = 20.0
"""From the order until its chips are at work again."""


@asynccontextmanager
async def one_stick(root: Path) -> AsyncIterator[tuple[Bench, Plugged]]:
    async with bench(root) as made:
        yield made, await made.plug(MODEL)


def codes(now: MinerSnapshot) -> set[str]:
    return {event.code for event in now.events}


async def settled(daemon: Daemon, stick: Plugged) -> float:
    """Wait until it mines at its target; return the clock in its registers."""
    await until(
        daemon,
        lambda now: (
            bool(now.devices) and now.devices[0].rates.m1 > 0 and not now.devices[0].is_ramping
        ),
        300,
        "mines",
    )
    (mhz,) = stick.clocks
    return mhz


async def lower(daemon: Daemon, stick: Plugged, than_mhz: float, limit_s: float = 600) -> float:
    await until(daemon, lambda _: max(stick.clocks) < than_mhz, limit_s, "a lower clock")
    await until(daemon, lambda _: len(stick.clocks) == 1, 60, "of all chips")
    return max(stick.clocks)


def set_ambient(stick: Plugged, ambient_c: float) -> None:
    controller = stick.stick.telemetry
    assert controller is not None
    controller.ambient_c = ambient_c


async def is_quiet(daemon: Daemon, for_s: float) -> None:
    """Fail unless the stick hashes nothing and is sent nothing for so long, after a moment."""
    await asyncio.sleep(10.0)
    before = daemon.hub.snapshot()
    await asyncio.sleep(for_s)
    now = daemon.hub.snapshot()
    assert now.nonces == before.nonces
    assert now.devices[0].tasks_sent == before.devices[0].tasks_sent


async def mines(daemon: Daemon, limit_s: float) -> float:
    """Wait until one more nonce is found; return how long that took."""
    before = daemon.hub.snapshot()
    now = await until(
        daemon, lambda now: now.nonces.nonces > before.nonces.nonces, limit_s, "mines"
    )
    return now.elapsed_s - before.elapsed_s


@warped
async def test_atm_steps_down_and_up_again_and_leaves_the_owners_profile(tmp_path: Path) -> None:
    async with (
        one_stick(tmp_path) as (made, stick),
        made.service(tmp_path / "state", atm=ATM) as daemon,
    ):
        at_first = await settled(daemon, stick)
        set_ambient(stick, 47)
        await lower(daemon, stick, at_first)
        now = await until(daemon, lambda now: now.thermal.atm_steps == -2, 600, "two steps")
        assert now.devices[0].temperature_c is not None
        assert now.devices[0].temperature_c >= 85
        second = await lower(daemon, stick, at_first * 0.92)
        assert now.profile == "default"
        assert now.devices[0].target_mhz == pytest.approx(at_first, abs=5)
        assert "BOARD_HIGH_TEMPERATURE" in codes(now)
        await asyncio.sleep(1.0)
        kept = json.loads((tmp_path / "state" / FILE_NAME).read_text())
        assert kept["atm_steps"] <= -1
        set_ambient(stick, 20)
        await until(daemon, lambda _: min(stick.clocks) > second, 900, "a step up")
        await until(daemon, lambda _: stick.clocks == {at_first}, 3000, "its own clock")
        now = daemon.hub.snapshot()
        assert now.thermal.atm_steps == 0
        assert "BOARD_HIGH_TEMPERATURE" not in codes(now)


@warped
async def test_a_hot_stick_is_slowed_by_its_guard_and_its_owners_order_lives(
    tmp_path: Path,
) -> None:
    async with one_stick(tmp_path) as (made, stick), made.service(tmp_path / "s") as daemon:
        at_first = await settled(daemon, stick)
        set_ambient(stick, 47)
        slower = await lower(daemon, stick, at_first)
        target = daemon.hub.snapshot().devices[0].target_mhz
        await daemon.bus.send(SetProfile(profile="-1"))
        ordered = daemon.hub.snapshot().devices[0].target_mhz
        assert ordered < target
        set_ambient(stick, 20)
        await until(daemon, lambda _: max(stick.clocks) > slower - 30, 1200, "up again")
        await until(
            daemon,
            lambda _: abs(max(stick.clocks) - ordered) < 7,
            6000,
            "the clock that was ordered while it was hot",
        )


@warped
async def test_a_dangerous_stick_stops_says_so_and_mines_again_when_it_has_cooled(
    tmp_path: Path,
) -> None:
    async with one_stick(tmp_path) as (made, stick), made.service(tmp_path / "s") as daemon:
        await settled(daemon, stick)
        set_ambient(stick, 90)
        now = await until(daemon, lambda now: "BOARD_OVERTEMP_SHUTDOWN" in codes(now), 300, "stops")
        assert "C is 95 C or more" in now.devices[0].problem
        assert now.devices[0].enabled, "its owner has not switched it off"
        set_ambient(stick, 20)
        await is_quiet(daemon, 100.0)
        await until(
            daemon, lambda now: "BOARD_OVERTEMP_SHUTDOWN" not in codes(now), 400, "recovers"
        )
        await mines(daemon, 120)


@warped
async def test_without_recovery_it_stays_stopped_until_its_owner_acts(tmp_path: Path) -> None:
    limits = ThermalConfig(overtemp_auto_recovery=False)
    async with (
        one_stick(tmp_path) as (made, stick),
        made.service(tmp_path / "s", thermal=limits) as daemon,
    ):
        await settled(daemon, stick)
        set_ambient(stick, 90)
        await until(daemon, lambda now: "OVERTEMP_PROTECTION" in codes(now), 300, "stops")
        set_ambient(stick, 20)
        await is_quiet(daemon, 3600.0)
        await daemon.bus.send(SetHeat(section=Heat.THERMAL, settings={"dangerous_c": 96}))
        await mines(daemon, 120)
        assert "OVERTEMP_PROTECTION" not in codes(daemon.hub.snapshot())


@warped
async def test_sleep_stops_all_work_survives_a_restart_and_ends(tmp_path: Path) -> None:
    async with one_stick(tmp_path) as (made, stick):
        async with made.service(tmp_path / "s") as daemon:
            await settled(daemon, stick)
            assert await daemon.bus.send(Curtail(sleep=True))
            assert not await daemon.bus.send(Curtail(sleep=True))
            await is_quiet(daemon, 600.0)
            assert "SLEEP" in codes(daemon.hub.snapshot())
        async with made.service(tmp_path / "s") as daemon:
            await is_quiet(daemon, 60.0)
            now = daemon.hub.snapshot()
            assert now.thermal.is_asleep
            assert now.devices[0].tasks_sent == 0
            assert "asleep" in now.devices[0].problem
            assert await daemon.bus.send(Curtail(sleep=False))
            awake_s = await mines(daemon, 120)
            print(f"awake after {awake_s:.1f} s")
            assert awake_s < WAKE_S
            assert "SLEEP" not in codes(daemon.hub.snapshot())


@warped
async def test_the_fan_on_a_stick_follows_its_temperature_when_its_owner_wants_it(
    tmp_path: Path,
) -> None:
    async with one_stick(tmp_path) as (made, stick):
        controller = stick.stick.telemetry
        assert controller is not None
        controller.version = WITH_FAN
        async with made.service(tmp_path / "s") as daemon:
            await settled(daemon, stick)
            assert daemon.hub.snapshot().thermal.fans[0].speed_percent == 100
            set_ambient(stick, 20)
            with pytest.raises(CommandError, match="stick_fans"):
                await daemon.bus.send(SetHeat(section=Heat.FAN, settings={"speed": 33}))
            await daemon.bus.send(SetHeat(section=Heat.FAN, settings={"stick_fans": True}))
            await until(daemon, lambda _: controller.fan_percent < 70, 120, "slower")
            await until(daemon, lambda now: 0 < (now.thermal.fans[0].rpm or 0) < 5000, 9, "turns")
            set_ambient(stick, 70)
            await until(daemon, lambda _: controller.fan_percent == 100, 300, "full speed")
            await daemon.bus.send(SetHeat(section=Heat.FAN, settings={"speed": 33}))
            await until(daemon, lambda _: controller.fan_percent == 33, 60, "fixed")
            await daemon.bus.send(SetHeat(section=Heat.FAN, settings={"stick_fans": False}))
            await until(daemon, lambda _: controller.fan_percent == 100, 60, "as it was")


@warped
async def test_a_fan_follows_the_stick_and_one_that_stands_still_stops_all(
    tmp_path: Path,
) -> None:
    folder = tmp_path / "sys/class/hwmon/hwmon0"
    folder.mkdir(parents=True)
    for name, text in {
        "name": "pwmfan",
        "pwm1": "0",
        "pwm1_enable": "2",
        "fan1_input": "900",
    }.items():
        (folder / name).write_text(text)
    fan = FanConfig(device="pwmfan")
    async with (
        one_stick(tmp_path) as (made, stick),
        made.service(tmp_path / "s", root=tmp_path, fan=fan) as daemon,
    ):
        await settled(daemon, stick)
        set_ambient(stick, 15)
        await until(daemon, lambda now: now.thermal.fans[0].speed_percent < 60, 120, "slow")
        slow = daemon.hub.snapshot().thermal.fans[0].speed_percent
        set_ambient(stick, 40)
        await until(daemon, lambda now: now.thermal.fans[0].speed_percent > slow, 120, "faster")
        percent = daemon.hub.snapshot().thermal.fans[0].speed_percent
        assert int((folder / "pwm1").read_text()) == round(percent * 2.55)
        with pytest.raises(CommandError, match="must not be below"):
            await daemon.bus.send(SetHeat(section=Heat.FAN, settings={"max_speed": 10}))
        (folder / "fan1_input").write_text("0")
        now = await until(daemon, lambda now: "FAN_FAILURE" in codes(now), 60, "it is told")
        assert "FAN_PANIC" not in codes(now)
        await daemon.bus.send(SetHeat(section=Heat.FAN, settings={"min_fans": 1}))
        now = await until(daemon, lambda now: "FAN_PANIC" in codes(now), 60, "panic")
        await is_quiet(daemon, 60.0)
        await daemon.bus.send(SetHeat(section=Heat.THERMAL, settings={"immersion": True}))
        await mines(daemon, 120)
    assert (folder / "pwm1_enable").read_text() == "2"
