"""The "port" of a driver that hashes on this machine: a name with a number of threads, no bytes."""

import asyncio

from luxminer.errors import TransportClosed
from luxminer.transport.base import PlainTransport
from luxminer.transport.ports import CPU_PREFIX, cpu_threads

__all__ = ["CpuTransport", "open_cpu"]


class CpuTransport(PlainTransport):
    """A `luxminer.transport.base.Transport` with nothing at its other end."""

    def __init__(self, threads: int) -> None:
        self._name = f"{CPU_PREFIX}{threads}"
        self._closed = asyncio.Event()

    @property
    def name(self) -> str:
        return self._name

    async def read(self, limit: int = 4096) -> bytes:
        """Wait for the end: no byte ever comes. Raises TransportClosed."""
        await self._closed.wait()
        raise TransportClosed(f"{self._name} is closed; {limit} bytes were wanted")

    async def write(self, data: bytes) -> None:
        """Raise TransportClosed: nobody takes bytes."""
        raise TransportClosed(f"{self._name} takes no bytes; {len(data)} were written")

    def discard_input(self) -> int:
        return 0

    async def set_baudrate(self, baudrate: int) -> None:
        """Raise TransportClosed: there is no line."""
        raise TransportClosed(f"{self._name} has no line to run at {baudrate} baud")

    async def close(self) -> None:
        self._closed.set()


async def open_cpu(port: str) -> CpuTransport:
    """Open ``cpu:`` or ``cpu:N``. Raises PortUnusable."""
    return CpuTransport(cpu_threads(port))
