"""Clients of other people, each in its own way of asking and reading.

Luxor's own package is run as it is. The reading loops of the others are written down here: what
they send, how they know the end, what they do to the bytes.

Ref: docs/sources.md, "CGMiner API" and "LUXminer API".
"""

import asyncio
import gc
import json
import re
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import luxos.asyncops
import luxos.syncops
import pytest
from luxos.asyncops import validate
from luxos.exceptions import MinerCommandSessionAlreadyActive

from luxminer.control import AddPool
from tests.unit.api.snapshots import Rig, bare_miner, device, host, miner, pool
from tests.unit.api.wire import HOST, serving

TIMEOUT_S = 5.0


def connect(port: int, request: bytes) -> socket.socket:
    sock = socket.create_connection((HOST, port), TIMEOUT_S)
    sock.sendall(request)
    return sock


def until_closed(sock: socket.socket, piece: int = 4096) -> bytes:
    received = b""
    while data := sock.recv(piece):
        received += data
    return received


# Luxor's own client


def read_with_luxos(port: int) -> dict[str, Any]:
    names = ("version", "summary", "devs", "pools", "config", "stats", "estats", "devdetails")
    return {name: luxos.syncops.rexec(HOST, port, name, timeout=TIMEOUT_S) for name in names}


async def test_luxos_sync() -> None:
    async with serving() as server:
        replies = await asyncio.to_thread(read_with_luxos, server.port)
    versions = validate(replies["version"], "VERSION", 1, 1)
    assert versions["LUXminer"] == "0.1.0"
    assert len(validate(replies["devs"], "DEVS", 1)) == 2
    assert len(validate(replies["pools"], "POOLS", 1)) == 3
    assert validate(replies["config"], "CONFIG", 1, 1)["FPGABuildIdHex"]
    assert len(validate(replies["stats"], "STATS", 2, 2)) == 2
    assert len(validate(replies["devdetails"], "DEVDETAILS", 1)) == 2


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::ResourceWarning")  # it never closes its sockets
async def test_luxos_async() -> None:
    async with serving() as server:
        for name, key in (("version", "VERSION"), ("devs", "DEVS"), ("summary", "SUMMARY")):
            reply = await luxos.asyncops.rexec(HOST, server.port, name, timeout=TIMEOUT_S)
            assert validate(reply, key, 1)
        reply = await luxos.asyncops.rexec(HOST, server.port, "asc", 1, timeout=TIMEOUT_S)
        assert validate(reply, "ASC", 1, 1)["ASC"] == 1
        await asyncio.gather(
            *(
                luxos.asyncops.rexec(HOST, server.port, "asccount", timeout=TIMEOUT_S)
                for _ in range(12)
            )
        )
    gc.collect()  # or the warnings about what it left open would come in a later test


async def test_luxos_without_pools_and_sticks() -> None:
    async with serving(Rig(bare_miner())) as server:
        replies = await asyncio.to_thread(read_with_luxos, server.port)
    assert validate(replies["pools"], "POOLS", 0) is None
    assert validate(replies["devs"], "DEVS", 0) is None
    assert validate(replies["summary"], "SUMMARY", 1, 1)


async def test_luxos_session() -> None:
    def act(port: int) -> None:
        session_id = luxos.syncops.logon(HOST, port, TIMEOUT_S)
        with pytest.raises(MinerCommandSessionAlreadyActive):
            luxos.syncops.logon(HOST, port, TIMEOUT_S)
        ended = luxos.syncops.logoff(HOST, port, session_id, TIMEOUT_S)
        assert validate(ended) == ended
        assert ended["STATUS"][0]["STATUS"] == "S"
        for _ in range(3):  # what it does around every command that needs a session
            session_id = luxos.syncops.logon(HOST, port, TIMEOUT_S)
            luxos.syncops.logoff(HOST, port, session_id, TIMEOUT_S)
        killed = luxos.syncops.rexec(HOST, port, "kill", timeout=TIMEOUT_S)
        assert killed["STATUS"][0]["STATUS"] == "S"

    async with serving() as server:
        await asyncio.to_thread(act, server.port)


