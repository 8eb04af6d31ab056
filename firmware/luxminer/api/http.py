"""The API on HTTP 8080: ``POST /api`` with the same JSON as on TCP, and the page at ``/``.

Every reply to a request that could be read has status 200, errors of the API included; what HTTP
itself refuses has its own status, and a body in the same form. The token goes into
``Authorization: Bearer``; Basic credentials, which some clients send, are ignored.

Importing this module imports aiohttp: do so only once mining has started.

Ref: LUXminer API (HTTP); docs/api.md.
"""

import asyncio
import base64
import hashlib
import importlib.resources
import logging
import re
import socket
from collections.abc import Awaitable, Callable
from dataclasses import replace

from aiohttp import web
from aiohttp.http import HttpProcessingError

from luxminer.api.access import AccessRules, Caller
from luxminer.api.codes import Code
from luxminer.api.dispatcher import Dispatcher
from luxminer.api.framing import MAX_REQUEST_BYTES, RequestFramer, RequestKind
from luxminer.api.guard import Guard
from luxminer.api.listener import Connection, Listener
from luxminer.api.origin import Origin, judge
from luxminer.api.render import to_json
from luxminer.api.replies import Answer
from luxminer.api.server import answer_request
from luxminer.api.token import matches
from luxminer.clock import Clock
from luxminer.config.schema import ApiConfig
from luxminer.telemetry.hub import TelemetryHub

__all__ = ["HttpServer"]

KEEP_ALIVE_S = 30.0
"""An idle connection of a page or poller is kept this long."""
STOP_TIMEOUT_S = 1.0
BEARER = "Bearer "
GZIP_FROM_BYTES = 1024
"""Smaller replies fit into one packet as they are."""
TAKES_GZIP = re.compile(r"(?:^|,)\s*gzip\s*(?:,|$|;\s*q=(?:1|0?\.0*[1-9]))", re.IGNORECASE)

CURES = {
    400: "Not read - send a whole HTTP/1.1 request",
    404: "Nothing here - there are POST /api, GET /, /healthz and /openapi.json",
    405: "Not this way - send {allowed}",
    413: f"Too long - at most {MAX_REQUEST_BYTES} bytes",
}

INLINE = re.compile(r"<(script|style)>(.*?)</\1>", re.DOTALL)
REQUEST_LOG = logging.getLogger(f"{__name__}.requests")


