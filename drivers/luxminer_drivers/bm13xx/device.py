"""A chain of register-addressed chips: bring-up by rows, tasks, replies, clock, farewell.

What differs between BM1387, BM1397, BM1362 and BM1370 is in the `Plan` that each family's package
has. `ChainStick` runs the chain. Ref: REFERENCE.md of the families.
"""

import asyncio
import logging
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress

from luxminer.device.contract import DeviceHost, DeviceOptions
from luxminer.errors import TransportError
from luxminer.hashing import header_hash, midstates, verify
from luxminer.transport.base import Capability, Transport
from luxminer.work.header import header_start
from luxminer.work.job import WorkItem
from luxminer.work.target import difficulty_of_hash
from luxminer_drivers.bm13xx import chain, facts
from luxminer_drivers.bm13xx.board import Board
from luxminer_drivers.bm13xx.clocks import Clocks
from luxminer_drivers.bm13xx.commands import ReadRegister, WriteRegister
from luxminer_drivers.bm13xx.controller import WARM_C
from luxminer_drivers.bm13xx.count import Count, count_chips
from luxminer_drivers.bm13xx.feeding import fed_ceiling, shortage_words
from luxminer_drivers.bm13xx.plan import Plan
from luxminer_drivers.bm13xx.pll import Pll, choose_pll, stopped
from luxminer_drivers.bm13xx.replies import Decoder, NonceReply, RegisterReply
from luxminer_drivers.bm13xx.ring import JobRing
from luxminer_drivers.bm13xx.steps import Settings, Step, expand
from luxminer_drivers.bm13xx.tasks import HeaderTask, MidstateTask, busy_task, task_length
from luxminer_drivers.bm13xx.ticket import choose_ticket, encode_ticket, ticket_below
from luxminer_drivers.bm13xx.ticket_watch import TicketWatch
from luxminer_drivers.bm13xx.versions import rolled_version, version_register
from luxminer_drivers.common.ballot import Ballot
from luxminer_drivers.common.family import (
    Ceiling,
    Claim,
    ClockReading,
    Family,
    Health,
    Reading,
    Slot,
)
from luxminer_drivers.common.jobs import ticket_target_le
from luxminer_drivers.common.link import Link
from luxminer_drivers.common.missing import chips_expected, missing_chips
from luxminer_drivers.common.stick import ChainStick

__all__ = ["Bm13xx", "open_chain"]

log = logging.getLogger(__name__)

COUNT_ATTEMPTS = 3

FAST_COUNT_S = 0.3
"""How long an answer at the wrong rate is waited for, where chips may be left at the fast one."""

QUIET_LIMIT_S = 0.9
"""Farewell, including writes that block."""

REPLY_PART = 0.5
"""Of what the line carries: nonces may take no more when a ticket mask has to be given up."""


