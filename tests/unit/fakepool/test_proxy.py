"""The proxy by its bytes: RFC 1928, RFC 1929 and CONNECT, and every shipped way to misbehave."""

import asyncio
import base64
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from luxminer_hil.fakepool import FakePool, ScriptError, SessionRecorder
from luxminer_hil.fakepool.behaviours import behaviour_names, find_script
from luxminer_hil.fakepool.proxy import Passage, Proxy
from luxminer_hil.fakepool.proxy_actions import (
    PROXY_SCRIPTS,
    read_proxy_script,
    read_proxy_step,
)
from luxminer_hil.fakepool.recording import read_recording
from luxminer_hil.fakepool.tunnels import Malformed, read_http, read_socks_request
from luxminer_hil.scripting.language import Step
from tests.unit.fakepool.wire import Wire

PING = b'{"id": 7, "method": "mining.ping", "params": []}\n'
PONG = b'{"id": 7, "result": "pong", "error": null}\n'
GRANTED = b"\x05\x00\x00\x01\x7f\x00\x00\x01"
"""And the port that the proxy goes out from."""
PROVED: set[str] = set()


def proves(*names: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    def register(test: Callable[..., Any]) -> Callable[..., Any]:
        PROVED.update(names)
        return test

    return register


def test_every_proxy_behaviour_is_proved_here() -> None:
    assert set(behaviour_names(PROXY_SCRIPTS)) == PROVED


class Between:
    """A pool, a proxy in front of it, and what became of connections."""

    def __init__(self, pool: FakePool, steps: tuple[Step, ...], **changes: Any) -> None:
        self.pool = pool
        self.proxy = Proxy(steps=steps, on_passage=self.tell, **changes)
        self.passages: list[Passage] = []
        self.changed = asyncio.Event()

    def tell(self, passage: Passage) -> None:
        self.passages.append(passage)
        self.changed.set()

    async def fates(self, count: int = 1) -> list[str]:
        async with asyncio.timeout(5):
            while len(self.passages) < count:
                self.changed.clear()
                await self.changed.wait()
        return [passage.fate for passage in self.passages]


@asynccontextmanager
async def between(
    *scripts: str, steps: tuple[Step, ...] = (), **changes: Any
) -> AsyncIterator[Between]:
    for name in scripts:
        steps += read_proxy_script(find_script(name, PROXY_SCRIPTS)).steps
    async with FakePool() as pool:
        there = Between(pool, steps, **changes)
        async with there.proxy:
            yield there


def socks_request(host: str, port: int) -> bytes:
    name = host.encode()
    return b"\x05\x01\x00\x03" + bytes([len(name)]) + name + port.to_bytes(2, "big")


async def read(wire: Wire, count: int) -> bytes:
    async with asyncio.timeout(5):
        return await wire.reader.readexactly(count)


async def through_socks(wire: Wire, port: int, host: str = "localhost") -> None:
    wire.say(b"\x05\x01\x00")
    assert await read(wire, 2) == b"\x05\x00"
    wire.say(socks_request(host, port))
    assert (await read(wire, 10))[:8] == GRANTED


# SOCKS5


@pytest.mark.parametrize(
    "address",
    [
        b"\x03\x09localhost",
        b"\x03\x09LocalHost",
        b"\x01\x7f\x00\x00\x01",
        b"\x03\x0dpool-7z.onion",
    ],
)
async def test_socks_passes_bytes_both_ways(address: bytes) -> None:
    async with (
        between(names={"pool-7z.onion": "127.0.0.1"}) as there,
        await Wire.to(there.proxy.port) as wire,
    ):
        port = there.pool.port.to_bytes(2, "big")
        wire.say(b"\x05\x02\x00\x02" + b"\x05\x01\x00" + address + port + PING)
        assert await read(wire, 2) == b"\x05\x00"
        assert (await read(wire, 10))[:8] == GRANTED
        assert await wire.line() == PONG
        (passage,) = there.passages
        assert passage.fate == "connected"
        form = "name" if address[0] == 3 else "address"
        assert (passage.as_json()["as"], passage.user) == (form, None)
        assert str(passage.wanted).endswith(f":{there.pool.port}")
        wire.writer.write_eof()
        await there.pool.wait_until(lambda: not there.pool.connections, 5)


async def test_socks_by_ipv6() -> None:
    try:
        pool = FakePool(host="::1")
        await pool.__aenter__()
    except OSError:
        pytest.skip("no IPv6 on this machine")
    try:
        async with Proxy() as proxy, await Wire.to(proxy.port) as wire:
            address = b"\x04" + b"\x00" * 15 + b"\x01" + pool.port.to_bytes(2, "big")
            wire.say(b"\x05\x01\x00" + b"\x05\x01\x00" + address + PING)
            assert await read(wire, 2) == b"\x05\x00"
            assert (await read(wire, 22))[:4] == b"\x05\x00\x00\x04"
            assert await wire.line() == PONG
    finally:
        await pool.__aexit__()


async def test_socks_with_a_password() -> None:
    async with between(user="me", password="pw") as there:
        async with await Wire.to(there.proxy.port) as wire:
            wire.say(b"\x05\x02\x00\x02")
            assert await read(wire, 2) == b"\x05\x02"
            wire.say(b"\x01\x02me\x02pw")
            assert await read(wire, 2) == b"\x01\x00"
            wire.say(socks_request("localhost", there.pool.port) + PING)
            assert (await read(wire, 10))[:8] == GRANTED
            assert await wire.line() == PONG
        async with await Wire.to(there.proxy.port) as wire:
            wire.say(b"\x05\x01\x02" + b"\x01\x02me\x02no")
            assert await wire.end() == b"\x05\x02\x01\x01"
        async with await Wire.to(there.proxy.port) as wire:
            wire.say(b"\x05\x01\x00")
            assert await wire.end() == b"\x05\xff"
        assert await there.fates(3) == ["connected", "wrong password", "no common login"]


@pytest.mark.parametrize(
    ("said", "answer", "fate"),
    [
        (b"\x04\x01\x00\x50", b"", "malformed: version 4 of SOCKS"),
        (b"\x05\x01\x00\x05\x02\x00\x01\x7f\x00\x00\x01\x00\x50", b"\x05\x07", "command 2"),
        (b"\x05\x01\x00\x05\x01\x00\x05\x7f\x00\x00\x01\x00\x50", b"\x05\x08", "address type 5"),
        (b"\x05\x01\x00\x05\x01\x00\x03\x00\x00\x50", b"\x05\x04", "a name that is none"),
        (b"\x05\x01\x00" + socks_request("pool.example", 3333), b"\x05\x02", "not allowed"),
        (b"\x05\x01\x00\x05\x01\x00\x01\x08\x08\x08\x08\x00\x50", b"\x05\x02", "not allowed"),
    ],
)
async def test_socks_that_is_refused(said: bytes, answer: bytes, fate: str) -> None:
    async with between() as there, await Wire.to(there.proxy.port) as wire:
        wire.say(said)
        heard = await wire.end()
        assert heard.removeprefix(b"\x05\x00")[:2] == answer
        assert fate in (await there.fates())[0]


async def test_a_pool_that_is_not_there_is_said_to_refuse() -> None:
    async with between() as there:
        await there.pool.cut(0)
        closed = there.pool.port
        await there.pool.__aexit__()
        async with await Wire.to(there.proxy.port) as wire:
            wire.say(b"\x05\x01\x00" + socks_request("127.0.0.1", closed))
            assert (await wire.end())[:4] == b"\x05\x00\x05\x05"
        assert await there.fates() == ["unreachable"]


# HTTP


def connect(host: str, port: int, *lines: str) -> bytes:
    head = [f"CONNECT {host}:{port} HTTP/1.1", f"Host: {host}:{port}", *lines, "", ""]
    return "\r\n".join(head).encode()


def basic(user: str, password: str) -> str:
    return f"Proxy-Authorization: Basic {base64.b64encode(f'{user}:{password}'.encode()).decode()}"


async def test_http_passes_bytes_both_ways() -> None:
    async with (
        between(kind="http", names={"pool.example": "127.0.0.1"}) as there,
        await Wire.to(there.proxy.port) as wire,
    ):
        wire.say(connect("Pool.Example", there.pool.port) + PING)
        assert await wire.line() == b"HTTP/1.1 200 Connection established\r\n"
        assert await wire.line() == b"\r\n"
        assert await wire.line() == PONG
        assert there.passages[0].as_json()["as"] == "name"


async def test_http_with_a_password() -> None:
    async with between(kind="http", user="me", password="p:w") as there:
        async with await Wire.to(there.proxy.port) as wire:
            wire.say(connect("localhost", there.pool.port, basic("me", "p:w")) + PING)
            assert await wire.line() == b"HTTP/1.1 200 Connection established\r\n"
        for lines in (
            [],
            [basic("me", "no")],
            ["Proxy-Authorization: Digest x"],
            ["Proxy-Authorization: Basic !"],
        ):
            async with await Wire.to(there.proxy.port) as wire:
                wire.say(connect("localhost", there.pool.port, *lines))
                answer = await wire.end()
                assert answer.startswith(b"HTTP/1.1 407 Proxy Authentication Required\r\n")
                assert b'\r\nProxy-Authenticate: Basic realm="' in answer
        assert (await there.fates(5))[1:3] == ["no password", "wrong password"]


@pytest.mark.parametrize(
    ("said", "status"),
    [
        (b"GET / HTTP/1.1\r\n\r\n", 405),
        (b"CONNECT localhost HTTP/1.1\r\n\r\n", 400),
        (b"CONNECT localhost:0 HTTP/1.1\r\n\r\n", 400),
        (b"CONNECT localhost:99999 HTTP/1.1\r\n\r\n", 400),
        (b"CONNECT a:b:3 HTTP/1.1\r\n\r\n", 400),
        (b"\x05\x01\x00\r\n\r\n", 400),
        (b"CONNECT pool.example:3333 HTTP/1.1\r\n\r\n", 403),
        (b"CONNECT [2001:db8::1]:3333 HTTP/1.1\r\n\r\n", 403),
        (b"CONNECT localhost:1 HTTP/1.1\r\nX: " + b"x" * 40_000 + b"\r\n\r\n", 400),
    ],
)
async def test_http_that_is_refused(said: bytes, status: int) -> None:
    async with between(kind="http") as there, await Wire.to(there.proxy.port) as wire:
        wire.say(said)
        assert (await wire.line()).startswith(b"HTTP/1.1 %d " % status)


# Misbehaviour


@proves("refusing")
@pytest.mark.parametrize("kind", ["socks5", "http"])
async def test_refusing_says_that_the_host_refuses(kind: str) -> None:
    async with between("refusing", kind=kind) as there, await Wire.to(there.proxy.port) as wire:
        if kind == "http":
            wire.say(connect("localhost", there.pool.port))
            assert await wire.line() == b"HTTP/1.1 502 Bad Gateway\r\n"
        else:
            wire.say(b"\x05\x01\x00" + socks_request("localhost", there.pool.port))
            assert await wire.end() == b"\x05\x00" + b"\x05\x05\x00\x01" + bytes(6)
        assert await there.fates() == ["refused by script"]
        assert there.pool.ledger().connections == 0


@proves("refusing-login")
async def test_refusing_login_takes_no_password() -> None:
    async with (
        between("refusing-login", user="me", password="pw") as there,
        await Wire.to(there.proxy.port) as wire,
    ):
        wire.say(b"\x05\x01\x02" + b"\x01\x02me\x02pw")
        assert await wire.end() == b"\x05\x02\x01\x01"
    async with (
        between("refusing-login", kind="http", user="me", password="pw") as there,
        await Wire.to(there.proxy.port) as wire,
    ):
        wire.say(connect("localhost", there.pool.port, basic("me", "pw")))
        assert (await wire.line()).startswith(b"HTTP/1.1 407 ")


@proves("forbidding")
async def test_forbidding_lets_nobody_through() -> None:
    async with between("forbidding") as there, await Wire.to(there.proxy.port) as wire:
        wire.say(b"\x05\x01\x00")
        assert await wire.end() == b"\x05\xff"
    async with between("forbidding", kind="http") as there, await Wire.to(there.proxy.port) as wire:
        wire.say(connect("localhost", there.pool.port))
        assert await wire.line() == b"HTTP/1.1 403 Forbidden\r\n"


@proves("stalling", "dead")
@pytest.mark.parametrize(("name", "heard"), [("stalling", b"\x05\x00"), ("dead", b"")])
async def test_a_proxy_that_stalls_says_no_more(name: str, heard: bytes) -> None:
    async with between(name) as there, await Wire.to(there.proxy.port) as wire:
        wire.say(b"\x05\x01\x00" + socks_request("localhost", there.pool.port))
        assert await wire.within(0.15) == heard
        assert not wire.reader.at_eof()
        assert await there.fates() == ["stalled by script"]


@proves("cutting")
async def test_cutting_resets_instead_of_an_answer() -> None:
    async with between("cutting") as there, await Wire.to(there.proxy.port) as wire:
        wire.say(b"\x05\x01\x00")
        assert await read(wire, 2) == b"\x05\x00"
        wire.say(socks_request("localhost", there.pool.port))
        with pytest.raises(ConnectionResetError):
            await wire.reader.read(100)
        assert await there.fates() == ["cut by script"]


@proves("cutting-tunnel", "stalling-tunnel")
@pytest.mark.parametrize("name", ["cutting-tunnel", "stalling-tunnel"])
async def test_a_tunnel_ends_after_2000_bytes(name: str) -> None:
    async with between(name) as there, await Wire.to(there.proxy.port) as wire:
        await through_socks(wire, there.pool.port)
        wire.say(PING * 100)
        heard, was_reset = b"", False
        try:
            async with asyncio.timeout(0.2):
                while data := await wire.reader.read(100_000):
                    heard += data
        except TimeoutError:
            assert name == "stalling-tunnel"
        except ConnectionResetError:
            was_reset = True
        assert was_reset is (name == "cutting-tunnel")
        assert heard == (PONG * 100)[:2000]
        assert not heard.endswith(b"\n")


@proves("short-lived")
async def test_short_lived_ends_a_tunnel_that_is_at_rest() -> None:
    (step,) = read_proxy_script(find_script("short-lived", PROXY_SCRIPTS)).steps
    assert (step.action, step.wait_s) == ("cut", 30)
    step = read_proxy_step("when=tunnel wait=0.1 do=cut")
    async with between(steps=(step,)) as there, await Wire.to(there.proxy.port) as wire:
        await through_socks(wire, there.pool.port)
        wire.say(PING)
        assert await wire.line() == PONG
        with pytest.raises(ConnectionResetError):
            await wire.reader.read(100)
        await there.pool.wait_until(lambda: not there.pool.connections, 5)


@proves("slow")
async def test_slow_is_late_with_the_answer_and_with_bytes() -> None:
    steps = read_proxy_script(find_script("slow", PROXY_SCRIPTS)).steps
    assert [(step.when, step.values["seconds"]) for step in steps] == [
        ("request", 3),
        ("tunnel", 1),
    ]
    steps = tuple(
        read_proxy_step(f"when={when} do=delay seconds=0.1") for when in ("request", "tunnel")
    )
    async with between(steps=steps) as there, await Wire.to(there.proxy.port) as wire:
        began = time.monotonic()
        await through_socks(wire, there.pool.port)
        assert time.monotonic() - began >= 0.09
        began = time.monotonic()
        wire.say(PING)
        assert await wire.line() == PONG
        assert time.monotonic() - began >= 0.09


@proves("babbling")
async def test_babbling_is_no_answer() -> None:
    async with between("babbling") as there, await Wire.to(there.proxy.port) as wire:
        wire.say(b"\x05\x01\x00" + socks_request("localhost", there.pool.port))
        assert await wire.end() == b"\x05\x00220 mail.invalid ESMTP\r\n"


async def test_a_step_may_come_by_chance_or_for_some_only() -> None:
    step = read_proxy_step("when=request do=refuse times=1 skip=1")
    async with between(steps=(step,)) as there:
        for _ in range(3):
            async with await Wire.to(there.proxy.port) as wire:
                wire.say(b"\x05\x01\x00" + socks_request("localhost", there.pool.port))
                await read(wire, 12)
        assert await there.fates(3) == ["connected", "refused by script", "connected"]


@pytest.mark.parametrize(
    ("words", "error"),
    [
        ("when=tunnel do=job", "no action 'job'; one of refuse, stall, cut, delay, raw"),
        ("when=authorize do=cut", "when: 'authorize' cannot be used; must be one of connect"),
        ("at=1 do=cut", "needs one moment and has none; give `when`"),
        ("when=request do=raw", "says nothing, or two things; give text or hex_bytes"),
        ("when=request do", "'do' is no setting; write KEY=VALUE"),
        ("when='request do=cut", "No closing quotation"),
    ],
)
def test_steps_that_no_proxy_can_do(words: str, error: str) -> None:
    with pytest.raises(ScriptError, match=error):
        read_proxy_step(words)


def test_a_script_for_a_pool_is_none_for_a_proxy(tmp_path: Path) -> None:
    path = tmp_path / "wrong.toml"
    path.write_text("[pool]\nresume = false\n")
    with pytest.raises(ScriptError, match="a proxy is no pool"):
        read_proxy_script(path)
    with pytest.raises(ScriptError, match="no behaviour 'cuting'; did you mean cutting"):
        find_script("cuting", PROXY_SCRIPTS)


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"kind": "ftp"}, "kind 'ftp' is neither socks5 nor http"),
        ({"port": 70000}, "port 70000 is outside"),
        ({"host": "0.0.0.0"}, "0.0.0.0 is not loopback; --anywhere"),
        ({"user": "x" * 256}, "at most 255 bytes"),
    ],
)
def test_settings_that_cannot_be(changes: dict[str, Any], error: str) -> None:
    with pytest.raises(ValueError, match=error):
        Proxy(**changes)


