"""Orders about the service and the machine it runs on."""

from dataclasses import dataclass

from luxminer.control.bus import Command

__all__ = [
    "RebootMachine",
    "ResetConfig",
    "RestartMining",
    "RestartService",
    "SaveConfig",
    "SetLogLevel",
    "StopService",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class SaveConfig(Command):
    """Write the settings as they are now, at once. Result: the path of the file (str).

    ``name`` is that of another file beside the one in use; empty for that one.

    Refused: ``unwritable``.
    """

    name: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ResetConfig(Command):
    """Put all settings but those of ``[api]`` back to their defaults, and mine anew.

    Result: the path of a file with those that were there, empty when there was none (str).

    Refused: ``unwritable``.
    """


@dataclass(frozen=True, slots=True, kw_only=True)
class StopService(Command):
    """End the service in order, a moment later. Result: None."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RestartService(Command):
    """End it, and start the program anew in the same process. Result: None."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RestartMining(Command):
    """Begin anew with pools and sticks, as after a start of the service. Result: None."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RebootMachine(Command):
    """Restart the machine. Result: None. Refused: ``not-allowed``, ``not-possible``."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SetLogLevel(Command):
    """Set the least severe lines that the log has, by their name. Result: None.

    Refused: ``unknown-level``.
    """

    level: str
