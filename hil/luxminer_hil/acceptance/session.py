"""One time that the driver of a stick runs on it, with everything that passes kept on a tape."""

import asyncio
from collections import deque
from collections.abc import Callable
from contextlib import suppress

from luxminer.clock import Clock
from luxminer.device.contract import Device, DeviceReport
from luxminer.errors import LuxminerError, ProbeMismatch, TransportClosed
from luxminer.transport.base import Transport
from luxminer.work.job import PoolJob, WorkItem
from luxminer.work.target import HASHES_PER_DIFFICULTY
from luxminer_hil.acceptance.host import BenchHost
from luxminer_hil.acceptance.sticks import BenchStick
from luxminer_hil.acceptance.verdict import CheckFailed
from luxminer_hil.record.events import Do, Event
from luxminer_hil.record.load import Line
from luxminer_hil.record.recorder import RecordingTransport

__all__ = ["Session", "Tape", "words_of"]

MAX_EVENTS = 200_000
"""Kept on a tape, the newest; some minutes of the fastest stick."""

STEP_S = 0.25

QUIET_S = 3.0
"""In which a driver leaves its chips quiet; the service gives it one second."""

OPEN_S = 15.0


class Tape:
    """What passed, in memory."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._events: deque[Event] = deque(maxlen=MAX_EVENTS)
        self.bytes_read = 0
        """Of the chips."""

    def add(
        self, do: Do, *, channel: int = 0, data: bytes = b"", number: int = 0, words: str = ""
    ) -> None:
        """Keep what happens now."""
        if do is Do.READ and not channel:
            self.bytes_read += len(data)
        t_s = self._clock.monotonic()
        self._events.append(
            Event(t_s=t_s, do=do, channel=channel, data=data, number=number, words=words)
        )

    def lines(self) -> list[Line]:
        """Return all that is kept, as if it had been read from a file."""
        return [Line(number=number, event=event) for number, event in enumerate(self._events, 2)]


class Session:
    """A driver at work. Use `open`, then wait with `until` or `wait`, then `close`."""

    def __init__(
        self,
        stick: BenchStick,
        clock: Clock,
        job: PoolJob,
        *,
        mhz: float,
        seed: int,
        golden: WorkItem | None = None,
    ) -> None:
        self.host = BenchHost(clock, job, stick.scale, seed=seed, golden=golden)
        self.tape = Tape(clock)
        self.started_s = clock.monotonic()
        self._stick = stick
        self._mhz = mhz
        self._transport: Transport | None = None
        self._device: Device | None = None
        self._task: asyncio.Task[None] | None = None

    async def open(self) -> None:
        """Open the port and let the driver begin. Raises LuxminerError."""
        inner = await self._stick.open()
        baudrate = self._stick.model.baudrate
        self._transport = RecordingTransport(inner, self.tape, baudrate)
        try:
            async with asyncio.timeout(OPEN_S):
                self._device = await self._stick.driver.open(
                    self._transport, self._stick.options(self._mhz)
                )
        except BaseException:
            await self._transport.close()
            raise
        self._task = asyncio.create_task(self._device.run(self.host), name="bench driver")

    @property
    def report(self) -> DeviceReport:
        assert self.host.reports, "not up yet"
        return self.host.reports[-1]

    @property
    def clock_s(self) -> float:
        """Monotonic time."""
        return self.host.clock.monotonic()

    @property
    def up_s(self) -> float:
        """When the first report came."""
        return self.host.up_s

    @property
    def nonce_interval_s(self) -> float:
        """Mean time between two nonces at the present clock."""
        report = self.report
        return report.ticket_difficulty * float(HASHES_PER_DIFFICULTY) / report.nominal_hs

    @property
    def error(self) -> BaseException | None:
        """What the driver has ended with; None while it runs."""
        if self._task is None or not self._task.done() or self._task.cancelled():
            return None
        return self._task.exception()

    async def until(self, condition: Callable[[], object], limit_s: float, what: str) -> None:
        """Wait for a condition. Raises CheckFailed when it does not come, or the driver ends."""
        loop = asyncio.get_running_loop()
        deadline_s = loop.time() + limit_s
        while not condition():
            self.check(what)
            if loop.time() >= deadline_s:
                raise CheckFailed(f"{what}: not within {limit_s:g} s")
            await self._pause(min(STEP_S, deadline_s - loop.time()))

    async def wait(self, seconds: float, what: str) -> None:
        """Let it mine for so long. Raises CheckFailed when the driver ends."""
        await self._pause(seconds)
        self.check(what)

    async def _pause(self, seconds: float) -> None:
        assert self._task is not None, "not open"
        await asyncio.wait({self._task}, timeout=max(seconds, 0.0))

    def check(self, what: str) -> None:
        """Raise CheckFailed when the driver has ended."""
        assert self._task is not None, "not open"
        if self._task.done():
            raise CheckFailed(f"{what}: the driver ended: {words_of(self.error)}")

    async def set_frequency(self, mhz: float) -> float:
        """Set the target clock; return what the dividers give."""
        assert self._device is not None, "not open"
        return await self._device.set_frequency(mhz)

    async def close(self, *, abruptly: bool = False) -> None:
        """End the driver in order, or by taking its port away. Idempotent, no errors."""
        transport, self._transport = self._transport, None
        if self._task is None or transport is None:
            return
        if abruptly:
            await transport.close()
            await asyncio.wait({self._task}, timeout=QUIET_S)
        self._task.cancel()
        await asyncio.wait({self._task}, timeout=QUIET_S)
        with suppress(LuxminerError):
            await transport.close()


def words_of(error: BaseException | None) -> str:
    """Say what ended a driver; of several things the one that tells most."""
    if isinstance(error, BaseExceptionGroup):
        for kind in (TransportClosed, ProbeMismatch, LuxminerError):
            leaf: BaseException | None = error.subgroup(kind)
            while isinstance(leaf, BaseExceptionGroup):
                leaf = leaf.exceptions[0]
            if leaf is not None:
                return words_of(leaf)
    if error is None:
        return "without a reason"
    return f"{error}" if isinstance(error, LuxminerError) else f"{type(error).__name__}: {error}"
