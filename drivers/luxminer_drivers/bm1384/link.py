"""Talks to a chain of BM1384 over a transport: frames with their pauses, bring-up, farewell.

Knows no work and no host. Ref: REFERENCE.md, "Bring-up" and "End".
"""

import asyncio
import logging
from contextlib import suppress

from luxminer.errors import TransportError
from luxminer.transport.base import Transport
from luxminer_drivers.bm1384 import chain, facts
from luxminer_drivers.bm1384.codec import (
    ChainInactive,
    ChipIdReply,
    Command,
    ReadRegister,
    SetAddress,
    TaskFrame,
    WritePll,
    open_core_tasks,
)
from luxminer_drivers.bm1384.decoder import BadFrame, Decoder, Frame
from luxminer_drivers.bm1384.pll import Pll, choose_pll

__all__ = ["Link", "next_step"]

log = logging.getLogger(__name__)

READ_BYTES = 512
"""Taken at once; about 50 ms of the line, decoded in a few milliseconds at worst."""

COUNT_SILENCE_S = 0.1
"""Silence that ends the count. The original waits `facts.COUNT_QUIET_S`; a busy host, or a stick
behind a network, needs more, and a chip counted too late would get no address."""

COUNT_LIMIT_S = 2.0
"""A line that never falls silent is not waited for longer."""

SLOW_DOWN_S = 0.4
"""Time for stepping the clock down at the end; the service waits a second for all it stops."""

QUIET_LIMIT_S = 0.7
"""The same including writes that block."""


def next_step(now: Pll, target: Pll) -> tuple[Pll, float]:
    """Return the next clock on the way to ``target``, and the pause that follows it."""
    if target.mhz > now.mhz:
        mhz = min(now.mhz + facts.STEP_MHZ, target.mhz)
        return choose_pll(mhz), facts.RAMP_INTERVAL_S
    mhz = max(now.mhz - facts.SLOW_DOWN_STEP_MHZ, target.mhz)
    return choose_pll(mhz), facts.SLOW_DOWN_INTERVAL_S


class Link:
    """One chain at the other end of ``transport``. One reader and one writer at a time."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport
        self.bytes_discarded = 0
        """Received bytes that were no answer to anything."""

    @property
    def name(self) -> str:
        return self._transport.name

    async def send(self, frame: Command | TaskFrame) -> None:
        """Write a frame, and wait for as long as the chips need after it."""
        await self._transport.write(frame.encode())
        await asyncio.sleep(facts.COMMAND_PAUSE_S)

    async def read(self, wait_s: float | None) -> bytes:
        """Return what has arrived; nothing when the line stays silent for ``wait_s``."""
        with suppress(TimeoutError):
            async with asyncio.timeout(wait_s):
                return await self._transport.read(READ_BYTES)
        # The loop itself may have been late: bytes that are there already were no silence.
        with suppress(TimeoutError):
            async with asyncio.timeout(0.001):
                return await self._transport.read(READ_BYTES)
        return b""

    def discard(self, frame: Frame) -> None:
        """Count bytes that mean nothing here: junk, and answers to what was not asked."""
        length = len(frame.raw) if isinstance(frame, BadFrame) else facts.REPLY_LENGTH
        self.bytes_discarded += length
        log.debug("%s: discarded %s", self.name, frame)

    async def settle(self) -> None:
        """Let a port that was just opened come to rest, and forget what it has brought."""
        await asyncio.sleep(facts.SETTLE_S)
        self.bytes_discarded += self._transport.discard_input()

    async def count(self) -> tuple[int, bool]:
        """Return how many chips say that they are there, and whether nothing else was heard."""
        decoder = Decoder(lambda _job_id, _nonce: False)
        await self.send(ReadRegister(register=facts.Register.CHIP_ID))
        frames: list[Frame] = []
        with suppress(TimeoutError):
            async with asyncio.timeout(COUNT_LIMIT_S):
                wait_s = facts.COUNT_FIRST_S
                while data := await self.read(wait_s):
                    frames += decoder.feed(data, 0.0)
                    wait_s = COUNT_SILENCE_S
        frames += decoder.expire(COUNT_SILENCE_S)
        others = [frame for frame in frames if not isinstance(frame, ChipIdReply)]
        for frame in others:
            self.discard(frame)
        return len(frames) - len(others), not others

    async def bring_up(self, chips: int, pll: Pll) -> None:
        """Set the clock, give each chip its address, and open its cores.

        The clock comes first because the half second of open-core frames is what it needs to take
        effect before there is work.
        """
        await self.send(WritePll(pll=pll))
        await asyncio.sleep(facts.BEFORE_ADDRESSES_S)
        await self.send(ChainInactive())
        for address in chain.addresses(chips):
            await self.send(SetAddress(address=address))
        for task in open_core_tasks():
            await self._transport.write(task.encode())
            await asyncio.sleep(facts.OPEN_CORE_PAUSE_S)
        self.bytes_discarded += self._transport.discard_input()

    async def quieten(self, now: Pll, start: Pll) -> None:
        """Leave the chips at their lowest clock and without addresses, as far as they listen.

        The clock goes down in steps to ``start``, the one that it may jump from. Raises no
        TransportError: it is called when something has ended, and what ended it matters.
        """
        steps = []
        while now.mhz > start.mhz:
            now, _ = next_step(now, start)
            steps.append(now)
        pause_s = min(facts.SLOW_DOWN_INTERVAL_S, SLOW_DOWN_S / max(1, len(steps)))
        try:
            async with asyncio.timeout(QUIET_LIMIT_S):
                for pll in steps:
                    await self._transport.write(WritePll(pll=pll).encode())
                    await asyncio.sleep(pause_s)
                await self.send(WritePll(pll=choose_pll(facts.MIN_MHZ)))
                await self.send(ChainInactive())
        except (TransportError, TimeoutError) as exc:
            log.debug("%s: could not be left quiet: %s", self.name, exc)
