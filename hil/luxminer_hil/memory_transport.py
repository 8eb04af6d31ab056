"""The host's end of a virtual stick's memory port, as the transport that drivers expect."""

import asyncio
from collections.abc import Callable

from luxminer.errors import TransportClosed, TransportTimeout
from luxminer.transport.base import Capability, PlainTransport, Transport
from luxminer_hil.chipsim.port import MemoryPort, PortClosed
from luxminer_hil.chipsim.stick import VirtualStick

__all__ = ["WRITE_LIMIT_S", "BoardTransport", "LineTransport", "MemoryTransport"]

RESET_PAUSE_S = 0.1
CHANNEL_BAUDRATE = 115200

WRITE_LIMIT_S = 2.0
"""Longest time in which the stick may leave a write unfinished."""


class MemoryTransport(PlainTransport):
    """A `luxminer.transport.base.Transport` to a stick in the same process."""

    def __init__(
        self, port: MemoryPort, baudrate: int, *, write_limit_s: float = WRITE_LIMIT_S
    ) -> None:
        """Open the port. Raises TransportClosed when it is unplugged or in use."""
        try:
            self._host = port.connect(baudrate)
        except PortClosed as exc:
            raise TransportClosed(str(exc)) from exc
        self._name = port.path
        self._write_limit_s = write_limit_s

    @property
    def name(self) -> str:
        return self._name

    @property
    def capabilities(self) -> frozenset[Capability]:
        return frozenset({Capability.FAST_BAUD})

    async def read(self, limit: int = 4096) -> bytes:
        """Return 1 to ``limit`` bytes. Raises TransportClosed. Cancelling loses no bytes."""
        try:
            return await self._host.read(limit)
        except PortClosed as exc:
            raise TransportClosed(f"{self._name} is gone: {exc}") from exc

    async def write(self, data: bytes) -> None:
        """Hand over all of ``data``. Raises TransportClosed, TransportTimeout."""
        try:
            async with asyncio.timeout(self._write_limit_s):
                await self._host.write(data)
        except PortClosed as exc:
            raise TransportClosed(f"{self._name} is gone: {exc}") from exc
        except TimeoutError as exc:
            reason = f"{self._name} did not take a write in {self._write_limit_s:g} s"
            raise TransportTimeout(reason) from exc

    def discard_input(self) -> int:
        return self._host.discard()

    async def set_baudrate(self, baudrate: int) -> None:
        """Change the host's rate; what was written has been handed over already."""
        self._host.baudrate = baudrate

    async def close(self) -> None:
        self._host.close()


class LineTransport(MemoryTransport):
    """The same as a `luxminer.transport.base.PromptTransport`, which ttys are."""

    def listen(self, heard: Callable[[], None] | None) -> None:
        self._host.listen(heard)

    def take(self, limit: int) -> bytes:
        try:
            return self._host.take(limit)
        except PortClosed as exc:
            raise TransportClosed(f"{self._name} is gone: {exc}") from exc

    def write_now(self, data: bytes) -> int:
        try:
            return self._host.write_now(data)
        except PortClosed as exc:
            raise TransportClosed(f"{self._name} is gone: {exc}") from exc


class BoardTransport(MemoryTransport):
    """A `MemoryTransport` with what a USB bridge offers: a reset line, the controller's channel."""

    def __init__(self, stick: VirtualStick, baudrate: int) -> None:
        """Open a stick whose port is a `MemoryPort`. Raises TransportClosed."""
        assert isinstance(stick.port, MemoryPort), stick.port
        super().__init__(stick.port, baudrate)
        self._stick = stick
        self._channel: MemoryTransport | None = None

    @property
    def capabilities(self) -> frozenset[Capability]:
        offered = {Capability.FAST_BAUD, Capability.RESET_LINE}
        if isinstance(self._stick.telemetry_port, MemoryPort):
            offered.add(Capability.SECOND_CHANNEL)
        return frozenset(offered)

    async def set_reset(self, asserted: bool) -> None:
        """Hold the chips in reset while ``asserted``."""
        await asyncio.sleep(RESET_PAUSE_S)
        self._stick.reset(asserted)
        await asyncio.sleep(RESET_PAUSE_S)

    def channel(self, number: int) -> Transport:
        """Return the line of the controller. Raises TransportError where there is none."""
        port = self._stick.telemetry_port
        if number != 1 or not isinstance(port, MemoryPort):
            return super().channel(number)
        if self._channel is None:
            self._channel = MemoryTransport(port, CHANNEL_BAUDRATE)
        return self._channel

    async def close(self) -> None:
        if self._channel is not None:
            await self._channel.close()
        await super().close()
