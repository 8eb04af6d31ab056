"""Where chips look for nonces, as the virtual ones do it, and how these begin at a given one."""

from fractions import Fraction

from luxminer_drivers.bm13xx.chain import addresses
from luxminer_hil.chipsim.chip import Chip, ChipKind
from luxminer_hil.chipsim.families.bm1362 import RollingChip
from luxminer_hil.chipsim.families.bm1387 import MidstateChip
from luxminer_hil.chipsim.products import BOARDS
from luxminer_hil.chipsim.spaces import NONCES, Range

__all__ = ["part_before", "skip_to"]

ADDRESS_SHIFT = 24
"""A chip's address is the first byte of its nonces, but where its family says otherwise."""


def skip_to(model: str, chips: int, position: int) -> int | str:
    """Return how many nonces each chip has to pass over so that one begins at ``position``.

    For tasks whose version is not rolled. In words why none gets there: a family with fewer cores
    than their numbers in a nonce allow has nonces that nobody looks at.
    """
    return _reached(BOARDS[model].kinds[0], chips, position)[0]


def part_before(model: str, chips: int, position: int) -> float | str:
    """Return which part of its nonces the chip of ``position`` tries before; in words if none has.

    Of several kinds of chips that the model may have the last one to get there counts.
    """
    latest = 0.0
    for kind in BOARDS[model].kinds:
        number, total = _reached(kind, chips, position)
        if isinstance(number, str):
            return number
        latest = max(latest, number / total)
    return latest


def _reached(kind: ChipKind, chips: int, position: int) -> tuple[int | str, int]:
    """Return under which number the chip whose it is has a nonce, and how many it has."""
    for index, address in enumerate(addresses(chips)):
        chip = kind.chip(index, chips, Fraction(1), 0.0)
        chip.set_address(address)
        number, total = _number_of(chip, chips, position)
        if number is not None:
            return number, total
    return f"no core of {chips} {kind.name} looks at nonce {position:08x}", NONCES


def _number_of(chip: Chip, chips: int, position: int) -> tuple[int | None, int]:
    if isinstance(chip, RollingChip):
        return chip.skip_to(position), chip.family.cores * chip.nonces_of_core
    if isinstance(chip, MidstateChip):
        space = chip.space()
        return space.number_of(position), space.total
    first = chip.address << ADDRESS_SHIFT
    part = Range(first, min(NONCES // chips, NONCES - first))
    return part.number_of(position), part.total
