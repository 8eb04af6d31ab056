"""The driver against a whole fake chain: bring-up, cadence, claims, ramp, faults, farewell."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from fractions import Fraction
from itertools import pairwise

import pytest

from luxminer.device.contract import DeviceOptions, StickModel
from luxminer.errors import ConfigError, DeviceFault, ProbeMismatch, TransportClosed
from luxminer_drivers.bm1384.device import open_stick
from luxminer_drivers.bm1384.spec import SPEC
from luxminer_drivers.common.stick import ChainStick
from tests.unit.drivers.fake_chain import (
    AT_6_25,
    AT_100,
    AT_200_REPLY,
    CHAIN_INACTIVE,
    CHIP_ID,
    COUNT,
    HEADERS,
    READ_PLL,
    FakeChain,
)
from tests.unit.drivers.fake_host import FakeHost
from tests.unit.drivers.warp import warped
from tests.unit.mining.jobs import job

BRING_UP_S = 2.0

KNOWN_CLOCKS = ["8210870a", "82118711", "8209830a", "82148709", "82158712", "8216871a", "820b8319"]
"""106.25 to 150 MHz as the original program writes them, without 118.75."""


def model(name: str) -> StickModel:
    return next(model for model in SPEC.models if model.name == name)


def options(name: str = "compac", mhz: float = 100.0, scale: float = 1.0) -> DeviceOptions:
    return DeviceOptions(model=model(name), frequency_mhz=mhz, scale=scale)


@contextlib.asynccontextmanager
async def running(
    chain: FakeChain, host: FakeHost, wanted: DeviceOptions
) -> AsyncIterator[tuple[ChainStick, "asyncio.Task[None]"]]:
    """Run a stick; at the end it is cancelled unless it has ended by itself."""
    stick = await open_stick(chain, wanted)
    task = asyncio.create_task(stick.run(host))
    try:
        yield stick, task
    finally:
        task.cancel()
        await asyncio.wait({task})


async def fault_of(task: "asyncio.Task[None]", limit_s: float) -> BaseException | None:
    await asyncio.wait({task}, timeout=limit_s)
    assert task.done(), f"still running after {limit_s} s"
    return task.exception()


@warped
async def test_bring_up_in_the_order_of_the_reference() -> None:
    chain, host = FakeChain(chips=2), FakeHost()
    async with running(chain, host, options("2pac")):
        await asyncio.sleep(BRING_UP_S)
    commands = [frame for frame in chain.frames if len(frame) == 8]
    assert commands[:5] == [COUNT, AT_100, CHAIN_INACTIVE, "01000019", "01800016"]
    open_core = [
        data for _, data in chain.written if len(data) == 64 and not any(data[:32] + data[40:44])
    ]
    assert [data[51] for data in open_core] == [*range(32), *range(25)]
    first_task = next(at for at, data in enumerate(chain.written) if any(data[1][40:44]))
    assert first_task == 5 + 57
    times = [at for at, data in chain.written if len(data) == 64][:57]
    assert all(later - at >= 0.01 - 1e-9 for at, later in pairwise(times))


@warped
async def test_the_first_task_comes_within_a_second() -> None:
    chain, host = FakeChain(), FakeHost()
    async with running(chain, host, options()):
        await asyncio.sleep(1.0)
        assert chain.tasks
        assert host.right > 0


@warped
async def test_each_task_is_its_header_and_each_nonce_its_work() -> None:
    chain, host = FakeChain(chips=3), FakeHost()
    async with running(chain, host, options("terminus")):
        await asyncio.sleep(20)
    # The fake chain answers only frames that the original program made for the same header.
    assert len(chain.tasks) > 2 * len(HEADERS)
    assert host.right == len(host.claims) == len(chain.tasks)
    for nonce, _ in host.claims:
        assert nonce.work is not None
        assert nonce.device_id == 7
        assert nonce.version == nonce.work.versions[0]
        first = nonce.nonce & 0xFF
        assert nonce.chip == min(first // 85, 2)
    report = host.reports[-1]
    assert [chip.index for chip in report.chips] == [0, 1, 2]
    assert report.bytes_discarded == 0


@warped
async def test_job_ids_go_round_from_10_to_1f() -> None:
    chain, host = FakeChain(), FakeHost()
    async with running(chain, host, options()):
        await asyncio.sleep(15)
    ids = [data[51] for _, data in chain.tasks]
    assert ids[:18] == [*range(0x10, 0x20), 0x10, 0x11]


@warped
async def test_tasks_come_well_within_a_full_scan_and_without_drift() -> None:
    chain, host = FakeChain(), FakeHost()
    async with running(chain, host, options()):
        await asyncio.sleep(40)
    times = [at for at, _ in chain.tasks]
    interval_s = 0.8 * 0xFFFFFFFF / 5.5e9
    assert len(times) > 60
    assert (times[-1] - times[0]) / (len(times) - 1) == pytest.approx(interval_s, abs=1e-3)
    assert max(later - at for at, later in pairwise(times)) < interval_s + 0.01


@warped
async def test_a_virtual_stick_is_fed_like_a_real_one_and_rated_by_its_scale() -> None:
    chain, host = FakeChain(), FakeHost()
    async with running(chain, host, options(scale=0.001)):
        await asyncio.sleep(10)
    report = host.reports[-1]
    assert report.task_interval_s == pytest.approx(0.6247, abs=1e-4)
    assert report.nominal_hs == pytest.approx(5.5e6)
    assert report.ticket_difficulty == pytest.approx(0.002)


@pytest.mark.parametrize(
    ("name", "chips", "mhz", "ticket"),
    [("compac", 1, 100, 2), ("2pac", 2, 100, 4), ("terminus", 8, 100, 16), ("compac", 1, 6.25, 1)],
)
def test_ticket_and_range_stand_in_the_frame(
    name: str, chips: int, mhz: float, ticket: int
) -> None:
    @warped
    async def check() -> None:
        chain, host = FakeChain(chips), FakeHost()
        async with running(chain, host, options(name, mhz)):
            await asyncio.sleep(BRING_UP_S)
        frame = chain.tasks[0][1]
        assert frame[39] == ticket - 1
        assert int.from_bytes(frame[40:44], "big") == 0xFFFFFFFF // chips
        assert host.reports[-1].ticket_difficulty == ticket

    check()


@warped
async def test_a_ticket_keeps_back_nothing_that_a_pool_takes() -> None:
    chain, host = FakeChain(), FakeHost()

    async def ticket_with(difficulty: Fraction, network: Fraction = Fraction(1 << 40)) -> int:
        host.job = job(difficulty=difficulty, network_difficulty=network)
        host.change_work()
        await asyncio.sleep(2)
        assert host.reports[-1].ticket_difficulty == chain.tasks[-1][1][39] + 1
        return chain.tasks[-1][1][39] + 1

    async with running(chain, host, options("compac", 300)):
        await asyncio.sleep(BRING_UP_S + 40)  # up to its clock
        assert await ticket_with(Fraction(1000)) == 4
        assert await ticket_with(Fraction(3)) == 2
        assert await ticket_with(Fraction(1, 2)) == 1
        for _ in range(5):
            assert await ticket_with(Fraction(1000)) == 1, "the easy one may come again"
        await asyncio.sleep(60)
        assert await ticket_with(Fraction(1000)) == 4
        assert await ticket_with(Fraction(1000), network=Fraction(2)) == 2, "a block"


@warped
async def test_void_work_is_replaced_at_once() -> None:
    chain, host = FakeChain(), FakeHost()
    async with running(chain, host, options(scale=0.001)):
        await asyncio.sleep(BRING_UP_S)
        await asyncio.sleep(0.2)
        before = len(chain.tasks)
        changed_s = host.clock.monotonic()
        host.change_work()
        await asyncio.sleep(0.01)
        assert len(chain.tasks) == before + 1
        assert chain.tasks[-1][0] == pytest.approx(changed_s, abs=1e-3)
        await asyncio.sleep(0.36)
        assert len(chain.tasks) == before + 1, "the next one is due a whole interval later"


@warped
async def test_without_work_the_chips_get_busy_frames_and_work_wakes_them() -> None:
    chain, host = FakeChain(), FakeHost()
    host.has_work = False
    async with running(chain, host, options()):
        await asyncio.sleep(300)
        assert not chain.tasks
        interval_s = 0.8 * 0xFFFFFFFF / 5.5e9
        assert len(chain.busy) == pytest.approx(299 / interval_s, rel=0.01)
        assert all(0x10 <= data[51] <= 0x1F for _, data in chain.busy)
        host.change_work()
        await asyncio.sleep(0.01)
        assert len(chain.tasks) == 1
        await asyncio.sleep(1)
        assert host.right > 0
    assert host.reports[-1].busy_tasks_sent > 450


@warped
async def test_nonces_of_busy_frames_are_nobodys_and_counted() -> None:
    chain, host = FakeChain(), FakeHost()
    host.has_work = False
    # With so small a scale every hash is right.
    async with running(chain, host, options(scale=1e-12)):
        await asyncio.sleep(BRING_UP_S)
        chain.say(bytes.fromhex("0102030490"))
        await asyncio.sleep(BRING_UP_S)
    assert host.claims == []
    assert host.reports[-1].busy_nonces == 1


@warped
async def test_a_wrong_nonce_is_a_claim_that_counts_against_its_chip() -> None:
    chain, host = FakeChain(chips=2), FakeHost()
    async with running(chain, host, options("2pac")):
        await asyncio.sleep(BRING_UP_S)
        host.change_work(has_work=False)
        await asyncio.sleep(0.02)
        last = chain.tasks[-1][1][51]
        chain.say(bytes([0xC0, 1, 2, 3, 0x80 | last]))
        await asyncio.sleep(0.2)
        nonce, is_right = host.claims[-1]
        assert (nonce.nonce, nonce.chip, is_right) == (0x030201C0, 1, False)
        assert nonce.work is host.handed_out[-1][1]
        chain.say(bytes([0xC0, 1, 2, 3, 0x85]))  # an id that never was a task's
        await asyncio.sleep(1.5)
        assert host.claims[-1][0].work is None
    report = host.reports[-1]
    assert [chip.hw_errors for chip in report.chips] == [0, 2]


@warped
async def test_the_same_nonce_twice_is_a_duplicate() -> None:
    chain, host = FakeChain(), FakeHost()
    chain.answers = lambda frame: chain.answer(frame) * (2 if len(frame) == 64 else 1)
    async with running(chain, host, options()):
        await asyncio.sleep(5)
    chip = host.reports[-1].chips[0]
    assert chip.nonces > 10
    assert chip.duplicates == chip.nonces / 2
    assert host.right == len(host.claims)


@warped
async def test_noise_between_replies_costs_no_nonce() -> None:
    chain, host = FakeChain(), FakeHost()
    junk = bytes.fromhex("42ff13")
    chain.answers = lambda frame: junk + chain.answer(frame)
    async with running(chain, host, options()):
        await asyncio.sleep(8)
    assert host.right == len(chain.tasks) > 10
    report = host.reports[-1]
    assert report.bytes_discarded >= 3 * (report.tasks_sent - 2)
    assert len(report.chips) == 1


@warped
async def test_the_clock_rises_one_step_a_second_while_mining() -> None:
    chain, host = FakeChain(), FakeHost()
    async with running(chain, host, options(mhz=150)):
        await asyncio.sleep(BRING_UP_S)
        assert host.reports[-1].is_ramping
        assert chain.tasks
        await asyncio.sleep(8)
        report = host.reports[-1]
        assert (report.frequency_mhz, report.target_mhz, report.is_ramping) == (150, 150, False)
        assert report.nominal_hs == pytest.approx(8.25e9)
        assert report.task_interval_s == pytest.approx(0.4165, abs=1e-4)
    rising = chain.clocks[1:9]
    assert [frame for _, frame in rising if frame in KNOWN_CLOCKS] == KNOWN_CLOCKS
    assert all(0.99 < later - at < 1.02 for (at, _), (later, _) in pairwise(rising))


@warped
async def test_a_new_target_is_approached_in_steps_both_ways() -> None:
    chain, host = FakeChain(), FakeHost()
    async with running(chain, host, options()) as (stick, _):
        await asyncio.sleep(BRING_UP_S)
        assert await stick.set_frequency(401) == 412.5
        await asyncio.sleep(60)
        assert host.reports[-1].frequency_mhz == 412.5
        assert await stick.set_frequency(100) == 100
        await asyncio.sleep(3)
        report = host.reports[-1]
        assert (report.frequency_mhz, report.is_ramping) == (100, False)
        assert report.task_interval_s == pytest.approx(0.6247, abs=1e-4)


@pytest.mark.parametrize("mhz", [0, 6, 500.5, float("nan"), float("inf")])
def test_a_clock_out_of_range_is_refused_with_the_range(mhz: float) -> None:
    @warped
    async def check() -> None:
        with pytest.raises(ConfigError, match=r"6\.25 to 500") as caught:
            await open_stick(FakeChain(), options(mhz=mhz))
        assert caught.value.key == "frequency_mhz"
        stick = await open_stick(FakeChain(), options())
        with pytest.raises(ConfigError):
            await stick.set_frequency(mhz)

    check()


@warped
async def test_the_end_steps_the_clock_down_and_is_quick() -> None:
    chain, host = FakeChain(), FakeHost()
    async with running(chain, host, options(mhz=500)) as (_, task):
        await asyncio.sleep(120)
        assert host.reports[-1].frequency_mhz == 500
        cancelled_s = host.clock.monotonic()
        task.cancel()
        await asyncio.wait({task})
        assert host.clock.monotonic() - cancelled_s < 0.8
        assert task.cancelled()
    assert chain.frames[-2:] == [AT_6_25, CHAIN_INACTIVE]
    down = [frame for at, frame in chain.clocks if at >= cancelled_s]
    assert len(down) == 16 + 1
    assert down[3] == "82078106", "500 less four steps of 25 MHz"
    assert down[-2:] == [AT_100, AT_6_25]


@warped
async def test_an_unplug_ends_it_and_is_told_as_such() -> None:
    chain, host = FakeChain(), FakeHost()
    async with running(chain, host, options()) as (_, task):
        await asyncio.sleep(3)
        chain.say(b"\x1d\xac")
        chain.unplug()
        assert isinstance(await fault_of(task, 1), TransportClosed)


@pytest.mark.parametrize("after_s", [0.0, 0.03, 0.1, 0.2, 0.25, 0.5, 0.79])
def test_an_unplug_at_any_moment_of_the_bring_up(after_s: float) -> None:
    @warped
    async def check() -> None:
        chain, host = FakeChain(), FakeHost()
        async with running(chain, host, options()) as (_, task):
            await asyncio.sleep(after_s)
            chain.unplug()
            assert isinstance(await fault_of(task, 2), TransportClosed)

    check()


@warped
async def test_cancelling_the_bring_up_leaves_the_chips_quiet() -> None:
    chain, host = FakeChain(), FakeHost()
    async with running(chain, host, options()) as (_, task):
        await asyncio.sleep(0.4)
        task.cancel()
        await asyncio.wait({task})
        assert task.cancelled()
    assert chain.frames[-2:] == [AT_6_25, CHAIN_INACTIVE]


@warped
async def test_nothing_there_is_a_mismatch_after_a_second_try() -> None:
    chain, host = FakeChain(chips=0), FakeHost()
    async with running(chain, host, options()) as (_, task):
        fault = await fault_of(task, 10)
    assert isinstance(fault, ProbeMismatch)
    assert "no BM1384 answered on fake:" in str(fault)
    assert chain.frames == [COUNT, AT_100, COUNT]


@warped
async def test_a_foreign_device_that_talks_all_the_time_is_a_mismatch() -> None:
    chain, host = FakeChain(), FakeHost()
    chain.answers = lambda frame: b""

    async def talk() -> None:
        while True:
            chain.say(b"$GPGGA,123519,4807.038,N\r\n")
            await asyncio.sleep(0.02)

    talker = asyncio.create_task(talk())
    async with running(chain, host, options()) as (_, task):
        fault = await fault_of(task, 10)
    assert isinstance(fault, ProbeMismatch)
    talker.cancel()


@warped
async def test_a_chain_longer_than_addresses_is_refused() -> None:
    chain, host = FakeChain(chips=257), FakeHost()
    async with running(chain, host, options("terminus")) as (_, task):
        fault = await fault_of(task, 10)
    assert isinstance(fault, ProbeMismatch)
    assert "257" in str(fault)


@warped
async def test_a_deaf_start_is_overcome_by_a_second_count() -> None:
    chain, host = FakeChain(), FakeHost()
    chain.deaf_counts = 1
    async with running(chain, host, options()):
        await asyncio.sleep(4)
        assert host.reports[-1].resets == 1
        assert host.right > 0


@pytest.mark.parametrize("name", ["2pac", "terminus"])
def test_an_answer_to_the_count_that_noise_spoilt_is_asked_for_again(name: str) -> None:
    @warped
    async def check() -> None:
        chain, host = FakeChain(chips=2), FakeHost()

        def noisy_once(frame: bytes) -> bytes:
            chain.answers = chain.answer
            return CHIP_ID + CHIP_ID[:2] + CHIP_ID[3:]

        chain.answers = noisy_once
        async with running(chain, host, options(name)):
            await asyncio.sleep(BRING_UP_S)
            assert len(host.reports[-1].chips) == 2
            assert host.reports[-1].resets == 0

    check()


@warped
async def test_old_nonces_do_not_count_as_chips() -> None:
    chain, host = FakeChain(chips=2), FakeHost()
    chain.answers = lambda frame: (
        bytes.fromhex("1dac2b7c9e") + CHIP_ID + b"\x7c\x9e" + CHIP_ID
        if frame.hex() == COUNT
        else chain.answer(frame)
    )
    async with running(chain, host, options("2pac")):
        await asyncio.sleep(BRING_UP_S)
        assert len(host.reports[-1].chips) == 2


@warped
async def test_a_missing_chip_is_said_but_not_fatal(caplog: pytest.LogCaptureFixture) -> None:
    chain, host = FakeChain(chips=1), FakeHost()
    async with running(chain, host, options("2pac")):
        await asyncio.sleep(BRING_UP_S)
        report = host.reports[-1]
        assert len(report.chips) == 1
        assert report.problem.startswith("1 chip answered, a GekkoScience 2Pac has 2; look at its")
        assert host.right
    assert report.problem in caplog.text


@warped
async def test_silence_is_a_fault_after_twenty_expected_nonces() -> None:
    chain, host = FakeChain(), FakeHost()
    async with running(chain, host, options()) as (_, task):
        await asyncio.sleep(30)
        silent_s = host.clock.monotonic()
        chain.answers = lambda frame: b""
        fault = await fault_of(task, 60)
        assert isinstance(fault, DeviceFault)
        expected_s = host.reports[-1].ticket_difficulty * 0xFFFFFFFF / 5.5e9
        assert host.clock.monotonic() - silent_s == pytest.approx(20 * expected_s, abs=1.5)
    assert chain.frames[-2:] == [AT_6_25, CHAIN_INACTIVE]


@warped
async def test_silence_without_work_is_no_fault() -> None:
    chain, host = FakeChain(), FakeHost()
    chain.answers = lambda frame: b"" if len(frame) == 64 else chain.answer(frame)
    async with running(chain, host, options()) as (_, task):
        await asyncio.sleep(5)
        host.change_work(has_work=False)
        await asyncio.sleep(3600)
        assert not task.done()
        host.change_work()
        assert isinstance(await fault_of(task, 60), DeviceFault)


@warped
async def test_chips_that_restarted_by_themselves_are_found_out() -> None:
    chain, host = FakeChain(), FakeHost()
    async with running(chain, host, options()) as (_, task):
        await asyncio.sleep(100)
        assert chain.frames.count(READ_PLL) == 3
        assert host.reports[-1].bytes_discarded == 0
        chain.clock = AT_200_REPLY
        fault = await fault_of(task, 100)
    assert isinstance(fault, DeviceFault)
    assert "runs at 200 MHz, not at 100" in str(fault)


@warped
async def test_chips_that_never_tell_their_clock_are_left_alone() -> None:
    for reply in (b"", AT_200_REPLY, b"\x80"):
        chain, host = FakeChain(), FakeHost()
        chain.clock = reply
        async with running(chain, host, options()) as (_, task):
            await asyncio.sleep(600)
            assert not task.done()


@warped
async def test_a_chip_that_stops_is_a_fault_once(caplog: pytest.LogCaptureFixture) -> None:
    chain, host = FakeChain(chips=2), FakeHost()
    stick = await open_stick(chain, options("2pac"))
    task = asyncio.create_task(stick.run(host))
    await asyncio.sleep(20)
    assert all(chip.nonces for chip in host.reports[-1].chips)

    def first_chip_only(frame: bytes) -> bytes:
        reply = chain.answer(frame)
        return b"" if len(frame) == 64 and reply[:1] >= b"\x80" else reply

    chain.answers = first_chip_only
    fault = await fault_of(task, 120)
    assert isinstance(fault, DeviceFault)
    assert "chip 1 has stopped" in str(fault)
    # A reset did not help: better to mine with what is left, and to say so.
    task = asyncio.create_task(stick.run(host))
    await asyncio.sleep(600)
    assert not task.done()
    words = "chip 1 of 2 answers, but has found nothing so far"
    assert caplog.text.count(words) == 1
    assert host.reports[-1].problem.startswith(words)
    task.cancel()
    await asyncio.wait({task})


@warped
async def test_mostly_errors_are_a_fault() -> None:
    chain, host = FakeChain(), FakeHost()

    def spoilt(frame: bytes) -> bytes:
        reply = chain.answer(frame)
        wrong = bytes([reply[0] ^ 1]) + reply[1:] if reply else b""
        return wrong * 2 + reply if len(frame) == 64 else reply

    async with running(chain, host, options()) as (_, task):
        await asyncio.sleep(5)
        chain.answers = spoilt
        fault = await fault_of(task, 120)
    assert isinstance(fault, DeviceFault)
    assert "nonces are wrong; lower the clock" in str(fault)


@warped
async def test_some_errors_are_not() -> None:
    chain, host = FakeChain(), FakeHost()

    def spoilt(frame: bytes) -> bytes:
        reply = chain.answer(frame)
        wrong = bytes([reply[0] ^ 1]) + reply[1:] if reply else b""
        return reply + wrong if len(frame) == 64 and frame[51] % 4 == 0 else reply

    async with running(chain, host, options()) as (_, task):
        await asyncio.sleep(5)
        chain.answers = spoilt
        await asyncio.sleep(600)
        assert not task.done()
        report = host.reports[-1]
        assert report.chips[0].hw_errors == pytest.approx(0.25 * report.tasks_sent, rel=0.05)
        assert report.frequency_mhz == report.target_mhz == 100


@warped
async def test_a_task_that_went_in_part_is_finished_at_once() -> None:
    chain, host = FakeChain(), FakeHost()
    async with running(chain, host, options()):
        await asyncio.sleep(BRING_UP_S)
        chain.room = 20
        before = len(chain.written)
        await asyncio.sleep(10)
    parts = [(at, data) for at, data in chain.written[before:] if len(data) in (20, 44)]
    assert len(parts) > 20
    for (at, first), (later, rest) in zip(parts[::2], parts[1::2], strict=False):
        assert (len(first), len(rest)) == (20, 44)
        assert later - at < 0.02


@warped
async def test_a_port_that_takes_nothing_is_a_fault() -> None:
    chain, host = FakeChain(), FakeHost()
    async with running(chain, host, options()) as (_, task):
        await asyncio.sleep(3)
        chain.accepts_writes = False
        stuck_s = host.clock.monotonic()
        assert isinstance(await fault_of(task, 10), DeviceFault)
        assert host.clock.monotonic() - stuck_s < 4


@warped
async def test_running_again_counts_a_reset_and_mines_on() -> None:
    chain, host = FakeChain(), FakeHost()
    stick = await open_stick(chain, options())
    for resets in range(3):
        task = asyncio.create_task(stick.run(host))
        await asyncio.sleep(3)
        report, before = host.reports[-1], host.right
        assert report.resets == resets
        await asyncio.sleep(3)
        assert host.right > before
        task.cancel()
        await asyncio.wait({task})
    assert host.reports[-1].tasks_sent == pytest.approx(len(chain.tasks), abs=3)


@warped
async def test_reports_come_with_the_first_task_after_each_second() -> None:
    chain, host = FakeChain(), FakeHost()
    async with running(chain, host, options()):
        await asyncio.sleep(61)
    assert 61 / 1.5 <= len(host.reports) <= 65


def test_the_models_are_those_of_the_reference() -> None:
    assert [(each.name, each.code, each.chips) for each in SPEC.models] == [
        ("compac", "GSC", 1),
        ("2pac", "GSD", 2),
        ("terminus", "GSE", 0),
    ]
    for each in SPEC.models:
        assert each.usb.manufacturers == ("GekkoScience", "bitshopperde")
        assert (each.usb.vendor_id, each.usb.product_id) == (0x10C4, 0xEA60)
        assert (each.min_mhz, each.max_mhz, each.baudrate) == (6.25, 500, 115200)
        assert each.chip == "BM1384"
