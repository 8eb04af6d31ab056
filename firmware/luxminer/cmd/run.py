"""``luxminer run``: the service."""

import argparse
import asyncio
import logging
import os
import signal
import sys
from collections.abc import Sequence
from pathlib import Path

from luxminer.check import check
from luxminer.commands import CliCommand, ExitCode
from luxminer.config.load import find_config, load, locate
from luxminer.config.save import Saver
from luxminer.config.schema import Config
from luxminer.daemon import Daemon
from luxminer.device.registry import DriverRecord, discover_drivers
from luxminer.errors import ConfigError
from luxminer.host import usable_state_directory
from luxminer.life import Ending
from luxminer.logs import logging_to, set_level
from luxminer.report import report_rates

__all__ = ["COMMAND", "serve", "stop_on_signals"]

log = logging.getLogger(__name__)

SAVED_NAME = "luxminer.toml"
"""In the state directory: what was changed over the API while there was no file of settings."""


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
    state_dir = usable_state_directory()
    named = find_config(options.config)
    path = named if named is not None else state_dir / SAVED_NAME
    config = load(path) if named is not None or path.exists() else Config()
    drivers = discover_drivers()
    try:
        check(config, drivers)
    except ConfigError as exc:
        locate(path, exc)
        raise
    with logging_to(level=config.log.level):
        log.info("settings: %s", path if path.exists() else "built-in defaults")
        code = asyncio.run(_main(config, path, drivers, state_dir))
    if code is None:
        os.execv(sys.executable, [sys.executable, *sys.orig_argv[1:]])
    return code


async def _main(
    config: Config, path: Path, drivers: Sequence[DriverRecord], state_dir: Path
) -> int | None:
    """Mine, as often as it is ordered to begin anew; None when the whole program is to."""
    stop = asyncio.Event()
    stop_on_signals(stop)
    while True:
        daemon = Daemon(config, state_dir=state_dir, config_path=path, drivers=drivers)
        code = await _mine(daemon, config, stop)
        if stop.is_set() or daemon.life.ending in (None, Ending.STOP):
            return code
        if daemon.life.ending is Ending.RESTART:
            return None
        config = _anew(daemon.saver, path, drivers)
        set_level(config.log.level)


def _anew(saver: Saver, path: Path, drivers: Sequence[DriverRecord]) -> Config:
    """Return the settings to begin anew with: the file's, unless the service knows better."""
    if not saver.is_saved or not path.exists():
        return saver.config
    try:
        config = load(path)
        check(config, drivers)
    except ConfigError as exc:
        log.warning("%s is not read anew: %s", path, exc)
        return saver.config
    return config


async def _mine(daemon: Daemon, config: Config, stop: asyncio.Event) -> int:
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
