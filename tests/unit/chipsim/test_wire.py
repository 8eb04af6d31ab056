import pytest

from luxminer_drivers.bm1384 import facts
from luxminer_hil.chipsim.families import bm1384_wire as wire
from luxminer_hil.chipsim.families.bm1384_wire import (
    BadFrame,
    BadReason,
    Command,
    Frame,
    FrameKind,
    StreamParser,
)
from tests.unit.chipsim.host import (
    CHAIN_INACTIVE,
    COUNT,
    DETECTION_JOB,
    PLL_100,
    READ_PLL,
    VECTORS,
    command,
    crc5,
    header_of,
    read_pll,
    set_address,
    task,
)

COMMANDS = [COUNT, CHAIN_INACTIVE, READ_PLL, PLL_100, set_address(0x80), read_pll(0x40)]
WORK = task(header_of(1))
OPEN_CORE = bytes(51) + b"\x18" + bytes(12)


def parse(*chunks: bytes) -> list[Frame]:
    """Chunks with a gap after each."""
    parser = StreamParser()
    return [frame for chunk in chunks for frame in parser.feed(chunk) + parser.idle()]


def kinds(frames: list[Frame]) -> list[str]:
    return [f.reason if isinstance(f, BadFrame) else f.kind for f in frames]


def test_two_ways_to_divide_agree() -> None:
    assert wire.crc(bytes.fromhex("84000000"), 27, facts.CRC5) == 0x11
    for vector in VECTORS["vectors"]["crc5"]:
        data, bits = bytes.fromhex(vector["input"]["data"]), vector["input"]["bits"]
        assert wire.crc(data, bits, facts.CRC5) == crc5(data, bits)


@pytest.mark.parametrize("frame", COMMANDS, ids=bytes.hex)
def test_a_command_with_any_bit_flipped_is_not_obeyed(frame: bytes) -> None:
    assert isinstance(parse(frame)[0], Command)
    for bit in range(32):
        damaged = (int.from_bytes(frame, "big") ^ 1 << bit).to_bytes(4, "big")
        (got,) = parse(damaged)
        assert isinstance(got, BadFrame), damaged.hex()
        assert got.raw == damaged


@pytest.mark.parametrize(
    ("frame", "reason"),
    [
        (command(0x86, 0x00, 0x9A), BadReason.OPCODE),
        (command(0x84, 0x00, 0x08), BadReason.REGISTER),
        (command(0x84, 0x10, 0x00), BadReason.RESERVED),  # all chips and one address
        (command(0x01, 0x10, 0x01), BadReason.RESERVED),
        (command(0x81, 0x10, 0x00), BadReason.RESERVED),  # one address for all chips
        (command(0x85, 0x00, 0x01), BadReason.RESERVED),
        (command(0x05, 0x00, 0x00), BadReason.RESERVED),
        (command(0x02, 0x07, 0x83), BadReason.RESERVED),  # no room for an address
        (b"\x84\x00\x00\x12", BadReason.CRC),
        (b"\x84\x00\x00", BadReason.LENGTH),
        (b"\x84\x00\x00\x11\x00", BadReason.LENGTH),
    ],
    ids=lambda v: v.hex() if isinstance(v, bytes) else str(v),
)
def test_what_no_host_should_send_is_named(frame: bytes, reason: BadReason) -> None:
    assert kinds(parse(frame))[-1] == reason


def test_bits_above_the_check_sum_are_covered_and_reserved() -> None:
    raw = bytes([0x84, 0x00, 0x00, 0x20])
    frame = raw[:3] + bytes([raw[3] | crc5(raw, 27)])
    assert kinds(parse(frame)) == [BadReason.RESERVED]


