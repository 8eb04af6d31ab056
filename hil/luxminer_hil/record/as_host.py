"""Replays a recording as a host: writes what it wrote, at its pauses, and compares the answers."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field

from luxminer.errors import TransportClosed
from luxminer.transport.base import Capability, Transport
from luxminer_hil.record.events import Do
from luxminer_hil.record.load import Line
from luxminer_hil.record.stick_part import Departure

__all__ = ["HostReplay", "replay_as_host"]

PATIENCE_S = 2.0
"""An answer may come so much later than the recorded one."""

LINGER_S = 0.2
"""What comes so long after the last event still belongs to it."""

MAX_KEPT_BYTES = 16 << 20
"""Answers kept for comparison; a stick that says more is not the recorded one."""

MAX_DIFFERENCES = 100

MISSING_PART = 0.25
"""Of the answers may be missing if tolerated: a nonce found at the end of a task is luck."""


@dataclass(slots=True, kw_only=True)
class HostReplay:
    """How a replay went."""

    writes: int = 0
    answers: int = 0
    """Recorded answers, and how many of them came."""
    answers_came: int = 0
    bytes_more: int = 0
    """Received bytes that no recorded answer accounts for."""
    differences: list[Departure] = field(default_factory=list)
    tolerated: int = 0
    """Answers that may be missing."""

    @property
    def is_same(self) -> bool:
        return len(self.differences) <= self.tolerated


async def replay_as_host(
    transport: Transport, lines: Sequence[Line], *, tolerant: bool = False
) -> HostReplay:
    """Play one session towards a stick.

    Strict, every answer must come byte by byte before the next step is taken; the first that does
    not ends the replay. ``tolerant`` keeps to the recorded times alone, and afterwards looks for
    each answer in order among all that came, whatever else is there: chips find other nonces at
    other times, and `MISSING_PART` of them not at all. Raises TransportClosed, TransportTimeout.
    """
    host = _Host(transport, tolerant=tolerant)
    try:
        for line in lines:
            if not await host.take(line):
                break
        if tolerant:
            await asyncio.sleep(LINGER_S)
            host.compare()
    finally:
        await host.stop()
    return host.result


class _Host:
    def __init__(self, transport: Transport, *, tolerant: bool) -> None:
        self.result = HostReplay()
        self._transport = transport
        self._tolerant = tolerant
        self._loop = asyncio.get_running_loop()
        self._anchor: tuple[float, float] | None = None
        self._heard: dict[int, bytearray] = {}
        self._readers: dict[int, asyncio.Task[None]] = {}
        self._changed = asyncio.Event()
        self._expected: list[Line] = []

    async def take(self, line: Line) -> bool:
        """Do what a line says; False when the replay is over."""
        event = line.event
        if self._anchor is None:
            self._anchor = (self._loop.time(), event.t_s)
        started_s, recorded_s = self._anchor
        due_s = started_s + event.t_s - recorded_s
        if event.do is Do.READ:
            self._listen(event.channel)
            self.result.answers += 1
            if self._tolerant:
                self._expected.append(line)
                return True
            return await self._answered(line, due_s)
        await asyncio.sleep(due_s - self._loop.time())
        if event.do is Do.WRITE:
            self._listen(event.channel)
            self.result.writes += 1
            await self._line(event.channel).write(event.data)
        elif event.do is Do.BAUD:
            await self._line(event.channel).set_baudrate(event.number)
        elif event.do is Do.RESET and Capability.RESET_LINE in self._transport.capabilities:
            await self._transport.set_reset(bool(event.number))
        elif event.do is Do.RESET:
            text = (
                f"{self._transport.name} has no reset line, which the recorded host used; "
                "choose a port that has one"
            )
            self.result.differences.append(Departure(line.number, 0, text))
            return self._tolerant
        # A step that took longer than it did then moves all that follow.
        self._anchor = (max(self._loop.time(), due_s), event.t_s)
        return True

    def compare(self) -> None:
        """Look for the recorded answers, each behind the one before it."""
        places: dict[int, int] = {}
        for line in self._expected:
            channel, data = line.event.channel, line.event.data
            heard = self._heard.get(channel, bytearray())
            at = heard.find(data, places.get(channel, 0))
            if at < 0:
                if len(self.result.differences) < MAX_DIFFERENCES:
                    text = f"the recorded answer {data[:16].hex()} did not come"
                    self.result.differences.append(Departure(line.number, 0, text))
                continue
            self.result.answers_came += 1
            self.result.bytes_more += at - places.get(channel, 0)
            places[channel] = at + len(data)
        self.result.tolerated = int(self.result.answers * MISSING_PART)
        self.result.bytes_more += sum(
            len(heard) - places.get(channel, 0) for channel, heard in self._heard.items()
        )

    async def stop(self) -> None:
        """End the readers; what they failed with is raised."""
        for reader in self._readers.values():
            reader.cancel()
        if self._readers:
            await asyncio.wait(self._readers.values())

    def _line(self, channel: int) -> Transport:
        return self._transport.channel(channel) if channel else self._transport

    def _listen(self, channel: int) -> None:
        reader = self._readers.get(channel)
        if reader is None:
            self._heard[channel] = bytearray()
            self._readers[channel] = asyncio.create_task(self._read(channel))
        elif reader.done():
            reader.result()

    async def _read(self, channel: int) -> None:
        line, heard = self._line(channel), self._heard[channel]
        try:
            while True:
                heard += await line.read()
                self._changed.set()
                if len(heard) > MAX_KEPT_BYTES:
                    raise TransportClosed(f"{line.name} has said more than {MAX_KEPT_BYTES} bytes")
        finally:
            self._changed.set()

    async def _answered(self, line: Line, due_s: float) -> bool:
        """Wait for one answer and compare it."""
        wanted = line.event.data
        heard = self._heard[line.event.channel]
        limit_s = max(due_s, self._loop.time()) + PATIENCE_S
        while len(heard) < len(wanted) and bytes(heard) == wanted[: len(heard)]:
            self._changed.clear()
            self._listen(line.event.channel)
            try:
                async with asyncio.timeout_at(limit_s):
                    await self._changed.wait()
            except TimeoutError:
                text = (
                    f"{len(heard)} of {len(wanted)} bytes came by {PATIENCE_S:g} s after "
                    f"their time; wanted {wanted[:16].hex()}"
                )
                self.result.differences.append(Departure(line.number, len(heard) + 1, text))
                return False
        for at, (want, got) in enumerate(zip(wanted, heard, strict=False)):
            if want != got:
                text = f"recorded {want:02x}, the stick answered {got:02x}"
                self.result.differences.append(Departure(line.number, at + 1, text))
                return False
        del heard[: len(wanted)]
        self.result.answers_came += 1
        self._anchor = (max(self._loop.time(), due_s), line.event.t_s)
        return True
