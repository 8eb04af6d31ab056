"""The line between a bridge and what is soldered behind it: chips, or a telemetry controller."""

from collections.abc import Callable
from typing import Protocol

__all__ = ["START_BAUDRATE", "Channel", "HostLine", "Silence", "UartSide"]

START_BAUDRATE = 9600
"""Unproven: what the bridges run at before they are told."""


class HostLine(Protocol):
    """The bridge as the chips see it. Calls from any thread."""

    def send(self, data: bytes) -> int:
        """Put bytes into the bridge's buffer; return how many it had room for."""
        ...

    def ready(self) -> None:
        """Say that `UartSide.feed` may be tried again after it took less than it was offered."""
        ...


class UartSide(Protocol):
    """What is behind one UART. Called from the thread that moves USB packets; must not block."""

    def plugged(self, line: HostLine) -> None:
        """Get power; from now on ``line`` may be used."""
        ...

    def unplugged(self) -> None:
        """Lose power; the line is dead."""
        ...

    def feed(self, data: bytes, baudrate: int) -> int:
        """Take bytes sent at ``baudrate``; return how many. The rest is offered again."""
        ...

    def set_reset(self, asserted: bool) -> None:
        """Be held in reset, or be let go. A telemetry controller only learns of its neighbours."""
        ...


class Silence:
    """A UART with nothing behind it: takes everything, says nothing."""

    def plugged(self, line: HostLine) -> None:
        pass

    def unplugged(self) -> None:
        pass

    def feed(self, data: bytes, baudrate: int) -> int:
        del baudrate
        return len(data)

    def set_reset(self, asserted: bool) -> None:
        pass


class Channel:
    """One UART of a bridge: its rate, and its buffer of what the host has not fetched yet.

    ``changed`` is called whenever a packet may have become possible. The owner holds its lock
    around every call.
    """

    def __init__(self, uart: UartSide, buffer_bytes: int) -> None:
        self.uart = uart
        self.baudrate = START_BAUDRATE
        self.is_enabled = False
        self.unread = bytearray()
        self.overruns = 0
        """Bytes lost because the host did not fetch what came before them."""
        self.fed_bytes = 0
        """Bytes that the host sent and that have left for the UART."""
        self._buffer_bytes = buffer_bytes

    def receive(self, data: bytes, changed: Callable[[], None]) -> int:
        """Keep what came from the UART, as far as there is room."""
        taken = data[: max(0, self._buffer_bytes - len(self.unread))] if self.is_enabled else b""
        if self.is_enabled:
            self.overruns += len(data) - len(taken)
        if taken:
            self.unread += taken
            changed()
        return len(taken)

    def take(self, limit: int) -> bytes:
        """Give at most ``limit`` bytes to the host."""
        data = bytes(self.unread[:limit])
        del self.unread[:limit]
        return data

    def feed(self, data: bytes) -> int:
        """Pass bytes of the host on to the UART."""
        taken = self.uart.feed(data, self.baudrate)
        self.fed_bytes += taken
        return taken
