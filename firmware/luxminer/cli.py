"""The ``luxminer`` command: finds the sub-command, runs it, turns errors into exit statuses."""

import argparse
import sys
from collections.abc import Mapping, Sequence
from importlib import import_module

from luxminer import __version__
from luxminer.commands import CliCommand, ExitCode
from luxminer.errors import ConfigError, LuxminerError
from luxminer.plugins import find_plugins

__all__ = ["BUILT_IN", "dispatch", "main"]

BUILT_IN = {
    "run": ("mine with the sticks of this machine", "luxminer.cmd.run:COMMAND"),
    "check-config": ("say what is wrong with a configuration", "luxminer.cmd.check_config:COMMAND"),
    "devices": ("list the sticks that are plugged in", "luxminer.cmd.devices:COMMAND"),
    "token": ("show or renew the token of the page", "luxminer.cmd.token:COMMAND"),
    "api": ("send a command to a running miner", "luxminer.cmd.api:COMMAND"),
}
"""Name -> (words for the help, where it is). Packages add more by entry points."""

ENTRY_POINT_GROUP = "luxminer.commands"

INTERRUPTED = 128 + 2
"""Exit status of a program that SIGINT ended, as shells know it."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run ``luxminer`` with ``argv`` and return the exit status."""
    try:
        added = {
            plugin.name: (f"command of the package {plugin.package}", plugin.target)
            for plugin in find_plugins(ENTRY_POINT_GROUP)
        }
        return dispatch("luxminer", "USB stick miner", {**added, **BUILT_IN}, argv)
    except KeyboardInterrupt:  # while modules are loaded
        return INTERRUPTED


def dispatch(
    program: str, words: str, table: Mapping[str, tuple[str, str]], argv: Sequence[str] | None
) -> int:
    """Run the sub-command of ``program`` that ``argv`` names; only its module is imported."""
    arguments = list(sys.argv[1:] if argv is None else argv)
    parser = argparse.ArgumentParser(prog=program, description=words)
    parser.add_argument("--version", action="version", version=f"{program} {__version__}")
    commands = parser.add_subparsers(metavar="COMMAND", dest="command", required=True)
    chosen = next((name for name in arguments if not name.startswith("-")), None)
    command: CliCommand | None = None
    for name, (line, target) in sorted(table.items()):
        if name == chosen:
            command = _load(target)
            sub = commands.add_parser(name, help=command.words, description=command.words)
            command.configure(sub)
        else:
            commands.add_parser(name, help=line, add_help=False)
    options = parser.parse_args(arguments)
    assert command is not None, "argparse refuses unknown commands"
    try:
        try:
            return command.run(options)
        finally:
            if sys.stdout is not None:  # a parent may have closed it
                sys.stdout.flush()
    except ConfigError as exc:
        place = f" (line {exc.line}, column {exc.column})" if exc.line else ""
        _complain(program, f"{exc}{place}")
        return ExitCode.USAGE
    except LuxminerError as exc:
        _complain(program, str(exc))
        return ExitCode.FAILED
    except BrokenPipeError:
        sys.stderr.close()
        return ExitCode.FAILED
    except OSError as exc:
        where = f"{exc.filename}: " if exc.filename is not None else ""
        _complain(program, where + (exc.strerror or str(exc)))
        return ExitCode.FAILED
    except KeyboardInterrupt:
        return INTERRUPTED


def _complain(program: str, words: str) -> None:
    """Say what is wrong; what a file or a peer has put into the words writes no codes."""
    shown = "".join(
        letter if letter.isprintable() or letter == "\n" else ascii(letter)[1:-1]
        for letter in words
    )
    print(f"{program}: {shown}", file=sys.stderr)


def _load(target: str) -> CliCommand:
    module, _, attribute = target.partition(":")
    command: CliCommand = getattr(import_module(module), attribute)
    return command
