"""The BM1384: its clock is a command, and tasks carry their ticket, their range and an id.

Unproven: that a chip starts at its address in the first nonce byte (later chips do, and hosts read
the chip's index from there); that a range of 0 is the whole space (one host sends it, and gets
answers); that the chip idles at the end of its range; which core has which nonce; that a clock out
of the documented range does not lock and then nothing is hashed.

Ref: docs/sources.md, Sticks.
"""

from collections.abc import Sequence
from fractions import Fraction

import luxminer_drivers.bm1384.facts as facts
from luxminer_hil.chipsim import wire
from luxminer_hil.chipsim.chip import Chip, ChipKind, Found, Lane, Search, Slice, ticket_target
from luxminer_hil.chipsim.families import bm1384_wire
from luxminer_hil.chipsim.families.bm1384_wire import Command, StreamParser, Task
from luxminer_hil.chipsim.spaces import NONCES, Range
from luxminer_hil.chipsim.wire import FrameKind

__all__ = ["KIND", "ChipModel"]

ADDRESS_SHIFT = 24
"""A chip's address is the first byte of its first nonce."""

POWER_ON_PLL = 0x0782
"""Dividers of `facts.POWER_ON_MHZ`."""


class ChipModel(Chip):
    """State of one BM1384, and of what shares its frames."""

    cores = facts.CORES
    power_on_pll = POWER_ON_PLL
    min_mhz = facts.MIN_MHZ
    max_mhz = facts.MAX_MHZ

    def _power_on(self) -> None:
        self._set_pll(self.power_on_pll)

    def _mhz_of(self, pll: int) -> float:
        return bm1384_wire.pll_mhz(pll)

    def _set_pll(self, pll: int) -> None:
        self.pll = pll
        self.mhz = self._mhz_of(pll)
        self.is_locked = self.min_mhz <= self.mhz <= self.max_mhz
        rate_hs = self.cores * Fraction(self.mhz) * 1_000_000 * self.scale
        self.rate_hs = float(rate_hs) if self.is_locked else 0.0

    @property
    def baudrate(self) -> int:
        return facts.BAUDRATE

    def write_pll(self, pll: int, now_s: float) -> None:
        self.settle(now_s)
        self._set_pll(pll)

    def take(self, task: wire.Task, now_s: float) -> Sequence[bytes]:
        """Search ``task`` from now on; the former one is dropped at once."""
        assert isinstance(task, Task)
        self.settle(now_s)
        first = self.address << ADDRESS_SHIFT
        lanes = (Lane(task.midstate),)
        self._begin(
            Search(
                task=task,
                job_id=task.job_id,
                tail=task.tail,
                lanes=lambda _: lanes,
                width=1,
                space=Range(first, min(task.nonce_range or NONCES, NONCES - first)),
            )
        )
        target = ticket_target(task.ticket_difficulty, self.scale)
        self._target_le = target.to_bytes(32, "little")
        return ()

    def obey(self, command: wire.Command, now_s: float) -> bytes | None:
        assert isinstance(command, Command)
        match command.kind:
            case FrameKind.WRITE_PLL:
                self.write_pll(command.pll, now_s)
                return None
            case FrameKind.READ_PLL:
                return bm1384_wire.pll_reply(self.pll, locked=self.is_locked)
            case _:
                return bm1384_wire.register_reply(facts.CHIP_ID_REPLY)

    def reply(self, found: Found) -> bytes | None:
        return bm1384_wire.nonce_reply(found.said, found.piece.job_id)

    @property
    def core_numbers(self) -> int:
        return self.cores

    def core_of(self, nonce: int) -> int:
        return nonce % self.cores

    def next_slice(self, limit: int) -> Slice | None:
        """Return the next piece: with one midstate and one range there is one at a time."""
        return next(iter(self.next_slices(limit)), None)


KIND = ChipKind(
    name=facts.CHIP,
    parser=StreamParser,
    chip=lambda index, _chips, scale, now_s: ChipModel(index, scale, now_s),
)
