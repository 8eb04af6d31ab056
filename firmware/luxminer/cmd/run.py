"""``luxminer run``: the service."""

import argparse
import asyncio
import logging
import signal
from collections.abc import Sequence
from pathlib import Path

from luxminer.check import check
from luxminer.commands import CliCommand, ExitCode
from luxminer.config.load import find_config, load, locate
from luxminer.config.schema import Config
from luxminer.daemon import Daemon
from luxminer.device.registry import DriverRecord, discover_drivers
from luxminer.errors import ConfigError
from luxminer.host import usable_state_directory
from luxminer.logs import logging_to
from luxminer.report import report_rates

__all__ = ["COMMAND", "serve", "stop_on_signals"]

log = logging.getLogger(__name__)


def stop_on_signals(stop: asyncio.Event) -> None:
    """Let Ctrl-C, SIGTERM, and a terminal that closes end the service in order."""
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        loop.add_signal_handler(number, stop.set)


async def serve(daemon: Daemon, stop: asyncio.Event) -> None:
    """Run the service with its periodic line about rates, until ``stop`` is set."""
    reporter = asyncio.create_task(report_rates(daemon), name="rates")
    try:
        await daemon.run(stop)
    finally:
        reporter.cancel()


def _configure(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("-c", "--config", metavar="FILE", help="settings (default: see the README)")


def _run(options: argparse.Namespace) -> int:
    path = find_config(options.config)
    config = load(path) if path is not None else Config()
    drivers = discover_drivers()
    try:
        check(config, drivers)
    except ConfigError as exc:
        if path is not None:
            locate(path, exc)
        raise
    with logging_to(level=config.log.level):
        log.info("settings: %s", path if path is not None else "built-in defaults")
        return asyncio.run(_main(config, drivers, usable_state_directory()))


async def _main(config: Config, drivers: Sequence[DriverRecord], state_dir: Path) -> int:
    stop = asyncio.Event()
    stop_on_signals(stop)
    daemon = Daemon(config, state_dir=state_dir, drivers=drivers)
    if not config.pools:
        log.warning("no pool is set: nothing to mine; add [[pools]] to the configuration")
    hopeless = asyncio.create_task(_hopeless(daemon, stop), name="hopeless")
    try:
        await serve(daemon, stop)
    finally:
        hopeless.cancel()
    if hopeless.done() and not hopeless.cancelled() and hopeless.result():
        return ExitCode.NO_HARDWARE
    return ExitCode.OK


LOOK_AFTER_S = 5.0
"""Time for sticks to be found, and for ports that udev is still preparing."""


async def _hopeless(daemon: Daemon, stop: asyncio.Event) -> bool:
    """Say when there is no stick; end the service, True, when none can ever come.

    That is when only listed ports count, and none of them could be opened so far. One that was
    open once is waited for.
    """
    await asyncio.sleep(LOOK_AFTER_S)
    states = daemon.devices.device_states()
    if not states and daemon.config.mining.detect:
        log.warning("no stick found; plug one in (`luxminer devices` tells more about each)")
    if daemon.config.mining.detect or any(state.was_open for state in states):
        return False
    for problem in (*(s.problem for s in states if s.problem), *daemon.devices.problems()):
        log.error("%s", problem)
    stop.set()
    return True


COMMAND = CliCommand(
    name="run", words="mine with the sticks of this machine", configure=_configure, run=_run
)
