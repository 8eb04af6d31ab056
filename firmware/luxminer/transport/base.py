"""The byte channel to a device, as drivers see it."""

from typing import Protocol

__all__ = ["Transport"]


class Transport(Protocol):
    """A full-duplex byte channel on the event loop. One reader, one writer at a time."""

    @property
    def name(self) -> str:
        """What an owner recognises: ``/dev/ttyUSB0``, ``socket://host:port``."""
        ...

    async def read(self, limit: int = 4096) -> bytes:
        """Return 1 to ``limit`` bytes as soon as there are any.

        Raises TransportClosed when the other end is gone. Cancelling loses no bytes.
        """
        ...

    async def write(self, data: bytes) -> None:
        """Hand all of ``data`` to the device; short writes are continued inside.

        Raises TransportClosed when the other end is gone, TransportTimeout when it takes nothing
        for the write time limit.
        """
        ...

    def discard_input(self) -> int:
        """Drop what has arrived but was not read; return how many bytes that were."""
        ...

    async def set_baudrate(self, baudrate: int) -> None:
        """Change the line rate after what was written has left."""
        ...

    async def close(self) -> None:
        """Release the port. A read or write under way raises TransportClosed. Idempotent."""
        ...
