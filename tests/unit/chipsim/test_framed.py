"""The wire of BM1387 and later as the simulator reads it, by frames of the reference."""

import binascii
from collections import Counter
from fractions import Fraction
from itertools import pairwise

import pytest

from luxminer_drivers.bm1362.facts import BM1362 as BM1362_FAMILY
from luxminer_drivers.common.facts import CRC5, CRC16
from luxminer_hil.chipsim.families import bm1362, bm1387, bm1397
from luxminer_hil.chipsim.families.framed import (
    Command,
    FramedParser,
    HeaderTask,
    MidstateTask,
    nonce_reply,
)
from luxminer_hil.chipsim.families.registers import RegisterChip
from luxminer_hil.chipsim.wire import BadFrame, BadReason, Frame, FrameKind, crc
from tests.unit.chipsim.framed_host import (
    BM1362,
    BM1387,
    BM1397,
    header_task,
    midstate_task,
    open_core_task,
    real_header,
    words_reversed,
)
from tests.unit.chipsim.host import VECTORS

KINDS = {"BM1387": bm1387.KIND, "BM1397": bm1397.KIND, "BM1362": bm1362.BM1362}
WIRES = {"BM1387": BM1387, "BM1397": BM1397, "BM1362": BM1362}
BLOCK_0 = bytes.fromhex(VECTORS["blocks"][0]["header"])


def parse(name: str, *chunks: bytes) -> list[Frame]:
    """Chunks with a gap after each."""
    parser = KINDS[name].parser()
    frames: list[Frame] = []
    for chunk in chunks:
        frames += [*parser.feed(chunk), *parser.idle()]
        assert parser.pending == 0
    return frames


def kinds(frames: list[Frame]) -> list[str]:
    return [f.reason if isinstance(f, BadFrame) else f.kind for f in frames]


def test_check_sums_agree_with_other_ways_to_divide() -> None:
    assert crc(b"123456789", 72, CRC16) == 0x29B1
    for number in range(50):
        data = real_header(number)
        assert crc(data, 8 * len(data), CRC16) == binascii.crc_hqx(data, 0xFFFF)
    assert crc(bytes.fromhex("52050000"), 32, CRC5) == 0x0A
    assert crc(bytes.fromhex("53050000"), 32, CRC5) == 0x03
    assert crc(bytes.fromhex("54050000"), 32, CRC5) == 0x19


@pytest.mark.parametrize(
    ("name", "frame", "kind", "address", "register", "value"),
    [
        ("BM1387", "5405000019", FrameKind.READ_CHIP_ID, None, 0, 0),
        ("BM1387", "5505000010", FrameKind.CHAIN_INACTIVE, None, 0, 0),
        ("BM1387", "4105800019", FrameKind.SET_ADDRESS, 0x80, 0, 0),
        ("BM1387", "5809001c002001001b", FrameKind.WRITE_REGISTER, None, 0x1C, 0x00200100),
        ("BM1387", "5809001c4020818009", FrameKind.WRITE_REGISTER, None, 0x1C, 0x40208180),
        ("BM1387", "4809800c0010024117", FrameKind.WRITE_PLL, 0x80, 0x0C, 0x00100241),
        ("BM1387", "4405000c04", FrameKind.READ_PLL, 0, 0x0C, 0),
        ("BM1397", "55aa520500000a", FrameKind.READ_CHIP_ID, None, 0, 0),
        ("BM1397", "55aa5305000003", FrameKind.CHAIN_INACTIVE, None, 0, 0),
        ("BM1397", "55aa400500001c", FrameKind.SET_ADDRESS, 0, 0, 0),
        ("BM1397", "55aa51090014000000f01e", FrameKind.WRITE_REGISTER, None, 0x14, 0xF0),
        ("BM1397", "55aa51090018000061311c", FrameKind.WRITE_REGISTER, None, 0x18, 0x6131),
        ("BM1397", "55aa5109000840a0022516", FrameKind.WRITE_PLL, None, 0x08, 0x40A00225),
        ("BM1397", "55aa5205000807", FrameKind.READ_PLL, None, 0x08, 0),
        ("BM1362", "55aa510900a49000ffff1c", FrameKind.WRITE_REGISTER, None, 0xA4, 0x9000FFFF),
        ("BM1362", "55aa410900a80000000203", FrameKind.WRITE_REGISTER, 0, 0xA8, 2),
        ("BM1362", "55aa520500181d", FrameKind.READ_REGISTER, None, 0x18, 0),
    ],
)
def test_commands_of_the_reference(
    name: str, frame: str, kind: FrameKind, address: int | None, register: int, value: int
) -> None:
    (got,) = parse(name, bytes.fromhex(frame))
    assert got == Command(kind=kind, address=address, register=register, value=value)


