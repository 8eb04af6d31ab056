"""What stands between the service and its peers, and notes when bytes passed."""

import asyncio
import contextlib
import json
import os
import termios
import time
import tty
from pathlib import Path
from urllib.parse import urlsplit

__all__ = ["PoolRelay", "StickRelay"]

TASK_BYTES = 64


class StickRelay:
    """Joins a tty of its own with that of a stick; notes nonces to and tasks from the host."""

    def __init__(self, link: Path, stick_path: str) -> None:
        self.path = link
        self.master, slave = os.openpty()
        tty.setraw(slave)
        link.unlink(missing_ok=True)
        link.symlink_to(os.ttyname(slave))
        self._slave = slave
        self._stick = os.open(stick_path, os.O_RDWR | os.O_NOCTTY | os.O_NONBLOCK)
        tty.setraw(self._stick)
        settings = termios.tcgetattr(self._stick)
        settings[4] = settings[5] = termios.B115200
        termios.tcsetattr(self._stick, termios.TCSANOW, settings)
        self.nonces: dict[bytes, float] = {}
        self.task_s = float("-inf")
        """When the last task passed."""
        self.task_seen = asyncio.Event()
        self.first_byte_s: float | None = None
        loop = asyncio.get_running_loop()
        loop.add_reader(self.master, self._from_host)
        loop.add_reader(self._stick, self._from_stick)

    def _from_host(self) -> None:
        data = os.read(self.master, 4096)
        now_s = time.perf_counter()
        self.first_byte_s = self.first_byte_s or now_s
        if len(data) >= TASK_BYTES:
            self.task_s = now_s
            self.task_seen.set()
        os.write(self._stick, data)

    def _from_stick(self) -> None:
        data = os.read(self._stick, 4096)
        now_s = time.perf_counter()
        for start in range(len(data) - 3):
            self.nonces[data[start : start + 4]] = now_s
        os.write(self.master, data)

    def close(self) -> None:
        loop = asyncio.get_running_loop()
        for descriptor in (self.master, self._stick):
            loop.remove_reader(descriptor)
            os.close(descriptor)
        os.close(self._slave)


class PoolRelay:
    """Listens in place of a pool; notes when jobs go to the service and shares come from it."""

    def __init__(self, pool_url: str) -> None:
        pool = urlsplit(pool_url)
        self._pool = (pool.hostname, pool.port)
        self.url = ""
        self.notify_s = float("-inf")
        """When the last job was handed to the socket."""
        self.submits: list[tuple[bytes, float]] = []
        """Nonces, little-endian as chips send them, and when they arrived."""
        self._server: asyncio.Server | None = None

    async def __aenter__(self) -> "PoolRelay":
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.url = f"stratum+tcp://127.0.0.1:{self._server.sockets[0].getsockname()[1]}"
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._server is not None
        self._server.close()

    async def _serve(self, miner: asyncio.StreamReader, to_miner: asyncio.StreamWriter) -> None:
        pool, to_pool = await asyncio.open_connection(*self._pool)
        with contextlib.suppress(ConnectionError):
            await asyncio.gather(self._down(pool, to_miner), self._up(miner, to_pool))

    async def _down(self, pool: asyncio.StreamReader, to_miner: asyncio.StreamWriter) -> None:
        while line := await pool.readline():
            if b'"mining.notify"' in line:
                self.notify_s = time.perf_counter()
            to_miner.write(line)
        to_miner.close()

    async def _up(self, miner: asyncio.StreamReader, to_pool: asyncio.StreamWriter) -> None:
        while line := await miner.readline():
            if b'"mining.submit"' in line:
                nonce_be = bytes.fromhex(json.loads(line)["params"][4])
                self.submits.append((nonce_be[::-1], time.perf_counter()))
            to_pool.write(line)
        to_pool.close()
