"""``luxminer demo``: the whole product with no hardware, no network and no configuration.

Virtual sticks and a judging pool run in a second process, which stands for the hardware; the
service runs here. Their scale is chosen so that hashing takes a fraction of one core. At the end
the hash rate that the service estimated from nonces is held against what the chips really hashed.
"""

import argparse
import asyncio
import json
import logging
import sys
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from fractions import Fraction
from math import floor, log2, sqrt
from pathlib import Path
from typing import Any

from luxminer.cmd.run import serve, stop_on_signals
from luxminer.commands import CliCommand, ExitCode
from luxminer.config.schema import (
    ApiConfig,
    Config,
    DeviceConfig,
    LogConfig,
    MiningConfig,
    PoolConfig,
)
from luxminer.daemon import Daemon
from luxminer.device.contract import StickModel
from luxminer.device.registry import discover_drivers
from luxminer.errors import ConfigError, LuxminerError
from luxminer.hashing import kernel, scan
from luxminer.logs import logging_to
from luxminer.mining.hashrate import HASHES_PER_DIFFICULTY
from luxminer.report import format_rate, ledger_table
from luxminer.telemetry.model import MinerSnapshot
from luxminer_hil.chipsim.products import MODELS as CHIPS

__all__ = ["COMMAND"]

log = logging.getLogger(__name__)

DEFAULT_MODEL = "compac"
MAX_STICKS = 64

CPU_FRACTION = 0.3
"""Part of one core that all virtual chips together may take for hashing."""

MAX_SCALE = Fraction(1, 64)
SHARE_S = 1.0
"""About how often a stick finds a share; the pool's difficulty follows from it. Sticks slower than
4 GH/s find one less often, at any scale: difficulty 1 is the least that they report."""

PATIENCE = 10
"""Usual times to a share that the demo goes on for, past its end, while it has none: all but one
run in 20,000 have one by then."""

PROBE_HASHES = 400_000
REPLY_S = 20.0
SIGMAS = 5.0
"""Standard errors between estimate and truth that are no accident: one run in two million."""
ENOUGH_NONCES = 5
"""Expected ones; of fewer any number may be an accident."""
SEED = 20090103


@dataclass(frozen=True, slots=True)
class Mark:
    """Counters of chips and service at one instant."""

    at_s: float
    hashed: int
    work: Fraction
    nonces: int


