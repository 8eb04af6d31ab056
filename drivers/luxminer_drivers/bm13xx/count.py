"""Counts the chips of a chain by what answers."""

import asyncio
from collections.abc import Mapping
from contextlib import suppress
from typing import NamedTuple

from luxminer_drivers.bm13xx import facts
from luxminer_drivers.bm13xx.commands import ReadRegister
from luxminer_drivers.bm13xx.facts import Family
from luxminer_drivers.bm13xx.replies import BadFrame, Decoder, Frame, NonceReply, RegisterReply
from luxminer_drivers.common.ballot import MAX_COUNT_BYTES
from luxminer_drivers.common.link import Link

__all__ = ["Count", "count_chips"]

SILENCE_S = 0.1
"""Silence that ends the count; the original waits `facts.COUNT_QUIET_S`, a busy host needs more."""

LIMIT_S = 3.0
"""A line that never falls silent is not waited for longer."""


class Count(NamedTuple):
    """What has answered."""

    chips: int
    junk_bytes: int
    """What else was heard."""
    kind: Family
    """What the chips say that they are."""


async def count_chips(
    link: Link, kind: Family, variants: Mapping[int, Family], first_s: float
) -> Count:
    """Ask all chips for their id. The first answer may take ``first_s``.

    ``variants`` are the kinds, by their id, that there may be instead of ``kind``.
    """
    decoder, heard = Decoder(kind), 0
    read = ReadRegister(register=kind.registers.chip_id)
    await link.send(read.encode(kind), facts.COMMAND_PAUSE_S)
    frames: list[Frame] = []
    with suppress(TimeoutError):
        async with asyncio.timeout(LIMIT_S):
            wait_s = first_s
            while heard < MAX_COUNT_BYTES and (data := await link.read(wait_s)):
                frames += decoder.feed(data)
                heard += len(data)
                wait_s = SILENCE_S
    frames += decoder.flush()
    replies = [frame for frame in frames if isinstance(frame, RegisterReply)]
    for reply in replies:
        kind = variants.get(reply.value >> 16, kind)
    junk = [frame for frame in frames if not _is_chip(frame, kind)]
    junk_bytes = sum(_length(frame, kind) for frame in junk)
    return Count(len(frames) - len(junk), junk_bytes, kind)


def _is_chip(frame: Frame, kind: Family) -> bool:
    return isinstance(frame, RegisterReply) and frame.is_chip_id(kind)


def _length(frame: Frame, kind: Family) -> int:
    if isinstance(frame, BadFrame):
        return len(frame.raw)
    is_nonce = isinstance(frame, NonceReply)
    length = kind.nonce_length if is_nonce else kind.register_lengths[-1]
    return len(kind.reply_preamble) + length
