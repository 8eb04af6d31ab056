"""Proxies of a few lines: SOCKS5 and HTTP by the book; they note what they were asked for."""

import asyncio
import base64
import ipaddress
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

LOGIN = "proxy user:p@ss w/rd"


@dataclass
class SmallProxy:
    """Leads to ``port`` of this machine, whatever name it is asked for."""

    kind: str
    login: str = ""
    """``user:password``; empty lets everybody in."""
    to_port: int = 0
    refuse: int = 0
    """Code or status to refuse with."""
    raw_answer: bytes | None = None
    """Said instead of anything sensible."""
    asked: list[tuple[str, int]] = field(default_factory=list)
    port: int = 0

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            if self.raw_answer is not None:
                await reader.read(1)
                writer.write(self.raw_answer)
                await writer.drain()
                if not self.raw_answer:
                    await asyncio.sleep(3600)
            elif await (self._socks5 if self.kind == "socks5" else self._http)(reader, writer):
                await self._relay(reader, writer)
        except (ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
            pass
        finally:
            writer.transport.abort()

    async def _socks5(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        version, count = await reader.readexactly(2)
        assert version == 5
        methods = await reader.readexactly(count)
        wanted = 2 if self.login else 0
        if wanted not in methods:
            writer.write(b"\x05\xff")
            return False
        writer.write(bytes([5, wanted]))
        if self.login:
            _, length = await reader.readexactly(2)
            user = await reader.readexactly(length)
            (length,) = await reader.readexactly(1)
            password = await reader.readexactly(length)
            good = b":".join([user, password]) == self.login.encode()
            writer.write(bytes([1, 0 if good else 1]))
            if not good:
                return False
        version, command, zero, kind = await reader.readexactly(4)
        assert (version, command, zero) == (5, 1, 0)
        if kind == 3:
            (length,) = await reader.readexactly(1)
            host = (await reader.readexactly(length)).decode("ascii")
        else:
            packed = await reader.readexactly(4 if kind == 1 else 16)
            host = str(ipaddress.ip_address(packed))
        self.asked.append((host, int.from_bytes(await reader.readexactly(2), "big")))
        bound = b"\x03\x04name\x00\x50" if kind == 3 else b"\x01\x7f\x00\x00\x01\x00\x50"
        writer.write(bytes([5, self.refuse, 0]) + bound)
        return not self.refuse

    async def _http(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        head = (await reader.readuntil(b"\r\n\r\n")).decode("ascii").split("\r\n")
        method, target, version = head[0].split(" ")
        assert (method, version) == ("CONNECT", "HTTP/1.1")
        fields = dict(line.split(": ", 1) for line in head[1:] if line)
        assert fields["Host"] == target
        host, _, port = target.rpartition(":")
        self.asked.append((host.strip("[]"), int(port)))
        scheme, _, login = fields.get("Proxy-Authorization", "none ").partition(" ")
        if self.login and (scheme, base64.b64decode(login)) != ("Basic", self.login.encode()):
            writer.write(b"HTTP/1.1 407 Proxy Authentication Required\r\n\r\n")
            return False
        status = self.refuse or 200
        writer.write(f"HTTP/1.1 {status} So be it\r\nVia: small\r\n\r\n".encode())
        return not self.refuse

    async def _relay(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there, back = await asyncio.open_connection("127.0.0.1", self.to_port)

        async def copy(source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
            while data := await source.read(4096):
                sink.write(data)
                await sink.drain()

        ways = {asyncio.create_task(copy(reader, back)), asyncio.create_task(copy(there, writer))}
        try:
            await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for way in ways:
                way.cancel()
            await asyncio.wait(ways)
            back.transport.abort()

    @asynccontextmanager
    async def listening(self) -> AsyncIterator["SmallProxy"]:
        tasks: list[asyncio.Task[None]] = []
        writers: list[asyncio.StreamWriter] = []

        def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            writers.append(writer)
            tasks.append(asyncio.create_task(self._serve(reader, writer)))

        server = await asyncio.start_server(accept, "127.0.0.1", 0)
        self.port = server.sockets[0].getsockname()[1]
        try:
            yield self
        finally:
            server.close()
            await asyncio.sleep(0.01)  # who was accepted already comes in
            for task in tasks:
                task.cancel()
            if tasks:
                await asyncio.wait(tasks)
            for writer in writers:
                writer.transport.abort()
            await asyncio.sleep(0.01)
