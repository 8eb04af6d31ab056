"""Groups of the owner's, as their members and others meet them on both ports."""

import asyncio
import json
import socket
from typing import Any

import aiohttp
import pytest

from luxminer.api.server import ApiServer
from tests.unit.api.snapshots import Rig
from tests.unit.api.test_http_server import TOKEN, as_visitor, web
from tests.unit.api.wire import HOST, serving

READER = "127.0.0.1"
MEMBER = "127.0.0.2"
RULES: dict[str, Any] = {
    "allow": (f"R:{READER}", f"P:{MEMBER}"),
    "groups": ("P:version:switchpool",),
}
SUMMARY = b'{"command":"summary"}'
DENIED, SHOWN = 45, 11


async def ask(server: ApiServer, address: str, request: bytes) -> dict[str, Any]:
    """Connect, ask at once, so that the short way may take it, and read the reply."""
    loop = asyncio.get_running_loop()
    with socket.create_connection((HOST, server.port), source_address=(address, 0)) as sock:
        sock.sendall(request)
        sock.setblocking(False)
        reply = b""
        async with asyncio.timeout(5):
            while piece := await loop.sock_recv(sock, 65536):
                reply += piece
    tree: dict[str, Any] = json.loads(reply.rstrip(b"\0\n"))
    return tree


async def code(server: ApiServer, address: str, request: bytes = SUMMARY) -> int:
    number: int = (await ask(server, address, request))["STATUS"][0]["Code"]
    return number


async def test_no_repeated_reply_crosses_the_border_of_a_group(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    as_visitor(monkeypatch)
    async with serving(**RULES) as server:
        for _ in range(10):
            assert await code(server, MEMBER) == DENIED
            assert await code(server, READER) == SHOWN
            assert await code(server, MEMBER, b'{"command":"version"}') == 22
        for _ in range(50):
            if server.repeated:
                break
            assert await code(server, READER) == SHOWN
        assert server.repeated > 0  # so there was a reply that the member could have got
        assert await code(server, MEMBER) == DENIED


async def test_a_member_may_use_what_its_group_lists(monkeypatch: pytest.MonkeyPatch) -> None:
    as_visitor(monkeypatch)
    rig = Rig()
    async with serving(rig, **RULES) as server:
        missing = b'{"command":"switchpool"}'
        assert await code(server, MEMBER, missing) != DENIED
        assert await code(server, READER, missing) == DENIED
        joined = await ask(server, MEMBER, b'{"command":"version+summary"}')
        assert joined["version"][0]["STATUS"][0]["Code"] == 22
        assert joined["summary"][0]["STATUS"][0]["Code"] == DENIED


async def test_a_group_holds_on_http_too(monkeypatch: pytest.MonkeyPatch) -> None:
    as_visitor(monkeypatch)
    rules = RULES | {"allow": (f"P:{READER}",)}
    async with web(**rules) as server, aiohttp.ClientSession() as session:
        url = f"http://{HOST}:{server.port}/api"
        for headers, expected in (({}, DENIED), ({"Authorization": f"Bearer {TOKEN}"}, SHOWN)):
            async with session.post(url, data=SUMMARY, headers=headers) as reply:
                assert (await reply.json())["STATUS"][0]["Code"] == expected
