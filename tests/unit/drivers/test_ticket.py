"""The ticket of sticks whose original has none: chosen by the rate, sent, proven, or given up."""

from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction

import pytest

from luxminer_drivers.bm13xx import facts
from luxminer_drivers.bm13xx.facts import TicketOrder
from luxminer_drivers.bm13xx.ticket import decode_ticket, encode_ticket, ticket_below
from luxminer_drivers.bm13xx.ticket_watch import TicketWatch
from luxminer_drivers.bm1387.device import MAX_NONCES_PER_S
from luxminer_hil.chipsim import products
from luxminer_hil.chipsim import stick as chipsim
from luxminer_hil.chipsim.families import bm1387
from luxminer_hil.chipsim.families.registers import Design
from tests.unit.drivers.virtual_rig import Rig, running
from tests.unit.drivers.warp import warped

NONCES_AT_1 = 12 * 114 * 550e6 / 2**32
"""Of an R606, each second."""


def test_a_plain_mask_is_the_difficulty_less_one() -> None:
    assert encode_ticket(64, TicketOrder.PLAIN) == 0x3F
    assert decode_ticket(0x3F, TicketOrder.PLAIN) == 64
    assert encode_ticket(64, TicketOrder.REVERSED) == 0xFC


@pytest.mark.parametrize(
    ("rate_hs", "ticket"),
    [(22.8e9, 1), (34.3e9, 1), (34.4e9, 2), (752.4e9, 32), (1.1e12, 64), (1.0, 1)],
)
def test_the_ticket_leaves_at_most_eight_nonces_a_second(rate_hs: float, ticket: int) -> None:
    assert ticket_below(rate_hs, MAX_NONCES_PER_S) == ticket
    assert rate_hs / 2**32 / ticket <= MAX_NONCES_PER_S


def _is_wrong(watch: TicketWatch, *, heard: int, difficulty: float, expected: float) -> bool:
    for _ in range(heard):
        watch.heard(difficulty)
    watch.expect(expected)
    return watch.is_wrong


def test_easy_nonces_and_missing_ones_are_each_a_reason_to_send_it_again() -> None:
    watch = TicketWatch()
    watch.start(32)
    assert not _is_wrong(watch, heard=facts.TICKET_CHECK_SKIP + 3, difficulty=1.0, expected=9.0)
    assert _is_wrong(watch, heard=1, difficulty=31.8, expected=0.0)
    watch.again(32)
    assert not _is_wrong(watch, heard=0, difficulty=40.0, expected=9.0), "heard before: nothing"
    assert _is_wrong(watch, heard=0, difficulty=40.0, expected=2.0), "none of ten"
    watch.again(32)
    assert not _is_wrong(watch, heard=59, difficulty=40.0, expected=99.0)
    assert _is_wrong(watch, heard=0, difficulty=40.0, expected=2.0), "59 of 100"
    watch.again(32)
    assert not _is_wrong(watch, heard=60, difficulty=40.0, expected=101.0)
    assert watch.expect(1000.0), "the first ones prove it"


def test_after_three_times_it_is_hopeless_and_what_is_accepted_is_judged_no_more() -> None:
    watch = TicketWatch()
    watch.start(32)
    for retry in range(facts.TICKET_RETRIES + 1):
        assert not watch.expect(100.0)
        assert watch.is_hopeless == (retry == facts.TICKET_RETRIES)
        if not watch.is_hopeless:
            watch.again(32)
    watch.accept()
    for _ in range(100):
        watch.heard(0.1)
    assert watch.expect(100.0)


class _Deaf(bm1387.Bm1387):
    """Keeps the mask of its power-on."""

    def write(self, register: int, value: int, now_s: float) -> None:
        if register != self.family.registers.ticket:
            super().write(register, value, now_s)


class _Harsh(bm1387.Bm1387):
    """Is two bits stricter than its mask, unless that is 0."""

    def write(self, register: int, value: int, now_s: float) -> None:
        if register == self.family.registers.ticket and value:
            value = 0xFF
        super().write(register, value, now_s)


Chip = Callable[[Design, int, int, Fraction, float], bm1387.Bm1387]


def _fit(patch: pytest.MonkeyPatch, chip: Chip, design: Design = bm1387.DESIGN) -> None:
    """Let an R606 have these chips."""

    def make(index: int, chips: int, scale: Fraction, now_s: float) -> bm1387.Bm1387:
        return chip(design, index, chips, scale, now_s)

    board = products.BOARDS["r606"]
    kind = replace(bm1387.KIND, chip=make)
    boards = {**products.BOARDS, "r606": replace(board, kinds=(kind,))}
    patch.setattr(chipsim, "BOARDS", boards)


async def _settled(rig: Rig, ticket: int, limit_s: float = 200.0) -> None:
    """Wait until it is judged, and look whether it then finds what it should."""

    def reported() -> float:
        return rig.host.reports[-1].ticket_difficulty / rig.host.scale if rig.host.reports else 0.0

    await rig.until(lambda: round(reported()) == ticket, limit_s, f"ticket {ticket}")
    before = rig.host.gate.total()
    await rig.until(
        lambda: rig.host.gate.total().nonces >= before.nonces + 400, 600, "400 nonces more"
    )
    assert round(reported()) == ticket
    rig.check_books()


async def _measure(rig: Rig, seconds: float) -> float:
    """Return the nonces of a second at difficulty 1 that come, by the work that counts."""
    loop = rig.host.clock
    start_s, start = loop.monotonic(), rig.host.gate.total().diff1_work
    await rig.until(lambda: loop.monotonic() >= start_s + seconds, seconds + 1, "time")
    work = rig.host.gate.total().diff1_work - start
    return float(work) / rig.host.scale / (loop.monotonic() - start_s)


@pytest.mark.slow
@warped
async def test_an_r606_reports_five_nonces_a_second_and_all_its_work() -> None:
    async with running("r606") as rig:
        await _settled(rig, 32)
        counters = rig.stick.counters()
        assert counters.frames["write_register"] >= 3
        rate = await _measure(rig, 120)
        assert rate == pytest.approx(NONCES_AT_1, rel=0.2)
        found = rig.stick.counters().nonces - counters.nonces
        assert found / 120 < MAX_NONCES_PER_S


@pytest.mark.slow
@warped
async def test_a_newpac_is_left_at_difficulty_1() -> None:
    async with running("newpac") as rig:
        await _settled(rig, 1)


@pytest.mark.slow
def test_chips_that_want_the_bits_reversed_get_them_so(monkeypatch: pytest.MonkeyPatch) -> None:
    _fit(monkeypatch, bm1387.Bm1387, replace(bm1387.DESIGN, is_ticket_reversed=True))

    @warped
    async def run() -> None:
        async with running("r606") as rig:
            await rig.until(lambda: rig.host.gate.total().nonces > 30, 60, "first nonces")
            await _settled(rig, 32)
            assert await _measure(rig, 120) == pytest.approx(NONCES_AT_1, rel=0.2)

    run()


@pytest.mark.slow
@pytest.mark.parametrize("chip", [_Deaf, _Harsh])
def test_chips_that_do_not_keep_to_it_end_at_difficulty_1_with_all_their_work(
    chip: Chip, monkeypatch: pytest.MonkeyPatch
) -> None:
    _fit(monkeypatch, chip)

    @warped
    async def run() -> None:
        async with running("r606") as rig:
            await _settled(rig, 1)
            assert await _measure(rig, 20) == pytest.approx(NONCES_AT_1, rel=0.1)

    run()
