"""Sticks with BM1387 and later as their host sees them, mining included."""

import asyncio
from collections import Counter

import pytest

from luxminer_hil.chipsim import (
    MODELS,
    Fault,
    FaultKind,
    MemoryPort,
    SimulatorError,
    VirtualStick,
)
from luxminer_hil.chipsim.wire import BadReason
from luxminer_hil.memory_transport import MemoryTransport
from tests.unit.chipsim.framed_host import (
    BM1362,
    BM1387,
    BM1397,
    DIFFICULTY_1,
    FramedBench,
    Nonce,
    framed_bench,
    header_task,
    midstate_task,
    open_core_task,
    real_header,
    versioned,
)
from tests.unit.chipsim.host import (
    DETECTION_JOB,
    DETECTION_NONCE,
    Bench,
    command,
    crc5,
    hash_of,
    until,
)

LATER = ["newpac", "r606", "compacf", "r909", "compaca1", "terminusa1", "compaca2", "terminusa2"]
SCALE = 1e-9
VERSIONS = (0x20000000, 0x2000E000, 0x3FFF0000, 0x3FFFE000)


def test_every_product_can_be_made() -> None:
    assert dict(MODELS) == {
        "compac": 1,
        "2pac": 2,
        "terminus": 4,
        "newpac": 2,
        "r606": 12,
        "compacf": 1,
        "r909": 6,
        "compaca1": 1,
        "terminusa1": 4,
        "compaca2": 1,
        "terminusa2": 4,
        "u1": 1,
        "u2": 1,
        "blockerupter": 1,
    }


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"model": "r606", "chip": "bm1384"}, "chip: r606 has no 'bm1384'; use bm1387"),
        ({"model": "r909", "scale": "1e-10"}, "down to 1e-9"),
    ],
)
def test_wrong_values_are_named_with_their_cure(arguments: dict[str, str], words: str) -> None:
    with pytest.raises(SimulatorError) as caught:
        VirtualStick(**arguments)  # type: ignore[arg-type]
    assert words in str(caught.value)


# --- Registers and addresses ---------------------------------------------------------------------


@pytest.mark.parametrize(
    ("model", "reply"),
    [
        ("newpac", "13879000000007"),
        ("r606", "13879000000007"),
        ("compacf", "aa5513971800000006"),
        ("r909", "aa5513971800000006"),
        ("compaca2", "aa5513700000000006"),
        ("terminusa2", "aa5513700000000006"),
    ],
)
async def test_each_chip_answers_the_count(model: str, reply: str) -> None:
    async with framed_bench(model) as host:
        wanted = bytes.fromhex(reply) * MODELS[model]
        assert await host.ask(host.wire.read_all(0), len(wanted)) == wanted
        assert await host.silence(b"") == b""


async def test_the_longest_chain_can_be_counted() -> None:
    async with framed_bench("terminusa1", chips=256) as host:
        assert len(await host.ask(BM1362.read_all(0), 256 * 9)) == 256 * 9
        assert host.stick.counters().replies_lost == 0


async def test_replies_get_longer_when_version_rolling_is_set() -> None:
    async with framed_bench("compaca1", chips=2) as host:
        misc = await host.ask(BM1362.read_all(0x18), 18)
        assert misc[:9].hex() == "aa550000c100001802"
        await host.transport.write(BM1362.write_all(0xA4, 0x8000FFFF))
        chip_id = await host.ask(BM1362.read_all(0), 22)
        assert chip_id.hex() == "aa5513620000000000000e" * 2
        host.stick.brown_out()
        assert len(await host.ask(BM1362.read_all(0), 18)) == 18


async def test_an_a2_may_have_other_chips() -> None:
    async with framed_bench("compaca2", chip="bm1368") as host:
        await host.transport.write(BM1362.write_all(0xA4, 0x9000FFFF))
        assert (await host.ask(BM1362.read_all(0), 11)).hex() == "aa5513680000000000000f"
        await host.transport.write(BM1362.write_all(0x08, 0x40A00241))
        await host.settle()
        (chip,) = host.stick.counters().chips
        assert chip.mhz == 200.0
        assert chip.rate_hs == pytest.approx(1280 * 200e6 * SCALE)


