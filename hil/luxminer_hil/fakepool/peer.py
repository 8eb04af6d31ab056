"""The server end of one connection: bytes to lines and back, bounded in every direction.

An `asyncio.Protocol` without tasks of its own, so that a connection costs a buffer and a timer.
"""

import asyncio
import logging
from collections import deque
from collections.abc import Callable, Iterable

from luxminer_hil.fakepool.dialogue import Dialogue

__all__ = ["Peer"]

log = logging.getLogger(__name__)

LINES_PER_TURN = 32
"""Lines handled before other connections get their turn."""
MAX_BAD_LINES = 10
"""Consecutive lines that are no request, after which the connection is closed."""
MAX_UNSENT_BYTES = 1 << 20
"""A client that does not read is cut off when this much waits for it."""
MAX_DELAYED_LINES = 10_000
"""Lines held back while answers are delayed; a client that causes more is cut off."""
LOGIN_TIMEOUT_S = 60.0
"""A connection without an authorized user is closed after this time, as at ckpool."""


class Peer(asyncio.Protocol):
    """``delay_s`` says how long what is sent now is held back.

    ``on_change`` is called when the connection opens, after lines were handled, and at its end.
    """

    def __init__(
        self,
        dialogue: Dialogue,
        *,
        delay_s: Callable[[], float],
        on_change: Callable[["Peer"], None],
    ) -> None:
        self.dialogue = dialogue
        self._delay_s = delay_s
        self._on_change = on_change
        self._transport: asyncio.Transport | None = None
        self._incoming = bytearray()
        self._outgoing: deque[tuple[float, bytes]] = deque()
        self._login_timer: asyncio.TimerHandle | None = None
        self._send_timer: asyncio.TimerHandle | None = None
        self._read_turn: asyncio.Handle | None = None

    @property
    def is_open(self) -> bool:
        return self._transport is not None and not self._transport.is_closing()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        loop = asyncio.get_running_loop()
        self._login_timer = loop.call_later(LOGIN_TIMEOUT_S, self._check_login)
        self._on_change(self)

    def connection_lost(self, exc: Exception | None) -> None:
        log.debug("connection %d closed: %s", self.dialogue.number, exc or "in order")
        for handle in (self._login_timer, self._send_timer, self._read_turn):
            if handle is not None:
                handle.cancel()
        self._transport = None
        self._incoming.clear()
        self._outgoing.clear()
        if self.dialogue.session is not None:
            self.dialogue.session.connected = False
        self._on_change(self)

    def drop(self, reason: str) -> None:
        """Cut the connection at once."""
        if self._transport is not None and not self._transport.is_closing():
            log.debug("connection %d dropped: %s", self.dialogue.number, reason)
            self._transport.abort()

    def data_received(self, data: bytes) -> None:
        self._incoming += data
        if self._read_turn is None:
            self._read()

    def send(self, lines: Iterable[str]) -> None:
        for line in lines:
            self.send_bytes(line.encode() + b"\n")

    def send_bytes(self, data: bytes) -> None:
        """Send now, or when the delay in force is over; what is sent stays in order."""
        delay_s = self._delay_s()
        if delay_s <= 0 and not self._outgoing:
            self._write(data)
            return
        if len(self._outgoing) >= MAX_DELAYED_LINES:
            self.drop(f"{MAX_DELAYED_LINES} lines wait for their delay")
            return
        loop = asyncio.get_running_loop()
        self._outgoing.append((loop.time() + delay_s, data))
        if len(self._outgoing) == 1:
            self._send_timer = loop.call_later(delay_s, self._send_delayed)

    def _read(self) -> None:
        """Handle some lines; the socket is not read on while more of them wait."""
        self._read_turn = None
        limit = self.dialogue.core.settings.max_line_bytes
        for _ in range(LINES_PER_TURN):
            end = self._incoming.find(b"\n", 0, limit + 1)
            if end < 0:
                break
            line = bytes(self._incoming[:end])
            del self._incoming[: end + 1]
            self.send(self.dialogue.receive(line))
        if self._transport is None or not self.is_open:
            return
        if self.dialogue.bad_in_row >= MAX_BAD_LINES:
            self.drop(f"{self.dialogue.bad_in_row} bad lines in a row")
        elif self._incoming.find(b"\n", 0, limit + 1) >= 0:
            self._transport.pause_reading()
            self._read_turn = asyncio.get_running_loop().call_soon(self._read)
        elif len(self._incoming) > limit:
            self.dialogue.core.books.bad_lines += 1
            self.drop(f"line of more than {limit} bytes")
        else:
            self._transport.resume_reading()
        self._on_change(self)

    def _send_delayed(self) -> None:
        loop = asyncio.get_running_loop()
        while self._outgoing and self._outgoing[0][0] <= loop.time():
            self._write(self._outgoing.popleft()[1])
        if self._outgoing:
            self._send_timer = loop.call_at(self._outgoing[0][0], self._send_delayed)

    def _write(self, data: bytes) -> None:
        if self._transport is None or self._transport.is_closing():
            return
        if self._transport.get_write_buffer_size() > MAX_UNSENT_BYTES:
            self.drop("the client does not read")
        else:
            self._transport.write(data)

    def _check_login(self) -> None:
        if not self.dialogue.users:
            self.drop("no login in time")
