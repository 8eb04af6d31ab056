"""Bring-up of a BM1387 chain, after its count. Ref: REFERENCE.md, "Bring-up"."""

from luxminer_drivers.bm13xx.facts import (
    COMMAND_PAUSE_S,
    FTDI_RUN_BAUDRATE,
    FTDI_RUN_UART_DIVIDER,
)
from luxminer_drivers.bm13xx.steps import (
    Addresses,
    Computed,
    EachChip,
    Inactive,
    LinkRate,
    OpenCores,
    Step,
    Write,
)
from luxminer_drivers.bm1387 import facts
from luxminer_drivers.bm1387.facts import Register

__all__ = ["BEFORE_COUNT", "BRING_UP", "CHIP_CLOCK", "CLOCK", "SHUTDOWN"]

DIVIDER = FTDI_RUN_UART_DIVIDER << facts.UART_DIVIDER.shift

BEFORE_COUNT: tuple[Step, ...] = ()
"""Nothing: the count is the first thing that a chip hears after its reset."""

CHIP_CLOCK: tuple[Step, ...] = (
    EachChip(
        steps=(
            Write(
                register=Register.PLL,
                value=Computed.PLL,
                pause_s=COMMAND_PAUSE_S,
                why="clock of one chip, as the original sets it while it ramps",
            ),
        ),
        after_s=COMMAND_PAUSE_S,
    ),
)
"""Sets the clocks of single chips."""

CLOCK = CHIP_CLOCK
"""Sets the clock of all chips."""

BRING_UP: tuple[Step, ...] = (
    Inactive(pause_s=0.006, times=3, why="no chip may keep an address"),
    Addresses(pause_s=0.006, after_s=0.011, why="address of one chip"),
    Write(
        register=Register.MISC_CONTROL,
        value=facts.MISC_UART_VALUE | DIVIDER,
        pause_s=0.011,
        why="chips change to 1.5625 Mbaud; bytes on the way need the pause",
    ),
    LinkRate(
        baudrate=FTDI_RUN_BAUDRATE,
        pause_s=0.010,
        why="the nearest rate that the bridge has, 4 % slower than the chips'",
    ),
    Write(
        register=Register.MISC_CONTROL,
        value=facts.MISC_GATE_VALUE | DIVIDER,
        pause_s=0.001,
        why="gate blocks, keep the divider",
    ),
    Write(
        register=Register.TICKET,
        value=Computed.TICKET,
        pause_s=COMMAND_PAUSE_S,
        why="ticket mask; the original leaves it at difficulty 1",
    ),
    # The original writes no clock before its first ramp step, so that a stick which starts at its
    # target runs at whatever its chips power up with. The frames below give it time to settle.
    *CLOCK,
    OpenCores(
        count=facts.OPEN_CORE_FRAMES,
        job_ids=facts.OPEN_CORE_JOB_IDS,
        pause_s=facts.OPEN_CORE_PAUSE_S,
        why="wake the cores one after the other",
    ),
)

SHUTDOWN: tuple[Step, ...] = ()
"""Nothing: the reset line ends it."""
