"""The BM1380 of Antminer U1 and U2: the frames of the BM1384 with fewer fields.

Unproven: that it obeys no command but the one for its clock, which is all that hosts send; the
clock at power-on.

Ref: docs/sources.md, Sticks; bfgminer ("bfg") and cgminer.
"""

from dataclasses import replace

import luxminer_drivers.bm1380.facts as facts
from luxminer_hil.chipsim.chip import ChipKind
from luxminer_hil.chipsim.families import bm1384_wire
from luxminer_hil.chipsim.families.bm1384 import ChipModel
from luxminer_hil.chipsim.families.bm1384_wire import Command, StreamParser, Task
from luxminer_hil.chipsim.families.registers import bits_of
from luxminer_hil.chipsim.wire import BadFrame, BadReason, FrameKind

__all__ = ["KIND", "Bm1380", "read_command", "read_task"]

POWER_ON_PLL = 0x0480
"""250 MHz, the original's default. Unproven."""


def read_command(frame: bytes) -> Command | BadFrame:
    """Read four bytes as a command; only the clock can be set."""
    command = bm1384_wire.read_command(frame)
    if isinstance(command, Command) and command.kind is not FrameKind.WRITE_PLL:
        return BadFrame(reason=BadReason.REGISTER, raw=frame)
    return command


def read_task(frame: bytes) -> Task | BadFrame:
    """Read 64 bytes as a task; there is neither ticket nor range."""
    task = bm1384_wire.read_task(frame)
    if isinstance(task, BadFrame):
        return task
    if task.ticket_difficulty != 1 or task.nonce_range:
        return BadFrame(reason=BadReason.RESERVED, raw=frame)
    if task.kind is FrameKind.OPEN_CORE:
        return replace(task, kind=FrameKind.BUSY)
    return task


class Bm1380(ChipModel):
    """State of one BM1380."""

    cores = facts.CORES
    power_on_pll = POWER_ON_PLL
    min_mhz = facts.MIN_MHZ
    max_mhz = facts.MAX_MHZ

    def _mhz_of(self, pll: int) -> float:
        m, n, od = (bits_of(pll, field) for field in (facts.PLL_M, facts.PLL_N, facts.PLL_OD))
        return facts.CRYSTAL_MHZ * (m + 1) / ((n + 1) << od)


KIND = ChipKind(
    name=facts.CHIP,
    parser=lambda: StreamParser(read_command, read_task),
    chip=lambda index, _chips, scale, now_s: Bm1380(index, scale, now_s),
)
