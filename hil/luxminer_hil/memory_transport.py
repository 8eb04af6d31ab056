"""The host's end of a virtual stick's memory port, as the transport that drivers expect."""

import asyncio

from luxminer.errors import TransportClosed, TransportTimeout
from luxminer.transport.base import Capability, PlainTransport
from luxminer_hil.chipsim.port import MemoryPort, PortClosed

__all__ = ["WRITE_LIMIT_S", "MemoryTransport"]

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
