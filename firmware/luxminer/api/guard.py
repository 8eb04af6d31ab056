"""A watchful layer between a socket and the protocol object of an HTTP library."""

import asyncio
from typing import Self

from luxminer.api.listener import Connection

__all__ = ["Guard"]


class Guard(asyncio.Protocol):
    """Stands between a socket and aiohttp: knows when the peer was last heard and what is due.

    As a context it keeps the connection while a reply is in work.
    """

    def __init__(self, inner: asyncio.Protocol, connection: Connection) -> None:
        self._inner = inner
        self._connection = connection
        self._loop = asyncio.get_running_loop()
        self._due_since_s: float | None = self._loop.time()
        """Since when a request is awaited or arriving; None while the connection may idle."""
        self._arrived = False
        """Something of a request that has not been answered."""
        self._working = False
        self.half_closed = False
        """The peer sends nothing more but may wait for a reply."""
        self._lost = asyncio.Event()

    def __enter__(self) -> Self:
        self._working = True
        self._connection.hold()
        return self

    def __exit__(self, *_exc: object) -> None:
        self._working = False
        self._connection.heard()

    def answered(self) -> None:
        self._due_since_s = None
        self._arrived = False

    async def gone(self, timeout_s: float) -> None:
        """Return when the connection is lost, or a request takes longer than this to arrive."""
        while not self._lost.is_set():
            since_s = self._due_since_s
            wait_s = timeout_s
            if since_s is not None and not self._working:
                wait_s = since_s + timeout_s - self._loop.time()
                if wait_s <= 0:
                    return
            try:
                async with asyncio.timeout(wait_s):
                    await self._lost.wait()
            except TimeoutError:
                continue

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._inner.connection_made(transport)

    def connection_lost(self, exc: Exception | None) -> None:
        self._inner.connection_lost(exc)
        self._lost.set()

    def data_received(self, data: bytes) -> None:
        self._arrived = True
        if not self._working:
            self._connection.heard()
            if self._due_since_s is None:
                self._due_since_s = self._loop.time()
        self._inner.data_received(data)

    def eof_received(self) -> bool | None:
        """Keep the way back open for a client that ends its request with end of input."""
        self._inner.eof_received()
        self.half_closed = True
        return self._arrived or self._working

    def pause_writing(self) -> None:
        self._inner.pause_writing()

    def resume_writing(self) -> None:
        self._inner.resume_writing()
