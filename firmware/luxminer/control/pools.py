"""Orders about pools and their groups."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from luxminer.control.bus import Command

__all__ = [
    "AddGroup",
    "AddPool",
    "DisablePool",
    "EnablePool",
    "RemoveGroup",
    "RemovePool",
    "SetPoolOptions",
    "SetPoolQuota",
    "SetPriority",
    "SetQuota",
    "SetStrategy",
    "SwitchPool",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class AddPool(Command):
    """Add a pool at the end of the list. Result: its id (int).

    Group 0 is made when there is no group. Refused: ``invalid-url``, ``invalid-user``,
    ``too-many``, ``unknown-group``.
    """

    url: str
    user: str
    password: str = field(repr=False)
    group: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class RemovePool(Command):
    """Take a pool off the list; later ids move down. Result: its URL (str).

    Refused: ``unknown-pool``, ``last-pool``, ``active-pool`` (the only one that gives work).
    """

    pool_id: int


@dataclass(frozen=True, slots=True, kw_only=True)
class EnablePool(Command):
    """Result: False when it was enabled already. Refused: ``unknown-pool``."""

    pool_id: int


@dataclass(frozen=True, slots=True, kw_only=True)
class DisablePool(Command):
    """Result: False when it was disabled already. Refused: ``unknown-pool``, ``last-pool``."""

    pool_id: int


@dataclass(frozen=True, slots=True, kw_only=True)
class SwitchPool(Command):
    """Make a pool the first in priority and enable it. Result: its URL.

    Where pools of a group take turns it is its turn now. Refused: ``unknown-pool``.
    """

    pool_id: int


@dataclass(frozen=True, slots=True, kw_only=True)
class SetPriority(Command):
    """Put these pools first, in this order; the others follow in the order they had.

    Result: None. Refused: ``unknown-pool``, ``duplicate-pool``.
    """

    pool_ids: tuple[int, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class SetPoolQuota(Command):
    """Set the part of a pool in a group that balances its load. Result: its URL.

    Refused: ``unknown-pool``, ``invalid-quota``.
    """

    pool_id: int
    quota: float


@dataclass(frozen=True, slots=True, kw_only=True)
class SetPoolOptions(Command):
    """Change settings of ``[stratum]`` by their names; they hold from now on. Result: None.

    Refused: ``invalid-option``.
    """

    options: Mapping[str, float]


@dataclass(frozen=True, slots=True, kw_only=True)
class AddGroup(Command):
    """Add a group without pools. Result: its id (int).

    Refused: ``invalid-name``, ``invalid-quota``, ``too-many``.
    """

    name: str
    quota: float = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class RemoveGroup(Command):
    """Remove a group with all its pools; later ids of both move down. Result: its name.

    The last one can be removed, too: then there is nothing to mine. Refused: ``unknown-group``.
    """

    group_id: int


@dataclass(frozen=True, slots=True, kw_only=True)
class SetQuota(Command):
    """Set the part of a group; 0 lets it work only while no other does. Result: its name.

    Refused: ``unknown-group``, ``invalid-quota``.
    """

    group_id: int
    quota: float


@dataclass(frozen=True, slots=True, kw_only=True)
class SetStrategy(Command):
    """Set how a group uses its pools: ``failover``, ``round-robin`` ..., as in the settings.

    ``rotate_s`` None leaves the time of ``rotate`` as it is. Result: the group's name.

    Refused: ``unknown-group``, ``unknown-strategy``, ``invalid-time``.
    """

    group_id: int
    strategy: str
    rotate_s: float | None = None
