"""HTTP: the same replies, who may write, what a browser may not, limits, and the page."""

import asyncio
import base64
import hashlib
import json
import re
import socket
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import pytest

import luxminer
from luxminer.api.framing import MAX_REQUEST_BYTES
from luxminer.api.http import HttpServer
from luxminer.api.listener import GRACE_S
from luxminer.api.sockets import bind
from luxminer.clock import SystemClock
from luxminer.config.schema import ApiConfig
from luxminer.control import SwitchPool
from luxminer.errors import ConfigError
from tests.unit.api.snapshots import Rig
from tests.unit.api.wire import HOST, complaints, serving

TOKEN = "t" * 43
WRITE = {"command": "privileged"}


@asynccontextmanager
async def web(rig: Rig | None = None, **settings: Any) -> AsyncIterator[HttpServer]:
    rig = rig or Rig()
    config = ApiConfig(**{"port": 0, "http_port": 0, "listen": HOST, **settings})
    sock = await bind(config.listen, config.http_port, "api.http_port")
    server = HttpServer(sock, rig.dispatcher, config, SystemClock(), hub=rig.hub, token=TOKEN)
    await server.start()
    try:
        yield server
    finally:
        await server.stop()


async def post(port: int, body: object, **headers: str) -> dict[str, Any]:
    """POST a JSON body; header names are written with underscores."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    async with (
        aiohttp.ClientSession() as session,
        session.post(f"http://{HOST}:{port}/api", data=data, headers=named) as reply,
    ):
        assert reply.status == 200
        assert reply.content_type == "application/json"
        assert reply.headers["X-Content-Type-Options"] == "nosniff"
        assert "Access-Control-Allow-Origin" not in reply.headers
        raw = await reply.read()
        assert raw.isascii()
        tree = json.loads(raw)
        assert isinstance(tree, dict)
        return tree


async def code(port: int, body: object, **headers: str) -> int:
    number = (await post(port, body, **headers))["STATUS"][0]["Code"]
    assert isinstance(number, int)
    return number


def as_visitor(monkeypatch: pytest.MonkeyPatch) -> None:
    """Take this machine's own rights away: the test itself cannot call from elsewhere."""
    monkeypatch.setattr("ipaddress.IPv4Address.is_loopback", property(lambda _: False))


async def test_the_same_replies_as_on_tcp() -> None:
    async with web() as server:
        tree = await post(server.port, {"command": "summary+devs+pools", "parameter": ""})
        assert list(tree) == ["devs", "id", "pools", "summary"]
        assert len(tree["devs"][0]["DEVS"]) == 2
        assert await code(server.port, {"command": "nosuch"}) == 14
        assert await code(server.port, b'{"command":') == 23
        assert await code(server.port, b"version") == 23
        assert await code(server.port, b"") == 23
        assert await code(server.port, {}) == 24
        assert await code(server.port, json.dumps({"command": "version"}, indent=2).encode()) == 22


async def test_a_dozen_requests_at_once() -> None:
    async with web() as server:
        codes = await asyncio.gather(
            *(code(server.port, {"command": "devs"}) for _ in range(12)),
        )
    assert set(codes) == {9}


async def test_sessions_are_shared_with_tcp() -> None:
    rig = Rig()
    async with serving(rig) as tcp, web(rig) as server:
        reader, writer = await asyncio.open_connection(HOST, tcp.port)
        writer.write(b"logon\n")
        assert b"Code=316," in await reader.read()
        writer.close()
        assert await code(server.port, {"command": "logon"}) == 402


async def test_the_body_is_bounded() -> None:
    async with web() as server, aiohttp.ClientSession() as session:
        body = b'{"a":"' + b"x" * MAX_REQUEST_BYTES
        async with session.post(f"http://{HOST}:{server.port}/api", data=body) as reply:
            assert reply.status == 413


async def test_there_is_no_other_way_in() -> None:
    async with web() as server, aiohttp.ClientSession() as session:
        base = f"http://{HOST}:{server.port}"
        async with session.get(f"{base}/api?command=version") as reply:
            assert reply.status == 405
        async with session.get(f"{base}/token") as reply:
            assert reply.status == 404
        async with session.get(f"{base}/../../etc/passwd") as reply:
            assert reply.status == 404


# Rights