@pytest.mark.parametrize("model", ["newpac", "r909", "terminusa1"])
async def test_chips_take_addresses_in_the_order_of_the_chain(model: str) -> None:
    async with framed_bench(model, chips=3) as host:
        for address in (0, 85, 170):
            await host.transport.write(host.wire.address(address))
        await host.settle()
        assert [chip.address for chip in host.stick.counters().chips] == [0, 85, 170]
        assert await host.silence(host.wire.address(7)) == b""
        assert host.stick.counters().addresses_ignored == 1
        reply = await host.ask(host.wire.read_one(85, 0), len(host.wire.preamble) + 7)
        assert 85 in reply
        assert await host.silence(host.wire.read_one(86, 0)) == b""
        await host.silence(host.wire.chain_inactive())
        assert [chip.address for chip in host.stick.counters().chips] == [0, 0, 0]


async def test_registers_read_back_and_single_writes_reach_one_chip() -> None:
    async with framed_bench("r909", chips=2) as host:
        await host.bring_up()
        await host.transport.write(BM1397.write_one(0x80, 0x54, 0x01020304))
        replies = await host.ask(BM1397.read_all(0x54), 18)
        assert replies[2:8].hex() == "000000000054"
        assert replies[11:17].hex() == "010203048054"
        assert (await host.ask(BM1397.read_one(0x80, 0x58), 9))[2:6].hex() == "02112111"
        await host.transport.write(BM1397.write_all(0x00, 0xFFFFFFFF))
        assert (await host.ask(BM1397.read_one(0, 0), 9))[2:6].hex() == "13971800"


@pytest.mark.parametrize(
    ("model", "register", "value", "mhz", "reply"),
    [
        ("newpac", 0x0C, 0x00500241, 250.0, "8050024100"),
        ("r606", 0x0C, 0x00580221, 550.0, "8058022100"),
        ("compacf", 0x08, 0x40A00225, 200.0, "c0a0022500"),
        ("compaca1", 0x08, 0x40780240, 300.0, "c078024000"),
        ("compaca2", 0x08, 0x50D20240, 525.0, "d0d2024000"),
    ],
)
async def test_a_clock_that_locks_says_so(
    model: str, register: int, value: int, mhz: float, reply: str
) -> None:
    async with framed_bench(model, chips=1) as host:
        await host.transport.write(host.wire.write_all(register, value))
        await host.settle()
        got = await host.ask(host.wire.read_all(register), len(host.wire.preamble) + 7)
        assert got[len(host.wire.preamble) :].hex().startswith(reply)
        assert host.stick.counters().chips[0].mhz == mhz


@pytest.mark.parametrize(
    ("model", "register", "value"),
    [
        ("newpac", 0x0C, 0x00FF0111),  # 6375 MHz
        ("newpac", 0x0C, 0x00500041),  # divides by 0
        ("compacf", 0x08, 0x40000111),  # 0 MHz: stop
        ("compaca1", 0x08, 0x40000100),
        ("compaca2", 0x08, 0x40FF0100),
    ],
)
async def test_a_clock_that_cannot_be_does_not_lock_and_nothing_is_hashed(
    model: str, register: int, value: int
) -> None:
    async with framed_bench(model, chips=1) as host:
        await host.bring_up()
        await host.transport.write(host.wire.write_all(register, value))
        await host.transport.write(task_for(host, 0x10))
        got = await host.silence(host.wire.read_all(register))
        assert got[len(host.wire.preamble)] >> 7 == 0
        await asyncio.sleep(0.1)
        counters = host.stick.counters()
        assert (counters.hashed, counters.chips[0].rate_hs) == (0, 0.0)


# --- Link rate -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("model", "register", "value", "host_rate"),
    [
        ("newpac", 0x1C, 0x00200100, 1_500_000),
        ("compacf", 0x18, 0x00006131, 1_500_000),
        ("compacf", 0x18, 0x00006031, 3_000_000),
        ("compaca2", 0x28, 0x11300200, 1_000_000),
    ],
)
async def test_the_link_rate_changes_right_behind_the_command(
    model: str, register: int, value: int, host_rate: int
) -> None:
    async with framed_bench(model, chips=1) as host:
        length = len(host.wire.preamble) + 7
        count = host.wire.read_all(0)
        await host.transport.set_baudrate(115384)
        assert len(await host.ask(count, length)) == length
        # What stands in the same write comes at the old rate, and is garbage.
        await host.silence(host.wire.write_all(register, value) + count)
        assert host.stick.counters().bytes_at_wrong_rate == len(count)
        host.transport.discard_input()
        await host.transport.set_baudrate(host_rate)
        await asyncio.sleep(0.02)
        loop = asyncio.get_running_loop()
        before_s = loop.time()
        assert len(await host.ask(60 * count, 60 * length)) == 60 * length
        assert loop.time() - before_s < 60 * length * 10 / 115200
        assert host.stick.counters().bytes_at_wrong_rate == len(count)
        await host.transport.set_baudrate(115200)
        await host.silence(count)
        assert host.stick.counters().bytes_at_wrong_rate > len(count)


