"""Ticket mask: how easy a hash a chip still reports, and how it is written."""

import math

from luxminer_drivers.bm13xx import facts
from luxminer_drivers.bm13xx.facts import Family, TicketCheck, TicketOrder

__all__ = [
    "TicketCheck",
    "check_for",
    "choose_ticket",
    "decode_ticket",
    "encode_ticket",
    "highest_ticket",
    "ticket_below",
]


def _in_order(value: int, order: TicketOrder) -> int:
    """Turn a mask into a register value, and back: both are the same."""
    if order is TicketOrder.PLAIN:
        return value
    width = facts.TICKET_BYTE_BITS
    data = value.to_bytes(facts.MAX_TICKET_BITS // width, "big")
    return int.from_bytes(bytes(int(f"{byte:0{width}b}"[::-1], 2) for byte in data), "big")


def encode_ticket(difficulty: int, order: TicketOrder = TicketOrder.REVERSED) -> int:
    """Return the register value for a power of two below 2^32. Raises ValueError for another."""
    if difficulty < 1 or difficulty & (difficulty - 1) or difficulty >> facts.MAX_TICKET_BITS:
        raise ValueError(f"ticket difficulty {difficulty}: it has to be a power of two below 2^32")
    return _in_order(difficulty - 1, order)


def decode_ticket(value: int, order: TicketOrder = TicketOrder.REVERSED) -> int:
    """Return the difficulty of a register value. Raises ValueError where it is no power of two."""
    difficulty = _in_order(value, order) + 1
    if difficulty & (difficulty - 1):
        raise ValueError(f"ticket mask {value:08x} has gaps")
    return difficulty


def highest_ticket(family: Family, chips: int) -> int:
    """Return the hardest ticket for a chain of that size."""
    cores = chips * family.cores
    return next(row.difficulty for row in family.tickets if cores > row.above_cores)


def choose_ticket(family: Family, chips: int, wanted: float | None = None) -> int:
    """Return the power of two not above ``wanted``, at least 1, at most what the chain may have.

    Without a wish the hardest one: fewer replies, same work.
    """
    highest = highest_ticket(family, chips)
    if wanted is None or wanted >= highest:
        return highest
    return 1 << (max(1, int(wanted)).bit_length() - 1)


def ticket_below(rate_hs: float, nonces_per_s: float) -> int:
    """Return the easiest power of two at which a chain finds no more than ``nonces_per_s``."""
    times = math.ceil(rate_hs / (facts.NONCE_SPACE * nonces_per_s))
    return 1 << (max(1, times) - 1).bit_length()


def check_for(difficulty: int) -> TicketCheck:
    """Return how long to look for proof that a mask is not harder than asked.

    A difficulty beyond the table is judged like the hardest one in it, as often by its own measure.
    """
    hardest = max(facts.TICKET_CHECKS, key=lambda check: check.difficulty)
    for check in facts.TICKET_CHECKS:
        if check.difficulty == difficulty:
            return check
    nonces = hardest.nonces * difficulty // hardest.difficulty
    return TicketCheck(difficulty, nonces, difficulty * hardest.easier_than / hardest.difficulty)
