"""The short way: the same bytes as the long one, nothing that is no longer right, all served."""

import asyncio
import json
import socket
import time

import pytest

from luxminer.api.express import MAX_LEAVING, MAX_REQUESTS, RENEW_AFTER_S
from luxminer.api.server import ApiServer
from luxminer.telemetry.hub import SNAPSHOT_LIFE_S
from tests.unit.api.snapshots import Rig, device, miner
from tests.unit.api.wire import HOST, exchange, serving

SUMMARY = b'{"command":"summary"}'
DEVS = b'{"command":"devs"}'

REQUESTS = [
    SUMMARY,
    b'{"command":"summary"}\n',
    b'{"command": "summary", "parameter": ""}',
    b'{"command":"version+summary+pools+devs+stats"}',
    b'{"command":"summary+nonsense"}',
    b'{"command":"summary","parameter":"x"}',
    b'{"command":"logon+summary"}',
    b'{"command":"session"}',
    b'{"command":"nonsense"}',
    b'{"command":1}',
    b"{]",
    b"summary\n",
    b"summary|\n",
    b"devs+pools\0",
    b"asc|0\n",
    b"check|summary\n",
    b"\n",
]


def advance(rig: Rig, seconds: float) -> None:
    rig.clock.now_s += seconds


async def all_at_once(port: int, request: bytes, callers: int) -> list[bytes]:
    """Let all of them connect and ask before the loop has its turn."""
    loop = asyncio.get_running_loop()
    socks = [socket.create_connection((HOST, port)) for _ in range(callers)]
    for sock in socks:
        sock.sendall(request)
    replies = []
    async with asyncio.timeout(10):
        for sock in socks:
            with sock:
                sock.setblocking(False)
                pieces = []
                while piece := await loop.sock_recv(sock, 65536):
                    pieces.append(piece)
                replies.append(b"".join(pieces))
    return replies


async def repeated(server: ApiServer, request: bytes) -> bytes:
    """Ask until the reply is a repeated one: a caller that is slow to ask is served otherwise."""
    before = server.repeated
    for _ in range(50):
        (reply,) = await all_at_once(server.port, request, 1)
        if server.repeated > before:
            return reply
    raise AssertionError(f"{request!r} was never repeated")


async def test_a_request_that_was_just_answered_gets_the_same_bytes_again() -> None:
    async with serving() as server:
        first = await exchange(server.port, SUMMARY)
        assert server.repeated == 0
        assert await repeated(server, SUMMARY) == first


@pytest.mark.parametrize("request_bytes", REQUESTS)
async def test_every_reply_is_the_same_without_it(request_bytes: bytes) -> None:
    replies = []
    for fast_path in (True, False):
        async with serving(fast_path=fast_path) as server:
            replies.append([await exchange(server.port, request_bytes) for _ in range(3)])
            if not fast_path:
                assert server.repeated == 0
    fast, plain = replies
    if b"logon" in request_bytes:  # ids of sessions are of chance, and one at a time is given
        fast, plain = ([reply[:8] for reply in each] for each in replies)
    assert fast == plain


async def test_only_what_follows_from_the_snapshot_is_repeated() -> None:
    for request in (b'{"command":"logon"}', b'{"command":"nonsense"}', b"check|summary\n"):
        async with serving() as server:
            for _ in range(3):
                assert await exchange(server.port, request)
            assert server.repeated == 0, request


async def test_a_change_is_seen_by_the_very_next_request() -> None:
    rig = Rig()
    async with serving(rig) as server:
        before = [await exchange(server.port, DEVS) for _ in range(2)]
        rig.change(devices=())
        after = await exchange(server.port, DEVS)
    assert before[0] == before[1] != after
    assert json.loads(after[:-1])["STATUS"][0]["Msg"] == "0 ASC(s)"


async def test_a_session_is_seen_by_the_very_next_request() -> None:
    async with serving() as server:
        for _ in range(2):
            before = json.loads((await exchange(server.port, b'{"command":"session"}'))[:-1])
        logon = json.loads((await exchange(server.port, b'{"command":"logon"}'))[:-1])
        after = json.loads((await exchange(server.port, b'{"command":"session"}'))[:-1])
    assert before["SESSION"][0]["SessionID"] == ""
    assert after["SESSION"][0]["SessionID"] == logon["SESSION"][0]["SessionID"] != ""


