"""What checks share: the stick, one running session, and what was measured with it."""

import asyncio
import random
from dataclasses import dataclass, field

from luxminer.clock import Clock
from luxminer.device.contract import DeviceReport
from luxminer.errors import LuxminerError
from luxminer.work.job import PoolJob, WorkItem
from luxminer.work.target import HASHES_PER_DIFFICULTY
from luxminer_hil.acceptance.host import VERSION_MASK, Nonce, bench_job
from luxminer_hil.acceptance.session import Session
from luxminer_hil.acceptance.sticks import BenchStick
from luxminer_hil.acceptance.verdict import CheckFailed, NotRun

__all__ = ["SETTLE_LIMIT_S", "UP_LIMIT_S", "Bench", "Effort", "Measurement"]

UP_LIMIT_S = 30.0
"""For a stick to come up; an R909 with all its pauses takes three seconds."""

SETTLE_LIMIT_S = 400.0
"""For its clock to get where it should be: steps of 6.25 MHz every two seconds."""

SHORTEST_S = 5.0
"""Of a measurement, however fast the stick."""

AFTER_SETTLING_S = 1.5
"""The first report after the last step says what runs from now on."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Effort:
    """How long things are looked at."""

    nonces: int = 300
    """Expected in each measurement, unless that takes longer than ..."""
    longest_s: float = 120.0
    points: int = 5
    """Clocks of the sweep ..."""
    lowest_part: float = 0.5
    """... which goes down to this part of the usual one."""
    soak_s: float = 600.0
    restarts: int = 3
    max_mhz: float | None = None
    """Where the sweep begins; None for the model's usual clock."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Measurement:
    """What a stick did at one clock for a time."""

    mhz: float
    nominal_hs: float
    ceiling_hs: float
    """What its cores give when all of them hash all the time: nominal may be an allowance."""
    ticket: float
    chips: int
    started_s: float
    seconds: float
    nonces: tuple[Nonce, ...] = field(repr=False)
    tasks: int
    """Sent meanwhile."""
    bytes_read: int
    bytes_discarded: int

    @property
    def expected(self) -> float:
        """Nonces that its clock should bring."""
        per_nonce = self.ticket * float(HASHES_PER_DIFFICULTY)
        return self.nominal_hs * self.seconds / per_nonce

    @property
    def most(self) -> float:
        """Nonces that come when no core ever waits."""
        return self.expected * self.ceiling_hs / self.nominal_hs

    @property
    def right(self) -> int:
        return sum(nonce.is_right for nonce in self.nonces)

    @property
    def errors(self) -> int:
        return len(self.nonces) - self.right

    @property
    def measured_hs(self) -> float:
        """Rate that the claims stand for; a wrong one was a hash, too."""
        return self.nominal_hs * len(self.nonces) / self.expected if self.expected else 0.0


class Bench:
    """One run of the suite on one stick."""

    def __init__(self, stick: BenchStick, effort: Effort, clock: Clock, *, seed: int = 1) -> None:
        self.stick = stick
        self.effort = effort
        self.clock = clock
        self.seed = seed
        self.random = random.Random(seed)
        self.notes: list[str] = []
        """Lines for the person who watches."""
        self.baseline: Measurement | None = None
        """At the usual clock: made by the check of that name, used by those after it."""
        self.answer_s = 0.0
        """How long chips usually take to answer a question, as far as that is known."""
        self.sweep: list[Measurement] = []
        self.soak: Measurement | None = None
        self._session: Session | None = None

    def new_job(self, *, version_mask: int = VERSION_MASK) -> PoolJob:
        return bench_job(self.random, version_mask=version_mask)

    async def fresh(
        self, *, stick: BenchStick | None = None, golden: WorkItem | None = None
    ) -> Session:
        """Start the driver anew and return once it is up. Raises CheckFailed."""
        await self.end()
        stick = stick or self.stick
        session = Session(
            stick,
            self.clock,
            self.new_job(),
            mhz=stick.model.frequency_mhz,
            seed=self.seed,
            golden=golden,
        )
        try:
            await session.open()
        except LuxminerError as exc:
            raise CheckFailed(f"cannot be opened: {exc}") from exc
        self._session = session
        try:
            await session.until(lambda: session.host.reports, UP_LIMIT_S, "bring-up")
        except CheckFailed:
            await self.end()
            raise
        return session

    async def session(self) -> Session:
        """Return the running session, or a new one. Raises CheckFailed."""
        if self._session is None or self._session.error is not None:
            return await self.fresh()
        return self._session

    async def end(self, *, abruptly: bool = False) -> None:
        """End the session if there is one."""
        session, self._session = self._session, None
        if session is not None:
            await session.close(abruptly=abruptly)

    async def settled(self, session: Session, mhz: float | None = None) -> None:
        """Wait until the clock is where it should be. Raises CheckFailed."""
        await session.until(
            lambda: (
                not session.report.is_ramping
                and (mhz is None or session.report.frequency_mhz == mhz)
            ),
            SETTLE_LIMIT_S,
            f"clock of {mhz or session.report.target_mhz:g} MHz",
        )
        await session.wait(AFTER_SETTLING_S, "after the last step of the clock")

    async def measure(self, session: Session, seconds: float | None = None) -> Measurement:
        """Count what comes at the present clock. Raises CheckFailed."""
        report, host = session.report, session.host
        per_nonce = report.ticket_difficulty * float(HASHES_PER_DIFFICULTY)
        if seconds is None:
            wanted_s = self.effort.nonces * per_nonce / report.nominal_hs
            seconds = max(min(wanted_s, self.effort.longest_s), SHORTEST_S)
        started_s, first = self.clock.monotonic(), len(host.nonces)
        discarded, read = report.bytes_discarded, session.tape.bytes_read
        tasks = host.tasks.count
        await session.wait(seconds, "while it was measured")
        return Measurement(
            mhz=report.frequency_mhz,
            nominal_hs=report.nominal_hs,
            ceiling_hs=max(report.nominal_hs, self._ceiling_hs(report)),
            ticket=report.ticket_difficulty,
            chips=len(report.chips),
            started_s=started_s,
            seconds=self.clock.monotonic() - started_s,
            nonces=tuple(host.nonces[first:]),
            tasks=host.tasks.count - tasks,
            bytes_read=session.tape.bytes_read - read,
            bytes_discarded=session.report.bytes_discarded - discarded,
        )

    def _ceiling_hs(self, report: DeviceReport) -> float:
        clocks = len(report.chips) * report.frequency_mhz * 1e6
        return clocks * report.cores_per_chip * self.stick.scale

    async def pause(self, seconds: float) -> None:
        """Wait without a session."""
        await asyncio.sleep(seconds)

    def need_baseline(self) -> Measurement:
        """Return what was measured at the usual clock. Raises NotRun."""
        if self.baseline is None:
            raise NotRun("there is no measurement at the usual clock")
        return self.baseline
