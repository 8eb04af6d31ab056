"""Where a host plugs in: a pty that any process can open, or a pair of buffers in this process."""

import asyncio
import contextlib
import errno
import os
import re
import termios
import tty
from collections.abc import Callable
from pathlib import Path
from typing import Protocol, runtime_checkable

from luxminer_hil.chipsim.errors import SimulatorError

__all__ = ["MemoryHost", "MemoryPort", "Port", "PortClosed", "PtyPort", "UsbFaults"]

READ_BYTES = 1024
"""Most bytes taken from the host at once; it keeps the bridge's buffer bounded."""

POLL_S = 0.02
"""How often a pty that nobody holds open is looked at."""

MAX_UNREAD_BYTES = 65536
"""What a `MemoryPort` keeps for a host that does not read; the rest is lost, as on a UART."""

BAUDRATES = {
    getattr(termios, name): int(name[1:])
    for name in dir(termios)
    if re.fullmatch(r"B[1-9]\d*", name)
}
"""Speed code of termios -> bits per second."""

OUTPUT_SPEED = 5
"""Place in what `termios.tcgetattr` returns."""

Received = Callable[[bytes], None]


class Port(Protocol):
    """What a virtual stick needs of a port. All calls from the event loop, none blocks."""

    @property
    def path(self) -> str:
        """What a host opens."""
        ...

    @property
    def has_host(self) -> bool:
        """A host has the port open."""
        ...

    def plug(self, received: Received) -> None:
        """Appear; what a host sends goes to ``received``."""
        ...

    def unplug(self) -> None:
        """Disappear: a host that has the port open sees it break. Idempotent."""
        ...

    def write(self, data: bytes) -> int:
        """Send to the host; return how many bytes there was a taker for."""
        ...

    def pause(self) -> None:
        """Take nothing from the host for now."""
        ...

    def resume(self) -> None: ...

    def host_baudrate(self) -> int | None:
        """Return the rate that the host has set; None for one without a name."""
        ...


@runtime_checkable
class UsbFaults(Protocol):
    """What else can go wrong on a port that is on USB."""

    def usb_reset(self) -> None:
        """Let the hub reset the bridge."""

    def stall_control(self, *, stalls: bool) -> None:
        """Let the bridge refuse all requests of its maker's kind from now on, or no more."""


