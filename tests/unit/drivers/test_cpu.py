"""Threads of this machine as a device."""

import asyncio
import contextlib
import os
import random
import threading
import time
from collections.abc import AsyncIterator
from fractions import Fraction

import pytest

from luxminer.clock import SystemClock
from luxminer.device.contract import DeviceOptions, DeviceReport
from luxminer.errors import ConfigError, PortUnusable, ProbeMismatch, TransportClosed
from luxminer.mining.scheduler import Scheduler
from luxminer.mining.shares import ShareGate
from luxminer.transport.cpu import open_cpu
from luxminer.transport.opening import open_port
from luxminer.work.job import NonceFound, Share, WorkItem
from luxminer.work.target import target_of
from luxminer_drivers.cpu import device as cpu
from luxminer_drivers.cpu.device import CpuDevice, _scan
from luxminer_drivers.cpu.spec import SPEC
from tests.unit.mining.jobs import job

EASY = 2.0**-16
"""65,536 hashes for a nonce."""


class Host:
    """A `DeviceHost` with the scheduler and the share gate of the service, on real time."""

    def __init__(self, scale: float) -> None:
        self.device_id = 0
        self.clock = SystemClock()
        self.random = random.Random(1)
        self.scale = scale
        self.shares: list[Share] = []
        self.reports: list[DeviceReport] = []
        self.claims: list[NonceFound] = []
        self.gate = ShareGate(self.shares.append)
        self.scheduler = Scheduler(self.clock, lambda _: None)

    def next_work(self, *, versions: int = 1, chip_rolls: bool = False) -> WorkItem | None:
        return self.scheduler.next_work(0, versions, chip_rolls=chip_rolls)

    async def work_changed(self) -> None:
        await self.scheduler.work_changed(0)

    def nonce_found(self, nonce: NonceFound) -> bool:
        self.claims.append(nonce)
        return self.gate.nonce_found(nonce, self.reports[-1].ticket_difficulty, self.scale)

    def report(self, report: DeviceReport) -> None:
        self.reports.append(report)


def options(scale: float = EASY) -> DeviceOptions:
    return DeviceOptions(model=SPEC.models[0], frequency_mhz=0.0, scale=scale)


@contextlib.asynccontextmanager
async def running(host: Host, port: str = "cpu:") -> AsyncIterator["asyncio.Task[None]"]:
    device = await SPEC.open(await open_port(port, 0), options(host.scale))
    task = asyncio.create_task(device.run(host))
    try:
        yield task
    finally:
        task.cancel()
        await asyncio.wait({task})


async def until(condition: object, limit_s: float = 20.0) -> None:
    assert callable(condition)
    deadline_s = time.monotonic() + limit_s
    while not condition():
        assert time.monotonic() < deadline_s, "in vain"
        await asyncio.sleep(0.01)


