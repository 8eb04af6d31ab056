"""A listening socket and the bounded set of connections behind it, for TCP and HTTP alike.

Each connection is one task. When all slots are taken, the next caller waits in the kernel's queue
until one is free, or until some connection has said nothing for `GRACE_S`; the one that has been
silent longest then goes. A burst of honest clients is served in turn that way, and a crowd of
silent ones delays nobody for long.
"""

import asyncio
import logging
import math
import socket
from collections.abc import Awaitable, Callable
from typing import NamedTuple

from luxminer.api.access import AccessRules, Right
from luxminer.clock import Clock
from luxminer.logs import RateLimit

__all__ = ["ACCEPT_PAUSE_S", "GRACE_S", "Arrival", "Connection", "Listener"]

log = logging.getLogger(__name__)

GRACE_S = 0.1
HEARING_TURNS = 4
"""Turns of the loop in which what has arrived is heard, and its reply begun, before anybody goes:
after a stall of the machine everybody seems to have been silent for long."""
ACCEPT_PAUSE_S = 0.5
"""After the system had no descriptor left."""
STOP_TIMEOUT_S = 3.0
"""For requests that are being answered when the service stops."""


class Arrival(NamedTuple):
    """A caller, just accepted; its socket does not block."""

    sock: socket.socket
    address: str
    heard: bytes = b""
    """What was read from it already."""
    unsent: bytes = b""
    """The rest of its reply, when that is all there is to do for it."""


class Connection:
    """An accepted caller, and when it was last heard."""

    def __init__(self, arrival: Arrival, clock: Clock) -> None:
        self.sock, self.address, self.first_piece, self.unsent = arrival
        self._clock = clock
        self.silent_since_s = math.inf if arrival.heard else clock.monotonic()

    def heard(self) -> None:
        self.silent_since_s = self._clock.monotonic()

    def hold(self) -> None:
        """Keep the connection, however silent, until it is heard again: a reply is in work."""
        self.silent_since_s = math.inf


class Listener:
    """Accepts callers that ``rules`` let in and runs ``serve`` for each, at most ``limit``.

    ``sock`` is bound and listens already; it is owned, and closed by `stop`. Who accepts its
    callers in our place gives them by ``accept``.
    """

    def __init__(
        self,
        serve: Callable[[Connection], Awaitable[None]],
        sock: socket.socket,
        *,
        limit: int,
        rules: AccessRules,
        clock: Clock,
        accept: Callable[[], Awaitable[Arrival]] | None = None,
    ) -> None:
        self._serve = serve
        self._sock = sock
        self._accept = accept or self._accept_one
        self._limit = limit
        self._rules = rules
        self._clock = clock
        self._accepting: asyncio.Task[None] | None = None
        self._open: dict[Connection, asyncio.Task[None]] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._left = asyncio.Event()
        self._warnings = RateLimit()

    @property
    def port(self) -> int:
        """The port really bound, which the kernel chooses for port 0."""
        port: int = self._sock.getsockname()[1]
        return port

    def start(self) -> None:
        """Accept from now on."""
        self._accepting = asyncio.create_task(self._accept_all())

    async def stop(self) -> None:
        """Accept nobody any more, finish the replies under way, close everything. Idempotent."""
        if self._accepting is not None:
            self._accepting.cancel()
            await asyncio.wait([self._accepting])
            self._accepting = None
        self._sock.close()
        for connection, task in list(self._open.items()):
            if connection.silent_since_s < math.inf:
                task.cancel()
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=STOP_TIMEOUT_S)
        for task in list(self._tasks):
            task.cancel()
        if self._tasks:
            await asyncio.wait(self._tasks)

    async def _accept_one(self) -> Arrival:
        sock, peer = await asyncio.get_running_loop().sock_accept(self._sock)
        return Arrival(sock, peer[0])

    async def _accept_all(self) -> None:
        while True:
            await self._room()
            try:
                arrival = await self._accept()
            except OSError as exc:
                self._warn("accept", f"cannot accept a connection: {exc.strerror}")
                await asyncio.sleep(ACCEPT_PAUSE_S)
                continue
            if self._rules.right(arrival.address) is Right.NONE:
                arrival.sock.close()
                self._warn("denied", f"{arrival.address} is not allowed to call")
                continue
            connection = Connection(arrival, self._clock)
            task = asyncio.create_task(self._run(connection))
            self._open[connection] = task
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _room(self) -> None:
        """Return when there is a free slot."""
        while len(self._open) >= self._limit:
            oldest = min(self._open, key=lambda connection: connection.silent_since_s)
            wait_s = oldest.silent_since_s + GRACE_S - self._clock.monotonic()
            if wait_s <= 0:
                silent_since_s = oldest.silent_since_s
                for _ in range(HEARING_TURNS):
                    await asyncio.sleep(0)
                if oldest.silent_since_s == silent_since_s and oldest in self._open:
                    self._open.pop(oldest).cancel()
                continue
            self._left.clear()
            try:
                async with asyncio.timeout(min(wait_s, GRACE_S)):
                    await self._left.wait()
            except TimeoutError:
                continue

    async def _run(self, connection: Connection) -> None:
        try:
            with connection.sock:
                await self._serve(connection)
        except (TimeoutError, OSError):
            log.debug("%s is gone", connection.address)
        except Exception:
            log.exception("connection from %s failed", connection.address)
        finally:
            self._open.pop(connection, None)
            self._left.set()

    def _warn(self, kind: str, text: str) -> None:
        held = self._warnings.admit(kind, self._clock.monotonic())
        if held is not None:
            log.warning("%s; %d such lines held back before", text, held)
