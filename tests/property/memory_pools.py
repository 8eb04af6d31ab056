"""Pools and their network in memory: a whole history of connections takes milliseconds.

The loop stands for the network: who dials a port talks to the pool that listens there. Each pool
knows nothing but what it sent; it rebuilds the header of every share from that, with `hashlib`.
"""

import asyncio
import json
import random
import socket
import struct
from collections.abc import Callable
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any

from luxminer_hil.acceptance.warp import WarpLoop

EASY = 2.4e-10
"""A share difficulty that nearly every hash meets."""

FIRST_BLOCK = "11" * 32


def double(data: bytes) -> bytes:
    return sha256(sha256(data).digest()).digest()


class MemoryTransport(asyncio.Transport):
    """The client's end of a line; what it writes is heard by the pool a moment later."""

    def __init__(self, loop: "MemoryLoop", sock: socket.socket, protocol: asyncio.Protocol) -> None:
        super().__init__({"socket": sock})
        self._loop = loop
        self._sock = sock
        self._protocol = protocol
        self.hears: Callable[[bytes], None] = lambda data: None
        self.ended: Callable[[], None] = lambda: None
        self.is_open = True

    def write(self, data: bytes | bytearray | memoryview) -> None:
        if self.is_open:
            self._loop.call_soon(self.hears, bytes(data))

    def deliver(self, data: bytes) -> None:
        """Let the client read something."""
        self._loop.call_soon(self._read, data)

    def _read(self, data: bytes) -> None:
        if self.is_open:
            self._protocol.data_received(data)

    def close(self) -> None:
        if self.is_open:
            self.is_open = False
            self._sock.close()
            self._loop.call_soon(self.ended)
            self._loop.call_soon(self._protocol.connection_lost, None)

    def abort(self) -> None:
        self.close()

    def is_closing(self) -> bool:
        return not self.is_open

    def pause_reading(self) -> None:
        pass

    def resume_reading(self) -> None:
        pass

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None:
        pass


class MemoryLoop(WarpLoop):
    """A loop whose network is the pools that listen in it."""

    def __init__(self) -> None:
        super().__init__()
        self.listening: dict[int, MemoryPool] = {}
        self._dialled: dict[int, int] = {}

    async def sock_connect(self, sock: socket.socket, address: Any) -> None:
        if address[1] not in self.listening:
            raise ConnectionRefusedError(111, "nobody listens")
        self._dialled[sock.fileno()] = address[1]

    async def create_connection(  # type: ignore[override]  # the one way in which we dial
        self, factory: Callable[[], asyncio.Protocol], *, sock: socket.socket
    ) -> tuple[MemoryTransport, asyncio.Protocol]:
        pool = self.listening.get(self._dialled.pop(sock.fileno()))
        if pool is None:
            sock.close()
            raise ConnectionResetError(104, "gone")
        protocol = factory()
        transport = MemoryTransport(self, sock, protocol)
        pool.accept(transport)
        protocol.connection_made(transport)
        return transport, protocol


@dataclass(frozen=True)
class SentJob:
    """All of a job that a share is made of, as it was sent to one session."""

    extranonce1: str
    size: int
    coinb1: str
    coinb2: str
    branch: tuple[str, ...]
    version: int
    nbits: int
    mask: int
    prev: str


@dataclass
class Session:
    name: str
    extranonce1: str
    jobs: dict[str, SentJob] = field(default_factory=dict)
    sent: int = 0


@dataclass(frozen=True)
class Seen:
    """A share as it arrived."""

    user: str
    hash: bytes
    known: bool
    """The job was sent in this session."""


