"""The lines of a bridge on the event loop: one reader thread per line, one worker per device.

Threads, because libusb's calls block and have no descriptor to wait on. A reader waits in libusb
and keeps what comes in a bounded buffer; the worker writes, and makes requests in the order in
which they were asked for.
"""

import asyncio
import errno
import logging
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import TypeVar

from luxminer.errors import TransportClosed, TransportError, TransportTimeout
from luxminer.logs import TRACE, HexDump
from luxminer.transport.base import Capability, Transport
from luxminer.transport.usbbridge.bridge import Line, PortReset
from luxminer.transport.usbbridge.device import BridgeDevice
from luxminer.transport.usbbridge.problems import explain

__all__ = ["INPUT_LIMIT", "WRITE_LIMIT_S", "UsbTransport", "start"]

log = logging.getLogger(__name__)

Result = TypeVar("Result")

INPUT_LIMIT = 65536
"""Bytes held for a slow reader; when it is reached the bridge is not read any more."""

READ_SIZE = 4096
WRITE_LIMIT_S = 2.0
"""Longest time in which the bridge may take no byte at all."""

SLICE_MS = 200
"""Longest wait inside libusb, and so how soon a thread notices that it shall end."""

ORDER_LIMIT_S = 5.0
"""For requests, which wait behind a write under way; a reset of the port takes a second."""

CLOSE_LIMIT_S = 3.0
DRAIN_LIMIT_S = 0.2
MAX_ORDERS = 8
"""Orders that wait for the worker, left behind by callers that were cancelled."""

MAX_STALLS = 3
"""Halts of an endpoint in a row that are cleared before the device counts as broken."""

BITS_PER_BYTE = 11
"""With the parity bit that some lines have."""

BRIDGE_BYTES = 640
"""Most that a bridge holds for its line. Source: data sheet of the CP2102."""


class _Worker:
    """The thread that writes and makes requests. Owns the device, and knows its transports."""

    def __init__(self, device: BridgeDevice) -> None:
        self.device = device
        self.lines: list[UsbTransport] = []
        self._loop = asyncio.get_running_loop()
        self._thread = ThreadPoolExecutor(1, thread_name_prefix=f"usb:{device.place}")
        self._waiting = 0
        self._closing: asyncio.Future[None] | None = None

    async def order(self, name: str, work: Callable[[], Result], limit_s: float) -> Result:
        """Do work behind what was ordered before. Cancelled or late, it is still done.

        Raises TransportTimeout, TransportClosed, and what the work raises.
        """
        if self._closing is not None:
            raise TransportClosed(f"{name} is gone: closed")
        if self._waiting >= MAX_ORDERS:
            raise TransportTimeout(f"{name} does not carry out what it is told")
        job = self._loop.run_in_executor(self._thread, work)
        self._waiting += 1
        job.add_done_callback(self._done)
        try:
            async with asyncio.timeout(limit_s):
                return await asyncio.shield(job)
        except TransportError:
            raise
        except TimeoutError as exc:
            raise TransportTimeout(f"{name} was not ready within {limit_s:g} s") from exc

    async def close(self, name: str) -> None:
        """Give the device back. Idempotent."""
        if self._closing is None:
            self._closing = self._loop.run_in_executor(self._thread, self._release)
            self._thread.shutdown(wait=False)
        try:
            async with asyncio.timeout(CLOSE_LIMIT_S):
                await asyncio.shield(self._closing)
        except TimeoutError:
            log.warning("%s did not close within %g s", name, CLOSE_LIMIT_S)
        except OSError as exc:
            log.debug("%s closed with an error: %s", name, exc)

    def set_reset(self, asserted: bool) -> None:
        """Switch the reset line. In the worker's thread."""
        bridge = self.device.bridge
        steps = bridge.hold if asserted else bridge.release
        is_disturbing = steps is None or any(isinstance(step, PortReset) for step in steps)
        if is_disturbing:
            for line in self.lines:
                line.stop_reading()
        try:
            if steps is None:
                self.device.set_up([line.baudrate for line in self.lines])
            else:
                self.device.run(steps)
        finally:
            if is_disturbing:
                for line in self.lines:
                    line.start_reading()

    def _release(self) -> None:
        for line in self.lines:
            line.stop_reading()
            line.drain(DRAIN_LIMIT_S)
        self.device.close()

    def _done(self, job: "asyncio.Future[Result]") -> None:
        self._waiting -= 1
        if not job.cancelled():
            job.exception()  # of callers that have gone away


