"""The simulator's reader of a hostile host: never raises, never grows, never depends on cuts."""

import asyncio
from collections.abc import Callable
from dataclasses import fields

from hypothesis import given, settings
from hypothesis import strategies as st

from luxminer_hil.chipsim import Fault, FaultPlan, MemoryPort, VirtualStick
from luxminer_hil.chipsim.errors import SimulatorError
from luxminer_hil.chipsim.families import bm1362, bm1380, bm1387, bm1397, icarus
from luxminer_hil.chipsim.families.bm1384_wire import (
    BadFrame,
    Command,
    Frame,
    StreamParser,
    nonce_reply,
)
from luxminer_hil.chipsim.faults import Direction, parse_faults
from luxminer_hil.chipsim.spaces import RollingSpace
from luxminer_hil.chipsim.telemetry import TelemetryController
from luxminer_hil.chipsim.wire import BadFrame as AnyBadFrame
from luxminer_hil.chipsim.wire import Frame as AnyFrame
from luxminer_hil.chipsim.wire import Parser
from luxminer_hil.memory_transport import MemoryTransport
from tests.unit.chipsim.framed_host import BM1362, BM1387, BM1397, header_task, midstate_task
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


# --- Other families ------------------------------------------------------------------------------

FRAMED = {
    "BM1387": (
        bm1387.KIND.parser,
        [BM1387.read_all(0), BM1387.address(0x80), BM1387.write_all(0x0C, 0x00500241)],
        [midstate_task(BM1387, [header_of(1)], 4), midstate_task(BM1387, [header_of(1)] * 4, 8)],
    ),
    "BM1397": (
        bm1397.KIND.parser,
        [BM1397.read_all(0), BM1397.address(0x80), BM1397.write_all(0x14, 0xFF)],
        [midstate_task(BM1397, [header_of(1)], 4), midstate_task(BM1397, [header_of(1)] * 4, 8)],
    ),
    "BM1362": (
        bm1362.BM1362.parser,
        [BM1362.read_all(0x18), BM1362.chain_inactive(), BM1362.write_one(2, 0xA8, 2)],
        [header_task(header_of(1), 8), header_task(header_of(2), 16, length=0xFF, count=0)],
    ),
    "BM1370": (
        bm1362.BM1370.parser,
        [BM1362.read_all(0), bytes.fromhex("55aa53050018f000c10002")],
        [header_task(header_of(3), 24)],
    ),
    "BM1380": (bm1380.KIND.parser, [command(0x82, 0x03, 0x80)], [bytes(51) + b"\x1e" + bytes(12)]),
    "Icarus": (icarus.KIND.parser, [], [bytes(32) + bytes(20) + bytes(range(12))]),
}

MOST_PENDING = 4096 + 152


def every_family() -> st.SearchStrategy[tuple[Callable[[], Parser], list[bytes]]]:
    return st.sampled_from([(make, [*short, *tasks]) for make, short, tasks in FRAMED.values()])


@st.composite
def family_streams(draw: st.DrawFn) -> tuple[Callable[[], Parser], list[bytes]]:
    """A family, and pieces of a stream: its frames, damaged ones, halves, noise."""
    make, frames = draw(every_family())
    right = st.sampled_from(frames)

    def damaged(frame: bytes, at: int, bit: int) -> bytes:
        changed = bytearray(frame)
        changed[at % len(frame)] ^= 1 << bit
        return bytes(changed)

    wrong = st.builds(damaged, right, st.integers(0, 200), st.integers(0, 7))
    half = st.builds(lambda frame, at: frame[: at % len(frame)], right, st.integers(0, 200))
    pieces = st.lists(right | wrong | half | st.binary(max_size=60), max_size=8)
    return make, draw(pieces)


def bytes_of(frames: list[AnyFrame]) -> int:
    return sum(len(frame.raw) for frame in frames if isinstance(frame, AnyBadFrame))


@given(family_streams(), st.lists(st.booleans(), min_size=8, max_size=8))
def test_every_parser_reads_any_stream_to_its_end(
    family: tuple[Callable[[], Parser], list[bytes]], gaps: list[bool]
) -> None:
    make, pieces = family
    parser = make()
    for piece, gap in zip(pieces, gaps, strict=False):
        frames = list(parser.feed(piece))
        assert parser.pending <= MOST_PENDING
        if gap:
            frames += parser.idle()
            assert parser.pending == 0
        assert bytes_of(frames) <= sum(len(each) for each in pieces)


@given(family_streams(), st.lists(st.integers(1, 100), max_size=30))
def test_the_cuts_of_a_stream_change_nothing_for_any_family(
    family: tuple[Callable[[], Parser], list[bytes]], cuts: list[int]
) -> None:
    make, pieces = family
    stream = b"".join(pieces)
    whole = make()
    expected = [*whole.feed(stream), *whole.idle()]
    for sizes in ([1] * len(stream), cuts):
        parser = make()
        got: list[AnyFrame] = []
        at = 0
        for size in [*sizes, len(stream)]:
            got += parser.feed(stream[at : at + size])
            at += size
        assert [*got, *parser.idle()] == expected


@given(st.sampled_from(["BM1362", "BM1397"]), st.data(), st.binary(max_size=40))
def test_noise_before_a_frame_with_preamble_costs_no_frame(
    name: str, data: st.DataObject, noise: bytes
) -> None:
    make, short, _ = FRAMED[name]
    frame = data.draw(st.sampled_from(short))
    parser = make()
    # The zeros complete whatever task the noise may have begun.
    stream = noise + bytes(152) + frame
    frames = [*parser.feed(stream), *parser.idle()]
    assert not isinstance(frames[-1], AnyBadFrame)


@given(
    st.floats(1e-6, 1e6),
    st.integers(0, 16),
    st.integers(0, 255),
    st.integers(1, 128),
    st.integers(0, 1 << 40),
)
def test_every_position_of_a_rolling_space_has_its_place(
    budget: float, bits: int, address: int, cores: int, position: int
) -> None:
    space = RollingSpace(
        first=address << 17, window=1 << 25, cores=cores, epochs=1 << bits, budget=budget
    )
    place = space.place(position % space.total)
    assert 0 <= place.epoch < 1 << bits
    assert place.length > 0
    assert place.first // (1 << 25) == (place.first + place.length - 1) // (1 << 25) < cores


@given(st.integers(0x10, 0x3F), st.integers(0, 255), st.lists(st.binary(max_size=30), max_size=8))
def test_a_telemetry_controller_survives_any_host(
    version: int, mask: int, writes: list[bytes]
) -> None:
    def answers(pieces: list[bytes]) -> bytes:
        box = TelemetryController(version, mask, lambda: 0.0, lambda: 1.0, lambda: None)
        return b"".join(box.feed(piece) for piece in pieces)

    whole = b"".join(writes)
    said = answers(writes)
    assert said == answers([whole]) == answers([bytes([byte]) for byte in whole])
    assert len(said) <= 7 * (len(whole) // 2)