def _configure(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--sticks", type=int, default=1, metavar="N", help="virtual sticks (1)")
    parser.add_argument("--model", default=DEFAULT_MODEL, metavar="NAME", help="kind of stick")
    parser.add_argument("--port", type=int, default=4028, metavar="P", help="of the API (4028)")
    parser.add_argument(
        "--http-port", type=int, default=8080, metavar="P", help="of the page (8080)"
    )
    parser.add_argument(
        "--duration", type=float, metavar="S", help="end after S seconds and one share"
    )
    parser.add_argument("--seed", type=int, default=SEED, help="of sticks and pool (%(default)s)")


def _run(options: argparse.Namespace) -> int:
    if not 1 <= options.sticks <= MAX_STICKS:
        cure = f"it must be from 1 to {MAX_STICKS}"
        raise ConfigError(f"is {options.sticks}", key="--sticks", cure=cure)
    for key in ("port", "http_port"):
        if not 0 <= getattr(options, key) <= 65535:
            name = "--" + key.replace("_", "-")
            raise ConfigError(
                f"is {getattr(options, key)}", key=name, cure="it must be from 0 to 65535; 0 is off"
            )
    if options.duration is not None and not options.duration > 0:
        raise ConfigError(
            f"is {options.duration:g}", key="--duration", cure="it must be more than 0 seconds"
        )
    with tempfile.TemporaryDirectory(prefix="luxminer-demo-") as folder, logging_to():
        return asyncio.run(_main(options, Path(folder)))


def find_model(name: str) -> StickModel:
    """Return a product that a driver drives and the bench has. Raises ConfigError."""
    models = {
        model.name: model
        for record in discover_drivers()
        if record.spec is not None
        for model in record.spec.models
        if model.name in CHIPS
    }
    if name not in models:
        cure = f"choose one of {', '.join(sorted(models))}"
        raise ConfigError(f'is "{name}"', key="--model", cure=cure)
    return models[name]


def nominal_hs(model: StickModel) -> float:
    """Return the rate of a real stick at its default clock."""
    return model.hashes_per_clock * model.frequency_mhz * 1e6 * CHIPS[model.name]


def choose_scale(model: StickModel, sticks: int) -> Fraction:
    """Return the power of two at which ``sticks`` virtual sticks fit this machine."""
    target = bytes(32)
    started_s = time.perf_counter()
    scan(bytes(32), bytes(12), 0, PROBE_HASHES, target)
    rate_hs = PROBE_HASHES / (time.perf_counter() - started_s)
    fit = CPU_FRACTION * rate_hs / (nominal_hs(model) * sticks)
    return min(Fraction(2) ** floor(log2(fit)), MAX_SCALE)


def choose_difficulty(model: StickModel) -> int:
    """Return the power of two that gives a stick a share about every `SHARE_S`, at least 1."""
    return 1 << max(0, round(log2(nominal_hs(model) * SHARE_S / HASHES_PER_DIFFICULTY)))


def usual_wait_s(model: StickModel, sticks: int) -> float:
    """Return how long it takes on average until one of ``sticks`` finds a share, at any scale."""
    return choose_difficulty(model) * HASHES_PER_DIFFICULTY / (nominal_hs(model) * sticks)


async def _main(options: argparse.Namespace, folder: Path) -> int:
    stop = asyncio.Event()
    stop_on_signals(stop)
    model = find_model(options.model)
    scale = choose_scale(model, options.sticks)
    difficulty = choose_difficulty(model) * scale
    log.info(
        "demo: %d virtual %s at 1/%d of the real rate, SHA-256 by %s",
        options.sticks,
        model.title,
        1 / scale,
        kernel(),
    )
    async with _bench(options, folder, scale, difficulty) as bench:
        config = Config(
            api=ApiConfig(port=options.port, http_port=options.http_port, listen="127.0.0.1"),
            mining=MiningConfig(detect=False),
            log=LogConfig(hashrate_interval_s=10),
            pools=(PoolConfig(url=bench.pool, user="demo.worker"),),
            devices=tuple(
                DeviceConfig(port=path, model=options.model, scale=float(scale))
                for path in bench.sticks
            ),
        )
        daemon = Daemon(config, state_dir=folder)
        marks: list[Mark] = []
        watch = asyncio.create_task(_watch(options, daemon, bench, marks), name="demo")
        watch.add_done_callback(lambda _: stop.set())
        try:
            await serve(daemon, stop)
        finally:
            watch.cancel()
            await asyncio.wait({watch})
        if not watch.cancelled():
            watch.result()
        return _verdict(daemon.hub.snapshot(), marks)


async def _watch(
    options: argparse.Namespace,
    daemon: Daemon,
    bench: "Bench",
    marks: list[Mark],
) -> None:
    """Take the first mark once all sticks mine, the last one just before the end."""
    started_s = time.monotonic()
    await daemon.ready.wait()
    while any(device.nonces.nonces == 0 for device in daemon.hub.snapshot().devices):
        await asyncio.sleep(0.2)
        if options.duration is not None and time.monotonic() - started_s > options.duration:
            break
    marks.append(await _mark(daemon, bench))
    if options.duration is None:
        while True:
            await asyncio.sleep(1.0)
            marks[1:] = [await _mark(daemon, bench)]
    await _let_mine(bench, started_s + options.duration)
    if daemon.hub.snapshot().shares.accepted == 0:
        await _wait_for_a_share(options, daemon, bench)
    marks[1:] = [await _mark(daemon, bench)]


async def _let_mine(bench: "Bench", until_s: float) -> None:
    """Return at ``until_s``; raises when the virtual hardware is gone before."""
    while (left_s := until_s - time.monotonic()) > 0:
        await asyncio.sleep(min(left_s, 1.0))
        await bench.counters()


async def _wait_for_a_share(options: argparse.Namespace, daemon: Daemon, bench: "Bench") -> None:
    usual_s = usual_wait_s(find_model(options.model), options.sticks)
    log.info(
        "demo: no share yet, which takes %.0f s on average; it goes on for up to %.0f s more",
        usual_s,
        PATIENCE * usual_s,
    )
    end_s = time.monotonic() + PATIENCE * usual_s
    while daemon.hub.snapshot().shares.accepted == 0 and (now_s := time.monotonic()) < end_s:
        await _let_mine(bench, min(end_s, now_s + 0.5))


async def _mark(daemon: Daemon, bench: "Bench") -> Mark:
    counters = await bench.counters()
    daemon.hub.invalidate()
    now = daemon.hub.snapshot()
    return Mark(
        at_s=time.monotonic(),
        hashed=sum(stick["hashed"] for stick in counters["sticks"]),
        work=now.nonces.diff1_work,
        nonces=now.nonces.nonces,
    )


def _verdict(now: MinerSnapshot, marks: list[Mark]) -> int:
    print()
    print(ledger_table(now))
    good = now.shares.accepted > 0 and now.nonces.balanced and now.shares.balanced
    if len(marks) == 2 and marks[1].nonces > 0:
        good = is_rate_true(*marks) and good
    print()
    print("accepted shares:", now.shares.accepted)
    return ExitCode.OK if good else ExitCode.FAILED


def is_rate_true(first: Mark, last: Mark) -> bool:
    """Print what the nonces between two marks say, and whether what was hashed explains them."""
    span_s = last.at_s - first.at_s
    hashes_per_nonce = float(last.work / last.nonces) * HASHES_PER_DIFFICULTY
    nonces, hashed = last.nonces - first.nonces, last.hashed - first.hashed
    expected = hashed / hashes_per_nonce
    print()
    if expected < ENOUGH_NONCES:
        print(
            f"{nonces} nonces in {span_s:.1f} s where {expected:.1f} are usual: too few to hold the"
            f" rate against; really hashed: {format_rate(hashed / span_s)}"
        )
        return True
    error_hs = sqrt(expected) * hashes_per_nonce / span_s
    sigmas = (nonces - expected) / sqrt(expected)
    print(
        f"estimated from {nonces} nonces in {span_s:.1f} s:"
        f" {format_rate(nonces * hashes_per_nonce / span_s)} +- {format_rate(error_hs)};"
        f" really hashed: {format_rate(hashed / span_s)} ({sigmas:+.2f} standard errors)"
    )
    return abs(sigmas) <= SIGMAS


class Bench:
    """The other process, seen from here."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process
        self._busy = asyncio.Lock()
        self.pool = ""
        self.sticks: list[str] = []

    async def start(self) -> None:
        """Wait until sticks and pool stand."""
        ready = await self._receive()
        self.pool, self.sticks = ready["pool"], ready["sticks"]

    async def counters(self) -> dict[str, Any]:
        """Return what chips and pool counted up to now."""
        async with self._busy:
            assert self._process.stdin is not None
            self._process.stdin.write(b"counters\n")
            await self._process.stdin.drain()
            return await self._receive()

    async def _receive(self) -> dict[str, Any]:
        assert self._process.stdout is not None
        try:
            async with asyncio.timeout(REPLY_S):
                line = await self._process.stdout.readline()
        except TimeoutError as exc:
            raise LuxminerError(f"the virtual hardware did not answer in {REPLY_S:g} s") from exc
        if not line:
            raise LuxminerError("the virtual hardware has ended; its messages are above")
        fields: dict[str, Any] = json.loads(line)
        return fields


@asynccontextmanager
async def _bench(
    options: argparse.Namespace, folder: Path, scale: Fraction, difficulty: Fraction
) -> AsyncIterator[Bench]:
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "luxminer_hil.demo_bench",
        f"--sticks={options.sticks}",
        f"--model={options.model}",
        f"--scale={scale}",
        f"--difficulty={difficulty}",
        f"--seed={options.seed}",
        f"--links={folder}",
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        limit=1 << 22,
        start_new_session=True,  # a Ctrl-C of the terminal is for the service, which ends it then
    )
    bench = Bench(process)
    try:
        await bench.start()
        yield bench
    finally:
        assert process.stdin is not None
        process.stdin.close()
        try:
            async with asyncio.timeout(3.0):
                await process.wait()
        except TimeoutError:
            process.kill()
            await process.wait()


COMMAND = CliCommand(
    name="demo",
    words="mine on virtual sticks, with a pool of its own",
    configure=_configure,
    run=_run,
)
