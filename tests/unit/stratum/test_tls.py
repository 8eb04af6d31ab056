"""TLS: whose certificate is accepted, and that nothing is said before it is."""

import asyncio
import functools
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import pytest

from luxminer.errors import TransportError, TransportTimeout
from luxminer.stratum.connection import MAX_UNSENT_BYTES, PIECE_BYTES, PoolConnection, dial
from luxminer.stratum.endpoint import Endpoint
from luxminer.stratum.route import TlsPolicy
from luxminer.stratum.tls import TlsLayer, open_tls
from luxminer_hil.fakepool.certificate import Certificate, make_certificate, server_context
from tests.unit.stratum.client_rig import until

Serve = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@functools.cache
def certificate(kind: str) -> Certificate:
    return make_certificate(kind)


def context(kind: str) -> ssl.SSLContext:
    return server_context(certificate(kind))


def pinned(kind: str) -> TlsPolicy:
    return TlsPolicy(fingerprint=bytes.fromhex(certificate(kind).sha256))


def trusting(kind: str, folder: Path) -> TlsPolicy:
    """Trust the authority that signed the certificate of this kind."""
    path = folder / "ca.pem"
    path.write_text(certificate(kind).authority_pem)
    return TlsPolicy(ca_file=str(path))


class Server:
    """Counts the plain bytes that came out of TLS."""

    def __init__(self) -> None:
        self.heard = b""
        self.port = 0

    async def echo(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(4096):
            self.heard += data
            writer.write(data)
            await writer.drain()

    @asynccontextmanager
    async def listening(
        self, tls: ssl.SSLContext | None, serve: Serve | None = None
    ) -> AsyncIterator["Server"]:
        async def once(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            try:
                await (serve or self.echo)(reader, writer)
            except (ConnectionError, ssl.SSLError, asyncio.CancelledError):
                pass
            finally:
                writer.transport.abort()

        server = await asyncio.start_server(once, "127.0.0.1", 0, ssl=tls)
        self.port = server.sockets[0].getsockname()[1]
        try:
            yield self
        finally:
            server.close()
            await asyncio.sleep(0.02)


@asynccontextmanager
async def talking(
    port: int, policy: TlsPolicy, host: str = "localhost", timeout_s: float = 2.0
) -> AsyncIterator[tuple[PoolConnection, list[bytes]]]:
    """Dial, say the password at once, as a client does; yields what comes back, too."""
    got: list[bytes] = []
    endpoint = Endpoint(host=host, port=port, tls=True)

    def opened(connection: PoolConnection) -> None:
        connection.write(b"password\n")

    connection = await dial(endpoint, timeout_s, opened, got.append, tls=policy)
    try:
        yield connection, got
    finally:
        connection.abort("test is over")
        await connection.closed.wait()


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1"])
async def test_a_certificate_of_the_given_authority_is_accepted(host: str, tmp_path: Path) -> None:
    async with (
        Server().listening(context("good")) as server,
        talking(server.port, trusting("good", tmp_path), host) as (_, got),
    ):
        await until(lambda: b"".join(got) == b"password\n", "echo")


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        ("expired", "expired"),
        ("wrong-name", "[Hh]ostname mismatch"),
        ("self-signed", "self-signed"),
    ],
)
async def test_a_wrong_certificate_is_refused_before_anything_is_said(
    kind: str, words: str, tmp_path: Path
) -> None:
    policy = trusting("good" if kind == "self-signed" else kind, tmp_path)
    async with Server().listening(context(kind)) as server:
        with pytest.raises(
            TransportError, match=f"certificate is not accepted: .*{words}"
        ) as caught:
            async with talking(server.port, policy):
                raise AssertionError("accepted")
        assert f"localhost:{server.port}" in str(caught.value)
        await asyncio.sleep(0.05)
        assert not server.heard


async def test_without_a_file_the_authorities_of_the_system_decide() -> None:
    async with Server().listening(context("good")) as server:
        with pytest.raises(TransportError, match="tls_ca_file or tls_fingerprint"):
            async with talking(server.port, TlsPolicy()):
                raise AssertionError("accepted")


@pytest.mark.parametrize("kind", ["good", "expired", "wrong-name", "self-signed"])
async def test_a_pinned_certificate_is_accepted_whoever_signed_it(kind: str) -> None:
    async with (
        Server().listening(context(kind)) as server,
        talking(server.port, pinned(kind)) as (_, got),
    ):
        await until(lambda: b"".join(got) == b"password\n", "echo")


async def test_another_certificate_than_the_pinned_one_is_refused_and_named() -> None:
    async with Server().listening(context("good")) as server:
        with pytest.raises(TransportError, match=certificate("good").sha256):
            async with talking(server.port, pinned("self-signed")):
                raise AssertionError("accepted")
        await asyncio.sleep(0.05)
        assert not server.heard


async def test_unchecked_is_what_the_owner_asked_for() -> None:
    async with (
        Server().listening(context("self-signed")) as server,
        talking(server.port, TlsPolicy(verify=False), "127.0.0.1") as (_, got),
    ):
        await until(lambda: b"".join(got) == b"password\n", "echo")


@pytest.mark.parametrize("content", ["", "no certificate at all"])
async def test_a_file_without_authorities_is_named(tmp_path: Path, content: str) -> None:
    path = tmp_path / "empty.pem"
    path.write_text(content)
    for policy in (TlsPolicy(ca_file=str(path)), TlsPolicy(ca_file=str(tmp_path / "none.pem"))):
        with pytest.raises(TransportError, match=r"tls_ca_file (empty|none)\.pem"):
            await dial(
                Endpoint(host="localhost", port=1, tls=True),
                1.0,
                lambda _: None,
                lambda _: None,
                tls=policy,
            )