class Bm13xx(Family):
    """The chips of one stick."""

    tail_s = 0.05
    task_pause_s = facts.COMMAND_PAUSE_S
    warm_c = WARM_C

    def __init__(self, link: Link, options: DeviceOptions, plan: Plan, row: facts.Model) -> None:
        self._link = link
        self._scale = options.scale
        self._options = options
        self._model = options.model
        self._plan = plan
        self._row = row
        self._take_kind(plan.kind)
        self.tells_chip = plan.tells_chip
        self._set_pll(choose_pll(self._kind.pll, row.start_mhz))
        self._chip_asked = 0
        self._mask = facts.VERSION_MASK
        self._fed: Ceiling | None = None
        self._midstates = 1
        self._baudrate = facts.START_BAUDRATE
        self._board = Board(link, options, row, self._kind.pll.min_mhz)
        self._ticket = 1
        self._ticket_watch = TicketWatch()
        self.proof = self._ticket_watch if plan.max_nonces_per_s else None
        self._target_le = ticket_target_le(self._scale)

    def _take_kind(self, kind: facts.Family) -> None:
        self._kind = kind
        self.chip, self.cores = kind.name, kind.cores
        self._decoder = Decoder(kind)
        self._ring = JobRing(kind)

    # Clock

    def reach(self, mhz: float) -> float:
        return choose_pll(self._kind.pll, mhz).mhz

    async def step_clock(self, target_mhz: float) -> float:
        single = self._clocks.step(target_mhz, self.chip_mhz, self.chips)
        self.mhz = self._clocks.pll.mhz
        if single is None:
            await self._carry_out(self._plan.clock)
        elif single:
            await self._carry_out(self._plan.chip_clock, single)
        return facts.RAMP_INTERVAL_S

    @property
    def clocks_mhz(self) -> tuple[float, ...]:
        return self._clocks.all_mhz(self.chips)

    @property
    def are_chips_set(self) -> bool:
        return self._clocks.are_set(self.chip_mhz)

    async def ask_clock(self) -> None:
        address = None
        if self._clocks.own and not self._kind.reply_names_register:
            # Replies do not say which chip they are from: one is asked after the other.
            self._chip_asked = (self._chip_asked + 1) % self.chips
            address = chain.addresses(self.chips)[self._chip_asked]
        read = ReadRegister(register=self._kind.registers.pll, address=address)
        await self._link.send(read.encode(self._kind), facts.COMMAND_PAUSE_S)

    def _set_pll(self, pll: Pll) -> None:
        """Take note of one clock of all chips."""
        self._clocks, self.mhz = Clocks(self._kind.pll, pll), pll.mhz

    # Life

    async def bring_up(self, host: DeviceHost, target_mhz: float) -> None:
        self._take_kind(self._plan.kind)
        self._set_pll(choose_pll(self._kind.pll, min(self._row.start_mhz, target_mhz)))
        await self._reset()
        await self._link.settle(facts.SETTLE_S)
        self.chips = await self._count_surely(host)
        if self.chips < self._row.chips_required:
            raise missing_chips(self.chips, self._row.chips_required, self._model)
        self._compare_chips(host, self._options)
        await self._board.start()
        await asyncio.sleep(facts.AFTER_COUNT_S)
        self._ticket = self._choose_ticket(target_mhz)
        self._mask = facts.VERSION_MASK
        self._fed = None
        await self._carry_out(self._plan.bring_up)
        self._ticket_watch.start(self._ticket)
        await self._link.forget_input()
        self._decoder = Decoder(self._kind)
        self._ring = JobRing(self._kind)

    def _choose_ticket(self, mhz: float) -> int:
        usual = choose_ticket(self._kind, self.chips)
        if not self._plan.max_nonces_per_s:
            return usual
        rate_hs = chain.hashrate_hs(self._kind, self.chips, mhz)
        return max(usual, ticket_below(rate_hs, self._plan.max_nonces_per_s))

    async def _reset(self) -> None:
        """Start the chips anew where that is possible, and go back to the rate of a start."""
        if self._link.can(Capability.RESET_LINE):
            await self._link.transport.set_reset(True)
            await asyncio.sleep(self._plan.reset_low_s)
            await self._set_rate(facts.START_BAUDRATE)
            await self._link.transport.set_reset(False)
            return
        if lacks := self._lacks:
            log.debug("%s has no %s: chips start by their commands alone", self._link.name, lacks)
        await self._set_rate(facts.START_BAUDRATE)

    @property
    def _cure(self) -> str:
        cure = "unplug the stick and plug it in again, or try another hub or cable"
        if not self._lacks:
            return cure
        return (
            f"open it by its USB path (usb:1-1.3), as this port has no {self._lacks}; else {cure}"
        )

    @property
    def _lacks(self) -> str:
        """Name what the port does not offer of what the stick should have."""
        return " and no ".join(sorted(self._model.needs - self._link.transport.capabilities))

    async def _set_rate(self, baudrate: int) -> None:
        if baudrate != self._baudrate:
            await self._link.set_baudrate(baudrate)
            self._baudrate = baudrate

    async def _count_surely(self, host: DeviceHost) -> int:
        """Return how many chips there are, asking again where the answer is in doubt.

        Raises ProbeMismatch when there are none.
        """
        ballot = Ballot(chips_expected(self._options))
        for attempt in range(COUNT_ATTEMPTS):
            if attempt and not ballot.found_any:
                self.resets += 1
                await self._recover_rate(host)
            await self._carry_out(self._plan.before_count)
            count = await self._count(facts.COUNT_FIRST_S)
            ballot.take(count.chips, count.junk_bytes)
            if ballot.is_settled:
                break
        if not ballot.chips:
            raise ballot.mismatch(self.chip, self._link.name, self._cure)
        return ballot.chips

    async def _recover_rate(self, host: DeviceHost) -> None:
        """Look for chips that a host has left at the fast rate, and bring them back."""
        if not self._plan.slow_link or self._link.can(Capability.RESET_LINE):
            await self._reset()
            return
        with suppress(TransportError):
            await self._set_rate(facts.FTDI_RUN_BAUDRATE)
            if (await self._count(FAST_COUNT_S)).chips:
                words = "device %d: chips were left at %d baud; bringing them back"
                log.warning(words, host.device_id, facts.FTDI_RUN_BAUDRATE)
            await self._carry_out(self._plan.slow_link)
        await self._set_rate(facts.START_BAUDRATE)
        await self._link.settle(facts.SETTLE_S)

    async def _count(self, first_s: float) -> Count:
        count = await count_chips(self._link, self._kind, self._plan.variants, first_s)
        if count.kind is not self._kind:
            self._take_kind(count.kind)
        return count

    @property
    def health(self) -> Health:
        return self._board.health

    @property
    def is_unsure(self) -> bool:
        return self._board.is_unsure

    def set_fan(self, percent: int) -> None:
        self._board.set_fan(percent)

    async def set_core(self, core_mv: int) -> None:
        await self._board.set_core(core_mv)

    async def attend(self) -> None:
        await self._board.attend()

    async def quieten(self) -> None:
        try:
            async with asyncio.timeout(QUIET_LIMIT_S):
                if self.chips and self._kind.pll.can_stop:
                    self._set_pll(stopped(self._kind.pll))
                    await self._carry_out(self._plan.shutdown)
                await self._board.end()
                if self._link.can(Capability.RESET_LINE):
                    await self._link.transport.set_reset(True)
                elif self._baudrate != facts.START_BAUDRATE:
                    await self._carry_out(self._plan.slow_link)
        except (TransportError, TimeoutError) as exc:
            log.debug("%s: could not be left quiet: %s", self._link.name, exc)

    @property
    def _hash_count(self) -> int:
        if not (self._kind.core_groups and self.chips and self.mhz):
            return 0
        return chain.hash_count(self._kind, self.chips, self.mhz)

    async def _carry_out(
        self, steps: Sequence[Step], chip_plls: Mapping[int, Pll] | None = None
    ) -> None:
        settings = Settings(
            chips=max(1, self.chips),
            pll=self._clocks.pll,
            chip_plls=chip_plls,
            ticket_difficulty=self._ticket,
            hash_count=self._hash_count,
        )
        for action in expand(self._kind, steps, settings):
            if action.baudrate is not None:
                await self._set_rate(action.baudrate)
            await self._link.send(action.data, action.pause_s)

    # Work

    def take_work(self, host: DeviceHost) -> WorkItem | None:
        if self._kind.midstate_counts:
            return host.next_work(versions=self._kind.midstate_counts[-1])
        return host.next_work(chip_rolls=True)

    def is_ready_for(self, work: WorkItem | None) -> bool:
        return not self._ticket_watch.is_wrong and self._rolls_as(work)

    async def make_ready(self, work: WorkItem | None) -> None:
        if self._ticket_watch.is_wrong:
            await self._send_ticket()
        if work is not None and not self._rolls_as(work):
            self._mask = work.chip_rolls
            self._fed = fed_ceiling(self._kind, self.chips, self._mask, self._line_s)
            value = version_register(self._plan.version_control, self._mask)
            await self._write(self._kind.registers.version or 0, value)

    def _rolls_as(self, work: WorkItem | None) -> bool:
        """Tell whether the chips roll the versions of ``work``, as far as they roll any."""
        return work is None or bool(self._kind.midstate_counts) or work.chip_rolls == self._mask

    def task(self, work: WorkItem | None) -> bytes:
        job_id = self._ring.put(work)
        if work is None:
            return busy_task(self._kind, job_id).encode(self._kind)
        if self._kind.midstate_counts:
            found = len(work.midstates)
            self._midstates = max(n for n in self._kind.midstate_counts if n <= found)
            return MidstateTask(
                job_id=job_id, tail=work.tail, midstates=work.midstates[: self._midstates]
            ).encode(self._kind)
        return HeaderTask(
            job_id=job_id,
            header=_first_64(work, work.versions[0]) + work.tail,
            length_byte=self._kind.header_length_byte,
            count_byte=self._kind.header_count_byte,
        ).encode(self._kind)

    async def _send_ticket(self) -> None:
        """Send the mask again, in its other order where there is one, or give it up.

        A mask that is wrong in any way makes chips keep good nonces back; no mask does not.
        """
        watch, orders = self._ticket_watch, self._kind.ticket_orders
        if watch.is_hopeless:
            easiest = self._easiest_ticket()
            log.warning(
                "%s: chips do not keep to ticket difficulty %d; going on with %d",
                *(self._link.name, self._ticket, easiest),
            )
            self._ticket = easiest
            watch.accept()
        else:
            watch.again(self._ticket)
        order = orders[watch.retries % len(orders)]
        await self._write(self._kind.registers.ticket, encode_ticket(self._ticket, order))

    def _easiest_ticket(self) -> int:
        length = len(self._kind.reply_preamble) + self._kind.nonce_length
        most = REPLY_PART / chain.line_s(length, self._baudrate)
        return ticket_below(self.rate_hs, most)

    async def _write(self, register: int, value: int) -> None:
        write = WriteRegister(register=register, value=value)
        await self._link.send(write.encode(self._kind), facts.COMMAND_PAUSE_S)

    def receive(self, data: bytes) -> Iterator[Reading]:
        for frame in self._decoder.feed(data) if data else self._decoder.flush():
            if isinstance(frame, NonceReply):
                yield self._claim(frame)
            elif isinstance(frame, RegisterReply):
                yield from self._register(frame)
            else:
                self._link.discard(frame, len(frame.raw))

    def _register(self, reply: RegisterReply) -> Iterator[Reading]:
        """Take what may be the answer to the question for the clock; others are not asked."""
        length = len(self._kind.reply_preamble) + self._kind.register_lengths[-1]
        pll = Pll.decode(self._kind.pll, reply.value)
        is_clock = reply.register in (None, self._kind.registers.pll) and Pll.is_locked(reply.value)
        if is_clock and pll is not None:
            chip = None
            if reply.address is not None and self.chips:
                chip = chain.chip_of_address(reply.address, self.chips)
            elif self._clocks.own:
                chip = self._chip_asked
            yield ClockReading(mhz=pll.mhz, length=length, chip=chip)
        elif reply.register is None or is_clock:
            self._link.discard(reply, length)

    def _claim(self, reply: NonceReply) -> Claim:
        chip = self._chip_at(reply.nonce)
        is_ours = not (
            self._kind.midstate_counts
            and reply.nonce.to_bytes(4, "little") in facts.OPEN_CORE_NONCES
        )
        best: tuple[Slot | None, int] = (None, 0)
        for slot in self._ring.candidates(reply.job_id):
            version = self._version(slot, reply)
            if version is None:
                continue
            best = best if best[0] is not None else (slot, version)
            if slot.work is not None and self._is_right(slot.work, version, reply.nonce):
                return Claim(
                    slot=slot, nonce=reply.nonce, version=version, chip=chip, is_right=True
                )
        slot_or_none, version = best
        return Claim(
            slot=slot_or_none,
            nonce=reply.nonce,
            version=version,
            chip=chip,
            is_right=False,
            is_ours=is_ours and (slot_or_none is None or slot_or_none.work is not None),
        )

    def _chip_at(self, nonce: int) -> int | None:
        """Return the chip that found ``nonce``, None where sources do not settle it."""
        if not self.tells_chip or chain.shares_nonces(self._kind, self._mask):
            return None
        return chain.chip_at(self._kind.nonce_address, nonce, self.chips)

    def _version(self, slot: Slot, reply: NonceReply) -> int | None:
        """Return the version that a chip must have hashed, None when there is no such midstate."""
        if slot.work is None:
            return 0
        versions = slot.work.versions
        if self._kind.midstate_counts:
            return versions[reply.index] if reply.index < len(versions) else None
        return rolled_version(versions[0], reply.version_bits)

    def _is_right(self, work: WorkItem, version: int, nonce: int) -> bool:
        if version in work.versions:
            state = work.midstates[work.versions.index(version)]
        else:
            (state,) = midstates(_first_64(work, version), (version,))
        if not verify(state, work.tail, nonce, self._target_le):
            return False
        difficulty = difficulty_of_hash(header_hash(state, work.tail, nonce))
        self._ticket_watch.heard(float(difficulty) / self._scale)
        return True

    @property
    def is_waiting(self) -> bool:
        return not self._decoder.is_idle

    # Figures

    @property
    def rate_hs(self) -> float:
        mhz = self.mhz
        if self._clocks.own:
            mhz = sum(self.clocks_mhz) / self.chips
        return chain.hashrate_hs(self._kind, self.chips, mhz, self._row.rate_scale)

    @property
    def ticket_difficulty(self) -> int:
        return self._ticket

    @property
    def task_interval_s(self) -> float:
        interval_s = chain.task_interval_s(
            self._kind, self.rate_hs, midstates=self._midstates, life_s=self._life_s
        )
        return max(interval_s, self._line_s)

    @property
    def _life_s(self) -> float:
        fastest_mhz = max(self.clocks_mhz) if self._clocks.own else self.mhz
        return chain.task_life_s(
            self._kind, self.chips, fastest_mhz, midstates=self._midstates, mask=self._mask
        )

    @property
    def _line_s(self) -> float:
        return chain.line_s(task_length(self._kind, self._midstates), self._baudrate)

    @property
    def ceilings(self) -> Sequence[Ceiling]:
        found = (self._board.ceiling(self.mhz), self._fed)
        return tuple(each for each in found if each is not None)

    @property
    def shortage(self) -> str:
        return shortage_words(self._life_s, self._line_s) if self.mhz else ""


def _first_64(work: WorkItem, version: int) -> bytes:
    return header_start(version, work.job.prev_hash, work.merkle_root)


async def open_chain(plan: Plan, transport: Transport, options: DeviceOptions) -> ChainStick:
    """Take charge of an open port. Writes nothing yet. Raises ConfigError for a wrong clock."""
    row = next(row for row in plan.models if row.product.name == options.model.name)
    link = Link(transport)
    return ChainStick(link, options, Bm13xx(link, options, plan, row))
