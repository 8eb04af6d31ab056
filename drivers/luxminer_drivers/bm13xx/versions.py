"""Versions that chips search beside the one of the job.

Chips up to BM1397 take one midstate per version; later ones roll bits of the version by themselves.
"""

from luxminer_drivers.bm13xx import facts
from luxminer_drivers.common.fields import get_bits, put_bits

__all__ = [
    "base_version",
    "midstate_versions",
    "register_mask",
    "rolled_version",
    "version_register",
]

NIBBLE_BITS = 4


def _lowest_part(mask: int) -> int:
    """Return the part of a mask in the lowest of its nibbles that is not empty."""
    for shift in range(0, mask.bit_length(), NIBBLE_BITS):
        if part := mask & (((1 << NIBBLE_BITS) - 1) << shift):
            return part
    return 0


def midstate_versions(version: int, mask: int, count: int) -> tuple[int, ...]:
    """Return ``count`` (1, 2 or 4) versions that differ from ``version`` in bits of ``mask`` only.

    Fewer where the mask has not enough bits: each is different, so that no work is done twice.
    """
    low = _lowest_part(mask & ~version)
    rest = mask & ~version & ~low
    versions = dict.fromkeys((version, version | low, version | rest, version | low | rest))
    return tuple(versions)[:count]


def base_version(version: int, mask: int = facts.VERSION_MASK) -> int:
    """Return a version without the bits of ``mask`` that chips of BM1362 and later roll."""
    return version & ~(mask & facts.VERSION_MASK)


def version_register(control: int, mask: int) -> int:
    """Return the value of the register that lets chips roll the bits of ``mask``."""
    bits = mask >> facts.VERSION_SHIFT & ((1 << facts.VERSION_BITS) - 1)
    return put_bits(facts.VERSION_REGISTER_CONTROL, control) | put_bits(
        facts.VERSION_REGISTER_MASK, bits
    )


def register_mask(value: int) -> int:
    """Return the mask in a value of that register."""
    return get_bits(value, facts.VERSION_REGISTER_MASK) << facts.VERSION_SHIFT


def rolled_version(base: int, version_bits: int) -> int:
    """Return the version that was hashed: the base of the task, and the bits of the reply."""
    return base | version_bits << facts.VERSION_SHIFT
