"""Cuts recorded bytes into the frames of a chip family: what is whole and right, the rest is left.

A recording has bytes as they were handed over, by any miner, so a frame may begin anywhere.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import NamedTuple

from luxminer.errors import FrameError
from luxminer_drivers.bm13xx import facts
from luxminer_drivers.bm13xx.commands import Command, decode_command
from luxminer_drivers.bm13xx.facts import Family
from luxminer_drivers.bm13xx.replies import BadFrame, Decoder, NonceReply, RegisterReply
from luxminer_drivers.bm13xx.tasks import MIDSTATE_COUNTS, Task, decode_task
from luxminer_drivers.bm1362 import facts as bm1362
from luxminer_drivers.bm1370 import facts as bm1370
from luxminer_drivers.bm1384 import codec as bm1384
from luxminer_drivers.bm1384 import facts as bm1384_facts
from luxminer_drivers.bm1387 import facts as bm1387
from luxminer_drivers.bm1397 import facts as bm1397
from luxminer_hil.record.events import Do
from luxminer_hil.record.load import Line

__all__ = ["FAMILIES", "Frame", "Stream", "cut"]

MIDSTATE_WIDTH = 32


class Frame(NamedTuple):
    """One frame; ``meaning`` is what its codec makes of it."""

    at_s: float
    """Recorded time of its first byte."""
    is_from_host: bool
    raw: bytes
    meaning: object


class Stream:
    """All bytes of one direction in a row, with the event that each belongs to."""

    def __init__(self, lines: Sequence[Line], do: Do) -> None:
        self.data = b"".join(_bytes_of(lines, do))
        self._starts: list[tuple[int, float]] = []
        at = 0
        for line in lines:
            if line.event.do is do and not line.event.channel:
                self._starts.append((at, line.event.t_s))
                at += len(line.event.data)
        self._events = {start for start, _ in self._starts} | {at}
        self._cursor = 0

    def time_at(self, at: int) -> float:
        """Return when a byte was handed over. Places must not fall from call to call."""
        while self._cursor + 1 < len(self._starts) and self._starts[self._cursor + 1][0] <= at:
            self._cursor += 1
        return self._starts[self._cursor][1]

    def is_event(self, at: int, length: int) -> bool:
        """Whether these bytes were handed over by themselves."""
        return at in self._events and at + length in self._events


def _bytes_of(lines: Sequence[Line], do: Do) -> Iterator[bytes]:
    return (line.event.data for line in lines if line.event.do is do and not line.event.channel)


FAMILIES: Mapping[str, tuple[Family, ...]] = {
    **{product.name: () for product in bm1384_facts.PRODUCTS},
    **{product.name: (bm1387.BM1387,) for product in bm1387.PRODUCTS},
    **{product.name: (bm1397.BM1397,) for product in bm1397.PRODUCTS},
    **{product.name: (bm1362.BM1362,) for product in bm1362.PRODUCTS},
    **{product.name: (bm1370.BM1370, bm1370.BM1368) for product in bm1370.PRODUCTS},
}
"""Model -> families that its chips may be of, the usual one first; none for a BM1384, whose frames
have a form of their own. Other sticks have no frames that tell what they are."""


def cut(model: str, lines: Sequence[Line]) -> tuple[Family | None, list[Frame]]:
    """Return the family that the chips of a recording are of, None for BM1384, and all frames.

    Raises KeyError for a model that is not in `FAMILIES`.
    """
    families = FAMILIES[model]
    if not families:
        return None, frames_of_bm1384(lines)
    found = [(family, frames_of(family, lines)) for family in families]
    for family, frames in found:
        replies = (frame.meaning for frame in frames)
        if any(isinstance(each, RegisterReply) and each.is_chip_id(family) for each in replies):
            return family, frames
    return found[0]


# --- BM1387 and later ----------------------------------------------------------------------------


def frames_of(family: Family, lines: Sequence[Line]) -> list[Frame]:
    """Return commands, tasks and replies of a chain, in order of time."""
    head = len(family.request_preamble)
    lengths = [facts.SHORT_COMMAND_LENGTH, facts.WRITE_LENGTH, facts.TASK_HEADER_LENGTH]
    lengths += [facts.TASK_MIDSTATE_LENGTH + MIDSTATE_WIDTH * (n - 1) for n in MIDSTATE_COUNTS]
    tails = {len(family.reply_preamble) + each for each in family.register_lengths}
    tails.add(len(family.reply_preamble) + family.nonce_length)
    host = _cut(
        Stream(lines, Do.WRITE), sorted(head + n for n in lengths), lambda raw: _said(family, raw)
    )
    chips = _cut(
        Stream(lines, Do.READ), sorted(tails, reverse=True), lambda raw: _answer(family, raw)
    )
    found = [Frame(at_s, True, raw, meaning) for at_s, raw, meaning in host]
    found += [Frame(at_s, False, raw, meaning) for at_s, raw, meaning in chips]
    return sorted(found, key=lambda frame: frame.at_s)


def _said(family: Family, raw: bytes) -> Command | Task | None:
    for decode in (decode_command, decode_task):
        try:
            return decode(family, raw)
        except FrameError:
            continue
    return None


def _answer(family: Family, raw: bytes) -> RegisterReply | NonceReply | None:
    decoder = Decoder(family)
    frames = decoder.feed(raw) + decoder.flush()
    if len(frames) != 1 or isinstance(frames[0], BadFrame):
        return None
    return frames[0]


class _Meaning(NamedTuple):
    at_s: float
    raw: bytes
    meaning: object


def _cut(
    stream: Stream, lengths: Sequence[int], meaning_of: Callable[[bytes], object]
) -> Iterator[_Meaning]:
    at = 0
    while at < len(stream.data):
        for length in lengths:
            raw = stream.data[at : at + length]
            meaning = meaning_of(raw) if len(raw) == length else None
            if meaning is not None:
                yield _Meaning(stream.time_at(at), raw, meaning)
                at += length
                break
        else:
            at += 1


# --- BM1384 --------------------------------------------------------------------------------------


def frames_of_bm1384(lines: Sequence[Line]) -> list[Frame]:
    """Return commands and tasks, and what answers commands; nonces look like anything.

    A task has no check sum: 64 bytes handed over by themselves are one, and so is what follows
    where no command begins.
    """
    stream = Stream(lines, Do.WRITE)
    found: list[Frame] = []
    at = 0
    while at < len(stream.data):
        length = bm1384_facts.TASK_LENGTH
        raw = stream.data[at : at + bm1384_facts.COMMAND_LENGTH]
        meaning: object = None
        if not stream.is_event(at, length):
            try:
                meaning = bm1384.decode_command(raw)
                length = len(raw)
            except FrameError:
                meaning = None
        if meaning is None:
            raw = stream.data[at : at + length]
            if len(raw) < length:
                break
            meaning = bm1384.TaskFrame.decode(raw)
        found.append(Frame(stream.time_at(at), True, raw, meaning))
        at += length
    found += _answers_of_bm1384(lines, found)
    return sorted(found, key=lambda frame: frame.at_s)


ANSWER_S = 1.0
"""In which chips answer a question, over the slowest way."""


def _answers_of_bm1384(lines: Sequence[Line], commands: Sequence[Frame]) -> Iterator[Frame]:
    stream = Stream(lines, Do.READ)
    asked = [f.at_s for f in commands if isinstance(f.meaning, bm1384.ReadRegister)]
    length = bm1384_facts.REPLY_LENGTH
    at = question = 0
    while at + length <= len(stream.data):
        at_s = stream.time_at(at)
        while question < len(asked) and asked[question] < at_s - ANSWER_S:
            question += 1
        raw = stream.data[at : at + length]
        is_answer = question < len(asked) and asked[question] <= at_s
        kind = bm1384.REPLY_TYPES[raw[-1]]
        if is_answer and kind is bm1384_facts.ReplyType.REGISTER:
            try:
                yield Frame(at_s, False, raw, bm1384.decode_register(raw))
                at += length
                continue
            except FrameError:
                pass
        at += 1