class UsbTransport:
    """A `luxminer.transport.base.Transport` over one line of a bridge."""

    def __init__(
        self, worker: _Worker, line: Line, name: str, baudrate: int, write_limit_s: float
    ) -> None:
        self.baudrate = baudrate
        self._worker = worker
        self._device = worker.device
        self._line = line
        self._name = name
        self._write_limit_s = write_limit_s
        self._loop = asyncio.get_running_loop()
        self._lock = threading.Condition()
        self._input = bytearray()
        self._is_waking = False
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None
        self._reader: asyncio.Future[None] | None = None
        self._end = ""
        self._is_closed = False
        self._free_s = 0.0
        """Monotonic time at which all that was written has left the line."""

    @property
    def name(self) -> str:
        return self._name

    @property
    def capabilities(self) -> frozenset[Capability]:
        if self._line.number:
            return frozenset()
        return self._device.bridge.capabilities

    async def read(self, limit: int = READ_SIZE) -> bytes:
        """Return 1 to ``limit`` bytes; what arrived before the device went is still returned.

        Raises TransportClosed. Cancelling loses no bytes.
        """
        assert limit > 0, limit
        while True:
            if self._is_closed:
                raise self._gone()
            data = self._take(limit)
            if data:
                break
            self._raise_if_ended()
            assert self._reader is None, "a transport has one reader"
            self._reader = self._loop.create_future()
            try:
                await self._reader
            finally:
                self._reader = None
        if log.isEnabledFor(TRACE):
            log.log(TRACE, "%s: received %s", self._name, HexDump(data))
        return data

    async def write(self, data: bytes) -> None:
        """Hand over all of ``data``; cancelled, it goes out nevertheless, so no frame is half.

        Raises TransportClosed, TransportTimeout.
        """
        self._raise_if_ended()
        if not data:
            return
        if log.isEnabledFor(TRACE):
            log.log(TRACE, "%s: sending %s", self._name, HexDump(data))
        limit_s = self._write_limit_s * (2 + len(data) / READ_SIZE) + ORDER_LIMIT_S
        await self._order(partial(self._send, bytes(data)), limit_s)

    def discard_input(self) -> int:
        """Drop what has arrived; what the bridge still holds comes later."""
        with self._lock:
            dropped = len(self._input)
            self._input.clear()
            self._lock.notify_all()
        return dropped

    async def set_baudrate(self, baudrate: int) -> None:
        """Change the line rate after what was written has left.

        Raises TransportClosed, TransportTimeout, TransportError (a rate that it cannot have).
        """
        self._raise_if_ended()
        try:
            request = self._device.bridge.rate(self._line, baudrate)
        except ValueError as exc:
            raise TransportError(f"{self._name} cannot run at {baudrate} baud: {exc}") from exc

        def change() -> None:
            self.drain()
            self._device.run((request,))
            self.baudrate = baudrate

        await self._order(change, ORDER_LIMIT_S)

    async def set_reset(self, asserted: bool) -> None:
        """Hold the chips in reset, or let them run. Raises TransportError and its children."""
        self._raise_if_ended()
        if Capability.RESET_LINE not in self.capabilities:
            raise TransportError(f"{self._name} has no reset line")
        await self._order(partial(self._worker.set_reset, asserted), ORDER_LIMIT_S)

    def channel(self, number: int) -> Transport:
        """Return another line of the device. Raises TransportError."""
        lines = self._worker.lines
        if self._line.number or not 0 <= number < len(lines):
            raise TransportError(f"{self._name} has no channel {number}")
        return lines[number]

    async def close(self) -> None:
        """Give the device back to the kernel; bounded, idempotent. Of channel 1: stop reading."""
        self._is_closed = True
        self.lost("closed")
        if self._line.number:
            return
        for line in self._worker.lines:
            line.lost("closed")
        await self._worker.close(self._name)

    # --- In the worker's thread ----------------------------------------------------------------

    def start_reading(self) -> None:
        """Begin to fetch what comes, unless the device is gone."""
        if self._end:
            return
        self._stop = threading.Event()
        self._thread = threading.Thread(
            target=self._pump, args=(self._stop,), name=f"{self._name} reader", daemon=True
        )
        self._thread.start()

    def stop_reading(self) -> None:
        """End the reader thread and wait for it; what it fetched stays."""
        self._stop.set()
        with self._lock:
            self._lock.notify_all()
        if self._thread is not None:
            self._thread.join()
            self._thread = None

    def drain(self, limit_s: float | None = None) -> None:
        """Wait until what was written has left the bridge."""
        wait_s = self._free_s - time.monotonic()
        if limit_s is not None:
            wait_s = min(wait_s, limit_s)
        if wait_s > 0:
            time.sleep(wait_s)

    def _send(self, data: bytes) -> None:
        left = memoryview(data)
        last_s = time.monotonic()
        stalls = 0
        while left:
            if self._end:
                raise self._gone()
            try:
                sent = self._device.write(self._line, bytes(left), SLICE_MS)
            except OSError as exc:
                stalls += 1
                if exc.errno != errno.EPIPE or stalls > MAX_STALLS:
                    raise
                self._device.clear_halt(self._line.endpoint_out)
                continue
            now_s = time.monotonic()
            if sent:
                left = left[sent:]
                last_s, stalls = now_s, 0
                self._note_sent(sent, now_s)
            elif now_s - last_s >= self._write_limit_s:
                raise TransportTimeout(f"{self._name} took no byte for {self._write_limit_s:g} s")

    def _note_sent(self, count: int, now_s: float) -> None:
        """Reckon when the bytes will have left: neither kind of bridge says so in one word."""
        byte_s = BITS_PER_BYTE / self.baudrate
        self._free_s = max(now_s, self._free_s) + count * byte_s
        self._free_s = min(self._free_s, now_s + BRIDGE_BYTES * byte_s)

    # --- In the reader's thread ----------------------------------------------------------------

    def _pump(self, stop: threading.Event) -> None:
        try:
            self._fetch(stop)
        except Exception as exc:  # a thread that died silently would look like silent chips
            log.exception("%s: its reader failed", self._name)
            self._call(self.lost, f"its reader failed: {exc!r}")

    def _fetch(self, stop: threading.Event) -> None:
        rest_s = self._device.bridge.rest_s
        stalls = 0
        while not stop.is_set():
            if not self._has_room(stop):
                continue
            try:
                data = self._device.read(self._line, SLICE_MS)
                stalls = 0
            except OSError as exc:
                stalls += 1
                if exc.errno == errno.EPIPE and stalls <= MAX_STALLS and self._unhalt():
                    continue
                self._call(self.lost, explain(exc))
                return
            if data:
                self._keep(data)
            elif rest_s:
                stop.wait(rest_s)

    def _unhalt(self) -> bool:
        try:
            self._device.clear_halt(self._line.endpoint_in)
        except OSError:
            return False
        return True

    def _has_room(self, stop: threading.Event) -> bool:
        with self._lock:
            if len(self._input) >= INPUT_LIMIT and not stop.is_set():
                self._lock.wait(SLICE_MS / 1000)
            return len(self._input) < INPUT_LIMIT

    def _keep(self, data: bytes) -> None:
        with self._lock:
            self._input += data
            if self._is_waking:
                return
            self._is_waking = True
        self._call(self._arrived)

    def _call(self, work: Callable[..., None], *arguments: object) -> None:
        try:
            self._loop.call_soon_threadsafe(work, *arguments)
        except RuntimeError:  # the loop has ended, and with it whoever could care
            self._stop.set()

    # --- On the loop ---------------------------------------------------------------------------

    def lost(self, reason: str) -> None:
        """Wake who waits; the first reason stays."""
        if self._end:
            return
        self._end = reason
        self._stop.set()
        self._arrived()

    def _arrived(self) -> None:
        with self._lock:
            self._is_waking = False
        if self._reader is not None and not self._reader.done():
            self._reader.set_result(None)

    def _take(self, limit: int) -> bytes:
        with self._lock:
            data = bytes(self._input[:limit])
            del self._input[:limit]
            self._lock.notify_all()
        return data

    async def _order(self, work: Callable[[], None], limit_s: float) -> None:
        try:
            await self._worker.order(self._name, work, limit_s)
        except TransportError:
            raise
        except OSError as exc:
            reason = explain(exc)
            if exc.errno == errno.ETIMEDOUT:
                raise TransportTimeout(f"{self._name} does not answer requests") from exc
            if exc.errno == errno.EPIPE:
                raise TransportError(f"{self._name} refused a request") from exc
            self.lost(reason)
            raise TransportClosed(f"{self._name} is gone: {self._end}") from exc

    def _gone(self) -> TransportClosed:
        return TransportClosed(f"{self._name} is gone: {self._end}")

    def _raise_if_ended(self) -> None:
        if self._end:
            raise self._gone()


def start(
    device: BridgeDevice, name: str, baudrate: int, write_limit_s: float = WRITE_LIMIT_S
) -> UsbTransport:
    """Return the transport to the chips behind a device that has been opened and set up."""
    worker = _Worker(device)
    worker.lines += [
        UsbTransport(
            worker, line, f"{name}#{line.number}" if line.number else name, baudrate, write_limit_s
        )
        for line in device.bridge.lines
    ]
    for line in worker.lines:
        line.start_reading()
    return worker.lines[0]
