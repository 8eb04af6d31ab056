"""``luxminer-hil stick``: one virtual stick on a tty of its own, until stopped."""

import argparse
import asyncio
import json
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

from luxminer.commands import CliCommand, ExitCode
from luxminer.errors import ConfigError
from luxminer_hil.chipsim import MODELS, FaultPlan, PtyPort, SimulatorError, VirtualStick
from luxminer_hil.chipsim.faults import parse_fault
from luxminer_hil.serving import listen, read_place, serving

__all__ = ["COMMAND"]

MIN_STATS_S = 0.1
SERIAL = "10000001"
PLACE = "1-1"
USBIP = "127.0.0.1:3240"


def _configure(parser: argparse.ArgumentParser) -> None:
    models = ", ".join(f"{name} ({chips})" for name, chips in MODELS.items())
    parser.add_argument("--model", required=True, help=f"with its usual chips: {models}")
    parser.add_argument("--chips", type=int, metavar="N", help="length of the chain")
    parser.add_argument("--chip", metavar="NAME", help="other chips than the model's usual ones")
    parser.add_argument("--link", type=Path, metavar="PATH", help="name that the tty gets as well")
    parser.add_argument(
        "--usbip",
        metavar="HOST:PORT",
        help="on a USB bridge of its own for any Linux with vhci-hcd, instead of a tty",
    )
    parser.add_argument(
        "--serial", default=SERIAL, metavar="S", help=f"of the bridge with --usbip ({SERIAL})"
    )
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
        metavar="N",
        help="nonces that each chip passes over in a task: what a scaled stick never gets to",
    )
    parser.add_argument(
        "--stable-mhz",
        type=float,
        metavar="MHZ",
        help="highest clock without errors; beyond it nonces are wrong, a tenth beyond it all are",
    )
    parser.add_argument("--faults", type=Path, metavar="FILE", help="what goes wrong, TOML or JSON")
    parser.add_argument(
        "--fault",
        action="append",
        metavar="WORDS",
        help='the same in words, as often as need be: "flip direction=to_host probability=0.001"',
    )
    parser.add_argument(
        "--seed", type=int, metavar="N", help="of the faults (default: the file's, else 0)"
    )
    parser.add_argument(
        "--stats", type=float, metavar="SECONDS", help="print counters as JSON lines this often"
    )


def _run(options: argparse.Namespace) -> int:
    try:
        if options.usbip is None:
            return asyncio.run(_serve(_make(options), options.stats))
        return asyncio.run(_serve_usbip(options))
    except SimulatorError as exc:
        raise ConfigError(exc.reason, key=f"--{exc.key}", cure=exc.cure) from exc


def _make(options: argparse.Namespace) -> VirtualStick:
    """Return a stick on a tty. Raises SimulatorError."""
    telemetry_link = options.telemetry_link
    return VirtualStick(
        options.model,
        port=PtyPort(options.link),
        telemetry_port=None if telemetry_link is None else PtyPort(telemetry_link),
        **_common(options),
    )


def _common(options: argparse.Namespace) -> dict[str, Any]:
    """Return what does not depend on how the stick is plugged in. Raises SimulatorError."""
    if options.stats is not None and not options.stats >= MIN_STATS_S:
        reason = f"{options.stats:g} is out of range"
        raise SimulatorError("stats", reason, f"use {MIN_STATS_S:g} or more seconds")
    if options.faults is None:
        faults = FaultPlan(seed=options.seed or 0)
    else:
        faults = FaultPlan.load(options.faults, options.seed)
    if options.fault:
        faults = FaultPlan([*faults.faults, *map(parse_fault, options.fault)], faults.seed)
    return {
        "chips": options.chips,
        "chip": options.chip,
        "scale": options.scale,
        "skip": options.skip,
        "stable_mhz": options.stable_mhz,
        "seed": faults.seed,
        "faults": faults,
    }


async def _serve_usbip(options: argparse.Namespace) -> int:
    """Serve a stick by USB/IP; the first line printed is what a host types."""
    from luxminer_hil.usbsim.bus import SimulatedBus
    from luxminer_hil.usbsim.stick_port import usb_stick
    from luxminer_hil.usbsim.usbip import UsbipServer

    host, port = read_place(options.usbip, "--usbip", USBIP)
    if options.link is not None or options.telemetry_link is not None:
        raise SimulatorError("usbip", "has no tty to give a name to", "leave the links out")
    bus = SimulatedBus()
    stick, _ = usb_stick(
        bus, PLACE, options.model, serial=options.serial, kernel_drivers=(), **_common(options)
    )
    async with AsyncExitStack() as stack:
        server = await listen(stack, UsbipServer(bus, host, port), options.usbip, "--usbip")
        attach = f"usbip --tcp-port {server.port} attach -r {server.host} -b {PLACE}"
        return await _serve(stick, options.stats, attach)


async def _serve(stick: VirtualStick, stats_s: float | None, first_line: str = "") -> int:
    """Run until a signal; the first line printed is what a host opens or types."""
    async with serving() as (say, stopped), stick:
        say(first_line or stick.path)
        while not stopped.is_set():
            try:
                async with asyncio.timeout(stats_s):
                    await stopped.wait()
            except TimeoutError:
                say(json.dumps(stick.counters().as_dict()))
    return ExitCode.OK


COMMAND = CliCommand(
    name="stick",
    words="a virtual stick on a tty, until stopped",
    configure=_configure,
    run=_run,
)
