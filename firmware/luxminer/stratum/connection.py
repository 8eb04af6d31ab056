"""One connection to a pool: dialling, bytes both ways, and the reason why it ended.

TLS and proxies are loaded when they are first needed. Knows nothing of stratum. Everything a peer
can make grow is bounded here: what waits to be sent, how much may arrive in a second, and how much
of it is worked on before others get their turn.
"""

import asyncio
import os
import socket
from collections.abc import Callable
from typing import TYPE_CHECKING

from aiohappyeyeballs import start_connection

from luxminer.errors import TransportError, TransportTimeout
from luxminer.stratum.endpoint import Endpoint
from luxminer.stratum.lookup import look_up
from luxminer.stratum.route import Proxy, TlsPolicy

if TYPE_CHECKING:
    from luxminer.stratum.tls import TlsLayer

__all__ = ["MAX_INPUT_BYTES_S", "MAX_UNSENT_BYTES", "PIECE_BYTES", "TUNNEL_TIMEOUT_S"]
__all__ += ["PoolConnection", "dial"]

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


TUNNEL_TIMEOUT_S = 60.0
"""A proxy may have to find its own way first, as Tor does."""


class PoolConnection(asyncio.Protocol):
    """Bytes of one connection. ``opened`` and ``received`` are called from the event loop.

    With ``tls``, both speak of what is inside of it, and ``opened`` waits for the handshake.
    """

    def __init__(
        self,
        opened: Callable[["PoolConnection"], None],
        received: Callable[[bytes], None],
        tls: "TlsLayer | None" = None,
    ) -> None:
        self._opened = opened
        self._received = received
        self._tls = tls
        self._ready = asyncio.Event()
        self._transport: asyncio.Transport | None = None
        self._window_start_s = 0.0
        self._window_bytes = 0
        self._arrived = bytearray()
        self.closed = asyncio.Event()
        self.reason = ""
        """Why the connection ended, for people; empty while it lives."""
        self.by_peer = False
        """Whether the other end, or the network, ended it."""

    def write(self, data: bytes) -> None:
        """Send at once what the socket takes; the rest follows, within `MAX_UNSENT_BYTES`."""
        if data and self._transport is not None and not self.reason:
            if self._tls is not None:
                self._tls.send(data)
                data = self._tls.data_to_send()
            self._transport.write(data)

    async def ready(self) -> None:
        """Wait until the pool can be talked to. Raises TransportError when it cannot."""
        await self._ready.wait()
        if self._tls is not None and not self._tls.ready:
            raise TransportError(self.reason)

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
        if self._tls is None:
            self._open()
        else:
            self._tls.start()
            transport.write(self._tls.data_to_send())

    def _open(self) -> None:
        self._ready.set()
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
        if self._tls is not None:
            data = self._unwrap(data, self._tls)
            if not data:
                return
        self._arrived += data
        if len(self._arrived) == len(data):
            self._deliver()

    def _unwrap(self, data: bytes, tls: "TlsLayer") -> bytes:
        """Return what bytes of the wire mean; what TLS itself has to say in return is sent."""
        assert self._transport is not None
        was_ready = tls.ready
        try:
            plain = tls.receive(data)
        except TransportError as exc:
            self._transport.write(tls.data_to_send())
            self.abort(str(exc))
            return b""
        if answer := tls.data_to_send():
            self._transport.write(answer)
        if tls.ready and not was_ready:
            self._open()
        return b"" if self.reason else plain

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
            self.by_peer = True
            self.reason = f"connection lost: {exc}" if exc else "connection closed by the pool"
        self._ready.set()
        self.closed.set()


async def dial(
    endpoint: Endpoint,
    timeout_s: float,
    opened: Callable[[PoolConnection], None],
    received: Callable[[bytes], None],
    *,
    tls: TlsPolicy | None = None,
    proxy: Proxy | None = None,
) -> PoolConnection:
    """Connect to whichever address of ``endpoint`` answers first, IPv6 or IPv4.

    Through ``proxy`` where there is one, and with TLS where the endpoint says so. ``opened`` is
    called before any byte is received. Raises TransportTimeout, TransportError.
    """
    layer = await _tls_layer(endpoint, tls or TlsPolicy()) if endpoint.tls else None
    if proxy is None:
        sock = await _reach(str(endpoint), endpoint.host, endpoint.port, timeout_s)
    else:
        sock = await _reach(f"proxy {proxy}", proxy.host, proxy.port, timeout_s)
        await _tunnel(sock, proxy, endpoint)
    loop = asyncio.get_running_loop()
    try:
        _, connection = await loop.create_connection(
            lambda: PoolConnection(opened, received, layer), sock=sock
        )
    except OSError as exc:
        sock.close()
        raise TransportError(f"cannot connect to {endpoint}: {_words(exc)}") from exc
    if layer is not None:
        await _handshake(connection, endpoint, timeout_s)
    return connection


async def _reach(what: str, host: str, port: int, timeout_s: float) -> socket.socket:
    """Look the name up, anew each time, and connect; returns a non-blocking socket."""
    try:
        async with asyncio.timeout(timeout_s):
            addresses = await look_up(host, port)
            return await start_connection(addresses, happy_eyeballs_delay=ADDRESS_STAGGER_S)
    except TimeoutError as exc:
        raise TransportTimeout(f"no connection to {what} in {timeout_s:g} s") from exc
    except (OSError, ValueError) as exc:  # ValueError: a name that no resolver takes
        raise TransportError(f"cannot connect to {what}: {_words(exc)}") from exc


async def _tunnel(sock: socket.socket, proxy: Proxy, endpoint: Endpoint) -> None:
    """Let the proxy go on to the pool; closes the socket when it does not."""
    from luxminer.stratum.tunnel import open_tunnel

    reached = False
    try:
        async with asyncio.timeout(TUNNEL_TIMEOUT_S):
            await open_tunnel(sock, proxy, endpoint)
        reached = True
    except TimeoutError as exc:
        words = f"proxy {proxy} does not reach {endpoint} in {TUNNEL_TIMEOUT_S:g} s"
        raise TransportTimeout(words) from exc
    except OSError as exc:
        raise TransportError(f"proxy {proxy} is gone: {_words(exc)}") from exc
    finally:
        if not reached:
            sock.close()


async def _tls_layer(endpoint: Endpoint, policy: TlsPolicy) -> "TlsLayer":
    """Load TLS and read certificates in a thread: that takes longer than the loop may wait."""

    def load() -> "TlsLayer":
        from luxminer.stratum.tls import open_tls

        return open_tls(policy, endpoint.host)

    return await asyncio.to_thread(load)


async def _handshake(connection: PoolConnection, endpoint: Endpoint, timeout_s: float) -> None:
    ready = False
    try:
        async with asyncio.timeout(timeout_s):
            await connection.ready()
        ready = True
    except TransportError as exc:
        raise TransportError(f"{endpoint}: {exc}") from exc
    except TimeoutError as exc:
        raise TransportTimeout(f"{endpoint}: no TLS within {timeout_s:g} s") from exc
    finally:
        if not ready:
            connection.abort("stopped")


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
