"""Cuts replies out of the byte stream of a BM1384 chain and finds back into step.

A nonce reply has no check sum, and 32 of the 256 byte values look like its last byte. So the only
proof that five bytes are a nonce reply is that the nonce is right: the owner supplies that test.

The rules, at the first byte not yet used:

1. If one of the five windows that start here or at the next four bytes is a right nonce, it is
   taken at once; bytes before it are junk. A right nonce is therefore never lost to what
   surrounds it, and one that is in step waits for nothing.
2. Otherwise nothing is decided before all five windows are complete, or the line has been silent
   for `TAIL_S`. Then a register reply with a right check sum is taken, likewise.
3. Otherwise the window that starts here is taken for what its last byte says: a wrong nonce (an
   error of the chip, to be counted), or a damaged register reply.
4. Otherwise the byte is junk.

No decision depends on how the bytes were cut into pieces, only on the bytes and on silences.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from luxminer.errors import FrameError
from luxminer_drivers.bm1384 import facts
from luxminer_drivers.bm1384.codec import (
    REPLY_TYPES,
    ChipIdReply,
    NonceReply,
    PllReply,
    decode_nonce,
    decode_register,
)

__all__ = ["TAIL_S", "BadFrame", "Decoder", "Frame", "Verify"]

TAIL_S = 0.050
"""Silence after which the rest of a reply is not coming. Five bytes take 0.43 ms on the line; a
bridge and a busy host may hold them back for some tens of milliseconds."""

MAX_JUNK = 64
"""Junk bytes that are collected into one `BadFrame`."""

Verify = Callable[[int, int], bool]
"""Says whether a nonce (second argument) is right for a job id (first argument). Pure."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BadFrame:
    """Bytes that belong to no reply, and why."""

    raw: bytes
    reason: str


Frame = NonceReply | ChipIdReply | PllReply | BadFrame


class Decoder:
    """Bytes in, frames out. Holds at most eight bytes and the junk before them."""

    def __init__(self, verify: Verify) -> None:
        self._verify = verify
        self._buffer = bytearray()
        self._wrong = 0
        """So many windows from the start of the buffer are known to be no right nonce."""
        self._junk = bytearray()
        self._heard_s = float("-inf")

    @property
    def is_waiting(self) -> bool:
        """There are bytes that only more bytes, or `expire`, can decide."""
        return bool(self._buffer)

    def feed(self, data: bytes, now_s: float) -> list[Frame]:
        """Take what arrived at ``now_s`` (monotonic) and return what it completes."""
        self._buffer += data
        self._heard_s = now_s
        return list(self._frames(is_final=False))

    def expire(self, now_s: float) -> list[Frame]:
        """Decide about bytes that nothing has followed for `TAIL_S`."""
        if now_s - self._heard_s < TAIL_S:
            return []
        frames = list(self._frames(is_final=True))
        self._discard(len(self._buffer))
        frames.extend(self._flush_junk("no reply"))
        return frames

    def _frames(self, *, is_final: bool) -> Iterator[Frame]:
        while len(self._buffer) >= facts.REPLY_LENGTH:
            if frame := self._right_nonce():
                yield from self._flush_junk("out of step")
                yield frame
                continue
            if len(self._buffer) < 2 * facts.REPLY_LENGTH - 1 and not is_final:
                return
            if offset := self._next_register():
                self._discard(offset)
            elif frame := self._claim():
                yield from self._flush_junk("out of step")
                yield frame
            else:
                self._discard(1)
            if len(self._junk) >= MAX_JUNK:
                yield from self._flush_junk("no reply")

    def _right_nonce(self) -> Frame | None:
        """Take the first right nonce that overlaps with the window at the start."""
        windows = min(len(self._buffer) - facts.REPLY_LENGTH + 1, facts.REPLY_LENGTH)
        for offset in range(self._wrong, windows):
            if self._type_at(offset) is facts.ReplyType.NONCE:
                job_id, nonce = decode_nonce(self._window(offset))
                if self._verify(job_id, nonce):
                    self._discard(offset)
                    self._take()
                    return NonceReply(job_id=job_id, nonce=nonce, is_verified=True)
        self._wrong = max(self._wrong, windows)
        return None

    def _next_register(self) -> int:
        """Return where the next register reply starts that overlaps with the window at 0, or 0."""
        windows = min(len(self._buffer) - facts.REPLY_LENGTH + 1, facts.REPLY_LENGTH)
        for offset in range(windows):
            if self._type_at(offset) is facts.ReplyType.REGISTER:
                try:
                    decode_register(self._window(offset))
                except FrameError:
                    continue
                return offset
        return 0

    def _claim(self) -> Frame | None:
        """Take the first window for what its last byte says; nothing that overlaps is proven."""
        kind = self._type_at(0)
        window = self._window(0)
        if kind is facts.ReplyType.NONCE:
            job_id, nonce = decode_nonce(window)
            self._take()
            return NonceReply(job_id=job_id, nonce=nonce, is_verified=False)
        if kind is facts.ReplyType.REGISTER:
            try:
                frame: Frame = decode_register(window)
            except FrameError:
                if window[0] not in (facts.CHIP_ID_START, facts.PLL_REPLY_START):
                    return None
                frame = BadFrame(raw=window, reason="damaged register reply")
            self._take()
            return frame
        return None

    def _type_at(self, offset: int) -> facts.ReplyType | None:
        return REPLY_TYPES[self._buffer[offset + facts.REPLY_LAST.offset]]

    def _window(self, offset: int) -> bytes:
        return bytes(self._buffer[offset : offset + facts.REPLY_LENGTH])

    def _take(self) -> None:
        self._advance(facts.REPLY_LENGTH)

    def _discard(self, count: int) -> None:
        self._junk += self._buffer[:count]
        self._advance(count)

    def _advance(self, count: int) -> None:
        del self._buffer[:count]
        self._wrong = max(0, self._wrong - count)

    def _flush_junk(self, reason: str) -> Iterator[Frame]:
        if self._junk:
            yield BadFrame(raw=bytes(self._junk), reason=reason)
            self._junk.clear()
