"""A chain of BM1384: bring-up, tasks, replies, clock, farewell. `ChainStick` runs it.

Ref: REFERENCE.md, "Bring-up", "Running" and "End".
"""

import asyncio
import logging
from collections.abc import Iterator
from contextlib import suppress

from luxminer.device.contract import DeviceHost, DeviceOptions
from luxminer.errors import ProbeMismatch, TransportError
from luxminer.transport.base import Transport
from luxminer.work.job import PoolJob, WorkItem
from luxminer_drivers.bm1384 import chain, facts
from luxminer_drivers.bm1384.codec import (
    BUSY_MIDSTATE,
    BUSY_TAIL,
    ChainInactive,
    ChipIdReply,
    NonceReply,
    PllReply,
    ReadRegister,
    SetAddress,
    TaskTemplate,
    WritePll,
    open_core_tasks,
)
from luxminer_drivers.bm1384.decoder import TAIL_S, BadFrame, Decoder, Frame
from luxminer_drivers.bm1384.pll import Pll, choose_pll
from luxminer_drivers.common.ballot import MAX_COUNT_BYTES, Ballot
from luxminer_drivers.common.family import Claim, ClockReading, Family, Reading
from luxminer_drivers.common.jobs import JobRing, ticket_for
from luxminer_drivers.common.link import Link
from luxminer_drivers.common.missing import chips_expected
from luxminer_drivers.common.stick import ChainStick

__all__ = ["Bm1384", "open_stick"]

log = logging.getLogger(__name__)

COUNT_ATTEMPTS = 3

CURE = "unplug the stick and plug it in again, or try another hub or cable"

COUNT_SILENCE_S = 0.1
"""Silence that ends the count. The original waits `facts.COUNT_QUIET_S`; a busy host, or a stick
behind a network, needs more, and a chip counted too late would get no address."""

COUNT_LIMIT_S = 2.0
"""A line that never falls silent is not waited for longer."""

SLOW_DOWN_S = 0.4
"""Time for stepping the clock down at the end; the service waits a second for all it stops."""

QUIET_LIMIT_S = 0.7
"""The same including writes that block."""

MIN_TASK_INTERVAL_S = facts.TASK_LENGTH * 10 / facts.BAUDRATE + facts.COMMAND_PAUSE_S
"""The line carries no more tasks than this."""

FED_FACTOR = 0.8
"""Part of a full scan after which a task is replaced; the original does it after half of one.

Every task costs the host time and the work in hand nothing, so it is left in place longer. Chips do
not run dry even if their 55 cores share the range as 64 would (55 / 64 = 0.86).
"""

NONCES_PER_SCAN = 1
"""The original lets twice as many come. Each wakes the host, and half of them prove as well that a
chip is at work."""

EASY_S = 60.0
"""An easier ticket that a pool needs is kept for so long after its last job: where work is for
several pools in turn, the next task may be for that one again."""


