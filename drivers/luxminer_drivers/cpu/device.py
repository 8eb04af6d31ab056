"""Mines with the processor of this machine: for trying things out, never for profit.

A stick is a thousand to a million times as fast. All else is real: work, nonces, shares. Threads of
the lowest priority search in slices of some 20 ms, so that the service always comes first and a new
job is taken up at once.

A nonce is reported every few seconds whatever the machine: the ticket difficulty follows from the
measured rate. It never goes below the scale of the model, below which a nonce counts as an error.
"""

import asyncio
import logging
import math
import os
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from fractions import Fraction
from typing import NamedTuple

from luxminer.device.contract import ChipReport, DeviceHost, DeviceOptions, DeviceReport
from luxminer.errors import ConfigError, DeviceFault, ProbeMismatch
from luxminer.hashing import scan, swap32
from luxminer.transport.base import Transport
from luxminer.work.job import NonceFound, WorkItem
from luxminer.work.target import target_of

__all__ = ["CpuDevice", "open_cpu_device"]

log = logging.getLogger(__name__)

PREFIX = "cpu:"
"""Begins the name of the only transport that will do; the number of threads follows."""

NONCES = 1 << 32

SLICE_S = 0.020
"""What a thread searches at a time, and how late it may learn of a new job."""

FIRST_SLICE = 20_000
"""Hashes of the slice that measures the speed: some 50 ms on the slowest machine."""

SMOOTHING = 0.2
"""Weight of a new measurement."""

NONCE_INTERVAL_S = 2.5
"""Mean time between two nonces that the ticket difficulty aims at ..."""

MAX_TICKET_ERROR = 4.0
"""... and by what factor it may be missed before the ticket is changed."""

REPORT_INTERVAL_S = 1.0

MAX_FOUND = 64
"""Positions that one call of `scan` returns at most."""

NICENESS = 19


class Found(NamedTuple):
    """What a thread found in one slice."""

    positions: list[int]
    """Big-endian readings of the nonces, in rising order."""
    cpu_s: float


@dataclass(slots=True)
class Counters:
    """What one thread has found."""

    nonces: int = 0
    hw_errors: int = 0


