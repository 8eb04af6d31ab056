"""One connection through a proxy: the greeting, the way to the pool, and the bytes that pass.

At each stage the script may refuse, stall, delay or cut.
"""

import asyncio
import ipaddress
import logging
import socket
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple, Protocol

from luxminer_hil.fakepool.peer import RESET_AT_CLOSE
from luxminer_hil.fakepool.recording import SessionRecorder
from luxminer_hil.fakepool.tunnels import (
    HTTP,
    NO_LOGIN,
    NO_METHOD,
    PASSWORD,
    SOCKS5,
    Malformed,
    SocksReply,
    Wanted,
    http_answer,
    read_http,
    read_socks_greeting,
    read_socks_login,
    read_socks_request,
    socks_answer,
)
from luxminer_hil.scripting.language import Step

__all__ = ["Client", "Passage", "ProxySettings"]

log = logging.getLogger(__name__)

CHUNK_BYTES = 65536
HANDSHAKE_S = 60.0
CONNECT_S = 10.0
STALL_S = 3600.0
"""A connection that the proxy stalls is closed after this time."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ProxySettings:
    """Raises ValueError for what cannot be."""

    kind: str = SOCKS5
    host: str = "127.0.0.1"
    port: int = 0
    """0 takes a free one."""
    user: str = ""
    """Without one everybody may pass."""
    password: str = field(default="", repr=False)
    names: Mapping[str, str] = field(default_factory=dict)
    """Host names, in small letters, and where they really lead."""
    anywhere: bool = False
    """Listen on, and connect to, other than loopback."""
    seed: int = 0

    def __post_init__(self) -> None:
        if self.kind not in (SOCKS5, HTTP):
            raise ValueError(f"kind {self.kind!r} is neither {SOCKS5} nor {HTTP}")
        if not 0 <= self.port <= 65535:
            raise ValueError(f"port {self.port} is outside 0 to 65535")
        if not self.anywhere and not is_loopback(self.host):
            raise ValueError(f"{self.host} is not loopback; --anywhere lets everybody in")
        if len(self.user.encode()) > 255 or len(self.password.encode()) > 255:
            raise ValueError("user and password have at most 255 bytes each")


class Passage(NamedTuple):
    """What became of one connection."""

    connection: int
    wanted: Wanted | None
    user: str | None
    fate: str

    def as_json(self) -> dict[str, object]:
        return {
            "connection": self.connection,
            "asked": None if self.wanted is None else str(self.wanted),
            "as": None if self.wanted is None else self.wanted.form,
            "user": self.user,
            "fate": self.fate,
        }


class Refused(Exception):
    """The connection ends here: ``answer`` is said first."""

    def __init__(self, fate: str, answer: bytes = b"", *, by_reset: bool = False) -> None:
        super().__init__(fate)
        self.fate = fate
        self.answer = answer
        self.by_reset = by_reset


class House(Protocol):
    """What a connection needs of its proxy."""

    @property
    def settings(self) -> ProxySettings: ...

    @property
    def recorder(self) -> SessionRecorder | None: ...

    def due(self, stage: str) -> tuple[Step, ...]:
        """Return what the script says at this stage."""
        ...

    def tell(self, passage: Passage) -> None: ...


class Client:
    """One connection to the proxy."""

    def __init__(
        self,
        proxy: House,
        number: int,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
    ) -> None:
        self._proxy = proxy
        self._settings = proxy.settings
        self._number = number
        self._reader = reader
        self._writer = writer
        self._wanted: Wanted | None = None
        self._user: str | None = None
        self._handshake = asyncio.timeout(HANDSHAKE_S)

    def abort(self) -> None:
        self._writer.transport.abort()

    async def run(self) -> None:
        try:
            async with self._handshake:
                reader, writer = await self._open()
        except Refused as exc:
            self._tell(exc.fate)
            await self._say_last(exc)
            return
        except Malformed as exc:
            self._tell(f"malformed: {exc}")
            await self._say_last(Refused("malformed", exc.answer))
            return
        except (OSError, asyncio.IncompleteReadError, TimeoutError):
            self._tell("left")
            return
        self._tell("connected")
        self._happened("open")
        try:
            await self._pass(reader, writer)
        except Refused:
            reset_at_close(self._writer)
        finally:
            self._happened("closed")
            writer.transport.abort()

    async def _open(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        """Say hello, and reach what the client wants."""
        await self._stage("connect")
        if self._settings.kind == SOCKS5:
            await self._socks()
        else:
            await self._http()
        wanted = self._wanted
        assert wanted is not None
        await self._stage("request")
        host = self._resolve(wanted)
        try:
            async with asyncio.timeout(CONNECT_S):
                reader, writer = await asyncio.open_connection(host, wanted.port, limit=CHUNK_BYTES)
        except ConnectionRefusedError:
            raise Refused("unreachable", self._no(SocksReply.REFUSED, 502)) from None
        except (OSError, TimeoutError):
            raise Refused("unreachable", self._no(SocksReply.HOST_UNREACHABLE, 504)) from None
        here, port = writer.get_extra_info("sockname")[:2]
        self._writer.write(
            socks_answer(SocksReply.GRANTED, here, port)
            if self._settings.kind == SOCKS5
            else http_answer(200)
        )
        return reader, writer

    async def _socks(self) -> None:
        offered = await read_socks_greeting(self._reader)
        await self._stage("greeting")
        method = PASSWORD if self._settings.user else NO_LOGIN
        if method not in offered:
            raise Refused("no common login", bytes([5, NO_METHOD]))
        self._writer.write(bytes([5, method]))
        if method == PASSWORD:
            self._user, password = await read_socks_login(self._reader)
            await self._stage("login")
            if not self._may_pass(password):
                raise Refused("wrong password", b"\x01\x01")
            self._writer.write(b"\x01\x00")
        self._wanted = await read_socks_request(self._reader)

    async def _http(self) -> None:
        self._wanted, self._user, password = await read_http(self._reader)
        await self._stage("greeting")
        if self._settings.user:
            await self._stage("login")
            if not self._may_pass(password):
                fate = "no password" if self._user is None else "wrong password"
                raise Refused(fate, http_answer(407))

    def _may_pass(self, password: str | None) -> bool:
        return (self._user, password) == (self._settings.user, self._settings.password)

    def _resolve(self, wanted: Wanted) -> str:
        """Return where a name leads. Raises Refused for what the proxy may not reach."""
        host = self._settings.names.get(wanted.host.lower(), wanted.host)
        if not self._settings.anywhere and not is_loopback(host):
            raise Refused("not allowed", self._no(SocksReply.NOT_ALLOWED, 403))
        return host

    def _no(self, code: int, status: int) -> bytes:
        return socks_answer(code) if self._settings.kind == SOCKS5 else http_answer(status)

    async def _stage(self, stage: str) -> None:
        """Do what the script says at this point. Raises Refused where that is the end."""
        for step in self._proxy.due(stage):
            await asyncio.sleep(step.wait_s)
            if step.action == "delay":
                await asyncio.sleep(step.values["seconds"])
            elif step.action == "stall":
                await self._stall()
            elif step.action == "cut":
                raise Refused("cut by script", by_reset=True)
            elif step.action == "raw":
                text, octets = step.values["text"], step.values["hex_bytes"]
                raise Refused("answered by script", octets if text is None else text.encode())
            else:
                raise Refused("refused by script", self._refusal(stage, step.values["code"]))

    def _refusal(self, stage: str, code: int | None) -> bytes:
        if self._settings.kind == HTTP:
            return http_answer(code or (407 if stage == "login" else 502))
        if stage == "login":
            return bytes([1, (code or 1) & 0xFF])
        if stage == "request":
            return socks_answer((code or SocksReply.REFUSED) & 0xFF)
        return bytes([5, NO_METHOD])

    async def _stall(self) -> None:
        """Take what comes and say nothing, until the client has had enough."""
        self._handshake.reschedule(None)
        self._tell("stalled by script")
        await discard(self._reader)
        raise Refused("")

    async def _say_last(self, last: Refused) -> None:
        if last.by_reset:
            reset_at_close(self._writer)
            return
        try:
            async with asyncio.timeout(CONNECT_S):
                self._writer.write(last.answer)
                await self._writer.drain()
                self._writer.write_eof()
                await discard(self._reader)
        except (OSError, TimeoutError):
            return

    def _tell(self, fate: str) -> None:
        if fate:
            self._proxy.tell(Passage(self._number, self._wanted, self._user, fate))

    async def _pass(
        self, far_reader: asyncio.StreamReader, far_writer: asyncio.StreamWriter
    ) -> None:
        """Pass bytes on until both ends are done, or the script says so."""
        steps = self._proxy.due("tunnel")
        refused: Refused | None = None
        try:
            async with asyncio.TaskGroup() as group:
                pumps = [
                    group.create_task(self._pump(self._reader, far_writer, (), to_pool=True)),
                    group.create_task(self._pump(far_reader, self._writer, steps, to_pool=False)),
                ]
                timers = [
                    group.create_task(cut_after(step.wait_s))
                    for step in steps
                    if step.action == "cut" and step.wait_s
                ]
                await asyncio.wait(pumps)
                for timer in timers:
                    timer.cancel()
        except* Refused as found:
            refused = next(each for each in found.exceptions if isinstance(each, Refused))
        except* OSError as found:
            log.debug("connection %d: %s", self._number, found.exceptions[0])
        if refused is not None:
            raise refused

    async def _pump(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        steps: tuple[Step, ...],
        *,
        to_pool: bool,
    ) -> None:
        passed = 0
        while data := await reader.read(CHUNK_BYTES):
            for step in steps:
                if step.action == "delay":
                    await asyncio.sleep(step.values["seconds"])
                elif step.action == "stall" or (step.action == "cut" and not step.wait_s):
                    data = data[: max(0, step.values["bytes"] - passed)]
            self._note(to_pool, data)
            writer.write(data)
            await writer.drain()
            passed += len(data)
            for step in steps:
                if step.action == "cut" and not step.wait_s and passed >= step.values["bytes"]:
                    raise Refused("cut by script", by_reset=True)
        writer.write_eof()

    def _happened(self, what: str) -> None:
        if self._proxy.recorder is not None:
            self._proxy.recorder.happened(self._number, what)

    def _note(self, to_pool: bool, data: bytes) -> None:
        if self._proxy.recorder is not None:
            self._proxy.recorder.heard(self._number, to_pool, data)


async def cut_after(seconds: float) -> None:
    await asyncio.sleep(seconds)
    raise Refused("cut by script", by_reset=True)


async def discard(reader: asyncio.StreamReader) -> None:
    try:
        async with asyncio.timeout(STALL_S):
            while await reader.read(CHUNK_BYTES):
                pass
    except (OSError, TimeoutError):
        return


def reset_at_close(writer: asyncio.StreamWriter) -> None:
    raw = writer.get_extra_info("socket")
    raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET_AT_CLOSE)


def is_loopback(host: str) -> bool:
    if host.lower() == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
