"""One TCP connection to a pool: dialling, bytes both ways, and the reason why it ended.

Knows nothing of stratum. Everything a peer can make grow is bounded here: what waits to be sent,
how much may arrive in a second, and how much of it is worked on before others get their turn.
"""

import asyncio
import os
import socket
from collections.abc import Callable

from aiohappyeyeballs import start_connection

from luxminer.errors import TransportError, TransportTimeout

__all__ = ["MAX_INPUT_BYTES_S", "MAX_UNSENT_BYTES", "PIECE_BYTES", "PoolConnection", "dial"]

MAX_UNSENT_BYTES = 256 * 1024
"""A pool that leaves this much unread is dead."""

MAX_INPUT_BYTES_S = 2 * 1024 * 1024
"""More than this in one second is no mining pool: the largest jobs have tens of kilobytes."""

PIECE_BYTES = 8192
"""Handed on at once: a job fits, and several hundred hostile lines take a few milliseconds."""

KEEPALIVE_IDLE_S = 45
KEEPALIVE_INTERVAL_S = 30

ADDRESS_STAGGER_S = 0.25
"""Head start of each address of a name before the next one is tried beside it."""


class PoolConnection(asyncio.Protocol):
    """Bytes of one connection. ``opened`` and ``received`` are called from the event loop."""

    def __init__(
        self, opened: Callable[["PoolConnection"], None], received: Callable[[bytes], None]
    ) -> None:
        self._opened = opened
        self._received = received
        self._transport: asyncio.Transport | None = None
        self._window_start_s = 0.0
        self._window_bytes = 0
        self._arrived = bytearray()
        self.closed = asyncio.Event()
        self.reason = ""
        """Why the connection ended, for people; empty while it lives."""

    def write(self, data: bytes) -> None:
        """Send at once what the socket takes; the rest follows, within `MAX_UNSENT_BYTES`."""
        if data and self._transport is not None and not self.reason:
            self._transport.write(data)

    def close(self, reason: str) -> None:
        """Send what was written, then close. The peer decides how long that takes."""
        if not self.reason:
            self.reason = reason
            if self._transport is not None:
                self._transport.close()

    def abort(self, reason: str) -> None:
        """Close at once, whatever was not sent is lost. Also ends a `close` under way."""
        self.reason = self.reason or reason
        if self._transport is not None:
            self._transport.abort()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        transport.set_write_buffer_limits(high=MAX_UNSENT_BYTES)
        _tune(transport.get_extra_info("socket"))
        self._opened(self)

    def data_received(self, data: bytes) -> None:
        if self.reason:
            return
        now_s = asyncio.get_running_loop().time()
        if now_s - self._window_start_s >= 1.0:
            self._window_start_s, self._window_bytes = now_s, 0
        self._window_bytes += len(data)
        if self._window_bytes > MAX_INPUT_BYTES_S:
            self.abort(f"sends more than {MAX_INPUT_BYTES_S >> 20} MiB in a second")
            return
        self._arrived += data
        if len(self._arrived) == len(data):
            self._deliver()

    def _deliver(self) -> None:
        """Hand on a piece, and the rest after all others who are ready; read on when it is done."""
        assert self._transport is not None
        piece = bytes(self._arrived[:PIECE_BYTES])
        if len(self._arrived) > PIECE_BYTES:
            self._transport.pause_reading()
        if not self.reason:
            self._received(piece)
        del self._arrived[:PIECE_BYTES]
        if self.reason:
            self._arrived.clear()
        elif self._arrived:
            asyncio.get_running_loop().call_soon(self._deliver)
        else:
            self._transport.resume_reading()

    def pause_writing(self) -> None:
        self.abort("does not read what it is sent")

    def connection_lost(self, exc: Exception | None) -> None:
        if not self.reason:
            self.reason = f"connection lost: {exc}" if exc else "connection closed by the pool"
        self.closed.set()


async def dial(
    host: str,
    port: int,
    timeout_s: float,
    opened: Callable[[PoolConnection], None],
    received: Callable[[bytes], None],
) -> PoolConnection:
    """Connect to whichever address of ``host`` answers first, IPv6 or IPv4.

    ``opened`` is called before any byte is received. Raises TransportTimeout, TransportError.
    """
    loop = asyncio.get_running_loop()
    try:
        async with asyncio.timeout(timeout_s):
            addresses = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)
            sock = await start_connection(addresses, happy_eyeballs_delay=ADDRESS_STAGGER_S)
            _, connection = await loop.create_connection(
                lambda: PoolConnection(opened, received), sock=sock
            )
    except TimeoutError as exc:
        raise TransportTimeout(f"no connection to {host}:{port} in {timeout_s:g} s") from exc
    except (OSError, ValueError) as exc:  # ValueError: a name that no resolver takes
        raise TransportError(f"cannot connect to {host}:{port}: {_words(exc)}") from exc
    return connection


def _words(exc: OSError | ValueError) -> str:
    if isinstance(exc, socket.gaierror) or not isinstance(exc, OSError) or not exc.errno:
        return f"{getattr(exc, 'strerror', None) or exc}; correct the name, or look at the network"
    return f"{os.strerror(exc.errno).lower()}; correct address and port, or look at the network"


def _tune(sock: socket.socket) -> None:
    """Shares are single small packets; a silent peer must be noticed."""
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, KEEPALIVE_IDLE_S)
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPINTVL, KEEPALIVE_INTERVAL_S)
