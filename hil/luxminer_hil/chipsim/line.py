"""One direction of a serial line: bytes come out when their last bit has passed."""

import asyncio
from collections import deque
from collections.abc import Callable

__all__ = ["BITS_PER_BYTE", "PIECE_BYTES", "SerialLine"]

BITS_PER_BYTE = 10
"""Start bit, eight data bits, stop bit."""

PIECE_BYTES = 64
"""Longer writes come out in pieces, as a USB bridge gets them."""

Deliver = Callable[[bytes, float, float, int], None]
"""Gets bytes, the loop times at which the first began and the last ended, and their rate."""


class SerialLine:
    """A queue with the timing of a UART. The caller keeps `pending_bytes` within bounds."""

    def __init__(self, deliver: Deliver) -> None:
        self._deliver = deliver
        self._pieces: deque[tuple[float, float, bytes, int]] = deque()
        self._timer: asyncio.TimerHandle | None = None
        self._free_s = 0.0
        self.pending_bytes = 0

    def send(self, data: bytes, baudrate: int, delay_s: float = 0.0) -> None:
        """Put ``data`` on the line behind what is there, not before ``delay_s`` from now."""
        loop = asyncio.get_running_loop()
        start_s = max(loop.time() + delay_s, self._free_s)
        for at in range(0, len(data), PIECE_BYTES):
            piece = data[at : at + PIECE_BYTES]
            end_s = start_s + len(piece) * BITS_PER_BYTE / baudrate
            self._pieces.append((start_s, end_s, piece, baudrate))
            start_s = end_s
        self._free_s = start_s
        self.pending_bytes += len(data)
        self._arm(loop)

    @property
    def next_start_s(self) -> float:
        """When the byte comes that is next on its way; infinity for none."""
        return self._pieces[0][0] if self._pieces else float("inf")

    def clear(self) -> None:
        """Lose everything that is still on the line."""
        self._pieces.clear()
        self.pending_bytes = 0
        self._free_s = 0.0
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _arm(self, loop: asyncio.AbstractEventLoop) -> None:
        if self._timer is None and self._pieces:
            self._timer = loop.call_at(self._pieces[0][1], self._due, loop)

    def _due(self, loop: asyncio.AbstractEventLoop) -> None:
        self._timer = None
        now_s = loop.time()
        while self._pieces and self._pieces[0][1] <= now_s:
            start_s, end_s, piece, baudrate = self._pieces.popleft()
            self.pending_bytes -= len(piece)
            self._deliver(piece, start_s, end_s, baudrate)
        self._arm(loop)
