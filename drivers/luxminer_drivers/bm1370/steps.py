"""Bring-up of a BM1370 or BM1368 chain. Ref: REFERENCE.md, "Bring-up"."""

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
from luxminer_drivers.bm1370 import facts
from luxminer_drivers.bm1370.facts import Register

__all__ = ["BEFORE_COUNT", "BRING_UP", "CLOCK", "SHUTDOWN"]

BEFORE_COUNT: tuple[Step, ...] = (
    Write(
        register=Register.VERSION_ROLLING,
        value=version_register(facts.VERSION_CONTROL, VERSION_MASK),
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
    Write(
        register=Register.SOFT_RESET,
        value=facts.SOFT_RESET_VALUE,
        pause_s=0.011,
        why="soft reset",
    ),
    # The original sends this as nine bytes with opcode and length of "chain inactive", which no
    # other host does; the write that it means is what others send here.
    Write(
        register=Register.MISC_CONTROL,
        value=facts.MISC_VALUE,
        pause_s=0.101,
        why="report nonces",
    ),
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
        register=Register.DRIVER_STRENGTH,
        value=facts.DRIVER_STRENGTH_VALUE,
        pause_s=0.051,
        why="strength of the drivers between chips",
    ),
    Read(register=Register.DRIVER_STRENGTH, pause_s=0.101, why="the original reads it back"),
    EachChip(
        steps=(
            Write(
                register=Register.DRIVER_STRENGTH,
                value=facts.DRIVER_STRENGTH_CHIP_VALUE,
                pause_s=0.011,
                why="strength of the drivers of one chip",
            ),
            Read(
                register=Register.DRIVER_STRENGTH, pause_s=0.011, why="the original reads it back"
            ),
        ),
        after_s=0.021,
        last_first=True,
    ),
    *CLOCK,
    Write(
        register=Register.OSCILLATOR_PADS,
        value=facts.OSCILLATOR_PADS_VALUE,
        pause_s=0.011,
        why="pads of the ring oscillator",
    ),
    # Meant for each chip by the original, which forgets to fill the address in.
    EachChip(
        steps=(
            Write(
                register=Register.UART_RELAY,
                value=facts.UART_RELAY_VALUE,
                pause_s=0.011,
                why="relay of the link to the next chip",
            ),
            Read(register=Register.UART_RELAY, pause_s=0.011, why="the original reads it back"),
        ),
        after_s=0.021,
    ),
    Write(
        register=Register.SOFT_RESET,
        value=facts.SOFT_RESET_RUN_VALUE,
        pause_s=0.011,
        why="end of the soft reset",
    ),
    Write(
        register=Register.MISC_CONTROL,
        value=facts.MISC_VALUE,
        pause_s=0.011,
        times=2,
        why="report nonces",
    ),
    Read(register=Register.MISC_CONTROL, pause_s=0.051, why="the original reads it back"),
    Write(
        register=Register.CORE_MAILBOX,
        value=facts.CORE_RUN_VALUES[0],
        pause_s=0.011,
        why="hash clock of the cores",
    ),
    Write(
        register=Register.CORE_MAILBOX,
        value=facts.CORE_RUN_VALUES[1],
        pause_s=0.011,
        why="clock delay of the cores",
    ),
    Write(
        register=Register.CORE_MAILBOX,
        value=facts.CORE_RUN_VALUES[2],
        pause_s=0.011,
        why="enable the cores",
    ),
    Write(
        register=Register.ANALOG_MUX, value=facts.ANALOG_MUX_VALUE, pause_s=0.021, why="analog mux"
    ),
    *CLOCK,
)

SHUTDOWN: tuple[Step, ...] = CLOCK
"""With the PLL stopped; then the regulator is switched off."""
