"""An arm64 machine in QEMU: USB controller with a hub, a shell, a network that leads nowhere.

Nothing is asked of the machine but the shell that ``hil/guest/init`` serves on a virtio port.
"""

import asyncio
import contextlib
import os
import re
import shutil
import socket
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

__all__ = ["HUB", "POOL_ADDRESS", "USBIP_ADDRESS", "Machine", "MachineError", "Wiring"]

QEMU = "qemu-system-aarch64"
HUB = "1-1"
"""Where the hub is on the machine's USB; sticks are at ``1-1.1``, ``1-1.2``, ..."""

MAX_STICKS = 8
"""Ports of the hub."""

POOL_ADDRESS = "10.0.2.100:3333"
USBIP_ADDRESS = "10.0.2.100:3240"
"""Where the machine finds what serves on this host."""

BOOT_S = 90.0
ORDER_S = 30.0
POWER_OFF_S = 20.0
KILL_S = 5.0
STATE_MEBIBYTES = 32
TAIL_CHARACTERS = 600
END = re.compile(r"@@ (\w+)\n")


class MachineError(Exception):
    """The machine did not start, has ended, or an order failed in it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wiring:
    """What the machine is joined to on this host."""

    sticks: Sequence[Path] = ()
    """Sockets that serve usbredir, in the order of the hub's ports."""
    pool_port: int
    usbip_port: int | None = None


