"""Arithmetic of a chain of BM1384: who owns which nonces, how fast it is, how often to feed it.

Ref: REFERENCE.md, "Chain" and "Rates". Rates here are those of the real chips; a virtual stick's
scale is applied by the device.
"""

import math

from luxminer_drivers.bm1384 import facts

__all__ = [
    "addresses",
    "chip_at",
    "chip_of_nonce",
    "fullscan_s",
    "hashrate_hs",
    "next_job_id",
    "nonce_range",
    "own_part",
    "task_interval_s",
    "ticket_difficulty",
]

NONCES = 1 << 32


def addresses(chips: int) -> tuple[int, ...]:
    """Return the address of each chip of a chain, evenly spread over a byte."""
    assert 1 <= chips <= facts.MAX_CHIPS, chips
    step = facts.MAX_CHIPS // chips
    return tuple(step * index for index in range(chips))


def nonce_range(chips: int) -> int:
    """Return how many nonces each chip searches."""
    return facts.NONCE_SPACE // chips


def chip_of_nonce(nonce: int, chips: int) -> int:
    """Return the index of the chip that owns ``nonce`` as the original counts: in equal parts."""
    first = nonce & 0xFF  # the number is the little-endian reading of the bytes
    return first * chips >> 8


def chip_at(nonce: int, chips: int) -> int:
    """Return the index of the chip that searches there: each does from its address on."""
    return min((nonce & 0xFF) // (facts.MAX_CHIPS // chips), chips - 1)


def next_job_id(job_id: int) -> int:
    """Return the id after ``job_id``; they go round."""
    following = job_id + facts.JOB_ID_STEP
    return following if following <= facts.JOB_ID_LAST else facts.JOB_ID_FIRST


def hashrate_hs(chips: int, mhz: float) -> float:
    """Return the nominal rate in hashes per second."""
    return chips * mhz * 1e6 * facts.CORES


def fullscan_s(rate_hs: float) -> float:
    """Return how long a chain takes for the whole nonce range of one header."""
    return facts.NONCE_SPACE / rate_hs


def task_interval_s(rate_hs: float, wait_factor: float = facts.WAIT_FACTOR) -> float:
    """Return after how long a task has to be replaced, so that no chip runs dry."""
    return wait_factor * fullscan_s(rate_hs)


def own_part(chips: int) -> float:
    """Return which part of its nonce range a chip has before it comes to that of the next one.

    Addresses are whole first bytes of a nonce, so that ranges overlap a little.
    """
    return facts.MAX_CHIPS // chips * chips / facts.MAX_CHIPS


def ticket_difficulty(rate_hs: float, nonces_per_scan: int = facts.NONCES_PER_SCAN) -> int:
    """Return the power of two that keeps a chain at so many nonces a second.

    The smallest one not below rate / (nonces_per_scan * 2^32), within what a task frame can carry.
    """
    wanted = max(1, math.ceil(rate_hs / (nonces_per_scan * facts.NONCE_SPACE)))
    return min(1 << (wanted - 1).bit_length(), facts.MAX_TICKET_DIFFICULTY)