def test_a_task_is_turned_back_into_what_it_was_made_from() -> None:
    header = header_of(2)
    (got,) = parse(task(header, job_id=0x1B, ticket=8, nonce_range=0x55555555))
    assert isinstance(got, wire.Task)
    assert got.kind is FrameKind.WORK
    assert got.tail == header[64:76]
    assert (got.job_id, got.ticket_difficulty, got.nonce_range) == (0x1B, 8, 0x55555555)


@pytest.mark.parametrize("at", [32, 38, 44, 50])
def test_reserved_bytes_of_a_task_must_be_zero(at: int) -> None:
    damaged = bytearray(WORK)
    damaged[at] = 1
    assert kinds(parse(bytes(damaged))) == [BadReason.RESERVED]


def test_a_job_id_that_no_reply_could_carry_is_refused() -> None:
    assert kinds(parse(task(header_of(1), job_id=0x20))) == [BadReason.RESERVED]


def test_tasks_without_work_are_told_apart() -> None:
    busy = bytes(40) + b"\xff\xff\xff\xff" + bytes(7) + b"\x1a" + bytes(12)
    assert kinds(parse(OPEN_CORE, busy, WORK, DETECTION_JOB)) == [
        FrameKind.OPEN_CORE,
        FrameKind.BUSY,
        FrameKind.WORK,
        FrameKind.WORK,
    ]


@pytest.mark.parametrize("frame", COMMANDS, ids=bytes.hex)
@pytest.mark.parametrize(
    "follower", [WORK, OPEN_CORE, DETECTION_JOB, COUNT], ids=["work", "open", "icarus", "count"]
)
def test_frames_without_a_gap_are_cut_apart(frame: bytes, follower: bytes) -> None:
    alone = kinds(parse(frame)) + kinds(parse(follower))
    assert kinds(parse(frame + follower)) == alone
    assert kinds(parse(follower + frame)) == alone[::-1]
    assert kinds(parse(frame + frame + follower + follower)) == [alone[0]] * 2 + [alone[1]] * 2


def test_a_task_that_begins_like_a_command_is_a_task() -> None:
    """The midstate is sent first, and one in some thousand begins with a right PLL command."""
    parser = StreamParser()
    looks_so = PLL_100 + WORK[4:]
    assert kinds(parser.feed(looks_so)) == [FrameKind.WORK]
    assert parser.ambiguous == 1
    assert parser.pending == 0


def test_half_a_frame_is_forgotten_after_a_gap() -> None:
    assert kinds(parse(WORK[:33], WORK)) == [BadReason.LENGTH, FrameKind.WORK]
    assert kinds(parse(WORK[:32], COUNT)) == [BadReason.LENGTH, FrameKind.READ_CHIP_ID]
    assert kinds(parse(COUNT + b"\x84\x00\x00")) == [FrameKind.READ_CHIP_ID, BadReason.LENGTH]
    assert kinds(parse(WORK + b"\x00", COUNT)) == [
        FrameKind.WORK,
        BadReason.LENGTH,
        FrameKind.READ_CHIP_ID,
    ]


def test_a_damaged_command_does_not_take_its_followers_along() -> None:
    damaged = bytes([COUNT[0], 1, *COUNT[2:]])
    assert kinds(parse(damaged + CHAIN_INACTIVE + set_address(0))) == [
        BadReason.CRC,
        FrameKind.CHAIN_INACTIVE,
        FrameKind.SET_ADDRESS,
    ]


def test_replies_are_those_that_the_original_accepted() -> None:
    assert wire.register_reply(b"\x13\x84\x00\x00") == bytes.fromhex("1384000013")
    assert wire.nonce_reply(0x1DAC2B7C, 0x1E) == bytes.fromhex("1dac2b7c9e")
    assert wire.pll_reply(0x0783, locked=True) == bytes.fromhex("800f000307")


def test_check_sum_of_a_register_reply_runs_out_to_zero() -> None:
    for data in (b"\x13\x84\x00\x00", b"\x80\x21\x01\x03", b"\xff\xff\xff\xff"):
        assert crc5(wire.register_reply(data), 40) == 0
