"""Addresses of pools, and where a pool may send us.

Ref: docs/sources.md, "Stratum" (schemes, redirects).
"""

import ipaddress
import re
from dataclasses import dataclass
from urllib.parse import urlsplit

from luxminer.errors import ConfigError

__all__ = ["DEFAULT_PORT", "Endpoint", "is_host", "may_follow", "parse_pool_url"]

DEFAULT_PORT = 3333

TCP_SCHEMES = ("stratum+tcp", "tcp")
TLS_SCHEMES = ("stratum+ssl", "stratum+tls", "stratum+tcps", "stratums", "ssl", "tls")

_LABEL = r"[0-9A-Za-z_](?:[0-9A-Za-z_-]{0,61}[0-9A-Za-z_])?"
_HOST = re.compile(
    rf"(?=.{{1,253}}$){_LABEL}(?:\.{_LABEL})*\.?|[0-9A-Fa-f:.]*:[0-9A-Fa-f:.]*", re.ASCII
)

PUBLIC_SUFFIXES = frozenset(
    f"{second}.{country}"
    for country in ("au", "br", "cn", "in", "jp", "kr", "nz", "sg", "tr", "tw", "uk", "za")
    for second in ("ac", "co", "com", "edu", "gov", "ne", "net", "or", "org")
)
"""Two-label endings under which anybody can register a name: the usual ones. An ending that is
missing here only matters for a pool that sends to another host directly beneath it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint:
    """Where a pool listens."""

    host: str
    port: int
    tls: bool

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{host}:{self.port}"


def parse_pool_url(url: str) -> Endpoint:
    """Read ``stratum+tcp://host:port``; a bare ``host:port`` is TCP. Raises ConfigError."""
    cure = "write stratum+tcp://host:port, or stratum+ssl:// for TLS"
    if not url.isascii() or len(url) > 512 or re.search(r"[\x00-\x20\x7f]", url):
        raise ConfigError(f"pool URL {url[:80]!r} is no URL", value=url, cure=cure)
    text = url if "://" in url else f"stratum+tcp://{url}"
    try:
        parts = urlsplit(text)
        host, port = parts.hostname, parts.port
    except ValueError as exc:
        raise ConfigError(f'pool URL "{url}": {exc}', value=url, cure=cure) from exc
    if parts.scheme not in TCP_SCHEMES + TLS_SCHEMES:
        raise ConfigError(f'pool URL "{url}": unknown scheme {parts.scheme}', value=url, cure=cure)
    if not host or not is_host(host):
        raise ConfigError(f'pool URL "{url}" names no host', value=url, cure=cure)
    if parts.username is not None:
        raise ConfigError("pool URL holds a user", cure="write it as user and password")
    if parts.path.strip("/") or parts.query:
        extra = "path and query have no place in it"
        raise ConfigError(f'pool URL "{url}": {extra}', value=url, cure=cure)
    if port == 0:
        raise ConfigError(f'pool URL "{url}": port 0 cannot be reached', value=url, cure=cure)
    return Endpoint(host=host, port=port or DEFAULT_PORT, tls=parts.scheme in TLS_SCHEMES)


def is_host(text: str) -> bool:
    """Tell whether a text can be the name or the address of a host."""
    return bool(_HOST.fullmatch(text))


def may_follow(connected_host: str, requested_host: str) -> bool:
    """Tell whether ``client.reconnect`` may lead from one host to the other.

    Always to the same host, which an empty text means, too; to another only within the same
    registered domain, and never from or to a bare address: whoever can write into a plain
    connection could take the hash rate.
    """
    old, new = connected_host.lower().rstrip("."), requested_host.lower().rstrip(".")
    if new in ("", old):
        return True
    if _is_address(old) or _is_address(new):
        return False
    domain = _registered_domain(old)
    return domain is not None and domain == _registered_domain(new)


def _is_address(host: str) -> bool:
    """Tell an address from a name. A number as last label is what resolvers take for one, too."""
    try:
        ipaddress.ip_address(host.strip("[]"))
    except ValueError:
        return bool(re.fullmatch(r"(?:.*\.)?(?:\d+|0x[0-9a-f]*)", host))
    return True


def _registered_domain(host: str) -> str | None:
    labels = host.split(".")
    if not all(labels):
        return None
    size = 3 if ".".join(labels[-2:]) in PUBLIC_SUFFIXES else 2
    return ".".join(labels[-size:]) if len(labels) >= size else None
