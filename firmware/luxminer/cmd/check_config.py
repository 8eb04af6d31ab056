"""``luxminer check-config``: what is wrong with a configuration, and where."""

import argparse

from luxminer.check import check
from luxminer.commands import CliCommand, ExitCode
from luxminer.config.load import SYSTEM_CONFIG, find_config, load, locate
from luxminer.errors import ConfigError

__all__ = ["COMMAND"]


def _configure(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("-c", "--config", metavar="FILE", help="the file to check")


def _run(options: argparse.Namespace) -> int:
    path = find_config(options.config)
    if path is None:
        raise ConfigError(f"there is no {SYSTEM_CONFIG}", cure="name a file with -c FILE")
    config = load(path)
    try:
        check(config)
    except ConfigError as exc:
        locate(path, exc)
        raise
    pools = "1 pool" if len(config.pools) == 1 else f"{len(config.pools)} pools"
    print(f"{path}: fine ({pools})")
    if not config.pools:
        print("no pool is set: luxminer will have nothing to mine; add [[pools]]")
    return ExitCode.OK


COMMAND = CliCommand(
    name="check-config",
    words="say what is wrong with a configuration",
    configure=_configure,
    run=_run,
)
