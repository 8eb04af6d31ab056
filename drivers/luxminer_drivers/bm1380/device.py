"""An Antminer U1 or U2: detection, clock, tasks, answers. `ChainStick` runs it.

Ref: REFERENCE.md.
"""

import asyncio
import logging
from collections.abc import Iterator

from luxminer.device.contract import DeviceHost, DeviceOptions
from luxminer.errors import TransportError
from luxminer.transport.base import Transport
from luxminer.work.job import WorkItem
from luxminer_drivers.bm1380 import facts
from luxminer_drivers.bm1380.codec import Decoder, WritePll
from luxminer_drivers.bm1380.pll import choose_pll
from luxminer_drivers.common.family import Claim, Family, Reading
from luxminer_drivers.common.jobs import JobRing
from luxminer_drivers.common.link import Link
from luxminer_drivers.common.resync import TAIL_S, BadFrame
from luxminer_drivers.common.stick import ChainStick
from luxminer_drivers.icarus.detect import Kind, require
from luxminer_drivers.icarus.device import task_frame

__all__ = ["Bm1380", "next_job_id", "open_stick"]

log = logging.getLogger(__name__)

NONCES = 1 << 32

TASK_PART = 0.9
"""A task is replaced after this part of the time that all its nonces take."""

LAST_ANSWER_S = 0.05
"""In which an answer to the detection task may still come."""

QUIET_LIMIT_S = 0.7
"""For the last command, including a write that blocks; the service waits a second."""


class Bm1380(Family):
    """The chip of a U1 or U2."""

    chip = facts.CHIP
    cores = facts.CORES
    tail_s = TAIL_S
    task_pause_s = facts.COMMAND_PAUSE_S

    def __init__(self, link: Link, options: DeviceOptions) -> None:
        self._link = link
        self._scale = options.scale
        self._jobs = self._new_jobs()
        self._decoder = Decoder(self._is_right)

    def _new_jobs(self) -> JobRing:
        return JobRing(self._scale, next_job_id, facts.JOB_ID_LAST)

    # Clock

    def reach(self, mhz: float) -> float:
        return choose_pll(mhz).mhz

    async def step_clock(self, target_mhz: float) -> float:
        await self._set_clock(target_mhz)
        return facts.CLOCK_SETTLE_S

    async def ask_clock(self) -> None:
        """Ask nothing: no answer to such a question is known."""

    async def _set_clock(self, mhz: float) -> None:
        pll = choose_pll(mhz)
        self.mhz = pll.mhz
        await self._link.send(WritePll(pll=pll).encode(), facts.COMMAND_PAUSE_S)

    # Life

    async def bring_up(self, host: DeviceHost, target_mhz: float) -> None:
        await self._link.settle(facts.SETTLE_S)
        await self._detect()
        await self._set_clock(target_mhz)
        await asyncio.sleep(facts.CLOCK_SETTLE_S)
        await self._detect()
        log.debug("device %d: %s has answered", host.device_id, Kind.ANTMINER.words)
        self.chips = 1
        self._jobs = self._new_jobs()
        await self._link.send(self.task(None), self.task_pause_s)
        await self._link.settle(LAST_ANSWER_S)
        self._decoder = Decoder(self._is_right)

    async def _detect(self) -> None:
        slowest_ns = 1e3 / (facts.MIN_MHZ * facts.CORES)
        await require(self._link, Kind.ANTMINER, self._scale, slowest_ns)

    async def quieten(self) -> None:
        """Set the lowest clock; the chip falls silent when its range is done."""
        if not self.chips:
            return
        try:
            async with asyncio.timeout(QUIET_LIMIT_S):
                await self._set_clock(facts.MIN_MHZ)
        except (TransportError, TimeoutError) as exc:
            log.debug("%s: could not be left quiet: %s", self._link.name, exc)

    # Work

    def take_work(self, host: DeviceHost) -> WorkItem | None:
        return host.next_work()

    def task(self, work: WorkItem | None) -> bytes:
        return task_frame(work, self._jobs.put(work)).encode()

    def receive(self, data: bytes) -> Iterator[Reading]:
        frames = self._decoder.feed(data, 0.0) if data else self._decoder.expire(TAIL_S)
        for frame in frames:
            if isinstance(frame, BadFrame):
                self._link.discard(frame, len(frame.raw))
                continue
            slot = self._jobs.slot(frame.job_id)
            yield Claim(
                slot=slot,
                nonce=frame.nonce,
                version=slot.version if slot is not None else 0,
                chip=0,
                is_right=frame.is_verified,
            )

    @property
    def is_waiting(self) -> bool:
        return self._decoder.is_waiting

    def _is_right(self, job_id: int, nonce: int) -> bool:
        return self._jobs.is_right(job_id, nonce)

    # Figures

    @property
    def rate_hs(self) -> float:
        return self.mhz * 1e6 * facts.CORES

    @property
    def ticket_difficulty(self) -> int:
        return 1

    @property
    def task_interval_s(self) -> float:
        return TASK_PART * NONCES / self.rate_hs


def next_job_id(job_id: int) -> int:
    """Return the id after ``job_id``; they go round."""
    return job_id + 1 if job_id < facts.JOB_ID_LAST else facts.JOB_ID_FIRST


async def open_stick(transport: Transport, options: DeviceOptions) -> ChainStick:
    """Take charge of an open port. Writes nothing yet. Raises ConfigError for a wrong clock."""
    link = Link(transport)
    return ChainStick(link, options, Bm1380(link, options))
