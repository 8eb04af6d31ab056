"""Calls of a node's JSON-RPC over HTTP. Nothing that could hold a login is ever put into words.

Ref: Bitcoin Core JSON-RPC-interface.md; RFC 9112, RFC 7617 (login).
"""

import asyncio
import json
import os
import socket
from base64 import b64encode
from binascii import hexlify
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from luxminer.errors import NodeError, TransportError, TransportTimeout
from luxminer.node.reply import MAX_REPLY_BYTES, Hook, parse_reply
from luxminer.node.settings import NodeSettings
from luxminer.stratum.lookup import look_up
from luxminer.stratum.route import TlsPolicy

if TYPE_CHECKING:
    import ssl

    import aiohttp
    from aiohttp.abc import AbstractResolver

__all__ = [
    "BLOCK",
    "FORBIDDEN",
    "METHOD_NOT_FOUND",
    "LoginRefused",
    "NodeRpc",
    "NotReached",
    "is_unknown",
    "open_rpc",
]

METHOD_NOT_FOUND = -32601
FORBIDDEN = -403
"""Ours, for HTTP status 403: a login that may not use this method."""

BLOCK = "$block"

MAX_COOKIE_BYTES = 1024


class LoginRefused(NodeError):
    """The node does not know this login (HTTP status 401)."""


class NotReached(TransportError):
    """There was no connection: the node has received nothing."""


def is_unknown(exc: NodeError) -> bool:
    """Tell whether a node has no such method, or keeps it from this login."""
    return exc.code in (METHOD_NOT_FOUND, FORBIDDEN)


class NodeRpc:
    """Calls to one node; `open_rpc` makes one."""

    def __init__(self, url: str, session: "aiohttp.ClientSession") -> None:
        self._url = url
        self._session = session
        self._id = 0
        self.latency_s: float | None = None
        """Time that the last call took."""

    async def call(
        self,
        method: str,
        params: list[object],
        *,
        timeout_s: float,
        hook: Hook | None = None,
        block: bytes = b"",
    ) -> object:
        """Return the result of a call. `BLOCK` among what is sent stands for ``block`` in hex.

        With ``hook``, see `parse_reply`, the answer may be large and is read beside the event loop.
        Raises TransportError, TransportTimeout, LoginRefused, and NodeError for the node's errors.
        """
        import aiohttp

        self._id += 1
        request = {"jsonrpc": "1.0", "id": self._id, "method": method, "params": params}
        body = json.dumps(request, separators=(",", ":")).encode()
        if block:  # megabytes, for which the JSON encoder takes ten times as long
            body = body.replace(BLOCK.encode(), hexlify(block))
        loop = asyncio.get_running_loop()
        started_s = loop.time()
        try:
            async with asyncio.timeout(timeout_s):
                headers = {"Content-Type": "application/json"}
                async with self._session.post(
                    self._url, data=body, headers=headers, allow_redirects=False
                ) as response:
                    status = response.status
                    raw = await _body(response)
        except TimeoutError as exc:
            raise TransportTimeout(f"no answer to {method} in {timeout_s:g} s") from exc
        except (aiohttp.ClientError, OSError, ValueError) as exc:
            raise _lost(exc) from exc
        self.latency_s = loop.time() - started_s
        _check_status(status, raw)
        if hook is None:
            return parse_reply(raw)
        return await asyncio.to_thread(parse_reply, raw, hook)


@asynccontextmanager
async def open_rpc(settings: NodeSettings, agent: str, timeout_s: float) -> AsyncIterator[NodeRpc]:
    """Make calls with the login of now. Raises NodeError for a cookie file that cannot be read."""
    import aiohttp

    user, password = settings.user, settings.password
    if settings.cookie_file is not None:
        user, password = await asyncio.to_thread(_read_cookie, settings.cookie_file)
    tls = _tls(settings.tls) if settings.endpoint.tls else True
    session = aiohttp.ClientSession(
        # Nodes close idle connections after 30 s, also in the moment of the next call.
        connector=aiohttp.TCPConnector(ssl=tls, force_close=True, resolver=_resolver()),
        headers={
            "Authorization": f"Basic {b64encode(f'{user}:{password}'.encode()).decode()}",
            "User-Agent": agent,
            "Accept-Encoding": "identity",
        },
        auto_decompress=False,  # a small answer that unpacks to a large one
        cookie_jar=aiohttp.DummyCookieJar(),
        timeout=aiohttp.ClientTimeout(total=None, connect=timeout_s),
    )
    async with session:
        yield NodeRpc(settings.endpoint.url, session)


