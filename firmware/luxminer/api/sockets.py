"""Listening sockets, bound before anything else starts: a port in use is told at once.

Imports little, unlike what serves them.
"""

import asyncio
import errno
import socket

from luxminer.errors import ConfigError

__all__ = ["BACKLOG", "EVERYWHERE", "bind"]

EVERYWHERE = "::"
"""Every address of this machine, of both families; where it has no IPv6, of the other one."""
NO_IPV6 = (errno.EAFNOSUPPORT, errno.EADDRNOTAVAIL)

BACKLOG = 512

CURES = {
    errno.EADDRINUSE: "another program listens there; stop it or choose another port",
    errno.EACCES: "ports below 1024 need privileges; choose a higher one",
    errno.EPERM: "ports below 1024 need privileges; choose a higher one",
    errno.EADDRNOTAVAIL: "api.listen must be an address of this machine, or ::",
}


async def bind(host: str, port: int, key: str) -> socket.socket:
    """Return a socket that listens; callers wait until they are accepted. Port 0 is a free one.

    Raises ConfigError that names ``key``, the setting of the port, or the address, and the cure.
    """
    loop = asyncio.get_running_loop()
    try:
        found = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    except OSError as exc:
        raise ConfigError(
            f'"{host}" is no address: {exc.strerror}',
            key="api.listen",
            value=host,
            cure="write an address of this machine, or ::",
        ) from exc
    family, kind, protocol, _, address = found[0]
    sock = None
    try:
        sock = socket.socket(family, kind, protocol)
        sock.setblocking(False)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, host != EVERYWHERE)
        sock.bind(address)
        sock.listen(BACKLOG)
    except OSError as exc:
        if sock is not None:
            sock.close()
        if host == EVERYWHERE and exc.errno in NO_IPV6:
            return await bind("0.0.0.0", port, key)
        raise ConfigError(
            f"cannot listen on {host} port {port}: {exc.strerror}",
            key=key,
            value=port,
            cure=CURES.get(exc.errno or 0, "choose another address or port"),
        ) from exc
    return sock
