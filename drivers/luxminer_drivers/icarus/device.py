"""A Block Erupter: detection, tasks, answers. `ChainStick` runs it.

It has one chip, no commands, and answers with bare nonces. It is given its next task after each
right nonce, or before its range is done, whichever comes first.

Ref: REFERENCE.md.
"""

import logging
from collections import deque
from collections.abc import Iterator

from luxminer.device.contract import DeviceHost, DeviceOptions
from luxminer.transport.base import Transport
from luxminer.work.job import WorkItem
from luxminer_drivers.common.family import Claim, Family, Reading, Slot
from luxminer_drivers.common.jobs import BUSY_MIDSTATE, BUSY_TAIL, is_right, ticket_target_le
from luxminer_drivers.common.link import Link
from luxminer_drivers.common.resync import TAIL_S, BadFrame
from luxminer_drivers.common.stick import ChainStick
from luxminer_drivers.icarus import facts
from luxminer_drivers.icarus.codec import Decoder, TaskFrame
from luxminer_drivers.icarus.detect import Kind, require

__all__ = ["Icarus", "open_stick", "task_frame"]

log = logging.getLogger(__name__)

RATE_HS = 1e9 / facts.HASH_NS

NONCES = 1 << 32

TASK_PART = 0.95
"""A task is replaced after this part of the time that all its nonces take: the chip falls silent,
and idle, when it is done."""

REMEMBERED_TASKS = 2
"""An answer may be under way while the next task is sent."""

LAST_ANSWER_S = 0.05
"""In which an answer to the detection task may still come."""


class Icarus(Family):
    """The chip of a Block Erupter."""

    chip = facts.CHIP
    cores = 1
    tail_s = TAIL_S
    task_pause_s = facts.TASK_PAUSE_S

    def __init__(self, link: Link, options: DeviceOptions) -> None:
        self._link = link
        self._scale = options.scale
        self._target_le = ticket_target_le(options.scale)
        self._tasks: deque[Slot] = deque(maxlen=REMEMBERED_TASKS)
        self._decoder = Decoder(self._age_of)

    # Clock: it cannot be set

    def reach(self, mhz: float) -> float:
        if mhz != facts.MHZ:
            raise ValueError(f"{mhz} MHz: a Block Erupter runs at {facts.MHZ} MHz, always")
        return mhz

    async def step_clock(self, target_mhz: float) -> float:
        self.mhz = target_mhz
        return 0.0

    async def ask_clock(self) -> None:
        """Ask nothing: it does not know its clock."""

    # Life

    async def bring_up(self, host: DeviceHost, target_mhz: float) -> None:
        await self._link.settle(facts.SETTLE_S)
        await require(self._link, Kind.BLOCK_ERUPTER, self._scale, facts.HASH_NS)
        log.debug("device %d: %s has answered", host.device_id, Kind.BLOCK_ERUPTER.words)
        self.chips, self.mhz = 1, target_mhz
        self._tasks.clear()
        await self._link.send(self.task(None), self.task_pause_s)
        await self._link.settle(LAST_ANSWER_S)
        self._decoder = Decoder(self._age_of)

    async def quieten(self) -> None:
        """Do nothing: it falls silent by itself when its range is done, and knows no command."""

    # Work

    def take_work(self, host: DeviceHost) -> WorkItem | None:
        return host.next_work()

    def task(self, work: WorkItem | None) -> bytes:
        self._tasks.appendleft(Slot(work))
        return task_frame(work).encode()

    def receive(self, data: bytes) -> Iterator[Reading]:
        frames = self._decoder.feed(data, 0.0) if data else self._decoder.expire(TAIL_S)
        for frame in frames:
            if isinstance(frame, BadFrame):
                self._link.discard(frame, len(frame.raw))
                continue
            slot = self._tasks[frame.age or 0]
            yield Claim(
                slot=slot,
                nonce=frame.nonce,
                version=slot.version,
                chip=0,
                is_right=frame.age is not None,
                ends_task=frame.age == 0,
            )

    @property
    def is_waiting(self) -> bool:
        return self._decoder.is_waiting

    def _age_of(self, nonce: int) -> int | None:
        for age, slot in enumerate(self._tasks):
            if is_right(slot.work, nonce, self._target_le):
                return age
        return None

    # Figures

    @property
    def rate_hs(self) -> float:
        return RATE_HS

    @property
    def ticket_difficulty(self) -> int:
        return 1

    @property
    def task_interval_s(self) -> float:
        return TASK_PART * NONCES / RATE_HS


def task_frame(work: WorkItem | None, job_id: int = 0) -> TaskFrame:
    """Return the frame of ``work``, or of an all-zero header that keeps a chip from dead work."""
    if work is None:
        return TaskFrame(midstate=BUSY_MIDSTATE, tail=BUSY_TAIL, job_id=job_id)
    return TaskFrame(midstate=work.midstates[0], tail=work.tail, job_id=job_id)


async def open_stick(transport: Transport, options: DeviceOptions) -> ChainStick:
    """Take charge of an open port. Writes nothing yet. Raises ConfigError for a wrong clock."""
    link = Link(transport)
    return ChainStick(link, options, Icarus(link, options))
