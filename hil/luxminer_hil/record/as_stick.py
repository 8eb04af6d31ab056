"""Replays a recording as a stick: as a transport in this process, or on a tty for any program."""

import asyncio
from collections.abc import Sequence
from pathlib import Path

from luxminer.errors import TransportClosed, TransportError
from luxminer.transport.base import Capability, Transport
from luxminer_hil.chipsim.port import PtyPort
from luxminer_hil.record.events import Do
from luxminer_hil.record.load import Line, Recording
from luxminer_hil.record.stick_part import Departure, StickPart

__all__ = ["ReplayStick", "ReplayTransport", "serve_on_tty"]


class ReplayStick:
    """A part with the time of the running loop. ``answer`` gets channel and bytes."""

    def __init__(self, part: StickPart) -> None:
        self.part = part
        self.departure: Departure | None = None
        self.ended = asyncio.Event()
        """All was replayed, or the host has departed."""
        self._inputs: dict[int, asyncio.Queue[bytes]] = {}
        self._timer: asyncio.TimerHandle | None = None
        self._taker = self._queue

    def start(self) -> None:
        """Let the time of the part begin."""
        self._go_on()

    def input(self, channel: int) -> asyncio.Queue[bytes]:
        """Return the answers on a channel; an empty one says that nothing follows."""
        return self._inputs.setdefault(channel, asyncio.Queue())

    def heard(self, data: bytes, channel: int = 0) -> None:
        """Take bytes of the host. Raises Departure, then and ever after."""
        self._check()
        try:
            self.part.heard(data, channel)
        except Departure as exc:
            self._depart(exc)
            raise
        self._go_on()
        self._check()

    async def controlled(self, do: Do, number: int) -> None:
        """Take a change of rate or reset line; return after its pause. Raises Departure."""
        self._check()
        self.part.pause_s = 0.0
        self.part.controlled(do, number)
        self._go_on()
        self._check()
        await asyncio.sleep(self.part.pause_s)

    def stop(self) -> None:
        """End: who waits for an answer is told. Idempotent."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self.ended.set()
        for queue in self._inputs.values():
            queue.put_nowait(b"")

    def _check(self) -> None:
        if self.departure is not None:
            raise self.departure

    def _queue(self, channel: int, data: bytes) -> None:
        self.input(channel).put_nowait(data)

    def send_to(self, taker: "asyncio.Queue[tuple[int, bytes]]") -> None:
        """Give all answers to one queue instead."""
        self._taker = lambda channel, data: taker.put_nowait((channel, data))

    def _go_on(self) -> None:
        loop = asyncio.get_running_loop()
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        try:
            for channel, data in self.part.step(loop.time()):
                self._taker(channel, data)
        except Departure as exc:
            self._depart(exc)
            return
        next_s = self.part.next_s()
        if next_s is not None:
            self._timer = loop.call_at(next_s, self._go_on)
        elif self.part.is_over:
            self.departure = self.part.left_over() or self.departure
            self.ended.set()
            if self.part.is_lost:
                self.stop()

    def _depart(self, departure: Departure) -> None:
        self.departure = departure
        self.stop()


class ReplayTransport:
    """A recorded stick as the transport that drivers expect. Made on a running loop."""

    def __init__(self, recording: Recording, *, session: int = 0, tolerant: bool = False) -> None:
        """Begin with a session of the recording, counted from 0. Raises TransportError."""
        lines = session_of(recording, session)
        self._name = f"recording of {recording.header.port or 'a stick'}"
        offered = {each.value for each in Capability} & set(recording.header.capabilities)
        self._capabilities = frozenset(Capability(each) for each in offered)
        self.stick = ReplayStick(StickPart(lines, tolerant=tolerant))
        self._lines: dict[int, ReplayLine] = {0: ReplayLine(self, 0)}
        self.stick.start()

    @property
    def name(self) -> str:
        return self._name

    @property
    def capabilities(self) -> frozenset[Capability]:
        return self._capabilities

    async def read(self, limit: int = 4096) -> bytes:
        """See `Transport.read`. At the end of the recording nothing more comes."""
        return await self._lines[0].read(limit)

    async def write(self, data: bytes) -> None:
        """Match ``data`` with the recording. Raises Departure, a TransportError."""
        self.stick.heard(data)

    def discard_input(self) -> int:
        return self._lines[0].discard_input()

    async def set_baudrate(self, baudrate: int) -> None:
        """Match the rate. Raises Departure."""
        await self.stick.controlled(Do.BAUD, baudrate)

    async def set_reset(self, asserted: bool) -> None:
        """Match the reset line. Raises Departure."""
        await self.stick.controlled(Do.RESET, int(asserted))

    def channel(self, number: int) -> Transport:
        """Return another line of the recorded stick."""
        if Capability.SECOND_CHANNEL not in self._capabilities and number:
            raise TransportError(f"{self._name} has no channel {number}: none was recorded")
        if not number:
            return self
        return self._lines.setdefault(number, ReplayLine(self, number))

    async def close(self) -> None:
        self.stick.stop()


class ReplayLine:
    """One channel of a `ReplayTransport`."""

    def __init__(self, owner: ReplayTransport, number: int) -> None:
        self._owner = owner
        self._number = number
        self._queue = owner.stick.input(number)
        self._unread = bytearray()
        self._is_over = False

    @property
    def name(self) -> str:
        return self._owner.name

    @property
    def capabilities(self) -> frozenset[Capability]:
        return frozenset()

    async def read(self, limit: int = 4096) -> bytes:
        """Return 1 to ``limit`` bytes. Raises TransportClosed, Departure."""
        while not self._unread:
            if self._is_over:
                self._raise()
            self._put(await self._queue.get())
        data = bytes(self._unread[:limit])
        del self._unread[:limit]
        return data

    async def write(self, data: bytes) -> None:
        self._owner.stick.heard(data, self._number)

    def discard_input(self) -> int:
        while not self._queue.empty():
            self._put(self._queue.get_nowait())
        count = len(self._unread)
        self._unread.clear()
        return count

    async def set_baudrate(self, baudrate: int) -> None:
        """Match the rate. Raises Departure."""
        await self._owner.stick.controlled(Do.BAUD, baudrate)

    async def set_reset(self, asserted: bool) -> None:
        """Raise TransportError: only the chips have such a line."""
        raise TransportError(f"channel {self._number} of {self.name} has no reset: {asserted}")

    def channel(self, number: int) -> Transport:
        return self._owner.channel(number)

    async def close(self) -> None:
        """Nothing: the owner closes."""

    def _put(self, data: bytes) -> None:
        self._unread += data
        self._is_over = self._is_over or not data

    def _raise(self) -> None:
        if self._owner.stick.departure is not None:
            raise self._owner.stick.departure
        raise TransportClosed(f"{self.name} is gone, as it was then")


def session_of(recording: Recording, number: int) -> tuple[Line, ...]:
    """Return the lines of a session. Raises TransportError that says how many there are."""
    sessions = recording.sessions()
    if not 0 <= number < len(sessions):
        raise TransportError(f"there is no session {number}: the recording has {len(sessions)}")
    return sessions[number]


async def serve_on_tty(
    lines: Sequence[Line], link: Path | None, ready: "asyncio.Future[str]", *, tolerant: bool
) -> ReplayStick:
    """Replay on a tty until all is replayed or the host departs; return how it went.

    ``ready`` gets the path once a host may open it. Rates and reset lines are not seen on a tty.
    Raises SimulatorError when the link cannot be made.
    """
    lines = [line for line in lines if not line.event.channel]
    stick = ReplayStick(StickPart(lines, tolerant=tolerant, hears_controls=False))
    port = PtyPort(link)
    answers: asyncio.Queue[tuple[int, bytes]] = asyncio.Queue()
    stick.send_to(answers)

    def received(data: bytes) -> None:
        if stick.departure is None:
            try:
                stick.heard(data)
            except Departure:
                stick.stop()

    port.plug(received)
    try:
        ready.set_result(port.path)
        await _host_of(port)
        stick.start()
        ended = asyncio.create_task(stick.ended.wait())
        try:
            await _pass_on(answers, port, ended)
        finally:
            ended.cancel()
    finally:
        stick.stop()
        port.unplug()
    return stick


HOST_POLL_S = 0.02
"""How often a tty that nobody has opened yet is looked at: nothing tells when that happens."""

LINGER_S = 0.2
"""The last answer stays readable for so long."""


async def _host_of(port: PtyPort) -> None:
    while True:
        if port.has_host:
            return
        await asyncio.sleep(HOST_POLL_S)


async def _pass_on(
    answers: "asyncio.Queue[tuple[int, bytes]]", port: PtyPort, ended: "asyncio.Task[bool]"
) -> None:
    """Write answers to the tty until there are no more."""
    while not (ended.done() and answers.empty()):
        answer = asyncio.create_task(answers.get())
        await asyncio.wait({answer, ended}, return_when=asyncio.FIRST_COMPLETED)
        if answer.done():
            port.write(answer.result()[1])
        else:
            answer.cancel()
    await asyncio.sleep(LINGER_S)
