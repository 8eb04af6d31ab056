"""A driver on a virtual stick in this process, with the service's own work and judgement around it.

To be run on a `WarpLoop`: minutes pass in the time that the hashing takes.
"""

import asyncio
import random
from collections import Counter
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from fractions import Fraction

from luxminer.device.contract import (
    Device,
    DeviceOptions,
    DeviceReport,
    DriverSpec,
    StickModel,
)
from luxminer.device.registry import discover_drivers
from luxminer.hashing import header_hash
from luxminer.mining.scheduler import Scheduler
from luxminer.mining.shares import ShareGate
from luxminer.transport.base import Transport
from luxminer.work.job import NonceFound, PoolJob, Share, WorkItem
from luxminer.work.target import target_of
from luxminer_hil.chipsim.chip import Slice
from luxminer_hil.chipsim.faults import FaultPlan
from luxminer_hil.chipsim.hasher import Hasher, _search
from luxminer_hil.chipsim.port import MemoryPort
from luxminer_hil.chipsim.products import MODELS as CHIPS
from luxminer_hil.chipsim.stick import VirtualStick
from luxminer_hil.memory_transport import BoardTransport, LineTransport
from tests.unit.drivers.warp import WarpClock
from tests.unit.mining.jobs import job

RATE_HS = 4000.0
"""What a stick really hashes: a few hundred headers for each nonce."""

SLOWEST_S = 20.0
"""For one share; a Block Erupter needs 13 s on average, whatever its scale."""

SPECS: dict[str, tuple[DriverSpec, StickModel]] = {
    model.name: (record.spec, model)
    for record in discover_drivers()
    if record.spec is not None
    for model in record.spec.models
    if model.name in CHIPS
}


def scale_of(model: StickModel) -> Fraction:
    nominal_hs = model.hashes_per_clock * model.frequency_mhz * 1e6 * CHIPS[model.name]
    return Fraction(1, round(nominal_hs / RATE_HS))


class InlineHasher(Hasher):
    """Hashes at once, however much it is: warped time does not wait for threads."""

    async def search(self, slices: Sequence[Slice]) -> list[list[int]]:
        return [_search(piece) for piece in slices]


class Host:
    """A `DeviceHost` with the scheduler and the share gate of the service."""

    def __init__(self, pool_job: PoolJob, scale: Fraction) -> None:
        self.device_id = 0
        self.clock = WarpClock()
        self.random = random.Random(1)
        self.scale = float(scale)
        self.shares: list[Share] = []
        self.reports: list[DeviceReport] = []
        self.versions: Counter[int] = Counter()
        self.gate = ShareGate(self.shares.append)
        self.scheduler = Scheduler(self.clock, lambda _: None)
        self.scheduler.set_job(pool_job, clean=True)

    def next_work(self, *, versions: int = 1, chip_rolls: bool = False) -> WorkItem | None:
        return self.scheduler.next_work(0, versions, chip_rolls=chip_rolls)

    async def work_changed(self) -> None:
        await self.scheduler.work_changed(0)

    def nonce_found(self, nonce: NonceFound) -> bool:
        self.versions[nonce.version] += 1
        ticket = self.reports[-1].ticket_difficulty if self.reports else self.scale
        return self.gate.nonce_found(nonce, ticket, self.scale)

    def report(self, report: DeviceReport) -> None:
        self.reports.append(report)


class Rig:
    """One product under test."""

    def __init__(
        self,
        name: str,
        *,
        version_mask: int = 0x1FFFE000,
        has_board: bool = True,
        mhz: float | None = None,
        chips: int | None = None,
        faults: FaultPlan | None = None,
    ) -> None:
        self.spec, self.model = SPECS[name]
        self.scale = scale_of(self.model)
        telemetry = name.endswith(("a1", "a2")) and has_board
        self.stick = VirtualStick(
            name,
            scale=self.scale,
            seed=11,
            chips=chips,
            port=MemoryPort(),
            telemetry_port=MemoryPort("telemetry:") if telemetry else None,
            faults=faults,
            hasher=InlineHasher(),
        )
        self.has_board = has_board
        easy = self.scale / 2
        self.job = replace(
            job(difficulty=easy, version_mask=version_mask),
            version_rolling=bool(version_mask),
            share_target=target_of(easy),
        )
        self.host = Host(self.job, self.scale)
        self.options = DeviceOptions(
            model=self.model,
            frequency_mhz=mhz or self.model.frequency_mhz,
            scale=float(self.scale),
        )
        self.device: Device | None = None
        self.task: asyncio.Task[None] | None = None
        self.transport: Transport | None = None

    async def open(self) -> None:
        baudrate = self.model.baudrate
        if self.has_board:
            self.transport = BoardTransport(self.stick, baudrate)
        else:
            assert isinstance(self.stick.port, MemoryPort)
            self.transport = LineTransport(self.stick.port, baudrate)
        self.device = await self.spec.open(self.transport, self.options)
        self.task = asyncio.create_task(self.device.run(self.host))

    async def close(self) -> BaseException | None:
        """End the driver as the service does; return what it ended with by itself."""
        assert self.task is not None
        assert self.transport is not None
        ended = self.task.done()
        self.task.cancel()
        await asyncio.wait({self.task})
        await self.transport.close()
        return self.task.exception() if ended else None

    async def until(self, condition: Callable[[], object], limit_s: float, what: str) -> None:
        loop = asyncio.get_running_loop()
        deadline_s = loop.time() + limit_s
        while not condition():
            assert self.task is not None
            if self.task.done():
                raise AssertionError(f"ended before {what}: {self.task.exception()!r}")
            state = f"{self.host.gate.total()}; {self.stick.counters()}"
            assert loop.time() < deadline_s, f"not within {limit_s} s: {what}; {state}"
            await asyncio.sleep(0.25)

    async def shares(self, count: int, limit_s: float = 600.0) -> None:
        """Wait for so many more shares."""
        wanted = len(self.host.shares) + count
        limit_s = max(limit_s, count * SLOWEST_S)
        await self.until(lambda: len(self.host.shares) >= wanted, limit_s, f"{wanted} shares")

    def check_books(self) -> None:
        """Nothing wrong, nothing lost, every share a right hash of its own work."""
        total = self.host.gate.total()
        assert total.balanced, total
        assert total.hw_errors == 0, total
        for share in self.host.shares:
            work = share.work
            assert (share.version ^ work.job.version) & ~work.job.version_mask == 0
            if share.version in work.versions:
                state = work.midstates[work.versions.index(share.version)]
                assert header_hash(state, work.tail, share.nonce) == share.block_hash


@asynccontextmanager
async def running(name: str, **settings: object) -> AsyncIterator[Rig]:
    rig = Rig(name, **settings)  # type: ignore[arg-type]
    async with rig.stick:
        await rig.open()
        try:
            yield rig
        finally:
            await rig.close()