@pytest.fixture
def often(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nonces every few milliseconds, so that a test need not wait for them."""
    monkeypatch.setattr(cpu, "NONCE_INTERVAL_S", 0.01)


@pytest.mark.usefixtures("often")
async def test_it_mines_and_every_nonce_is_right() -> None:
    host = Host(EASY)
    host.scheduler.set_job(job(difficulty=Fraction(EASY)), clean=True)
    async with running(host, "cpu:2"):
        await until(lambda: len(host.claims) >= 30)
    total = host.gate.total()
    assert total.balanced
    assert (total.hw_errors, total.duplicates) == (0, 0)
    assert {claim.chip for claim in host.claims} <= {0, 1}
    report = host.reports[-1]
    assert len(report.chips) == 2
    assert report.ticket_difficulty >= EASY


@pytest.mark.usefixtures("often")
async def test_newer_work_is_taken_up_and_the_old_one_left_for_good() -> None:
    host = Host(EASY)
    host.scheduler.set_job(job(job_id="old", difficulty=Fraction(EASY)), clean=True)
    async with running(host):
        await until(lambda: host.claims)
        host.scheduler.set_job(job(job_id="new", difficulty=Fraction(EASY)), clean=True)
        await until(lambda: any(_job_id(claim) == "new" for claim in host.claims))
        before = len(host.claims)
        await until(lambda: len(host.claims) >= before + 5)
        late = {_job_id(claim) for claim in host.claims[before:]}
    assert late == {"new"}


def _job_id(claim: NonceFound) -> str:
    return claim.work.job.job_id if claim.work is not None else ""


async def test_without_work_nothing_is_hashed() -> None:
    host = Host(EASY)
    async with running(host):
        await until(lambda: host.reports)
        await asyncio.sleep(0.05)
        started_s = time.process_time()
        await asyncio.sleep(0.5)
        assert time.process_time() - started_s < 0.1
    assert not host.claims


@pytest.mark.slow
async def test_the_rate_is_the_measured_one_and_the_ticket_follows_it() -> None:
    host = Host(2.0**-30)
    host.scheduler.set_job(job(difficulty=Fraction(1)), clean=True)
    async with running(host):
        await until(lambda: len(host.reports) >= 4)
    report = host.reports[-1]
    interval_s = report.ticket_difficulty * 2.0**32 / report.nominal_hs
    assert cpu.NONCE_INTERVAL_S / 5 < interval_s < cpu.NONCE_INTERVAL_S * 5
    started_s = time.thread_time()
    _scan(bytes(32), bytes(12), 0, 100_000, bytes(32))
    own_hs = 100_000 / (time.thread_time() - started_s)
    assert own_hs / 20 < report.nominal_hs < own_hs * 3


async def test_no_nonce_is_easier_than_the_scale() -> None:
    device = CpuDevice(1, scale=0.5)
    device._rate_hs = 1e3
    device._choose_ticket()
    assert device._ticket == 0.5


async def test_its_threads_give_way_to_everything_else() -> None:
    host = Host(EASY)
    host.scheduler.set_job(job(difficulty=Fraction(1)), clean=True)
    async with running(host, "cpu:2"):
        await until(lambda: host.reports)
        ours = [thread for thread in threading.enumerate() if thread.name.startswith("cpu_")]
        assert ours
        assert {os.getpriority(os.PRIO_PROCESS, thread.native_id or 0) for thread in ours} == {19}
    await until(lambda: not any(t.name.startswith("cpu_") for t in threading.enumerate()), 5)


def test_a_crowded_slice_is_searched_to_its_end() -> None:
    easy_le = target_of(Fraction(1, 2**26)).to_bytes(32, "little")
    found = _scan(bytes(32), bytes(12), 100, 50_000, easy_le).positions
    assert len(found) > 3 * cpu.MAX_FOUND
    assert found == sorted(set(found))
    one_by_one = [n for n in range(100, 2100) if _scan(bytes(32), bytes(12), n, 1, easy_le)[0]]
    assert [n for n in found if n < 2100] == one_by_one


async def test_the_clock_is_not_ours() -> None:
    with pytest.raises(ConfigError, match="cannot be set for a CPU"):
        await CpuDevice(1, 1.0).set_frequency(100)


@pytest.mark.parametrize("port", ["cpu:0", "cpu:65", "cpu:x", "cpu:-1", "cpu:1.5", "cpu:²"])
async def test_a_bad_number_of_threads_is_refused(port: str) -> None:
    with pytest.raises(PortUnusable, match="no number of threads"):
        await open_port(port, 0)


async def test_the_port_brings_nothing_and_ends_when_closed() -> None:
    transport = await open_cpu("cpu:")
    assert transport.name == "cpu:1"
    reading = asyncio.create_task(transport.read())
    await asyncio.sleep(0)
    await transport.close()
    with pytest.raises(TransportClosed):
        await reading
    with pytest.raises(TransportClosed):
        await transport.write(b"x")


async def test_no_other_port_is_a_cpu() -> None:
    transport = await open_cpu("cpu:")
    transport._name = "/dev/ttyUSB0"
    with pytest.raises(ProbeMismatch, match="is no CPU"):
        await SPEC.open(transport, options())
