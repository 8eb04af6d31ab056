"""A miner in its plainest form: a socket, `json`, `hashlib` and a loop. Imports nothing of ours."""

import asyncio
import hashlib
import json
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any, Self

REPLY_TIMEOUT_S = 10.0


def sha256d(data: bytes) -> bytes:
    return hashlib.sha256(hashlib.sha256(data).digest()).digest()


def flip_words(text: str) -> bytes:
    raw = bytes.fromhex(text)
    return b"".join(raw[at : at + 4][::-1] for at in range(0, len(raw), 4))


@dataclass
class Found:
    """A share: five parameters of a submit without the user, and the hash in display order."""

    job_id: str
    extranonce2: str
    ntime: str
    nonce: str
    block_hash: str

    def params(self, user: str = "rig.1") -> list[Any]:
        return [user, self.job_id, self.extranonce2, self.ntime, self.nonce]


@dataclass
class RawMiner:
    """One connection. ``lines`` holds what the pool said, replies apart."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    lines: list[dict[str, Any]] = field(default_factory=list)
    early: list[dict[str, Any]] = field(default_factory=list)
    """Replies that came while another was waited for."""
    next_id: int = 1
    extranonce1: str = ""
    size: int = 0
    session: str = ""
    difficulty: Fraction = Fraction(1)
    job: list[Any] = field(default_factory=list)

    @classmethod
    async def connect(cls, port: int) -> Self:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        return cls(reader, writer)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        self.writer.close()

    async def read(self) -> dict[str, Any] | None:
        """The next line, or None at the end of the connection."""
        async with asyncio.timeout(REPLY_TIMEOUT_S):
            try:
                line = await self.reader.readline()
            except ConnectionResetError:
                return None
        if not line:
            return None
        message: dict[str, Any] = json.loads(line, parse_float=Fraction)
        if message.get("method") == "mining.set_difficulty":
            self.difficulty = Fraction(message["params"][0])
        elif message.get("method") == "mining.notify":
            self.job = message["params"]
        elif message.get("method") == "mining.set_extranonce":
            self.extranonce1, self.size = message["params"]
        return message

    async def until(self, method: str) -> list[Any]:
        """Parameters of the next call of this method."""
        while True:
            message = await self.read()
            assert message is not None, f"closed before {method}"
            self.lines.append(message)
            if message.get("method") == method:
                params: list[Any] = message["params"]
                return params

    def post(self, method: str, *params: Any) -> int:
        number, self.next_id = self.next_id, self.next_id + 1
        line = json.dumps({"id": number, "method": method, "params": list(params)})
        self.writer.write(line.encode() + b"\n")
        return number

    async def reply(self, number: int | None) -> dict[str, Any]:
        while True:
            for at, message in enumerate(self.early):
                if message["id"] == number:
                    return self.early.pop(at)
            message_or_end = await self.read()
            assert message_or_end is not None, "closed instead of a reply"
            is_reply = "method" not in message_or_end
            (self.early if is_reply else self.lines).append(message_or_end)

    async def call(self, method: str, *params: Any) -> dict[str, Any]:
        return await self.reply(self.post(method, *params))

    async def login(
        self, user: str = "rig.1", *, session: str | None = None, mask: str | None = None
    ) -> None:
        """Configure, subscribe, authorize, and wait for the first job."""
        if mask is not None:
            options = {"version-rolling.mask": mask, "version-rolling.min-bit-count": 2}
            await self.call("mining.configure", ["version-rolling"], options)
        agent = ["raw/1"] if session is None else ["raw/1", session]
        reply = await self.call("mining.subscribe", *agent)
        subscriptions, self.extranonce1, self.size = reply["result"]
        self.session = subscriptions[-1][1]
        reply = await self.call("mining.authorize", user, "x")
        assert reply["result"] is True, reply
        if not self.job:
            await self.until("mining.notify")

    def header(
        self, *, extranonce2: str, nonce: int, ntime: str | None = None, bits: int = 0
    ) -> bytes:
        """The 80 bytes for the current job; ``bits`` are or-ed into its version."""
        _, prev_hash, coinb1, coinb2, branch, version, nbits, job_ntime, _ = self.job
        root = sha256d(bytes.fromhex(coinb1 + self.extranonce1 + extranonce2 + coinb2))
        for node in branch:
            root = sha256d(root + bytes.fromhex(node))
        numbers = [int(ntime or job_ntime, 16), int(nbits, 16), nonce]
        return (
            (int(version, 16) | bits).to_bytes(4, "little")
            + flip_words(prev_hash)
            + root
            + b"".join(number.to_bytes(4, "little") for number in numbers)
        )

    def mine(
        self,
        *,
        extranonce2: str | None = None,
        ntime: str | None = None,
        bits: int = 0,
        start: int = 0,
        wanted: bool = True,
    ) -> Found:
        """Search the current job; ``wanted`` False looks for a hash that is no share."""
        target = Fraction(0xFFFF << 208) / self.difficulty
        chosen = "00" * self.size if extranonce2 is None else extranonce2
        head = self.header(extranonce2=chosen, nonce=0, ntime=ntime, bits=bits)[:76]
        for nonce in range(start, start + 10_000_000):
            digest = sha256d(head + nonce.to_bytes(4, "little"))
            if (int.from_bytes(digest, "little") <= target) is wanted:
                shown = digest[::-1].hex()
                return Found(self.job[0], chosen, ntime or self.job[7], f"{nonce:08x}", shown)
        raise AssertionError("no share in ten million nonces")

    async def submit(self, *params: Any) -> tuple[Any, Any]:
        """Result and error code of one submit."""
        reply = await self.call("mining.submit", *params)
        return reply["result"], reply["error"] and reply["error"][0]