@pytest.mark.parametrize("name", KINDS)
def test_a_command_with_any_bit_flipped_is_not_obeyed(name: str) -> None:
    wire = WIRES[name]
    for frame in (wire.read_all(0), wire.address(0x40), wire.write_all(0x14, 0x00FF00FF)):
        for bit in range(8 * len(frame)):
            damaged = (int.from_bytes(frame, "big") ^ 1 << bit).to_bytes(len(frame), "big")
            frames = parse(name, damaged)
            assert frames
            assert all(isinstance(got, BadFrame) for got in frames), damaged.hex()


@pytest.mark.parametrize("name", KINDS)
def test_a_task_with_any_byte_changed_is_not_hashed(name: str) -> None:
    header = real_header(1)
    frame = header_task(header, 8) if name == "BM1362" else midstate_task(WIRES[name], [header], 8)
    assert kinds(parse(name, frame)) == ["work"]
    for at in range(len(frame)):
        damaged = bytearray(frame)
        damaged[at] ^= 0x10
        frames = parse(name, bytes(damaged))
        assert all(isinstance(got, BadFrame) for got in frames), at


def test_task_frames_of_block_0() -> None:
    bm1387_frame = (
        "2136310100000000ffff001d29ab5f494b1e5e4a4719f91b96b187364f0103c8c3c8d8e91e59caa890ccac7d63"
        "58bff0bc909a33e807"
    )
    assert midstate_task(BM1387, [BLOCK_0], 0x31).hex() == bm1387_frame
    (task,) = parse("BM1387", bytes.fromhex(bm1387_frame))
    assert isinstance(task, MidstateTask)
    assert (task.kind, task.job_id, task.tail) == (FrameKind.WORK, 0x31, BLOCK_0[64:76])
    assert words_reversed(task.midstates[0]).hex().startswith("4719f91b96b18736")
    for frame in (header_task(BLOCK_0, 0x40), header_task(BLOCK_0, 0x40, length=0x56)):
        (whole,) = parse("BM1362", frame)
        assert isinstance(whole, HeaderTask)
        assert (whole.header, whole.job_id) == (BLOCK_0[:76], 0x40)
    assert header_task(BLOCK_0, 0x40).hex().endswith("0100000092ae")
    assert header_task(BLOCK_0, 0x48, length=0xFF, count=0).hex().endswith("010000004e24")
    assert kinds(parse("BM1362", header_task(BLOCK_0, 0x48, length=0xFF, count=0))) == ["work"]


def test_replies_of_block_0() -> None:
    nonce = 0x1DAC2B7C
    families = [bm1387.DESIGN.family, bm1397.DESIGN.family]
    assert nonce_reply(families[0], nonce, 0, 0x31, None).hex() == "1dac2b7c003198"
    assert nonce_reply(families[1], nonce, 0, 0x24, None).hex() == "aa551dac2b7c00248a"
    assert nonce_reply(BM1362_FAMILY, nonce, 3, 0x46, 0).hex() == "aa551dac2b7c034600008a"


@pytest.mark.parametrize("count", [1, 2, 4])
@pytest.mark.parametrize("name", ["BM1387", "BM1397"])
def test_several_midstates(name: str, count: int) -> None:
    headers = [real_header(1) for _ in range(count)]
    (task,) = parse(name, midstate_task(WIRES[name], headers, 0x40))
    assert isinstance(task, MidstateTask)
    assert len(task.midstates) == count
    assert len(set(task.midstates)) == 1


def test_a_host_may_send_room_for_more_midstates_than_it_counts() -> None:
    body = bytes([0x21, 0x96, 4, 1, 0, 0, 0, 0]) + bytes(12) + bytes(range(128))
    (task,) = parse("BM1397", BM1397.task(body))
    assert isinstance(task, MidstateTask)
    assert task.midstates == (words_reversed(bytes(range(32))),)


def test_open_core_frames() -> None:
    assert open_core_task(0).hex().endswith("5fd3")
    assert open_core_task(1).hex().endswith("4da5")
    assert kinds(parse("BM1387", open_core_task(0x17))) == ["open_core"]