async def test_not_set_baud_keeps_the_divider() -> None:
    async with framed_bench("newpac") as host:
        await host.silence(BM1387.write_all(0x1C, 0x40200180))
        assert len(await host.ask(BM1387.read_all(0), 14)) == 14


async def test_a_bridge_says_its_rate() -> None:
    async with framed_bench("compacf") as host:
        host.stick.set_baudrate(1_500_000)
        await host.silence(BM1397.read_all(0))
        assert host.stick.counters().bytes_at_wrong_rate == 7
        host.stick.set_baudrate(None)
        await asyncio.sleep(0.02)
        host.transport.discard_input()
        assert len(await host.ask(BM1397.read_all(0), 9)) == 9


# --- Mining --------------------------------------------------------------------------------------


def task_for(host: FramedBench, job_id: int, header: bytes | None = None) -> bytes:
    header = header or real_header(job_id)
    if host.wire is BM1362:
        return header_task(header, job_id)
    return midstate_task(host.wire, [versioned(header, v) for v in VERSIONS], job_id)


def header_of_reply(host: FramedBench, header: bytes, job_id: int, nonce: Nonce) -> bytes:
    """Return the header that a reply is about; its id must be that of the job."""
    id_byte, version_bits = nonce.id_byte, nonce.version_bits
    if host.wire is not BM1362:
        assert id_byte & 0xFC == job_id
        return versioned(header, VERSIONS[id_byte & 3])
    if host.stick.model.endswith("a2"):
        assert (id_byte & 0xF0) >> 1 == job_id
        assert id_byte & 0x0F == version_bits & 0x0F
    else:
        assert id_byte & 0xF8 == job_id
        assert id_byte & 0x07 == version_bits & 0x07
    return versioned(header, 0x20000000 | version_bits << 13)


@pytest.mark.slow
@pytest.mark.parametrize("model", LATER)
async def test_nonces_are_real_and_say_which_midstate_or_version(model: str) -> None:
    async with framed_bench(model) as host:
        await host.bring_up()
        await host.speed_up()
        header = real_header(1)
        await host.transport.write(task_for(host, 0x30, header))
        indexes = set()
        for _ in range(25):
            nonce = await host.nonce()
            whole = header_of_reply(host, header, 0x30, nonce)
            assert nonce.difficulty(whole) >= SCALE
            indexes.add(nonce.id_byte)
        assert len(indexes) > 2


