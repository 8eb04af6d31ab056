"""TCP: framing on real sockets, several clients, limits, and what happens at their edges."""

import asyncio
import contextlib
import json
import socket
import struct
import time

import pytest

from luxminer.api.framing import MAX_REQUEST_BYTES, TEXT_SILENCE_S
from luxminer.api.listener import GRACE_S
from luxminer.control import SwitchPool
from luxminer.errors import ConfigError
from tests.unit.api.snapshots import Rig, device, miner
from tests.unit.api.wire import HOST, complaints, exchange, serving

JSON_REQUEST = b'{"command":"version"}'
PROMPT_S = 1.5
"""Far below the time a silent client is waited for, and enough for a loaded machine."""


async def fastest_s(port: int, request: bytes, *, half_close: bool = False) -> float:
    """Best time of a few exchanges: what the server waits for, not what the machine does."""
    times = []
    for _ in range(4):
        started = time.monotonic()
        assert await exchange(port, request, half_close=half_close)
        times.append(time.monotonic() - started)
    return min(times)


async def test_a_json_request_needs_neither_line_end_nor_end_of_input() -> None:
    async with serving() as server:
        assert await fastest_s(server.port, JSON_REQUEST) < TEXT_SILENCE_S
        reply = await exchange(server.port, JSON_REQUEST)
    assert reply.endswith(b"}\0")
    assert json.loads(reply[:-1])["STATUS"][0]["Code"] == 22


async def test_text_is_answered_at_a_line_end_at_once() -> None:
    async with serving() as server:
        for request in (b"version\n", b"version\r\n", b"version\0"):
            assert await fastest_s(server.port, request) < TEXT_SILENCE_S
            reply = await exchange(server.port, request)
            assert reply.startswith(b"STATUS=S,")
            assert reply.endswith(b"|\0")
            assert reply.count(b"\0") == 1


async def test_text_without_an_end_is_answered_after_a_tenth_of_a_second() -> None:
    async with serving() as server:
        started = time.monotonic()
        reply = await exchange(server.port, b"sum", b"mary", pause_s=0.03)
        assert TEXT_SILENCE_S < time.monotonic() - started < PROMPT_S
        assert b"Code=11," in reply
        assert b"Code=14," in await exchange(server.port, b"gpucount")


async def test_text_at_the_end_of_input_is_answered_at_once() -> None:
    async with serving() as server:
        assert await fastest_s(server.port, b"version", half_close=True) < TEXT_SILENCE_S
        assert b"Code=22," in await exchange(server.port, b"version", half_close=True)


@pytest.mark.parametrize(
    ("request_bytes", "setting", "end"),
    [
        (b'{"command":"coin"}', "auto", b"\0"),
        (b'{"command":"coin"}\n', "auto", b"\n"),
        (b'{\n"command":"coin"}', "auto", b"\n"),
        (b'{"command":"coin"}\n', "nul", b"\0"),
        (b'{"command":"coin"}', "newline", b"\n"),
        (b"coin\n", "auto", b"\0"),
        (b"coin\n", "newline", b"\0"),
        (b'{"command":', "newline", b"\n"),
    ],
)
async def test_ends_of_replies(request_bytes: bytes, setting: str, end: bytes) -> None:
    async with serving(terminator=setting) as server:
        reply = await exchange(server.port, request_bytes, half_close=True)
    assert reply.endswith(end)
    body = reply.removesuffix(end)
    assert b"\0" not in body
    assert b"\n" not in body
    assert body.isascii()


async def test_a_request_in_single_bytes() -> None:
    async with serving() as server:
        pieces = [bytes([byte]) for byte in b'{\n  "command" : "version"\n}']
        reply = await exchange(server.port, *pieces)
    assert reply.endswith(b"}\n")


async def test_json_cut_off_is_code_23_at_the_end_of_input_or_of_patience() -> None:
    async with serving(request_timeout_s=0.5) as server:
        for half_close in (True, False):
            reply = await exchange(server.port, b'{"command":', half_close=half_close)
            assert json.loads(reply[:-1])["STATUS"][0]["Code"] == 23


async def test_a_silent_client_is_dropped_without_a_byte() -> None:
    async with serving(request_timeout_s=0.5) as server:
        started = time.monotonic()
        assert await exchange(server.port) == b""
        assert 0.4 < time.monotonic() - started < 1.5


async def test_a_request_that_trickles_in_is_bounded_as_a_whole() -> None:
    async with serving(request_timeout_s=0.5) as server:
        reader, writer = await asyncio.open_connection(HOST, server.port)
        started = time.monotonic()
        writer.write(b"{")
        reading = asyncio.create_task(reader.read())
        while not reading.done() and time.monotonic() - started < 5:
            writer.write(b" ")
            await asyncio.sleep(0.05)
        assert time.monotonic() - started < 2
        assert b'"Code":23' in await reading
        writer.close()


async def test_a_port_probe_is_tolerated() -> None:
    async with serving() as server:
        assert await exchange(server.port, half_close=True) == b""
        assert (await exchange(server.port, JSON_REQUEST)).endswith(b"\0")


