"""What the settings of a pool mean, and which of them are refused."""

from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest

from luxminer.config.schema import PoolConfig, StratumConfig
from luxminer.errors import ConfigError
from luxminer.stratum.asking import Wishes
from luxminer.stratum.endpoint import Endpoint
from luxminer.stratum.route import Proxy, Route, TlsPolicy, parse_proxy, route_of

HEX = "0123456789abcdef" * 4


def route(proxy: str = "", **settings: Any) -> Route:
    pool = PoolConfig(**{"url": "pool.example:3333", "user": "me", **settings})
    return route_of(pool, StratumConfig(proxy=proxy), "pools[2]")


def refused(**settings: Any) -> ConfigError:
    with pytest.raises(ConfigError) as caught:
        route(**settings)
    assert caught.value.cure
    return caught.value


def test_by_default_nothing_special_is_done() -> None:
    assert route() == Route(
        endpoints=(Endpoint(host="pool.example", port=3333, tls=False),),
        tls=TlsPolicy(),
        proxy=None,
        wishes=Wishes(),
    )
    assert TlsPolicy().checks


def test_addresses_are_used_in_the_order_of_the_file() -> None:
    made = route(backup_urls=("stratum+ssl://eu.pool.example:443", "pool.example:443"))
    assert [str(endpoint) for endpoint in made.endpoints] == [
        "pool.example:3333",
        "eu.pool.example:443",
        "pool.example:443",
    ]
    assert [endpoint.tls for endpoint in made.endpoints] == [False, True, False]


def test_a_wrong_address_is_named_with_its_place() -> None:
    assert refused(backup_urls=("a.example:1", "ftp://b.example")).key == "pools[2].backup_urls[1]"
    assert refused(url="").key == "pools[2].url"
    assert refused(backup_urls=("a.example:1",) * 17).key == "pools[2].backup_urls"


def test_wishes_are_exact_and_zero_is_none() -> None:
    made = route(suggest_difficulty=0.5, minimum_difficulty=4096.0, extranonce_subscribe=True)
    assert made.wishes == Wishes(
        extranonce_subscribe=True,
        suggest_difficulty=Fraction(1, 2),
        minimum_difficulty=Fraction(4096),
    )


# TLS ---------------------------------------------------------------------------------------------

TLS_URL = "stratum+ssl://pool.example:443"


@pytest.mark.parametrize(
    "text", [HEX, HEX.upper(), ":".join(HEX[i : i + 2] for i in range(0, 64, 2))]
)
def test_a_fingerprint_is_taken_as_tools_print_it(text: str) -> None:
    policy = route(url=TLS_URL, tls_fingerprint=text).tls
    assert policy == TlsPolicy(fingerprint=bytes.fromhex(HEX))
    assert policy.checks


@pytest.mark.parametrize("text", [HEX[:-1], HEX + "0", "x" * 64, HEX[:-1] + "\u0660"])
def test_a_wrong_fingerprint_is_refused(text: str) -> None:
    assert refused(url=TLS_URL, tls_fingerprint=text).key == "pools[2].tls_fingerprint"


def test_a_file_of_authorities_must_be_there(tmp_path: Path) -> None:
    file = tmp_path / "ca.pem"
    assert refused(url=TLS_URL, tls_ca_file=str(file)).key == "pools[2].tls_ca_file"
    file.write_text("")
    assert route(url=TLS_URL, tls_ca_file=str(file)).tls.ca_file == str(file)


def test_settings_of_tls_that_would_do_nothing_are_refused(tmp_path: Path) -> None:
    assert refused(tls_fingerprint=HEX).key == "pools[2].tls_fingerprint"
    assert refused(tls_verify=False).key == "pools[2].tls_verify"
    assert route(backup_urls=(TLS_URL,), tls_verify=False).tls == TlsPolicy(verify=False)
    both = refused(url=TLS_URL, tls_fingerprint=HEX, tls_verify=False)
    assert (both.key, "tls_verify" in both.reason) == ("pools[2].tls_fingerprint", True)
    assert not route(url=TLS_URL, tls_verify=False).tls.checks


# Proxies -----------------------------------------------------------------------------------------

SECRET = "hunter2"


@pytest.mark.parametrize(
    ("url", "kind", "host", "port", "login"),
    [
        ("socks5://proxy.example", "socks5", "proxy.example", 1080, (b"", b"")),
        ("socks5h://127.0.0.1:9050/", "socks5", "127.0.0.1", 9050, (b"", b"")),
        ("http://me:hunter2@[2001:db8::1]:3128", "http", "2001:db8::1", 3128, (b"me", b"hunter2")),
        ("http://me@proxy.example", "http", "proxy.example", 8080, (b"me", b"")),
        ("socks5://a%20b:%3A%40%FF@h:1", "socks5", "h", 1, (b"a b", b":@\xff")),
    ],
)
def test_urls_of_proxies(
    url: str, kind: str, host: str, port: int, login: tuple[bytes, bytes]
) -> None:
    proxy = parse_proxy(url, "stratum.proxy")
    assert (proxy.kind, proxy.host, proxy.port, (proxy.user, proxy.password)) == (
        kind,
        host,
        port,
        login,
    )


@pytest.mark.parametrize(
    "url",
    [
        "hunter2",
        "socks4://me:hunter2@h:1",
        "socks5://me:hunter2@",
        "socks5://me:hunter2@h:0",
        "socks5://me:hunter2@h:99999",
        "socks5://me:hunter2@h:hunter2",
        "socks5://me:hunter2#x@h:1",
        "socks5://me:hunter2@[h:1",
        "socks5://:hunter2@h:1",
        "socks5://m%3Ae:hunter2@h:1",
        "http://me:hunter2@h:1/path",
        "http://me:hunter2@h:1?query",
        "http://me:hunter2 @h:1",
        "http://mé:hunter2@h:1",
        "http://me:hunter2" + "x" * 255 + "@h:1",
    ],
)
def test_a_wrong_proxy_is_refused_without_showing_its_password(url: str) -> None:
    wrong = refused(proxy=url)
    assert wrong.key == "stratum.proxy"
    assert SECRET not in str(wrong)
    assert SECRET not in str(wrong.value)
    assert wrong.__cause__ is None
    with pytest.raises(ConfigError) as caught:
        route_of(PoolConfig(url="h:1", user="me", proxy=url), StratumConfig(), "pools[0]")
    assert caught.value.key == "pools[0].proxy"


def test_a_pool_may_have_a_proxy_of_its_own_or_none() -> None:
    one, other = "socks5://one.example", "http://other.example:1"
    assert route(proxy=one).proxy == Proxy(kind="socks5", host="one.example", port=1080)
    everywhere = StratumConfig(proxy=one)
    own = route_of(PoolConfig(url="h:1", user="me", proxy=other), everywhere)
    assert str(own.proxy) == "http://other.example:1"
    assert route_of(PoolConfig(url="h:1", user="me", proxy="direct"), everywhere).proxy is None


def test_a_password_never_shows() -> None:
    url = f"socks5://me:{SECRET}@h:1"
    proxy = parse_proxy(url, "proxy")
    assert SECRET not in f"{proxy} {proxy!r}"
    made = route(proxy=url)
    assert SECRET not in f"{made!r} {StratumConfig(proxy=url)!r}"
    assert SECRET not in repr(PoolConfig(url="h:1", user="me", proxy=url))
