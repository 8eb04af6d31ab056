"""Talks to a chain over a transport: bytes with the pauses that chips need between them."""

import asyncio
import logging
from contextlib import suppress

from luxminer.transport.base import Capability, Transport

__all__ = ["Link"]

log = logging.getLogger(__name__)

READ_BYTES = 512
"""Taken at once; about 50 ms of a slow line, decoded in a few milliseconds at worst."""


class Link:
    """One chain at the other end of ``transport``. One reader and one writer at a time."""

    def __init__(self, transport: Transport) -> None:
        self.transport = transport
        self._rested_s = 0.0
        """Loop time at which the pause after the last write is over."""
        self.bytes_discarded = 0
        """Received bytes that were no answer to anything."""

    @property
    def name(self) -> str:
        return self.transport.name

    def can(self, capability: Capability) -> bool:
        """Tell whether the transport offers more than bytes."""
        return capability in self.transport.capabilities

    async def send(self, data: bytes, pause_s: float) -> None:
        """Write ``data`` if there is any; nothing more is written within ``pause_s`` after it."""
        await self.rest()
        if data:
            await self.transport.write(data)
        self._rested_s = asyncio.get_running_loop().time() + pause_s

    async def rest(self) -> None:
        """Wait until the pause after the last write is over."""
        left_s = self._rested_s - asyncio.get_running_loop().time()
        if left_s > 0:
            await asyncio.sleep(left_s)

    async def set_baudrate(self, baudrate: int) -> None:
        """Change the host's rate once the chips have had their pause."""
        await self.rest()
        await self.transport.set_baudrate(baudrate)

    async def read(self, wait_s: float | None) -> bytes:
        """Return what has arrived; nothing when the line stays silent for ``wait_s``."""
        if wait_s is None:
            return await self.transport.read(READ_BYTES)
        with suppress(TimeoutError):
            async with asyncio.timeout(wait_s):
                return await self.transport.read(READ_BYTES)
        # The loop itself may have been late: bytes that are there already were no silence.
        with suppress(TimeoutError):
            async with asyncio.timeout(0.001):
                return await self.transport.read(READ_BYTES)
        return b""

    def discard(self, what: object, length: int) -> None:
        """Count bytes that mean nothing here: junk, and answers to what was not asked."""
        self.bytes_discarded += length
        log.debug("%s: discarded %s", self.name, what)

    async def settle(self, pause_s: float) -> None:
        """Let a port that was just opened come to rest, and forget what it has brought."""
        await asyncio.sleep(pause_s)
        await self.forget_input()

    async def forget_input(self) -> None:
        """Drop what has arrived up to the end of the pause after the last write."""
        await self.rest()
        self.bytes_discarded += self.transport.discard_input()
