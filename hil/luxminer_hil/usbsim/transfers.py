"""Bulk transfers under way between a front end that is served over a socket and a device.

A transfer is parked until its endpoint has moved all of it. Everything runs on the event loop of
the front end; the device may change in any thread.
"""

import asyncio
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from enum import Enum, auto

from luxminer_hil.usbsim.device import Gone, Stall, UsbModel

__all__ = ["IN", "Outcome", "Transfer", "Transfers"]

IN = 0x80
"""Of an endpoint's address: towards the host."""

MAX_PARKED = 64
"""Transfers of one endpoint that wait; a host has far fewer."""


class Outcome(Enum):
    """How a transfer ended."""

    DONE = auto()
    STALLED = auto()
    OVERFLOW = auto()
    """A packet was larger than what the host still wanted."""
    GONE = auto()
    """The device was pulled."""


@dataclass(slots=True)
class Transfer:
    """A bulk transfer that is not over."""

    id: int
    endpoint: int
    wanted: int
    data: bytearray = field(default_factory=bytearray)
    """Towards the host: what came so far; from the host: what is left."""
    tag: int = 0
    """Whatever the front end has to give back with it."""

    @property
    def is_to_host(self) -> bool:
        return bool(self.endpoint & IN)

    @property
    def moved(self) -> int:
        """Bytes that have arrived where they go."""
        return len(self.data) if self.is_to_host else self.wanted - len(self.data)


class Transfers:
    """All transfers of one host. ``finish`` is called once with each that is over."""

    def __init__(self, model: UsbModel, finish: Callable[[Transfer, Outcome], None]) -> None:
        self._model = model
        self._finish = finish
        self._loop = asyncio.get_running_loop()
        self._parked: dict[int, deque[Transfer]] = {}
        self._timer: asyncio.TimerHandle | None = None
        self._is_over = False
        self._unwatch = model.watch(self._wake)

    def submit(self, transfer: Transfer) -> None:
        """Take a transfer. Raises ValueError when too many wait already."""
        parked = self._parked.setdefault(transfer.endpoint, deque())
        if len(parked) >= MAX_PARKED:
            raise ValueError(f"more than {MAX_PARKED} transfers wait at {transfer.endpoint:#04x}")
        parked.append(transfer)
        self._advance()

    def cancel(self, number: int) -> Transfer | None:
        """Give a transfer back that is not over; None when there is none of that id."""
        for parked in self._parked.values():
            for transfer in parked:
                if transfer.id == number:
                    parked.remove(transfer)
                    return transfer
        return None

    def clear(self) -> None:
        """Forget all transfers, as a reset of the bus does."""
        self._parked.clear()

    def close(self) -> None:
        """End; nothing is finished any more. Idempotent."""
        if self._is_over:
            return
        self._is_over = True
        self._unwatch()
        if self._timer is not None:
            self._timer.cancel()

    def _wake(self) -> None:
        with suppress(RuntimeError):  # the loop has ended
            self._loop.call_soon_threadsafe(self._advance)

    def _advance(self) -> None:
        """Move what can be moved, and come back when a packet is due."""
        if self._is_over:
            return
        due_s = [
            due
            for endpoint, parked in list(self._parked.items())
            if (due := self._advance_endpoint(endpoint, parked)) is not None
        ]
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if due_s:
            delay_s = max(0.0, min(due_s) - self._model.clock())
            self._timer = self._loop.call_later(delay_s, self._advance)

    def _advance_endpoint(self, endpoint: int, parked: deque[Transfer]) -> float | None:
        move = self._receive if endpoint & IN else self._transmit
        while parked:
            try:
                is_done = move(parked[0])
                outcome = Outcome.DONE
            except Stall:
                is_done, outcome = True, Outcome.STALLED
            except OverflowError:
                is_done, outcome = True, Outcome.OVERFLOW
            except Gone:
                is_done, outcome = True, Outcome.GONE
            if not is_done:
                return self._model.due_s(endpoint) if endpoint & IN else None
            self._finish(parked.popleft(), outcome)
        return None

    def _receive(self, transfer: Transfer) -> bool:
        size = self._model.max_packet_bytes(transfer.endpoint)
        while (packet := self._model.in_packet(transfer.endpoint)) is not None:
            if len(transfer.data) + len(packet) > transfer.wanted:
                raise OverflowError
            transfer.data += packet
            if len(packet) < size or len(transfer.data) == transfer.wanted:
                return True
        return False

    def _transmit(self, transfer: Transfer) -> bool:
        size = self._model.max_packet_bytes(transfer.endpoint)
        while transfer.data:
            taken = self._model.out_packet(transfer.endpoint, bytes(transfer.data[:size]))
            if not taken:
                return False
            del transfer.data[:taken]
        return True