@pytest.mark.parametrize(
    ("frame", "reason"),
    [
        (BM1397.sealed(bytes([0x54, 5, 0, 0])), BadReason.OPCODE),
        (BM1397.sealed(bytes([0x43, 5, 0, 0])), BadReason.OPCODE),  # to one chip
        (BM1397.sealed(bytes([0x52, 5, 1, 0])), BadReason.RESERVED),  # all chips and one address
        (BM1397.sealed(bytes([0x53, 5, 0, 1])), BadReason.RESERVED),
        (BM1397.sealed(bytes([0x40, 5, 8, 1])), BadReason.RESERVED),
        (BM1397.sealed(bytes([0x52, 5, 0, 0xA4])), BadReason.REGISTER),
        (BM1397.write_all(0xA4, 0x9000FFFF), BadReason.REGISTER),
        (BM1397.sealed(bytes([0x52, 9, 0, 0, 0, 0, 0, 0])), BadReason.LENGTH),
        (BM1397.sealed(bytes([0x51, 5, 0, 0x14])), BadReason.LENGTH),
        (BM1397.read_all(0)[:-1], BadReason.LENGTH),
        (b"\x21\x36\x24\x01", BadReason.NOISE),
        (midstate_task(BM1397, [BLOCK_0], 0x80), BadReason.RESERVED),
        (BM1397.task(bytes([0x21, 0x36, 4, 2]) + bytes(48)), BadReason.RESERVED),
        (BM1397.task(bytes([0x21, 0x76, 4, 3]) + bytes(112)), BadReason.LENGTH),
    ],
)
def test_what_is_not_obeyed_has_its_reason(frame: bytes, reason: BadReason) -> None:
    (got,) = parse("BM1397", frame)
    assert got == BadFrame(reason=reason, raw=frame)


def test_a_start_nonce_is_not_obeyed() -> None:
    body = header_task(BLOCK_0, 8)[2:-2]
    frame = BM1362.task(body[:4] + b"\0\0\0\1" + body[8:])
    assert kinds(parse("BM1362", frame)) == [BadReason.RESERVED]


def test_the_malformed_frame_of_an_a2_is_skipped_up_to_the_next_preamble() -> None:
    malformed = bytes.fromhex("55aa53050018f000c10002")
    frames = parse("BM1362", malformed + BM1362.chain_inactive())
    assert frames[0] == BadFrame(reason=BadReason.CRC, raw=malformed)
    assert kinds(frames[1:]) == ["chain_inactive"]


def test_damaged_frames_one_behind_the_other_are_counted_one_by_one() -> None:
    damaged = BM1397.read_all(0)[:-1] + b"\x1e"
    frames = parse("BM1397", damaged * 3 + BM1397.read_all(0))
    assert kinds(frames) == [*[BadReason.CRC] * 3, "read_chip_id"]


@pytest.mark.parametrize("name", KINDS)
def test_half_a_frame_does_not_take_the_next_one_along(name: str) -> None:
    wire = WIRES[name]
    header = real_header(1)
    frame = header_task(header, 8) if name == "BM1362" else midstate_task(wire, [header], 8)
    got = parse(name, frame[:30] + wire.read_all(0) * 20)
    assert Counter(kinds(got))["read_chip_id"] == 20
    got = parse(name, frame[:30], wire.read_all(0))
    assert kinds(got) == [BadReason.LENGTH, "read_chip_id"]


def test_noise_is_counted_in_bounded_pieces() -> None:
    parser = FramedParser(bm1397.DESIGN.family, frozenset(bm1397.DESIGN.power_on))
    frames = [*parser.feed(b"\x01" * 10_000)]
    assert parser.pending <= 4096
    frames += parser.idle()
    assert sum(len(f.raw) for f in frames if isinstance(f, BadFrame)) == 10_000


def test_frames_need_no_gaps() -> None:
    for wire, name in ((BM1387, "BM1387"), (BM1397, "BM1397")):
        frames = [wire.read_all(0), midstate_task(wire, [BLOCK_0], 4), wire.address(9)] * 5
        assert kinds(parse(name, b"".join(frames))) == ["read_chip_id", "work", "set_address"] * 5


@pytest.mark.parametrize("chips", [1, 2, 3, 6, 12, 100, 256])
@pytest.mark.parametrize("name", KINDS)
def test_chips_share_the_nonces_among_them(name: str, chips: int) -> None:
    """Every address bit pattern belongs to one chip."""
    made = []
    for index in range(chips):
        chip = KINDS[name].chip(index, chips, Fraction(1), 0.0)
        assert isinstance(chip, RegisterChip)
        chip.set_address(256 // chips * index)
        made.append(chip)
    for before, after in pairwise(made):
        assert before.first_nonce + before.span == after.first_nonce
    width = {"BM1387": 32, "BM1397": 22, "BM1362": 25}[name]
    assert made[0].first_nonce == 0
    assert made[-1].first_nonce + made[-1].span == 1 << width
