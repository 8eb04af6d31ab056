"""Cuts replies out of the byte stream of a BM1384 chain and finds back into step.

A nonce reply has no check sum, and 32 of the 256 byte values look like its last byte. So the only
proof that five bytes are a nonce reply is that the nonce is right: the owner supplies that test.
The rules are those of `luxminer_drivers.common.resync`; register replies are sealed.
"""

from collections.abc import Callable

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
from luxminer_drivers.common.resync import TAIL_S, BadFrame, ResyncDecoder

__all__ = ["TAIL_S", "BadFrame", "Decoder", "Frame", "Verify"]

Verify = Callable[[int, int], bool]
"""Says whether a nonce (second argument) is right for a job id (first argument). Pure."""

Reply = NonceReply | ChipIdReply | PllReply
Frame = Reply | BadFrame


class Decoder(ResyncDecoder[Reply]):
    """Bytes in, frames out. Holds at most eight bytes and the junk before them."""

    def __init__(self, verify: Verify) -> None:
        super().__init__(facts.REPLY_LENGTH, _is_sealed)
        self._verify = verify

    def _right(self, window: bytes) -> NonceReply | None:
        if _type_of(window) is not facts.ReplyType.NONCE:
            return None
        job_id, nonce = decode_nonce(window)
        if not self._verify(job_id, nonce):
            return None
        return NonceReply(job_id=job_id, nonce=nonce, is_verified=True)

    def _claim(self, window: bytes) -> Frame | None:
        kind = _type_of(window)
        if kind is facts.ReplyType.NONCE:
            job_id, nonce = decode_nonce(window)
            return NonceReply(job_id=job_id, nonce=nonce, is_verified=False)
        if kind is facts.ReplyType.REGISTER:
            try:
                return decode_register(window)
            except FrameError:
                if window[0] in (facts.CHIP_ID_START, facts.PLL_REPLY_START):
                    return BadFrame(raw=window, reason="damaged register reply")
        return None


def _type_of(window: bytes) -> facts.ReplyType | None:
    return REPLY_TYPES[window[facts.REPLY_LAST.offset]]


def _is_sealed(window: bytes) -> bool:
    if _type_of(window) is not facts.ReplyType.REGISTER:
        return False
    try:
        decode_register(window)
    except FrameError:
        return False
    return True
