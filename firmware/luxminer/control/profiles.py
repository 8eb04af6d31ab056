"""Orders about the clocks of all sticks and how they are found."""

from dataclasses import dataclass

from luxminer.control.bus import Command

__all__ = [
    "NewProfile",
    "RemoveProfile",
    "RestoreProfile",
    "SetProfile",
    "StartTuning",
    "StopTuning",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class SetProfile(Command):
    """Set all sticks, also those that come later: ``default``, ``tuned``, ``+1``, ``-1`` ...

    It takes the place of orders for single sticks. Result: the numbers of sticks that could not
    take it now and take it with their next start (tuple of int).

    Refused: ``unknown-profile``.
    """

    profile: str


@dataclass(frozen=True, slots=True, kw_only=True)
class NewProfile(Command):
    """Add a profile of the owner's own, or change one. Result: whether it was there (bool).

    Refused: ``invalid-name``, ``too-many``.
    """

    name: str
    mhz: float
    core_v: float = 0.0
    """0 is the default of each stick."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RemoveProfile(Command):
    """Result: None. Refused: ``unknown-profile``, ``in-use``."""

    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RestoreProfile(Command):
    """Make a profile what it was before it was changed. Result: None.

    Refused: ``unknown-profile``.
    """

    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class StartTuning(Command):
    """Look for the best setting of a stick, from its last result on.

    None: of all sticks without a final result, also of those that come later. Result: the numbers
    of those that begin once they are up (tuple of int).

    Refused: ``unknown-device``, ``unsupported``.
    """

    device_id: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class StopTuning(Command):
    """End the search on a stick, None on all; it keeps what was found so far.

    Result: the numbers of sticks that were tuning (tuple of int). Refused: ``unknown-device``.
    """

    device_id: int | None = None
