"""The simulator's reader of a hostile host: never raises, never grows, never depends on cuts."""

import asyncio
from dataclasses import fields

from hypothesis import given, settings
from hypothesis import strategies as st

from luxminer_hil.chipsim import Fault, FaultPlan, MemoryPort, VirtualStick
from luxminer_hil.chipsim.errors import SimulatorError
from luxminer_hil.chipsim.families.bm1384_wire import (
    BadFrame,
    Command,
    Frame,
    StreamParser,
    nonce_reply,
)
from luxminer_hil.chipsim.faults import Direction, parse_faults
from luxminer_hil.memory_transport import MemoryTransport
from tests.unit.chipsim.host import (
    CHAIN_INACTIVE,
    CHIP_ID,
    COUNT,
    PLL_100,
    command,
    crc5,
    header_of,
    set_address,
    task,
    until,
)

FRAMES = st.sampled_from(
    [
        COUNT,
        CHAIN_INACTIVE,
        PLL_100,
        set_address(0x80),
        task(header_of(1)),
        bytes(64),
        bytes(51) + b"\x1f" + bytes(12),
    ]
)
STREAMS = st.lists(FRAMES | st.binary(max_size=80), max_size=12).map(b"".join)


def length(frame: Frame) -> int:
    if isinstance(frame, BadFrame):
        return len(frame.raw)
    return 4 if isinstance(frame, Command) else 64


@given(st.lists(st.tuples(st.binary(max_size=300) | FRAMES, st.booleans()), max_size=20))
def test_any_stream_is_read_to_its_last_byte(chunks: list[tuple[bytes, bool]]) -> None:
    parser = StreamParser()
    fed = read = 0
    for data, is_idle in chunks:
        fed += len(data)
        frames = parser.feed(data)
        assert parser.pending < 64
        if is_idle:
            frames += parser.idle()
            assert parser.pending == 0
        read += sum(length(frame) for frame in frames)
        assert read + parser.pending == fed


@given(STREAMS, st.lists(st.integers(1, 100), max_size=50))
def test_the_cuts_of_a_stream_change_nothing(stream: bytes, cuts: list[int]) -> None:
    whole = StreamParser()
    expected = whole.feed(stream) + whole.idle()
    for sizes in ([1] * len(stream), cuts):
        parser = StreamParser()
        got: list[Frame] = []
        at = 0
        for size in [*sizes, len(stream)]:
            got += parser.feed(stream[at : at + size])
            at += size
        assert got + parser.idle() == expected
        assert parser.ambiguous == whole.ambiguous


@given(st.lists(FRAMES, max_size=10))
def test_right_frames_need_no_gaps(frames: list[bytes]) -> None:
    parser = StreamParser()
    got = parser.feed(b"".join(frames)) + parser.idle()
    assert [length(frame) for frame in got] == [len(frame) for frame in frames]
    assert not [frame for frame in got if isinstance(frame, BadFrame)]


@given(st.integers(0, 255), st.integers(0, 255), st.integers(0, 255), st.integers(0, 31))
def test_only_the_right_check_sum_is_obeyed(first: int, second: int, third: int, low: int) -> None:
    parser = StreamParser()
    right = command(first, second, third)
    (frame,) = parser.feed(right[:3] + bytes([low])) + parser.idle()
    assert isinstance(frame, BadFrame) or low == right[3] == crc5(right[:3] + b"\0", 27)


@given(st.integers(0, 0xFFFFFFFF), st.integers(0, 31))
def test_a_nonce_reply_has_the_bytes_of_the_header(nonce: int, job_id: int) -> None:
    reply = nonce_reply(nonce, job_id)
    assert len(reply) == 5
    assert int.from_bytes(reply[:4], "big") == nonce
    assert reply[4] == 0x80 | job_id


@settings(max_examples=15)
@given(st.lists(st.binary(min_size=1, max_size=200) | FRAMES, max_size=6))
def test_a_stick_survives_any_host(writes: list[bytes]) -> None:
    async def survive() -> None:
        async with asyncio.timeout(20), VirtualStick(scale="0.000001", port=MemoryPort()) as stick:
            assert isinstance(stick.port, MemoryPort)
            transport = MemoryTransport(stick.port, 115200)
            for data in writes:
                await transport.write(data)
            await until(lambda: stick.is_line_quiet)
            transport.discard_input()
            await transport.write(COUNT)
            got = b""
            while CHIP_ID not in got:
                got += await transport.read()
            counters = stick.counters()
            assert counters.bytes_in == sum(len(data) for data in writes) + 4

    asyncio.run(survive())


VALUES = st.none() | st.booleans() | st.integers(-2, 300) | st.floats() | st.text(max_size=8)
KEYS = st.sampled_from([*(field.name for field in fields(Fault)), "x"])
WORDS = st.sampled_from(["drop", "flip", "split", "delay", "dead", "unplug", "to_host", "to_stick"])


ENTRIES = st.lists(VALUES | st.dictionaries(KEYS, VALUES | WORDS))


@given(st.dictionaries(st.sampled_from(["seed", "fault", "faults"]), VALUES | ENTRIES))
def test_any_fault_file_is_a_plan_or_one_clear_error(document: dict[str, object]) -> None:
    try:
        faults, seed = parse_faults(document)
    except SimulatorError:
        return
    for direction in Direction:
        FaultPlan(faults, seed).passing(direction, b"0123456789", 1.0)


@given(st.binary(max_size=200), st.integers(0, 1 << 32), st.floats(0, 1))
def test_faults_never_make_up_more_than_doubles(data: bytes, seed: int, probability: float) -> None:
    kinds = ["drop", "flip", "duplicate"]
    faults, _ = parse_faults(
        {"fault": [{"kind": kind, "probability": probability} for kind in kinds]}
    )
    parts = FaultPlan(faults, seed).passing(Direction.TO_STICK, data, 0.0)
    assert sum(len(part.data) for part in parts) <= 2 * len(data)
