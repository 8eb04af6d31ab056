"""``luxminer-hil vectors``: golden vectors through the product's own code."""

import argparse
from pathlib import Path

from luxminer.commands import CliCommand, ExitCode
from luxminer.errors import ConfigError
from luxminer_hil.vectors.runner import Outcome, Report, load, run

__all__ = ["COMMAND"]


def configure(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "files", metavar="FILE", nargs="*", type=Path, help="vectors of chips or of pools"
    )
    parser.add_argument(
        "--explain", action="store_true", help="print the table of what is not applicable and why"
    )


def check(options: argparse.Namespace) -> int:
    """Print failures, counts and the total; the status is 0 only if nothing failed."""
    if not options.files and not options.explain:
        raise ConfigError("no file given", cure="name one or more vector files")
    cases = [case for path in options.files for case in load(path)]
    report = Report([run(case) for case in cases])
    for line in (*report.failures(), *report.kinds()):
        print(line)
    if options.explain:
        for line in report.explanation():
            print(line)
    print(report.summary())
    return ExitCode.FAILED if report.total[Outcome.FAILED] else ExitCode.OK


COMMAND = CliCommand(
    name="vectors",
    words="run golden vectors through the driver, the simulator and the pool side",
    configure=configure,
    run=check,
)