async def test_luxos_adds_a_pool() -> None:
    rig = Rig()
    added: list[AddPool] = []

    async def add(order: AddPool) -> object:
        added.append(order)
        return 3

    rig.bus.register(AddPool, add)
    parameters = ["stratum+tcp://pool.example:3333", "account.worker", ""]
    async with serving(rig) as server:
        reply = await asyncio.to_thread(
            luxos.syncops.rexec, HOST, server.port, "addpool", parameters, TIMEOUT_S
        )
    assert reply["STATUS"][0]["STATUS"] == "S"
    assert added == [AddPool(url=parameters[0], user=parameters[1], password="")]


async def test_luxos_text() -> None:
    async with serving() as server:
        reply = await asyncio.to_thread(
            luxos.syncops.roundtrip, HOST, server.port, "version", False, TIMEOUT_S
        )
    assert reply.startswith("STATUS=S")


def health_script(port: int) -> list[str]:
    """One line of JSON and a line feed, a byte at a time; LuxOS known by the order of keys."""
    reply = luxos.syncops.send_cgminer_command(HOST, port, "devs", "", TIMEOUT_S)
    version = luxos.syncops.send_cgminer_simple_command(HOST, port, "version", TIMEOUT_S)
    assert version["VERSION"][0]["LUXminer"]
    return list(reply)


async def test_luxos_health_script() -> None:
    async with serving() as server:
        keys = await asyncio.to_thread(health_script, server.port)
    assert keys == ["DEVS", "STATUS", "id"]


# The others


def pycgminer(port: int) -> Any:
    """Reads to the end, cuts the last byte off whatever it is, shuts down after that."""
    sock = connect(port, json.dumps({"command": "summary"}).encode())
    received = until_closed(sock)
    sock.shutdown(socket.SHUT_RDWR)  # fails when the server has reset the connection
    sock.close()
    return json.loads(received[:-1].decode())


def go_client(port: int) -> Any:
    """Demands a NUL; its absence is an error."""
    sock = connect(port, b'{"command":"summary"}')
    received = b""
    while not received.endswith(b"\0"):
        data = sock.recv(1)
        assert data, "no NUL before the end"
        received += data
    sock.close()
    return json.loads(received[:-1])


def node_client(port: int) -> Any:
    """Removes the last character; strict about what is left."""
    sock = connect(port, b'{"command":"summary","parameter":""}')
    sock.shutdown(socket.SHUT_WR)
    text = until_closed(sock).decode()
    sock.close()
    return json.loads(text[:-1])


def java_client(port: int) -> Any:
    """A NUL at the end of a piece, or the end of input, within 750 ms."""
    sock = socket.create_connection((HOST, port), 0.75)
    sock.settimeout(0.75)
    sock.sendall(b'{"command":"summary"}')
    received = b""
    while not received.endswith(b"\0"):
        data = sock.recv(1024)
        if not data:
            break
        received += data
    sock.close()
    return json.loads(received.rstrip(b"\0"))


def pyasic(port: int) -> Any:
    """Reads to the end and repairs what other firmware breaks before it parses."""
    sock = connect(port, json.dumps({"command": "summary+devs+pools"}).encode())
    text = until_closed(sock).decode()
    sock.close()
    text = text.replace("\n", "").rstrip("\0").replace(",}", "}").replace("[,{", "[{")
    text = text.replace("}{", "},{").replace('"inf"', "0").replace('"nan"', "0")
    tree = json.loads(text)
    assert all(isinstance(part, list) for name, part in tree.items() if name != "id")
    return tree["summary"][0]


def asic_rs(port: int) -> Any:
    """Stops at a NUL, or when a piece that came in ends in a line feed."""
    sock = connect(port, b'{"command":"summary"}\n')
    received = b""
    while True:
        data = sock.recv(8192)
        received += data
        if not data or b"\0" in data or data.endswith(b"\n"):
            break
    sock.close()
    return json.loads(received.rstrip(b"\0\n"))


