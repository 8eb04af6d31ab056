"""How a pool is reached and what is asked of it, read from the settings and checked as a whole.

Ref: docs/sources.md, "Stratum" (schemes, proxies).
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from urllib.parse import unquote_to_bytes, urlsplit

from luxminer.config.schema import PoolConfig, StratumConfig
from luxminer.errors import ConfigError
from luxminer.stratum.asking import Wishes
from luxminer.stratum.endpoint import Endpoint, is_host, parse_pool_url

__all__ = ["DIRECT", "Proxy", "Route", "TlsPolicy", "parse_proxy", "route_of"]

DIRECT = "direct"
"""As proxy of one pool: none, whatever holds for the others."""

PROXY_KINDS = {"socks5": "socks5", "socks5h": "socks5", "http": "http"}
PROXY_PORTS = {"socks5": 1080, "http": 8080}
PROXY_CURE = "write socks5://user:password@host:port or http://host:port, or nothing for no proxy"

MAX_CREDENTIAL = 255
"""Bytes of a user or password for a proxy (RFC 1929)."""

MAX_BACKUPS = 16


@dataclass(frozen=True, slots=True, kw_only=True)
class Proxy:
    """Where connections to a pool begin; it also looks up the pool's name. Shown without secrets.

    ``kind`` is socks5 or http; ``user`` and ``password`` are bytes, empty for none.
    """

    kind: str
    host: str
    port: int
    user: bytes = field(default=b"", repr=False)
    password: bytes = field(default=b"", repr=False)

    def __str__(self) -> str:
        return f"{self.kind}://{Endpoint(host=self.host, port=self.port, tls=False)}"


@dataclass(frozen=True, slots=True, kw_only=True)
class TlsPolicy:
    """Whose certificate is accepted.

    With ``fingerprint`` (SHA-256 of the certificate, 32 bytes) that one alone. Else one for the
    name of the pool, signed by an authority of ``ca_file`` or of the system. Without ``verify``
    any one is accepted.
    """

    ca_file: str = ""
    fingerprint: bytes | None = None
    verify: bool = True

    @property
    def checks(self) -> bool:
        """Whether anything is checked at all."""
        return self.verify or self.fingerprint is not None


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """The addresses of one pool in the order of their use, and the way there."""

    endpoints: tuple[Endpoint, ...]
    tls: TlsPolicy
    proxy: Proxy | None
    wishes: Wishes


def route_of(pool: PoolConfig, stratum: StratumConfig, key: str = "pool") -> Route:
    """Read the settings of a pool. Raises ConfigError with the key of the one that is wrong."""
    endpoints = tuple(_endpoints(pool, key))
    if pool.proxy:
        proxy = None if pool.proxy == DIRECT else parse_proxy(pool.proxy, f"{key}.proxy")
    else:
        proxy = parse_proxy(stratum.proxy, "stratum.proxy") if stratum.proxy else None
    return Route(
        endpoints=endpoints,
        tls=_tls_policy(pool, key, used=any(endpoint.tls for endpoint in endpoints)),
        proxy=proxy,
        wishes=Wishes(
            extranonce_subscribe=pool.extranonce_subscribe,
            suggest_difficulty=Fraction(pool.suggest_difficulty) or None,
            minimum_difficulty=Fraction(pool.minimum_difficulty) or None,
        ),
    )


def parse_proxy(url: str, key: str) -> Proxy:
    """Read the URL of a proxy. Raises ConfigError, which never shows the URL: it has a password."""
    if not url.isascii() or re.search(r"[\x00-\x20\x7f]", url):
        raise ConfigError("has characters that no URL has", key=key, cure=PROXY_CURE)
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError:
        # Not chained: its words may quote the password.
        raise ConfigError("is no URL", key=key, cure=PROXY_CURE) from None
    kind = PROXY_KINDS.get(parts.scheme)
    if kind is None:
        raise ConfigError("is of an unknown kind", key=key, cure=PROXY_CURE)
    if not host or not is_host(host) or port == 0:
        raise ConfigError("names no host and port", key=key, cure=PROXY_CURE)
    if parts.path.strip("/") or parts.query or parts.fragment:
        raise ConfigError("has more than host and port", key=key, cure=PROXY_CURE)
    user, password = (unquote_to_bytes(part or "") for part in (parts.username, parts.password))
    if max(len(user), len(password)) > MAX_CREDENTIAL:
        cure = f"proxies take {MAX_CREDENTIAL} bytes at most"
        raise ConfigError("has a longer user or password than proxies take", key=key, cure=cure)
    if (password and not user) or b":" in user:
        cure = "write user:password before the @, with %3A for a colon in the password"
        raise ConfigError("has a user that no proxy takes", key=key, cure=cure)
    return Proxy(kind=kind, host=host, port=port or PROXY_PORTS[kind], user=user, password=password)


def _endpoints(pool: PoolConfig, key: str) -> Iterator[Endpoint]:
    if len(pool.backup_urls) > MAX_BACKUPS:
        reason, cure = f"has {len(pool.backup_urls)} entries", f"at most {MAX_BACKUPS} are possible"
        raise ConfigError(reason, key=f"{key}.backup_urls", cure=cure)
    places = [("url", pool.url)]
    places += [(f"backup_urls[{number}]", url) for number, url in enumerate(pool.backup_urls)]
    for name, url in places:
        try:
            yield parse_pool_url(url)
        except ConfigError as exc:
            raise ConfigError(
                exc.reason, key=f"{key}.{name}", value=exc.value, cure=exc.cure
            ) from exc


def _tls_policy(pool: PoolConfig, key: str, *, used: bool) -> TlsPolicy:
    given = {
        "tls_ca_file": bool(pool.tls_ca_file),
        "tls_fingerprint": bool(pool.tls_fingerprint),
        "tls_verify": not pool.tls_verify,
    }
    names = [name for name, is_given in given.items() if is_given]
    if names and not used:
        cure = "write stratum+ssl:// in url, or leave it out"
        raise ConfigError(
            "is for TLS, which this pool does not use", key=f"{key}.{names[0]}", cure=cure
        )
    if len(names) > 1:
        cure = "leave one of them out"
        raise ConfigError(f"contradicts {names[1]}", key=f"{key}.{names[0]}", cure=cure)
    if pool.tls_ca_file and not Path(pool.tls_ca_file).is_file():
        reason = f'"{pool.tls_ca_file}" is no file'
        cure = "correct the path of the PEM file"
        raise ConfigError(reason, key=f"{key}.tls_ca_file", value=pool.tls_ca_file, cure=cure)
    return TlsPolicy(
        ca_file=pool.tls_ca_file,
        fingerprint=_fingerprint(pool.tls_fingerprint, f"{key}.tls_fingerprint"),
        verify=pool.tls_verify,
    )


def _fingerprint(text: str, key: str) -> bytes | None:
    """Read 64 hex digits, also in the form ``AB:CD:...`` that tools print."""
    if not text:
        return None
    if not re.fullmatch(r"[0-9a-fA-F]{64}|[0-9a-fA-F]{2}(:[0-9a-fA-F]{2}){31}", text, re.ASCII):
        cure = "write the 64 hex digits of the certificate's SHA-256"
        raise ConfigError(f'is "{text}"', key=key, value=text, cure=cure)
    return bytes.fromhex(text.replace(":", ""))
