"""The BM1380 of Antminer U1 and U2: the frames of the BM1384 with fewer fields.

Unproven: that it obeys commands about addresses and reads as the BM1384 does not matter to any
host, so it does not; the clock at power-on.

Ref: usb-sticks reference sections 3.5 and 8.2; bfgminer ("bfg") and cgminer.
"""

from dataclasses import replace

import luxminer_drivers.bm1384.facts as shared
from luxminer_drivers.common.facts import CRYSTAL_MHZ, BitField
from luxminer_hil.chipsim.chip import ChipKind
from luxminer_hil.chipsim.families import bm1384_wire
from luxminer_hil.chipsim.families.bm1384 import ChipModel
from luxminer_hil.chipsim.families.bm1384_wire import Command, StreamParser, Task
from luxminer_hil.chipsim.families.registers import bits_of
from luxminer_hil.chipsim.wire import BadFrame, BadReason, FrameKind

__all__ = ["KIND", "Bm1380", "read_command", "read_task"]

PLL_M = BitField("m", 7, 6)
PLL_N = BitField("n", 2, 4)
PLL_OD = BitField("od", 0, 2)
"""clock = 25 MHz * (m + 1) / ((n + 1) * 2^od). Above them stands a range bit, which hosts set when
the clock before the output divider is 500 to 1000 MHz."""
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

    cores = 8
    """Hashes per clock: 0.125 us per MHz and hash."""
    power_on_pll = POWER_ON_PLL
    min_mhz = 100.0
    max_mhz = shared.MAX_MHZ
    """bfg's table begins at 100 MHz, the original ends at 500."""

    def _mhz_of(self, pll: int) -> float:
        m, n, od = (bits_of(pll, field) for field in (PLL_M, PLL_N, PLL_OD))
        return CRYSTAL_MHZ * (m + 1) / ((n + 1) << od)


KIND = ChipKind(
    name="BM1380",
    parser=lambda: StreamParser(read_command, read_task),
    chip=lambda index, _chips, scale, now_s: Bm1380(index, scale, now_s),
)
