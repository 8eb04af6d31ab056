"""The server end of one connection: bytes to lines and back, bounded in every direction.

An `asyncio.Protocol` without tasks of its own, so that a connection costs a buffer and a timer.
How it misbehaves is its `Conduct`.
"""

import asyncio
import logging
import socket
import struct
from collections import deque
from collections.abc import Callable, Iterable

from luxminer_hil.fakepool.dialogue import Dialogue
from luxminer_hil.fakepool.recording import SessionRecorder

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


MAX_DELAYED_BYTES = 16 << 20

RESET_AT_CLOSE = struct.pack("ii", 1, 0)
"""`SO_LINGER` on, no time: closing sends a reset instead of an end."""


class Peer(asyncio.Protocol):
    """``on_change`` is called when the connection opens, after lines were handled, and at its end.

    ``recorder`` is told of every line that came or went.
    """

    def __init__(
        self,
        dialogue: Dialogue,
        *,
        on_change: Callable[["Peer"], None],
        recorder: SessionRecorder | None = None,
    ) -> None:
        self.dialogue = dialogue
        self.conduct = dialogue.conduct
        self._on_change = on_change
        self._recorder = recorder
        self._transport: asyncio.Transport | None = None
        self._incoming = bytearray()
        self._outgoing: deque[tuple[float, bytes]] = deque()
        self._outgoing_bytes = 0
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
        if self._recorder is not None:
            self._recorder.happened(self.dialogue.number, "open")
        self._on_change(self)
        if self.conduct.is_deaf:
            transport.pause_reading()

    def connection_lost(self, exc: Exception | None) -> None:
        log.debug("connection %d closed: %s", self.dialogue.number, exc or "in order")
        for handle in (self._login_timer, self._send_timer, self._read_turn):
            if handle is not None:
                handle.cancel()
        if self._recorder is not None:
            self._recorder.happened(self.dialogue.number, "closed")
        self._transport = None
        self._incoming.clear()
        self._outgoing.clear()
        self._outgoing_bytes = 0
        if self.dialogue.session is not None:
            self.dialogue.session.connected = False
        self._on_change(self)

    def drop(self, reason: str) -> None:
        """Cut the connection at once."""
        if self._transport is not None and not self._transport.is_closing():
            log.debug("connection %d dropped: %s", self.dialogue.number, reason)
            self._transport.abort()

    def reset(self) -> None:
        """End the connection by a reset, without a word."""
        if self._transport is not None and not self._transport.is_closing():
            raw = self._transport.get_extra_info("socket")
            raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET_AT_CLOSE)
            self.drop("reset by order")

    def hear(self, *, is_deaf: bool) -> None:
        """Stop or go on reading."""
        self.conduct.is_deaf = is_deaf
        if self._transport is not None and self.is_open and self._read_turn is None:
            if is_deaf:
                self._transport.pause_reading()
            else:
                self._read()

    def data_received(self, data: bytes) -> None:
        self._incoming += data
        if self._read_turn is None:
            self._read()

    def send(self, lines: Iterable[str | bytes]) -> None:
        for line in lines:
            data = line.encode() if isinstance(line, str) else line
            self.send_bytes(data + b"\n")

    def send_bytes(self, data: bytes) -> None:
        """Send now, or when the delay in force is over; what is sent stays in order."""
        conduct = self.conduct
        if conduct.is_mute:
            return
        if conduct.delay_s <= 0 and not conduct.piece_bytes and not self._outgoing:
            self._write(data)
            return
        self._outgoing_bytes += len(data)
        if len(self._outgoing) >= MAX_DELAYED_LINES or self._outgoing_bytes > MAX_DELAYED_BYTES:
            self.drop(f"{len(self._outgoing)} lines wait for their delay")
            return
        loop = asyncio.get_running_loop()
        self._outgoing.append((loop.time() + conduct.delay_s, data))
        if len(self._outgoing) == 1:
            self._send_timer = loop.call_later(conduct.delay_s, self._send_delayed)

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
            if self._recorder is not None:
                self._recorder.heard(self.dialogue.number, True, line + b"\n")
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
        elif not self.conduct.is_deaf:
            self._transport.resume_reading()
        self._on_change(self)

    def _send_delayed(self) -> None:
        loop = asyncio.get_running_loop()
        while self._outgoing and self._outgoing[0][0] <= loop.time():
            _, data = self._outgoing.popleft()
            size = self.conduct.piece_bytes or len(data)
            self._outgoing_bytes -= min(size, len(data))
            self._write(data[:size])
            if data[size:]:
                self._outgoing.appendleft((loop.time() + self.conduct.piece_s, data[size:]))
        if self._outgoing:
            self._send_timer = loop.call_at(self._outgoing[0][0], self._send_delayed)

    def _write(self, data: bytes) -> None:
        if self._transport is None or self._transport.is_closing():
            return
        if self._recorder is not None:
            self._recorder.heard(self.dialogue.number, False, data)
        if self._transport.get_write_buffer_size() > MAX_UNSENT_BYTES:
            self.drop("the client does not read")
        else:
            self._transport.write(data)

    def _check_login(self) -> None:
        if not self.dialogue.users and not self.conduct.is_mute:
            self.drop("no login in time")