async def test_silent_clients_delay_nobody() -> None:
    async with serving() as server:
        silent = [await asyncio.open_connection(HOST, server.port) for _ in range(20)]
        for _, writer in silent[:10]:
            writer.write(b'{"command":')
        started = time.monotonic()
        replies = await asyncio.gather(*(exchange(server.port, JSON_REQUEST) for _ in range(10)))
        assert time.monotonic() - started < PROMPT_S
        assert all(reply.endswith(b"}\0") for reply in replies)
        for _, writer in silent:
            writer.close()


async def test_a_client_that_does_not_read_delays_nobody() -> None:
    rig = Rig(miner(devices=tuple(map(device, range(200)))))
    async with serving(rig) as server:
        lazy = socket.socket()
        lazy.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        lazy.setblocking(False)
        await asyncio.get_running_loop().sock_connect(lazy, (HOST, server.port))
        lazy.send(b"devs+estats+devs+edevs\n")
        started = time.monotonic()
        reply = await exchange(server.port, JSON_REQUEST)
        assert time.monotonic() - started < PROMPT_S
        assert reply.endswith(b"}\0")
        lazy.close()


async def test_a_slow_reader_gets_all_of_a_long_reply() -> None:
    rig = Rig(miner(devices=tuple(map(device, range(200)))))
    async with serving(rig) as server:
        reader, writer = await asyncio.open_connection(HOST, server.port, limit=2048)
        writer.write(b'{"command":"devs"}')
        received = b""
        while piece := await reader.read(8192):
            received += piece
            await asyncio.sleep(0.001)
        writer.close()
    assert len(json.loads(received[:-1])["DEVS"]) == 200


async def test_when_all_slots_are_taken_the_longest_silent_goes() -> None:
    async with serving(max_connections=4) as server:
        silent = []
        for _ in range(4):
            silent.append(await asyncio.open_connection(HOST, server.port))
            await asyncio.sleep(0.005)
        reader, writer = silent.pop(0)
        writer.write(b'{"comm')  # heard again: now the second is the one silent longest
        await asyncio.sleep(GRACE_S + 0.05)
        writer.write(b"and")
        await asyncio.sleep(0.005)
        started = time.monotonic()
        assert (await exchange(server.port, JSON_REQUEST)).endswith(b"}\0")
        assert time.monotonic() - started < PROMPT_S
        async with asyncio.timeout(1):
            assert await silent[0][0].read() == b""
        writer.write(b'":"version"}')
        assert (await reader.read()).endswith(b"}\0")
        for _, other in [*silent, (reader, writer)]:
            other.close()


async def test_a_crowd_of_silent_clients_is_outlived() -> None:
    async with serving(max_connections=4) as server:
        silent = [await asyncio.open_connection(HOST, server.port) for _ in range(24)]
        started = time.monotonic()
        assert (await exchange(server.port, JSON_REQUEST)).endswith(b"}\0")
        assert time.monotonic() - started < 24 / 4 * GRACE_S + PROMPT_S
        for _, writer in silent:
            writer.close()


async def test_a_burst_of_honest_clients_is_served_completely() -> None:
    async with serving(max_connections=4) as server:
        replies = await asyncio.gather(*(exchange(server.port, JSON_REQUEST) for _ in range(60)))
    assert all(reply.endswith(b"}\0") for reply in replies)


@pytest.mark.parametrize("start", [b'{"command":"version","parameter":"', b"version|", b" "])
async def test_a_request_too_long_is_answered_not_buffered(start: bytes) -> None:
    async with serving() as server:
        reply = await exchange(server.port, start + b" " * (MAX_REQUEST_BYTES + 1))
    assert b"Invalid JSON" in reply if start[:1] == b"{" else b"Invalid command" in reply


async def test_unread_input_does_not_reset_the_reply_away() -> None:
    async with serving() as server:
        for _ in range(5):
            reply = await exchange(server.port, JSON_REQUEST + b"x" * 500_000)
            assert reply.endswith(b"}\0")
            reply = await exchange(server.port, b"version\n" + b"more\n" * 1000)
            assert reply.endswith(b"|\0")


async def test_what_comes_after_the_reply_is_taken_without_a_reset() -> None:
    """The line end of a telnet client, in segments of its own."""

    def telnet(port: int) -> bytes:
        with socket.create_connection((HOST, port), 5) as sock:
            sock.sendall(JSON_REQUEST)
            for _ in range(3):
                time.sleep(0.1)
                sock.sendall(b"\r\n")
            received = b""
            while piece := sock.recv(4096):
                received += piece
            sock.shutdown(socket.SHUT_RDWR)  # fails after a reset
            return received

    async with serving() as server:
        assert (await asyncio.to_thread(telnet, server.port)).endswith(b"}\0")


async def test_a_client_that_stays_after_the_reply_is_closed() -> None:
    async with serving() as server:
        reader, writer = await asyncio.open_connection(HOST, server.port)
        writer.write(JSON_REQUEST)
        assert (await reader.readuntil(b"\0")).endswith(b"}\0")
        assert await reader.read() == b""
        writer.close()


