"""Cuts replies of one length out of a byte stream, and finds back into step when it was lost.

Where a nonce reply has no check sum, the only proof that some bytes are one is that the nonce is
right. The rules, at the first byte not yet used:

1. If one of the windows that overlap with the one that starts here is a right nonce, it is taken at
   once; bytes before it are junk. A right nonce is therefore never lost to what surrounds it, and
   one that is in step waits for nothing.
2. Otherwise nothing is decided before all these windows are complete, or the line has been silent
   for `TAIL_S`. Then a reply with a right check sum is taken, likewise.
3. Otherwise the window that starts here is taken for what it says it is: a wrong nonce (an error
   of the chip, to be counted), or a damaged reply.
4. Otherwise the byte is junk.

No decision depends on how the bytes were cut into pieces, only on the bytes and on silences.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Generic, TypeVar

__all__ = ["TAIL_S", "BadFrame", "ResyncDecoder"]

TAIL_S = 0.050
"""Silence after which the rest of a reply is not coming. Five bytes take 0.43 ms on the line; a
bridge and a busy host may hold them back for some tens of milliseconds."""

MAX_JUNK = 64
"""Junk bytes that are collected into one `BadFrame`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BadFrame:
    """Bytes that belong to no reply, and why."""

    raw: bytes
    reason: str


Frame = TypeVar("Frame")


class ResyncDecoder(ABC, Generic[Frame]):
    """Bytes in, frames out. Holds less than two replies and the junk before them."""

    def __init__(self, length: int, is_sealed: Callable[[bytes], bool] | None = None) -> None:
        """``length`` is that of all replies; ``is_sealed`` tells which a check sum proves."""
        self._length = length
        self._is_sealed = is_sealed
        self._buffer = bytearray()
        self._wrong = 0
        """So many windows from the start of the buffer are known to be no right nonce."""
        self._junk = bytearray()
        self._heard_s = float("-inf")

    @abstractmethod
    def _right(self, window: bytes) -> Frame | None:
        """Return the nonce reply that ``window`` is if its nonce is right. Pure."""

    @abstractmethod
    def _claim(self, window: bytes) -> Frame | BadFrame | None:
        """Return what ``window`` says it is; None when no reply looks so. Pure."""

    @property
    def is_waiting(self) -> bool:
        """There are bytes that only more bytes, or `expire`, can decide."""
        return bool(self._buffer)

    def feed(self, data: bytes, now_s: float) -> list[Frame | BadFrame]:
        """Take what arrived at ``now_s`` (monotonic) and return what it completes."""
        self._heard_s = now_s
        if len(data) == self._length and not self._buffer and not self._junk:
            # As nearly all do: rule 1 at the first window.
            right = self._right(data)
            if right is not None:
                return [right]
        self._buffer += data
        return list(self._frames(is_final=False))

    def expire(self, now_s: float) -> list[Frame | BadFrame]:
        """Decide about bytes that nothing has followed for `TAIL_S`."""
        if now_s - self._heard_s < TAIL_S:
            return []
        frames = list(self._frames(is_final=True))
        self._discard(len(self._buffer))
        frames.extend(self._flush_junk("no reply"))
        return frames

    def _frames(self, *, is_final: bool) -> Iterator[Frame | BadFrame]:
        while len(self._buffer) >= self._length:
            if (right := self._next_right()) is not None:
                yield from self._flush_junk("out of step")
                yield right
                continue
            if len(self._buffer) < 2 * self._length - 1 and not is_final:
                return
            if offset := self._next_sealed():
                self._discard(offset)
            elif (claim := self._claim(self._window(0))) is not None:
                self._advance(self._length)
                yield from self._flush_junk("out of step")
                yield claim
            else:
                self._discard(1)
            if len(self._junk) >= MAX_JUNK:
                yield from self._flush_junk("no reply")

    def _windows(self) -> int:
        """Return how many windows overlap with the one at the start, itself included."""
        return min(len(self._buffer) - self._length + 1, self._length)

    def _next_right(self) -> Frame | None:
        """Take the first right nonce that overlaps with the window at the start."""
        windows = self._windows()
        for offset in range(self._wrong, windows):
            frame = self._right(self._window(offset))
            if frame is not None:
                self._discard(offset)
                self._advance(self._length)
                return frame
        self._wrong = max(self._wrong, windows)
        return None

    def _next_sealed(self) -> int:
        """Return where the next sealed reply starts that overlaps with the window at 0, or 0."""
        if self._is_sealed is None:
            return 0
        for offset in range(self._windows()):
            if self._is_sealed(self._window(offset)):
                return offset
        return 0

    def _window(self, offset: int) -> bytes:
        return bytes(self._buffer[offset : offset + self._length])

    def _discard(self, count: int) -> None:
        self._junk += self._buffer[:count]
        self._advance(count)

    def _advance(self, count: int) -> None:
        del self._buffer[:count]
        self._wrong = max(0, self._wrong - count)

    def _flush_junk(self, reason: str) -> Iterator[BadFrame]:
        if self._junk:
            yield BadFrame(raw=bytes(self._junk), reason=reason)
            self._junk.clear()
