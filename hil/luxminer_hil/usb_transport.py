"""The host's end of a virtual stick on a virtual bridge, on the event loop and without threads.

It makes the requests of `luxminer.transport.usbbridge` of the model of the bridge itself, and waits
on the loop where that one waits in libusb: so a bench in warped time sees what a stick does on USB.
"""

import asyncio
from collections.abc import Callable, Iterable

from luxminer.errors import (
    PortProblem,
    PortUnusable,
    TransportClosed,
    TransportError,
    TransportTimeout,
)
from luxminer.transport.base import Capability, Transport
from luxminer.transport.usbbridge.bridge import Bridge, Control, Line, Pause, PortReset, Step
from luxminer.transport.usbbridge.find import BRIDGES
from luxminer_hil.memory_transport import WRITE_LIMIT_S
from luxminer_hil.usbsim.bus import SimulatedBus
from luxminer_hil.usbsim.device import Gone, Setup, Stall
from luxminer_hil.usbsim.stick_port import UsbPort

__all__ = ["UsbBoardTransport", "open_board"]

BITS_PER_BYTE = 10


class _Board:
    """The bridge, taken by this process."""

    def __init__(self, bus: SimulatedBus, port: UsbPort) -> None:
        self.device = port.device
        self.model = port.bridge
        identity = self.model.identity
        self.bridge: Bridge = BRIDGES[identity.vendor_id, identity.product_id]
        self.name = port.path
        self._bus = bus

    async def run(self, steps: Iterable[Step]) -> None:
        """Carry out requests in order. Raises Stall, Gone."""
        for step in steps:
            match step:
                case Control():
                    setup = Setup(
                        step.request_type, step.request, step.value, step.index, len(step.data)
                    )
                    self.model.control(setup, step.data)
                case Pause():
                    await asyncio.sleep(step.seconds)
                case PortReset():
                    self._bus.reset(self.device)

    async def set_up(self, baudrates: Iterable[int]) -> None:
        """Bring every line up at its rate, the one to the chips first."""
        for line, baudrate in zip(self.bridge.lines, baudrates, strict=True):
            await self.run(self.bridge.setup(line, baudrate, self.model.identity.manufacturer))


