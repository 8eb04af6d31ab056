"""Runs a chain of BM1384: brings it up, feeds it, and reports what it finds.

One coroutine writes (tasks and clock steps, by absolute deadlines), one reads; both end with
`Bm1384Stick.run`. Ref: REFERENCE.md, "Bring-up" and "Running".
"""

import asyncio
import logging

from luxminer.device.contract import (
    ChipReport,
    DeviceHost,
    DeviceOptions,
    DeviceReport,
    DriverSpec,
    StickModel,
    UsbMatch,
)
from luxminer.errors import (
    ConfigError,
    DeviceFault,
    ProbeMismatch,
    TransportTimeout,
)
from luxminer.logs import TRACE, HexDump
from luxminer.transport.base import Transport
from luxminer.work.job import NonceFound
from luxminer_drivers.bm1384 import chain, facts
from luxminer_drivers.bm1384.codec import (
    NonceReply,
    PllReply,
    ReadRegister,
    TaskFrame,
    WritePll,
    busy_task,
)
from luxminer_drivers.bm1384.decoder import TAIL_S, Decoder
from luxminer_drivers.bm1384.jobs import JobRing
from luxminer_drivers.bm1384.link import Link, next_step
from luxminer_drivers.bm1384.pll import Pll, choose_pll
from luxminer_drivers.bm1384.watch import ClockWatch, Watch
from luxminer_drivers.common.tasks import run_together

__all__ = ["SPEC", "Bm1384Stick", "open_stick"]

log = logging.getLogger(__name__)

COUNT_ATTEMPTS = 3

MAX_TASK_INTERVAL_S = 30.0
"""Only virtual chains reach it: a new job is taken up at once, whatever the interval."""

MIN_TASK_INTERVAL_S = facts.TASK_LENGTH * 10 / facts.BAUDRATE + facts.COMMAND_PAUSE_S
"""The line carries no more tasks than this."""

REPORT_INTERVAL_S = 1.0

CLOCK_CHECK_S = 30.0
"""Between two questions for the clock; the original judges its answers at the same distance."""


def _model(product: facts.Product) -> StickModel:
    return StickModel(
        name=product.name,
        title=product.title,
        code=product.code,
        chip=facts.CHIP,
        usb=UsbMatch(
            vendor_id=product.vendor_id,
            product_id=product.product_id,
            manufacturers=product.manufacturers,
            product=product.product,
        ),
        baudrate=facts.BAUDRATE,
        chips=product.chips,
        frequency_mhz=product.frequency_mhz,
        min_mhz=facts.MIN_MHZ,
        max_mhz=facts.MAX_MHZ,
    )


class _Chip:
    """Counters of one chip since the stick was opened."""

    def __init__(self) -> None:
        self.nonces = 0
        self.hw_errors = 0
        self.duplicates = 0


