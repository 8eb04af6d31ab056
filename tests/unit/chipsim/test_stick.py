"""A stick as its host sees it: bytes in, bytes out, and an account that adds up."""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Sequence
from fractions import Fraction

import pytest

from luxminer.errors import TransportClosed, TransportTimeout
from luxminer.hashing import midstate, scan
from luxminer_hil.chipsim import (
    Direction,
    Fault,
    FaultKind,
    FaultPlan,
    Hasher,
    MemoryPort,
    SimulatorError,
    VirtualStick,
)
from luxminer_hil.chipsim.chip import MAX_OWED_S, Slice
from luxminer_hil.memory_transport import MemoryTransport
from tests.unit.chipsim.host import (
    AT_100,
    AT_200,
    CHAIN_INACTIVE,
    CHIP_ID,
    COUNT,
    DETECTION_JOB,
    DETECTION_NONCE,
    DIFFICULTY_1,
    PLL_100,
    PLL_200,
    READ_PLL,
    VECTORS,
    Bench,
    hash_of,
    header_of,
    read_pll,
    set_address,
    task,
    until,
)


@contextlib.asynccontextmanager
async def bench(
    model: str = "compac",
    *faults: Fault,
    chips: int | None = None,
    scale: str = "0.001",
    seed: int = 0,
    stable_mhz: float | None = None,
) -> AsyncIterator[Bench]:
    stick = VirtualStick(
        model,
        chips=chips,
        scale=scale,
        seed=seed,
        stable_mhz=stable_mhz,
        port=MemoryPort(),
        faults=FaultPlan(faults, seed),
    )
    async with stick:
        yield Bench(stick)


# --- Registers -----------------------------------------------------------------------------------


@pytest.mark.parametrize(("model", "chips"), [("compac", 1), ("2pac", 2), ("terminus", 4)])
async def test_each_chip_answers_the_count(model: str, chips: int) -> None:
    async with bench(model) as host:
        assert await host.ask(COUNT, 5 * chips) == CHIP_ID * chips
        assert await host.silence(b"") == b""


async def test_replies_come_one_after_the_other_at_the_speed_of_the_line() -> None:
    async with bench("terminus", chips=16) as host:
        loop = asyncio.get_running_loop()
        before_s = loop.time()
        assert await host.ask(COUNT, 80) == CHIP_ID * 16
        assert loop.time() - before_s >= (4 + 80) * 10 / 115200


async def test_the_clock_is_what_was_written_last() -> None:
    async with bench() as host:
        assert await host.ask(READ_PLL, 5) == AT_200
        assert await host.ask(PLL_100 + READ_PLL, 5) == AT_100
        assert host.stick.counters().chips[0].mhz == 100.0


async def test_chips_take_addresses_in_the_order_of_the_chain() -> None:
    async with bench("terminus", chips=3) as host:
        assert await host.ask(read_pll(0), 15) == AT_200 * 3  # nobody has one: all are 0
        await host.address(3)
        assert [chip.address for chip in host.stick.counters().chips] == [0, 85, 170]
        assert await host.ask(read_pll(85), 5) == AT_200
        assert await host.silence(read_pll(1)) == b""
        assert await host.silence(set_address(7)) == b""
        assert host.stick.counters().addresses_ignored == 1
        assert await host.silence(CHAIN_INACTIVE) == b""
        assert await host.ask(set_address(9) + read_pll(9), 5) == AT_200
        assert [chip.address for chip in host.stick.counters().chips] == [9, 0, 0]