async def test_a_reset_in_the_middle_is_no_error(caplog: pytest.LogCaptureFixture) -> None:
    async with serving() as server:
        for sent in (b"", b'{"comm', JSON_REQUEST):
            sock = socket.create_connection((HOST, server.port))
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            sock.sendall(sent)
            sock.close()
        await asyncio.sleep(0.05)
        assert (await exchange(server.port, JSON_REQUEST)).endswith(b"}\0")
    assert complaints(caplog) == []


async def test_an_address_that_may_not_call_gets_not_a_byte(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with serving(allow=("R:10.1.2.3",)) as server:
        # The test itself calls from this machine, which may always call.
        monkeypatch.setattr("ipaddress.IPv4Address.is_loopback", property(lambda _: False))
        for _ in range(3):
            with contextlib.suppress(ConnectionResetError):
                assert await exchange(server.port, JSON_REQUEST) == b""
    lines = [record.getMessage() for record in caplog.records if "not allowed" in record.message]
    assert len(lines) == 1
    assert HOST in lines[0]


async def test_a_write_needs_the_right(monkeypatch: pytest.MonkeyPatch) -> None:
    rig = Rig()
    orders = []

    async def switch(order: SwitchPool) -> object:
        orders.append(order)
        return "url"

    rig.bus.register(SwitchPool, switch)
    async with serving(rig) as server:
        assert b"Code=27," in await exchange(server.port, b"switchpool|1\n")
        monkeypatch.setattr("ipaddress.IPv4Address.is_loopback", property(lambda _: False))
        assert b"Code=45," in await exchange(server.port, b"switchpool|1\n")
        assert b"Code=22," in await exchange(server.port, b"version\n")
    assert len(orders) == 1


async def test_a_port_in_use_is_an_error_with_its_number_and_a_cure() -> None:
    async with serving() as server:
        with pytest.raises(ConfigError) as caught:
            async with serving(port=server.port):
                pass
    assert caught.value.key == "api.port"
    assert isinstance(caught.value.value, int)
    assert str(caught.value.value) in str(caught.value)
    assert "another port" in caught.value.cure


@pytest.mark.skipif(not socket.has_dualstack_ipv6(), reason="no IPv6 here")
@pytest.mark.parametrize(("listen", "callers"), [("::1", ["::1"]), ("::", ["::1", "127.0.0.1"])])
async def test_ipv6(listen: str, callers: list[str]) -> None:
    """Callers of both families are known as this machine, so that they may write."""
    async with serving(listen=listen) as server:
        for caller in callers:
            reader, writer = await asyncio.open_connection(caller, server.port)
            writer.write(b"privileged\n")
            assert b"Code=46," in await reader.read()
            writer.close()


@pytest.mark.parametrize("listen", ["192.0.2.1", "no such name.invalid"])
async def test_an_address_that_is_not_ours_is_an_error(listen: str) -> None:
    with pytest.raises(ConfigError) as caught:
        async with serving(listen=listen):
            pass
    assert listen in str(caught.value)
    assert "::" in caught.value.cure


async def test_stopping_finishes_replies_under_way_and_closes_the_rest() -> None:
    rig = Rig()
    reached = asyncio.Event()

    async def switch(_: SwitchPool) -> object:
        reached.set()
        await asyncio.sleep(0.1)
        return "url"

    rig.bus.register(SwitchPool, switch)
    async with serving(rig) as server:
        port = server.port
        silent_reader, silent_writer = await asyncio.open_connection(HOST, port)
        working = asyncio.create_task(exchange(port, b"switchpool|1\n"))
        await reached.wait()
        started = time.monotonic()
        await server.stop()
        assert time.monotonic() - started < 2
        assert b"Code=27," in await working
        assert await silent_reader.read() == b""
        silent_writer.close()
        with pytest.raises(ConnectionRefusedError):
            await asyncio.open_connection(HOST, port)


async def test_an_order_in_work_is_not_interrupted_by_a_crowd() -> None:
    rig = Rig()
    done = []

    async def switch(_: SwitchPool) -> object:
        await asyncio.sleep(4 * GRACE_S)
        done.append(True)
        return "url"

    rig.bus.register(SwitchPool, switch)
    async with serving(rig, max_connections=4) as server:
        working = asyncio.create_task(exchange(server.port, b"switchpool|1\n"))
        await asyncio.sleep(0.05)
        silent = [await asyncio.open_connection(HOST, server.port) for _ in range(10)]
        assert b"Code=27," in await working
        for _, writer in silent:
            writer.close()
    assert done == [True]


async def test_a_fault_of_ours_ends_one_connection_and_is_logged(
    caplog: pytest.LogCaptureFixture,
) -> None:
    rig = Rig()
    sound = rig.snapshot

    class Broken:
        """Has none of the fields of a snapshot."""

    async with serving(rig) as server:
        rig.snapshot = Broken()  # type: ignore[assignment]
        assert await exchange(server.port, b"nosuch\n") == b""
        assert "Broken" in caplog.text
        rig.snapshot = sound
        rig.hub.invalidate()
        assert b"Code=14," in await exchange(server.port, b"nosuch\n")