def _resolver() -> "AbstractResolver":
    """Return one that takes no thread of the event loop, which hangs with its name."""
    from aiohttp.abc import AbstractResolver, ResolveResult

    class Resolver(AbstractResolver):
        async def resolve(
            self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
        ) -> list[ResolveResult]:
            return [
                ResolveResult(
                    hostname=host,
                    host=str(address[0]),
                    port=port,
                    family=kind,
                    proto=proto,
                    flags=socket.AI_NUMERICHOST,
                )
                for kind, _, proto, _, address in await look_up(host, port)
                if family in (socket.AF_UNSPEC, kind)
            ]

        async def close(self) -> None:
            pass

    return Resolver()


def _tls(policy: TlsPolicy) -> "bool | aiohttp.Fingerprint | ssl.SSLContext":
    """Return whose certificate is accepted, as aiohttp takes it. Raises TransportError."""
    import ssl

    import aiohttp

    if policy.fingerprint is not None:
        return aiohttp.Fingerprint(policy.fingerprint)
    if not policy.verify or not policy.ca_file:
        return policy.verify
    try:
        return ssl.create_default_context(cafile=policy.ca_file)
    except OSError as exc:
        name = Path(policy.ca_file).name
        raise TransportError(f"cannot use tls_ca_file {name}: {exc.strerror or exc}") from exc


async def _body(response: "aiohttp.ClientResponse") -> bytes:
    """Read an answer whole, `MAX_REPLY_BYTES` at most."""
    raw = bytearray()
    async for piece in response.content.iter_any():
        raw += piece
        if len(raw) > MAX_REPLY_BYTES:
            raise NodeError(f"the node answers with more than {MAX_REPLY_BYTES >> 20} MiB")
    return bytes(raw)


def _check_status(status: int, raw: bytes) -> None:
    if status == 401:
        raise LoginRefused("the node refuses the login; correct user and password, or the cookie")
    if status == 403:
        words = "the node does not let this machine or login in; look at its rpcallowip"
        raise NodeError(f"{words} and rpcwhitelist", code=FORBIDDEN)
    if status == 503 or raw.startswith(b"Work queue depth exceeded"):
        raise TransportError("the node is too busy to answer")
    if status not in (200, 404, 500):
        raise NodeError(f"what answers is no Bitcoin node: HTTP status {status}")


def _lost(exc: Exception) -> TransportError:
    """Say why there was no answer; never with the URL or anything of the request."""
    import aiohttp

    if isinstance(exc, aiohttp.ServerFingerprintMismatch):
        return NotReached("the node's certificate is not the one of tls_fingerprint")
    if isinstance(exc, aiohttp.ClientConnectorCertificateError):
        cure = "correct the host, or set tls_ca_file or tls_fingerprint"
        return NotReached(f"the node's certificate is not accepted; {cure}")
    if isinstance(exc, aiohttp.ClientSSLError):
        return NotReached("no TLS with the node; is this its port for https?")
    if isinstance(exc, aiohttp.ClientConnectorError):
        reason = os.strerror(exc.errno).lower() if exc.errno else "its name is not known"
        return NotReached(f"no connection to the node: {reason}; correct address and port")
    return TransportError(f"connection to the node lost ({type(exc).__name__})")


def _read_cookie(path: Path) -> tuple[str, str]:
    """Return user and password of a cookie file. Blocks. Raises NodeError without its content."""
    try:
        with path.open("rb") as file:
            raw = file.read(MAX_COOKIE_BYTES + 1)
    except OSError as exc:
        reason = str(exc.strerror).lower()
        raise NodeError(f"cookie file {path}: {reason}; is the node running?") from exc
    user, colon, password = raw.strip().decode("utf-8", "replace").partition(":")
    if not user or not colon or len(raw) > MAX_COOKIE_BYTES:
        raise NodeError(f"cookie file {path} holds no user:password")
    return user, password