class PtyPort:
    """A pseudo terminal in raw mode, optionally under a name of its own (a symbolic link).

    A host may close and open it at will; the link stays while the port is plugged. What was sent
    while no host had it open is lost, as with a real bridge.
    """

    def __init__(self, link: Path | None = None) -> None:
        self._link = link
        self._name = ""
        self._master = -1
        self._received: Received | None = None
        self._has_host = False
        self._is_paused = False
        self._timer: asyncio.TimerHandle | None = None

    @property
    def path(self) -> str:
        return str(self._link) if self._link else self._name

    @property
    def has_host(self) -> bool:
        return self._has_host

    def plug(self, received: Received) -> None:
        """Open the pty. Raises SimulatorError when the link cannot be made."""
        assert self._master < 0, "plugged twice"
        master, slave = os.openpty()
        try:
            tty.setraw(slave)
            self._name = os.ttyname(slave)
            self._make_link()
        except BaseException:
            os.close(master)
            raise
        finally:
            os.close(slave)
        os.set_blocking(master, False)
        self._master = master
        self._received = received
        self._is_paused = False
        self._look()

    def unplug(self) -> None:
        if self._master < 0:
            return
        self._stop_watching()
        self._remove_link()
        os.close(self._master)
        self._master = -1
        self._has_host = False
        self._received = None

    def write(self, data: bytes) -> int:
        if not self._has_host:
            return 0
        try:
            return os.write(self._master, data)
        except OSError:  # full because the host does not read, or just gone
            return 0

    def pause(self) -> None:
        self._is_paused = True
        self._stop_watching()

    def resume(self) -> None:
        if self._is_paused and self._master >= 0:
            self._is_paused = False
            self._look()

    def host_baudrate(self) -> int | None:
        # On Linux the settings of the master side are those of the host's side.
        return BAUDRATES.get(termios.tcgetattr(self._master)[OUTPUT_SPEED])

    def _look(self) -> None:
        """Read what is there, and watch on: by events while a host has it open, else by a timer."""
        self._stop_watching()
        loop = asyncio.get_running_loop()
        data = b""
        is_open = True
        try:
            data = os.read(self._master, READ_BYTES)
        except BlockingIOError:
            pass
        except OSError as exc:
            if exc.errno != errno.EIO:
                raise
            is_open = False
        if is_open:
            self._has_host = True
            loop.add_reader(self._master, self._look)
        else:
            if self._has_host:
                self._discard_unread()
            self._has_host = False
            self._timer = loop.call_later(POLL_S, self._look)
        if data and self._received is not None:
            self._received(data)

    def _stop_watching(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._master >= 0:
            asyncio.get_running_loop().remove_reader(self._master)

    def _discard_unread(self) -> None:
        """Drop what the last host did not read: only the other side of a pty can."""
        with contextlib.suppress(OSError):
            slave = os.open(self._name, os.O_RDWR | os.O_NOCTTY | os.O_NONBLOCK)
            try:
                termios.tcflush(slave, termios.TCIFLUSH)
            finally:
                os.close(slave)

    def _make_link(self) -> None:
        """Put the link in place in one step, so that nobody sees it half made."""
        if self._link is None:
            return
        cure = "choose another path, or remove it if no virtual stick is using it"
        fresh = self._link.with_name(f".{self._link.name}.{os.getpid()}")
        try:
            if self._link.exists() or (self._link.is_symlink() and not self._is_stale()):
                raise SimulatorError("link", f"{self._link} exists", cure)
            fresh.unlink(missing_ok=True)
            fresh.symlink_to(self._name)
            fresh.rename(self._link)
        except OSError as exc:
            reason = f"cannot make {self._link}: {exc.strerror}"
            raise SimulatorError("link", reason, "choose a path in a folder that exists") from exc

    def _is_stale(self) -> bool:
        """Tell a link to a pty, which can only be left over from a stick that was killed."""
        return self._link is not None and str(self._link.readlink()).startswith("/dev/pts/")

    def _remove_link(self) -> None:
        if self._link is None:
            return
        with contextlib.suppress(OSError):  # somebody else removed or replaced it
            if str(self._link.readlink()) == self._name:
                self._link.unlink()


class PortClosed(Exception):
    """The stick was unplugged, or this end was closed."""


class MemoryPort:
    """Both ends in one process: tests and the embedded default need no tty."""

    def __init__(self, name: str = "memory:") -> None:
        self._name = name
        self._received: Received | None = None
        self._is_paused = False
        self._host: MemoryHost | None = None

    @property
    def path(self) -> str:
        return self._name

    @property
    def has_host(self) -> bool:
        return self._host is not None and not self._host.is_closed

    @property
    def is_plugged(self) -> bool:
        return self._received is not None

    def connect(self, baudrate: int) -> "MemoryHost":
        """Open the host's end. Raises PortClosed when unplugged or already open."""
        if self._received is None:
            raise PortClosed(f"{self._name} is unplugged")
        if self.has_host:
            raise PortClosed(f"{self._name} is in use")
        self._host = MemoryHost(self, baudrate)
        return self._host

    def plug(self, received: Received) -> None:
        assert self._received is None, "plugged twice"
        self._received = received
        self._is_paused = False

    def unplug(self) -> None:
        self._received = None
        if self._host is not None:
            self._host.close()
            self._host = None

    def write(self, data: bytes) -> int:
        if self._host is None or self._host.is_closed:
            return 0
        return self._host.arrive(data)

    def pause(self) -> None:
        self._is_paused = True

    def resume(self) -> None:
        self._is_paused = False
        if self._host is not None:
            self._host.wake()

    def host_baudrate(self) -> int | None:
        return self._host.baudrate if self._host is not None else None

    def take(self, data: bytes) -> int:
        """Move bytes from the host to the stick; 0 while the stick is paused."""
        if self._received is None or self._is_paused:
            return 0
        piece = data[:READ_BYTES]
        self._received(piece)
        return len(piece)


class MemoryHost:
    """The host's end of a `MemoryPort`: one reader and one writer at a time."""

    def __init__(self, port: MemoryPort, baudrate: int) -> None:
        self._port = port
        self._unread = bytearray()
        self._changed = asyncio.Event()
        self._heard: Callable[[], None] | None = None
        self.baudrate = baudrate
        self.is_closed = False

    async def read(self, limit: int) -> bytes:
        """Return 1 to ``limit`` bytes. Raises PortClosed; what came before is read first."""
        while not (data := self.take(limit)):
            await self._wait()
        return data

    def take(self, limit: int) -> bytes:
        """Return up to ``limit`` bytes that are there. Raises PortClosed when it is over."""
        if not self._unread and self.is_closed:
            raise PortClosed("the port is closed")
        data = bytes(self._unread[:limit])
        del self._unread[:limit]
        return data

    def listen(self, heard: Callable[[], None] | None) -> None:
        """Call ``heard`` in a later turn of the loop whenever something has changed."""
        self._heard = heard
        self.wake()

    def write_now(self, data: bytes) -> int:
        """Hand over what is taken at once; return how much. Raises PortClosed."""
        if self.is_closed:
            raise PortClosed("the port is closed")
        return self._port.take(data)

    async def write(self, data: bytes) -> None:
        """Hand over all of ``data``. Raises PortClosed."""
        while data:
            taken = self.write_now(data)
            data = data[taken:]
            if data and not taken:
                await self._wait()

    async def _wait(self) -> None:
        if self.is_closed:
            raise PortClosed("the port is closed")
        self._changed.clear()
        await self._changed.wait()

    def discard(self) -> int:
        count = len(self._unread)
        self._unread.clear()
        return count

    def arrive(self, data: bytes) -> int:
        taken = data[: MAX_UNREAD_BYTES - len(self._unread)]
        self._unread += taken
        self.wake()
        return len(taken)

    def wake(self) -> None:
        self._changed.set()
        if self._heard is not None:
            asyncio.get_running_loop().call_soon(self._tell)

    def _tell(self) -> None:
        if self._heard is not None:
            self._heard()

    def close(self) -> None:
        self.is_closed = True
        self.wake()
