"""What programs of the bench have in common: a place to listen, lines for a reader, an end."""

import asyncio
import signal
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager, suppress
from typing import NamedTuple, TypeVar

from luxminer.errors import ConfigError
from luxminer_hil.lines import Lines

__all__ = ["Serving", "listen", "read_place", "serving"]

MAX_PORT = 65535
LOOPBACK = "127.0.0.1"

T = TypeVar("T")


class Serving(NamedTuple):
    """What a program has while it serves."""

    say: Callable[[str], None]
    """Prints a line, from any thread, and never waits for who reads."""
    stopped: asyncio.Event
    """Set by SIGINT, SIGTERM or SIGHUP, or when nobody can read the lines any more."""


def read_place(text: str, key: str, example: str) -> tuple[str, int]:
    """Return host and port of ``HOST:PORT``; no host is loopback. Raises ConfigError."""
    host, colon, port = text.rpartition(":")
    if not colon or not port.isascii() or not port.isdigit():
        raise ConfigError(f"{text!r} is no HOST:PORT", key=key, cure=f"write {example}")
    if len(port) > len(str(MAX_PORT)) or int(port) > MAX_PORT:
        raise ConfigError(f"port {port[:20]} is outside 0 to {MAX_PORT}", key=key)
    return host.strip("[]") or LOOPBACK, int(port)


@asynccontextmanager
async def serving() -> AsyncIterator[Serving]:
    """Print what is said until the end. Raises ConfigError for a file that cannot be written."""
    loop = asyncio.get_running_loop()
    stopped = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        loop.add_signal_handler(number, stopped.set)

    def broken() -> None:
        with suppress(RuntimeError):  # the loop has ended meanwhile
            loop.call_soon_threadsafe(stopped.set)

    lines = Lines(broken)
    try:
        yield Serving(lines.say, stopped)
    except OSError as exc:
        if exc.filename is None:
            raise
        raise ConfigError(f"cannot write {exc.filename}: {exc.strerror}") from exc
    finally:
        with suppress(BrokenPipeError):
            lines.close()
        if lines.lost:
            print(f"{lines.lost} lines are lost: nobody read them in time", file=sys.stderr)


async def listen(
    stack: AsyncExitStack, server: AbstractAsyncContextManager[T], place: str, key: str
) -> T:
    """Open a server. Raises ConfigError when it cannot listen at ``place``."""
    try:
        return await stack.enter_async_context(server)
    except OSError as exc:
        if exc.filename is not None:
            raise
        reason = f"cannot listen on {place}: {exc.strerror or exc}"
        cure = "use another port, or 0 for a free one"
        raise ConfigError(reason, key=key, cure=cure) from exc
