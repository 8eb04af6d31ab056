"""``luxminer token``: the secret that lets a page or program change settings over HTTP."""

import argparse
import sys

from luxminer.api.token import FILE_NAME, load_or_create, renew
from luxminer.commands import CliCommand, ExitCode
from luxminer.host import usable_state_directory

__all__ = ["COMMAND"]


def _configure(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--new", action="store_true", help="make a new one; the old one is void")


def _run(options: argparse.Namespace) -> int:
    path = usable_state_directory() / FILE_NAME
    print(renew(path) if options.new else load_or_create(path))
    if options.new:
        print("A service that runs takes it up at its next start.", file=sys.stderr)
    return ExitCode.OK


COMMAND = CliCommand(
    name="token", words="show or renew the token of the page", configure=_configure, run=_run
)
