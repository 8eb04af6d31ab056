"""A warped loop with a network of its own: bytes between its protocols take time, never a socket.

The machine's own network may be asked for nothing while the clock jumps: what is on its way there
takes time that no clock shows. What would be done in threads is done at once.
"""

import asyncio
import socket
from collections import deque
from collections.abc import Callable
from functools import partial
from typing import Any

from luxminer_hil.acceptance.warp import WarpLoop

__all__ = ["LATENCY_S", "Wire", "WiredWarpLoop"]

LATENCY_S = 0.03
"""From one end to the other."""

WINDOW_BYTES = 256 << 10
"""On their way, or unread at the other end; what is beyond waits at the sender."""

Factory = Callable[[], asyncio.BaseProtocol]


class Wire(asyncio.Transport):
    """One end of a connection. Bytes arrive in order, and before the end that follows them."""

    def __init__(self, loop: "WiredWarpLoop", sock: socket.socket) -> None:
        super().__init__({"socket": sock})
        self._loop = loop
        self._sock = sock
        self.protocol: asyncio.Protocol | None = None
        self.other: Wire | None = None
        self.coming: deque[bytes] = deque()
        """On their way to this end, or not read yet."""
        self.coming_bytes = 0
        self._arrived = 0
        """How many of these are here."""
        self._is_paused = False
        self._is_open = True
        self._most_unsent = 64 << 10
        self.is_full = False
        """More waits to be sent than its protocol wants."""

    @staticmethod
    def connect(one: "Wire", other: "Wire") -> None:
        one.other, other.other = other, one

    def start(self, protocol: asyncio.Protocol) -> None:
        self.protocol = protocol
        protocol.connection_made(self)

    # What protocols call

    def write(self, data: bytes | bytearray | memoryview) -> None:
        other = self.other
        if not self._is_open or not data or other is None:
            return
        other.coming.append(bytes(data))
        other.coming_bytes += len(data)
        self._loop.on_its_way(other.arrive)
        if self.get_write_buffer_size() > self._most_unsent and not self.is_full:
            self.is_full = True
            assert self.protocol is not None
            self.protocol.pause_writing()

    def close(self) -> None:
        self._end(None)

    def abort(self) -> None:
        self._end(ConnectionResetError(104, "reset"))

    def is_closing(self) -> bool:
        return not self._is_open

    def pause_reading(self) -> None:
        self._is_paused = True

    def resume_reading(self) -> None:
        if self._is_paused:
            self._is_paused = False
            self._loop.call_soon(self._read)

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None:
        del low
        self._most_unsent = high if high is not None else self._most_unsent

    def get_write_buffer_size(self) -> int:
        assert self.other is not None
        return max(0, self.other.coming_bytes - WINDOW_BYTES)

    # What the network does

    def arrive(self) -> None:
        if not self._loop.holds_back(self.arrive):
            self._arrived += 1
            self._read()

    def _read(self) -> None:
        while self._arrived and self._is_open and not self._is_paused:
            self._arrived -= 1
            data = self.coming.popleft()
            self.coming_bytes -= len(data)
            assert self.protocol is not None
            self.protocol.data_received(data)
        other = self.other
        if other is not None and other.is_full and not other.get_write_buffer_size():
            other.is_full = False
            assert other.protocol is not None
            other.protocol.resume_writing()

    def _end(self, error: Exception | None) -> None:
        if not self._is_open:
            return
        self._is_open = False
        self._sock.close()
        assert self.protocol is not None
        self._loop.call_soon(self.protocol.connection_lost, None)
        if self.other is not None:
            self._loop.on_its_way(partial(self.other.lose, error))

    def lose(self, error: Exception | None) -> None:
        """Hear of the other end's end, after what it sent; a reset overtakes what is unread."""
        if not self._is_open or self._loop.holds_back(partial(self.lose, error)):
            return
        if self._is_paused and error is None:
            self._loop.on_its_way(partial(self.lose, error))
            return
        self._is_open = False
        self._sock.close()
        assert self.protocol is not None
        self.protocol.connection_lost(error)


