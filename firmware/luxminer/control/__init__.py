"""Orders from API and page to the owners of the state: the only way in for writers.

A command is a frozen value; its owner registers one handler for its type. Handlers run on the
event loop, return what the sender may show, and refuse with `CommandError`. One file per subject.
"""

from luxminer.control.bus import Command, CommandBus
from luxminer.control.pools import (
    AddGroup,
    AddPool,
    DisablePool,
    EnablePool,
    RemoveGroup,
    RemovePool,
    SetPoolOptions,
    SetPoolQuota,
    SetPriority,
    SetQuota,
    SetStrategy,
    SwitchPool,
)
from luxminer.control.profiles import (
    NewProfile,
    RemoveProfile,
    RestoreProfile,
    SetProfile,
    StartTuning,
    StopTuning,
)
from luxminer.control.thermal import Curtail, Heat, SetHeat, SetLed

__all__ = [
    "AddGroup",
    "AddPool",
    "Command",
    "CommandBus",
    "Curtail",
    "DisablePool",
    "EnablePool",
    "Heat",
    "NewProfile",
    "RemoveGroup",
    "RemovePool",
    "RemoveProfile",
    "RestoreProfile",
    "SetHeat",
    "SetLed",
    "SetPoolOptions",
    "SetPoolQuota",
    "SetPriority",
    "SetProfile",
    "SetQuota",
    "SetStrategy",
    "StartTuning",
    "StopTuning",
    "SwitchPool",
]
