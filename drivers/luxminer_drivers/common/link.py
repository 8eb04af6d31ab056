"""Talks to a chain over a transport: bytes with the pauses that chips need between them."""

import asyncio
import logging
from collections.abc import Callable
from contextlib import suppress

from luxminer.transport.base import Capability, PromptTransport, Transport
from luxminer_drivers.common.tasks import PassOn

__all__ = ["Link"]

log = logging.getLogger(__name__)

READ_BYTES = 512
"""Taken at once; about 50 ms of a slow line, decoded in a few milliseconds at worst."""

Heard = Callable[[bytes], float | None]
"""Takes bytes; returns after how many seconds of silence it wants to be called without any."""


class Link:
    """One chain at the other end of ``transport``. One reader and one writer at a time."""

    def __init__(self, transport: Transport) -> None:
        self.transport = transport
        self._prompt = transport if isinstance(transport, PromptTransport) else None
        self._unsent = b""
        """What `send_now` could not hand over; it goes before all else."""
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
        if self._unsent:
            unsent, self._unsent = self._unsent, b""
            await self.transport.write(unsent)
        if data:
            await self.transport.write(data)
        self._rested_s = asyncio.get_running_loop().time() + pause_s

    @property
    def has_unsent(self) -> bool:
        """A full line has not taken all of what `send_now` was given."""
        return bool(self._unsent)

    def can_send(self, now_s: float) -> bool:
        """Tell whether `send_now` may be called at ``now_s`` (of the loop)."""
        return self._prompt is not None and not self._unsent and now_s >= self._rested_s

    def send_now(self, data: bytes, now_s: float, pause_s: float) -> None:
        """Do what `send` does within this call, where `can_send`. Raises TransportClosed.

        What a full line does not take goes with the next `send`, which then waits for it.
        """
        assert self._prompt is not None, "can send"
        self._unsent = data[self._prompt.write_now(data) :]
        self._rested_s = now_s + pause_s

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

    async def hear(self, heard: Heard) -> None:
        """Call ``heard`` with all that arrives, until cancelled.

        Raises what it raises, and TransportClosed.
        """
        if self._prompt is not None:
            await _Ear(self._prompt, heard).listen()
        wait_s: float | None = None
        while True:
            wait_s = heard(await self.read(wait_s))

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


class _Ear:
    """Hands on what arrives in the very call in which the loop sees it."""

    def __init__(self, transport: PromptTransport, heard: Heard) -> None:
        self._transport = transport
        self._heard = heard
        self._loop = asyncio.get_running_loop()
        self._end: asyncio.Future[None] = self._loop.create_future()
        self._next: asyncio.Handle | None = None
        """Waits for a silence, or for its turn to take the rest."""

    async def listen(self) -> None:
        """Listen until cancelled. Raises what ``heard`` raises, and TransportClosed."""
        self._transport.listen(self._arrived)
        try:
            await self._end
        finally:
            self._transport.listen(None)
            self._forget()

    def _forget(self) -> None:
        if self._next is not None:
            self._next.cancel()
            self._next = None

    def _arrived(self) -> None:
        if self._end.done():
            return
        with PassOn(self._end):
            data = self._transport.take(READ_BYTES)
            if not data:
                return
            self._forget()
            wait_s = self._heard(data)
            if len(data) == READ_BYTES:
                self._next = self._loop.call_soon(self._take_rest, wait_s)
            else:
                self._await_silence(wait_s)

    def _take_rest(self, wait_s: float | None) -> None:
        self._next = None
        self._await_silence(wait_s)
        self._arrived()

    def _await_silence(self, wait_s: float | None) -> None:
        if wait_s is not None:
            # Bytes that are there by then come first, even when the loop itself is late.
            self._next = self._loop.call_later(wait_s, self._silent)

    def _silent(self) -> None:
        self._next = None
        with PassOn(self._end):
            self._heard(b"")
