"""A listening socket and the bounded set of connections behind it, for TCP and HTTP alike.

Each connection is one task. When all slots are taken, the next caller waits in the kernel's queue
until one is free, or until some connection has said nothing for `GRACE_S`; the one that has been
silent longest then goes. A burst of honest clients is served in turn that way, and a crowd of
silent ones delays nobody for long.
"""

import asyncio
import errno
import logging
import math
import socket
from collections.abc import Awaitable, Callable

from luxminer.api.access import AccessRules, Right
from luxminer.clock import Clock
from luxminer.errors import ConfigError
from luxminer.logs import RateLimit

__all__ = ["BACKLOG", "GRACE_S", "Connection", "Listener"]

log = logging.getLogger(__name__)

BACKLOG = 128
GRACE_S = 0.1
ACCEPT_PAUSE_S = 0.5
"""After the system had no descriptor left."""
STOP_TIMEOUT_S = 3.0
"""For requests that are being answered when the service stops."""

CURES = {
    errno.EADDRINUSE: "another program listens there; stop it or choose another port",
    errno.EACCES: "ports below 1024 need privileges; choose a higher one",
    errno.EPERM: "ports below 1024 need privileges; choose a higher one",
    errno.EADDRNOTAVAIL: "api.listen must be an address of this machine, or 0.0.0.0",
}


class Connection:
    """An accepted socket, non-blocking, and when its caller was last heard."""

    def __init__(self, sock: socket.socket, address: str, clock: Clock) -> None:
        self.sock = sock
        self.address = address
        self._clock = clock
        self.silent_since_s = clock.monotonic()

    def heard(self) -> None:
        self.silent_since_s = self._clock.monotonic()

    def hold(self) -> None:
        """Keep the connection, however silent, until it is heard again: a reply is in work."""
        self.silent_since_s = math.inf


class Listener:
    """Accepts callers that ``rules`` let in and runs ``serve`` for each, at most ``limit``."""

    def __init__(
        self,
        serve: Callable[[Connection], Awaitable[None]],
        *,
        host: str,
        port: int,
        key: str,
        limit: int,
        rules: AccessRules,
        clock: Clock,
    ) -> None:
        self._serve = serve
        self._address = (host, port)
        self._key = key
        self._limit = limit
        self._rules = rules
        self._clock = clock
        self._sock: socket.socket | None = None
        self._accepting: asyncio.Task[None] | None = None
        self._open: dict[Connection, asyncio.Task[None]] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._left = asyncio.Event()
        self._warnings = RateLimit()

    @property
    def port(self) -> int:
        """The port really bound, which the kernel chooses for port 0."""
        assert self._sock is not None, "not started"
        port: int = self._sock.getsockname()[1]
        return port

    async def start(self) -> None:
        """Bind and accept from now on. Raises ConfigError naming the port and the cure."""
        self._sock = await self._bind()
        self._accepting = asyncio.create_task(self._accept_all(self._sock))

    async def stop(self) -> None:
        """Accept nobody any more, finish the replies under way, close everything. Idempotent."""
        if self._accepting is not None:
            self._accepting.cancel()
            await asyncio.wait([self._accepting])
            self._accepting = None
        if self._sock is not None:
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

    async def _bind(self) -> socket.socket:
        host, port = self._address
        loop = asyncio.get_running_loop()
        try:
            found = await loop.getaddrinfo(
                host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
            )
        except OSError as exc:
            raise ConfigError(
                f'"{host}" is no address: {exc.strerror}',
                key="api.listen",
                value=host,
                cure="write an address of this machine, or 0.0.0.0",
            ) from exc
        family, kind, protocol, _, address = found[0]
        sock = socket.socket(family, kind, protocol)
        try:
            sock.setblocking(False)
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            if family == socket.AF_INET6:
                sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, host != "::")
            sock.bind(address)
            sock.listen(BACKLOG)
        except OSError as exc:
            sock.close()
            raise ConfigError(
                f"cannot listen on {host} port {port}: {exc.strerror}",
                key=self._key,
                value=port,
                cure=CURES.get(exc.errno or 0, "choose another address or port"),
            ) from exc
        return sock

    async def _accept_all(self, listening: socket.socket) -> None:
        loop = asyncio.get_running_loop()
        while True:
            await self._room()
            try:
                sock, peer = await loop.sock_accept(listening)
            except OSError as exc:
                self._warn("accept", f"cannot accept a connection: {exc.strerror}")
                await asyncio.sleep(ACCEPT_PAUSE_S)
                continue
            address = peer[0]
            if self._rules.right(address) is Right.NONE:
                sock.close()
                self._warn("denied", f"{address} is not allowed to call")
                continue
            connection = Connection(sock, address, self._clock)
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
