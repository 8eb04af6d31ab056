"""A socket and lines of bytes: what passes between a miner and a pool, as it stands."""

import asyncio
import json
import ssl
from dataclasses import dataclass, replace
from typing import Any, Self

from luxminer_hil.fakepool.behaviours import load_script
from luxminer_hil.scripting.language import Script

LIMIT_BYTES = 8 << 20
WAIT_S = 10.0

SCALED = ("seconds", "gap_s")
"""Keys of actions that are times of the pool itself."""


def faster(name: str, factor: float) -> Script:
    """A shipped behaviour whose times are all so much shorter."""
    script = load_script(name)
    steps = tuple(
        replace(
            step,
            at_s=None if step.at_s is None else step.at_s / factor,
            every=step.every and step.every / factor,
            wait_s=step.wait_s / factor,
            values={
                key: value / factor if key in SCALED else value
                for key, value in step.values.items()
            },
        )
        for step in script.steps
    )
    return replace(script, steps=steps)


@dataclass
class Wire:
    """One connection."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter

    @classmethod
    async def to(cls, port: int, *, tls: ssl.SSLContext | None = None, name: str = "") -> Self:
        reader, writer = await asyncio.open_connection(
            "127.0.0.1", port, ssl=tls, server_hostname=name or None, limit=LIMIT_BYTES
        )
        return cls(reader, writer)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        self.writer.close()

    def say(self, data: bytes) -> None:
        self.writer.write(data)

    def ask(self, number: Any, method: str, *params: Any) -> None:
        row = {"id": number, "method": method, "params": list(params)}
        self.say(json.dumps(row).encode() + b"\n")

    async def line(self) -> bytes:
        """The next line with its line feed; what came before the end, or nothing, at the end."""
        async with asyncio.timeout(WAIT_S):
            return await self.reader.readline()

    async def message(self) -> dict[str, Any]:
        line = await self.line()
        assert line.endswith(b"\n"), f"cut off: {line!r}"
        message: dict[str, Any] = json.loads(line)
        return message

    async def until(self, method: str) -> dict[str, Any]:
        while True:
            message = await self.message()
            if message.get("method") == method:
                return message

    async def within(self, seconds: float) -> bytes:
        """Everything that comes within this time."""
        heard = b""
        try:
            async with asyncio.timeout(seconds):
                while data := await self.reader.read(1 << 20):
                    heard += data
        except TimeoutError:
            pass
        return heard

    async def end(self) -> bytes:
        """Everything up to the end of the connection. Raises ConnectionResetError."""
        async with asyncio.timeout(WAIT_S):
            return await self.reader.read(-1)

    async def login(self) -> list[bytes]:
        """Subscribe and authorize with ids 1 and 2, and wait for a job; every line of the pool."""
        self.ask(1, "mining.subscribe", "raw/1")
        self.ask(2, "mining.authorize", "rig.1", "x")
        heard = [await self.line()]
        while b'"method": "mining.notify"' not in heard[-1]:
            heard.append(await self.line())
        return heard
