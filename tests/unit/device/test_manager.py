"""Sticks from plugging in to pulling out: a real driver, real ttys, and all kinds of trouble."""

import asyncio
import contextlib
import logging
import random
import socket
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import replace
from pathlib import Path

import pytest

from luxminer.clock import Chores, SystemClock
from luxminer.config.schema import Config, DeviceConfig, MiningConfig
from luxminer.device import manager as manager_module
from luxminer.device.contract import Device, DeviceOptions
from luxminer.device.health import Timing
from luxminer.device.manager import DeviceManager
from luxminer.device.state import DeviceState
from luxminer.errors import CommandError, PortProblem, PortUnusable
from luxminer.telemetry.model import DeviceStatus
from luxminer.transport.base import Transport
from luxminer.transport.serial import open_serial
from luxminer.work.job import NonceFound, WorkItem
from tests.unit.device.fake_stick import DRIVER, FakeDevice, FakeStick
from tests.unit.device.fake_sysfs import FakeUsb
from tests.unit.mining.jobs import job

FAST = Timing(
    retry_min_s=0.05,
    retry_max_s=0.2,
    quarantine_s=30,
    open_s=1,
    bring_up_s=2,
    settle_s=0.05,
    stable_s=0.3,
    udev_s=0.5,
    udev_retry_s=0.02,
    quiet_s=0.3,
    force_s=0.2,
)


PATIENT = replace(FAST, retry_min_s=20, retry_max_s=20)

Opener = Callable[[str, int], Awaitable[Transport]]


class Pool:
    """Has work, until it has none; judges nonces by whether their work is its own."""

    def __init__(self) -> None:
        self.job = job()
        self.is_dry = False
        self.given: dict[int, list[WorkItem]] = {}
        self.found: dict[int, int] = {}
        self.tickets: set[tuple[float, float]] = set()
        self._changed = asyncio.Event()

    def next_work(
        self, device_id: int, versions: int, *, chip_rolls: bool = False
    ) -> WorkItem | None:
        if self.is_dry:
            return None
        item = WorkItem(
            job=self.job,
            extranonce2=bytes(4),
            ntime=0,
            merkle_root=bytes(32),
            versions=(0,) * versions,
            midstates=(bytes(32),) * versions,
            tail=bytes(12),
        )
        self.given.setdefault(device_id, []).append(item)
        return item

    async def work_changed(self, device_id: int) -> None:
        await self._changed.wait()

    def set_dry(self, is_dry: bool) -> None:
        self.is_dry = is_dry
        if not is_dry:
            self._changed.set()

    def nonce_found(self, nonce: NonceFound, ticket_difficulty: float, scale: float) -> bool:
        self.tickets.add((ticket_difficulty, scale))
        right = nonce.work in self.given.get(nonce.device_id, [])
        self.found[nonce.device_id] = self.found.get(nonce.device_id, 0) + right
        return right


class Bench:
    """A manager under way, its pool, and the machine that it runs on."""

    def __init__(self, root: Path) -> None:
        self.usb = FakeUsb(root)
        self.pool = Pool()
        self.sticks: list[FakeStick] = []
        self.root = root

    def stick(self, name: str = "") -> FakeStick:
        made = FakeStick(self.root / name if name else None)
        self.sticks.append(made)
        return made

    def make(
        self,
        *devices: DeviceConfig,
        timing: Timing = FAST,
        open_transport: Opener = open_serial,
    ) -> DeviceManager:
        seed = random.randrange(2**32)
        print(f"seed {seed}")
        self.manager = DeviceManager(
            Config(devices=devices, mining=MiningConfig(detect_interval_s=0.02)),
            [DRIVER],
            clock=SystemClock(),
            rng=random.Random(seed),
            work=self.pool,
            nonces=self.pool,
            bus=self.usb.bus,
            open_transport=open_transport,
            chores=Chores(0.02, 0.0),
            timing=timing,
        )
        return self.manager

    @contextlib.asynccontextmanager
    async def running(
        self,
        *devices: DeviceConfig,
        timing: Timing = FAST,
        open_transport: Opener = open_serial,
    ) -> AsyncIterator[None]:
        self.make(*devices, timing=timing, open_transport=open_transport)
        task = asyncio.create_task(self.manager.run())
        try:
            await asyncio.sleep(0)
            yield
        finally:
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task
            for stick in self.sticks:
                stick.unplug()

    @property
    def states(self) -> tuple[DeviceState, ...]:
        return self.manager.device_states()

    def state(self, device_id: int = 0) -> DeviceState:
        return self.states[device_id]

    async def until(self, holds: Callable[[], bool], limit_s: float = 5.0) -> float:
        """Wait until something holds; return how long that took."""
        started_s = time.monotonic()
        while not holds():
            waited_s = time.monotonic() - started_s
            assert waited_s < limit_s, f"still not so: {self.states}"
            await asyncio.sleep(0.005)
        return time.monotonic() - started_s

    async def alive(self, device_id: int = 0) -> DeviceState:
        await self.until(
            lambda: (
                len(self.states) > device_id and self.state(device_id).status is DeviceStatus.ALIVE
            )
        )
        return self.state(device_id)


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path)


