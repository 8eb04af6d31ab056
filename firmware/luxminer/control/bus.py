"""The bus that brings each order to its owner."""

from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

from luxminer.errors import CommandError

__all__ = ["Command", "CommandBus"]


class Command:
    """Base of all orders."""

    __slots__ = ()


C = TypeVar("C", bound=Command)
Handler = Callable[[C], Awaitable[object]]


class CommandBus:
    """Brings each command to the one owner that registered for its type."""

    def __init__(self, after: Callable[[], None] = lambda: None) -> None:
        self._handlers: dict[type[Command], Handler[Any]] = {}
        self._after = after
        self._listeners: list[Callable[[Command], None]] = []

    def register(self, command: type[C], handler: Handler[C]) -> None:
        assert command not in self._handlers, command
        self._handlers[command] = handler

    def listen(self, listener: Callable[[Command], None]) -> None:
        """Tell ``listener`` of each command that its owner has carried out."""
        self._listeners.append(listener)

    async def send(self, command: Command) -> object:
        """Return the handler's result. Raises CommandError when the owner refuses."""
        handler = self._handlers.get(type(command))
        if handler is None:
            raise CommandError("unsupported", f"{type(command).__name__} has no owner here")
        try:
            result = await handler(command)
            for listener in self._listeners:
                listener(command)
            return result
        finally:
            self._after()
