"""The Block Erupter: tasks of 64 bytes, answers of four, and nothing else.

Unproven: that it goes on after a nonce until all are tried; that the bytes between midstate and
tail must be zero (strict on purpose).

Ref: docs/sources.md, Sticks.
"""

from collections.abc import Sequence
from fractions import Fraction

import luxminer_drivers.icarus.facts as facts
from luxminer_hil.chipsim import wire
from luxminer_hil.chipsim.chip import Chip, ChipKind, Found, Lane, Search, ticket_target
from luxminer_hil.chipsim.families import bm1384_wire
from luxminer_hil.chipsim.families.bm1384_wire import IDLE_GAP_S
from luxminer_hil.chipsim.spaces import NONCES, Range
from luxminer_hil.chipsim.wire import BadFrame, BadReason

__all__ = ["KIND", "BlockErupter", "IcarusParser", "read_task"]

RATE_HS = Fraction(facts.MHZ) * 1_000_000
"""One hash per clock."""


def read_task(frame: bytes) -> bm1384_wire.Task | BadFrame:
    """Read 64 bytes as a task: midstate, zeros, tail, where the BM1384 has them."""
    task = bm1384_wire.read_task(frame)
    between = frame[facts.TASK_MIDSTATE.width : facts.TASK_TAIL.offset]
    if isinstance(task, bm1384_wire.Task) and any(between):
        return BadFrame(reason=BadReason.RESERVED, raw=frame)
    return task


class IcarusParser:
    """Cuts the byte stream of a host into tasks. Holds less than one."""

    ambiguous = 0

    def __init__(self) -> None:
        self.gap_s = IDLE_GAP_S
        self._buffer = bytearray()

    @property
    def pending(self) -> int:
        return len(self._buffer)

    def feed(self, data: bytes) -> list[wire.Frame]:
        """Take bytes that followed the earlier ones without a gap."""
        self._buffer += data
        frames: list[wire.Frame] = []
        while len(self._buffer) >= facts.TASK_LENGTH:
            frames.append(read_task(bytes(self._buffer[: facts.TASK_LENGTH])))
            del self._buffer[: facts.TASK_LENGTH]
        return frames

    def idle(self) -> list[wire.Frame]:
        """Take note that the line has been silent; half a task is lost."""
        rest = self.reset()
        return [BadFrame(reason=BadReason.LENGTH, raw=rest)] if rest else []

    def reset(self) -> bytes:
        rest = bytes(self._buffer)
        self._buffer.clear()
        return rest


class BlockErupter(Chip):
    """State of the one chip of a Block Erupter."""

    max_mhz = facts.MHZ

    def _power_on(self) -> None:
        self.is_locked = True
        self.mhz = facts.MHZ
        self.rate_hs = float(RATE_HS * self.scale)
        self._target_le = ticket_target(1, self.scale).to_bytes(32, "little")

    @property
    def baudrate(self) -> int:
        return facts.BAUDRATE

    def take(self, task: wire.Task, now_s: float) -> Sequence[bytes]:
        assert isinstance(task, bm1384_wire.Task)
        self.settle(now_s)
        lanes = (Lane(task.midstate),)
        self._begin(
            Search(
                task=task,
                job_id=0,
                tail=task.tail,
                lanes=lambda _: lanes,
                width=1,
                space=Range(0, NONCES),
            )
        )
        return ()

    def obey(self, command: wire.Command, now_s: float) -> bytes | None:
        raise AssertionError(f"an Icarus has no commands: {command} at {now_s}")

    @property
    def core_numbers(self) -> int:
        return 1

    def core_of(self, nonce: int) -> int:
        del nonce  # the chip is one core
        return 0

    def reply(self, found: Found) -> bytes | None:
        return found.said.to_bytes(facts.REPLY_LENGTH, "big")


def _chip(index: int, _chips: int, scale: Fraction, now_s: float) -> BlockErupter:
    return BlockErupter(index, scale, now_s)


KIND = ChipKind(name=facts.CHIP, parser=IcarusParser, chip=_chip)
