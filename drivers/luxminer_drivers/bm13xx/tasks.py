"""Task frames: a header with its midstates (BM1387, BM1397), or a whole one (BM1362 and later).

Headers, midstates and tails are bytes in header order. Frames are made from few concatenations,
because a stick may want some hundred of them per second beside others on a small computer.
"""

from dataclasses import dataclass

from luxminer.errors import FrameError
from luxminer_drivers.bm13xx import facts
from luxminer_drivers.bm13xx._seal import seal
from luxminer_drivers.bm13xx.facts import Family
from luxminer_drivers.common.crc import crc16
from luxminer_drivers.common.fields import get_bytes, get_number

__all__ = [
    "HeaderTask",
    "MidstateTask",
    "Task",
    "busy_task",
    "decode_task",
    "midstate_frame",
    "open_core_task",
    "open_core_tasks",
    "task_length",
]

TAIL_LENGTH = facts.TASK_TAIL.width
MIDSTATE_WIDTH = facts.TASK_MIDSTATES.width
START_NONCE = bytes(facts.TASK_START_NONCE.width)
HEADER_WITHOUT_NONCE = 76
MIDSTATE_COUNTS = (1, 2, 4)
"""Of all families together."""


def _midstate_length(count: int) -> int:
    return facts.TASK_MIDSTATE_LENGTH + MIDSTATE_WIDTH * (count - 1)


def task_length(family: Family, midstates: int) -> int:
    """Return the bytes of a task on the wire; ``midstates`` is 1 where a task is a whole header."""
    body = _midstate_length(midstates) if family.midstate_counts else facts.TASK_HEADER_LENGTH
    return len(family.request_preamble) + body


MIDSTATE_HEADS = {
    count: tuple(
        bytes((facts.TASK_OPCODE, _midstate_length(count), job_id, count)) + START_NONCE
        for job_id in range(256)
    )
    for count in MIDSTATE_COUNTS
}
"""What comes before the tail, by number of midstates and job id."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MidstateTask:
    """One header in one to four versions.

    ``midstates`` are the SHA-256 states after header bytes 0 to 63 (eight big-endian words, a to
    h), in the order of the index that comes back with a nonce; ``tail`` is header bytes 64 to 75.
    """

    job_id: int
    """0 to 127, a multiple of the number of midstates where a reply has to name one."""
    tail: bytes
    midstates: tuple[bytes, ...]

    def encode(self, family: Family) -> bytes:
        return midstate_frame(family, self.job_id, self.tail, self.midstates)


def midstate_frame(family: Family, job_id: int, tail: bytes, midstates: tuple[bytes, ...]) -> bytes:
    """Return the frame of a `MidstateTask` without making one; takes a third of the time less."""
    count = len(midstates)
    assert count in family.midstate_counts, (family.name, count)
    return seal(family.request_preamble, MIDSTATE_HEADS[count][job_id], tail, midstates)


@dataclass(frozen=True, slots=True, kw_only=True)
class HeaderTask:
    """A whole header without its nonce; the chip rolls the version bits that are enabled."""

    job_id: int
    """A multiple of 8: the lower bits of the answer name the sub-core."""
    header: bytes
    """Header bytes 0 to 75. Version bits that the chip rolls are clear."""
    length_byte: int
    count_byte: int
    """As `Family` has them; hosts differ."""

    def encode(self, family: Family) -> bytes:
        head = bytes((facts.TASK_OPCODE, self.length_byte, self.job_id, self.count_byte))
        # Words from the last of the header to its first: each field then stands reversed.
        return seal(family.request_preamble, head + START_NONCE, self.header, ())


Task = MidstateTask | HeaderTask


def decode_task(family: Family, raw: bytes) -> Task:
    """Read a task as a chip would. Raises FrameError for one that no chip would take."""
    frame = raw.removeprefix(family.request_preamble)
    if len(raw) - len(frame) != len(family.request_preamble):
        raise FrameError("task without its preamble", raw)
    if len(frame) <= facts.TASK_CRC_WIDTH or frame[0] != facts.TASK_OPCODE:
        raise FrameError("no task", raw)
    if crc16(frame) != 0:  # a check sum over itself leaves nothing
        raise FrameError("task with a wrong check sum", raw)
    return _decode_midstates(family, frame) if family.midstate_counts else _decode_header(frame)


def _decode_midstates(family: Family, frame: bytes) -> MidstateTask:
    """Read a task; a frame for more midstates than it counts is fine, the rest means nothing."""
    count = get_number(frame, facts.TASK_COUNT)
    lengths = (_midstate_length(each) for each in family.midstate_counts if each >= count)
    if count not in family.midstate_counts or len(frame) not in lengths:
        raise FrameError("task of impossible length", frame)
    if get_number(frame, facts.TASK_LENGTH) != len(frame):
        raise FrameError("task that tells another length", frame)
    first = facts.TASK_MIDSTATES
    fields = (first._replace(offset=first.offset + first.width * n) for n in range(count))
    return MidstateTask(
        job_id=get_number(frame, facts.TASK_JOB_ID),
        tail=get_bytes(frame, facts.TASK_TAIL),
        midstates=tuple(get_bytes(frame, field) for field in fields),
    )


HEADER_FIELDS = (
    facts.TASK_VERSION,
    facts.TASK_PREVIOUS_HASH,
    facts.TASK_MERKLE_ROOT,
    facts.TASK_TIME,
    facts.TASK_BITS,
)
"""In the order of the header."""


def _decode_header(frame: bytes) -> HeaderTask:
    if len(frame) != facts.TASK_HEADER_LENGTH:
        raise FrameError("task of impossible length", frame)
    return HeaderTask(
        job_id=get_number(frame, facts.TASK_JOB_ID),
        header=b"".join(get_bytes(frame, field) for field in HEADER_FIELDS),
        length_byte=get_number(frame, facts.TASK_LENGTH),
        count_byte=get_number(frame, facts.TASK_COUNT),
    )


def open_core_task(job_id: int) -> MidstateTask:
    """Return the frame that wakes cores of a BM1387, and keeps a BM1387 or BM1397 busy.

    Its header has two winning nonces, `facts.OPEN_CORE_NONCES`, which are nobody's share.
    """
    return MidstateTask(
        job_id=job_id,
        tail=bytes([facts.OPEN_CORE_TAIL_BYTE]) * TAIL_LENGTH,
        midstates=(bytes(MIDSTATE_WIDTH),),
    )


def open_core_tasks(count: int, job_ids: int) -> tuple[MidstateTask, ...]:
    """Return ``count`` of these frames; the id goes round after ``job_ids``."""
    return tuple(open_core_task(number % job_ids) for number in range(count))


def busy_task(family: Family, job_id: int) -> Task:
    """Return the frame for a chip when there is no work: a header that is nobody's.

    From BM1362 on its id is ``job_id`` without the bits that an answer overwrites.
    """
    if family.midstate_counts:
        return open_core_task(job_id)
    return HeaderTask(
        job_id=job_id & ~family.id_byte.index_mask,
        header=bytes(HEADER_WITHOUT_NONCE),
        length_byte=facts.BUSY_LENGTH_BYTE,
        count_byte=facts.BUSY_COUNT_BYTE,
    )
