"""Finds out what is behind a bare CP2102 bridge, by the answer to a task that is known.

Ref: REFERENCE.md, "Detection".
"""

import asyncio
import logging
from contextlib import suppress
from enum import Enum

from luxminer.errors import ProbeMismatch
from luxminer.hashing import verify
from luxminer.transport.base import Transport
from luxminer_drivers.common.jobs import ticket_target_le
from luxminer_drivers.common.link import Link
from luxminer_drivers.icarus import facts
from luxminer_drivers.icarus.codec import TaskFrame, decode_nonce

__all__ = ["Kind", "ask", "detect", "require"]

log = logging.getLogger(__name__)

ATTEMPTS = 3

PATIENCE_S = 0.5
"""For the answer, on a busy host or behind a network; the original waits a fifth of it."""

SCAN_FACTOR = 1.5
"""A virtual stick may take so much longer than its rate says."""

LIMIT_S = 30.0
"""For all attempts together; virtual sticks that are too slow for it are too slow to mine."""

MAX_BYTES = 256
"""A line that brings more is not that of a stick."""

TASK = TaskFrame.decode(facts.DETECT_TASK)


class Kind(Enum):
    """What gives an answer, by the bytes that follow its nonce."""

    BLOCK_ERUPTER = 0
    ANTMINER = 1

    @property
    def words(self) -> str:
        return "a Block Erupter" if self is Kind.BLOCK_ERUPTER else "an Antminer U1 or U2"


MODELS = {Kind.BLOCK_ERUPTER: facts.BLOCK_ERUPTER.name, Kind.ANTMINER: "u1", None: ""}
"""What an answer means: an Antminer's does not say which one it is, and both are run alike."""


async def ask(transport: Transport) -> str:
    """Return the name of the model that answers the detection task, empty when there is none."""
    link = Link(transport)
    await link.settle(facts.SETTLE_S)
    return MODELS[await detect(link, 1.0, facts.HASH_NS)]


async def require(link: Link, kind: Kind, scale: float, hash_ns: float) -> None:
    """Raise ProbeMismatch, saying what is there, unless it is a stick of ``kind``."""
    found = await detect(link, scale, hash_ns)
    if found is None:
        raise ProbeMismatch(
            f"nothing on {link.name} has answered the detection task as {kind.words} does; unplug "
            "the stick and plug it in again, or try another hub or cable"
        )
    if found is not kind:
        length = facts.REPLY_LENGTH + found.value
        raise ProbeMismatch(
            f"{found.words} is on {link.name}, not {kind.words}: it answers with {length} bytes"
        )


async def detect(link: Link, scale: float, hash_ns: float) -> Kind | None:
    """Send the detection task, again where the answer is in doubt; None when there is none.

    This writes to the port: only for ports whose owner has said that they are such a stick.
    ``hash_ns`` is the time that the slowest stick in question takes for a hash.
    """
    scan_s = int.from_bytes(facts.DETECT_NONCE, "big") * hash_ns * 1e-9 / scale
    with suppress(TimeoutError):
        async with asyncio.timeout(LIMIT_S):
            return await _try_often(link, PATIENCE_S + SCAN_FACTOR * scan_s, scale)
    return None


async def _try_often(link: Link, limit_s: float, scale: float) -> Kind | None:
    for attempt in range(ATTEMPTS):
        await link.forget_input()
        await link.send(TASK.encode(), facts.TASK_PAUSE_S)
        data = await _answer(link, limit_s, scale)
        kind = _kind_of(data, scale)
        if kind is not None:
            return kind
        if data:
            link.discard(data, len(data))
            log.debug("%s: attempt %d to detect gave %s", link.name, attempt, data.hex())
    return None


async def _answer(link: Link, limit_s: float, scale: float) -> bytes:
    """Return what came up to the right nonce, and after it until the line was silent."""
    data = b""
    with suppress(TimeoutError):
        async with asyncio.timeout(limit_s):
            while len(data) < MAX_BYTES and _place(data, scale) is None:
                data += await link.read(limit_s)
    with suppress(TimeoutError):
        async with asyncio.timeout(PATIENCE_S):
            while data and len(data) < MAX_BYTES:
                more = await link.read(facts.DETECT_ANSWER_S)
                if not more:
                    break
                data += more
    return data


def _place(data: bytes, scale: float) -> int | None:
    """Return where the right nonce ends."""
    target_le = ticket_target_le(scale)
    for end in range(facts.REPLY_LENGTH, len(data) + 1):
        nonce = decode_nonce(data[end - facts.REPLY_LENGTH : end])
        if verify(TASK.midstate, TASK.tail, nonce, target_le):
            return end
    return None


def _kind_of(data: bytes, scale: float) -> Kind | None:
    end = _place(data, scale)
    if end is None:
        return None
    try:
        return Kind(len(data) - end)
    except ValueError:  # more than one answer, or noise
        return None
