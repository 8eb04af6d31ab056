"""Where a request on TCP ends. Bytes in, one request out; no I/O and no clock.

JSON or text follows from the first byte that is not blank. JSON is complete when its object
closes; text at a line end, at a NUL, at the end of input, or after `TEXT_SILENCE_S` of silence.

Ref: docs/api.md, "Framing"; CGMiner API and LUXminer API (requests).
"""

import re
from enum import Enum

__all__ = ["MAX_NESTING", "MAX_REQUEST_BYTES", "TEXT_SILENCE_S", "RequestFramer", "RequestKind"]

MAX_REQUEST_BYTES = 64 * 1024
MAX_NESTING = 16
"""Deeper than any request; keeps the parser's recursion short."""
TEXT_SILENCE_S = 0.1

BLANKS = b" \t\r\n"
OUTSIDE_STRING = re.compile(rb'["{}\[\]\x00]')
INSIDE_STRING = re.compile(rb'["\\]')
TEXT_END = re.compile(rb"[\n\x00]")


class RequestKind(Enum):
    UNKNOWN = "unknown"
    """Nothing but blanks so far."""
    JSON = "json"
    TEXT = "text"


class RequestFramer:
    """Collects one request. What follows it in the same piece is dropped."""

    def __init__(self) -> None:
        self.kind = RequestKind.UNKNOWN
        self.complete = False
        self.sound = True
        """False when it cannot be a request: too long, too deep, or cut off."""
        self.line_feed = False
        """A line feed came inside the request, or behind it in the same piece."""
        self._pieces = 0
        self._first_piece = b""
        self._buffer = bytearray()
        self._position = 0
        self._depth = 0
        self._in_string = False

    @property
    def empty(self) -> bool:
        """Nothing has arrived at all."""
        return not self._buffer

    @property
    def only_piece(self) -> bytes:
        """All that was fed, if it was a complete request in one piece; else nothing."""
        return self._first_piece if self._pieces == 1 and self.complete and self.sound else b""

    @property
    def request(self) -> bytes:
        """The request without blanks, line ends and NULs around it."""
        return bytes(self._buffer[: self._position]).strip(BLANKS + b"\0")

    def feed(self, data: bytes) -> None:
        """Take what one read returned."""
        if self.complete:
            return
        self.line_feed = self.line_feed or b"\n" in data
        if self.empty:
            self._first_piece = data
        self._pieces += 1
        self._buffer += data
        if self.kind is RequestKind.UNKNOWN:
            start = self._buffer.lstrip(BLANKS)
            if start:
                self.kind = RequestKind.JSON if start[:1] == b"{" else RequestKind.TEXT
                self._position = len(self._buffer) - len(start)
        if self.kind is RequestKind.JSON:
            self._scan_json()
        elif self.kind is RequestKind.TEXT:
            self._scan_text()
        if len(self._buffer if not self.complete else self.request) > MAX_REQUEST_BYTES:
            self._give_up()

    def end(self) -> None:
        """Tell that nothing more comes: end of input, silence, or the end of patience."""
        if not self.complete:
            self.complete = True
            self.sound = self.kind is not RequestKind.JSON
            self._position = len(self._buffer)

    def _scan_text(self) -> None:
        end = TEXT_END.search(self._buffer, self._position)
        self.complete = end is not None
        self._position = end.start() if end else len(self._buffer)

    def _scan_json(self) -> None:
        while not self.complete:
            pattern = INSIDE_STRING if self._in_string else OUTSIDE_STRING
            found = pattern.search(self._buffer, self._position)
            if found is None:
                self._position = max(self._position, len(self._buffer))
                return
            self._position = found.end()
            self._step(found.group())

    def _step(self, mark: bytes) -> None:
        if mark == b'"':
            self._in_string = not self._in_string
        elif mark == b"\\":
            self._position += 1  # whatever is escaped ends no string
        elif mark in b"{[":
            self._depth += 1
            if self._depth > MAX_NESTING:
                self._give_up()
        elif mark in b"}]":
            self._depth -= 1
            self.complete = self._depth == 0
        else:
            self._give_up()  # JSON contains no NUL: the sender meant it as the end

    def _give_up(self) -> None:
        self.complete = True
        self.sound = False
