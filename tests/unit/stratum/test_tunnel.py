"""Through proxies: the name goes with the request, and a refusal says why."""

import pytest

from luxminer.errors import TransportError, TransportTimeout
from luxminer.stratum import connection as connections
from luxminer.stratum.connection import PoolConnection, dial
from luxminer.stratum.endpoint import Endpoint
from luxminer.stratum.route import Proxy, parse_proxy
from luxminer.stratum.tunnel import MAX_HTTP_ANSWER_BYTES
from tests.unit.stratum.client_rig import ScriptedPool, until
from tests.unit.stratum.proxies import LOGIN, SmallProxy

SUBSCRIBE = b'{"id":2,"method":"mining.subscribe","params":["rig"]}\n'

NAMED = Endpoint(host="pool.invalid", port=3333, tls=False)
"""A name that no resolver knows."""


async def through(proxy: Proxy, target: Endpoint = NAMED) -> tuple[PoolConnection, list[bytes]]:
    got: list[bytes] = []

    def opened(connection: PoolConnection) -> None:
        connection.write(SUBSCRIBE)

    return await dial(target, 2.0, opened, got.append, proxy=proxy), got


def url_of(proxy: SmallProxy, login: str = "") -> str:
    at = f"{login}@" if login else ""
    return f"{proxy.kind}://{at}127.0.0.1:{proxy.port}"


QUOTED = "proxy%20user:p%40ss%20w%2Frd"


@pytest.mark.parametrize("kind", ["socks5", "http"])
@pytest.mark.parametrize("login", ["", LOGIN], ids=["open", "login"])
@pytest.mark.parametrize("host", ["pool.invalid", "127.9.9.9", "2001:db8::7"])
async def test_the_proxy_is_asked_for_the_host_as_it_was_written(
    kind: str, login: str, host: str
) -> None:
    async with (
        ScriptedPool().listening() as pool,
        SmallProxy(kind, login, to_port=pool.port).listening() as small,
    ):
        proxy = parse_proxy(url_of(small, QUOTED if login else ""), "proxy")
        connection, got = await through(proxy, Endpoint(host=host, port=3333, tls=False))
        await until(lambda: b"08000001" in b"".join(got), "answer of the pool")
        assert small.asked == [(host, 3333)]
        connection.abort("over")
        await connection.closed.wait()


@pytest.mark.parametrize("kind", ["socks5", "http"])
@pytest.mark.parametrize("login", ["", "proxy%20user:wrong"])
async def test_a_wrong_or_missing_login_is_said_without_the_password(kind: str, login: str) -> None:
    async with SmallProxy(kind, LOGIN).listening() as small:
        with pytest.raises(TransportError) as caught:
            await through(parse_proxy(url_of(small, login), "proxy"))
    words = str(caught.value)
    assert f"proxy {kind}://127.0.0.1:{small.port}" in words
    assert ("refuses" if login else "wants") in words
    assert "wrong" not in words
    assert "proxy user" not in words


@pytest.mark.parametrize(
    ("kind", "code", "words"),
    [
        ("socks5", 4, "host unreachable"),
        ("socks5", 5, "connection refused"),
        ("socks5", 99, "code 99"),
        ("http", 502, "status 502"),
    ],
)
async def test_what_the_proxy_cannot_reach_is_named(kind: str, code: int, words: str) -> None:
    async with SmallProxy(kind, refuse=code).listening() as small:
        with pytest.raises(TransportError, match=rf"does not reach pool\.invalid:3333: {words}"):
            await through(parse_proxy(url_of(small), "proxy"))


@pytest.mark.parametrize(
    ("kind", "answer", "words"),
    [
        ("socks5", b"HTTP/1.1 400 Bad Request\r\n\r\n", "does not speak SOCKS5"),
        ("socks5", b"\x05\x00\x05\x00\x00\x09", "address of an unknown kind"),
        ("socks5", b"\x05", "closed the connection"),
        ("socks5", b"\x05\x07", "wants user and password"),
        ("http", b"\x05\xff\x00\x00\x00", "does not speak HTTP"),
        ("http", b"HTTP/1.1 200", "closed the connection"),
        ("http", b"HTTP/1.1 2000 so so\r\n\r\n", "status unknown"),
        ("http", b"HTTP/1.1 200 OK\r\n" + b"A" * MAX_HTTP_ANSWER_BYTES, "without end"),
    ],
)
async def test_what_is_no_proxy_is_left(kind: str, answer: bytes, words: str) -> None:
    async with SmallProxy(kind, raw_answer=answer).listening() as small:
        with pytest.raises(TransportError, match=words):
            await through(parse_proxy(url_of(small), "proxy"))


@pytest.mark.parametrize("kind", ["socks5", "http"])
async def test_a_silent_proxy_has_its_time(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connections, "TUNNEL_TIMEOUT_S", 0.05)
    async with SmallProxy(kind, raw_answer=b"").listening() as small:
        with pytest.raises(TransportTimeout, match=r"does not reach pool\.invalid:3333 in 0\.05 s"):
            await through(parse_proxy(url_of(small), "proxy"))


async def test_a_proxy_that_is_not_there_is_named() -> None:
    async with SmallProxy("socks5").listening() as small:
        pass
    with pytest.raises(TransportError, match=rf"cannot connect to proxy socks5://.*:{small.port}"):
        await through(parse_proxy(url_of(small), "proxy"))
