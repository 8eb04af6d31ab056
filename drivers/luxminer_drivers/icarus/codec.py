"""Frames of the Icarus protocol as values, and the decoder of a Block Erupter's answers.

No I/O and no clock. Ref: REFERENCE.md.
"""

from collections.abc import Callable
from dataclasses import dataclass

from luxminer.errors import FrameError
from luxminer_drivers.common.fields import get_bytes, get_number, put
from luxminer_drivers.common.resync import BadFrame, ResyncDecoder
from luxminer_drivers.icarus import facts

__all__ = ["Decoder", "Frame", "NonceReply", "TaskFrame", "decode_nonce"]

UNUSED = range(facts.TASK_MIDSTATE.offset + facts.TASK_MIDSTATE.width, facts.TASK_TAIL.offset)


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskFrame:
    """One header to search.

    ``midstate`` is the SHA-256 state after header bytes 0 to 63 (eight big-endian words, a to h);
    ``tail`` is header bytes 64 to 75 in header order.
    """

    midstate: bytes
    tail: bytes
    job_id: int = 0
    """0 to 30, comes back with every nonce of an Antminer. A Block Erupter has none."""

    def encode(self) -> bytes:
        frame = bytearray(facts.TASK_LENGTH)
        put(frame, facts.TASK_MIDSTATE, self.midstate)
        put(frame, facts.TASK_JOB_ID, self.job_id)
        put(frame, facts.TASK_TAIL, self.tail)
        return bytes(frame)

    @classmethod
    def decode(cls, raw: bytes) -> "TaskFrame":
        """Read a task. It has no check sum; raises FrameError for what no host of ours sends."""
        if len(raw) != facts.TASK_LENGTH:
            raise FrameError("task of wrong length", raw)
        if any(raw[at] for at in UNUSED if at != facts.TASK_JOB_ID.offset):
            raise FrameError("task with a field that is not known", raw)
        return cls(
            midstate=get_bytes(raw, facts.TASK_MIDSTATE),
            tail=get_bytes(raw, facts.TASK_TAIL),
            job_id=get_number(raw, facts.TASK_JOB_ID),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class NonceReply:
    """Claim of a chip. ``nonce`` is the header field as a number (little-endian reading)."""

    nonce: int
    age: int | None
    """For which task it is right: 0 for the last one sent, 1 for the one before. None: wrong."""


Frame = NonceReply | BadFrame

AgeOf = Callable[[int], int | None]
"""Returns for which task a nonce is right, as `NonceReply.age`. Pure."""


def decode_nonce(raw: bytes) -> int:
    """Return the nonce in the first bytes of a reply."""
    return int.from_bytes(get_bytes(raw, facts.NONCE), "little")


class Decoder(ResyncDecoder[NonceReply]):
    """Cuts answers out of the byte stream: four bytes look like any other four until hashed."""

    def __init__(self, age_of: AgeOf) -> None:
        super().__init__(facts.REPLY_LENGTH)
        self._age_of = age_of

    def _right(self, window: bytes) -> NonceReply | None:
        nonce = decode_nonce(window)
        age = self._age_of(nonce)
        return None if age is None else NonceReply(nonce=nonce, age=age)

    def _claim(self, window: bytes) -> NonceReply:
        return NonceReply(nonce=decode_nonce(window), age=None)
