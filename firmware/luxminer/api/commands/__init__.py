"""The table of commands, one file per subject. A new command is one row and, mostly, one handler.

A new subject is its file here, and its name in the two lists below; what it is made of stands in
the files of that name in `codes`, `fields` and `handlers`.

Ref: LUXminer API and CGMiner API (commands; which write, which can be joined).
"""

from collections.abc import Mapping
from types import MappingProxyType

from luxminer.api.codes import CODES
from luxminer.api.commands import (
    cgminer,
    config,
    devices,
    events,
    health,
    info,
    pools,
    power,
    profiles,
    service,
    sessions,
    sticks,
    thermal,
)
from luxminer.api.commands.row import CommandRow

__all__ = ["CODES", "COMMANDS", "SUBJECTS", "CommandRow"]

SUBJECTS = (
    info,
    devices,
    sticks,
    health,
    pools,
    profiles,
    power,
    thermal,
    config,
    service,
    sessions,
    events,
    cgminer,
)

COMMANDS: Mapping[str, CommandRow] = MappingProxyType(
    {row.name: row for subject in SUBJECTS for row in subject.ROWS}
)
assert len(COMMANDS) == sum(len(subject.ROWS) for subject in SUBJECTS), "a name twice"
