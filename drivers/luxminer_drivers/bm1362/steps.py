"""Bring-up of a BM1362 chain. Ref: REFERENCE.md, "Bring-up"."""

from luxminer_drivers.bm13xx.facts import VERSION_MASK
from luxminer_drivers.bm13xx.steps import (
    Addresses,
    Computed,
    EachChip,
    Inactive,
    Read,
    Step,
    Write,
)
from luxminer_drivers.bm13xx.versions import version_register
from luxminer_drivers.bm1362 import facts
from luxminer_drivers.bm1362.facts import Register

__all__ = ["BEFORE_COUNT", "BRING_UP", "CLOCK", "SHUTDOWN"]

ROLL_ALL = version_register(facts.VERSION_CONTROL, VERSION_MASK)

BEFORE_COUNT: tuple[Step, ...] = (
    Write(
        register=Register.VERSION_ROLLING,
        value=ROLL_ALL,
        pause_s=0.001,
        why="roll versions; replies are eleven bytes long from now on",
    ),
)
"""Before the chips are counted."""

CLOCK: tuple[Step, ...] = (
    Write(
        register=Register.PLL_DIVIDER,
        value=facts.PLL_DIVIDER_VALUE,
        pause_s=0.011,
        why="divider behind the PLL",
    ),
    Write(register=Register.PLL, value=Computed.PLL, pause_s=0.011, why="clock"),
    Read(register=Register.PLL, pause_s=0.021, why="do the chips keep to the clock?"),
    # The original writes a constant, once: at most clocks it then makes chips repeat their versions
    # long before they get the next task.
    Write(
        register=Register.HASH_COUNT,
        value=Computed.HASH_COUNT,
        pause_s=0.011,
        why="nonces that each core searches before the next versions, by clock and chips",
    ),
)
"""Sets the clock of all chips, and what depends on it."""

BRING_UP: tuple[Step, ...] = (
    Inactive(pause_s=0.101, why="no chip may keep an address"),
    Addresses(pause_s=0.011, after_s=0.011, why="address of one chip"),
    Write(
        register=Register.CORE_MAILBOX,
        value=facts.CORE_VALUES[0],
        pause_s=0.011,
        why="hash clock of the cores",
    ),
    Write(
        register=Register.CORE_MAILBOX,
        value=facts.CORE_VALUES[1],
        pause_s=0.101,
        why="clock delay of the cores",
    ),
    Write(register=Register.TICKET, value=Computed.TICKET, pause_s=0.021, why="ticket mask"),
    Write(
        register=Register.ANALOG_MUX, value=facts.ANALOG_MUX_VALUE, pause_s=0.051, why="analog mux"
    ),
    Write(
        register=Register.DRIVER_STRENGTH,
        value=facts.DRIVER_STRENGTH_VALUE,
        pause_s=0.111,
        why="strength of the drivers between chips",
    ),
    EachChip(
        steps=(
            Write(
                register=Register.SOFT_RESET,
                value=facts.SOFT_RESET_CHIP_VALUE,
                pause_s=0.011,
                why="end of the soft reset",
            ),
            Write(
                register=Register.MISC_CONTROL,
                value=facts.MISC_VALUE,
                pause_s=0.011,
                why="report nonces",
            ),
            Write(
                register=Register.CORE_MAILBOX,
                value=facts.CORE_VALUES[0],
                pause_s=0.011,
                why="hash clock of the cores",
            ),
            Write(
                register=Register.CORE_MAILBOX,
                value=facts.CORE_VALUES[1],
                pause_s=0.011,
                why="clock delay of the cores",
            ),
            Write(
                register=Register.CORE_MAILBOX,
                value=facts.CORE_CHIP_VALUE,
                pause_s=0.011,
                why="enable the cores",
            ),
        ),
        after_s=0.021,
    ),
    *CLOCK,
    Write(
        register=Register.VERSION_ROLLING,
        value=ROLL_ALL,
        pause_s=0.011,
        why="roll versions, after the soft reset",
    ),
)

SHUTDOWN: tuple[Step, ...] = CLOCK
"""With the PLL stopped; then the regulator is switched off."""