class Bm1384(Family):
    """The chips of a Compac, 2Pac or Terminus."""

    chip = facts.CHIP
    cores = facts.CORES
    tail_s = TAIL_S
    task_pause_s = facts.COMMAND_PAUSE_S

    def __init__(self, link: Link, options: DeviceOptions) -> None:
        self._link = link
        self._options = options
        self._scale = options.scale
        self._start = self._pll = choose_pll(facts.MIN_MHZ)
        self._jobs = self._new_jobs()
        self._decoder = Decoder(self._is_right)
        self._rate_hs = self._interval_s = 0.0
        self._ticket = self._hardest = 1
        self._easy_s = float("-inf")
        self._job: PoolJob | None = None
        self._template = TaskTemplate(ticket_difficulty=1, nonce_range=0)

    def _new_jobs(self) -> JobRing:
        # The open-core frames have the header of a busy task.
        busy_ids = range(facts.OPEN_CORE_JOB_IDS)
        return JobRing(self._scale, chain.next_job_id, facts.JOB_ID_LAST, busy_ids)

    # Clock

    def reach(self, mhz: float) -> float:
        return choose_pll(mhz).mhz

    async def step_clock(self, target_mhz: float) -> float:
        pll, pause_s = next_step(self._pll, choose_pll(target_mhz))
        await self._set_clock(pll)
        return pause_s

    async def ask_clock(self) -> None:
        await self._send(ReadRegister(register=facts.Register.PLL).encode())

    async def _set_clock(self, pll: Pll) -> None:
        self._pll, self.mhz = pll, pll.mhz
        self._rate()
        await self._send(WritePll(pll=pll).encode())

    async def _send(self, data: bytes) -> None:
        await self._link.send(data, facts.COMMAND_PAUSE_S)

    # Life

    async def bring_up(self, host: DeviceHost, target_mhz: float) -> None:
        await self._link.settle(facts.SETTLE_S)
        self._start = self._pll = choose_pll(min(facts.START_MHZ, target_mhz))
        self.chips = await self._count_surely()
        if self.chips > facts.MAX_CHIPS:
            raise ProbeMismatch(
                f"{self.chips} answers to the count on {self._link.name}, but a chain has at most "
                f"{facts.MAX_CHIPS} chips"
            )
        self._compare_chips(host, self._options)
        # The clock comes first because the half second of open-core frames is what it needs to
        # take effect before there is work.
        await self._set_clock(self._start)
        await asyncio.sleep(facts.BEFORE_ADDRESSES_S)
        await self._send(ChainInactive().encode())
        for address in chain.addresses(self.chips):
            await self._send(SetAddress(address=address).encode())
        for task in open_core_tasks():
            await self._link.send(task.encode(), facts.OPEN_CORE_PAUSE_S)
        await self._link.forget_input()
        self._jobs = self._new_jobs()
        self._decoder = Decoder(self._is_right)

    async def _count_surely(self) -> int:
        """Return how many chips there are, asking again where the answer is in doubt.

        A chip that noise makes us miss would get no address, and search what another one searches.
        Raises ProbeMismatch when there are none.
        """
        ballot = Ballot(chips_expected(self._options))
        for attempt in range(COUNT_ATTEMPTS):
            is_hopeless = attempt > 1 and not ballot.found_any
            if ballot.is_settled or is_hopeless:
                break
            if attempt and not ballot.found_any:
                # There is no reset line: the start clock and another count are all that can help.
                self.resets += 1
                await self._set_clock(self._start)
            ballot.take(*await self._count())
        if not ballot.chips:
            raise ballot.mismatch(facts.CHIP, self._link.name, CURE)
        return ballot.chips

    async def _count(self) -> tuple[int, int]:
        """Return how many chips say that they are there, and how many bytes were heard besides."""
        decoder, heard = Decoder(lambda _job_id, _nonce: False), 0
        await self._send(ReadRegister(register=facts.Register.CHIP_ID).encode())
        frames: list[Frame] = []
        with suppress(TimeoutError):
            async with asyncio.timeout(COUNT_LIMIT_S):
                wait_s = facts.COUNT_FIRST_S
                while heard < MAX_COUNT_BYTES and (data := await self._link.read(wait_s)):
                    frames += decoder.feed(data, 0.0)
                    heard += len(data)
                    wait_s = COUNT_SILENCE_S
        frames += decoder.expire(COUNT_SILENCE_S)
        others = [frame for frame in frames if not isinstance(frame, ChipIdReply)]
        for frame in others:
            self._discard(frame)
        chips = len(frames) - len(others)
        return chips, heard - chips * facts.REPLY_LENGTH

    async def quieten(self) -> None:
        """Step the clock down to the start clock, then to the lowest one; forget addresses."""
        steps, now = [], self._pll
        while self.chips and now.mhz > self._start.mhz:
            now, _ = next_step(now, self._start)
            steps.append(now)
        pause_s = min(facts.SLOW_DOWN_INTERVAL_S, SLOW_DOWN_S / max(1, len(steps)))
        try:
            async with asyncio.timeout(QUIET_LIMIT_S):
                for pll in steps:
                    await self._link.send(WritePll(pll=pll).encode(), pause_s)
                if self.chips:
                    await self._send(WritePll(pll=choose_pll(facts.MIN_MHZ)).encode())
                    await self._send(ChainInactive().encode())
        except (TransportError, TimeoutError) as exc:
            log.debug("%s: could not be left quiet: %s", self._link.name, exc)

    # Work

    def take_work(self, host: DeviceHost) -> WorkItem | None:
        return host.next_work()

    def task(self, work: WorkItem | None) -> bytes:
        job_id = self._jobs.put(work)
        if work is None:
            return self._template.encode(BUSY_MIDSTATE, BUSY_TAIL, job_id)
        if work.job is not self._job:
            self._job = work.job
            self._choose_ticket()
        return self._template.encode(work.midstates[0], work.tail, job_id)

    def receive(self, data: bytes) -> Iterator[Reading]:
        frames = self._decoder.feed(data, 0.0) if data else self._decoder.expire(TAIL_S)
        for frame in frames:
            if isinstance(frame, NonceReply):
                slot = self._jobs.slot(frame.job_id)
                yield Claim(
                    slot=slot,
                    nonce=frame.nonce,
                    version=slot.version if slot is not None else 0,
                    chip=chain.chip_at(frame.nonce, self.chips),
                    is_right=frame.is_verified,
                )
            elif isinstance(frame, PllReply):
                yield ClockReading(mhz=frame.pll.mhz, length=facts.REPLY_LENGTH)
            else:
                self._discard(frame)

    @property
    def is_waiting(self) -> bool:
        return self._decoder.is_waiting

    def _is_right(self, job_id: int, nonce: int) -> bool:
        return self._jobs.is_right(job_id, nonce)

    def _discard(self, frame: Frame) -> None:
        length = len(frame.raw) if isinstance(frame, BadFrame) else facts.REPLY_LENGTH
        self._link.discard(frame, length)

    # Figures

    def _rate(self) -> None:
        """Reckon what follows from clock and chips; all of it is needed for every task."""
        self._rate_hs = chain.hashrate_hs(self.chips, self.mhz)
        if self.chips:
            part = FED_FACTOR * chain.own_part(self.chips)
            interval_s = chain.task_interval_s(self._rate_hs, part)
            self._interval_s = max(interval_s, MIN_TASK_INTERVAL_S)
            self._hardest = chain.ticket_difficulty(self._rate_hs, NONCES_PER_SCAN)
            self._choose_ticket()

    def _choose_ticket(self) -> None:
        """Take the hardest ticket that fits the rate and loses nothing of the job in hand."""
        ticket, now_s = self._hardest, asyncio.get_running_loop().time()
        if self._job is not None:
            ticket = ticket_for(self._job, ticket, self._scale)
        if ticket > self._ticket and now_s < self._easy_s + EASY_S:
            ticket = self._ticket
        elif ticket < self._hardest:
            self._easy_s = now_s
        self._ticket = ticket
        self._template = TaskTemplate(
            ticket_difficulty=ticket, nonce_range=chain.nonce_range(self.chips)
        )

    @property
    def rate_hs(self) -> float:
        return self._rate_hs

    @property
    def ticket_difficulty(self) -> int:
        return self._ticket

    @property
    def task_interval_s(self) -> float:
        return self._interval_s


def next_step(now: Pll, target: Pll) -> tuple[Pll, float]:
    """Return the next clock on the way to ``target``, and the pause that follows it."""
    if target.mhz > now.mhz:
        mhz = min(now.mhz + facts.STEP_MHZ, target.mhz)
        return choose_pll(mhz), facts.RAMP_INTERVAL_S
    mhz = max(now.mhz - facts.SLOW_DOWN_STEP_MHZ, target.mhz)
    return choose_pll(mhz), facts.SLOW_DOWN_INTERVAL_S


async def open_stick(transport: Transport, options: DeviceOptions) -> ChainStick:
    """Take charge of an open port. Writes nothing yet. Raises ConfigError for a wrong clock."""
    link = Link(transport)
    return ChainStick(link, options, Bm1384(link, options))
