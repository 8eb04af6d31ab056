"""What a command-line command is, for ``luxminer``, ``luxminer-hil`` and packages that add more.

Any package can add a command to ``luxminer`` with an entry point of group ``luxminer.commands``
that names a `CliCommand`.
"""

import argparse
from collections.abc import Callable
from dataclasses import dataclass
from enum import IntEnum

__all__ = ["CliCommand", "ExitCode"]


class ExitCode(IntEnum):
    """Exit statuses that scripts may rely on."""

    OK = 0
    FAILED = 1
    """Failed at work."""
    USAGE = 2
    """Bad usage or configuration."""
    NO_HARDWARE = 3
    """No usable hardware."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CliCommand:
    """One sub-command; its module is imported only when it is the one that was typed."""

    name: str
    words: str
    """One line for the help text."""
    configure: Callable[[argparse.ArgumentParser], None]
    run: Callable[[argparse.Namespace], int]
    """Does the work and returns the exit status."""
