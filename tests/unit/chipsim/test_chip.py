from fractions import Fraction

import pytest

from luxminer_drivers.bm1384 import facts
from luxminer_hil.chipsim.chip import (
    DIFFICULTY_1_TARGET,
    MAX_OWED_S,
    ticket_target,
)
from luxminer_hil.chipsim.families.bm1384 import ChipModel
from luxminer_hil.chipsim.families.bm1384_wire import FrameKind, Task

SCALE = Fraction(1, 1000)


def a_task(*, nonce_range: int = 0xFFFFFFFF, ticket: int = 1) -> Task:
    return Task(
        kind=FrameKind.WORK,
        midstate=bytes(range(32)),
        tail=bytes(12),
        ticket_difficulty=ticket,
        nonce_range=nonce_range,
        job_id=0x10,
    )


def run(chip: ChipModel, now_s: float, limit: int = 1 << 32) -> int:
    """Hash all that the chip may by now; return how much."""
    chip.settle(now_s)
    count = 0
    while piece := chip.next_slice(limit):
        chip.finish(piece, 0)
        count += piece.count
    return count


def test_a_new_chip_runs_at_the_power_on_clock_without_an_address() -> None:
    chip = ChipModel(0, SCALE, 0.0)
    assert chip.mhz == facts.POWER_ON_MHZ
    assert chip.rate_hs == 55 * 200e6 * 1e-3
    assert (chip.address, chip.has_address, chip.is_searching) == (0, False, False)


def test_nothing_is_hashed_without_a_task() -> None:
    chip = ChipModel(0, SCALE, 0.0)
    assert run(chip, 10.0) == 0
    assert chip.counters().dry_s == 0.0


def test_hashes_are_exactly_what_the_clock_gave() -> None:
    chip = ChipModel(0, SCALE, 0.0)
    chip.take(a_task(), 0.0)
    total = sum(run(chip, tick * 0.01) for tick in range(1, 501))
    assert total == chip.hashed == pytest.approx(chip.rate_hs * 5.0, abs=2)
    assert chip.hashed <= chip.rate_hs * 5.0
    assert chip.counters().missed == 0


def test_what_a_slow_machine_cannot_do_is_missed_and_not_made_up() -> None:
    chip = ChipModel(0, SCALE, 0.0)
    chip.take(a_task(), 0.0)
    chip.settle(3.0)
    assert chip.owed == pytest.approx(chip.rate_hs * MAX_OWED_S, abs=1)
    counters = chip.counters()
    assert counters.lag_s == pytest.approx(3.0 - MAX_OWED_S)
    assert counters.missed + chip.owed == pytest.approx(chip.rate_hs * 3.0, abs=2)


def test_each_change_of_the_clock_counts_from_its_moment() -> None:
    chip = ChipModel(0, SCALE, 0.0)
    chip.take(a_task(), 0.0)
    chip.write_pll(0x0783, 0.1)
    assert chip.mhz == 100.0
    assert run(chip, 0.11) == pytest.approx(55e6 * 1e-3 * (200 * 0.1 + 100 * 0.01), abs=2)


def test_hashes_owed_at_a_fast_clock_outlive_a_slow_one() -> None:
    chip = ChipModel(0, SCALE, 0.0)
    chip.take(a_task(), 0.0)
    chip.write_pll(0x0003, 0.2)
    assert chip.mhz == 6.25
    assert run(chip, 0.2) == pytest.approx(55e6 * 1e-3 * 200 * 0.2, abs=2)
    assert chip.counters().missed == 0


@pytest.mark.parametrize("pll", [0xFF80, 0x007F])
def test_a_clock_that_cannot_be_is_not_locked_and_hashes_nothing(pll: int) -> None:
    chip = ChipModel(0, SCALE, 0.0)
    chip.write_pll(pll, 0.0)
    chip.take(a_task(), 0.0)
    assert not facts.MIN_MHZ <= chip.mhz <= facts.MAX_MHZ
    assert run(chip, 1.0) == 0
    locks = [chip.is_locked]
    chip.write_pll(0x0783, 1.0)
    locks.append(chip.is_locked)
    assert locks == [False, True]
    assert run(chip, 1.1) > 0


def test_a_chip_starts_where_its_address_says_and_ends_with_its_range() -> None:
    chip = ChipModel(1, SCALE, 0.0)
    chip.set_address(0x80)
    chip.take(a_task(nonce_range=1000), 0.0)
    chip.settle(1.0)
    piece = chip.next_slice(600)
    rest = chip.next_slice(600)
    assert piece is not None
    assert rest is not None
    assert (piece.first, piece.count) == (0x80000000, 600)
    assert (rest.first, rest.count) == (0x80000258, 400)
    assert chip.next_slice(600) is None


def test_a_chip_that_ran_dry_idles_and_says_for_how_long() -> None:
    chip = ChipModel(0, SCALE, 0.0)
    chip.take(a_task(nonce_range=1_100_000), 0.0)  # a tenth of a second
    assert run(chip, 0.2) == 1_100_000
    assert run(chip, 2.1) == 0
    assert chip.counters().dry_s == pytest.approx(2.0)
    chip.take(a_task(), 2.1)
    assert run(chip, 2.2) == pytest.approx(1_100_000, abs=2)
    assert chip.counters().dry_s == pytest.approx(2.0)


@pytest.mark.parametrize(
    ("address", "nonce_range", "end"),
    [(0, 0, 1 << 32), (0x80, 0, 1 << 32), (0xC0, 0xFFFFFFFF, 1 << 32), (0x80, 10, 0x8000000A)],
)
def test_no_range_goes_beyond_the_last_nonce(address: int, nonce_range: int, end: int) -> None:
    chip = ChipModel(0, Fraction(1), 0.0)
    chip.set_address(address)
    chip.take(a_task(nonce_range=nonce_range), 0.0)
    chip.settle(0.25)
    last = 0
    while piece := chip.next_slice(1 << 32):
        last = piece.first + piece.count
        chip.settle(chip._settled_s + 0.25)
    assert last == end


def test_a_power_cut_clears_registers_but_not_the_account() -> None:
    chip = ChipModel(0, SCALE, 0.0)
    chip.set_address(0x40)
    chip.write_pll(0x0783, 0.0)
    chip.take(a_task(), 0.0)
    hashed = run(chip, 0.1)
    chip.power_on(0.2)
    assert (chip.address, chip.has_address, chip.mhz, chip.is_searching) == (0, False, 200.0, False)
    assert chip.hashed == hashed
    assert run(chip, 1.0) == 0


def test_tickets_are_exact() -> None:
    assert ticket_target(1, Fraction(1)) == DIFFICULTY_1_TARGET
    assert ticket_target(256, Fraction(1)) == DIFFICULTY_1_TARGET >> 8
    assert ticket_target(3, Fraction(1)) == DIFFICULTY_1_TARGET // 3
    assert ticket_target(1, Fraction(1, 1000)) == DIFFICULTY_1_TARGET * 1000
    assert ticket_target(4, Fraction(1, 4)) == DIFFICULTY_1_TARGET
