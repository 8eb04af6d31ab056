"""The sticks that can be made: what is on the board of each."""

from collections.abc import Mapping
from dataclasses import dataclass

import luxminer_drivers.bm1362.facts as bm1362
import luxminer_drivers.bm1370.facts as bm1370
import luxminer_drivers.bm1380.facts as bm1380
import luxminer_drivers.bm1384.facts as bm1384
import luxminer_drivers.bm1387.facts as bm1387
import luxminer_drivers.bm1397.facts as bm1397
import luxminer_drivers.icarus.facts as icarus
from luxminer_drivers.common.facts import Product
from luxminer_hil.chipsim import families
from luxminer_hil.chipsim.chip import ChipKind

__all__ = ["BOARDS", "MODELS", "Board"]

TERMINUS_CHIPS = 4
"""Unproven: how many chips a Terminus has."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Board:
    """What is behind the bridge of a stick."""

    kinds: tuple[ChipKind, ...]
    """Chips that it may be fitted with, the usual one first."""
    chips: int
    nominal_mhz: float
    core_mv: int = 0
    """Nominal core voltage per chip, where something sets it."""
    telemetry: int | None = None
    """Version byte of the telemetry controller."""
    telemetry_mask: int = 0


def _boards(
    products: tuple[Product, ...],
    *kinds: ChipKind,
    telemetry: int | None = None,
    core_mv: int = 0,
) -> dict[str, Board]:
    return {
        product.name: Board(
            kinds=kinds,
            chips=product.chips or (TERMINUS_CHIPS if product.name.startswith("terminus") else 1),
            nominal_mhz=product.frequency_mhz,
            core_mv=core_mv,
            telemetry=telemetry,
            telemetry_mask=0xFF,
        )
        for product in products
    }


BOARDS: Mapping[str, Board] = {
    **_boards(bm1384.PRODUCTS, families.bm1384.KIND),
    **_boards(bm1387.PRODUCTS, families.bm1387.KIND),
    **_boards(bm1397.PRODUCTS, families.bm1397.KIND),
    **_boards((bm1397.COMPACF.product,), families.bm1397.COMPACF),
    **_boards(
        bm1362.PRODUCTS,
        families.bm1362.BM1362,
        telemetry=0x20,
        core_mv=bm1362.COMPACA1.core_mv,
    ),
    **_boards(
        bm1370.PRODUCTS,
        families.bm1362.BM1370,
        families.bm1362.BM1368,
        telemetry=0x31,
        core_mv=bm1370.COMPACA2.core_mv,
    ),
    **_boards(bm1380.PRODUCTS, families.bm1380.KIND),
    **_boards(icarus.PRODUCTS, families.icarus.KIND),
}
"""Name of a model -> its board. Telemetry versions are those of recorded bring-ups."""

MODELS: Mapping[str, int] = {name: board.chips for name, board in BOARDS.items()}
"""Name of a model -> chips that it has unless told otherwise."""