async def test_a_reply_ends_with_its_snapshot() -> None:
    rig = Rig()
    async with serving(rig) as server:
        await exchange(server.port, DEVS)
        rig.snapshot = miner(devices=())  # as when nobody has given a command
        advance(rig, 1.2 * SNAPSHOT_LIFE_S)
        reply = json.loads((await exchange(server.port, DEVS))[:-1])
    assert reply["STATUS"][0]["Msg"] == "0 ASC(s)"


async def test_a_reply_in_use_is_renewed_before_its_end() -> None:
    rig = Rig()
    async with serving(rig) as server:
        await exchange(server.port, SUMMARY)
        advance(rig, 1.2 * RENEW_AFTER_S)
        await repeated(server, SUMMARY)
        for _ in range(500):
            if rig.hub.built_s == rig.clock.monotonic():
                break
            await asyncio.sleep(0.01)
        advance(rig, 0.9 * SNAPSHOT_LIFE_S)  # 1.5 since the first snapshot
        await repeated(server, SUMMARY)


@pytest.mark.parametrize("asked", [DEVS, b"devs\n", b"devs"])
async def test_who_comes_too_late_waits_for_one_answer_with_all_others(asked: bytes) -> None:
    rig = Rig()
    async with serving(rig) as server:
        for _ in range(5):
            await exchange(server.port, asked)
            rig.snapshot = miner(devices=())
            before = server.repeated
            advance(rig, 2 * SNAPSHOT_LIFE_S)
            replies = await all_at_once(server.port, asked, 20)
            assert len(set(replies)) == 1
            assert b"0 ASC(s)" in replies[0]
            if server.repeated > before:
                return
    raise AssertionError("nobody ever waited")


async def test_who_says_nothing_holds_nobody_up() -> None:
    silent: list[socket.socket] = []
    try:
        async with serving(max_connections=16) as server:
            await exchange(server.port, SUMMARY)
            silent += [socket.create_connection((HOST, server.port)) for _ in range(100)]
            async with asyncio.timeout(5):
                for _ in range(20):
                    assert (await exchange(server.port, SUMMARY)).endswith(b"}\0")
    finally:
        for sock in silent:
            sock.close()


async def test_who_takes_slowly_gets_all_of_it() -> None:
    rig = Rig(miner(devices=tuple(device(id=number) for number in range(400))))
    async with serving(rig) as server:
        expected = await exchange(server.port, DEVS)
        assert len(expected) > 200_000
        loop = asyncio.get_running_loop()
        with socket.socket() as sock:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            sock.setblocking(False)
            await loop.sock_connect(sock, (HOST, server.port))
            await loop.sock_sendall(sock, DEVS)
            await asyncio.sleep(0.2)
            got = b""
            while piece := await loop.sock_recv(sock, 65536):
                got += piece
        assert got == expected


async def test_a_late_rest_of_a_request_destroys_no_reply() -> None:
    async with serving(terminator="nul") as server:  # "auto" follows a line feed in the same read
        expected = await exchange(server.port, SUMMARY)
        for _ in range(20):
            assert await exchange(server.port, SUMMARY, b"\n", b"more", pause_s=0.01) == expected
        assert await repeated(server, SUMMARY) == expected


async def test_answered_callers_are_let_go() -> None:
    rig = Rig()
    async with serving(rig) as server:
        await exchange(server.port, SUMMARY)
        held = []
        for _ in range(MAX_LEAVING + 10):  # read their replies, and keep the connection
            reader, writer = await asyncio.open_connection(HOST, server.port)
            writer.write(SUMMARY)
            assert await reader.read()
            held.append(writer)
        started_s = time.monotonic()
        await server.stop()
        assert time.monotonic() - started_s < 2
        for writer in held:
            writer.close()


async def test_no_more_requests_are_kept_than_stated() -> None:
    async with serving() as server:
        for number in range(MAX_REQUESTS + 5):
            request = b'{"command":"summary"' + b" " * number + b"}"
            assert await exchange(server.port, request) == await repeated(server, request)
        assert server._express is not None
        assert len(server._express._replies) <= MAX_REQUESTS


async def test_it_stops_at_once_and_leaves_the_port_free() -> None:
    async with serving() as server:
        port = server.port
        started_s = time.monotonic()
        await server.stop()
        await server.stop()
        assert time.monotonic() - started_s < 1
    with pytest.raises(OSError, match="Connect call failed"):
        await exchange(port, SUMMARY)
