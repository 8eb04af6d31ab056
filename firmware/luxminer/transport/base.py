"""The byte channel to a device, as drivers see it."""

from abc import ABC, abstractmethod
from collections.abc import Callable
from enum import StrEnum
from typing import Protocol, runtime_checkable

from luxminer.errors import TransportError

__all__ = ["Capability", "PlainTransport", "PromptTransport", "Transport"]


class Capability(StrEnum):
    """What a transport can do besides moving bytes."""

    RESET_LINE = "reset line"
    """It can hold the chips in reset."""
    SECOND_CHANNEL = "second channel"
    """It has a line to the board's telemetry controller."""
    FAST_BAUD = "fast baud"
    """Its line runs at 1.5 Mbaud and all that is slower."""


class Transport(Protocol):
    """A full-duplex byte channel on the event loop. One reader, one writer at a time."""

    @property
    def name(self) -> str:
        """What an owner recognises: ``/dev/ttyUSB0``, ``socket://host:port``, ``usb:1-1.3``."""
        ...

    @property
    def capabilities(self) -> frozenset[Capability]:
        """What more than bytes it offers; constant while it is open."""
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

    async def set_reset(self, asserted: bool) -> None:
        """Hold the chips in reset while ``asserted``; returns when the board has had its pause.

        Needs `Capability.RESET_LINE`. The rate of the line stays what it was. Raises TransportError
        (naming what lacks the line, or refused), TransportClosed, TransportTimeout.
        """
        ...

    def channel(self, number: int) -> "Transport":
        """Return the line of another interface of the same device; 0 is this one.

        Needs `Capability.SECOND_CHANNEL`. It lives as long as the transport it comes from, and
        closing it closes nothing. Raises TransportError naming what lacks it.
        """
        ...

    async def close(self) -> None:
        """Release the port. A read or write under way raises TransportClosed. Idempotent."""
        ...


@runtime_checkable
class PromptTransport(Transport, Protocol):
    """One that can also be used within a callback of the loop, without a turn of it for waiting."""

    def listen(self, heard: Callable[[], None] | None) -> None:
        """Call ``heard`` when bytes have arrived or the other end is gone; None calls no more.

        In place of `read`, and at once for what has arrived already.
        """
        ...

    def take(self, limit: int) -> bytes:
        """Return up to ``limit`` bytes that have arrived, and none where there are none.

        Raises TransportClosed when the other end is gone and all was taken.
        """
        ...

    def write_now(self, data: bytes) -> int:
        """Hand over what goes without waiting; return how many bytes that were.

        Raises TransportClosed.
        """
        ...


class PlainTransport(ABC):
    """Base of transports that move bytes and nothing else: ttys, sockets, memory."""

    @property
    @abstractmethod
    def name(self) -> str: ...

    @property
    def capabilities(self) -> frozenset[Capability]:
        return frozenset()

    async def set_reset(self, asserted: bool) -> None:
        """Raise TransportError: there is no such line."""
        raise TransportError(
            f"{self.name} cannot switch reset {'on' if asserted else 'off'}: it has no reset line; "
            "open the stick by its USB path (usb:1-1.3)"
        )

    def channel(self, number: int) -> "Transport":
        """Raise TransportError: there is no other channel."""
        raise TransportError(
            f"{self.name} has no channel {number}: it is a single line; "
            "open the stick by its USB path (usb:1-1.3)"
        )