class CpuDevice:
    """Some threads that search one header after another together."""

    def __init__(self, threads: int, scale: float) -> None:
        self._threads = threads
        self._scale = scale
        self._counters = [Counters() for _ in range(threads)]
        self._speed_hs = 0.0
        """Of one thread, by its own processor time."""
        self._rate_hs = 0.0
        """Of all together, by the clock on the wall."""
        self._ticket = scale
        self._target = target_of(Fraction(scale))
        self._tasks_sent = 0

    async def set_frequency(self, mhz: float) -> float:
        """Raise ConfigError: this clock is not ours to set."""
        raise ConfigError(
            "cannot be set for a CPU", key="frequency_mhz", value=mhz, cure="leave it out"
        )

    async def run(self, host: DeviceHost) -> None:
        """Search until cancelled. Raises DeviceFault when threads cannot be had."""
        executor = ThreadPoolExecutor(self._threads, "cpu", _step_back)
        try:
            await self._measure(executor)
            host.report(self._report())
            while True:
                work = host.next_work()
                if work is None:
                    await host.work_changed()
                else:
                    self._tasks_sent += 1
                    await self._search(host, executor, work)
        except (MemoryError, RuntimeError) as exc:
            raise DeviceFault(f"no threads to hash with: {exc}") from exc
        finally:
            # A slice under way ends by itself within some 20 ms.
            executor.shutdown(wait=False, cancel_futures=True)

    async def _measure(self, executor: ThreadPoolExecutor) -> None:
        loop = asyncio.get_running_loop()
        blank = (bytes(32), bytes(12), 0, FIRST_SLICE, bytes(32))
        slices = [loop.run_in_executor(executor, _scan, *blank) for _ in range(self._threads)]
        started_s = loop.time()
        found = await asyncio.gather(*slices)
        passed_s = max(loop.time() - started_s, 1e-6)
        self._speed_hs = FIRST_SLICE * self._threads / max(sum(f.cpu_s for f in found), 1e-6)
        self._rate_hs = FIRST_SLICE * self._threads / passed_s
        self._choose_ticket()

    async def _search(self, host: DeviceHost, executor: ThreadPoolExecutor, work: WorkItem) -> None:
        """Search one header, until all nonces are tried or there is newer work."""
        clock = host.clock
        changed = asyncio.create_task(host.work_changed())
        report_s = clock.monotonic()
        position = hashed = 0
        try:
            since_s = clock.monotonic()
            while position < NONCES and not changed.done():
                count = await self._round(host, executor, work, position)
                position += count
                hashed += count
                now_s = clock.monotonic()
                if now_s >= report_s and now_s > since_s:
                    self._rate_hs += SMOOTHING * (hashed / (now_s - since_s) - self._rate_hs)
                    hashed, since_s = 0, now_s
                    self._choose_ticket()
                    host.report(self._report())
                    report_s = now_s + REPORT_INTERVAL_S
        finally:
            changed.cancel()
            await asyncio.wait({changed})

    async def _round(
        self, host: DeviceHost, executor: ThreadPoolExecutor, work: WorkItem, position: int
    ) -> int:
        """Let each thread search a slice from ``position`` on; return how many nonces that were."""
        loop = asyncio.get_running_loop()
        each = max(1, round(self._speed_hs * SLICE_S))
        starts = range(position, min(position + each * self._threads, NONCES), each)
        target_le = self._target.to_bytes(32, "little")
        slices = []
        for start in starts:
            count = min(each, NONCES - start)
            args = (work.midstates[0], work.tail, start, count, target_le)
            slices.append(loop.run_in_executor(executor, _scan, *args))
        found = await asyncio.gather(*slices)
        count = min(each * self._threads, NONCES - position)
        cpu_s = sum(piece.cpu_s for piece in found)
        if cpu_s > 0:
            self._speed_hs += SMOOTHING * (count / cpu_s - self._speed_hs)
        for thread, piece in enumerate(found):
            for place in piece.positions:
                self._found(host, work, thread, place)
        return count

    def _found(self, host: DeviceHost, work: WorkItem, thread: int, position: int) -> None:
        is_right = host.nonce_found(
            NonceFound(
                device_id=host.device_id,
                chip=thread,
                work=work,
                nonce=swap32(position),
                version=work.versions[0],
                found_s=host.clock.monotonic(),
            )
        )
        self._counters[thread].nonces += 1
        self._counters[thread].hw_errors += not is_right

    def _choose_ticket(self) -> None:
        """Take the power of two that brings a nonce every few seconds, unless it nearly does."""
        wanted = max(self._rate_hs * NONCE_INTERVAL_S / NONCES, self._scale)
        if wanted / MAX_TICKET_ERROR < self._ticket < wanted * MAX_TICKET_ERROR:
            return
        self._ticket = max(2.0 ** round(math.log2(wanted)), self._scale)
        self._target = target_of(Fraction(self._ticket))
        log.debug("ticket difficulty %g at %g H/s", self._ticket, self._rate_hs)

    def _report(self) -> DeviceReport:
        return DeviceReport(
            chips=tuple(
                ChipReport(
                    index=index,
                    frequency_mhz=0.0,
                    nonces=each.nonces,
                    hw_errors=each.hw_errors,
                    duplicates=0,
                )
                for index, each in enumerate(self._counters)
            ),
            cores_per_chip=1,
            frequency_mhz=0.0,
            target_mhz=0.0,
            nominal_hs=self._rate_hs,
            ticket_difficulty=self._ticket,
            task_interval_s=NONCES / self._rate_hs,
            tasks_sent=self._tasks_sent,
            busy_tasks_sent=0,
            bytes_discarded=0,
            resets=0,
            is_ramping=False,
        )


def _step_back() -> None:
    """Let everything else on the machine go first."""
    os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), NICENESS)


def _scan(midstate: bytes, tail: bytes, first: int, count: int, target_le: bytes) -> Found:
    """Return all that is in a slice, however much; in a thread, without the lock of Python."""
    started_s = time.thread_time()
    positions: list[int] = []
    while count:
        more = scan(midstate, tail, first, count, target_le, MAX_FOUND)
        positions += more
        if len(more) < MAX_FOUND:
            break
        done = more[-1] + 1 - first
        first, count = first + done, count - done
    return Found(positions, time.thread_time() - started_s)


async def open_cpu_device(transport: Transport, options: DeviceOptions) -> CpuDevice:
    """Take so many threads as the port says. Raises ProbeMismatch for any other kind of port."""
    number = transport.name.removeprefix(PREFIX)
    if not number.isdecimal() or number == transport.name:
        raise ProbeMismatch(f'{transport.name} is no CPU; write port = "{PREFIX}1"')
    return CpuDevice(int(number), options.scale)