class Bm1384Stick:
    """A Compac, 2Pac or Terminus. `run` may be called again after it has ended with a fault."""

    def __init__(self, transport: Transport, options: DeviceOptions) -> None:
        """Take charge of an open port. Raises ConfigError for a clock out of the model's range."""
        self._link = Link(transport)
        self._model = options.model
        self._scale = options.scale
        self._target = self._pll_for(options.frequency_mhz)
        self._pll = self._start_pll()
        self._is_up = False
        self._runs = 0
        self._resets = 0
        self._chips: list[_Chip] = []
        self._jobs = JobRing(self._scale)
        self._clock_watch = ClockWatch()
        self._tasks_sent = 0
        self._busy_tasks_sent = 0
        self._busy_nonces = 0

    async def set_frequency(self, mhz: float) -> float:
        """Change the target clock and return what the dividers give, the next higher clock.

        The chips follow in steps: one per second upwards, ten per second downwards. Raises
        ConfigError when ``mhz`` is out of the model's range.
        """
        self._target = self._pll_for(mhz)
        return self._target.mhz

    async def run(self, host: DeviceHost) -> None:
        """Bring the chips up, then mine until cancelled; leave them quiet in every case.

        Raises TransportClosed, ProbeMismatch, DeviceFault.
        """
        self._runs += 1
        if self._runs > 1:
            self._resets += 1
        try:
            await self._bring_up(host)
            await self._mine(host)
        except TransportTimeout as exc:
            raise DeviceFault(f"{self._link.name} takes no more bytes") from exc
        finally:
            if self._is_up:
                self._is_up = False
                await self._link.quieten(self._pll, self._start_pll())

    async def _bring_up(self, host: DeviceHost) -> None:
        await self._link.settle()
        self._pll = self._start_pll()
        count = await self._count()
        if not count:
            raise ProbeMismatch(
                f"no {facts.CHIP} answered on {self._link.name}; unplug the stick and plug it in "
                "again, or try another hub or cable"
            )
        if count > facts.MAX_CHIPS:
            raise ProbeMismatch(
                f"{count} answers to the count on {self._link.name}, but a chain has at most "
                f"{facts.MAX_CHIPS} chips"
            )
        if self._model.chips and count != self._model.chips:
            title, wanted = self._model.title, self._model.chips
            log.warning(
                "device %d: %d chips answered, a %s has %d", host.device_id, count, title, wanted
            )
        self._is_up = True
        await self._link.bring_up(count, self._pll)
        if len(self._chips) != count:
            self._chips = [_Chip() for _ in range(count)]
        self._jobs = JobRing(self._scale)

    async def _count(self) -> int:
        """Return how many chips there are, asking again where the answer is in doubt.

        A chip that noise makes us miss would get no address, and search what another one searches.
        """
        most = 0
        for attempt in range(COUNT_ATTEMPTS):
            if attempt and not most:
                # There is no reset line: the start clock and another count are all that can help.
                self._resets += 1
                await self._link.send(WritePll(pll=self._pll))
            count, is_clean = await self._link.count()
            if count == self._model.chips or (is_clean and count and not self._model.chips):
                return count
            if attempt and not most and not count:
                break
            most = max(most, count)
        return most

    async def _mine(self, host: DeviceHost) -> None:
        watch = Watch(host.clock.monotonic(), len(self._chips))
        self._clock_watch = ClockWatch()
        await run_together(self._listen(host, watch), self._feed(host, watch))

    async def _feed(self, host: DeviceHost, watch: Watch) -> None:
        """Send tasks and clock steps when they are due, and at once when work became void."""
        now_s = host.clock.monotonic()
        task_s = report_s = now_s
        step_s = now_s + facts.RAMP_INTERVAL_S
        check_s = now_s + CLOCK_CHECK_S
        is_busy = False
        while True:
            if self._is_ramping and now_s >= step_s:
                before_s = self._task_interval_s
                step_s = now_s + await self._step_clock()
                task_s += self._task_interval_s - before_s
                report_s = now_s
            if now_s >= task_s:
                is_busy = await self._send_task(host)
                # Counted from when it was due, so that delays do not add up.
                task_s = max(task_s, now_s - self._task_interval_s) + self._task_interval_s
            if now_s >= check_s and not self._is_ramping:
                self._clock_watch.asked(self._pll)
                await self._link.send(ReadRegister(register=facts.Register.PLL))
                check_s = now_s + CLOCK_CHECK_S
            self._judge(host, watch, is_busy=is_busy)
            if now_s >= report_s:
                host.report(self._report())
                report_s = now_s + REPORT_INTERVAL_S
            due_s = min(task_s, report_s, step_s if self._is_ramping else check_s)
            if await self._work_changed(host, due_s - host.clock.monotonic()):
                task_s = host.clock.monotonic()
            now_s = host.clock.monotonic()

    async def _step_clock(self) -> float:
        """Set the next clock on the way to the target; return the pause after it."""
        self._clock_watch.changed()
        self._pll, pause_s = next_step(self._pll, self._target)
        await self._link.send(WritePll(pll=self._pll))
        return pause_s

    def _judge(self, host: DeviceHost, watch: Watch, *, is_busy: bool) -> None:
        now_s = host.clock.monotonic()
        if is_busy:
            watch.excuse(now_s)
        for index in watch.judge(now_s, self._nonce_interval_s):
            log.warning(
                "device %d: chip %d of %d answers, but has found nothing so far",
                *(host.device_id, index, len(self._chips)),
            )

    async def _work_changed(self, host: DeviceHost, wait_s: float) -> bool:
        """Wait for a change of work for so long; say whether one came."""
        try:
            async with asyncio.timeout(max(0.0, wait_s)):
                await host.work_changed()
        except TimeoutError:
            return False
        return True

    async def _send_task(self, host: DeviceHost) -> bool:
        """Send the next task; True when there was no work and it is a busy one."""
        work = host.next_work()
        ticket = chain.ticket_difficulty(self._rate_hs)
        nonce_range = chain.nonce_range(len(self._chips))
        job_id = self._jobs.put(work)
        if work is None:
            self._busy_tasks_sent += 1
            task = busy_task(ticket_difficulty=ticket, nonce_range=nonce_range, job_id=job_id)
        else:
            self._tasks_sent += 1
            task = TaskFrame(
                midstate=work.midstates[0],
                tail=work.tail,
                ticket_difficulty=ticket,
                nonce_range=nonce_range,
                job_id=job_id,
            )
        await self._link.send(task)
        return work is None

    async def _listen(self, host: DeviceHost, watch: Watch) -> None:
        """Hand every reply to the host as soon as its last byte is there."""
        decoder = Decoder(self._jobs.is_right)
        while True:
            data = await self._link.read(TAIL_S if decoder.is_waiting else None)
            now_s = host.clock.monotonic()
            if data:
                log.log(TRACE, "device %d: received %s", host.device_id, HexDump(data))
                frames = decoder.feed(data, now_s)
            else:
                frames = decoder.expire(now_s)
            for frame in frames:
                if isinstance(frame, NonceReply):
                    self._claim(host, watch, frame, now_s)
                elif not isinstance(frame, PllReply) or not self._clock_watch.answered(frame.pll):
                    self._link.discard(frame)

    def _claim(self, host: DeviceHost, watch: Watch, reply: NonceReply, now_s: float) -> None:
        """Report a nonce. A right one for a busy task is nobody's: it is only counted."""
        slot = self._jobs.slot(reply.job_id)
        index = chain.chip_of_nonce(reply.nonce, len(self._chips))
        if reply.is_verified:
            watch.heard(now_s, index)
            if slot.work is None:
                self._busy_nonces += 1
                return
        is_right = host.nonce_found(
            NonceFound(
                device_id=host.device_id,
                chip=index,
                work=slot.work,
                nonce=reply.nonce,
                version=slot.work.versions[0] if slot.work is not None else 0,
                found_s=now_s,
            )
        )
        watch.claimed(is_error=not is_right)
        chip = self._chips[index]
        chip.nonces += 1
        if not is_right:
            chip.hw_errors += 1
        elif reply.nonce in slot.seen:
            chip.duplicates += 1
        else:
            slot.seen.add(reply.nonce)

    def _pll_for(self, mhz: float) -> Pll:
        low, high = self._model.min_mhz, self._model.max_mhz
        if not low <= mhz <= high:
            raise ConfigError(
                f"{mhz:g} MHz is out of range for a {self._model.title}",
                key="frequency_mhz",
                value=mhz,
                cure=f"give {low:g} to {high:g}",
            )
        return choose_pll(mhz)

    def _start_pll(self) -> Pll:
        return choose_pll(min(facts.START_MHZ, self._target.mhz))

    @property
    def _is_ramping(self) -> bool:
        return self._pll != self._target

    @property
    def _rate_hs(self) -> float:
        """Nominal rate of real chips at this clock."""
        return chain.hashrate_hs(len(self._chips), self._pll.mhz)

    @property
    def _nonce_interval_s(self) -> float:
        """Mean time between two nonces; the scale of a virtual stick cancels out."""
        return chain.fullscan_s(self._rate_hs) * chain.ticket_difficulty(self._rate_hs)

    @property
    def _task_interval_s(self) -> float:
        interval_s = chain.task_interval_s(self._rate_hs * self._scale)
        return min(max(interval_s, MIN_TASK_INTERVAL_S), MAX_TASK_INTERVAL_S)

    def _report(self) -> DeviceReport:
        return DeviceReport(
            chips=tuple(
                ChipReport(
                    index=index,
                    frequency_mhz=self._pll.mhz,
                    nonces=chip.nonces,
                    hw_errors=chip.hw_errors,
                    duplicates=chip.duplicates,
                )
                for index, chip in enumerate(self._chips)
            ),
            cores_per_chip=facts.CORES,
            frequency_mhz=self._pll.mhz,
            target_mhz=self._target.mhz,
            nominal_hs=self._rate_hs * self._scale,
            ticket_difficulty=chain.ticket_difficulty(self._rate_hs) * self._scale,
            task_interval_s=self._task_interval_s,
            tasks_sent=self._tasks_sent,
            busy_tasks_sent=self._busy_tasks_sent,
            busy_nonces=self._busy_nonces,
            bytes_discarded=self._link.bytes_discarded,
            resets=self._resets,
            is_ramping=self._is_ramping,
        )


async def open_stick(transport: Transport, options: DeviceOptions) -> Bm1384Stick:
    """Take charge of an open port. Writes nothing yet. Raises ConfigError for a wrong clock."""
    return Bm1384Stick(transport, options)


SPEC = DriverSpec(
    name="bm1384",
    models=tuple(_model(product) for product in facts.PRODUCTS),
    open=open_stick,
)
"""The entry point."""
