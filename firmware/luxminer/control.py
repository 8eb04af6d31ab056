"""Orders from API and page to the owners of the state: the only way in for writers.

A command is a frozen value; its owner registers one handler for its type. Handlers run on the
event loop, return what the sender may show, and refuse with `CommandError`.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any, TypeVar

from luxminer.errors import CommandError

__all__ = [
    "AddGroup",
    "AddPool",
    "Command",
    "CommandBus",
    "DisablePool",
    "EnablePool",
    "RemoveGroup",
    "RemovePool",
    "SetPoolQuota",
    "SetPriority",
    "SetProfile",
    "SetQuota",
    "SetStrategy",
    "StartTuning",
    "StopTuning",
    "SwitchPool",
]


class Command:
    """Base of all orders."""

    __slots__ = ()


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


@dataclass(frozen=True, slots=True, kw_only=True)
class SetProfile(Command):
    """Set all sticks, also those that come later: ``default``, ``tuned``, ``+1``, ``-1`` ...

    It takes the place of orders for single sticks. Result: the numbers of sticks that could not
    take it now and take it with their next start (tuple of int).

    Refused: ``unknown-profile``.
    """

    profile: str


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


C = TypeVar("C", bound=Command)
Handler = Callable[[C], Awaitable[object]]


class CommandBus:
    """Brings each command to the one owner that registered for its type."""

    def __init__(self, after: Callable[[], None] = lambda: None) -> None:
        self._handlers: dict[type[Command], Handler[Any]] = {}
        self._after = after

    def register(self, command: type[C], handler: Handler[C]) -> None:
        assert command not in self._handlers, command
        self._handlers[command] = handler

    async def send(self, command: Command) -> object:
        """Return the handler's result. Raises CommandError when the owner refuses."""
        handler = self._handlers.get(type(command))
        if handler is None:
            raise CommandError("unsupported", f"{type(command).__name__} has no owner here")
        try:
            return await handler(command)
        finally:
            self._after()
