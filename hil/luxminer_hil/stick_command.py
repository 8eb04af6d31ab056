"""``luxminer-hil stick``: one virtual stick on a tty of its own, until stopped."""

import argparse
import asyncio
import json
import signal
from pathlib import Path

from luxminer.commands import CliCommand, ExitCode
from luxminer.errors import ConfigError
from luxminer_hil.chipsim import MODELS, FaultPlan, PtyPort, SimulatorError, VirtualStick

__all__ = ["COMMAND"]

MIN_STATS_S = 0.1


def _configure(parser: argparse.ArgumentParser) -> None:
    models = ", ".join(f"{name} ({chips})" for name, chips in MODELS.items())
    parser.add_argument("--model", required=True, help=f"with its usual chips: {models}")
    parser.add_argument("--chips", type=int, metavar="N", help="length of the chain")
    parser.add_argument("--chip", metavar="NAME", help="other chips than the model's usual ones")
    parser.add_argument("--link", type=Path, metavar="PATH", help="name that the tty gets as well")
    parser.add_argument(
        "--telemetry-link",
        type=Path,
        metavar="PATH",
        help="a second tty, for the telemetry controller of an A1 or A2, and its name",
    )
    parser.add_argument(
        "--scale", default="1", metavar="S", help="share of a real stick's rate and difficulty"
    )
    parser.add_argument(
        "--skip",
        type=int,
        default=0,
        metavar="N",
        help="nonces that each chip passes over in a task: what a scaled stick never gets to",
    )
    parser.add_argument("--faults", type=Path, metavar="FILE", help="what goes wrong, TOML or JSON")
    parser.add_argument(
        "--seed", type=int, metavar="N", help="of the faults (default: the file's, else 0)"
    )
    parser.add_argument(
        "--stats", type=float, metavar="SECONDS", help="print counters as JSON lines this often"
    )


def _run(options: argparse.Namespace) -> int:
    try:
        stick = _make(options)
        return asyncio.run(_serve(stick, options.stats))
    except SimulatorError as exc:
        raise ConfigError(exc.reason, key=f"--{exc.key}", cure=exc.cure) from exc


def _make(options: argparse.Namespace) -> VirtualStick:
    if options.stats is not None and not options.stats >= MIN_STATS_S:
        reason = f"{options.stats:g} is out of range"
        raise SimulatorError("stats", reason, f"use {MIN_STATS_S:g} or more seconds")
    if options.faults is None:
        faults = FaultPlan(seed=options.seed or 0)
    else:
        faults = FaultPlan.load(options.faults, options.seed)
    telemetry_link = options.telemetry_link
    return VirtualStick(
        options.model,
        chips=options.chips,
        chip=options.chip,
        scale=options.scale,
        skip=options.skip,
        seed=faults.seed,
        port=PtyPort(options.link),
        telemetry_port=None if telemetry_link is None else PtyPort(telemetry_link),
        faults=faults,
    )


async def _serve(stick: VirtualStick, stats_s: float | None) -> int:
    """Run until SIGINT or SIGTERM; the first line printed is what a host opens."""
    stopped = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stopped.set)
    async with stick:
        print(stick.path, flush=True)
        while not stopped.is_set():
            try:
                async with asyncio.timeout(stats_s):
                    await stopped.wait()
            except TimeoutError:
                print(json.dumps(stick.counters().as_dict()), flush=True)
    return ExitCode.OK


COMMAND = CliCommand(
    name="stick",
    words="a virtual stick on a tty, until stopped",
    configure=_configure,
    run=_run,
)
