"""``luxminer devices``: the sticks that are plugged in, or why they cannot be used."""

import argparse
import json
import shutil
import sys
import textwrap
from collections.abc import Iterator, Sequence
from dataclasses import asdict

from luxminer.commands import CliCommand, ExitCode
from luxminer.config.load import find_config, load
from luxminer.config.schema import Config
from luxminer.device.listing import DeviceListing, list_devices
from luxminer.device.registry import discover_drivers

__all__ = ["COMMAND", "as_json", "as_text"]

HEADINGS = ("model", "serial", "usb path", "port", "driver", "state")
GAP = "  "
UNKNOWN = "-"
MIN_WIDTH = 40
"""Narrower terminals break the lines themselves."""


def _configure(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--json", action="store_true", help="a list of objects instead of a table")
    parser.add_argument("-c", "--config", metavar="FILE", help="settings with configured ports")


def _run(options: argparse.Namespace) -> int:
    path = find_config(options.config)
    config = load(path) if path is not None else Config()
    rows = list_devices(config, discover_drivers())
    width = shutil.get_terminal_size().columns if sys.stdout.isatty() else None
    print(as_json(rows) if options.json else as_text(rows, width))
    return ExitCode.OK if any(row.usable for row in rows) else ExitCode.NO_HARDWARE


def as_json(rows: Sequence[DeviceListing]) -> str:
    """Return a list of objects, one for each row."""
    return json.dumps([asdict(row) for row in rows], indent=2)


def as_text(rows: Sequence[DeviceListing], width: int | None = None) -> str:
    """Return a table, and below it each problem once, with its cure.

    Nothing is cut off. Lines are broken at ``width``, None: never; where the table is wider, each
    stick has lines of its own.
    """
    if not rows:
        return "no stick found; plug one in, or name its port under [[devices]]"
    troubles = list(dict.fromkeys((row.problem, row.cure) for row in rows if not row.usable))
    cells = [HEADINGS, *(_cells(row, troubles) for row in rows)]
    widths = [max(len(line[column]) for line in cells) for column in range(len(HEADINGS))]
    if width is None or sum(widths) + len(GAP) * (len(widths) - 1) <= width:
        lines = [
            GAP.join(text.ljust(size) for text, size in zip(line, widths, strict=True)).rstrip()
            for line in cells
        ]
    else:
        lines = [line for row in cells[1:] for line in _card(row, width)]
    for number, (problem, cure) in enumerate(troubles, 1):
        where = ", ".join(_where(row) for row in rows if (row.problem, row.cure) == (problem, cure))
        lines += ["", *_broken(f"[{number}] {where}: {problem}", width)]
        lines += _broken(f"    Cure: {cure}", width)
    usable = sum(row.usable for row in rows)
    return "\n".join([*lines, "", f"{usable} of {len(rows)} usable"])


def _cells(row: DeviceListing, troubles: Sequence[tuple[str, str]]) -> tuple[str, ...]:
    state = "usable" if row.usable else f"see [{troubles.index((row.problem, row.cure)) + 1}]"
    model = row.model or ("unknown" if row.tty or row.usb_path else "")
    known = (model, row.serial, row.usb_path, row.tty, row.driver)
    return (*(text or UNKNOWN for text in known), state)


def _card(cells: tuple[str, ...], width: int) -> Iterator[str]:
    """Yield the lines of one stick; what is not known is left out."""
    model, *others = cells
    named = zip(HEADINGS[1:], others, strict=True)
    yield from _broken(model, width)
    words = ", ".join(f"{name} {text}" for name, text in named if text != UNKNOWN)
    yield from _broken(f"    {words}", width)


def _where(row: DeviceListing) -> str:
    if row.usb_path and not row.tty:
        return f"{row.model or 'device'} at {row.usb_path}"
    return row.tty or (f"stick {row.serial}" if row.serial else f"driver {row.driver}")


def _broken(text: str, width: int | None) -> list[str]:
    """Return the lines of a paragraph; words, which may be paths, stay whole."""
    if width is None:
        return [text]
    return textwrap.wrap(
        text,
        max(width, MIN_WIDTH),
        subsequent_indent="    ",
        break_long_words=False,
        break_on_hyphens=False,
    )


COMMAND = CliCommand(
    name="devices", words="list the sticks that are plugged in", configure=_configure, run=_run
)
