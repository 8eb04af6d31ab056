"""A running API server for tests, and raw sockets as its clients."""

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from luxminer.api.server import ApiServer
from luxminer.api.sockets import bind
from luxminer.clock import SystemClock
from luxminer.config.schema import ApiConfig
from tests.unit.api.snapshots import Rig

HOST = "127.0.0.1"


@asynccontextmanager
async def serving(rig: Rig | None = None, **settings: Any) -> AsyncIterator[ApiServer]:
    """Serve a test snapshot on a free port of this machine."""
    rig = rig or Rig()
    config = ApiConfig(**{"port": 0, "http_port": 0, "listen": HOST, **settings})
    sock = await bind(config.listen, config.port, "api.port")
    server = ApiServer(sock, rig.dispatcher, config, SystemClock())
    await server.start()
    try:
        yield server
    finally:
        await server.stop()


async def exchange(
    port: int, *pieces: bytes, pause_s: float = 0.0, half_close: bool = False
) -> bytes:
    """Send the pieces one by one and read until the server closes."""
    reader, writer = await asyncio.open_connection(HOST, port)
    try:
        for piece in pieces:
            writer.write(piece)
            await writer.drain()
            await asyncio.sleep(pause_s)
        if half_close:
            writer.write_eof()
        async with asyncio.timeout(10):
            return await reader.read()
    finally:
        writer.close()


def complaints(caplog: pytest.LogCaptureFixture) -> list[str]:
    """Warnings and errors that were logged, but not asyncio's about a slow machine."""
    return [
        record.getMessage()
        for record in caplog.records
        if record.levelno >= logging.WARNING and record.name != "asyncio"
    ]
