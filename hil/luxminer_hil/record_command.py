"""``luxminer-hil record``: what passes between any miner and a stick, into a file."""

import argparse
import asyncio
import signal
from pathlib import Path
from typing import Any

from luxminer.check import check
from luxminer.cmd.run import serve, stop_on_signals
from luxminer.commands import CliCommand, ExitCode
from luxminer.config.load import find_config, load
from luxminer.config.schema import Config
from luxminer.daemon import Daemon
from luxminer.device.registry import discover_drivers
from luxminer.errors import ConfigError, TransportError
from luxminer.host import usable_state_directory
from luxminer.logs import logging_to
from luxminer.transport.base import Transport
from luxminer.transport.opening import open_port
from luxminer_hil.chipsim.errors import SimulatorError
from luxminer_hil.record.proxy import TtyProxy
from luxminer_hil.record.recorder import (
    DEFAULT_LIMIT_BYTES,
    Recorder,
    RecordingTransport,
)

__all__ = ["COMMAND"]

MAX_FILES = 1000
"""Recordings of one service; a stick that comes and goes without end fills no disk."""


def _configure(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("file", type=Path, metavar="FILE", help="to be written; must not exist")
    parser.add_argument("--port", metavar="PORT", help="the stick: a tty, a URL, usb:1-1.3")
    parser.add_argument("--link", type=Path, metavar="PATH", help="name of the tty for the miner")
    parser.add_argument("--baud", type=int, default=115200, help="at first (%(default)s)")
    parser.add_argument(
        "--service",
        action="store_true",
        help="run the service itself, and record all its sticks: FILE, FILE.2, ...",
    )
    parser.add_argument("-c", "--config", metavar="FILE", help="settings of the service")
    parser.add_argument("--model", default="", metavar="NAME", help="of the stick, for the header")
    parser.add_argument("--serial", default="", metavar="S", help="of the stick, for the header")
    parser.add_argument("--note", default="", metavar="TEXT", help="for the header")
    parser.add_argument("--duration", type=float, metavar="S", help="end by itself")
    parser.add_argument(
        "--limit-mib",
        type=int,
        default=DEFAULT_LIMIT_BYTES >> 20,
        metavar="N",
        help="size of a file at most (%(default)s)",
    )


def _run(options: argparse.Namespace) -> int:
    if options.service == (options.port is not None):
        cure = "give either the port of a stick, or --service"
        raise ConfigError("one of both is needed", key="--port, --service", cure=cure)
    if options.limit_mib < 1:
        raise ConfigError(f"is {options.limit_mib}", key="--limit-mib", cure="give 1 or more")
    if options.duration is not None and not options.duration > 0:
        cure = "give more than 0 seconds"
        raise ConfigError(f"is {options.duration:g}", key="--duration", cure=cure)
    if options.service:
        with logging_to():
            return asyncio.run(_record_service(options))
    try:
        return asyncio.run(_record_port(options))
    except SimulatorError as exc:
        raise ConfigError(exc.reason, key=f"--{exc.key}", cure=exc.cure) from exc


async def _record_port(options: argparse.Namespace) -> int:
    transport = await open_port(options.port, options.baud)
    try:
        with Recorder(
            options.file,
            model=options.model,
            serial=options.serial,
            port=transport.name,
            capabilities=transport.capabilities,
            note=options.note,
            limit_bytes=options.limit_mib << 20,
        ) as recorder:
            recorded = RecordingTransport(transport, recorder, options.baud)
            status = await _proxy(options, recorded)
            await recorded.close()
        _tell(recorder.events, options.file, is_full=recorder.is_full)
        return status
    finally:
        await transport.close()


async def _proxy(options: argparse.Namespace, recorded: RecordingTransport) -> int:
    """Pass on until a signal, the end of the time, or of the stick."""
    loop = asyncio.get_running_loop()
    ready: asyncio.Future[str] = loop.create_future()
    proxy = TtyProxy(recorded, options.baud, options.link)
    running = asyncio.create_task(proxy.run(ready))
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, running.cancel)
    try:
        first: set[asyncio.Future[Any]] = {running, ready}
        await asyncio.wait(first, return_when=asyncio.FIRST_COMPLETED)
        if ready.done():
            print(proxy.path, flush=True)
            await asyncio.wait({running}, timeout=options.duration)
    finally:
        running.cancel()
        await asyncio.wait({running})
    if not running.cancelled() and (error := running.exception()) is not None:
        if not isinstance(error, TransportError):
            raise error
        print(f"the stick is gone: {error}")
        return ExitCode.FAILED
    return ExitCode.OK


async def _record_service(options: argparse.Namespace) -> int:
    """Run the service as `luxminer run` does, with a recorder in front of each stick."""
    if options.file.exists():
        raise ConfigError("is there already", key=str(options.file), cure="name another file")
    path = find_config(options.config)
    config = load(path) if path is not None else Config()
    drivers = discover_drivers()
    check(config, drivers)
    recorders: list[Recorder] = []

    async def open_recorded(port: str, baudrate: int) -> Transport:
        transport = await open_port(port, baudrate)
        if len(recorders) == MAX_FILES:
            return transport
        number = len(recorders) + 1
        file = options.file if number == 1 else Path(f"{options.file}.{number}")
        recorder = Recorder(
            file,
            model=options.model or _model_at(config, port),
            serial=options.serial,
            port=transport.name,
            capabilities=transport.capabilities,
            note=options.note,
            limit_bytes=options.limit_mib << 20,
        )
        recorders.append(recorder)
        return RecordingTransport(transport, recorder, baudrate)

    stop = asyncio.Event()
    stop_on_signals(stop)
    if options.duration is not None:
        asyncio.get_running_loop().call_later(options.duration, stop.set)
    state_dir = usable_state_directory()
    daemon = Daemon(config, state_dir=state_dir, drivers=drivers, open_transport=open_recorded)
    try:
        await serve(daemon, stop)
    finally:
        for recorder in recorders:
            recorder.close()
    is_full = any(recorder.is_full for recorder in recorders)
    _tell(sum(recorder.events for recorder in recorders), options.file, is_full=is_full)
    return ExitCode.OK if recorders else ExitCode.NO_HARDWARE


def _tell(events: int, file: Path, *, is_full: bool) -> None:
    print(f"{events} events in {file}")
    if is_full:
        print("it ends before the traffic did: a file, or the disk, is full (--limit-mib)")


def _model_at(config: Config, port: str) -> str:
    """Return the model that the settings name for a port, empty where they name none."""
    return next((device.model for device in config.devices if device.port == port), "")


COMMAND = CliCommand(
    name="record",
    words="record what passes between a miner and a stick",
    configure=_configure,
    run=_run,
)
