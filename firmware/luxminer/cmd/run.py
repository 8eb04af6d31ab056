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
    """Let SIGINT and SIGTERM end the service in order."""
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
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


HOPELESS_AFTER_S = 5.0


async def _hopeless(daemon: Daemon, stop: asyncio.Event) -> bool:
    """End the service when no stick can be used and none can come; True when it did so."""
    if daemon.config.mining.detect:
        return False
    await asyncio.sleep(HOPELESS_AFTER_S)
    states = daemon.devices.device_states()
    if any(state.attempts and state.brought_up_s is not None for state in states):
        return False
    problems = [state.problem for state in states if state.problem]
    problems += daemon.devices.problems()
    if any(state.present and not state.problem for state in states):
        return False
    for problem in problems:
        log.error("%s", problem)
    stop.set()
    return True


COMMAND = CliCommand(
    name="run", words="mine with the sticks of this machine", configure=_configure, run=_run
)
