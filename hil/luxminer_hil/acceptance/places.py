"""Where virtual chips look for nonces, and how to let them begin at a given one."""

from fractions import Fraction

from luxminer_drivers.bm13xx.chain import addresses
from luxminer_hil.chipsim.chip import Chip
from luxminer_hil.chipsim.families.bm1362 import RollingChip
from luxminer_hil.chipsim.families.bm1387 import MidstateChip
from luxminer_hil.chipsim.products import BOARDS
from luxminer_hil.chipsim.spaces import NONCES, RUN, Range, Space, StripedSpace

__all__ = ["place_of", "skip_to"]

ADDRESS_SHIFT = 24
"""A chip's address is the first byte of its nonces, but where its family says otherwise."""


def skip_to(model: str, chips: int, scale: Fraction, position: int) -> int | str:
    """Return how many nonces each chip has to pass over so that one begins at ``position``."""
    kind = BOARDS[model].kinds[0]
    for index, address in enumerate(addresses(chips)):
        chip = kind.chip(index, chips, scale, 0.0)
        chip.set_address(address)
        if isinstance(chip, RollingChip):
            return (
                "its chips roll the version; scaled down they try a few nonces of each core only, "
                "and no block has its nonce there"
            )
        number = place_of(_space(chip, chips), position)
        if number is not None:
            return number
    return f"no chip looks at nonce {position:08x}"


def _space(chip: Chip, chips: int) -> Space:
    if isinstance(chip, MidstateChip):
        return chip.space()
    first = chip.address << ADDRESS_SHIFT
    return Range(first, min(NONCES // chips, NONCES - first))


def place_of(space: Space, position: int) -> int | None:
    """Return the number under which a space has a nonce, None when it is somebody else's."""
    if isinstance(space, StripedSpace):
        window, inside = divmod(position, space.window)
        offset = inside - space.first
        if not 0 <= offset < space.span:
            return None
        row, rest = divmod(offset, RUN)
        number = (row * (NONCES // space.window) + window) * RUN + rest
    else:
        number = position - space.place(0).first
    if not 0 <= number < space.total:
        return None
    return number if space.place(number).first == position else None
