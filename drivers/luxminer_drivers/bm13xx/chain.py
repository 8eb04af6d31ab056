"""Arithmetic of a chain: who owns which nonces, how fast it is, how often to feed it.

Rates here are those of the real chips; a virtual stick's scale is applied by the device.
"""

from bisect import bisect_right
from fractions import Fraction

from luxminer_drivers.bm13xx import facts
from luxminer_drivers.bm13xx.facts import Family, NonceAddress, Split
from luxminer_drivers.common.fields import get_bits

__all__ = [
    "address_of_nonce",
    "addresses",
    "chip_at",
    "chip_of_address",
    "chip_of_nonce",
    "core_of_nonce",
    "fullscan_s",
    "hash_count",
    "hashrate_hs",
    "line_s",
    "longest_scans",
    "next_job_id",
    "nonce_interval_s",
    "own_part",
    "shares_nonces",
    "task_interval_s",
    "task_life_s",
    "version_epoch_s",
]

ADDRESS_BITS = 8
BITS_PER_BYTE = 10
NONCES = facts.NONCE_SPACE + 1


def addresses(chips: int) -> tuple[int, ...]:
    """Return the address of each chip of a chain, evenly spread over a byte."""
    assert 1 <= chips <= facts.MAX_CHIPS, chips
    step = facts.MAX_CHIPS // chips
    return tuple(step * index for index in range(chips))


def chip_of_address(address: int, chips: int) -> int:
    """Return the index of the chip with this address, the last one where none has it."""
    return min(address // (facts.MAX_CHIPS // chips), chips - 1)


def _big_endian(nonce: int) -> int:
    return int.from_bytes(nonce.to_bytes(facts.REPLY_NONCE.width, "little"), "big")


def address_of_nonce(place: NonceAddress, nonce: int) -> int:
    """Return what a nonce (header number) holds of its chip's address; the lower bits are 0."""
    return get_bits(_big_endian(nonce), place.bits) << ADDRESS_BITS - place.bits.width


def chip_at(place: NonceAddress, nonce: int, chips: int) -> int | None:
    """Return the index of the chip that searches there: each does from its address on.

    A nonce may hold less than the whole address: what it does not hold is left out of the addresses
    of the chips, too. None where that makes several of them alike.
    """
    left_out = ADDRESS_BITS - place.bits.width
    if facts.MAX_CHIPS // chips < 1 << left_out:
        return None
    starts = [address >> left_out for address in addresses(chips)]
    return bisect_right(starts, get_bits(_big_endian(nonce), place.bits)) - 1


def chip_of_nonce(place: NonceAddress, nonce: int, chips: int) -> int:
    """Return the index of the chip that owns ``nonce`` (header number) as the originals count."""
    address = address_of_nonce(place, nonce)
    if place.split is Split.EVEN:
        return address * chips // facts.MAX_CHIPS
    return chip_of_address(address, chips)


def core_of_nonce(family: Family, nonce: int) -> int | None:
    """Return the core that found ``nonce``, None where nobody knows. For statistics only."""
    return None if family.core_bits is None else get_bits(_big_endian(nonce), family.core_bits)


def next_job_id(family: Family, job_id: int) -> int:
    """Return the id after ``job_id``; they go round."""
    following = job_id + family.job_id_step
    return following if following <= family.job_id_last else family.job_id_first


def hashrate_hs(family: Family, chips: int, mhz: float, rate_scale: float = 1.0) -> float:
    """Return the nominal rate in hashes per second."""
    return chips * mhz * 1e6 * family.cores * rate_scale


def fullscan_s(rate_hs: float) -> float:
    """Return how long a chain takes for the whole nonce range of one header."""
    return facts.NONCE_SPACE / rate_hs


def nonce_interval_s(rate_hs: float, ticket_difficulty: int) -> float:
    """Return the mean time between nonces of a chain."""
    return fullscan_s(rate_hs) * ticket_difficulty


def _fullscans(family: Family, midstates: int) -> tuple[float, float]:
    """Return how many full scans a task takes, and the most that it is left running."""
    if family.midstate_counts:
        return midstates, facts.MAX_WAIT_FULLSCANS
    return facts.VERSION_FULLSCANS, facts.VERSION_FULLSCANS


def longest_scans(family: Family) -> float:
    """Return the upper bound of a task in full scans, whatever the wait factor."""
    return _fullscans(family, 1)[1]


def task_interval_s(
    family: Family,
    rate_hs: float,
    *,
    midstates: int = 1,
    wait_factor: float = facts.WAIT_FACTOR,
    life_s: float | None = None,
) -> float:
    """Return after how long a task has to be replaced, so that no chip runs dry or repeats itself.

    ``life_s`` is that of `task_life_s`.
    """
    scans, most = _fullscans(family, midstates)
    interval = min(scans * wait_factor, most) * fullscan_s(rate_hs)
    return interval if life_s is None else min(interval, life_s * wait_factor)


def line_s(length: int, baudrate: int) -> float:
    """Return how long the line takes for a task of ``length`` bytes and the pause after it."""
    return length * BITS_PER_BYTE / baudrate + facts.COMMAND_PAUSE_S


def _power_above(number: int) -> int:
    return 1 << (number - 1).bit_length()


def hash_count(family: Family, chips: int, mhz: float) -> int:
    """Return the hash counting number: ticks of the crystal for one batch of versions.

    Each chip then searches its whole part of the nonce range before it rolls on. Only for families
    with ``core_groups``.
    """
    assert family.core_groups, family.name
    part = Fraction(NONCES, _power_above(family.core_groups))
    per_clock = facts.HASH_COUNT_HASHES_PER_CLOCK * Fraction(mhz)
    ticks = part / _power_above(chips) * Fraction(facts.CRYSTAL_MHZ) / per_clock
    return max(1, int(ticks) - family.hash_count_less)


def version_epoch_s(family: Family, count: int, mask: int = facts.VERSION_MASK) -> float:
    """Return how long chips with this hash counting number find new versions to roll."""
    versions = 1 << (mask & facts.VERSION_MASK).bit_count()
    batches = max(1, versions // family.versions_per_batch)
    return count * batches / (facts.CRYSTAL_MHZ * 1e6)


def task_life_s(
    family: Family,
    chips: int,
    mhz: float,
    *,
    midstates: int = 1,
    mask: int = facts.VERSION_MASK,
) -> float:
    """Return how long after a task chips have nothing new to hash: they idle, or repeat themselves.

    ``mask`` is that of the versions that they roll, ``mhz`` the clock of the fastest.
    """
    if not family.core_groups:
        nonces = own_part(chips) * NONCES
        return midstates * nonces / (family.cores * mhz * 1e6)
    epoch_s = version_epoch_s(family, hash_count(family, chips, mhz), mask)
    if not shares_nonces(family, mask):
        return epoch_s
    # The sub-cores are through their part of the nonces sooner than the number says.
    versions = 1 << (mask & facts.VERSION_MASK).bit_count()
    core_nonces = NONCES // _power_above(family.core_groups) * own_part(chips)
    return min(epoch_s, core_nonces * versions / family.versions_per_batch / (mhz * 1e6))


def shares_nonces(family: Family, mask: int) -> bool:
    """Tell whether the versions of ``mask`` are too few for the sub-cores of a core.

    They share its nonces then, and number bits of the nonce among which the chip stands else.
    """
    return 1 << (mask & facts.VERSION_MASK).bit_count() < family.versions_per_batch


def own_part(chips: int) -> float:
    """Return which part of the nonces is that of one chip: what is between two addresses."""
    return facts.MAX_CHIPS // chips / facts.MAX_CHIPS
