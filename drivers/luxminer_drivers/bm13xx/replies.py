"""Replies of the chips as values, and the `Decoder` that cuts them out of a byte stream.

What a decoder makes of a stream depends on its bytes alone, never on how they arrive. Rules:

* a frame is a window of the right length whose CRC5 is right, whose type is known, and whose bits
  that are always 0 are 0; chips with a preamble begin each with it
* where two lengths are possible at one place, the longer one counts: the shorter is right by chance
  once in 256 nonce replies
* without a preamble a window fails alone when the one after it is right: it was a damaged frame,
  and the bytes inside it are not searched for another
* bytes that belong to no frame come out as `BadFrame` before the frame that follows them

A decision may need bytes that are still to come; `Decoder.flush` says that there will be none, and
the owner calls it when the line has been silent for longer than a frame takes.
"""

from dataclasses import dataclass

from luxminer_drivers.bm13xx import facts
from luxminer_drivers.bm13xx.commands import crc5
from luxminer_drivers.bm13xx.facts import Family, ReplyType
from luxminer_drivers.common.fields import get_bits, get_number

__all__ = ["MAX_JUNK", "BadFrame", "Decoder", "Frame", "NonceReply", "RegisterReply"]

MAX_JUNK = 64
"""Bytes that a `BadFrame` holds at most; a longer run comes as several."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RegisterReply:
    """Content of a register. A BM1387 says neither whose nor which: both are None then."""

    value: int
    address: int | None
    register: int | None

    def is_chip_id(self, family: Family) -> bool:
        """Tell whether this can be an answer to the count of chips."""
        is_register = self.register in (None, family.registers.chip_id)
        return is_register and self.value >> 16 == family.chip_id


@dataclass(frozen=True, slots=True, kw_only=True)
class NonceReply:
    """Claim of a chip. ``nonce`` is the header field as a number (little-endian reading)."""

    nonce: int
    job_id: int
    index: int
    """Midstate (BM1387, BM1397) or sub-core (later)."""
    id_byte: int
    """Both as they came, for a host whose job ids are no multiples of the midstate count."""
    version_bits: int
    """What the chip rolled, above bit `facts.VERSION_SHIFT`; 0 where chips roll nothing."""
    detail: int
    """Not understood."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BadFrame:
    """Bytes that belong to no frame."""

    raw: bytes


Frame = RegisterReply | NonceReply | BadFrame


