"""Bring-up of a BM1397 chain, after its count. Ref: REFERENCE.md, "Bring-up"."""

from luxminer_drivers.bm13xx.facts import FTDI_RUN_BAUDRATE, FTDI_RUN_UART_DIVIDER
from luxminer_drivers.bm13xx.steps import (
    Addresses,
    Computed,
    EachChip,
    Inactive,
    LinkRate,
    Read,
    Step,
    Write,
)
from luxminer_drivers.bm1397 import facts
from luxminer_drivers.bm1397.facts import Register

__all__ = ["BEFORE_COUNT", "BRING_UP", "CHIP_CLOCK", "CLOCK", "SHUTDOWN"]

BEFORE_COUNT: tuple[Step, ...] = ()
"""Nothing: the count is the first thing that a chip hears after its reset."""

CLOCK: tuple[Step, ...] = (
    Write(
        register=Register.PLL_DIVIDER,
        value=facts.PLL_DIVIDER_VALUE,
        pause_s=0.011,
        times=2,
        why="divider behind the PLL",
    ),
    Write(register=Register.PLL, value=Computed.PLL, pause_s=0.011, times=2, why="clock"),
    Read(register=Register.PLL, pause_s=0.021, why="do the chips keep to the clock?"),
)
"""Sets the clock of all chips."""

CHIP_CLOCK: tuple[Step, ...] = (
    EachChip(
        steps=(
            Write(
                register=Register.PLL_DIVIDER,
                value=facts.PLL_DIVIDER_VALUE,
                pause_s=0.011,
                times=2,
                why="divider behind the PLL of one chip",
            ),
            Write(
                register=Register.PLL,
                value=Computed.PLL,
                pause_s=0.011,
                times=2,
                why="clock of one chip",
            ),
        ),
        after_s=0.021,
    ),
)
"""Sets the clocks of single chips."""

BRING_UP: tuple[Step, ...] = (
    Inactive(pause_s=0.101, times=3, why="no chip may keep an address"),
    Addresses(pause_s=0.011, after_s=0.011, why="address of one chip"),
    Write(
        register=Register.CLOCK_ORDER_0,
        value=facts.CLOCK_ORDER_VALUE,
        pause_s=0.011,
        why="all clocks in order",
    ),
    Write(
        register=Register.CLOCK_ORDER_1,
        value=facts.CLOCK_ORDER_VALUE,
        pause_s=0.101,
        why="all clocks in order",
    ),
    Write(
        register=Register.ORDERED_CLOCK_ENABLE,
        value=facts.ORDERED_CLOCK_VALUE,
        pause_s=0.051,
        why="enable the ordered clock",
    ),
    Write(
        register=Register.CORE_CONTROL,
        value=facts.CORE_CONTROL_VALUE,
        pause_s=0.101,
        why="clocks of the cores",
    ),
    Write(register=Register.TICKET, value=Computed.TICKET, pause_s=0.021, why="ticket mask"),
    Write(
        register=Register.PLL3,
        value=facts.PLL3_VALUE,
        pause_s=0.051,
        times=2,
        why="PLL of the link, only used above 3.125 Mbaud",
    ),
    Write(
        register=Register.FAST_UART,
        value=facts.FAST_UART_VALUE,
        pause_s=0.101,
        why="link clock",
    ),
    Write(
        register=Register.MISC_CONTROL,
        value=facts.MISC_VALUE | FTDI_RUN_UART_DIVIDER << facts.UART_DIVIDER.shift,
        pause_s=0.011,
        why="chips change to 1.5625 Mbaud; bytes on the way need the pause",
    ),
    LinkRate(
        baudrate=FTDI_RUN_BAUDRATE,
        pause_s=0.020,
        why="the nearest rate that the bridge has, 4 % slower than the chips'",
    ),
    *CLOCK,
)

SHUTDOWN: tuple[Step, ...] = CLOCK
"""With the PLL stopped; then the reset line."""
