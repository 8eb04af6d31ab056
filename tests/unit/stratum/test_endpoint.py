"""Where pools listen, and where they may send us."""

import pytest

from luxminer.errors import ConfigError
from luxminer.stratum.endpoint import Endpoint, may_follow, parse_pool_url


@pytest.mark.parametrize(
    ("url", "host", "port", "tls"),
    [
        ("stratum+tcp://pool.example:3334", "pool.example", 3334, False),
        ("tcp://pool.example:3334/", "pool.example", 3334, False),
        ("pool.example:3334", "pool.example", 3334, False),
        ("pool.example", "pool.example", 3333, False),
        ("stratum+tcp://POOL.Example", "pool.example", 3333, False),
        ("STRATUM+TCP://pool.example", "pool.example", 3333, False),
        ("stratum+tcp://[2001:db8::1]:4444", "2001:db8::1", 4444, False),
        ("192.168.1.5:3333", "192.168.1.5", 3333, False),
        ("stratum+tcp://pool.example:3333#xnsub", "pool.example", 3333, False),
        ("stratum+ssl://pool.example:443", "pool.example", 443, True),
        ("stratum+tls://pool.example", "pool.example", 3333, True),
        ("stratum+tcps://pool.example", "pool.example", 3333, True),
        ("stratums://pool.example", "pool.example", 3333, True),
        ("ssl://pool.example", "pool.example", 3333, True),
        ("tls://pool.example", "pool.example", 3333, True),
    ],
)
def test_urls(url: str, host: str, port: int, tls: bool) -> None:
    assert parse_pool_url(url) == Endpoint(host=host, port=port, tls=tls)


@pytest.mark.parametrize(
    "url",
    [
        "",
        "stratum+tcp://",
        "stratum+tcp://:3333",
        "http://pool.example:3333",
        "stratum2+tcp://pool.example:3333/key",
        "stratum+tcp://pool.example:0",
        "stratum+tcp://pool.example:65536",
        "stratum+tcp://pool.example:port",
        "stratum+tcp://pool.example:3333/path",
        "stratum+tcp://pool.example:3333?x=1",
        "stratum+tcp://pool example:3333",
        "stratum+tcp://pool.example:3333\n",
        "stratum+tcp://pööl.example:3333",
        "stratum+tcp://[::1",
        "stratum+tcp://a,b:3333",
        "x" * 600,
    ],
)
def test_what_is_no_url_is_named_with_its_cure(url: str) -> None:
    with pytest.raises(ConfigError, match=r"pool URL .*; write stratum\+tcp://host:port"):
        parse_pool_url(url)


def test_a_password_in_a_url_does_not_show() -> None:
    with pytest.raises(ConfigError, match="holds a user") as caught:
        parse_pool_url("stratum+tcp://me:hunter2@pool.example:3333")
    assert "hunter2" not in f"{caught.value} {caught.value.value}"


def test_endpoints_are_written_as_they_are_dialled() -> None:
    assert str(Endpoint(host="pool.example", port=3333, tls=False)) == "pool.example:3333"
    assert str(Endpoint(host="2001:db8::1", port=3333, tls=False)) == "[2001:db8::1]:3333"


@pytest.mark.parametrize(
    ("here", "there", "follows"),
    [
        ("stratum.pool.example", "", True),
        ("stratum.pool.example", "STRATUM.pool.example.", True),
        ("stratum.pool.example", "eu.pool.example", True),
        ("a.b.pool.example", "pool.example", True),
        ("pool.example", "evil.example", False),
        ("pool.example", "evilpool.example", False),
        ("pool.example", "pool.example.evil.test", False),
        ("pool.example", "example", False),
        ("pool.example", "..pool.example", False),
        ("pool.co.uk", "evil.co.uk", False),
        ("us.pool.co.uk", "eu.pool.co.uk", True),
        ("co.uk", "pool.co.uk", False),
        ("localhost", "localhost", True),
        ("localhost", "otherhost", False),
        ("10.1.2.3", "10.1.2.3", True),
        ("10.1.2.3", "99.1.2.3", False),
        ("a.2.3", "b.2.3", False),
        ("1.0x7f", "2.0x7f", False),
        ("2001:db8::1", "2001:db8::1", True),
        ("2001:db8::1", "2001:db8::2", False),
        ("stratum.pool.example", "10.0.0.66", False),
    ],
)
def test_redirects(here: str, there: str, follows: bool) -> None:
    assert may_follow(here, there) is follows