class Decoder:
    """Cuts replies out of a byte stream. Holds less than two frames and `MAX_JUNK` bytes."""

    def __init__(self, family: Family) -> None:
        self._family = family
        self._preamble = family.reply_preamble
        lengths = sorted({*family.register_lengths, family.nonce_length}, reverse=True)
        self._lengths = tuple(len(self._preamble) + length for length in lengths)
        self._buffer = b""
        self._junk = b""

    def feed(self, data: bytes) -> list[Frame]:
        """Take bytes in, return the frames that are decided now."""
        return self._decide(data, is_end=False)

    def flush(self) -> list[Frame]:
        """Decide what is left, because nothing more is coming."""
        return self._decide(b"", is_end=True)

    @property
    def is_idle(self) -> bool:
        """Whether there is nothing that `flush` could decide."""
        return not self._buffer and not self._junk

    def _decide(self, data: bytes, *, is_end: bool) -> list[Frame]:
        buffer, at = self._buffer + data, 0
        frames: list[Frame] = []
        while at < len(buffer):
            start = self._next_start(buffer, at)
            if start > at:
                self._drop(buffer[at:start], frames)
                at = start
                continue
            length = self._frame_length(buffer, at, is_end)
            if length is None:
                break
            if length:
                self._end_junk(frames)
                frames.append(self._decoded(buffer[at : at + length]))
                at += length
                continue
            skipped = self._bad_length(buffer, at, is_end)
            if skipped is None:
                break
            self._drop(buffer[at : at + skipped], frames)
            at += skipped
        self._buffer = buffer[at:]
        if is_end:
            self._end_junk(frames)
        return frames

    def _next_start(self, buffer: bytes, at: int) -> int:
        """Return where the next preamble is, or the beginning of one at the end."""
        while at < len(buffer):
            there = buffer[at : at + len(self._preamble)]
            if there == self._preamble[: len(there)]:
                return at
            following = buffer.find(self._preamble[:1], at + 1)
            at = following if following >= 0 else len(buffer)
        return at

    def _frame_length(self, buffer: bytes, at: int, is_end: bool) -> int | None:
        """Return the length of the frame there, 0 for none, None when it is too early to say."""
        for length in self._lengths:
            if at + length > len(buffer):
                if not is_end:
                    return None
            elif self._is_frame(buffer[at + len(self._preamble) : at + length]):
                return length
        return 0

    def _is_frame(self, frame: bytes) -> bool:
        kind = get_bits(frame[-1], facts.REPLY_TYPE)
        if kind == ReplyType.NONCE:
            is_possible = self._is_nonce(frame)
        else:
            is_possible = kind == ReplyType.REGISTER and self._is_register(frame)
        return is_possible and crc5(frame) == 0  # a check sum over itself leaves nothing

    def _is_nonce(self, frame: bytes) -> bool:
        meaning = self._family.id_byte
        others = ~(meaning.job_mask | meaning.index_mask)
        is_length = len(frame) == self._family.nonce_length
        return is_length and not get_number(frame, facts.REPLY_ID) & others

    def _is_register(self, frame: bytes) -> bool:
        """Whether these can be a register; chips that do not name it send zeros instead."""
        if self._family.reply_names_register:
            return len(frame) in self._family.register_lengths
        names = get_number(frame, facts.REPLY_ADDRESS) | get_number(frame, facts.REPLY_REGISTER)
        return len(frame) in self._family.register_lengths and not names

    def _bad_length(self, buffer: bytes, at: int, is_end: bool) -> int | None:
        """Return how many bytes to drop where no frame is, None when it is too early to say."""
        if self._preamble:
            return 1
        length = self._lengths[0]
        if len(buffer) < at + 2 * length:
            return 1 if is_end else None
        return length if self._is_frame(buffer[at + length : at + 2 * length]) else 1

    def _drop(self, data: bytes, frames: list[Frame]) -> None:
        self._junk += data
        while len(self._junk) >= MAX_JUNK:
            frames.append(BadFrame(raw=self._junk[:MAX_JUNK]))
            self._junk = self._junk[MAX_JUNK:]

    def _end_junk(self, frames: list[Frame]) -> None:
        if self._junk:
            frames.append(BadFrame(raw=self._junk))
            self._junk = b""

    def _decoded(self, raw: bytes) -> Frame:
        frame = raw[len(self._preamble) :]
        if get_bits(frame[-1], facts.REPLY_TYPE) == ReplyType.NONCE:
            return _nonce(self._family, frame)
        is_named = self._family.reply_names_register
        return RegisterReply(
            value=get_number(frame, facts.REPLY_VALUE),
            address=get_number(frame, facts.REPLY_ADDRESS) if is_named else None,
            register=get_number(frame, facts.REPLY_REGISTER) if is_named else None,
        )


def _nonce(family: Family, frame: bytes) -> NonceReply:
    id_byte = get_number(frame, facts.REPLY_ID)
    meaning = family.id_byte
    rolls = family.registers.version is not None
    return NonceReply(
        nonce=int.from_bytes(frame[: facts.REPLY_NONCE.width], "little"),
        job_id=(id_byte & meaning.job_mask) >> meaning.job_shift,
        index=id_byte & meaning.index_mask,
        id_byte=id_byte,
        version_bits=get_number(frame, facts.REPLY_VERSION) if rolls else 0,
        detail=get_number(frame, facts.REPLY_DETAIL),
    )