def pretty_printed(port: int) -> Any:
    """Several lines, no line feed at the end, decodes pieces of 8 bytes one by one."""
    sock = connect(port, json.dumps({"command": "summary"}, indent=2).encode())
    text = ""
    while data := sock.recv(8):
        text += data.decode()
    sock.close()
    return json.loads(text)


def one_piece(port: int) -> Any:
    """Takes what a single read of 8192 bytes returns."""
    sock = connect(port, b'{"command":"summary"}')
    received = sock.recv(8192)
    sock.close()
    return json.loads(received.rstrip(b"\0"))


def piped_to_jq(port: int) -> Any:
    """``echo '...' | nc | jq``: half-closes after the line, chokes on a NUL."""
    sock = connect(port, b'{"command":"summary"}\n')
    sock.shutdown(socket.SHUT_WR)
    received = until_closed(sock)
    sock.close()
    assert received.endswith(b"}\n")
    return json.loads(received)


def pickaxe(port: int) -> Any:
    """Reads lines to the end; every key but STATUS and id must be a list of objects."""
    sock = connect(port, b'{"command":"summary"}')
    with sock.makefile("r", encoding="utf-8") as lines:
        tree = json.loads("".join(line.strip("\0\n") for line in lines))
    sock.close()
    for name, rows in tree.items():
        if name not in ("STATUS", "id"):
            assert all(isinstance(row, dict) and None not in row.values() for row in rows)
    return tree


JSON_CLIENTS = [
    pycgminer,
    go_client,
    node_client,
    java_client,
    pyasic,
    asic_rs,
    pretty_printed,
    one_piece,
    piped_to_jq,
    pickaxe,
]


@pytest.mark.parametrize("client", JSON_CLIENTS)
async def test_json_clients(client: Callable[[int], Any]) -> None:
    async with serving() as server:
        tree = await asyncio.to_thread(client, server.port)
    assert tree["STATUS"][0]["STATUS"] == "S"
    assert tree["id"] == 1
    (row,) = tree["SUMMARY"]
    assert type(row["Elapsed"]) is int
    assert row["MHS 5s"] == 8200


@pytest.mark.parametrize("client", JSON_CLIENTS)
async def test_json_clients_with_strings_that_provoke_their_repairs(
    client: Callable[[int], Any],
) -> None:
    rig = Rig(miner(pools=(pool(0, user='a,}b}{[,{"\n\0\u20ac', message="inf"),)))
    async with serving(rig) as server:
        tree = await asyncio.to_thread(client, server.port)
    assert tree["SUMMARY"]


def php_page(port: int, command: bytes) -> dict[str, dict[str, str]]:
    """The bundled page: text without a line end, to the NUL, names sections by first item."""
    sock = connect(port, command)
    received = b""
    while True:
        data = sock.recv(1)
        if not data or data == b"\0":
            break
        received += data
    sock.close()
    sections: dict[str, dict[str, str]] = {}
    for section in re.split(r"(?<!\\)\|", received.decode("ascii"))[:-1]:
        items = re.split(r"(?<!\\),", section)
        name, _, value = items[0].partition("=")
        name += value if value.isdecimal() else ""
        pairs = (item.partition("=") for item in items)
        sections[name] = {
            key: re.sub(r"\\(.)", r"\1", text) for key, equals, text in pairs if equals
        }
    return sections