class MemoryPool:
    """A pool for one wallet. Sessions of all pools have the same job ids: none tells a stray."""

    def __init__(self, port: int, wallet: str, rng: random.Random) -> None:
        self.port = port
        self.wallet = wallet
        self.seen: list[Seen] = []
        self.logins: set[str] = set()
        self.resumes = True
        self.answers = True
        self._rng = rng
        self._mask = 0x1FFFE000
        self._prev = FIRST_BLOCK
        self._size = 4
        self._jobs = 0
        self._sessions: dict[str, Session] = {}
        self._lines: dict[MemoryTransport, Session | None] = {}

    # What a history does to it

    def job(self, *, clean: bool) -> None:
        """Send a new job to everybody; half of the clean ones are for a new block."""
        self._jobs += 1
        if clean and self._rng.random() < 0.5:
            self._prev = self._rng.randbytes(32).hex()
        for line, session in self._lines.items():
            if session is not None:
                self._notify(line, session, clean=clean)

    def extranonce(self) -> None:
        """Give every session another extranonce1, for the jobs that follow."""
        self._size = self._rng.choice([2, 4, 8])
        for line, session in self._lines.items():
            if session is not None:
                session.extranonce1 = self._rng.randbytes(4).hex()
                self._tell(line, "mining.set_extranonce", [session.extranonce1, self._size])

    def mask(self, mask: int) -> None:
        self._mask = mask
        for line in self._lines:
            self._tell(line, "mining.set_version_mask", [f"{mask:08x}"])

    def drop(self) -> None:
        for line in list(self._lines):
            line.close()

    def ask_to_reconnect(self) -> None:
        for line in self._lines:
            self._tell(line, "client.reconnect", [])

    # The other end of a line

    def accept(self, line: MemoryTransport) -> None:
        self._lines[line] = None
        rest = b""

        def hears(data: bytes) -> None:
            nonlocal rest
            *whole, rest = (rest + data).split(b"\n")
            for text in whole:
                self._answer(line, json.loads(text))

        line.hears = hears
        line.ended = lambda: self._lines.__delitem__(line)

    def _tell(self, line: MemoryTransport, method: str, params: list[object]) -> None:
        self._send(line, {"id": None, "method": method, "params": params})

    @staticmethod
    def _send(line: MemoryTransport, message: object) -> None:
        line.deliver(json.dumps(message).encode() + b"\n")

    def _answer(self, line: MemoryTransport, request: dict[str, Any]) -> None:
        method, params = request["method"], request["params"]
        result: object = True
        if method == "mining.configure":
            result = {"version-rolling": True, "version-rolling.mask": f"{self._mask:08x}"}
        elif method == "mining.subscribe":
            session = self._subscribe(params[1] if len(params) > 1 else "")
            self._lines[line] = session
            result = [[["mining.notify", session.name]], session.extranonce1, self._size]
        elif method == "mining.authorize":
            self.logins.add(params[0])
        elif method == "mining.submit":
            known = self._submitted(self._lines.get(line), params)
            if not self.answers:
                return
            result = known or None
        error = None if result is not None else [21, "Job not found", None]
        self._send(line, {"id": request["id"], "result": result, "error": error})
        session_or_none = self._lines.get(line)
        if method == "mining.authorize" and session_or_none is not None:
            self._tell(line, "mining.set_difficulty", [EASY])
            self._notify(line, session_or_none, clean=False)

    def _subscribe(self, name: str) -> Session:
        if self.resumes and name in self._sessions:
            return self._sessions[name]
        made = Session(name=self._rng.randbytes(4).hex(), extranonce1=self._rng.randbytes(4).hex())
        self._sessions[made.name] = made
        return made

    def _notify(self, line: MemoryTransport, session: Session, *, clean: bool) -> None:
        job = SentJob(
            extranonce1=session.extranonce1,
            size=self._size,
            coinb1="01000000" + "01" + "00" * 32 + "ffffffff" + "1b0320a107" + "00" * 15,
            coinb2="ffffffff01" + "00f2052a01000000" + f"01{self._jobs % 256:02x}" + "00000000",
            branch=("22" * 32,),
            version=0x20000000,
            nbits=0x17029A8A,
            mask=self._mask,
            prev=self._prev,
        )
        name = f"{session.sent:x}"
        session.sent += 1
        if clean:
            session.jobs.clear()
        session.jobs[name] = job
        params: list[object] = [name, job.prev, job.coinb1, job.coinb2, list(job.branch)]
        params += [f"{job.version:08x}", f"{job.nbits:08x}", "65a00000", clean]
        self._tell(line, "mining.notify", params)

    def _submitted(self, session: Session | None, params: list[str]) -> bool:
        user, name, extranonce2, ntime, nonce, *bits = params
        job = session.jobs.get(name) if session is not None else None
        if job is None:
            self.seen.append(Seen(user=user, hash=b"", known=False))
            return False
        root = double(bytes.fromhex(job.coinb1 + job.extranonce1 + extranonce2 + job.coinb2))
        for node in job.branch:
            root = double(root + bytes.fromhex(node))
        version = job.version | (int(bits[0], 16) if bits else 0)
        prev = b"".join(bytes.fromhex(job.prev)[at : at + 4][::-1] for at in range(0, 32, 4))
        header = struct.pack("<I", version) + prev + root
        header += struct.pack("<III", int(ntime, 16), job.nbits, int(nonce, 16))
        self.seen.append(Seen(user=user, hash=double(header), known=True))
        return True
