"""What the owner says about a node: where it is, how to log in, and whom a block pays."""

import re
from dataclasses import dataclass, field, replace
from pathlib import Path
from urllib.parse import unquote, urlsplit

from luxminer.config.schema import PoolConfig, StratumConfig
from luxminer.errors import ConfigError
from luxminer.node import SCHEMES
from luxminer.node.coinbase import MAX_TEXT
from luxminer.stratum.route import DIRECT, TlsPolicy, route_of
from luxminer.work.address import Address, Network, parse_address

__all__ = ["NodeEndpoint", "NodeSettings", "node_settings", "payout_address", "without_credentials"]

RPC_PORT = {Network.MAIN: 8332, Network.TEST: 18332, Network.REGTEST: 18443}
"""Where a node listens unless told otherwise; that of testnet 3 for all public test networks."""

URL_CURE = "write http://user:password@host:8332"
PAYOUT_CURE = "enter the address that a block pays"

_BLANK = re.compile(r"[\x00-\x20\x7f]")


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeEndpoint:
    """Where a node listens."""

    host: str
    port: int
    tls: bool

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{host}:{self.port}"

    @property
    def url(self) -> str:
        """Address of its RPC, without any secret."""
        return f"{'https' if self.tls else 'http'}://{self}"


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeSettings:
    """All that a `luxminer.node.client.NodeClient` has to know of its pool entry."""

    endpoint: NodeEndpoint
    user: str
    password: str = field(repr=False)
    cookie_file: Path | None
    """Read anew for each connection, for a node writes another one at each start."""
    payout: Address
    coinbase_text: bytes
    tls: TlsPolicy
    """Of an https URL."""


def node_settings(config: PoolConfig, key: str = "pool") -> NodeSettings:
    """Read a pool entry whose URL is http or https.

    The RPC login is the URL's, else the cookie file, else user and password of the entry. An
    address as ``user`` is the payout when none is given otherwise, so that a node can be added
    by a program that knows of URL, user and password only. Raises ConfigError, whose text never
    holds a secret.
    """
    parts = _split(config.url, key)
    if config.backup_urls:
        cure = "add a [[pools]] entry for each node"
        raise ConfigError("is for pools only", key=f"{key}.backup_urls", cure=cure)
    if config.proxy not in ("", DIRECT):
        cure = "leave it out"
        raise ConfigError("is for pools only: a node is near", key=f"{key}.proxy", cure=cure)
    user, password = _login(config, parts.username, parts.password, key)
    payout = _payout(config, parts.username is not None or bool(config.cookie_file), key)
    network = next(network for network in Network if network in payout.networks)
    text = config.coinbase_text.encode()
    if len(text) > MAX_TEXT:
        reason = f"has {len(text)} bytes"
        name = f"{key}.coinbase_text"
        raise ConfigError(reason, key=name, cure=f"at most {MAX_TEXT} fit into a block")
    endpoint = NodeEndpoint(
        host=parts.host, port=parts.port or RPC_PORT[network], tls=parts.scheme == "https"
    )
    return NodeSettings(
        endpoint=endpoint,
        user=user,
        password=password,
        cookie_file=Path(config.cookie_file) if config.cookie_file else None,
        payout=payout,
        coinbase_text=text,
        tls=_tls_policy(config, endpoint, key),
    )


def without_credentials(config: PoolConfig) -> PoolConfig:
    """Return an entry that may be shown: no login in its URL, the payout address as its user.

    Raises ConfigError as `node_settings` does.
    """
    settings = node_settings(config)
    address = settings.payout.text
    return replace(
        config,
        url=settings.endpoint.url,
        user=address,
        password="",
        cookie_file="",
        payout=address,
    )


@dataclass(frozen=True, slots=True)
class _Parts:
    scheme: str
    host: str
    port: int | None
    username: str | None
    password: str = field(repr=False)


def _split(url: str, key: str) -> _Parts:
    """Take a URL apart. What is wrong is said without the URL, which may hold a password."""
    name = f"{key}.url"
    if _BLANK.search(url) or not url.isascii():
        raise ConfigError("holds blanks or letters that no URL has", key=name, cure=URL_CURE)
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError:
        # Not chained: its words may quote the password.
        raise ConfigError("is no URL of a node", key=name, cure=URL_CURE) from None
    if parts.scheme not in SCHEMES:
        raise ConfigError("is no URL of a node", key=name, cure=URL_CURE)
    if not host or port == 0:
        raise ConfigError("names no host, or the port 0", key=name, cure=URL_CURE)
    if parts.path.strip("/") or parts.query or parts.fragment:
        raise ConfigError("has something behind its port", key=name, cure=URL_CURE)
    username = unquote(parts.username) if parts.username is not None else None
    return _Parts(parts.scheme, host, port, username, unquote(parts.password or ""))


def _tls_policy(config: PoolConfig, endpoint: NodeEndpoint, key: str) -> TlsPolicy:
    """Read the TLS settings, which are those of a pool at the same place."""
    given = {
        "tls_ca_file": config.tls_ca_file,
        "tls_fingerprint": config.tls_fingerprint,
        "tls_verify": not config.tls_verify,
    }
    name = next((name for name, value in given.items() if value), "")
    if not endpoint.tls:
        if name:
            cure = "write https:// in url, or leave it out"
            raise ConfigError("is for TLS", key=f"{key}.{name}", cure=cure)
        return TlsPolicy()
    return route_of(replace(config, url=f"stratum+ssl://{endpoint}"), StratumConfig(), key).tls


def _login(config: PoolConfig, user: str | None, password: str, key: str) -> tuple[str, str]:
    if user is not None:
        if not user or not password:
            reason = "has no user and password before its @"
            raise ConfigError(reason, key=f"{key}.url", cure=URL_CURE)
        login = user, password
    elif config.cookie_file:
        return "", ""
    elif config.user:
        login = config.user, config.password
    else:
        reason = "has no login"
        cure = f"{URL_CURE}, or set cookie_file"
        raise ConfigError(reason, key=f"{key}.url", cure=cure)
    if ":" in login[0]:
        raise ConfigError("has a colon in its user", key=f"{key}.url", cure="no node takes one")
    return login


def _payout(config: PoolConfig, login_is_elsewhere: bool, key: str) -> Address:
    name, text = f"{key}.payout", config.payout
    if not text and login_is_elsewhere and config.user:
        name, text = f"{key}.user", config.user
    if not text:
        cure = f"{PAYOUT_CURE}; a pool's url begins with stratum+tcp://"
        raise ConfigError("is empty", key=name, value="", cure=cure)
    return payout_address(text, name)


def payout_address(text: str, key: str) -> Address:
    """Read the address that a block is to pay. Raises ConfigError that names the setting."""
    try:
        address = parse_address(text)
    except ValueError as exc:
        shown = f'"{text}" ' if text else ""
        raise ConfigError(f"{shown}{exc}", key=key, value=text, cure=PAYOUT_CURE) from exc
    if not address.is_spendable:
        reason = f'"{text}" belongs to nobody: whoever comes first can take what it is paid'
        raise ConfigError(reason, key=key, value=text, cure=PAYOUT_CURE)
    return address