async def test_the_bundled_php_page() -> None:
    async with serving(Rig(miner(pools=(pool(0, user=r"w,o|r=k\er"),)))) as server:
        for command, names in (
            (b"version", ["STATUS", "VERSION"]),
            (b"devs", ["STATUS", "ASC0", "ASC1"]),
            (b"pools", ["STATUS", "POOL0"]),
            (b"summary", ["STATUS", "SUMMARY"]),
            (b"devdetails", ["STATUS", "DEVDETAILS0", "DEVDETAILS1"]),
            (b"estats", ["STATUS", "STATS0", "STATS1"]),
            (b"gpucount", ["STATUS"]),
        ):
            sections = await asyncio.to_thread(php_page, server.port, command)
            assert list(sections) == names
        pools = await asyncio.to_thread(php_page, server.port, b"pools")
        assert pools["POOL0"]["User"] == r"w,o|r=k\er"
        devices = await asyncio.to_thread(php_page, server.port, b"devs")
        stats = await asyncio.to_thread(php_page, server.port, b"estats")
        for number in ("0", "1"):
            row = devices[f"ASC{number}"]
            assert (row["Status"], row["Enabled"], row["No Device"]) == ("Alive", "Y", "false")
            assert stats[f"STATS{number}"]["ID"] == row["Name"] + row["ID"]


@pytest.mark.parametrize("line_end", [b"\r\n", b"\n", b"\r\0"])
async def test_telnet(line_end: bytes) -> None:
    def telnet(port: int) -> bytes:
        sock = connect(port, b"asc|1" + line_end)
        received = until_closed(sock)
        sock.close()
        return received

    async with serving() as server:
        assert b"Code=106," in await asyncio.to_thread(telnet, server.port)


async def test_multiminer_reads_text_within_half_a_second() -> None:
    def multiminer(port: int) -> list[list[str]]:
        sock = socket.create_connection((HOST, port), 0.5)
        sock.settimeout(0.5)
        sock.sendall(b"version")
        received = b""
        while not received.endswith(b"\0"):
            received += sock.recv(4096)
        sock.close()
        return [section.split(",") for section in received.decode().split("|")]

    async with serving() as server:
        sections = await asyncio.to_thread(multiminer, server.port)
    assert sections[0][0] == "STATUS=S"
    keys = [item.partition("=")[0] for item in sections[1]]
    assert len(keys) == len(set(keys))
    assert {"CGMiner", "API"} <= set(keys)


async def test_the_model_probe_of_pyasic_finds_luxos() -> None:
    """Two requests at once; the driver is chosen by words in the raw reply, in this order."""
    before = ("BOSMINER", "BOSER", "BTMINER", "BITMICRO")

    def probe(port: int, command: str) -> str:
        sock = connect(port, json.dumps({"command": command}).encode())
        received = until_closed(sock)
        sock.close()
        return received.decode().upper()

    rig = Rig(
        miner(
            host=host(hostname="bosminer"),
            pools=(pool(0, user="btminer.bitmicro", url="stratum+tcp://boser.example:1"),),
            devices=(device(0), device(1)),
        )
    )
    async with serving(rig) as server:
        for reply in await asyncio.gather(
            *(asyncio.to_thread(probe, server.port, name) for name in ("version", "devdetails"))
        ):
            assert not any(word in reply for word in before)
            assert "LUXMINER" in reply


async def test_http_probe_on_the_wrong_port_is_answered_and_closed() -> None:
    def probe(port: int) -> bytes:
        sock = connect(port, b"GET / HTTP/1.1\r\nHost: miner:4028\r\n\r\n")
        received = until_closed(sock)
        sock.close()
        return received

    async with serving() as server:
        assert b"Code=14," in await asyncio.to_thread(probe, server.port)


@pytest.mark.slow
async def test_the_luxos_command_line_reads_us() -> None:
    """The tool as its users start it, in a process of its own; it sleeps for two seconds."""
    async with serving() as server:
        command = [str(Path(sys.executable).with_name("luxos")), "--json", "--cmd", "version"]
        done = await asyncio.to_thread(
            subprocess.run,
            [*command, "--range", HOST, "--luxos-port", str(server.port)],
            capture_output=True,
            timeout=30,
            check=True,
        )
    (result,) = json.loads(done.stdout).values()
    assert result["status"] is True
    assert result["result"]["VERSION"][0]["API"] == "3.7"