async def test_a_port_without_tls_is_recognised() -> None:
    async def stratum(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b'{"id":null,"method":"mining.set_difficulty","params":[1]}\n')
        await writer.drain()
        await asyncio.sleep(1)

    async with Server().listening(None, stratum) as server:
        with pytest.raises(TransportError, match=r"no TLS: .*is this the pool's port for TLS"):
            async with talking(server.port, TlsPolicy(verify=False)):
                raise AssertionError("accepted")


async def test_a_peer_that_never_shakes_hands_has_its_time() -> None:
    async def silent(reader: asyncio.StreamReader, _writer: asyncio.StreamWriter) -> None:
        await reader.read()

    async with Server().listening(None, silent) as server:
        with pytest.raises(TransportTimeout, match=r"no TLS within 0\.1 s"):
            async with talking(server.port, TlsPolicy(verify=False), timeout_s=0.1):
                raise AssertionError("accepted")


def test_old_versions_of_tls_are_not_spoken() -> None:
    for policy in (TlsPolicy(), TlsPolicy(verify=False)):
        made = open_tls(policy, "pool.example")._tls.context
        assert made.minimum_version == ssl.TLSVersion.TLSv1_2


def test_the_dot_at_the_end_of_a_name_is_in_no_certificate() -> None:
    assert open_tls(TlsPolicy(), "pool.example.")._tls.server_hostname == "pool.example"


async def test_what_is_large_arrives_whole_and_in_pieces(tmp_path: Path) -> None:
    data = bytes(range(256)) * 1000

    async def send(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readline()
        writer.write(data)
        await writer.drain()
        writer.close()

    async with (
        Server().listening(context("good"), send) as server,
        talking(server.port, trusting("good", tmp_path)) as (connection, got),
    ):
        await asyncio.wait_for(connection.closed.wait(), 5)
    assert b"".join(got) == data
    assert max(map(len, got)) <= PIECE_BYTES
    assert connection.by_peer


async def test_a_peer_that_never_reads_is_left_with_tls_too() -> None:
    async def deaf(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        transport = writer.transport
        assert isinstance(transport, asyncio.Transport)
        transport.pause_reading()
        await asyncio.sleep(5)

    async with (
        Server().listening(context("good"), deaf) as server,
        talking(server.port, TlsPolicy(verify=False)) as (connection, _),
    ):
        written = 0
        while not connection.reason and written < 64 << 20:
            connection.write(bytes(64 << 10))
            written += 64 << 10
            await asyncio.sleep(0)
        assert connection.reason == "does not read what it is sent"
        assert written > MAX_UNSENT_BYTES


# Without a socket --------------------------------------------------------------------------------


class Ends:
    """Both ends of TLS in memory; the bytes between them are ours to cut and to spoil."""

    def __init__(self) -> None:
        self.client: TlsLayer = open_tls(TlsPolicy(verify=False), "localhost")
        self._in, self._out = ssl.MemoryBIO(), ssl.MemoryBIO()
        self.server = context("good").wrap_bio(self._in, self._out, server_side=True)
        self.client.start()

    def shake_hands(self, cut: int = 1 << 20) -> None:
        for _ in range(4):
            self._in.write(self.client.data_to_send())
            with suppress(ssl.SSLWantReadError):
                self.server.do_handshake()
            data = self._out.read()
            for start in range(0, len(data), cut):
                assert self.client.receive(data[start : start + cut]) == b""
        assert self.client.ready

    def to_client(self, data: bytes) -> bytes:
        self.server.write(data)
        return self._out.read()

    def at_server(self) -> bytes:
        self._in.write(self.client.data_to_send())
        return self.server.read(1 << 16)


@pytest.mark.parametrize("cut", [1, 7, 1 << 20])
def test_bytes_may_be_cut_anywhere(cut: int) -> None:
    ends = Ends()
    ends.shake_hands(cut)
    assert ends.client.version == "TLSv1.3"
    wire = ends.to_client(b"job one\n") + ends.to_client(b"job two\n")
    plain = b"".join(ends.client.receive(wire[i : i + cut]) for i in range(0, len(wire), cut))
    assert plain == b"job one\njob two\n"
    ends.client.send(b"share\n")
    assert ends.at_server() == b"share\n"


def test_nothing_is_said_before_the_certificate_is_accepted() -> None:
    ends = Ends()
    with pytest.raises(AssertionError):
        ends.client.send(b"password")


@pytest.mark.parametrize("place", [0, 3, 5, 20, -1])
def test_spoiled_bytes_end_it_with_a_reason(place: int) -> None:
    ends = Ends()
    ends.shake_hands()
    wire = bytearray(ends.to_client(b"a job of some length\n"))
    wire[place] ^= 0x55
    with pytest.raises(TransportError, match="TLS failed"):
        ends.client.receive(bytes(wire) + bytes(20_000))


def test_the_farewell_of_the_pool_is_no_error() -> None:
    ends = Ends()
    ends.shake_hands()
    wire = ends.to_client(b"last\n")
    with pytest.raises(ssl.SSLWantReadError):
        ends.server.unwrap()
    assert ends.client.receive(wire + ends._out.read()) == b"last\n"
