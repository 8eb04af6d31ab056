"""The API on TCP 4028: one request, one reply, then the connection closes.

Ref: docs/api.md; CGMiner API and LUXminer API (transport, what clients need).
"""

import asyncio
import socket

from luxminer.api.access import AccessRules, Caller
from luxminer.api.codes import Code
from luxminer.api.dispatcher import Dispatcher
from luxminer.api.framing import TEXT_SILENCE_S, RequestFramer, RequestKind
from luxminer.api.listener import Connection, Listener
from luxminer.api.render import to_json, to_text
from luxminer.api.replies import Answer
from luxminer.api.requests import RequestError, parse_json, parse_text
from luxminer.clock import Clock
from luxminer.config.schema import ApiConfig

__all__ = ["ApiServer", "answer_request"]

PIECE_BYTES = 64 * 1024
LINGER_S = 1.0
"""For the client to take the reply and close, so that no reset destroys it on its way."""
LINGER_BYTES = 4 * 1024 * 1024
"""Of input after the request; who sends more gets a reset."""
TERMINATORS = {"nul": b"\0", "newline": b"\n"}


class ApiServer:
    """Serves the API on a listening socket, which it owns. See `Listener`."""

    def __init__(
        self,
        sock: socket.socket,
        dispatcher: Dispatcher,
        config: ApiConfig,
        clock: Clock,
    ) -> None:
        self._dispatcher = dispatcher
        self._terminator = config.terminator
        self._timeout_s = config.request_timeout_s
        self._rules = AccessRules(config.allow)
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
        self._listener.start()

    async def stop(self) -> None:
        await self._listener.stop()

    async def _serve(self, connection: Connection) -> None:
        framer = await self._receive(connection)
        if framer.empty:
            return
        connection.hold()
        caller = self._rules.caller(connection.address)
        answer = await answer_request(self._dispatcher, framer, caller)
        connection.heard()
        async with asyncio.timeout(self._timeout_s):
            await self._send(connection, self._encode(answer, framer))
        await _linger(connection)

    async def _receive(self, connection: Connection) -> RequestFramer:
        """Read one request; what is there when patience ends is taken as all of it."""
        loop = asyncio.get_running_loop()
        deadline_s = loop.time() + self._timeout_s
        framer = RequestFramer()
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
    if framer.kind is not RequestKind.JSON:
        return await dispatcher.handle(parse_text(framer.request if framer.sound else b""), caller)
    if not framer.sound:
        return dispatcher.refuse(Code.INVALID_JSON)
    try:
        return await dispatcher.handle(parse_json(framer.request), caller)
    except RequestError as exc:
        return dispatcher.refuse(exc.code)


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
