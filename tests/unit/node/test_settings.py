"""What an owner can write about a node, and that no mistake ever shows a password."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from luxminer.config.schema import PoolConfig
from luxminer.errors import ConfigError
from luxminer.node.settings import node_settings, without_credentials

MAIN = "bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4"
TEST = "tb1qw508d6qejxtdg4y5r3zarvary0c5xw7kxpjzsx"
REGTEST = "bcrt1qw508d6qejxtdg4y5r3zarvary0c5xw7kygt080"
NODE = PoolConfig(url="http://me:hunter2@node.example:8332", payout=MAIN)


def entry(**changes: Any) -> PoolConfig:
    return replace(NODE, **changes)


def test_all_is_in_the_url() -> None:
    settings = node_settings(NODE)
    assert (settings.user, settings.password) == ("me", "hunter2")
    assert settings.endpoint.url == "http://node.example:8332"
    assert settings.payout.text == MAIN
    assert settings.coinbase_text == b"/luxminer/"
    assert "hunter2" not in repr(settings)


@pytest.mark.parametrize(
    ("payout", "port"), [(MAIN, 8332), (TEST, 18332), (REGTEST, 18443)], ids=["main", "test", "reg"]
)
def test_the_port_follows_the_network(payout: str, port: int) -> None:
    assert node_settings(entry(url="http://a:b@[::1]", payout=payout)).endpoint.port == port


@pytest.mark.parametrize(
    ("changes", "login"),
    [
        ({"url": "http://a%3Ab:c%40d@h"}, None),
        ({"url": "http://a:c%40d@h"}, ("a", "c@d")),
        ({"url": "http://h", "user": "me", "password": "secret"}, ("me", "secret")),
        ({"url": "https://h", "cookie_file": "/x/.cookie"}, ("", "")),
    ],
)
def test_where_the_login_is_from(changes: dict[str, Any], login: tuple[str, str] | None) -> None:
    if login is None:
        with pytest.raises(ConfigError, match="colon"):
            node_settings(entry(**changes))
        return
    settings = node_settings(entry(**changes))
    assert (settings.user, settings.password) == login
    assert settings.cookie_file == (Path("/x/.cookie") if login == ("", "") else None)


def test_an_address_as_user_is_the_payout() -> None:
    settings = node_settings(entry(payout="", user=TEST))
    assert settings.payout.text == TEST


@pytest.mark.parametrize(
    ("changes", "key", "words"),
    [
        ({"payout": ""}, "payout", "is empty"),
        ({"payout": MAIN[:-1] + "5"}, "payout", "wrong checksum"),
        ({"payout": "bc1zw508d6qejxtdg4y5r3zarvaryvaxxpcs"}, "payout", "belongs to nobody"),
        ({"payout": "", "user": "account.worker"}, "user", "which no such address uses"),
        ({"url": "http://node.example"}, "url", "has no login"),
        ({"url": "http://:hunter2@h"}, "url", "no user and password"),
        ({"url": "http://hunter2@h"}, "url", "no user and password"),
        ({"url": "http://a:hunter2@h:0"}, "url", "port 0"),
        ({"url": "http://a:hunter2@h:99999"}, "url", "is no URL"),
        ({"url": "http://a:hunter2@"}, "url", "names no host"),
        ({"url": "http://a:hunter2@h/wallet/x"}, "url", "behind its port"),
        ({"url": "http://a:hunter2@h?x"}, "url", "behind its port"),
        ({"url": "http://a:hunter2 @h"}, "url", "holds blanks"),
        ({"url": "http://a:hunter2@[h"}, "url", "is no URL"),
        ({"url": "ftp://a:hunter2@h"}, "url", "is no URL of a node"),
        ({"coinbase_text": "é" * 31}, "coinbase_text", "has 62 bytes"),
        ({"backup_urls": ("http://b",)}, "backup_urls", "for pools only"),
        ({"proxy": "socks5://h:1"}, "proxy", "for pools only"),
        ({"tls_fingerprint": "xx"}, "tls_fingerprint", "write https://"),
        ({"url": "https://a:b@h", "tls_fingerprint": "xx"}, "tls_fingerprint", "SHA-256"),
        ({"url": "https://a:b@h", "tls_ca_file": "/nowhere"}, "tls_ca_file", "is no file"),
    ],
)
def test_a_mistake_is_named_without_secrets(changes: dict[str, Any], key: str, words: str) -> None:
    with pytest.raises(ConfigError) as caught:
        node_settings(entry(**changes), "pools[2]")
    assert caught.value.key == f"pools[2].{key}"
    assert words in str(caught.value)
    assert "hunter2" not in f"{caught.value} {caught.value.value} {caught.value.__cause__}"


def test_what_may_be_shown_holds_no_login() -> None:
    shown = without_credentials(entry(cookie_file="/x/.cookie"))
    assert (shown.url, shown.user, shown.password) == ("http://node.example:8332", MAIN, "")
    assert shown.cookie_file == ""