async def test_this_machine_may_write_and_others_need_the_token(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with web() as server:
        assert await code(server.port, WRITE) == 46
        as_visitor(monkeypatch)
        assert await code(server.port, WRITE) == 45
        assert await code(server.port, {"command": "version"}) == 22
        assert await code(server.port, WRITE, Authorization=f"Bearer {TOKEN}") == 46
        for wrong in (f"Bearer {TOKEN}x", "Bearer ", f"Basic {TOKEN}", TOKEN, "Bearer \u00e4"):
            assert await code(server.port, WRITE, Authorization=wrong) == 45


async def test_an_allowed_address_may_write(monkeypatch: pytest.MonkeyPatch) -> None:
    async with web(allow=("W:127.0.0.0/8",)) as server:
        as_visitor(monkeypatch)
        assert await code(server.port, WRITE) == 46


async def test_an_address_that_may_not_call_gets_not_a_byte(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with web(allow=("R:10.1.2.3",)) as server:
        as_visitor(monkeypatch)
        with pytest.raises(aiohttp.ClientConnectionError):
            await post(server.port, {"command": "version"}, Authorization=f"Bearer {TOKEN}")


@pytest.mark.parametrize(
    ("headers", "by_address", "with_token"),
    [
        ({}, 46, 46),
        ({"Origin": "http://{host}"}, 46, 46),
        ({"Origin": "https://{host}"}, 46, 46),
        ({"Origin": "http://evil.example"}, 45, 45),
        ({"Origin": "http://127.0.0.1:1"}, 45, 45),
        ({"Origin": "http://127.0.0.1"}, 45, 45),
        ({"Origin": "null"}, 45, 45),
        ({"Origin": ""}, 45, 45),
        ({"Origin": "file://"}, 45, 45),
        ({"Origin": "http://{host}.evil.example"}, 45, 45),
        ({"Origin": "http://evil.example", "Host": "evil.example"}, 45, 46),
        ({"Origin": "http://127.0.0.1.evil.example", "Host": "127.0.0.1.evil.example"}, 45, 46),
        ({"Origin": "http://pi.lan:8080", "Host": "pi.lan:8080"}, 45, 46),
        ({"Origin": "http://localhost:8080", "Host": "localhost:8080"}, 46, 46),
        ({"Origin": "http://MINER.local:8080", "Host": "miner.local:8080"}, 46, 46),
        ({"Origin": "http://miner", "Host": "miner"}, 46, 46),
        ({"Origin": "http://[::1]:8080", "Host": "[::1]:8080"}, 46, 46),
        ({"Origin": "http://[::1", "Host": "[::1"}, 45, 46),
        ({"Sec-Fetch-Site": "cross-site"}, 45, 45),
        ({"Sec-Fetch-Site": "none"}, 46, 46),
        ({"Sec-Fetch-Site": "same-origin", "Host": "evil.example"}, 45, 46),
        ({"Host": "evil.example"}, 46, 46),  # no browser: it could not have left Origin out
    ],
)
async def test_what_a_browser_may_write(
    headers: dict[str, str], by_address: int, with_token: int
) -> None:
    async with web() as server:
        host = f"{HOST}:{server.port}"
        sent = {name: value.replace("{host}", host) for name, value in headers.items()}
        assert await code(server.port, WRITE, **sent) == by_address
        assert await code(server.port, WRITE, **sent, Authorization=f"Bearer {TOKEN}") == with_token
        assert await code(server.port, {"command": "version"}, **sent) == 22


# Limits


@pytest.mark.slow
async def test_a_silent_connection_is_closed() -> None:
    async with web(request_timeout_s=0.5) as server:
        for sent in (b"", b"POST /api HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\n{"):
            reader, writer = await asyncio.open_connection(HOST, server.port)
            writer.write(sent)
            started = time.monotonic()
            async with asyncio.timeout(5):
                assert await reader.read() == b""
            assert time.monotonic() - started < 3
            writer.close()


async def test_a_request_that_trickles_in_is_bounded_as_a_whole() -> None:
    async with web(request_timeout_s=0.5) as server:
        reader, writer = await asyncio.open_connection(HOST, server.port)
        started = time.monotonic()
        reading = asyncio.create_task(reader.read())
        while not reading.done() and time.monotonic() - started < 5:
            writer.write(b"G")
            await asyncio.sleep(0.05)
        assert time.monotonic() - started < 3
        await asyncio.gather(reading, return_exceptions=True)
        writer.close()


REQUEST = b'POST /api HTTP/1.1\r\nHost: miner\r\nContent-Length: 21\r\n\r\n{"command":"version"}'


@pytest.mark.slow
async def test_a_connection_may_idle_between_requests() -> None:
    async with web(request_timeout_s=0.5) as server:
        reader, writer = await asyncio.open_connection(HOST, server.port)
        for _ in range(2):
            writer.write(REQUEST)
            head = await reader.readuntil(b"\r\n\r\n")
            length = re.search(rb"Content-Length: (\d+)", head)
            assert length is not None
            assert b'"Code":22' in await reader.readexactly(int(length[1]))
            await asyncio.sleep(0.8)
        writer.close()


async def test_a_client_that_half_closes_gets_its_reply() -> None:
    """``printf ... | nc`` ends its request with the end of input."""
    async with web() as server:
        reader, writer = await asyncio.open_connection(HOST, server.port)
        writer.write(REQUEST)
        writer.write_eof()
        started = time.monotonic()
        assert b'"Code":22' in await reader.read()
        assert time.monotonic() - started < 3
        writer.close()


async def test_a_port_probe_is_closed_at_once() -> None:
    async with web() as server:
        reader, writer = await asyncio.open_connection(HOST, server.port)
        writer.write_eof()
        started = time.monotonic()
        assert await reader.read() == b""
        assert time.monotonic() - started < 3
        writer.close()


async def test_silent_connections_delay_nobody() -> None:
    async with web(max_connections=4) as server:
        silent = [await asyncio.open_connection(HOST, server.port) for _ in range(12)]
        started = time.monotonic()
        assert await code(server.port, {"command": "version"}) == 22
        assert time.monotonic() - started < 12 / 4 * GRACE_S + 1.5
        for _, writer in silent:
            writer.close()


async def test_a_burst_is_served_completely() -> None:
    async with web(max_connections=4) as server:
        codes = await asyncio.gather(*(code(server.port, {"command": "devs"}) for _ in range(40)))
    assert set(codes) == {9}


async def test_an_order_in_work_is_not_interrupted_by_a_crowd() -> None:
    rig = Rig()

    async def switch(_: SwitchPool) -> object:
        await asyncio.sleep(4 * GRACE_S)
        return "url"

    rig.bus.register(SwitchPool, switch)
    async with web(rig, max_connections=4) as server:
        order = {"command": "switchpool", "parameter": "1"}
        working = asyncio.create_task(code(server.port, order))
        await asyncio.sleep(0.1)
        silent = [await asyncio.open_connection(HOST, server.port) for _ in range(10)]
        assert await working == 27
        for _, writer in silent:
            writer.close()


async def test_a_port_in_use_is_an_error_with_its_number_and_a_cure() -> None:
    with socket.create_server((HOST, 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(ConfigError) as caught:
            async with web(http_port=port):
                pass
    assert caught.value.key == "api.http_port"
    assert str(port) in str(caught.value)


async def test_no_http_on_the_port_is_no_error_of_ours(caplog: pytest.LogCaptureFixture) -> None:
    async with web() as server:
        for raw in (b"\0\xff garbage\r\n\r\n", b"GET\r\n\r\n", b"POST /api HTTP/1.1\r\n\r\n"):
            reader, writer = await asyncio.open_connection(HOST, server.port)
            writer.write(raw)
            writer.write_eof()
            async with asyncio.timeout(5):
                assert (await reader.read()).startswith(b"HTTP/1.")
            writer.close()
        assert await code(server.port, {"command": "version"}) == 22
    assert complaints(caplog) == []


# The page


async def test_the_openapi_document_is_served() -> None:
    async with (
        web() as server,
        aiohttp.ClientSession() as session,
        session.get(f"http://{HOST}:{server.port}/openapi.json") as reply,
    ):
        assert reply.status == 200
        assert reply.content_type == "application/json"
        tree = await reply.json()
    assert "summary-reply" in tree["components"]["schemas"]


async def fetch_page() -> tuple[str, str]:
    async with (
        web() as server,
        aiohttp.ClientSession() as session,
        session.get(f"http://{HOST}:{server.port}/") as reply,
    ):
        assert reply.status == 200
        assert reply.content_type == "text/html"
        assert reply.headers["Server"] == "luxminer"
        return await reply.text(), reply.headers["Content-Security-Policy"]


async def test_the_page_runs_only_its_own_script_and_style() -> None:
    page, policy = await fetch_page()
    rules = dict(rule.split(" ", 1) for rule in policy.split("; "))
    assert rules["default-src"] == "'none'"
    assert rules["frame-ancestors"] == "'none'"
    assert rules["connect-src"] == "'self'"
    assert "unsafe" not in policy
    for kind in ("script", "style"):
        (text,) = re.findall(rf"<{kind}>(.*?)</{kind}>", page, re.DOTALL)
        digest = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
        assert rules[f"{kind}-src"] == f"'sha256-{digest}'"
    assert "://" not in page.replace("http-equiv", "")
    assert not re.search(r"\son\w+=|style=", page)


async def test_the_page_writes_what_it_shows_as_text() -> None:
    page, _ = await fetch_page()
    for risky in ("innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval("):
        assert risky not in page


async def test_every_field_that_the_page_shows_is_in_the_replies() -> None:
    page, _ = await fetch_page()
    shown = {*re.findall(r'\b[dp]\["([^"]+)"\]', page), *re.findall(r"\b[dp]\.([A-Z]\w+)", page)}
    totals = {*re.findall(r'summary\["([^"]+)"\]', page), *re.findall(r"summary\.([A-Z]\w+)", page)}
    async with web() as server:
        tree = await post(server.port, {"command": "summary+devs+pools"})
    rows = {**tree["devs"][0]["DEVS"][0], **tree["pools"][0]["POOLS"][0]}
    assert len(shown) > 10
    assert shown - {"SUMMARY", "STATUS", "DEVS", "POOLS"} <= set(rows)
    assert totals
    assert totals - {"SUMMARY", "STATUS"} <= set(tree["summary"][0]["SUMMARY"][0])


def test_the_page_is_packaged_beside_the_service() -> None:
    assert (Path(luxminer.__file__).parent / "web" / "index.html").is_file()


async def test_a_caller_that_leaves_in_mid_request_is_no_error_of_ours(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async with web() as server:
        for _ in range(20):
            reader, writer = await asyncio.open_connection(HOST, server.port)
            writer.write(b"POST /api HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n{")
            await writer.drain()
            writer.transport.abort()
            assert reader
        assert await code(server.port, {"command": "version"}) == 22
    assert complaints(caplog) == []
