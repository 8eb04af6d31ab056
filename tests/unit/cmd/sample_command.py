"""Commands that end in each of the ways a command can."""

import argparse
from pathlib import Path

from luxminer.commands import CliCommand
from luxminer.errors import ConfigError, LuxminerError


def _configure(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--how", default="fine")


def _run(options: argparse.Namespace) -> int:
    match options.how:
        case "setting":
            raise ConfigError("is 7", key="a.b", value=7, cure="write 8", line=3, column=5)
        case "nowhere":
            raise ConfigError("is 7", key="a.b", value=7, cure="write 8")
        case "world":
            raise LuxminerError("the pool is gone")
        case "codes":
            raise ConfigError("is \x1b[31m", key="a")
        case "missing":
            Path("/nowhere").read_text()
        case "interrupt":
            raise KeyboardInterrupt
        case "pipe":
            raise BrokenPipeError
    return 0


COMMAND = CliCommand(name="sample", words="ends somehow", configure=_configure, run=_run)
