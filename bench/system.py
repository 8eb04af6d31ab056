"""Figures of the whole service: it runs as a process of its own, its peers and the clock are here.

A relay stands between the service's tty and a virtual stick and notes when each byte passed.
"""

import asyncio
import contextlib
import json
import os
import resource
import sys
import tempfile
import termios
import time
import tty
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from fractions import Fraction
from math import ceil, log2
from pathlib import Path

from luxminer_hil.chipsim.port import PtyPort
from luxminer_hil.chipsim.stick import VirtualStick
from luxminer_hil.demo import choose_difficulty, find_model, nominal_hs
from luxminer_hil.fakepool.ledger import ShareRecord
from luxminer_hil.fakepool.server import FakePool

SCALE = Fraction(1, 4096)
HASHED_HS = 2e6
"""What all virtual chips together hash: other processes are left the machine."""
SHARE_EVERY_S = 16
PAGE = os.sysconf("SC_PAGE_SIZE")


class Relay:
    """Joins a tty of its own with that of a stick; notes nonces towards and tasks from the host."""

    def __init__(self, link: Path, stick_path: str) -> None:
        self.master, slave = os.openpty()
        tty.setraw(slave)
        link.unlink(missing_ok=True)
        link.symlink_to(os.ttyname(slave))
        self._slave = slave
        self._stick = os.open(stick_path, os.O_RDWR | os.O_NOCTTY | os.O_NONBLOCK)
        tty.setraw(self._stick)
        settings = termios.tcgetattr(self._stick)
        settings[4] = settings[5] = termios.B115200
        termios.tcsetattr(self._stick, termios.TCSANOW, settings)
        self.nonces: dict[bytes, float] = {}
        self.task_s: list[float] = []
        self.task_seen = asyncio.Event()
        self.first_byte_s: float | None = None
        loop = asyncio.get_running_loop()
        loop.add_reader(self.master, self._from_host)
        loop.add_reader(self._stick, self._from_stick)

    def _from_host(self) -> None:
        data = os.read(self.master, 4096)
        now_s = time.perf_counter()
        self.first_byte_s = self.first_byte_s or now_s
        if len(data) >= 64:
            self.task_s.append(now_s)
            self.task_seen.set()
        os.write(self._stick, data)

    def _from_stick(self) -> None:
        data = os.read(self._stick, 4096)
        for start in range(len(data) - 3):
            self.nonces[data[start : start + 4]] = time.perf_counter()
        os.write(self.master, data)

    def close(self) -> None:
        loop = asyncio.get_running_loop()
        for descriptor in (self.master, self._stick):
            loop.remove_reader(descriptor)
            os.close(descriptor)
        os.close(self._slave)


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


async def latency(seconds: float) -> dict[str, float]:
    """Nonce on the wire to submit, notify to task, start, memory, API beside mining."""
    figures: dict[str, float] = {}
    submits: list[float] = []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        relay: Relay | None = None

        def judged(share: ShareRecord) -> None:
            now_s = time.perf_counter()
            if relay is not None and share.nonce is not None:
                at_s = relay.nonces.get(share.nonce.to_bytes(4, "little"))
                if at_s is not None:
                    submits.append((now_s - at_s) * 1000)

        async with (
            FakePool(difficulty=SCALE, seed=1, on_share=judged) as pool,
            VirtualStick("compac", scale=SCALE, seed=1, port=PtyPort(folder / "chip")) as stick,
        ):
            relay = Relay(folder / "tty", stick.path)
            async with service(folder, pool.url, [folder / "tty"]) as child:
                await pool.wait_for_shares(3)
                figures["start_to_first_byte_s"] = (relay.first_byte_s or 0) - child.started_s
                tasks: list[float] = []
                end_s = time.perf_counter() + seconds
                while time.perf_counter() < end_s:
                    await asyncio.sleep(0.1)
                    relay.task_seen.clear()
                    sent_s = time.perf_counter()
                    await pool.new_job(clean=True)
                    await relay.task_seen.wait()
                    tasks.append((relay.task_s[-1] - sent_s) * 1000)
                figures["resident_without_http_mib"] = child.resident_mib()
                for clients in (1, 16):
                    rate, slow_ms = await api_load(child.port, clients, seconds / 4)
                    figures[f"api_{clients}_clients_per_s"] = rate
                    figures[f"api_{clients}_clients_p99_ms"] = slow_ms
            relay.close()
    figures["nonce_to_submit_p50_ms"] = percentile(submits, 0.5)
    figures["nonce_to_submit_p99_ms"] = percentile(submits, 0.99)
    figures["nonce_to_submit_count"] = len(submits)
    figures["notify_to_task_p50_ms"] = percentile(tasks, 0.5)
    figures["notify_to_task_p99_ms"] = percentile(tasks, 0.99)
    return figures


async def api_load(port: int, clients: int, seconds: float) -> tuple[float, float]:
    """Ask for the summary as fast as answers come; requests per second and p99 in ms."""
    times: list[float] = []
    end_s = time.perf_counter() + seconds

    async def client() -> None:
        while time.perf_counter() < end_s:
            started_s = time.perf_counter()
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(b'{"command":"summary"}')
            reply = await reader.read()
            writer.close()
            json.loads(reply.rstrip(b"\0\n"))
            times.append((time.perf_counter() - started_s) * 1000)

    await asyncio.gather(*(client() for _ in range(clients)))
    return len(times) / seconds, percentile(times, 0.99)


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