def virtual(
    bench: Bench, name: str = "stick", *, serial: str = "", enabled: bool = True, scale: float = 1
) -> DeviceConfig:
    """Settings of a stick that USB knows nothing about."""
    return DeviceConfig(
        port=str(bench.root / name), model="compac", serial=serial, enabled=enabled, scale=scale
    )


async def test_a_virtual_stick_comes_up_and_mines(bench: Bench) -> None:
    stick = bench.stick("stick")
    async with bench.running(virtual(bench, serial="V1", scale=0.25)):
        state = await bench.alive()
        assert (state.id, state.name_id, state.code, state.identity) == (0, 0, "GSC", "V1")
        assert (state.model, state.driver, state.chip) == ("GekkoScience Compac", "fake", "BM1384")
        assert (state.path, state.usb_path) == (str(bench.root / "stick"), "")
        assert (state.present, state.enabled, state.problem) == (True, True, "")
        assert (state.min_mhz, state.max_mhz, state.target_mhz) == (6.25, 500, 150)
        assert state.brought_up_s is not None
        await bench.until(lambda: bench.pool.found.get(0, 0) > 5)
        assert bench.pool.tickets == {(0.25, 0.25)}
        assert stick.clocks == [150]
        report = bench.state().report
        assert report is not None
        assert report.tasks_sent > 0
        assert bench.manager.problems() == ()
    assert stick.quiet == 1


async def test_a_usb_stick_is_found_without_settings(bench: Bench) -> None:
    stick = bench.stick()
    async with bench.running():
        (problem,) = bench.manager.problems()
        assert problem.startswith("no stick found; plug one in")
        bench.usb.plug("1-1.4", "ttyUSB0", target=stick.path)
        state = await bench.alive()
        assert (state.serial, state.usb_path) == ("10024583", "1-1.4")
        assert state.path == str(bench.usb.tty("ttyUSB0"))


async def test_nothing_is_sent_to_foreign_devices(bench: Bench) -> None:
    stick = bench.stick()
    bench.usb.plug("1-1", "ttyUSB0", manufacturer="Silicon Labs", target=stick.path)
    async with bench.running():
        await asyncio.sleep(0.2)
        assert bench.states == ()
        assert stick.greeted == 0


async def test_a_pulled_stick_is_dead_within_two_seconds_and_itself_when_it_returns(
    bench: Bench,
) -> None:
    first = bench.stick("stick")
    async with bench.running(virtual(bench), timing=PATIENT):
        await bench.alive()
        await bench.until(lambda: bench.pool.found.get(0, 0) > 0)
        before = bench.state()
        first.unplug()
        took_s = await bench.until(lambda: bench.state().status is DeviceStatus.DEAD)
        assert took_s < 2
        gone = bench.state()
        assert (gone.present, gone.enabled, gone.brought_up_s) == (False, True, None)
        assert gone.problem == f"stick at {bench.root / 'stick'}: unplugged; plug it in again"
        assert gone.gone_wall_s is not None
        assert gone.report is not None
        bench.stick("stick")
        took_s = await bench.until(lambda: bench.state().status is DeviceStatus.ALIVE)
        assert took_s < 2, "a replug does not wait for a back-off"
        after = bench.state()
        assert (after.id, after.name_id, after.present) == (0, 0, True)
        assert after.gone_wall_s is None
        assert len(bench.states) == 1
        assert before.report is not None
        sent = before.report.tasks_sent
        await bench.until(lambda: (r := bench.state().report) is not None and r.tasks_sent > sent)
        report = bench.state().report
        assert report is not None
        assert report.tasks_sent == len(bench.pool.given[0]), "counters go on over a replug"


async def test_a_link_that_vanishes_is_an_unplug_though_the_tty_lives(bench: Bench) -> None:
    stick = bench.stick("stick")
    async with bench.running(virtual(bench)):
        await bench.alive()
        (bench.root / "stick").unlink()
        await bench.until(lambda: bench.state().status is DeviceStatus.DEAD)
        await bench.until(lambda: stick.quiet == 1)
        await asyncio.sleep(0.05)
        assert bench.state().problem.endswith("unplugged; plug it in again")
        stick.peer.link(bench.root / "stick")
        await bench.alive()


async def test_many_quick_replugs_never_wait(bench: Bench) -> None:
    stick = bench.stick("stick")
    async with bench.running(virtual(bench), timing=PATIENT):
        for _ in range(6):
            await bench.alive()
            stick.unplug()
            await bench.until(lambda: not bench.state().present)
            (bench.root / "stick").unlink()
            await asyncio.sleep(0.06)
            stick = bench.stick("stick")
            await bench.until(lambda: bench.state().present, limit_s=2)
        assert (await bench.alive()).faults == 0


