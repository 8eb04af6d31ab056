"""Serial ports on the event loop: pyserial opens and configures, the loop moves the bytes.

The descriptor is read and written directly. pyserial's own calls are not used for that: its
``write`` spins on a full buffer, and its ``read`` keeps calling back after an unplug.
"""

import asyncio
import errno
import fcntl
import logging
import os
import struct
import termios
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Protocol

from luxminer.errors import (
    PortProblem,
    PortUnusable,
    TransportClosed,
    TransportError,
    TransportTimeout,
)
from luxminer.logs import TRACE, HexDump
from luxminer.transport.base import Capability, PlainTransport
from luxminer.transport.ports import check_port, is_url, unusable

__all__ = ["INPUT_LIMIT", "WRITE_LIMIT_S", "SerialTransport", "open_serial"]

log = logging.getLogger(__name__)

INPUT_LIMIT = 65536
"""Bytes held for a slow reader; reading pauses when it is reached, and nothing is dropped here."""

READ_SIZE = 4096
"""A tty never gives more at once."""

OPEN_LIMIT_S = 10.0
CLOSE_LIMIT_S = 1.0
RATE_LIMIT_S = 3.0
WRITE_LIMIT_S = 2.0
"""Longest time in which the other end may take no byte at all."""

DRAIN_LIMIT_S = 0.2
"""Time for the last bytes to leave before closing; a stuck line must not hold up a shutdown."""

DRAIN_STEP_S = 0.002

PTY_MAJORS = range(136, 144)
"""Device numbers of pseudo terminals. Ref: Linux Documentation/admin-guide/devices.txt."""

KEEPALIVE = (("TCP_KEEPIDLE", 10), ("TCP_KEEPINTVL", 5), ("TCP_KEEPCNT", 3))
"""A host that vanished without a word is noticed within 25 s."""


class Port(Protocol):
    """What is used of a pyserial port once it is open."""

    baudrate: int

    def fileno(self) -> int: ...
    def close(self) -> None: ...


async def open_serial(url: str, baudrate: int) -> "SerialTransport":
    """Open a tty or pyserial URL: 8N1, no flow control, DTR and RTS asserted, nobody else in it.

    Raises PortUnusable with the cure in its text.
    """
    opening = asyncio.get_running_loop().run_in_executor(None, _open_port, url, baudrate)
    try:
        async with asyncio.timeout(OPEN_LIMIT_S):
            port = await asyncio.shield(opening)
    except BaseException as exc:
        # The thread cannot be stopped: a port that opens too late must not stay locked.
        opening.add_done_callback(_close_late)
        if isinstance(exc, TimeoutError) and not isinstance(exc, TransportError):
            raise PortUnusable(
                url,
                PortProblem.FAILED,
                f"could not be opened within {OPEN_LIMIT_S:g} s",
                "unplug the stick and plug it in again",
            ) from exc
        raise
    return SerialTransport(port, url)


def _open_port(url: str, baudrate: int) -> Port:
    check_port(url)
    import serial  # costs 6 ms: only for those who open a port, and in this thread

    try:
        # inter_byte_timeout=0 makes it set VMIN to 1. With its usual 0 a tty without input reads
        # as empty instead of EAGAIN, which is how a tty that is gone reads.
        port: Port = serial.serial_for_url(
            url, baudrate=baudrate, exclusive=True, inter_byte_timeout=0
        )
    except (OSError, ValueError, termios.error) as exc:
        raise unusable(url, exc) from exc
    try:
        if is_url(url):
            _tune_socket(port.fileno())
        else:
            _tune_tty(port)
    except OSError as exc:
        port.close()
        raise unusable(url, exc) from exc
    return port


def _tune_tty(port: Port) -> None:
    """Ask for low latency, where the bridge knows it, and keep programs out that do not lock."""
    set_low_latency = getattr(port, "set_low_latency_mode", None)
    if set_low_latency is not None:
        with suppress(OSError, ValueError, NotImplementedError):
            set_low_latency(True)
    # A pseudo terminal would stay exclusive after us while its maker keeps it open.
    if os.major(os.fstat(port.fileno()).st_rdev) not in PTY_MAJORS:
        fcntl.ioctl(port.fileno(), termios.TIOCEXCL)


def _tune_socket(descriptor: int) -> None:
    """Send small frames at once, and notice a host that is gone."""
    import socket

    with socket.socket(fileno=os.dup(descriptor)) as peer:
        peer.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        peer.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        for option, value in KEEPALIVE:
            peer.setsockopt(socket.IPPROTO_TCP, getattr(socket, option), value)