@pytest.mark.slow
async def test_bring_up_of_the_original_is_obeyed_in_every_byte() -> None:
    """With the pauses of the original, which the line and the loop blur."""
    for vector in VECTORS["vectors"]["init_trace"]:
        given = vector["input"]
        if vector["family"] != "BM1384" or given["chips"] not in (1, 8):
            continue
        async with bench("terminus", chips=given["chips"], scale="0.000001") as host:
            for step in vector["expect"]["steps"]:
                match step:
                    case ["write", frame]:
                        await host.transport.write(bytes.fromhex(frame))
                    case ["sleep_ms", pause]:
                        await asyncio.sleep(pause / 1000)
                    case ["read", _, expected]:
                        got = await host.receive(len(expected) // 2)
                        assert got.hex() == expected
                    case ["open_core_tasks", tasks]:
                        for number in range(tasks["count"]):
                            frame = bytearray(64)
                            frame[51] = number % 32
                            await host.transport.write(bytes(frame))
                            await asyncio.sleep(tasks["gap_ms"] / 1000)
            counters = host.stick.counters()
            assert counters.bad_frames == {}
            assert counters.frames == {
                "read_chip_id": 1,
                "chain_inactive": 1,
                "set_address": given["chips"],
                "open_core": 57,
            }
            assert counters.bytes_in == 4 * (2 + given["chips"]) + 57 * 64


async def test_damaged_commands_are_met_with_silence_and_counted() -> None:
    async with bench() as host:
        for bit in range(32):
            damaged = (int.from_bytes(COUNT, "big") ^ 1 << bit).to_bytes(4, "big")
            await host.transport.write(damaged)
            await asyncio.sleep(0.005)
        assert await host.silence(b"") == b""
        bad = host.stick.counters().bad_frames
        assert sum(bad.values()) == 32
        assert await host.ask(COUNT, 5) == CHIP_ID


async def test_half_a_frame_does_not_spoil_the_next_one() -> None:
    async with bench() as host:
        await host.transport.write(task(header_of(1))[:40])
        await asyncio.sleep(0.02)
        assert await host.ask(COUNT, 5) == CHIP_ID
        assert host.stick.counters().bad_frames == {"length": 1}


def block_the_loop(seconds: float) -> None:
    time.sleep(seconds)


async def test_a_gap_is_seen_although_the_loop_was_busy() -> None:
    async with bench() as host:
        host.stick._rx.send(task(header_of(1))[:40], 115200)
        host.stick._rx.send(COUNT, 115200, delay_s=0.02)
        block_the_loop(0.04)
        assert await host.receive(5) == CHIP_ID
        assert host.stick.counters().bad_frames == {"length": 1}


async def test_bytes_at_another_rate_are_noise() -> None:
    async with bench(seed=3) as host:
        await host.transport.set_baudrate(9600)
        await host.silence(COUNT)
        counters = host.stick.counters()
        assert counters.frames == {}
        assert counters.bytes_at_wrong_rate == 4
        await host.transport.set_baudrate(115200)
        assert await host.ask(COUNT, 5) == CHIP_ID
        await host.transport.write(COUNT)
        await host.transport.set_baudrate(57600)
        assert await host.receive(2) != CHIP_ID[:2]


# --- Nonces --------------------------------------------------------------------------------------


async def test_the_detection_job_is_answered_as_every_icarus_host_expects() -> None:
    async with bench() as host:
        assert await host.ask(DETECTION_JOB, 5) == DETECTION_NONCE + b"\x80"


def real_headers() -> dict[bytes, bytes]:
    """Nonce -> header of real blocks and shares, for those that a 16-chip chain finds early."""
    found = {}
    for vector in VECTORS["vectors"]["nonce"]:
        header = bytes.fromhex(vector["expect"]["header"])
        if int.from_bytes(header[76:], "big") % (1 << 28) < 200_000:
            found[header[76:]] = header
    return found


@pytest.mark.slow
async def test_real_blocks_are_found_each_by_the_chip_that_owns_its_nonce() -> None:
    headers = real_headers()
    assert len(headers) >= 5
    async with bench("terminus", chips=16) as host:
        await host.address(16)
        for number, (nonce, header) in enumerate(headers.items()):
            job_id = 0x10 + number
            before = [chip.nonces for chip in host.stick.counters().chips]
            await host.transport.write(task(header, job_id=job_id, nonce_range=(1 << 28) - 1))
            async with asyncio.timeout(20):
                while await host.receive(5) != nonce + bytes([0x80 | job_id]):
                    pass
            owner = host.stick.counters().chips[nonce[0] >> 4]
            assert owner.nonces > before[owner.index]


@pytest.mark.slow
async def test_exactly_the_hashes_of_the_ticket_are_reported() -> None:
    """Against another search of the same nonces: nothing is lost, invented or above the target."""
    header, ticket, scale = header_of(7), 2, Fraction(1, 10000)
    chips, nonce_range = 16, 500_000
    async with bench("terminus", chips=chips, scale=str(float(scale))) as host:
        await host.address(chips)
        await host.transport.write(task(header, ticket=ticket, nonce_range=nonce_range))
        await until(lambda: host.stick.counters().hashed == chips * nonce_range)
        await asyncio.sleep(0.05)
        said = host.stick_said()
    target = int(DIFFICULTY_1 / (ticket * scale))
    expected: list[int] = []
    for first in range(0, 1 << 32, (1 << 32) // chips):
        found = scan(
            midstate(header[:64]), header[64:76], first, nonce_range, target.to_bytes(32, "little")
        )
        expected += found
    assert len(expected) >= 5
    replies = [said[at : at + 5] for at in range(0, len(said), 5)]
    assert sorted(int.from_bytes(reply[:4], "big") for reply in replies) == expected
    assert {reply[4] for reply in replies} == {0x90}
    assert all(hash_of(header, reply[:4]) <= target for reply in replies)


@pytest.mark.slow
async def test_a_new_task_replaces_the_old_one_at_once() -> None:
    async with bench(scale="0.0001") as host:
        await host.transport.write(task(header_of(1), job_id=0x10))
        await asyncio.sleep(0.2)
        await host.transport.write(task(header_of(2), job_id=0x11))
        await until(lambda: host.stick.counters().frames["work"] == 2)
        await asyncio.sleep(0.1)  # a piece that was under way may still report
        host.transport.discard_input()
        for _ in range(3):
            reply = await host.receive(5)
            assert reply[4] == 0x91
            assert hash_of(header_of(2), reply[:4]) <= DIFFICULTY_1 * 10000


async def test_the_account_of_hashes_adds_up() -> None:
    async with bench("2pac", scale="0.0002") as host:
        loop = asyncio.get_running_loop()
        await host.address(2)
        before_s = loop.time()
        await host.transport.write(task(header_of(3), nonce_range=0x7FFFFFFF))
        await asyncio.sleep(0.8)
        counters = host.stick.counters()
        passed_s = loop.time() - before_s
        for chip in counters.chips:
            given = chip.rate_hs * passed_s
            assert chip.hashed <= given
            # Not yet hashed: what may be caught up on, and the time on the line.
            assert chip.hashed + chip.missed >= given - chip.rate_hs * (MAX_OWED_S + 0.1)
            assert chip.hashed > 0
        assert counters.hashed == sum(chip.hashed for chip in counters.chips)


async def test_a_chip_without_nonces_left_says_nothing_more() -> None:
    async with bench(scale="0.001") as host:
        loop = asyncio.get_running_loop()
        before_s = loop.time()
        await host.transport.write(task(header_of(4), nonce_range=50_000))
        await until(lambda: host.stick.counters().hashed == 50_000)
        await asyncio.sleep(0.3)
        counters = host.stick.counters()
        assert counters.hashed == 50_000
        busy_s = 64 * 10 / 115200 + 50_000 / counters.chips[0].rate_hs
        idle_s = loop.time() - before_s - busy_s
        assert counters.dry_s + counters.lag_s == pytest.approx(idle_s, abs=0.05)


@pytest.mark.slow
async def test_more_nonces_than_the_line_carries_are_lost_and_counted() -> None:
    async with bench(scale="0.000001", chips=200) as host:
        await host.transport.write(task(header_of(5)))
        await until(lambda: host.stick.counters().replies_lost > 0)
        counters = host.stick.counters()
        assert counters.replies + counters.replies_lost == counters.nonces


@pytest.mark.slow
async def test_sticks_of_one_process_share_its_processors() -> None:
    hasher = Hasher(workers=1)
    sticks = [VirtualStick(scale=1, port=MemoryPort(), hasher=hasher) for _ in range(5)]
    async with contextlib.AsyncExitStack() as stack:
        stack.callback(hasher.close)
        for stick in sticks:
            await stack.enter_async_context(stick)
        for stick in sticks:
            await Bench(stick).transport.write(task(header_of(6)))
        await asyncio.sleep(1.0)
        hashed = [stick.counters().hashed for stick in sticks]
        assert min(hashed) > 0.4 * max(hashed)
        assert all(stick.counters().missed > 0 for stick in sticks)


async def test_a_stick_that_cannot_hash_is_unplugged_and_says_why(
    caplog: pytest.LogCaptureFixture,
) -> None:
    class Broken(Hasher):
        async def search(self, slices: Sequence[Slice]) -> list[list[int]]:
            raise MemoryError("no room for a search")

    stick = VirtualStick(port=MemoryPort(), hasher=Broken())
    await stick.start()
    host = Bench(stick)
    with pytest.raises(TransportClosed):
        await host.ask(DETECTION_JOB, 5)
    assert not stick.is_plugged
    assert "hashing failed, unplugged" in caplog.text
    with pytest.raises(MemoryError):
        await stick.stop()


# --- Faults --------------------------------------------------------------------------------------


async def test_noise_on_the_line_is_the_same_with_the_same_seed() -> None:
    async def outcome(seed: int) -> tuple[dict[str, int], bytes]:
        flip = Fault(kind=FaultKind.FLIP, probability=0.05)
        async with bench("terminus", flip, chips=20, seed=seed) as host:
            said = b""
            for _ in range(5):
                said += await host.silence(COUNT)
                host.transport.discard_input()
            return dict(host.stick.counters().faults), said

    first, second, other = await outcome(1), await outcome(1), await outcome(2)
    assert first == second
    assert first != other


async def test_lost_bytes_reconcile() -> None:
    lossy = Fault(kind=FaultKind.DROP, probability=0.2, direction=Direction.TO_HOST)
    async with bench("terminus", lossy, chips=40) as host:
        said = await host.silence(COUNT)
        counters = host.stick.counters()
        assert len(said) == counters.bytes_out == 200 - counters.faults["drop.to_host"] < 200


async def test_a_late_write_comes_whole_and_late() -> None:
    late = Fault(kind=FaultKind.DELAY, probability=1, delay_s=0.2, direction=Direction.TO_STICK)
    async with bench("compac", late) as host:
        loop = asyncio.get_running_loop()
        before_s = loop.time()
        assert await host.ask(COUNT, 5) == CHIP_ID
        assert loop.time() - before_s >= 0.2


async def test_a_corrupted_nonce_does_not_hash() -> None:
    wrong = Fault(kind=FaultKind.CORRUPT_NONCE, probability=1.0)
    async with bench("compac", wrong) as host:
        reply = await host.ask(DETECTION_JOB, 5)
        difference = int.from_bytes(reply[:4], "big") ^ int.from_bytes(DETECTION_NONCE, "big")
        assert difference.bit_count() == 1
        assert host.stick.counters().faults["corrupt_nonce"] == 1


async def test_a_nonce_can_come_twice() -> None:
    twice = Fault(kind=FaultKind.DUPLICATE_NONCE, probability=1.0)
    async with bench("compac", twice) as host:
        assert await host.ask(DETECTION_JOB, 10) == (DETECTION_NONCE + b"\x80") * 2
        assert host.stick.counters().faults == {"duplicate_nonce": 1}


async def test_a_dead_core_keeps_its_nonces() -> None:
    core = int.from_bytes(DETECTION_NONCE, "big") % 55
    async with bench("compac", Fault(kind=FaultKind.DEAD_CORE, core=core)) as host:
        await host.transport.write(DETECTION_JOB)
        await until(lambda: bool(host.stick.counters().faults))
        assert host.stick.counters().faults == {"dead_core": 1}
        assert await host.silence(b"") == b""


async def test_the_other_cores_of_a_chip_go_on() -> None:
    core = int.from_bytes(DETECTION_NONCE, "big") % 55 + 1
    async with bench("compac", Fault(kind=FaultKind.DEAD_CORE, core=core)) as host:
        assert await host.ask(DETECTION_JOB, 5) == DETECTION_NONCE + b"\x80"


async def test_a_chip_may_take_its_ticket_for_a_harder_one() -> None:
    async with bench("compac", Fault(kind=FaultKind.HARD_TICKET, times=1e20)) as host:
        await host.transport.write(DETECTION_JOB)
        await until(lambda: bool(host.stick.counters().faults))
        assert host.stick.counters().faults == {"hard_ticket": 1}
        assert await host.silence(b"") == b""


async def test_a_nonce_that_is_hard_enough_for_both_is_said() -> None:
    async with bench("compac", Fault(kind=FaultKind.HARD_TICKET, times=1.0)) as host:
        assert await host.ask(DETECTION_JOB, 5) == DETECTION_NONCE + b"\x80"


async def test_chips_that_are_driven_too_hard_err() -> None:
    async with bench("compac", stable_mhz=150) as host:
        reply = await host.ask(DETECTION_JOB, 5)
        assert reply[:4] != DETECTION_NONCE
        assert host.stick.counters().wrong == 1
        assert await host.ask(PLL_100 + DETECTION_JOB, 5) == DETECTION_NONCE + b"\x80"
        assert host.stick.counters().wrong == 1


async def test_a_weak_supply_breaks_down_when_the_clock_is_raised() -> None:
    async with bench("2pac", Fault(kind=FaultKind.WEAK_SUPPLY, above_mhz=150)) as host:
        await host.transport.write(PLL_100 + task(header_of(1)))
        await asyncio.sleep(0.2)
        assert host.stick.counters().faults == {}
        await host.transport.write(PLL_200)
        await asyncio.sleep(0.2)
        assert host.stick.counters().faults == {"weak_supply": 1}
        host.transport.discard_input()
        assert await host.ask(READ_PLL, 10) == AT_200 * 2


async def test_a_dead_chip_is_silent_and_the_others_close_up() -> None:
    async with bench("terminus", Fault(kind=FaultKind.DEAD, chip=1)) as host:
        assert await host.ask(COUNT, 15) == CHIP_ID * 3
        assert await host.silence(b"") == b""
        await host.address(3)
        assert [chip.address for chip in host.stick.counters().chips] == [0, 0, 85, 170]
        await host.transport.write(task(header_of(1)))
        await asyncio.sleep(0.3)
        hashed = [chip.hashed > 0 for chip in host.stick.counters().chips]
        assert hashed == [True, False, True, True]


async def test_a_zombie_answers_and_finds_nothing() -> None:
    async with bench("compac", Fault(kind=FaultKind.ZOMBIE)) as host:
        assert await host.ask(COUNT, 5) == CHIP_ID
        assert await host.silence(DETECTION_JOB) == b""
        counters = host.stick.counters()
        assert (counters.hashed, counters.faults) == (0, {"zombie": 1})


async def test_a_brown_out_sends_the_chips_back_to_their_power_on_clock() -> None:
    async with bench("2pac", Fault(kind=FaultKind.BROWN_OUT, from_s=0.3)) as host:
        await host.address(2)
        assert await host.ask(PLL_100 + READ_PLL, 10) == AT_100 * 2
        await host.transport.write(task(header_of(1)))
        await asyncio.sleep(0.4)
        host.transport.discard_input()
        assert await host.ask(READ_PLL, 10) == AT_200 * 2
        before = host.stick.counters()
        assert [chip.address for chip in before.chips] == [0, 0]
        assert before.faults == {"brown_out": 1}
        await asyncio.sleep(0.2)
        assert host.stick.counters().hashed == before.hashed


async def test_what_was_being_hashed_at_a_power_cut_is_not_reported() -> None:
    class Held(Hasher):
        """Finds everything, when it is let go."""

        def __init__(self) -> None:
            super().__init__()
            self.is_asked = False
            self.go = asyncio.Event()

        async def search(self, slices: Sequence[Slice]) -> list[list[int]]:
            self.is_asked = True
            await self.go.wait()
            return [[piece.first] for piece in slices]

    hasher = Held()
    async with VirtualStick(port=MemoryPort(), hasher=hasher) as stick:
        host = Bench(stick)
        await host.transport.write(DETECTION_JOB)
        await until(lambda: hasher.is_asked)
        stick.brown_out()
        hasher.go.set()
        await until(lambda: stick.counters().hashed > 0)
        assert stick.counters().nonces == stick.counters().replies == 0


async def test_a_chip_that_dies_hashes_no_more() -> None:
    dead = Fault(kind=FaultKind.DEAD, chip=0, from_s=0.2)
    async with bench("2pac", dead, scale="0.0001") as host:
        await host.transport.write(task(header_of(1)))
        await asyncio.sleep(0.8)
        first, second = host.stick.counters().chips
        # It may still finish what it owed at that moment.
        assert 0 < first.hashed + first.missed <= first.rate_hs * 0.3
        assert second.hashed + second.missed >= second.rate_hs * (0.8 - MAX_OWED_S - 0.1)


async def test_an_unplugged_stick_breaks_the_port_and_returns_freshly_powered() -> None:
    async with bench("compac", Fault(kind=FaultKind.UNPLUG, from_s=0.2, duration_s=0.2)) as host:
        assert await host.ask(PLL_100 + READ_PLL, 5) == AT_100
        with pytest.raises(TransportClosed):
            await host.transport.read()
        with pytest.raises(TransportClosed):
            await host.transport.write(COUNT)
        with pytest.raises(TransportClosed, match="unplugged"):
            Bench(host.stick)
        await until(lambda: host.stick.is_plugged)
        again = Bench(host.stick)
        assert await again.ask(READ_PLL, 5) == AT_200
        counters = host.stick.counters()
        assert (counters.power_ups, counters.faults) == (2, {"unplug": 1})


# --- The port in this process --------------------------------------------------------------------


async def test_a_host_ahead_of_the_line_has_to_wait() -> None:
    async with bench(scale="0.000001") as host:
        loop = asyncio.get_running_loop()
        before_s = loop.time()
        for number in range(50):
            await host.transport.write(task(header_of(number)))
        buffered = 640 + 1024 + 64
        assert loop.time() - before_s >= (50 * 64 - buffered) * 10 / 115200
        await until(lambda: host.stick.counters().frames.get("work", 0) == 50)


async def test_only_one_host_at_a_time() -> None:
    async with bench() as host:
        with pytest.raises(TransportClosed, match="in use"):
            MemoryTransport(host.port, 115200)
        await host.transport.close()
        await host.transport.close()
        assert await Bench(host.stick).ask(COUNT, 5) == CHIP_ID


async def test_a_write_that_is_not_taken_ends_in_time() -> None:
    stall = Fault(kind=FaultKind.DELAY, probability=1, delay_s=5, direction=Direction.TO_STICK)
    async with bench("compac", stall) as host:
        await host.transport.close()
        transport = MemoryTransport(host.port, 115200, write_limit_s=0.1)
        with pytest.raises(TransportTimeout, match=r"memory: did not take a write in 0\.1 s"):
            await transport.write(bytes(4096))


async def test_a_cancelled_read_loses_no_bytes() -> None:
    async with bench() as host:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.01):
                await host.transport.read()
        assert await host.ask(COUNT, 5) == CHIP_ID


async def test_answers_without_a_listener_are_lost() -> None:
    async with bench() as host:
        await host.transport.write(COUNT)
        await host.transport.close()
        for _ in range(200):  # a busy machine may be late
            await asyncio.sleep(0.02)
            counters = host.stick.counters()
            if counters.bytes_untaken:
                break
        assert (counters.bytes_out, counters.bytes_untaken) == (0, 5)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"model": "compax"}, "model: unknown model 'compax'; use compac, 2pac, terminus"),
        ({"chips": 0}, "chips: 0 is out of range"),
        ({"chips": 257}, "a chain has 1 to 256 chips"),
        ({"scale": 0}, "scale: 0 is out of range"),
        ({"scale": "2"}, "use 1 for a real stick's rate, down to 1e-9"),
        ({"scale": float("nan")}, "scale: nan is no number"),
        ({"scale": "1/0"}, "scale: 1/0 is no number"),
    ],
)
def test_wrong_values_are_named_with_their_cure(arguments: dict[str, object], words: str) -> None:
    with pytest.raises(SimulatorError) as caught:
        VirtualStick(**arguments)  # type: ignore[arg-type]
    assert words in str(caught.value)