async def test_a_stick_keeps_its_number_on_another_port(bench: Bench) -> None:
    sticks = [bench.stick(), bench.stick(), bench.stick()]
    bench.usb.plug("1-1", "ttyUSB0", serial="A", target=sticks[0].path)
    bench.usb.plug("1-2", "ttyUSB1", serial="B", target=sticks[1].path)
    async with bench.running():
        await bench.alive(0)
        await bench.alive(1)
        bench.usb.pull("1-1", "ttyUSB0")
        bench.usb.pull("1-2", "ttyUSB1")
        await bench.until(lambda: not any(state.present for state in bench.states))
        bench.usb.plug("1-7", "ttyUSB0", serial="B", target=sticks[1].path)
        await bench.until(lambda: bench.state(1).status is DeviceStatus.ALIVE)
        assert bench.state(1).usb_path == "1-7"
        assert not bench.state(0).present
        bench.usb.plug("1-2", "ttyUSB1", serial="C", target=sticks[2].path)
        await bench.alive(2)
        assert [(s.id, s.name_id, s.serial) for s in bench.states] == [
            (0, 0, "A"),
            (1, 1, "B"),
            (2, 2, "C"),
        ]


async def test_names_count_for_each_code(bench: Bench) -> None:
    products = ["2Pac BM1384 Bitcoin Miner", "Compac BM1384 Bitcoin Miner"] * 2
    for n, product in enumerate(products):
        bench.usb.plug(
            f"1-{n}", f"ttyUSB{n}", serial=f"S{n}", product=product, target=bench.stick().path
        )
    async with bench.running():
        await bench.alive(3)
        assert [(s.id, s.code, s.name_id) for s in bench.states] == [
            (0, "GSD", 0),
            (1, "GSC", 0),
            (2, "GSD", 1),
            (3, "GSC", 1),
        ]


async def test_without_a_serial_number_the_place_decides(bench: Bench) -> None:
    stick = bench.stick()
    bench.usb.plug("1-1", "ttyUSB0", serial="", target=stick.path)
    async with bench.running():
        assert (await bench.alive()).identity == "1-1"
        bench.usb.pull("1-1", "ttyUSB0")
        await bench.until(lambda: not bench.state().present)
        bench.usb.plug("1-1", "ttyUSB5", serial="", target=stick.path)
        assert (await bench.alive()).path.endswith("ttyUSB5")
        bench.usb.pull("1-1", "ttyUSB5")
        await bench.until(lambda: not bench.state().present)
        bench.usb.plug("1-9", "ttyUSB5", serial="", target=stick.path)
        await bench.alive(1)


async def test_two_sticks_with_one_serial_number_are_told_apart(
    bench: Bench, caplog: pytest.LogCaptureFixture
) -> None:
    sticks = [bench.stick(), bench.stick()]
    for n, stick in enumerate(sticks):
        bench.usb.plug(f"1-{n}", f"ttyUSB{n}", serial="same", target=stick.path)
    async with bench.running():
        await bench.alive(0)
        await bench.alive(1)
        assert [state.identity for state in bench.states] == ["same@1-0", "same@1-1"]
        warnings = [r.getMessage() for r in caplog.records if "told apart" in r.getMessage()]
        assert len(warnings) == 1
        assert "same (at 1-0 and 1-1)" in warnings[0]
        bench.usb.pull("1-0", "ttyUSB0")
        bench.usb.pull("1-1", "ttyUSB1")
        await bench.until(lambda: not any(state.present for state in bench.states))
        for n, stick in reversed(list(enumerate(sticks))):
            bench.usb.plug(f"1-{n}", f"ttyUSB{n}", serial="same", target=stick.path)
        await bench.until(lambda: all(s.status is DeviceStatus.ALIVE for s in bench.states))
        assert [(s.id, s.usb_path) for s in bench.states] == [(0, "1-0"), (1, "1-1")]


async def test_a_fault_starts_it_anew_and_counts(bench: Bench) -> None:
    stick = bench.stick("stick")
    async with bench.running(virtual(bench)):
        await bench.alive()
        await bench.until(lambda: stick.tasks > 3)
        stick.fail()
        await bench.until(lambda: bench.state().faults == 1)
        failed = bench.state()
        assert failed.status is DeviceStatus.DEAD
        assert failed.present
        assert failed.problem == (
            f"stick at {bench.root / 'stick'}: the chips say that they have failed"
        )
        assert stick.quiet == 1
        state = await bench.alive()
        assert (state.resets, state.attempts, state.problem) == (1, 2, "")


