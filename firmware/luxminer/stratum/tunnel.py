"""Asks a proxy for a connection to a pool: SOCKS5 and HTTP CONNECT, both of which resolve its name.

The pool's name is never looked up here: behind a proxy it may not exist, and asking would tell.
Answers are read without a byte too many, what follows belongs to the pool.

Ref: docs/sources.md, "Proxies".
"""

import asyncio
import base64
import ipaddress
import re
import socket

from luxminer.errors import TransportError
from luxminer.stratum.endpoint import Endpoint
from luxminer.stratum.route import Proxy

__all__ = ["MAX_HTTP_ANSWER_BYTES", "open_tunnel"]

MAX_HTTP_ANSWER_BYTES = 8192
"""Status and header of a proxy; more is none."""

SOCKS_VERSION = 5
PASSWORD_VERSION = 1
NO_LOGIN, PASSWORD_LOGIN, NO_METHOD = 0x00, 0x02, 0xFF
CONNECT = 1
IPV4, NAME, IPV6 = 1, 3, 4

SOCKS_REFUSALS = {
    1: "general failure",
    2: "not allowed by its rules",
    3: "network unreachable",
    4: "host unreachable",
    5: "connection refused",
    6: "time to live expired",
    7: "command not supported",
    8: "kind of address not supported",
}

LOGIN_CURE = "correct user and password in its URL"


async def open_tunnel(sock: socket.socket, proxy: Proxy, target: Endpoint) -> None:
    """Let ``proxy``, to which ``sock`` (non-blocking) is connected, go on to ``target``.

    Raises TransportError with the proxy's reason, OSError when the socket fails. The caller limits
    the time.
    """
    if proxy.kind == "socks5":
        await _socks5(sock, proxy, target)
    else:
        await _http(sock, proxy, target)


async def _socks5(sock: socket.socket, proxy: Proxy, target: Endpoint) -> None:
    loop = asyncio.get_running_loop()
    methods = bytes([NO_LOGIN, PASSWORD_LOGIN] if proxy.user else [NO_LOGIN])
    await loop.sock_sendall(sock, bytes([SOCKS_VERSION, len(methods)]) + methods)
    version, method = await _read(sock, 2, proxy)
    if version != SOCKS_VERSION:
        raise _failed(proxy, "does not speak SOCKS5; correct its kind or port")
    if method == PASSWORD_LOGIN and proxy.user:
        await _socks5_login(sock, proxy)
    elif method != NO_LOGIN:
        words = "refuses user and password" if proxy.user else "wants user and password"
        raise _failed(proxy, f"{words}; {LOGIN_CURE}")
    request = bytes([SOCKS_VERSION, CONNECT, 0]) + _socks5_address(target)
    await loop.sock_sendall(sock, request)
    version, code, _, kind = await _read(sock, 4, proxy)
    if version != SOCKS_VERSION or code:
        reason = SOCKS_REFUSALS.get(code, f"code {code}")
        raise _failed(proxy, f"does not reach {target}: {reason}")
    length = {IPV4: 4, IPV6: 16}.get(kind)
    if length is None:
        if kind != NAME:
            raise _failed(proxy, "answers with an address of an unknown kind")
        (length,) = await _read(sock, 1, proxy)
    await _read(sock, length + 2, proxy)


async def _socks5_login(sock: socket.socket, proxy: Proxy) -> None:
    user, password = proxy.user, proxy.password
    message = bytes([PASSWORD_VERSION, len(user)]) + user + bytes([len(password)]) + password
    await asyncio.get_running_loop().sock_sendall(sock, message)
    _, status = await _read(sock, 2, proxy)
    if status:
        raise _failed(proxy, f"refuses user and password; {LOGIN_CURE}")


def _socks5_address(target: Endpoint) -> bytes:
    port = target.port.to_bytes(2, "big")
    try:
        address = ipaddress.ip_address(target.host)
    except ValueError:
        name = target.host.encode("ascii")
        return bytes([NAME, len(name)]) + name + port
    return bytes([IPV4 if address.version == 4 else IPV6]) + address.packed + port


async def _http(sock: socket.socket, proxy: Proxy, target: Endpoint) -> None:
    lines = [f"CONNECT {target} HTTP/1.1", f"Host: {target}"]
    if proxy.user:
        login = base64.b64encode(proxy.user + b":" + proxy.password).decode("ascii")
        lines.append(f"Proxy-Authorization: Basic {login}")
    request = "\r\n".join([*lines, "", ""]).encode("ascii")
    await asyncio.get_running_loop().sock_sendall(sock, request)
    answer = bytearray()
    while not answer.endswith(b"\r\n\r\n"):
        if len(answer) >= MAX_HTTP_ANSWER_BYTES:
            raise _failed(proxy, "answers without end; correct its kind or port")
        answer += await _read(sock, 1, proxy)
        if len(answer) == 5 and answer != b"HTTP/":
            raise _failed(proxy, "does not speak HTTP; correct its kind or port")
    status = re.match(rb"HTTP/1\.[0-9] ([0-9]{3})(?![0-9])", answer)
    code = int(status[1]) if status else 0
    if code == 407:
        words = "refuses user and password" if proxy.user else "wants user and password"
        raise _failed(proxy, f"{words}; {LOGIN_CURE}")
    if not 200 <= code < 300:
        raise _failed(proxy, f"does not reach {target}: status {code or 'unknown'}")


async def _read(sock: socket.socket, count: int, proxy: Proxy) -> bytes:
    loop = asyncio.get_running_loop()
    data = b""
    while len(data) < count:
        piece = await loop.sock_recv(sock, count - len(data))
        if not piece:
            raise _failed(proxy, "closed the connection before the pool was reached")
        data += piece
    return data


def _failed(proxy: Proxy, words: str) -> TransportError:
    return TransportError(f"proxy {proxy} {words}")