class Machine:
    """One boot. Use as ``async with Machine(images, logs, state, wiring) as machine: ...``.

    Leaving the context pulls the power. ``state`` is a disk that outlives the machine; it is made
    if it is not there. ``logs`` gets what console and service say.
    """

    def __init__(self, images: Path, logs: Path, state: Path, wiring: Wiring) -> None:
        assert len(wiring.sticks) <= MAX_STICKS, "the hub has eight ports"
        self._images = images
        self._logs = logs
        self._state = state
        self._wiring = wiring
        self._process: asyncio.subprocess.Process | None = None
        self._lock = asyncio.Lock()
        self._streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None
        self.api_port = 0
        self.http_port = 0
        """On this host's loopback."""
        self.boot_s = 0.0
        """From power-on to the first prompt."""

    async def __aenter__(self) -> Self:
        """Switch it on and wait for its shell. Raises MachineError."""
        if not self._state.exists():
            await _make_disk(self._state)
        self.api_port, self.http_port = _free_ports(2)
        started_s = time.monotonic()
        connected: asyncio.Future[tuple[asyncio.StreamReader, asyncio.StreamWriter]]
        connected = asyncio.get_running_loop().create_future()

        def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            if not connected.done():
                connected.set_result((reader, writer))

        folder = Path(tempfile.mkdtemp(prefix="luxminer-system-"))  # paths of sockets are short
        try:
            server = await asyncio.start_unix_server(accept, folder / "shell")
            async with server:
                with (self._logs / "qemu.log").open("ab") as log:
                    self._process = await asyncio.create_subprocess_exec(
                        *self._command(folder / "shell"),
                        stdin=asyncio.subprocess.DEVNULL,
                        stdout=log,
                        stderr=log,
                    )
                self._streams = await self._shell(connected)
            await self._answer(BOOT_S)
        except BaseException:
            await self.cut()
            raise
        finally:
            shutil.rmtree(folder, ignore_errors=True)
        self.boot_s = time.monotonic() - started_s
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        value: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.cut()

    async def order(self, line: str, timeout_s: float = ORDER_S, *, check: bool = True) -> str:
        """Carry out a line of shell in the machine and return what it prints.

        Raises MachineError when it fails (unless ``check`` is false) or the machine has ended.
        """
        assert "\n" not in line, "one line"
        async with self._lock:
            if self._streams is None:
                raise MachineError("it is switched off")
            self._streams[1].write(f"{line}\n".encode())
            text, status = await self._answer(timeout_s)
        if check and status != "0":
            raise MachineError(f"status {status} of {line!r}: {text[-TAIL_CHARACTERS:]}")
        return text

    def own_s(self) -> float:
        """Return a time that never jumps and stands while the machine waits for a CPU of this host.

        What is promised about times is promised of a machine that has its processor to itself.
        """
        assert self._process is not None, "not switched on"
        waited_ns = 0
        for path in Path(f"/proc/{self._process.pid}/task").glob("*/schedstat"):
            with contextlib.suppress(OSError, IndexError, ValueError):  # a thread that has ended
                waited_ns = max(waited_ns, int(path.read_text().split()[1]))
        return time.monotonic() - waited_ns / 1e9

    async def cut(self) -> None:
        """Pull the power: nothing that was not written to a disk yet survives. Idempotent."""
        streams, self._streams = self._streams, None
        if streams is not None:
            streams[1].close()
        process = self._process
        if process is not None and process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                process.kill()
            async with asyncio.timeout(KILL_S):
                await process.wait()

    async def power_off(self) -> float:
        """Switch it off in order and return how long that took. Raises MachineError."""
        assert self._process is not None
        assert self._streams is not None
        started_s = time.monotonic()
        self._streams[1].write(b"sync; umount /var/lib/luxminer; poweroff -f\n")
        try:
            async with asyncio.timeout(POWER_OFF_S):
                await self._process.wait()
        except TimeoutError as exc:
            raise MachineError(f"not off after {POWER_OFF_S:g} s") from exc
        await self.cut()
        return time.monotonic() - started_s

    async def _shell(
        self, connected: asyncio.Future[tuple[asyncio.StreamReader, asyncio.StreamWriter]]
    ) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        """Wait until QEMU has joined the shell's port. Raises MachineError."""
        assert self._process is not None
        ended = asyncio.create_task(self._process.wait())
        first: set[asyncio.Future[Any]] = {connected, ended}
        try:
            await asyncio.wait(first, timeout=BOOT_S, return_when=asyncio.FIRST_COMPLETED)
            if not connected.done():
                raise MachineError(f"QEMU has not started: {self._tail('qemu.log')}")
            return connected.result()
        finally:
            ended.cancel()

    async def _answer(self, timeout_s: float) -> tuple[str, str]:
        """Return what the shell prints until its next prompt, and the status in that."""
        assert self._streams is not None
        lines: list[str] = []
        try:
            async with asyncio.timeout(timeout_s):
                while line := (await self._streams[0].readline()).decode(errors="replace"):
                    if end := END.fullmatch(line):
                        return "".join(lines).removesuffix("\n"), end[1]
                    lines.append(line)
        except TimeoutError as exc:
            raise MachineError(f"no answer within {timeout_s:g} s: {''.join(lines)}") from exc
        except (OSError, ValueError) as exc:
            raise MachineError(f"the shell broke: {exc}") from exc
        raise MachineError(f"the machine has ended: {self._tail('console.log')}")

    def _tail(self, name: str) -> str:
        try:
            text = (self._logs / name).read_text(errors="replace")
        except OSError:
            return f"no {name}"
        return text[-TAIL_CHARACTERS:]

    def _command(self, shell: Path) -> list[str]:
        """Return the command line. TCG is named: what looks like KVM need not be able to."""
        words = [
            *("nice", "-n", "5", QEMU, "-M", "virt", "-cpu", "cortex-a72", "-smp", "1"),
            *("-m", "512", "-accel", "tcg", "-display", "none", "-nodefaults", "-no-reboot"),
            *("-monitor", "none", "-serial", f"file:{self._logs / 'console.log'}"),
            *("-kernel", str(self._images / "Image"), "-initrd", str(self._images / "initrd")),
            *("-append", "console=ttyAMA0 quiet panic=-1"),
            *_disk("root", self._images / "root.ext4", "snapshot=on"),
            *_disk("luxminer", self._images / "luxminer.ext4", "snapshot=on"),
            *_disk("state", self._state, "cache=writeback"),
            *("-device", "virtio-serial-pci"),
            *("-chardev", f"socket,id=shell,path={shell}"),
            *("-device", "virtserialport,chardev=shell,nr=1"),
            *("-chardev", f"file,id=log,append=on,path={self._logs / 'service.log'}"),
            *("-device", "virtserialport,chardev=log,nr=2"),
            *("-netdev", self._network(), "-device", "virtio-net-pci,netdev=net,romfile="),
            *("-device", "qemu-xhci,id=xhci,p2=8,p3=8"),
            *("-device", f"usb-hub,bus=xhci.0,port={HUB.partition('-')[2]}"),
        ]
        for number, path in enumerate(self._wiring.sticks, 1):
            words += ["-chardev", f"socket,id=stick{number},path={path},reconnect=1"]
            place = f"{HUB.partition('-')[2]}.{number}"
            words += ["-device", f"usb-redir,bus=xhci.0,port={place},chardev=stick{number}"]
        return words

    def _network(self) -> str:
        """Return a network on which the machine reaches two servers of this host, and no more."""
        ways = {POOL_ADDRESS: self._wiring.pool_port, USBIP_ADDRESS: self._wiring.usbip_port}
        parts = [
            "user,id=net,restrict=on",
            f"hostfwd=tcp:127.0.0.1:{self.api_port}-:4028",
            f"hostfwd=tcp:127.0.0.1:{self.http_port}-:8080",
        ]
        for address, port in ways.items():
            if port is not None:
                parts.append(f"guestfwd=tcp:{address}-cmd:nc -N 127.0.0.1 {port}")
        return ",".join(parts)


def _disk(name: str, path: Path, option: str) -> list[str]:
    drive = f"if=none,id={name},format=raw,file={path},{option}"
    return ["-drive", drive, "-device", f"virtio-blk-pci,drive={name}"]


async def _make_disk(path: Path) -> None:
    """Make an empty ext4 with a journal, as the card of a Raspberry Pi has. Raises MachineError."""
    program = shutil.which("mke2fs", path=f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin")
    if program is None:
        raise MachineError("mke2fs is missing; type: sudo apt-get install -y e2fsprogs")
    process = await asyncio.create_subprocess_exec(
        program, "-q", "-t", "ext4", path, f"{STATE_MEBIBYTES}M", stdout=asyncio.subprocess.DEVNULL
    )
    if await process.wait():
        raise MachineError(f"mke2fs could not make {path}")


def _free_ports(count: int) -> list[int]:
    """Return TCP ports of the loopback that nobody has at the moment."""
    with contextlib.ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
        for each in sockets:
            each.bind(("127.0.0.1", 0))
        return [each.getsockname()[1] for each in sockets]