@pytest.mark.slow
async def test_a_stick_that_never_answers_is_retried_and_says_so(bench: Bench) -> None:
    stick = bench.stick("stick")
    stick.greeting = b""
    async with bench.running(virtual(bench)):
        await bench.until(lambda: bench.state().faults >= 6)
        state = bench.state()
        assert state.status in (DeviceStatus.NO_START, DeviceStatus.INITIALISING)
        assert "no chip answers; failed" in state.problem
        assert "times in a row, so most likely it is no power, a bad cable" in state.problem
        before, started_s = state.attempts, time.monotonic()
        await bench.until(lambda: bench.state().attempts >= before + 3)
        assert time.monotonic() - started_s > 0.3, "the back-off lasts"
        stick.greeting = b"!"
        assert (await bench.alive()).problem == ""


@pytest.mark.slow
async def test_a_stick_that_nothing_helps_is_given_up_until_somebody_does(bench: Bench) -> None:
    stick = bench.stick("stick")
    stick.greeting = b""
    quick = replace(FAST, retry_max_s=0.05, give_up_s=60)
    async with bench.running(virtual(bench), timing=quick):
        await bench.until(lambda: bench.state().faults == 11, 10)
        await asyncio.sleep(0.5)
        state = bench.state()
        assert state.attempts == 11, "it is tried seldom now"
        assert state.status is DeviceStatus.NO_START
        assert "failed 11 times in a row" in state.problem
        assert "no power, a bad cable, or a dead chip" in state.problem
        assert "given up" in state.problem
        stick.greeting = b"!"
        await bench.manager.reset(0)
        assert (await bench.alive()).problem == ""


async def test_a_stick_that_fails_again_and_again_starts_slower_and_keeps_its_target(
    bench: Bench,
) -> None:
    stick = bench.stick("stick")
    async with bench.running(virtual(bench), timing=replace(FAST, stable_s=60)):
        for failures in range(5):
            await bench.until(lambda wanted=failures: len(stick.clocks) > wanted)  # type: ignore[misc]
            await bench.alive()
            assert bench.state().target_mhz == 150
            stick.fail()
            await bench.until(lambda wanted=failures: bench.state().faults > wanted)  # type: ignore[misc]
        await bench.until(lambda: len(stick.clocks) == 6)
        assert stick.clocks == [150, 150, 150, 142, 135, 127]
        await bench.alive()
        assert bench.state().report.target_mhz == 150  # type: ignore[union-attr]
        assert bench.state().report.limit_mhz == 127.5  # type: ignore[union-attr]
        await bench.manager.set_frequency(0, 125)
        stick.fail()
        await bench.until(lambda: bench.state().faults == 6)
        await bench.until(lambda: len(stick.clocks) == 8)
        assert stick.clocks[6:] == [125, 118], "from the owner's new target on"


