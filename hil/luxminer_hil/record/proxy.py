"""Stands between any miner and a stick: a tty for the miner, and everything recorded."""

import asyncio
from pathlib import Path

from luxminer.errors import TransportError
from luxminer.transport.base import Transport
from luxminer_hil.chipsim.port import PtyPort

__all__ = ["TtyProxy"]

POLL_S = 0.05
"""How often the rate that the miner has set is looked at."""

MAX_QUEUED_BYTES = 4096
"""Of the miner, while the stick takes none."""


class TtyProxy:
    """Passes bytes both ways, and the rate. Reset lines and modem lines do not exist on a tty."""

    def __init__(self, transport: Transport, baudrate: int, link: Path | None) -> None:
        """``transport`` is the open stick, usually a `RecordingTransport`."""
        self._transport = transport
        self._baudrate = baudrate
        self._port = PtyPort(link)
        self._queue: asyncio.Queue[bytes] = asyncio.Queue()
        self._queued_bytes = 0
        self.bytes_to_stick = 0
        self.bytes_to_host = 0
        self.bytes_untaken = 0
        """Sent by the stick while no miner listened."""

    @property
    def path(self) -> str:
        return self._port.path

    async def run(self, ready: "asyncio.Future[str]") -> None:
        """Pass on until cancelled; ``ready`` gets the path that a miner opens.

        Raises TransportError when the stick is gone, SimulatorError when the link cannot be made.
        """
        self._port.plug(self._received)
        try:
            ready.set_result(self._port.path)
            async with asyncio.TaskGroup() as group:
                group.create_task(self._to_stick())
                group.create_task(self._to_host())
                group.create_task(self._follow_rate())
        except BaseExceptionGroup as exc:
            raise _first(exc) from exc
        finally:
            self._port.unplug()

    def _received(self, data: bytes) -> None:
        self._queue.put_nowait(data)
        self._queued_bytes += len(data)
        if self._queued_bytes > MAX_QUEUED_BYTES:
            self._port.pause()

    async def _to_stick(self) -> None:
        while True:
            data = await self._queue.get()
            await self._set_rate()
            await self._transport.write(data)
            self.bytes_to_stick += len(data)
            self._queued_bytes -= len(data)
            if self._queued_bytes <= MAX_QUEUED_BYTES:
                self._port.resume()

    async def _to_host(self) -> None:
        while True:
            data = await self._transport.read()
            taken = self._port.write(data)
            self.bytes_to_host += taken
            self.bytes_untaken += len(data) - taken

    async def _follow_rate(self) -> None:
        while True:
            await asyncio.sleep(POLL_S)
            await self._set_rate()

    async def _set_rate(self) -> None:
        """Take over the miner's rate; one without a name is left to what it was."""
        rate = self._port.host_baudrate() if self._port.has_host else None
        if rate is not None and rate != self._baudrate:
            self._baudrate = rate
            await self._transport.set_baudrate(rate)


def _first(group: BaseExceptionGroup[BaseException]) -> BaseException:
    found = group.subgroup(TransportError)
    while isinstance(found, BaseExceptionGroup):
        first = found.exceptions[0]
        if not isinstance(first, BaseExceptionGroup):
            return first
        found = first
    return group