def _close_late(opening: "asyncio.Future[Port]") -> None:
    if not opening.cancelled() and opening.exception() is None:
        # Not on the loop, since closing may wait, nor in its executor, which may be shut down.
        threading.Thread(target=_close, args=(opening.result(),), daemon=True).start()


def _close(port: Port) -> None:
    """Close a port for good: pyserial only forgets a socket that the other end has reset."""
    connection = getattr(port, "_socket", None)
    port.close()
    if connection is not None:
        connection.close()


class SerialTransport(PlainTransport):
    """A `luxminer.transport.base.Transport` over an open port with a descriptor. Owns the port."""

    def __init__(self, port: Port, name: str, *, write_limit_s: float = WRITE_LIMIT_S) -> None:
        self._port = port
        self._name = name
        self._write_limit_s = write_limit_s
        self._fd = port.fileno()
        self._loop = asyncio.get_running_loop()
        self._input = bytearray()
        self._reader: asyncio.Future[None] | None = None
        self._heard: Callable[[], None] | None = None
        self._writer: asyncio.Future[None] | None = None
        self._is_paused = False
        self._end = ""
        self._closing: asyncio.Future[None] | None = None
        self._port_lock = threading.Lock()
        self._is_released = False
        self._loop.add_reader(self._fd, self._on_readable)

    @property
    def name(self) -> str:
        return self._name

    @property
    def capabilities(self) -> frozenset[Capability]:
        """A tty takes any rate, and the kernel says no to those that its bridge cannot have."""
        return frozenset() if is_url(self._name) else frozenset({Capability.FAST_BAUD})

    async def read(self, limit: int = READ_SIZE) -> bytes:
        """Return 1 to ``limit`` bytes; what arrived before the other end went is still returned.

        Raises TransportClosed. Cancelling loses no bytes.
        """
        assert limit > 0, limit
        while not (data := self.take(limit)):
            assert self._reader is None, "a transport has one reader"
            self._reader = self._loop.create_future()
            try:
                await self._reader
            finally:
                self._reader = None
        return data

    def listen(self, heard: Callable[[], None] | None) -> None:
        """Call ``heard`` for what has arrived and will arrive; see `PromptTransport`."""
        self._heard = heard
        if heard is not None and (self._input or self._end):
            heard()

    def take(self, limit: int) -> bytes:
        """Return what has arrived, ``limit`` bytes of it at most. Raises TransportClosed."""
        if not self._input or self._closing is not None:
            self._raise_if_ended()
            return b""
        data = bytes(self._input[:limit])
        del self._input[:limit]
        self._resume()
        if log.isEnabledFor(TRACE):
            log.log(TRACE, "%s: received %s", self._name, HexDump(data))
        return data

    def write_now(self, data: bytes) -> int:
        """Hand over what the port takes at once. Raises TransportClosed."""
        self._raise_if_ended()
        if log.isEnabledFor(TRACE):
            log.log(TRACE, "%s: sending %s", self._name, HexDump(data))
        return self._send(data)

    async def write(self, data: bytes) -> None:
        """Hand over all of ``data``. Raises TransportClosed, TransportTimeout."""
        self._raise_if_ended()
        if log.isEnabledFor(TRACE):
            log.log(TRACE, "%s: sending %s", self._name, HexDump(data))
        left = memoryview(data)
        deadline_s = self._loop.time() + self._write_limit_s
        while left:
            sent = self._send(left)
            if sent == len(left):
                return
            if sent:
                left = left[sent:]
                deadline_s = self._loop.time() + self._write_limit_s
            try:
                async with asyncio.timeout_at(deadline_s):
                    await self._writable()
            except TimeoutError as exc:
                raise TransportTimeout(
                    f"{self._name} took no byte for {self._write_limit_s:g} s"
                ) from exc

    def discard_input(self) -> int:
        """Drop what has arrived, also what the system still holds (at most `INPUT_LIMIT` of it)."""
        dropped = len(self._input)
        self._input.clear()
        for _ in range(INPUT_LIMIT // READ_SIZE):
            received = self._receive(READ_SIZE) if not self._end else b""
            if not received:
                break
            dropped += len(received)
        self._resume()
        return dropped

    async def set_baudrate(self, baudrate: int) -> None:
        """Change the line rate after what was written has left. A socket has none: no effect.

        Raises TransportClosed, TransportTimeout (bytes do not leave), TransportError (a rate that
        the port cannot have).
        """
        self._raise_if_ended()
        changing = self._loop.run_in_executor(None, self._change_rate, baudrate)
        try:
            async with asyncio.timeout(RATE_LIMIT_S):
                await asyncio.shield(changing)
        except TransportError:
            raise
        except TimeoutError as exc:
            raise TransportTimeout(f"{self._name} did not take {baudrate} baud in time") from exc
        except (OSError, termios.error) as exc:
            self._lost(str(exc))
            raise TransportClosed(f"{self._name} is gone: {self._end}") from exc
        except ValueError as exc:
            raise TransportError(f"{self._name} cannot run at {baudrate} baud") from exc

    async def close(self) -> None:
        """Give the port back after the last bytes have left; bounded, idempotent."""
        if self._closing is None:
            self._lost("closed")
            self._closing = self._loop.run_in_executor(None, self._release)
        # Not by a time limit of the task, which may have been cancelled already.
        done, _ = await asyncio.wait({self._closing}, timeout=CLOSE_LIMIT_S)
        if not done:
            log.warning("%s did not close within %g s", self._name, CLOSE_LIMIT_S)
        elif (exc := self._closing.exception()) is not None:
            log.debug("%s closed with an error: %s", self._name, exc)

    def _on_readable(self) -> None:
        received = self._receive(min(READ_SIZE, INPUT_LIMIT - len(self._input)))
        if not received:
            return
        self._input += received
        if len(self._input) >= INPUT_LIMIT:
            self._loop.remove_reader(self._fd)
            self._is_paused = True
        self._tell()

    def _receive(self, limit: int) -> bytes:
        """Return what is there up to ``limit``; empty when nothing is, or at the end."""
        try:
            data = os.read(self._fd, limit)
        except (BlockingIOError, InterruptedError):
            return b""
        except OSError as exc:
            self._lost(exc.strerror or str(exc))
            return b""
        if not data:
            self._lost("the other end is closed")
        return data

    def _send(self, data: bytes | memoryview) -> int:
        try:
            return os.write(self._fd, data)
        except (BlockingIOError, InterruptedError):
            return 0
        except OSError as exc:
            self._lost(exc.strerror or str(exc))
            raise TransportClosed(f"{self._name} is gone: {self._end}") from exc

    async def _writable(self) -> None:
        assert self._writer is None, "a transport has one writer"
        self._writer = self._loop.create_future()
        self._loop.add_writer(self._fd, _wake, self._writer)
        try:
            await self._writer
        finally:
            if not self._end:
                self._loop.remove_writer(self._fd)
            self._writer = None
        self._raise_if_ended()

    def _resume(self) -> None:
        if self._is_paused and not self._end and len(self._input) < INPUT_LIMIT:
            self._is_paused = False
            self._loop.add_reader(self._fd, self._on_readable)

    def _lost(self, reason: str) -> None:
        """Stop watching the descriptor and wake who waits on it. The first reason stays."""
        if self._end:
            return
        self._end = reason.lower()
        self._loop.remove_reader(self._fd)
        self._loop.remove_writer(self._fd)
        self._tell()
        _wake(self._writer)

    def _tell(self) -> None:
        """Tell the reader that there are bytes, or that none will come any more."""
        _wake(self._reader)
        if self._heard is not None:
            self._heard()

    def _raise_if_ended(self) -> None:
        if self._end:
            raise TransportClosed(f"{self._name} is gone: {self._end}")

    def _drain(self, limit_s: float) -> bool:
        """Wait in a thread until nothing is queued; False when the time is over."""
        deadline_s = time.monotonic() + limit_s
        while _queued(self._fd):
            if time.monotonic() >= deadline_s:
                return False
            time.sleep(DRAIN_STEP_S)
        return True

    def _change_rate(self, baudrate: int) -> None:
        with self._port_lock:
            if self._is_released:
                raise TransportClosed(f"{self._name} is gone: {self._end}")
            if not self._drain(RATE_LIMIT_S / 2):
                raise TransportTimeout(f"{self._name} does not send what was written to it")
            if os.isatty(self._fd):
                termios.tcdrain(self._fd)
            self._port.baudrate = baudrate

    def _release(self) -> None:
        with self._port_lock:
            self._is_released = True
            try:
                if not self._drain(DRAIN_LIMIT_S):
                    # Otherwise the system waits up to 30 s for a line that takes nothing.
                    termios.tcflush(self._fd, termios.TCOFLUSH)
            finally:
                _close(self._port)


def _queued(descriptor: int) -> int:
    """Return the bytes that were written but have not left (TIOCOUTQ; on sockets SIOCOUTQ)."""
    try:
        count: int = struct.unpack("i", fcntl.ioctl(descriptor, termios.TIOCOUTQ, bytes(4)))[0]
    except OSError as exc:
        if exc.errno == errno.EINTR:
            return 1
        return 0
    return count


def _wake(waiter: "asyncio.Future[None] | None") -> None:
    if waiter is not None and not waiter.done():
        waiter.set_result(None)
