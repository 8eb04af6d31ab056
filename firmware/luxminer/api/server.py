"""The API on TCP 4028: one request, one reply, then the connection closes.

Ref: docs/api.md; CGMiner API and LUXminer API (transport, what clients need).
"""

import asyncio
import socket
from contextlib import suppress

from luxminer.api.access import AccessRules, Caller
from luxminer.api.codes import Code
from luxminer.api.dispatcher import Dispatcher
from luxminer.api.express import RENEW_AFTER_S, Express
from luxminer.api.framing import TEXT_SILENCE_S, RequestFramer, RequestKind
from luxminer.api.listener import Connection, Listener
from luxminer.api.render import to_json, to_text
from luxminer.api.replies import Answer
from luxminer.api.requests import Request, RequestError, parse_json, parse_text
from luxminer.clock import Clock
from luxminer.config.schema import ApiConfig

__all__ = ["ApiServer", "answer_request"]

PIECE_BYTES = 64 * 1024
LINGER_S = 1.0
"""For the client to take the reply and close, so that no reset destroys it on its way."""
LINGER_BYTES = 4 * 1024 * 1024
"""Of input after the request; who sends more gets a reset."""
NOBODY = Caller("nobody", may_write=False)
TERMINATORS = {"nul": b"\0", "newline": b"\n"}


class ApiServer:
    """Serves the API on a listening socket, which it owns. See `Listener` and `Express`."""

    def __init__(
        self,
        sock: socket.socket,
        dispatcher: Dispatcher,
        config: ApiConfig,
        clock: Clock,
    ) -> None:
        """Call it in the loop that serves."""
        self._dispatcher = dispatcher
        self._terminator = config.terminator
        self._timeout_s = config.request_timeout_s
        self._rules = AccessRules(config.allow, config.groups)
        self._express: Express | None = None
        if config.fast_path:
            self._express = Express(sock, self._rules, dispatcher.hub, self._renew)
        self._renewals: set[asyncio.Task[bytes]] = set()
        self._listener = Listener(
            self._serve,
            sock,
            limit=config.max_connections,
            rules=self._rules,
            clock=clock,
            accept=self._express.accept if self._express is not None else None,
        )

    @property
    def port(self) -> int:
        return self._listener.port

    @property
    def repeated(self) -> int:
        """Requests that were answered with the reply to the same one before."""
        return self._express.served if self._express is not None else 0

    async def start(self) -> None:
        """Serve from now on."""
        if self._express is not None:
            self._express.start()
        self._listener.start()

    async def stop(self) -> None:
        if self._express is not None:
            await self._express.stop()
        await self._listener.stop()

    async def _serve(self, connection: Connection) -> None:
        reply = connection.unsent or await self._reply_to(connection)
        if not reply:
            return
        connection.heard()
        async with asyncio.timeout(self._timeout_s):
            await self._send(connection, reply)
        await _linger(connection)

    async def _reply_to(self, connection: Connection) -> bytes:
        """Read a request and answer it; nothing for a caller that said nothing."""
        framer = await self._receive(connection)
        if framer.empty:
            return b""
        connection.hold()
        return await self._answer(framer, self._rules.caller(connection.address))

    async def _answer(self, framer: RequestFramer, caller: Caller) -> bytes:
        """Answer a request; what follows from the snapshot alone may be repeated."""
        changes = self._dispatcher.hub.changes
        answer = await answer_request(self._dispatcher, framer, caller)
        reply = self._encode(answer, framer)
        if self._express is not None and framer.only_piece and caller.only is None:
            with suppress(RequestError):
                if self._dispatcher.lasts(_read(framer)):
                    self._express.put(framer.only_piece, reply, changes)
        return reply

    def _renew(self, piece: bytes) -> None:
        """Answer a request anew, for those who will send it next."""
        self._dispatcher.hub.snapshot(RENEW_AFTER_S)
        framer = RequestFramer()
        framer.feed(piece)
        framer.end()  # text may come without one: silence ended it the first time
        task = asyncio.create_task(self._answer(framer, NOBODY), name="renewal")
        self._renewals.add(task)
        task.add_done_callback(self._renewals.discard)

    async def _receive(self, connection: Connection) -> RequestFramer:
        """Read one request; what is there when patience ends is taken as all of it."""
        loop = asyncio.get_running_loop()
        deadline_s = loop.time() + self._timeout_s
        framer = RequestFramer()
        if connection.first_piece:
            connection.heard()
            framer.feed(connection.first_piece)
        while not framer.complete:
            wait_s = deadline_s - loop.time()
            if framer.kind is not RequestKind.JSON and not framer.empty:
                wait_s = min(wait_s, TEXT_SILENCE_S)
            try:
                async with asyncio.timeout(wait_s):
                    piece = await loop.sock_recv(connection.sock, PIECE_BYTES)
            except TimeoutError:
                piece = b""
            if piece:
                connection.heard()
                framer.feed(piece)
            else:
                framer.end()
        return framer

    def _encode(self, answer: Answer, framer: RequestFramer) -> bytes:
        """End a reply as the client can read it: Luxor's chokes on a NUL, others demand one."""
        if framer.kind is not RequestKind.JSON:
            return to_text(answer) + b"\0"
        expected = b"\n" if framer.line_feed else b"\0"
        return to_json(answer) + TERMINATORS.get(self._terminator, expected)

    async def _send(self, connection: Connection, reply: bytes) -> None:
        await asyncio.get_running_loop().sock_sendall(connection.sock, reply)
        connection.sock.shutdown(socket.SHUT_WR)


async def answer_request(dispatcher: Dispatcher, framer: RequestFramer, caller: Caller) -> Answer:
    """Answer what was received; what is no request gets the code that says so."""
    try:
        request = _read(framer)
    except RequestError as exc:
        return dispatcher.refuse(exc.code)
    return await dispatcher.handle(request, caller)


def _read(framer: RequestFramer) -> Request:
    """Return what was received. Raises RequestError for what is no request."""
    if framer.kind is not RequestKind.JSON:
        return parse_text(framer.request if framer.sound else b"")
    if not framer.sound:
        raise RequestError(Code.INVALID_JSON)
    return parse_json(framer.request)


async def _linger(connection: Connection) -> None:
    """Read away what the client still sends, until it closes."""
    loop = asyncio.get_running_loop()
    rest = LINGER_BYTES
    async with asyncio.timeout(LINGER_S):
        while rest > 0:
            piece = await loop.sock_recv(connection.sock, PIECE_BYTES)
            if not piece:
                return
            rest -= len(piece)