@pytest.mark.slow
@pytest.mark.parametrize("model", ["r606", "r909", "terminusa1", "terminusa2"])
async def test_each_chip_reports_nonces_with_its_address(model: str) -> None:
    async with framed_bench(model) as host:
        await host.bring_up()
        if model == "r606":  # others would find more than their line carries
            await host.speed_up()
        await host.transport.write(task_for(host, 0x30))
        shift, width = {"r606": (24, 8), "r909": (14, 8)}.get(model, (17, 8))
        owners: Counter[int] = Counter()
        step = 256 // host.chips
        for _ in range(6 * host.chips):
            nonce = int.from_bytes((await host.nonce()).nonce, "big")
            address = nonce >> shift & ((1 << width) - 1)
            owners[min(address // step, host.chips - 1)] += 1
        assert set(owners) == set(range(host.chips))


@pytest.mark.slow
async def test_the_rate_is_hashes_per_clock_times_clock() -> None:
    # A Compac F stays below its 672 cores by a factor of 0.78125.
    for model, cores in (("compacf", 525), ("compaca1", 512), ("compaca2", 2048)):
        async with framed_bench(model) as host:
            await host.bring_up()
            register = 0x40A00225 if model == "compacf" else 0x40A00241
            await host.transport.write(host.wire.write_all(0x08, register))
            await host.transport.write(task_for(host, 0x10))
            await host.settle()
            before = host.stick.counters()
            assert before.chips[0].rate_hs == pytest.approx(cores * 200e6 * SCALE)
            await asyncio.sleep(0.5)
            after = host.stick.counters()
            given = before.chips[0].rate_hs * (after.uptime_s - before.uptime_s)
            assert after.hashed - before.hashed == pytest.approx(given, abs=given * 0.15 + 32)


@pytest.mark.parametrize(
    ("model", "register", "mask"),
    [("r606", 0x18, 0x00000007), ("r909", 0x14, 0x000000E0), ("terminusa2", 0x14, 0x000000E0)],
)
async def test_the_ticket_mask_is_kept(model: str, register: int, mask: int) -> None:
    async with framed_bench(model) as host:
        await host.bring_up()
        await host.speed_up()
        await host.transport.write(host.wire.write_all(register, mask))  # 8
        await host.settle()
        header = real_header(2)
        await host.transport.write(task_for(host, 0x30, header))
        for _ in range(6):
            nonce = await host.nonce()
            whole = header_of_reply(host, header, 0x30, nonce)
            assert nonce.difficulty(whole) >= 8 * SCALE
            if model != "r606":
                excess = nonce.difficulty(whole) / (8 * SCALE)
                assert 2 ** (nonce.detail // 2) <= excess < 2 ** (nonce.detail // 2 + 1)


async def test_a_mask_with_holes_is_taken_bit_by_bit() -> None:
    """Bit 1 of the mask, whose wire form is 40: every second hash of difficulty 1 is missing."""
    async with framed_bench("r909") as host:
        await host.bring_up()
        await host.silence(BM1397.write_all(0x14, 0x00000040))
        header = real_header(3)
        await host.transport.write(task_for(host, 0x30, header))
        difficulties = []
        for _ in range(40):
            nonce = await host.nonce()
            whole = header_of_reply(host, header, 0x30, nonce)
            following = (hash_of(whole, nonce.nonce) << 32) // (DIFFICULTY_1 * 10**9 + 1)
            assert following >> 30 & 1 == 0
            difficulties.append(nonce.difficulty(whole) / SCALE)
        assert any(1 <= difficulty < 2 for difficulty in difficulties)
        assert any(difficulty > 4 for difficulty in difficulties)


async def test_a_new_task_replaces_the_old_one_at_once() -> None:
    async with framed_bench("r909") as host:
        await host.bring_up()
        await host.transport.write(task_for(host, 0x10))
        await asyncio.sleep(0.1)
        await host.transport.write(task_for(host, 0x14))
        await host.transport.write(task_for(host, 0x18)[:-1] + b"\x00")  # bad check sum
        await asyncio.sleep(0.1)
        host.transport.discard_input()
        for _ in range(5):
            assert (await host.nonce()).id_byte & 0xFC == 0x14
        assert host.stick.counters().bad_frames == {BadReason.CRC: 1}


async def test_chips_of_one_model_repeat_no_nonce_before_their_range_ends() -> None:
    async with framed_bench("r909", chips=2) as host:
        await host.bring_up()
        await host.transport.write(task_for(host, 0x10))
        seen = [await host.nonce() for _ in range(60)]
        assert len({(nonce.nonce, nonce.id_byte) for nonce in seen}) == len(seen)


# --- BM1387: cores -------------------------------------------------------------------------------


async def test_open_core_tasks_open_cores_and_give_two_nonces() -> None:
    async with framed_bench("newpac") as host:
        await host.transport.write(BM1387.chain_inactive())
        for address in (0, 128):
            await host.transport.write(BM1387.address(address))
        said = await host.silence(open_core_task(0x17))
        assert said.hex() == "7203ea83001787" + "e16bf809011794"
        host.transport.discard_input()
        said = await host.silence(open_core_task(0x03))
        assert said.hex() == "7203ea83000398" + nonce_of_second_job()
        (first, second) = host.stick.counters().chips
        assert first.rate_hs == second.rate_hs == pytest.approx(2 * 100e6 * SCALE)
        for number in range(130):
            await host.transport.write(open_core_task(number % 128))
        await host.settle()
        assert host.stick.counters().chips[0].rate_hs == pytest.approx(114 * 100e6 * SCALE)


def nonce_of_second_job() -> str:
    """The second nonce with job id 03, sealed by hand."""
    data = bytes.fromhex("e16bf8090103") + b"\x80"
    return (data[:6] + bytes([0x80 | crc5(data, 51)])).hex()


async def test_without_open_cores_nothing_is_hashed() -> None:
    async with framed_bench("newpac") as host:
        await host.transport.write(task_for(host, 0x10))
        await asyncio.sleep(0.2)
        assert host.stick.counters().hashed == 0


# --- BM1362 and later: reports, versions ---------------------------------------------------------


@pytest.mark.parametrize("model", ["compaca1", "compaca2"])
async def test_nothing_is_reported_before_reports_are_enabled(model: str) -> None:
    async with framed_bench(model) as host:
        for register, value in ((0xA4, 0x9000FFFF), (0x10, 0x12C9)):
            await host.transport.write(BM1362.write_all(register, value))
        await host.speed_up()
        await host.transport.write(task_for(host, 0x10))
        await until(lambda: host.stick.counters().hashed > 100)
        assert host.stick_said() == b""
        assert host.stick.counters().nonces == 0
        await host.transport.write(BM1362.write_all(0x18, 0xB000C100))
        await host.nonce()


async def test_a_counting_number_of_0_stops_hashing() -> None:
    async with framed_bench("compaca2") as host:
        await host.bring_up()
        await host.silence(BM1362.write_all(0x10, 0))
        await host.transport.write(task_for(host, 0x10))
        await asyncio.sleep(0.2)
        assert host.stick.counters().hashed == 0
        assert host.stick.counters().dry_s > 0.1
        await host.transport.write(BM1362.write_all(0x10, 0x0F25))
        await host.nonce()


@pytest.mark.parametrize("mask", [0xFFFF, 0x00F0, 0x8001])
async def test_versions_stay_in_the_mask(mask: int) -> None:
    async with framed_bench("terminusa2") as host:
        await host.bring_up()
        await host.transport.write(BM1362.write_all(0x10, 0x00155555))
        await host.silence(BM1362.write_all(0xA4, 0x90000000 | mask))
        header = real_header(4)
        await host.transport.write(header_task(header, 0x48))
        versions = set()
        for _ in range(30):
            nonce = await host.nonce()
            assert nonce.version_bits & ~mask == 0
            whole = versioned(header, 0x20000000 | nonce.version_bits << 13)
            assert nonce.difficulty(whole) >= SCALE
            versions.add(nonce.version_bits)
        assert len(versions) > 1


async def test_without_rolling_the_version_is_the_hosts() -> None:
    async with framed_bench("terminusa2") as host:
        await host.bring_up()
        await host.transport.write(BM1362.write_all(0x10, 0x00155555))
        await host.silence(BM1362.write_all(0xA4, 0x0000FFFF))
        header = real_header(5)
        await host.transport.write(header_task(header, 0x48))
        seen = [await host.nonce() for _ in range(60)]
        for nonce in seen:
            assert nonce.version_bits == 0
            assert nonce.difficulty(header) >= SCALE
            sub_core = int.from_bytes(nonce.nonce, "big") >> 21 & 0x0F
            assert nonce.id_byte & 0x0F == sub_core


@pytest.mark.slow
async def test_a_task_that_is_too_old_is_hashed_again() -> None:
    """At 0f25 the versions of a BM1370 last 0.64 s; then the same nonces come once more."""
    async with framed_bench("compaca2") as host:
        await host.bring_up()
        await host.transport.write(BM1362.write_all(0x08, 0x40780240))
        await host.transport.write(BM1362.write_all(0x10, 0x0F25))
        await host.settle()
        loop = asyncio.get_running_loop()
        await host.transport.write(header_task(real_header(6), 0x48))
        first_s: dict[object, float] = {}
        repeats = []
        for _ in range(200):
            nonce = await host.nonce()
            if nonce in first_s:
                repeats.append(loop.time() - first_s[nonce])
            first_s.setdefault(nonce, loop.time())
        assert len(repeats) >= 10
        assert min(repeats) == pytest.approx(0.64, abs=0.15)


# --- Reset and faults ----------------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.parametrize("model", LATER)
async def test_reset_brings_the_power_on_state_back(model: str) -> None:
    async with framed_bench(model) as host:
        await host.bring_up()
        await host.speed_up()
        await host.transport.write(task_for(host, 0x10))
        await host.nonce()
        host.stick.reset(True)
        host.stick.reset(True)
        await asyncio.sleep(0.02)
        host.transport.discard_input()
        assert await host.silence(host.wire.read_all(0)) == b""
        counters = host.stick.counters()
        assert (counters.resets, counters.bytes_in_reset) == (1, len(host.wire.read_all(0)))
        hashed = counters.hashed
        host.stick.reset(False)
        await host.transport.set_baudrate(115200)
        length = len(host.wire.preamble) + 7
        await host.ask(host.wire.read_all(0), length * host.chips)
        counters = host.stick.counters()
        assert {chip.address for chip in counters.chips} == {0}
        assert counters.hashed == hashed
        await host.bring_up()
        await host.speed_up()
        await host.transport.write(task_for(host, 0x10))
        await host.nonce()


async def test_reset_sets_the_link_rate_back() -> None:
    async with framed_bench("compacf") as host:
        await host.silence(BM1397.write_all(0x18, 0x00006131))
        host.stick.reset(True)
        host.stick.reset(False)
        assert len(await host.ask(BM1397.read_all(0), 9)) == 9


async def test_a_dead_chip_is_silent_and_a_corrupted_nonce_does_not_hash() -> None:
    faults = (
        Fault(kind=FaultKind.DEAD, chip=1),
        Fault(kind=FaultKind.CORRUPT_NONCE, probability=1.0),
    )
    async with framed_bench("r909", *faults) as host:
        assert len(await host.ask(BM1397.read_all(0), 45)) == 45
        assert await host.silence(b"") == b""
        header = real_header(1)
        await host.transport.write(midstate_task(BM1397, [header], 0x30))
        wrong = [await host.nonce() for _ in range(30)]
        assert sum(nonce.difficulty(header) < SCALE for nonce in wrong) > 10
        assert host.stick.counters().chips[1].hashed == 0


async def test_an_unplugged_stick_returns_freshly_powered() -> None:
    async with framed_bench("compaca1") as host:
        await host.bring_up()
        host.stick.set_baudrate(9600)
        host.stick.unplug()
        host.stick.replug()
        host.transport = MemoryTransport(host.port, 115200)
        assert len(await host.ask(BM1362.read_all(0), 9)) == 9


# --- Older sticks --------------------------------------------------------------------------------


def older(model: str, scale: str = "0.001") -> VirtualStick:
    return VirtualStick(model, scale=scale, port=MemoryPort())


@pytest.mark.parametrize(("model", "tail"), [("blockerupter", ""), ("u1", "80"), ("u2", "80")])
async def test_the_detection_job_tells_old_sticks_apart(model: str, tail: str) -> None:
    async with older(model) as stick:
        host = Bench(stick)
        reply = DETECTION_NONCE + bytes.fromhex(tail)
        assert await host.ask(DETECTION_JOB, len(reply)) == reply


async def test_a_block_erupter_goes_at_336_million_and_obeys_nothing_else() -> None:
    async with older("blockerupter", "1e-6") as stick:
        host = Bench(stick)
        assert stick.counters().chips[0].rate_hs == pytest.approx(336.0)
        assert await host.silence(bytes.fromhex("84000011")) == b""
        await asyncio.sleep(0.01)
        assert stick.counters().bad_frames == {"length": 1}
        await host.silence(DETECTION_JOB[:40] + b"\x01" + DETECTION_JOB[41:])
        assert stick.counters().bad_frames == {"length": 1, "reserved": 1}


async def test_a_u2_takes_its_clock_and_gives_the_job_id_back() -> None:
    async with older("u2") as stick:
        host = Bench(stick)
        await host.transport.write(command(0x82, 0x03, 0x80))
        await until(lambda: stick.counters().frames.get("write_pll", 0) == 1, 2)
        chip = stick.counters().chips[0]
        assert chip.mhz == 200.0
        assert chip.rate_hs == pytest.approx(8 * 200e6 * 0.001)
        job = DETECTION_JOB[:51] + b"\x1e" + DETECTION_JOB[52:]
        assert await host.ask(job, 5) == DETECTION_NONCE + b"\x9e"
        for frame in ("84000011", "84000400", "8500000f"):
            assert await host.silence(bytes.fromhex(frame)) == b""
            await asyncio.sleep(0.01)
        assert stick.counters().bad_frames == {"register": 3}


def test_models_and_families_are_all_tested_here() -> None:
    assert {*LATER, "compac", "2pac", "terminus", "u1", "u2", "blockerupter"} == set(MODELS)
