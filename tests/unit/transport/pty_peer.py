"""The other end of a pseudo terminal: what a stick is to the transport under test."""

import asyncio
import contextlib
import os
import tty
from pathlib import Path
from types import TracebackType


class PtyPeer:
    """Holds the master side; the tty at ``path`` is what the transport opens.

    With ``connection`` it holds that descriptor instead, and there is no tty.
    """

    def __init__(self, connection: int | None = None) -> None:
        self.is_open = True
        self.path = ""
        if connection is not None:
            self.master = connection
        else:
            self.master, slave = os.openpty()
            tty.setraw(slave)
            self.path = os.ttyname(slave)
            os.close(slave)
        os.set_blocking(self.master, False)

    def __enter__(self) -> "PtyPeer":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, tb: TracebackType | None
    ) -> None:
        self.unplug()

    def link(self, path: Path) -> Path:
        """Give the tty a lasting name, as a virtual stick does."""
        path.unlink(missing_ok=True)
        path.symlink_to(self.path)
        return path

    def unplug(self) -> None:
        if self.is_open:
            self.is_open = False
            os.close(self.master)

    async def send(self, data: bytes) -> None:
        while data:
            try:
                data = data[os.write(self.master, data) :]
            except BlockingIOError:
                await asyncio.sleep(0.001)

    async def receive(self, count: int, *, chunk: int = 65536, pause_s: float = 0.001) -> bytes:
        """Return ``count`` bytes, taken in pieces of at most ``chunk`` with pauses."""
        data = bytearray()
        while len(data) < count:
            with contextlib.suppress(BlockingIOError):
                data += os.read(self.master, min(chunk, count - len(data)))
            await asyncio.sleep(pause_s)
        return bytes(data)
