"""``luxminer devices``: the sticks that are plugged in, or why they cannot be used."""

import argparse
import json
from dataclasses import asdict

from luxminer.commands import CliCommand, ExitCode
from luxminer.config.load import find_config, load
from luxminer.config.schema import Config
from luxminer.device.listing import DeviceListing, list_devices
from luxminer.device.registry import discover_drivers

__all__ = ["COMMAND"]

COLUMNS = ("model", "serial", "usb_path", "tty", "driver")


def _configure(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--json", action="store_true", help="a list of objects instead of a table")
    parser.add_argument("-c", "--config", metavar="FILE", help="settings with configured ports")


def _run(options: argparse.Namespace) -> int:
    path = find_config(options.config)
    config = load(path) if path is not None else Config()
    rows = list_devices(config, discover_drivers())
    if options.json:
        print(json.dumps([asdict(row) for row in rows], indent=2))
    else:
        _print_table(rows)
    return ExitCode.OK if any(row.usable for row in rows) else ExitCode.NO_HARDWARE


def _print_table(rows: tuple[DeviceListing, ...]) -> None:
    if not rows:
        print("no stick found; plug one in, or name its port under [[devices]]")
        return
    cells = [[name.replace("_", " ") for name in COLUMNS]]
    cells += [[getattr(row, name) or "-" for name in COLUMNS] for row in rows]
    widths = [max(len(line[column]) for line in cells) for column in range(len(COLUMNS))]
    for number, line in enumerate(cells):
        words = "state"
        if number:
            row = rows[number - 1]
            words = "usable" if row.usable else f"{row.problem}; {row.cure}".rstrip("; ")
        print(
            "  ".join(
                [*(text.ljust(width) for text, width in zip(line, widths, strict=True)), words]
            )
        )


COMMAND = CliCommand(
    name="devices", words="list the sticks that are plugged in", configure=_configure, run=_run
)