async def test_a_stick_is_known_by_the_most_chips_that_it_had(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[int] = []
    monkeypatch.setattr(FakeDevice, "chips_before", told)
    stick, other = bench.stick(), bench.stick()
    bench.usb.plug("1-1", "ttyUSB0", serial="A", target=stick.path)
    async with bench.running():
        for start, (chips, before) in enumerate(((4, 0), (3, 4), (3, 4))):
            monkeypatch.setattr(FakeDevice, "chips", chips)
            await bench.until(lambda seen=start: len(told) > seen)  # type: ignore[misc]
            assert told[-1] == before
            await bench.alive()
            await bench.until(lambda wanted=chips: len(bench.state().report.chips) == wanted)  # type: ignore[misc, union-attr]
            stick.fail()
            await bench.until(lambda: bench.state().status is not DeviceStatus.ALIVE)
        await bench.alive()
        bench.usb.pull("1-1", "ttyUSB0")
        await bench.until(lambda: not bench.state().present)
        starts = len(told)
        bench.usb.plug("1-2", "ttyUSB1", serial="B", target=other.path)
        await bench.until(lambda: len(told) > starts)
        assert told[-1] == 0, "another stick"
        bench.usb.plug("1-7", "ttyUSB0", serial="A", target=stick.path)
        await bench.until(lambda: len(told) > starts + 1)
        assert told[-1] == 4, "the same one, plugged in elsewhere"


@pytest.mark.parametrize(("serial", "before"), [("", 0), ("A", 4)])
async def test_what_is_plugged_into_a_place_is_another_stick_unless_it_says_so(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, serial: str, before: int
) -> None:
    told: list[int] = []
    monkeypatch.setattr(FakeDevice, "chips_before", told)
    monkeypatch.setattr(FakeDevice, "chips", 4)
    stick = bench.stick()
    bench.usb.plug("1-1", "ttyUSB0", serial=serial, target=stick.path)
    async with bench.running():
        await bench.alive()
        bench.usb.pull("1-1", "ttyUSB0")
        await bench.until(lambda: not bench.state().present)
        bench.usb.plug("1-1", "ttyUSB0", serial=serial, target=stick.path)
        await bench.until(lambda: len(told) > 1)
        assert told == [0, before]


async def test_a_stick_that_is_too_hot_rests_and_is_not_blamed(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    stick = bench.stick("stick")
    monkeypatch.setattr(FakeDevice, "is_hot", True)
    async with bench.running(virtual(bench), timing=replace(FAST, retry_max_s=0.03)):
        await bench.until(lambda: bench.state().faults >= 12)
        # Between two rests it is up for a moment.
        await bench.until(lambda: bench.state().problem.endswith("111 C: switched off"))
        monkeypatch.setattr(FakeDevice, "is_hot", False)
        await bench.until(lambda: bool(stick.clocks))
        await bench.alive()
        assert bench.state().target_mhz == 150
        assert stick.clocks == [75], "cautiously, at half of the target"


async def test_a_stick_that_works_says_what_is_wrong_with_it(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench.stick("stick")
    monkeypatch.setattr(FakeDevice, "problem", "1 chip answered; look at its power")
    async with bench.running(virtual(bench, serial="V1")):
        state = await bench.alive()
        assert state.problem.endswith(": 1 chip answered; look at its power")
        assert state.faults == 0
        await bench.until(lambda: bench.pool.found.get(0, 0) > 5)


async def test_what_is_not_our_stick_is_left_in_peace(bench: Bench) -> None:
    stick = bench.stick("stick")
    stick.greeting = b"x"
    async with bench.running(virtual(bench)):
        await bench.until(lambda: bench.state().faults == 1)
        await asyncio.sleep(0.3)
        assert stick.greeted == 1
        state = bench.state()
        assert state.status is DeviceStatus.NO_START
        assert state.problem == (
            f"stick at {bench.root / 'stick'}: answers b'x'; if it is no GekkoScience Compac, "
            "correct its model in the configuration"
        )
        stick.greeting = b"!"
        await bench.manager.reset(0)
        await bench.alive()


async def test_an_error_in_a_driver_is_logged_counted_and_survived(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    bench.stick("stick")
    monkeypatch.setattr(FakeDevice, "bug", KeyError("no such register"))
    async with bench.running(virtual(bench)):
        await bench.until(lambda: bench.state().faults >= 2)
        assert "error in driver fake: " in bench.state().problem
        assert "no such register" in bench.state().problem
        monkeypatch.setattr(FakeDevice, "bug", None)
        await bench.alive()
    traceback = next(r for r in caplog.records if r.exc_info and "error in driver" in r.message)
    assert traceback.levelno == logging.ERROR


@pytest.mark.slow
async def test_a_stick_that_finds_nothing_is_sick_and_then_started_anew(bench: Bench) -> None:
    stick = bench.stick("stick")
    async with bench.running(virtual(bench)):
        await bench.until(lambda: bench.pool.found.get(0, 0) > 0)
        stick.finds = False
        await bench.until(lambda: bench.state().status is DeviceStatus.SICK)
        assert "no valid nonce in a time that should have brought" in bench.state().problem
        assert "one every 0.025 s" in bench.state().problem
        await bench.until(lambda: bench.state().faults == 1)
        stick.finds = True
        await bench.alive()


@pytest.mark.slow
async def test_a_sick_stick_that_finds_something_is_alive_again(bench: Bench) -> None:
    stick = bench.stick("stick")
    async with bench.running(virtual(bench)):
        await bench.alive()
        for _ in range(3):
            stick.finds = False
            await bench.until(lambda: bench.state().status is DeviceStatus.SICK)
            stick.finds = True
            await bench.until(lambda: bench.state().status is DeviceStatus.ALIVE)
        assert bench.state().faults == 0


@pytest.mark.slow
async def test_a_stick_pulled_while_it_is_being_ended_is_unplugged_not_faulty(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    stick = bench.stick("stick")
    async with bench.running(virtual(bench)):
        await bench.alive()
        stick.finds = False
        monkeypatch.setattr(FakeDevice, "is_stubborn", True)
        await bench.until(lambda: bench.state().status is DeviceStatus.SICK)
        await bench.until(lambda: bench.state().brought_up_s is None)
        (bench.root / "stick").unlink()
        await bench.until(lambda: not bench.state().present)
        await asyncio.sleep(FAST.quiet_s + FAST.force_s)
        monkeypatch.setattr(FakeDevice, "is_stubborn", False)
        assert bench.state().problem.endswith("unplugged; plug it in again")
        assert bench.state().faults == 0


async def test_without_work_nobody_is_sick(bench: Bench) -> None:
    bench.stick("stick")
    bench.pool.set_dry(True)
    async with bench.running(virtual(bench)):
        await bench.alive()
        await asyncio.sleep(0.9)
        assert bench.state().status is DeviceStatus.ALIVE
        assert bench.state().faults == 0
        bench.pool.set_dry(False)
        await bench.until(lambda: bench.pool.found.get(0, 0) > 0)


async def test_switching_off_quietens_the_stick_and_frees_its_port(bench: Bench) -> None:
    stick = bench.stick("stick")
    async with bench.running(virtual(bench)):
        await bench.alive()
        assert await bench.manager.disable(0)
        assert not await bench.manager.disable(0)
        await bench.until(lambda: stick.quiet == 1)
        await bench.until(lambda: bench.state().brought_up_s is None)
        state = bench.state()
        assert (state.enabled, state.present) == (False, True)
        assert state.problem.endswith("switched off by its owner; enable it to mine")
        await (await open_serial(stick.path, 115200)).close()
        stick.unplug()
        (bench.root / "stick").unlink()
        await bench.until(lambda: not bench.state().present)
        assert bench.state().status is DeviceStatus.DEAD
        assert not bench.state().enabled, "the owner's wish outlives a replug"
        again = bench.stick("stick")
        await bench.until(lambda: bench.state().present)
        assert again.greeted == 0
        assert await bench.manager.enable(0)
        assert not await bench.manager.enable(0)
        await bench.alive()


async def test_a_stick_switched_off_in_the_settings_is_never_opened(bench: Bench) -> None:
    stick = bench.stick("stick")
    async with bench.running(virtual(bench, enabled=False)):
        await asyncio.sleep(0.1)
        assert (bench.state().enabled, bench.state().attempts, stick.greeted) == (False, 0, 0)


async def test_a_clock_set_by_the_owner_holds_over_restarts(bench: Bench) -> None:
    stick = bench.stick("stick")
    async with bench.running(virtual(bench)):
        await bench.alive()
        assert await bench.manager.set_frequency(0, 203) == 200
        await bench.until(lambda: stick.clocks == [150, 203])
        await bench.manager.reset(0)
        await bench.until(lambda: stick.clocks == [150, 203, 203])
        state = await bench.alive()
        assert (state.target_mhz, state.resets, state.faults) == (203, 1, 0)
        await bench.manager.disable(0)
        await bench.until(lambda: bench.state().brought_up_s is None)
        assert await bench.manager.set_frequency(0, 100) == 100
        await bench.manager.enable(0)
        await bench.until(lambda: stick.clocks[-1] == 100)


async def test_a_clock_that_is_set_while_the_port_is_opened_is_the_first_one(bench: Bench) -> None:
    stick = bench.stick("stick")
    asked, may_open = asyncio.Event(), asyncio.Event()

    async def open_slowly(url: str, baudrate: int) -> Transport:
        asked.set()
        await may_open.wait()
        return await open_serial(url, baudrate)

    async with bench.running(virtual(bench), open_transport=open_slowly):
        await asked.wait()
        assert await bench.manager.set_frequency(0, 200) == 200
        may_open.set()
        await bench.alive()
        assert stick.clocks == [200]


async def test_a_clock_that_is_set_while_the_driver_looks_at_the_port_is_not_lost(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    stick = bench.stick("stick")
    asked, may_open = asyncio.Event(), asyncio.Event()
    assert DRIVER.spec is not None
    really_open = DRIVER.spec.open

    async def open_slowly(transport: Transport, options: DeviceOptions) -> Device:
        asked.set()
        await may_open.wait()
        return await really_open(transport, options)

    slow = replace(DRIVER, spec=replace(DRIVER.spec, open=open_slowly))
    monkeypatch.setattr("tests.unit.device.test_manager.DRIVER", slow)
    async with bench.running(virtual(bench)):
        await asked.wait()
        assert await bench.manager.set_frequency(0, 200) == 200
        may_open.set()
        await bench.until(lambda: stick.clocks[-1:] == [200])
        state = await bench.alive()
        assert (state.target_mhz, state.faults) == (200, 0)


async def test_orders_that_cannot_be_carried_out_say_why(bench: Bench) -> None:
    async with bench.running():
        with pytest.raises(CommandError, match="no device 0; no stick was ever seen"):
            await bench.manager.reset(0)
    bench.stick("stick")
    async with bench.running(virtual(bench)):
        await bench.alive()
        for device_id in (1, -1):
            with pytest.raises(CommandError, match=f"no device {device_id}; known: 0 to 0") as no:
                await bench.manager.enable(device_id)
            assert no.value.reason == "unknown-device"
        with pytest.raises(CommandError, match=r"501 MHz is out of .* Compac: 6\.25 to 500") as no:
            await bench.manager.set_frequency(0, 501)
        assert no.value.reason == "out-of-range"
        bench.sticks[0].unplug()
        await bench.until(lambda: not bench.state().present)
        with pytest.raises(CommandError, match="is not plugged in") as no:
            await bench.manager.reset(0)
        assert no.value.reason == "not-present"


async def test_the_end_leaves_all_sticks_quiet_and_all_ports_free(bench: Bench) -> None:
    sticks = [bench.stick(f"s{n}") for n in range(12)]
    manager = bench.make(*[virtual(bench, f"s{n}") for n in range(12)])
    task = asyncio.create_task(manager.run())
    for n in range(12):
        await bench.alive(n)
    started_s = time.monotonic()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert time.monotonic() - started_s < 1.5
    await bench.until(lambda: all(stick.quiet == 1 for stick in sticks))
    for stick in sticks:
        await (await open_serial(stick.path, 115200)).close()
        stick.unplug()


async def test_a_driver_that_will_not_end_is_left_behind_in_time(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(FakeDevice, "is_stubborn", True)
    sticks = [bench.stick("a"), bench.stick("b")]
    task = asyncio.create_task(bench.make(virtual(bench, "a"), virtual(bench, "b")).run())
    await bench.alive(0)
    await bench.alive(1)
    started_s = time.monotonic()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert time.monotonic() - started_s < 1.5
    assert caplog.text.count("its driver does not stop") == 2
    for stick in sticks:
        await (await open_serial(stick.path, 115200)).close()
    monkeypatch.setattr(FakeDevice, "is_stubborn", False)
    await asyncio.sleep(0.05)
    for stick in sticks:
        stick.unplug()


async def test_a_configured_port_that_is_missing_is_shown_and_awaited(bench: Bench) -> None:
    port = bench.root / "stick"
    async with bench.running(virtual(bench), DeviceConfig(port="/dev/ttyNO7")):
        state = bench.state()
        assert (state.status, state.present) == (DeviceStatus.NO_START, False)
        assert state.problem == (
            f"stick at {port}: no such port; plug the stick in or correct devices[0].port"
        )
        assert bench.manager.problems() == (
            "stick at /dev/ttyNO7: no such port; plug the stick in or correct devices[1].port",
        )
        bench.stick("stick")
        assert (await bench.alive()).id == 0
        assert len(bench.states) == 1


async def test_a_usb_stick_takes_the_row_that_waits_for_its_port(bench: Bench) -> None:
    tty = str(bench.usb.tty("ttyUSB0"))
    async with bench.running(DeviceConfig(port=tty, model="compac")):
        assert bench.state().status is DeviceStatus.NO_START
        bench.usb.plug("1-1", "ttyUSB0", serial="A", target=bench.stick().path)
        assert (await bench.alive()).serial == "A"
        bench.usb.pull("1-1", "ttyUSB0")
        await bench.until(lambda: not bench.state().present)
        bench.usb.plug("1-1", "ttyUSB0", serial="B", target=bench.stick().path)
        assert (await bench.alive(1)).serial == "B"
        assert bench.state(0).status is DeviceStatus.DEAD


async def test_a_busy_port_names_its_user_and_is_taken_when_free(bench: Bench) -> None:
    stick = bench.stick("stick")
    held = await open_serial(stick.path, 115200)
    async with bench.running(virtual(bench)):
        await bench.until(lambda: bench.state().faults == 1)
        assert bench.state().problem == (
            f"stick at {bench.root / 'stick'}: in use by this program itself; stop that program"
        )
        assert bench.state().status is DeviceStatus.NO_START
        await held.close()
        await bench.alive()


async def test_a_stick_behind_a_socket_comes_goes_and_returns(bench: Bench) -> None:
    loop = asyncio.get_running_loop()
    with socket.create_server(("127.0.0.1", 0)) as reserved:
        address = reserved.getsockname()
    url = f"socket://{address[0]}:{address[1]}"
    async with bench.running(DeviceConfig(port=url, model="compac", serial="N1")):
        await bench.until(lambda: bench.state().faults == 1)
        state = bench.state()
        assert (state.status, state.present) == (DeviceStatus.NO_START, False)
        assert state.problem.startswith(f"stick N1 at {url}: connection refused; start the program")
        with socket.create_server(address) as listener:
            listener.setblocking(False)
            for _ in range(2):
                connection, _ = await loop.sock_accept(listener)
                stick = FakeStick(connection=connection.detach())
                assert (await bench.alive()).present
                await bench.until(lambda: bench.state().attempts > 1)
                stick.unplug()
                await bench.until(lambda: bench.state().status is not DeviceStatus.ALIVE)
        await bench.until(lambda: not bench.state().present)
        assert bench.state().status is DeviceStatus.DEAD


async def test_udev_is_given_a_moment_to_set_permissions(bench: Bench) -> None:
    bench.stick("stick")
    tries = 0

    async def open_slowly(url: str, baudrate: int) -> Transport:
        nonlocal tries
        tries += 1
        if tries < 4:
            raise PortUnusable(url, PortProblem.DENIED, "permission denied", "add the user to it")
        return await open_serial(url, baudrate)

    async with bench.running(virtual(bench), open_transport=open_slowly):
        assert (await bench.alive()).faults == 0
        assert tries == 4


async def test_permission_denied_for_good_is_told_with_its_cure(bench: Bench) -> None:
    bench.usb.plug("1-1", "ttyUSB0", target="/dev/null")

    async def refuse(url: str, baudrate: int) -> Transport:
        raise PortUnusable(
            url, PortProblem.DENIED, "permission denied", "add the user to group dialout"
        )

    async with bench.running(open_transport=refuse):
        await bench.until(lambda: bench.state().faults == 1)
        assert bench.state().problem == (
            f"stick 10024583 at {bench.usb.tty('ttyUSB0')}: permission denied; "
            "add the user to group dialout"
        )


@pytest.mark.slow
async def test_a_usb_stick_that_keeps_failing_is_reset_by_its_hub(
    bench: Bench, caplog: pytest.LogCaptureFixture
) -> None:
    stick = bench.stick()
    stick.greeting = b""
    bench.usb.plug("1-1", "ttyUSB0", target=stick.path)
    async with bench.running():
        await bench.until(lambda: bench.state().faults >= 6)
    assert caplog.text.count("resetting it on USB") == 1
    assert "USB reset of stick 10024583" in caplog.text, "the node is a plain file here"
    assert "Inappropriate ioctl" in caplog.text


async def test_one_ambiguous_stick_does_not_stop_the_others(bench: Bench) -> None:
    tty = str(bench.usb.tty("ttyUSB0"))
    ambiguous, plain = bench.stick(), bench.stick()
    bench.usb.plug("1-1", "ttyUSB0", serial="A", target=ambiguous.path)
    bench.usb.plug("1-2", "ttyUSB1", serial="B", target=plain.path)
    async with bench.running(DeviceConfig(serial="A"), DeviceConfig(port=tty)):
        assert (await bench.alive()).serial == "B"
        (problem,) = bench.manager.problems()
        assert problem.startswith(f"{tty} is left alone: devices[1]: fits {tty}, and so does")
        assert ambiguous.greeted == 0
        bench.usb.pull("1-1", "ttyUSB0")
        await bench.until(lambda: "is left alone" not in str(bench.manager.problems()))


async def test_rows_are_bounded(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(manager_module, "MAX_DEVICES", 3)
    async with bench.running():
        for n in range(5):
            bench.usb.plug("1-1", "ttyUSB0", serial=str(n), target="/dev/null")
            await asyncio.sleep(0.05)
            bench.usb.pull("1-1", "ttyUSB0")
            await asyncio.sleep(0.05)
        assert len(bench.states) == 3
        bench.usb.plug("1-1", "ttyUSB0", serial="more", target="/dev/null")
        await bench.until(lambda: bool(bench.manager.problems()))
        assert "3 sticks were seen already; restart" in bench.manager.problems()[0]


@pytest.mark.slow
async def test_whatever_is_done_to_sticks_numbers_stay_and_all_recover(bench: Bench) -> None:
    seed = random.randrange(2**32)
    print(f"seed {seed}")
    rng = random.Random(seed)
    names = [f"s{n}" for n in range(4)]
    sticks = {name: bench.stick(name) for name in names}
    async with bench.running(*[virtual(bench, name) for name in names]):
        for n in range(4):
            await bench.alive(n)
        for _ in range(60):
            n = rng.randrange(4)
            name = names[n]
            act = rng.choice(["pull", "replug", "fail", "off", "on", "reset", "mute", "unlink"])
            stick = sticks[name]
            with contextlib.suppress(CommandError):
                if act == "pull":
                    stick.unplug()
                elif act == "replug":
                    stick.unplug()
                    sticks[name] = bench.stick(name)
                elif act == "fail" and stick.peer.is_open:
                    with contextlib.suppress(OSError):
                        stick.fail()
                elif act == "off":
                    await bench.manager.disable(n)
                elif act == "on":
                    await bench.manager.enable(n)
                elif act == "reset":
                    await bench.manager.reset(n)
                elif act == "mute":
                    stick.finds = rng.random() < 0.5
                elif act == "unlink":
                    (bench.root / name).unlink(missing_ok=True)
            await asyncio.sleep(rng.choice([0, 0.005, 0.05]))
            rows = bench.states
            assert [(s.id, s.path) for s in rows] == [
                (n, str(bench.root / name)) for n, name in enumerate(names)
            ]
            for state in rows:
                assert (state.problem == "") is (state.status is DeviceStatus.ALIVE)
                assert state.present or state.brought_up_s is None or state.attempts
        for n, name in enumerate(names):
            sticks[name].unplug()
            sticks[name] = bench.stick(name)
            await bench.manager.enable(n)
        for n in range(4):
            await bench.alive(n)


async def test_new_sticks_are_taken_only_while_they_are_looked_for(bench: Bench) -> None:
    first, second = bench.stick(), bench.stick()
    async with bench.running():
        bench.manager.set_hotplug(0)
        bench.usb.plug("1-1.4", "ttyUSB0", serial="A", target=first.path)
        await asyncio.sleep(0.1)
        assert bench.manager.device_states() == ()
        bench.manager.set_hotplug(0.2)
        bench.usb.plug("1-1.3", "ttyUSB1", serial="B", target=second.path)
        await bench.until(lambda: len(bench.manager.device_states()) == 1)
        assert bench.manager.device_states()[0].serial == "B"