class HttpServer:
    """Serves the API and the page on a listening socket, which it owns. See `Listener`."""

    def __init__(
        self,
        sock: socket.socket,
        dispatcher: Dispatcher,
        config: ApiConfig,
        clock: Clock,
        *,
        hub: TelemetryHub,
        token: str,
    ) -> None:
        self._dispatcher = dispatcher
        self._hub = hub
        self._token = token
        self._timeout_s = config.request_timeout_s
        self._rules = AccessRules(config.allow, config.groups)
        self._page = importlib.resources.files("luxminer").joinpath("web/index.html").read_text()
        self._headers = _page_headers(self._page)
        self._runner: web.AppRunner | None = None
        self._listener = Listener(
            self._serve,
            sock,
            limit=config.max_connections,
            rules=self._rules,
            clock=clock,
        )

    @property
    def port(self) -> int:
        return self._listener.port

    async def start(self) -> None:
        """Serve from now on."""
        app = web.Application(client_max_size=MAX_REQUEST_BYTES, middlewares=[self._in_our_form])
        app.router.add_post("/api", self._api)
        app.router.add_get("/", self._index)
        app.router.add_get("/healthz", self._health)
        app.router.add_get("/openapi.json", self._openapi)
        app.on_response_prepare.append(_answered)
        self._runner = web.AppRunner(
            app,
            access_log=None,
            logger=REQUEST_LOG,
            keepalive_timeout=KEEP_ALIVE_S,
            shutdown_timeout=STOP_TIMEOUT_S,
        )
        await self._runner.setup()
        self._listener.start()

    async def stop(self) -> None:
        await self._listener.stop()
        if self._runner is not None:
            await self._runner.cleanup()
            self._runner = None

    async def _serve(self, connection: Connection) -> None:
        """Give the socket to aiohttp and watch its silence."""
        assert self._runner is not None
        assert self._runner.server is not None
        loop = asyncio.get_running_loop()
        guard = Guard(self._runner.server(), connection)
        transport, _ = await loop.connect_accepted_socket(lambda: guard, connection.sock)
        try:
            await guard.gone(self._timeout_s)
        finally:
            transport.abort()

    async def _api(self, request: web.Request) -> web.StreamResponse:
        framer = RequestFramer()
        try:
            framer.feed(await request.read())
        except ConnectionError as exc:  # gone in the middle of its own request
            raise web.HTTPBadRequest from exc
        if request.transport is None:  # nobody is there to be answered
            raise web.HTTPBadRequest
        framer.end()
        if framer.kind is not RequestKind.JSON:
            answer: Answer = self._dispatcher.refuse(Code.INVALID_JSON)
        else:
            with _guard(request):
                answer = await answer_request(self._dispatcher, framer, self._caller(request))
        return _json(to_json(answer))

    async def _health(self, _request: web.Request) -> web.StreamResponse:
        """Tell that the loop turns, which mines as well."""
        return _json(b'{"status":"ok"}')

    @web.middleware
    async def _in_our_form(
        self,
        request: web.Request,
        handler: Callable[[web.Request], Awaitable[web.StreamResponse]],
    ) -> web.StreamResponse:
        """Say in the API's form what HTTP refuses; shorten what is long."""
        try:
            response = await handler(request)
        except web.HTTPException as exc:
            allowed = exc.headers.get("Allow", "")
            reason = CURES.get(exc.status, exc.reason).format(allowed=allowed)
            refusal = to_json(self._dispatcher.refuse(Code.REFUSED, reason=reason))
            response = _json(refusal, exc.status)
            if allowed:
                response.headers["Allow"] = allowed
        body = response.body if isinstance(response, web.Response) else None
        if isinstance(body, bytes) and len(body) > GZIP_FROM_BYTES:
            response.headers["Vary"] = "Accept-Encoding"
            if TAKES_GZIP.search(request.headers.get("Accept-Encoding", "")):
                response.enable_compression(web.ContentCoding.gzip)
        return response

    async def _index(self, _request: web.Request) -> web.StreamResponse:
        return web.Response(text=self._page, content_type="text/html", headers=self._headers)

    async def _openapi(self, _request: web.Request) -> web.StreamResponse:
        from luxminer.api.openapi import render

        document = await asyncio.to_thread(render)
        return _json(document)

    def _caller(self, request: web.Request) -> Caller:
        address = request.remote or ""
        origin = judge(request.headers, self._hub.snapshot().host.hostname)
        caller = self._rules.caller(address)
        if origin not in (Origin.PROGRAM, Origin.OUR_PAGE):
            caller = replace(caller, may_write=False)
        may_all = caller.may_write and caller.only is None
        if not may_all and origin is not Origin.FOREIGN_PAGE and self._knows_token(request):
            return Caller(address, may_write=True)
        return caller

    def _knows_token(self, request: web.Request) -> bool:
        given = request.headers.get("Authorization", "")
        return given.startswith(BEARER) and matches(self._token, given.removeprefix(BEARER).strip())


def _is_our_fault(record: logging.LogRecord) -> bool:
    """Keep what strangers send that is no HTTP out of the log: it could fill it."""
    return not (record.exc_info and isinstance(record.exc_info[1], HttpProcessingError))


REQUEST_LOG.addFilter(_is_our_fault)


def _json(body: bytes, status: int = 200) -> web.Response:
    return web.Response(body=body, status=status, content_type="application/json")


def _guard(request: web.Request) -> Guard:
    assert request.transport is not None
    guard = request.transport.get_protocol()
    assert isinstance(guard, Guard)
    return guard


async def _answered(request: web.Request, response: web.StreamResponse) -> None:
    response.headers["Server"] = "luxminer"
    response.headers["X-Content-Type-Options"] = "nosniff"
    response.headers["Cache-Control"] = "no-store"
    if request.transport is not None:
        guard = _guard(request)
        guard.answered()
        if guard.half_closed:
            response.force_close()


def _page_headers(page: str) -> dict[str, str]:
    """Let the browser run only the script and the style that are in our page."""
    allowed: dict[str, list[str]] = {"script": [], "style": []}
    for kind, text in INLINE.findall(page):
        digest = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
        allowed[kind].append(f"'sha256-{digest}'")
    policy = (
        "default-src 'none'",
        f"script-src {' '.join(allowed['script'])}",
        f"style-src {' '.join(allowed['style'])}",
        "connect-src 'self'",
        "img-src data:",
        "base-uri 'none'",
        "form-action 'none'",
        "frame-ancestors 'none'",
    )
    return {"Content-Security-Policy": "; ".join(policy), "Referrer-Policy": "no-referrer"}