# Bounds


async def test_connections_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("luxminer_hil.fakepool.proxy.MAX_CONNECTIONS", 2)
    async with between("dead") as there:
        wires = [await Wire.to(there.proxy.port) for _ in range(2)]
        await there.fates(2)
        async with await Wire.to(there.proxy.port) as third:
            assert await third.end() == b""
        for wire in wires:
            wire.writer.close()


async def test_who_says_nothing_is_left(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("luxminer_hil.fakepool.passing.HANDSHAKE_S", 0.1)
    async with between() as there, await Wire.to(there.proxy.port) as wire:
        assert await wire.end() == b""
        assert await there.fates() == ["left"]


async def test_a_recording_holds_the_lines_and_no_password(tmp_path: Path) -> None:
    path = tmp_path / "session.jsonl"
    with SessionRecorder(path) as recorder:
        async with between(recorder=recorder) as there, await Wire.to(there.proxy.port) as wire:
            await through_socks(wire, there.pool.port)
            wire.ask(1, "mining.subscribe", "raw/1")
            wire.ask(2, "mining.authorize", "rig.1", "secret")
            said = [await wire.line() for _ in range(4)]
    lines = list(read_recording(path))
    assert [each.line + b"\n" for each in lines if not each.to_pool] == said
    assert [b'"x"' in each.line for each in lines if each.to_pool] == [False, True]
    assert "secret" not in path.read_text()


@settings(max_examples=25)
@given(st.binary(max_size=200))
def test_nothing_that_is_said_raises_anything_else(data: bytes) -> None:
    async def feed() -> None:
        for read_from in (read_http, read_socks_request):
            reader = asyncio.StreamReader(limit=100)
            reader.feed_data(data)
            reader.feed_eof()
            try:
                await read_from(reader)
            except (Malformed, asyncio.IncompleteReadError):
                continue

    asyncio.run(feed())
