"""One chip with registers, without a stick: its search is complete, its account exact."""

import hashlib
from fractions import Fraction

import pytest

from luxminer.hashing import midstate
from luxminer_hil.chipsim.chip import MAX_OWED_S, ChipKind, Found
from luxminer_hil.chipsim.families import bm1362, bm1387, bm1397
from luxminer_hil.chipsim.families.framed import HeaderTask, MidstateTask
from luxminer_hil.chipsim.families.registers import RegisterChip, ticket_mask
from luxminer_hil.chipsim.hasher import _search
from luxminer_hil.chipsim.wire import FrameKind
from tests.unit.chipsim.framed_host import open_core_task, real_header, versioned
from tests.unit.chipsim.host import DIFFICULTY_1

SCALE = Fraction(1, 10**9)
VERSIONS = (0x20000000, 0x2000E000, 0x3FFF0000, 0x3FFFE000)
HEADER = real_header(1)
KINDS = [bm1387.KIND, bm1397.KIND, bm1362.BM1362, bm1362.BM1368, bm1362.BM1370]


def chip_of(kind: ChipKind, chips: int = 1, index: int = 0) -> RegisterChip:
    """A chip that hashes and reports when it gets a task."""
    chip = kind.chip(index, chips, SCALE, 0.0)
    assert isinstance(chip, RegisterChip)
    chip.set_address(256 // chips * index)
    if kind is bm1387.KIND:
        for number in range(114):
            chip.take(open_core(number), 0.0)
    if isinstance(chip, bm1362.RollingChip):
        for register, value in ((0xA4, 0x9000FFFF), (0x10, 0x12C9), (0x18, 0xF000C100)):
            chip.write(register, value, 0.0)
    return chip


def open_core(job_id: int) -> MidstateTask:
    (task,) = bm1387.KIND.parser().feed(open_core_task(job_id))
    assert isinstance(task, MidstateTask)
    return task


def task_for(chip: RegisterChip) -> MidstateTask | HeaderTask:
    if isinstance(chip, bm1362.RollingChip):
        return HeaderTask(kind=FrameKind.WORK, header=HEADER[:76], job_id=0x28)
    states = tuple(midstate(versioned(HEADER, version)[:64]) for version in VERSIONS)
    return MidstateTask(kind=FrameKind.WORK, midstates=states, tail=HEADER[64:76], job_id=0x28)


def run(chip: RegisterChip, until_s: float) -> tuple[list[bytes], list[tuple[int, int, int]]]:
    """Hash for some time; return the reports, and lane, version bits and nonce of all hashes."""
    replies: list[bytes] = []
    tried: list[tuple[int, int, int]] = []
    now_s = 0.0
    while now_s < until_s:
        now_s += 0.05
        chip.settle(now_s)
        for piece in chip.next_slices(10_000):
            nonces = range(piece.first, piece.first + piece.count)
            tried += [(piece.lane, piece.version_bits, nonce) for nonce in nonces]
            found = [chip.reply(Found(piece, nonce, nonce)) for nonce in _search(piece)]
            said = [reply for reply in found if reply is not None]
            chip.finish(piece, len(said))
            replies += said
    return replies, tried


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
def test_exactly_the_hashes_above_the_ticket_are_reported(kind: ChipKind) -> None:
    chip = chip_of(kind)
    mask = 0x00000003 if kind is bm1387.KIND else 0x000000C0  # 4
    chip.write(chip.family.registers.ticket, mask, 0.0)
    chip.take(task_for(chip), 0.0)
    replies, tried = run(chip, 10.0)
    assert chip.hashed == len(tried)
    expected = []
    limit = DIFFICULTY_1 * 10**9 // 4
    for lane, bits, nonce in tried:
        rolled = 0x20000000 | bits << 13
        version = rolled if isinstance(chip, bm1362.RollingChip) else VERSIONS[lane]
        header = versioned(HEADER, version)[:76] + nonce.to_bytes(4, "big")
        digest = hashlib.sha256(hashlib.sha256(header).digest()).digest()
        if int.from_bytes(digest, "little") <= limit:
            expected.append((nonce.to_bytes(4, "big"), chip.id_byte(0x28, lane)))
    start = len(chip.family.reply_preamble)
    assert [(r[start : start + 4], r[start + 5]) for r in replies] == expected
    assert len(expected) >= 5
    assert chip.nonces == len(expected) + (2 * 114 if kind is bm1387.KIND else 0)


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
def test_every_nonce_is_tried_with_all_its_midstates(kind: ChipKind) -> None:
    chip = chip_of(kind, 4, 2)
    chip.take(task_for(chip), 0.0)
    _, tried = run(chip, 5.0)
    lanes: dict[tuple[int, int], set[int]] = {}
    width = chip.family.versions_per_batch or 4
    for lane, bits, nonce in tried:
        lanes.setdefault((nonce, bits // width), set()).add(lane)
    assert {frozenset(found) for found in lanes.values()} == {frozenset(range(width))}


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
def test_the_account_is_that_of_the_clock(kind: ChipKind) -> None:
    chip = chip_of(kind)
    chip.take(task_for(chip), 0.0)
    run(chip, 20.0)
    assert chip.hashed <= chip.rate_hs * 20.0 + 1
    assert chip.hashed == pytest.approx(chip.rate_hs * 20.0, abs=32)
    assert chip.counters().missed == 0
    chip.settle(30.0)
    assert chip.owed <= chip.rate_hs * MAX_OWED_S + 16
    assert chip.counters().missed > 0


@pytest.mark.parametrize("kind", [bm1387.KIND, bm1397.KIND], ids=lambda kind: kind.name)
def test_a_chip_idles_at_the_end_of_its_share(kind: ChipKind) -> None:
    chip = chip_of(kind, 8, 3)
    pll = 0x00900221 if kind is bm1387.KIND else 0x40780115
    chip.write(chip.family.registers.pll, pll, 0.0)
    chip.take(task_for(chip), 0.0)
    assert chip._search is not None
    chip._position = chip._search.space.total - 3
    chip.settle(1.0)
    pieces = chip.next_slices(1000)
    assert sum(piece.count for piece in pieces) == 12
    assert len({piece.lane for piece in pieces}) == 4
    last = max(piece.first + piece.count for piece in pieces)
    assert last % (1 << 22 if kind is bm1397.KIND else 1 << 32) == chip.first_nonce + chip.span
    assert not chip.is_searching
    chip.settle(4.0)
    assert chip.counters().dry_s >= 3.0


def test_a_change_of_the_clock_goes_on_with_the_versions() -> None:
    chip = chip_of(bm1362.BM1370)
    chip.take(task_for(chip), 0.0)
    _, first = run(chip, 0.3)
    chip.write(0x08, 0x40780240, 0.3)
    chip.settle(0.4)
    later = [piece.version_bits for piece in chip.next_slices(1000)]
    assert min(later) >= max(bits for _, bits, _ in first) - 15
    chip.write(0xA4, 0x900000FF, 0.4)
    chip.settle(0.5)
    assert all(piece.version_bits <= 0xFF for piece in chip.next_slices(1000))


@pytest.mark.parametrize("mask", [0, 0x0003, 0x0100])
@pytest.mark.parametrize("kind", KINDS[2:], ids=lambda kind: kind.name)
def test_few_versions_last_as_long_and_repeat_nothing_before(kind: ChipKind, mask: int) -> None:
    """One batch takes the ticks of the counting number, however many versions it has."""
    chip = chip_of(kind)
    chip.write(0x10, 0x155555, 0.0)
    chip.write(0xA4, 0x90000000 | mask, 0.0)
    chip.write(0x08, 0x40780240, 0.0)  # 300 MHz
    chip.take(task_for(chip), 0.0)
    assert chip._search is not None
    hashes = chip._search.space.total * chip._search.width
    assert hashes / chip.rate_hs == pytest.approx(0x155555 / 25e6, rel=0.3)
    _, tried = run(chip, 1.0)
    assert len(set(tried[:hashes])) == hashes
    assert tried[hashes] == tried[0]


@pytest.mark.parametrize(
    ("register", "mask"),
    [
        (0x00000000, 0),
        (0x00000080, 1),
        (0x000000F0, 15),
        (0x000000FF, 255),
        (0x000080FF, 511),
        (0x0000F0FF, 4095),
        (0xFFFFFFFF, 0xFFFFFFFF),
        (0x0000000F, 0xF0),
    ],
)
def test_ticket_masks(register: int, mask: int) -> None:
    assert ticket_mask(register) == mask


def test_a_mask_written_the_wrong_way_round_reports_easy_nonces() -> None:
    """As a chip would: a host that mixes up the bits must be able to see it."""
    chip = chip_of(bm1397.KIND)
    chip.write(0x14, 0x0000000F, 0.0)  # meant as 16
    assert chip.ticket_difficulty == 1
    chip.take(task_for(chip), 0.0)
    replies, tried = run(chip, 40.0)
    expected = len(tried) / 4.295 / 16
    assert 0.5 * expected < len(replies) < 1.6 * expected