class UsbBoardTransport:
    """A `luxminer.transport.base.Transport` over one line of a virtual bridge."""

    def __init__(self, board: _Board, line: Line, baudrate: int) -> None:
        self.baudrate = baudrate
        self.lines: list[UsbBoardTransport] = []
        """All of the board; of the first one only."""
        self._board = board
        self._line = line
        self._model = board.model
        self._channel = board.model.channels[line.number]
        self._unread = bytearray()
        self._changed = asyncio.Event()
        self._is_closed = False
        self._free_s = 0.0
        self._end_watch: Callable[[], None] = self._model.watch(self._changed.set)
        board.device.claims[line.interface] = self

    @property
    def name(self) -> str:
        return f"{self._board.name}#{self._line.number}" if self._line.number else self._board.name

    @property
    def capabilities(self) -> frozenset[Capability]:
        return frozenset() if self._line.number else self._board.bridge.capabilities

    async def read(self, limit: int = 4096) -> bytes:
        """Return 1 to ``limit`` bytes. Raises TransportClosed. Cancelling loses no bytes."""
        while not self._unread:
            self._check_open()
            self._changed.clear()
            packet = self._packet()
            if packet is None:
                await self._wait()
            else:
                self._unread += self._board.bridge.payload(packet)
        data = bytes(self._unread[:limit])
        del self._unread[:limit]
        return data

    def _packet(self) -> bytes | None:
        """Fetch a packet if there are bytes for one; a packet of status alone is left."""
        if not self._channel.unread:
            return None
        try:
            return self._model.in_packet(self._line.endpoint_in)
        except (Stall, Gone) as exc:
            raise self._gone(str(exc)) from exc

    async def _wait(self) -> None:
        """Wait for a change of the bridge, or until it sends a packet that is not full."""
        loop = asyncio.get_running_loop()
        due_s = self._model.due_s(self._line.endpoint_in) if self._channel.unread else None
        timer = loop.call_at(due_s, self._changed.set) if due_s is not None else None
        try:
            await self._changed.wait()
        finally:
            if timer is not None:
                timer.cancel()

    async def write(self, data: bytes) -> None:
        """Hand over all of ``data``. Raises TransportClosed, TransportTimeout."""
        loop = asyncio.get_running_loop()
        self._free_s = max(self._free_s, loop.time()) + len(data) * BITS_PER_BYTE / self.baudrate
        try:
            async with asyncio.timeout(WRITE_LIMIT_S):
                while data:
                    self._check_open()
                    self._changed.clear()
                    size = self._model.max_packet_bytes(self._line.endpoint_out)
                    taken = self._model.out_packet(self._line.endpoint_out, data[:size])
                    data = data[taken:]
                    if not taken:
                        await self._changed.wait()
        except (Stall, Gone) as exc:
            raise self._gone(str(exc)) from exc
        except TimeoutError as exc:
            reason = f"{self.name} did not take a write in {WRITE_LIMIT_S:g} s"
            raise TransportTimeout(reason) from exc

    def discard_input(self) -> int:
        count = len(self._unread)
        self._unread.clear()
        return count

    async def set_baudrate(self, baudrate: int) -> None:
        """Change the rate once all has left. Raises TransportClosed, TransportError."""
        try:
            request = self._board.bridge.rate(self._line, baudrate)
        except ValueError as exc:
            raise TransportError(f"{self.name} cannot run at {baudrate} baud: {exc}") from exc
        await asyncio.sleep(max(0.0, self._free_s - asyncio.get_running_loop().time()))
        await self._order((request,))
        self.baudrate = baudrate

    async def set_reset(self, asserted: bool) -> None:
        """Hold the chips in reset while ``asserted``. Raises TransportClosed, TransportError."""
        bridge = self._board.bridge
        if Capability.RESET_LINE not in self.capabilities:
            raise TransportError(f"{self.name} has no reset line")
        steps = bridge.hold if asserted else bridge.release
        if steps is not None:
            await self._order(steps)
            return
        try:
            await self._board.set_up([line.baudrate for line in self.lines])
        except (Stall, Gone) as exc:
            raise self._failed(exc) from exc

    async def _order(self, steps: Iterable[Step]) -> None:
        self._check_open()
        try:
            await self._board.run(steps)
        except (Stall, Gone) as exc:
            raise self._failed(exc) from exc

    def _failed(self, error: Stall | Gone) -> TransportError:
        if isinstance(error, Gone):
            return self._gone(str(error))
        return TransportError(f"{self.name} refused a request")

    def channel(self, number: int) -> Transport:
        """Return another line of the board. Raises TransportError."""
        if self._line.number or not 0 <= number < len(self.lines):
            raise TransportError(f"{self.name} has no channel {number}")
        return self.lines[number]

    async def close(self) -> None:
        """Let the bridge go; of channel 1: stop reading. Idempotent."""
        if self._is_closed:
            return
        self._is_closed = True
        self._end_watch()
        self._board.device.claims.pop(self._line.interface, None)
        self._changed.set()
        for line in self.lines[1:]:
            await line.close()

    def _check_open(self) -> None:
        if self._is_closed:
            raise self._gone("closed")
        if not self._model.is_plugged:
            raise self._gone("unplugged; plug it in again")

    def _gone(self, reason: str) -> TransportClosed:
        return TransportClosed(f"{self.name} is gone: {reason}")


async def open_board(bus: SimulatedBus, port: UsbPort, baudrate: int) -> UsbBoardTransport:
    """Set up the bridge of a stick and return the line to its chips.

    Raises TransportClosed when it is unplugged or in use, PortUnusable when it refuses.
    """
    if not port.bridge.is_plugged:
        raise TransportClosed(f"{port.path} is unplugged")
    if port.has_host:
        raise TransportClosed(f"{port.path} is in use")
    board = _Board(bus, port)
    try:
        await board.set_up([baudrate] * len(board.bridge.lines))
    except Gone as exc:
        raise TransportClosed(f"{port.path} is gone: {exc}") from exc
    except Stall as exc:
        raise PortUnusable(
            port.path,
            PortProblem.FAILED,
            "it refused a request",
            "unplug the stick and plug it in again",
        ) from exc
    lines = [UsbBoardTransport(board, line, baudrate) for line in board.bridge.lines]
    lines[0].lines += lines
    return lines[0]
