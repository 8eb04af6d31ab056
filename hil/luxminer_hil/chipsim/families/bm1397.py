"""The BM1397: the tasks of the BM1387 behind preambles, and no cores to open.

Unproven: where the chip's address stands in a nonce (the original's table for six chips, which
contradicts another host); that a chip idles at the end of its share; that a Compac F stays as far
below its nominal rate at every clock.

Ref: docs/sources.md, Sticks.
"""

from dataclasses import replace

import luxminer_drivers.bm1397.facts as facts
from luxminer_drivers.bm1397.facts import Register
from luxminer_hil.chipsim.chip import ChipKind
from luxminer_hil.chipsim.families.bm1387 import TICK_S, MidstateChip
from luxminer_hil.chipsim.families.framed import FramedParser
from luxminer_hil.chipsim.families.registers import Design
from luxminer_hil.chipsim.spaces import NONCES, StripedSpace

__all__ = ["COMPACF", "DESIGN", "KIND", "Bm1397", "kind_of"]

DESIGN = Design(
    family=facts.BM1397,
    power_on={
        Register.CHIP_ID: int.from_bytes(facts.CHIP_ID_REPLY[:4], "big"),
        Register.HASH_RATE: 0x80000000,
        Register.PLL: facts.PLL_RESET & 0x7FFFFFFF,
        Register.HASH_COUNT: 0,
        Register.TICKET: 0,
        Register.MISC_CONTROL: facts.MISC_RESET,
        Register.ORDERED_CLOCK_ENABLE: 0x0000FFFF,
        Register.FAST_UART: 0x0600000F,
        Register.CORE_CONTROL: 0x00004000,
        Register.CORE_VALUE: 0,
        Register.NONCE_ERRORS: 0,
        Register.ANALOG_MUX: 0,
        Register.DRIVER_STRENGTH: 0x02112111,
        Register.PLL1: 0x00640111,
        Register.PLL2: 0x00680111,
        Register.PLL3: 0x00700111,
        Register.PLL_DIVIDER: 0x03040607,
        Register.CLOCK_ORDER_0: 0,
        Register.CLOCK_ORDER_1: 0,
    },
    uart_register=Register.MISC_CONTROL,
    uart_divider=facts.UART_DIVIDER,
    min_mhz=50.0,
)
"""Reset values are from sk, the lowest clock from esp, which sends 75 MHz."""


class Bm1397(MidstateChip):
    """State of one BM1397."""

    @property
    def _window(self) -> int:
        return 1 << (self._address_shift + 8)

    def space(self) -> StripedSpace:
        turn = self.turn % (NONCES // self._window) if self.skip is None else 0
        return StripedSpace(self.first_nonce, self.span, self._window, turn=turn)

    def owns(self, nonce: int) -> bool:
        return self.first_nonce <= nonce % self._window < self.first_nonce + self.span

    def id_byte(self, job_id: int, lane: int) -> int:
        return job_id & self.family.id_byte.job_mask | lane


def kind_of(design: Design) -> ChipKind:
    """Return a BM1397 with these registers, at this rate."""
    return ChipKind(
        name=facts.BM1397.name,
        parser=lambda: FramedParser(facts.BM1397, frozenset(design.power_on)),
        chip=lambda index, chips, scale, now_s: Bm1397(design, index, chips, scale, now_s),
        tick_s=TICK_S,
    )


KIND = kind_of(DESIGN)
COMPACF = kind_of(replace(DESIGN, rate_part=facts.COMPACF.rate_scale))
"""On a Compac F the chip stays below one hash per core and clock, as the original reckons with."""
