"""Figures of the whole service: it runs as a process of its own, and the clock is here.

For latencies its peers are a process of their own, too, and relays note when bytes passed.
"""

import asyncio
import contextlib
import json
import os
import random
import resource
import sys
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from fractions import Fraction
from math import ceil, log2
from pathlib import Path

from relays import PoolRelay, StickRelay

from luxminer_hil.chipsim.port import PtyPort
from luxminer_hil.chipsim.stick import VirtualStick
from luxminer_hil.demo import choose_difficulty, find_model, nominal_hs
from luxminer_hil.fakepool.server import FakePool

SCALE = Fraction(1, 4096)
HASHED_HS = 2e6
"""What all virtual chips together hash: other processes are left the machine."""
SHARE_EVERY_S = 16
JOBS = 200
"""Sent for what they cost."""
PAGE = os.sysconf("SC_PAGE_SIZE")


class Service:
    """``luxminer run`` in a child process."""

    def __init__(self, process: asyncio.subprocess.Process, started_s: float, port: int) -> None:
        self.process = process
        self.started_s = started_s
        self.port = port

    def cpu_s(self) -> float:
        """Time of all threads on a processor; `stat` would count it in ticks of 10 ms."""
        threads = Path(f"/proc/{self.process.pid}/task").iterdir()
        return sum(int((thread / "schedstat").read_text().split()[0]) for thread in threads) / 1e9

    def resident_mib(self) -> float:
        pages = int(Path(f"/proc/{self.process.pid}/statm").read_text().split()[1])
        return pages * PAGE / 2**20


@asynccontextmanager
async def service(
    folder: Path,
    pool_url: str,
    ports: list[Path | str],
    *,
    http: bool = False,
    model: str = "compac",
    scale: Fraction = SCALE,
) -> AsyncIterator[Service]:
    """Run the service against ``pool_url`` with virtual sticks on ``ports``."""
    api, http_port = _free_port(), _free_port() if http else 0
    lines = [
        f'[api]\nport = {api}\nhttp_port = {http_port}\nlisten = "127.0.0.1"',
        "[mining]\ndetect = false",
        f'[[pools]]\nurl = "{pool_url}"\nuser = "bench"',
    ]
    lines += [
        f'[[devices]]\nport = "{port}"\nmodel = "{model}"\nscale = {float(scale)}' for port in ports
    ]
    config = folder / "bench.toml"
    config.write_text("\n".join(lines) + "\n")
    started_s = time.perf_counter()
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "luxminer",
        "run",
        "-c",
        str(config),
        env={**os.environ, "STATE_DIRECTORY": str(folder)},
        stderr=asyncio.subprocess.DEVNULL,
    )
    try:
        yield Service(process, started_s, api)
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.terminate()
        await process.wait()


def _free_port() -> int:
    import socket

    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def percentile(values: list[float], part: float) -> float:
    """Return the value below which ``part`` of them lie; NaN of none."""
    if not values:
        return float("nan")
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(part * len(ordered)))]


class Peers:
    """A pool and sticks in a process of their own, and the relays before them."""

    def __init__(
        self, process: asyncio.subprocess.Process, relay: PoolRelay, sticks: list[StickRelay]
    ) -> None:
        self._process = process
        self.relay = relay
        self.sticks = sticks
        self.shares = 0
        self._more = asyncio.Event()

    async def count(self) -> None:
        """Count shares until there are no more."""
        assert self._process.stdout is not None, "piped"
        while await self._process.stdout.readline():
            self.shares += 1
            self._more.set()

    async def wait_for_shares(self, count: int) -> None:
        async with asyncio.timeout(120):
            while self.shares < count:
                self._more.clear()
                await self._more.wait()

    def new_job(self, kind: str) -> None:
        """Let the pool send a job: ``clean`` or ``other``."""
        assert self._process.stdin is not None, "piped"
        self._process.stdin.write(kind.encode() + b"\n")


@asynccontextmanager
async def peers(
    folder: Path, sticks: int, *, scale: Fraction = SCALE, per_share: int | None = None
) -> AsyncIterator[Peers]:
    """Run a pool and sticks whose shares come often.

    Each is worth ``per_share`` of the easiest nonces, as many as there are sticks if not given.
    """
    difficulty = scale * (per_share or sticks)
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, str(Path(__file__).parent / "peers.py"), str(folder), str(sticks)),
        *(str(scale), str(difficulty)),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
    )
    assert process.stdin is not None, "piped"
    assert process.stdout is not None, "piped"
    there = json.loads(await process.stdout.readline())
    relays = [
        StickRelay(folder / f"tty{number}", port) for number, port in enumerate(there["ports"])
    ]
    async with PoolRelay(there["pool"]) as relay:
        made = Peers(process, relay, relays)
        counting = asyncio.create_task(made.count())
        try:
            yield made
        finally:
            process.stdin.close()
            await process.wait()
            await counting
            for each in relays:
                each.close()