def arrived(reached: asyncio.Future[None]) -> None:
    if not reached.done():
        reached.set_result(None)


class Listener:
    """Who is called at a port."""

    def __init__(self, loop: "WiredWarpLoop", sock: socket.socket, factory: Factory) -> None:
        self._loop = loop
        self._sock = sock
        self._port: int = sock.getsockname()[1]
        loop.listening[self._port] = factory

    def close(self) -> None:
        if self._loop.listening.pop(self._port, None) is not None:
            self._sock.close()


class WiredWarpLoop(WarpLoop):
    """Connects who dials a port of this machine with who listens there, on this loop."""

    def __init__(self) -> None:
        super().__init__()
        self.listening: dict[int, Factory] = {}
        self._dialled: dict[int, int] = {}
        self._under_way: deque[tuple[float, Callable[[], object]]] = deque()
        self._is_waiting = False
        self._held_back: list[Callable[[], None]] | None = None
        self._whole = asyncio.Event()
        self._whole.set()

    def on_its_way(self, arrive: Callable[[], object]) -> None:
        """Let something arrive when its time has come, and in the order in which it was sent."""
        self._under_way.append((self.time() + LATENCY_S, arrive))
        self._wait_for_next()

    def _wait_for_next(self) -> None:
        if self._under_way and not self._is_waiting:
            self._is_waiting = True
            self.call_at(self._under_way[0][0], self._arrivals)

    def _arrivals(self) -> None:
        while self._under_way and self._under_way[0][0] <= self.time():
            self._under_way.popleft()[1]()
        self._is_waiting = False
        self._wait_for_next()

    def cut(self) -> None:
        """Let nothing through any more, as when a cable is pulled: nobody is told."""
        self._held_back = []
        self._whole.clear()

    def mend(self) -> None:
        """Let through what was sent meanwhile, and all that follows."""
        held_back, self._held_back = self._held_back or [], None
        for arrive in held_back:
            self.call_soon(arrive)
        self._whole.set()

    def holds_back(self, arrive: Callable[[], None]) -> bool:
        """Keep what would arrive now for later, while the network is cut."""
        if self._held_back is None:
            return False
        self._held_back.append(arrive)
        return True

    async def sock_connect(self, sock: socket.socket, address: Any) -> None:
        await self._whole.wait()
        reached = self.create_future()
        self.on_its_way(partial(arrived, reached))
        await reached
        if address[1] not in self.listening:
            raise ConnectionRefusedError(111, "nobody listens")
        self._dialled[sock.fileno()] = address[1]

    async def create_server(  # type: ignore[override]  # the one way in which pools listen
        self, factory: Factory, *, sock: socket.socket, **_options: Any
    ) -> Listener:
        return Listener(self, sock, factory)

    async def create_connection(  # type: ignore[override]  # the one way in which we dial
        self, factory: Factory, *, sock: socket.socket
    ) -> tuple[Wire, asyncio.BaseProtocol]:
        listener = self.listening.get(self._dialled.pop(sock.fileno()))
        if listener is None:
            sock.close()
            raise ConnectionResetError(104, "gone")
        here, there = Wire(self, sock), Wire(self, socket.socket())
        Wire.connect(here, there)
        protocol, server = factory(), listener()
        assert isinstance(protocol, asyncio.Protocol)
        assert isinstance(server, asyncio.Protocol)
        there.start(server)
        here.start(protocol)
        return here, protocol

    def run_in_executor(  # type: ignore[override]  # no thread, and no executor
        self, _executor: object, func: Callable[..., Any], *args: Any
    ) -> asyncio.Future[Any]:
        async def at_once() -> Any:
            return func(*args)

        return self.create_task(at_once())
