"""Frames of the BM1380 as values, and the decoder of its answers. Tasks are those of the Icarus.

No I/O and no clock. Ref: REFERENCE.md.
"""

from collections.abc import Callable
from dataclasses import dataclass

from luxminer.errors import FrameError
from luxminer_drivers.bm1380 import facts
from luxminer_drivers.bm1380.pll import Pll
from luxminer_drivers.common.crc import TableCrc
from luxminer_drivers.common.fields import get_bits, get_bytes, get_number, put
from luxminer_drivers.common.resync import BadFrame, ResyncDecoder

__all__ = ["Decoder", "Frame", "NonceReply", "WritePll", "decode_command", "decode_nonce"]

crc5 = TableCrc(*facts.CRC5)


@dataclass(frozen=True, slots=True, kw_only=True)
class WritePll:
    """Set the clock."""

    pll: Pll

    def encode(self) -> bytes:
        frame = bytearray(facts.COMMAND_LENGTH)
        frame[0] = facts.WRITE_PLL
        put(frame, facts.COMMAND_PLL, self.pll.encode())
        frame[-1] |= crc5(bytes(frame), facts.COMMAND_CRC_BITS)
        return bytes(frame)


def decode_command(raw: bytes) -> WritePll:
    """Read a command as a chip would. Raises FrameError for one that no chip would take."""
    if len(raw) != facts.COMMAND_LENGTH:
        raise FrameError("command of wrong length", raw)
    if crc5(raw, facts.COMMAND_CRC_BITS) != raw[-1]:
        raise FrameError("command with a wrong check sum", raw)
    if raw[0] != facts.WRITE_PLL:
        raise FrameError("unknown command", raw)
    return WritePll(pll=Pll.decode(get_number(raw, facts.COMMAND_PLL)))


@dataclass(frozen=True, slots=True, kw_only=True)
class NonceReply:
    """Claim of a chip. ``nonce`` is the header field as a number (little-endian reading)."""

    job_id: int
    nonce: int
    is_verified: bool
    """The host has hashed it and found it right. Also what tells that the frame was in step."""


Frame = NonceReply | BadFrame

Verify = Callable[[int, int], bool]
"""Says whether a nonce (second argument) is right for a job id (first argument). Pure."""


def decode_nonce(raw: bytes) -> tuple[int, int]:
    """Return job id and nonce of a reply."""
    job_id = get_bits(get_number(raw, facts.REPLY_LAST), facts.REPLY_JOB_ID)
    return job_id, int.from_bytes(get_bytes(raw, facts.NONCE), "little")


class Decoder(ResyncDecoder[NonceReply]):
    """Cuts answers out of the byte stream.

    A right nonce is taken whatever the type bits say; a wrong one is told from junk by them.
    """

    def __init__(self, verify: Verify) -> None:
        super().__init__(facts.REPLY_LENGTH)
        self._verify = verify

    def _right(self, window: bytes) -> NonceReply | None:
        job_id, nonce = decode_nonce(window)
        if not self._verify(job_id, nonce):
            return None
        return NonceReply(job_id=job_id, nonce=nonce, is_verified=True)

    def _claim(self, window: bytes) -> NonceReply | None:
        kind = get_bits(get_number(window, facts.REPLY_LAST), facts.REPLY_TYPE)
        if kind != facts.NONCE_TYPE:
            return None
        job_id, nonce = decode_nonce(window)
        return NonceReply(job_id=job_id, nonce=nonce, is_verified=False)