async def latency(sticks: int, jobs: int) -> dict[str, float]:
    """Job on the socket to task on the wire, nonce on the wire to share on the socket.

    With one stick also start, memory, and what jobs cost.
    """
    figures: dict[str, float] = {}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        async with peers(folder, sticks) as them:
            ports: list[Path | str] = [each.path for each in them.sticks]
            async with service(folder, them.relay.url, ports) as child:
                await them.wait_for_shares(3 * sticks)
                last_ms = [await _job_to_last_task(them) for _ in range(jobs)]
                submits = nonce_to_submit(them)
                if sticks == 1:
                    first_s = them.sticks[0].first_byte_s or 0.0
                    figures["start_to_first_byte_s"] = first_s - child.started_s
                    figures["resident_without_http_mib"] = child.resident_mib()
                    figures["cpu_s_per_1000_jobs"] = await _cost_of_jobs(them, child)
    figures[f"nonce_to_submit_{sticks}_p50_ms"] = percentile(submits, 0.5)
    figures[f"nonce_to_submit_{sticks}_p99_ms"] = percentile(submits, 0.99)
    figures[f"nonce_to_submit_{sticks}_count"] = len(submits)
    figures[f"notify_to_task_{sticks}_p50_ms"] = percentile(last_ms, 0.5)
    figures[f"notify_to_task_{sticks}_p99_ms"] = percentile(last_ms, 0.99)
    return figures


async def _job_to_last_task(them: Peers) -> float:
    """Return milliseconds from a clean job on the socket to the last stick's first task of it."""
    await asyncio.sleep(random.uniform(0.06, 0.18))
    for stick in them.sticks:
        stick.task_seen.clear()
    asked_s = time.perf_counter()
    them.new_job("clean")
    async with asyncio.timeout(30):
        for stick in them.sticks:
            # A task that was due in between is none of the new job.
            while stick.task_s < max(asked_s, them.relay.notify_s) or them.relay.notify_s < asked_s:
                stick.task_seen.clear()
                await stick.task_seen.wait()
    return (max(stick.task_s for stick in them.sticks) - them.relay.notify_s) * 1000


def nonce_to_submit(them: Peers) -> list[float]:
    """Return milliseconds from each nonce on a stick's wire to its share on the pool's socket."""
    times = []
    for nonce, at_s in them.relay.submits:
        seen = [stick.nonces[nonce] for stick in them.sticks if nonce in stick.nonces]
        if seen:
            times.append((at_s - max(seen)) * 1000)
    return times


async def _cost_of_jobs(them: Peers, child: Service) -> float:
    """Return the CPU seconds of 1000 jobs, twenty a second, beyond those of mining itself."""
    idle_s = await _cpu_s(child, 5.0)
    before_s, started_s = child.cpu_s(), time.perf_counter()
    for _ in range(JOBS):
        them.new_job("other")
        await asyncio.sleep(0.05)
    used_s = child.cpu_s() - before_s - idle_s * (time.perf_counter() - started_s)
    return used_s * 1000 / JOBS


async def _cpu_s(child: Service, seconds: float) -> float:
    """Return the CPU seconds that it takes in a second."""
    before_s, started_s = child.cpu_s(), time.perf_counter()
    await asyncio.sleep(seconds)
    return (child.cpu_s() - before_s) / (time.perf_counter() - started_s)


async def load(
    sticks: int, seconds: float, *, http: bool, model: str = "compac"
) -> dict[str, float]:
    """CPU of the service with virtual sticks that are fed like real ones, and its memory.

    Each finds a share about every twenty seconds, as pools with variable difficulty have it.
    """
    made = find_model(model)
    scale = scale_for(nominal_hs(made) * sticks)
    difficulty = choose_difficulty(made) * SHARE_EVERY_S * scale
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        async with contextlib.AsyncExitStack() as stack:
            pool = await stack.enter_async_context(FakePool(difficulty=difficulty, seed=2))
            ports: list[Path | str] = []
            for number in range(sticks):
                port = PtyPort(folder / f"stick{number}")
                stick = VirtualStick(model, scale=scale, seed=number, port=port)
                ports.append((await stack.enter_async_context(stick)).path)
            running = service(folder, pool.url, ports, http=http, model=model, scale=scale)
            child = await stack.enter_async_context(running)
            await pool.wait_for_shares(1, 120)
            await asyncio.sleep(8)
            before_s, started_s = child.cpu_s(), time.perf_counter()
            await asyncio.sleep(seconds)
            used_s = child.cpu_s() - before_s
            passed_s = time.perf_counter() - started_s
            name = str(sticks) if model == "compac" else f"{model}_{sticks}"
            return {
                f"cpu_s_per_stick_hour_{name}": used_s / passed_s * 3600 / sticks,
                f"core_percent_{name}_sticks": 100 * used_s / passed_s,
                f"resident_{name}_sticks_{'http' if http else 'plain'}_mib": child.resident_mib(),
            }


def scale_for(nominal_hs: float) -> Fraction:
    """Return the power of two at which all chips together hash a little."""
    return Fraction(1, 1 << ceil(log2(nominal_hs / HASHED_HS)))


def raise_file_limit() -> None:
    """Many sticks are many descriptors."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, 4096), hard))
