"""What a client of a proxy says first: SOCKS5 (RFC 1928, 1929) and HTTP CONNECT (RFC 9110).

Reads from a stream and makes answers; opens nothing. Everything that is read is bounded, and what
cannot be read raises `Malformed`.
"""

import asyncio
import base64
import ipaddress
import re
from typing import NamedTuple

__all__ = [
    "HTTP",
    "HTTP_WORDS",
    "SOCKS5",
    "HttpRequest",
    "Malformed",
    "SocksReply",
    "Wanted",
    "http_answer",
    "read_http",
    "read_socks_greeting",
    "read_socks_login",
    "read_socks_request",
    "socks_answer",
]

SOCKS5, HTTP = "socks5", "http"

NO_LOGIN, PASSWORD, NO_METHOD = 0x00, 0x02, 0xFF
CONNECT = 1
IPV4, NAME, IPV6 = 1, 3, 4

AUTHORITY = re.compile(r"(?:\[([0-9A-Fa-f:.]+)\]|([^\s:\[\]]+)):([0-9]{1,5})\Z")


class SocksReply:
    """Codes of RFC 1928, section 6."""

    GRANTED = 0
    FAILURE = 1
    NOT_ALLOWED = 2
    HOST_UNREACHABLE = 4
    REFUSED = 5
    NO_COMMAND = 7
    NO_ADDRESS_TYPE = 8


HTTP_WORDS = {
    200: "Connection established",
    400: "Bad Request",
    403: "Forbidden",
    405: "Method Not Allowed",
    407: "Proxy Authentication Required",
    502: "Bad Gateway",
    503: "Service Unavailable",
    504: "Gateway Timeout",
}


class Malformed(ValueError):
    """What came is not the protocol; ``answer`` is what to say before the end."""

    def __init__(self, reason: str, answer: bytes = b"") -> None:
        super().__init__(reason)
        self.answer = answer


class Wanted(NamedTuple):
    """Where a client wants to go, and how it said so."""

    host: str
    port: int
    form: str
    """``name`` or ``address``: who sent a name did not resolve it."""

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{host}:{self.port}"


class HttpRequest(NamedTuple):
    """The head of a request."""

    wanted: Wanted
    user: str | None
    password: str | None


async def read_socks_greeting(reader: asyncio.StreamReader) -> bytes:
    """Return the methods that the client offers."""
    version, count = await reader.readexactly(2)
    if version != 5:
        raise Malformed(f"version {version} of SOCKS")
    return await reader.readexactly(count)


async def read_socks_login(reader: asyncio.StreamReader) -> tuple[str, str]:
    """Return user and password."""
    (version,) = await reader.readexactly(1)
    if version != 1:
        raise Malformed(f"version {version} of the login", b"\x01\x01")
    texts = []
    for _ in range(2):
        (length,) = await reader.readexactly(1)
        texts.append((await reader.readexactly(length)).decode(errors="replace"))
    return texts[0], texts[1]


async def read_socks_request(reader: asyncio.StreamReader) -> Wanted:
    version, command, _, kind = await reader.readexactly(4)
    if version != 5:
        raise Malformed(f"version {version} of SOCKS")
    if kind not in (IPV4, NAME, IPV6):
        raise Malformed(f"address type {kind}", socks_answer(SocksReply.NO_ADDRESS_TYPE))
    form = "address"
    if kind == NAME:
        (length,) = await reader.readexactly(1)
        host, form = host_name(await reader.readexactly(length)), "name"
    else:
        host = str(ipaddress.ip_address(await reader.readexactly(4 if kind == IPV4 else 16)))
    port = int.from_bytes(await reader.readexactly(2), "big")
    if command != CONNECT:
        raise Malformed(f"command {command}", socks_answer(SocksReply.NO_COMMAND))
    return Wanted(host, port, form)


def host_name(data: bytes) -> str:
    try:
        host = data.decode("ascii")
    except UnicodeDecodeError:
        host = ""
    if not host or not host.isprintable() or " " in host:
        raise Malformed("a name that is none", socks_answer(SocksReply.HOST_UNREACHABLE))
    return host


def socks_answer(code: int, host: str = "0.0.0.0", port: int = 0) -> bytes:
    """Make a reply; the address is the one the proxy goes out from."""
    address = ipaddress.ip_address(host)
    kind = IPV4 if address.version == 4 else IPV6
    return bytes([5, code, 0, kind]) + address.packed + port.to_bytes(2, "big")


async def read_http(reader: asyncio.StreamReader) -> HttpRequest:
    """Read the head of a CONNECT; the limit of the stream bounds it."""
    try:
        head = await reader.readuntil(b"\r\n\r\n")
    except asyncio.LimitOverrunError as exc:
        raise Malformed("a head without end", http_answer(400)) from exc
    first, *rest = head.decode("latin-1").split("\r\n")
    parts = first.split(" ")
    if len(parts) != 3 or not parts[2].startswith("HTTP/1."):
        raise Malformed("no request", http_answer(400))
    if parts[0] != "CONNECT":
        raise Malformed(f"method {parts[0][:20]}", http_answer(405))
    match = AUTHORITY.match(parts[1])
    if match is None or not 0 < int(match[3]) < 65536:
        raise Malformed("no HOST:PORT", http_answer(400))
    wanted = Wanted(match[1] or match[2], int(match[3]), form_of(match[1] or match[2]))
    user = password = None
    for line in rest:
        name, _, value = line.partition(":")
        if name.strip().lower() == "proxy-authorization":
            user, password = read_basic(value.strip())
    return HttpRequest(wanted, user, password)


def form_of(host: str) -> str:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return "name"
    return "address"


def read_basic(value: str) -> tuple[str | None, str | None]:
    scheme, _, encoded = value.partition(" ")
    if scheme.lower() != "basic":
        return None, None
    try:
        user, _, password = base64.b64decode(encoded, validate=True).decode().partition(":")
    except ValueError:
        return None, None
    return user, password


def http_answer(status: int) -> bytes:
    """Make a whole answer; only 200 leaves the connection open."""
    lines = [f"HTTP/1.1 {status} {HTTP_WORDS.get(status, 'Refused')}"]
    if status == 407:
        lines.append('Proxy-Authenticate: Basic realm="luxminer-hil"')
    if status == 405:
        lines.append("Allow: CONNECT")
    if status != 200:
        lines += ["Content-Length: 0", "Connection: close"]
    return "\r\n".join([*lines, "", ""]).encode()
