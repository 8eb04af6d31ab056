"""The node's RPC on a port of this machine, and what may go wrong with it.

Ref: Bitcoin Core JSON-RPC-interface.md, rpc/mining.cpp, rpc/protocol.h (codes), httprpc.cpp.
"""

import asyncio
import base64
import contextlib
import hmac
import json
import secrets
import ssl
import time
from collections import Counter, defaultdict, deque
from collections.abc import Callable, Iterable
from random import Random
from typing import Any, Self

from aiohttp import web

from luxminer_hil.fakenode.addresses import script_paid_by
from luxminer_hil.fakenode.chain import Chain, Judged
from luxminer_hil.fakenode.faults import Cut, Failure, Fault, Hang, Raw, Result
from luxminer_hil.fakenode.proof import shown
from luxminer_hil.fakenode.script import carry_out, fault_of
from luxminer_hil.fakenode.settings import NodeSettings
from luxminer_hil.fakepool.cues import Cues
from luxminer_hil.scripting.language import Step

__all__ = ["FakeNode"]

MAX_REQUEST_BYTES = 16 << 20
COOKIE_USER = "__cookie__"

INVALID_PARAMETER = -8
DECODING_FAILED = -22
NOT_FOUND = -5
METHOD_NOT_FOUND = -32601


class _Error(Exception):
    def __init__(self, code: int, message: str) -> None:
        super().__init__(message)
        self.code = code


class FakeNode:
    """An async context: it listens while it is open. ``on_block`` gets each block handed in.

    Of ``steps`` those that wait for a call are carried out; `script.play` does the others.
    """

    def __init__(
        self,
        settings: NodeSettings | None = None,
        on_block: Callable[[Judged], None] | None = None,
        steps: Iterable[Step] = (),
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self.settings = settings or NodeSettings()
        self.chain = Chain(self.settings, time.time())
        self.calls: Counter[str] = Counter()
        """Calls by method, long polls as ``longpoll``, proposals as ``proposal``, refused logins as
        ``401``."""
        self.polls = 0
        """Long polls under way."""
        self.template_changes: dict[str, object] = {}
        """Fields of templates that are set (None: left out) whatever they should be."""
        self.port = 0
        self._on_block = on_block
        self._tls = tls
        self.follow(steps)
        self._faults: defaultdict[str, deque[Fault]] = defaultdict(deque)
        self._logins = [self.settings.login]
        self._changed = asyncio.Event()
        self._runner: web.AppRunner | None = None
        self._methods: dict[str, Callable[..., Any]] = {
            "getbestblockhash": self._best,
            "getblockchaininfo": self._info,
            "getblockcount": lambda: self.chain.height,
            "getblockheader": self._header,
            "getblocktemplate": self._template,
            "submitblock": self._submit,
            "validateaddress": self._validate,
        }

    @property
    def address(self) -> str:
        return f"{self.settings.host}:{self.port}"

    @property
    def url(self) -> str:
        """With its login."""
        scheme = "http" if self._tls is None else "https"
        return f"{scheme}://{self.settings.login}@{self.address}"

    async def __aenter__(self) -> Self:
        app = web.Application(client_max_size=MAX_REQUEST_BYTES)
        app.router.add_post("/", self._answer)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        await self._runner.setup()
        port = self.port or self.settings.port
        site = web.TCPSite(self._runner, self.settings.host, port, ssl_context=self._tls)
        try:
            await site.start()
            self.port = self._runner.addresses[0][1]
            self.write_cookie()
        except BaseException:
            await self._runner.cleanup()
            raise
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._runner is not None
        self._changed.set()
        await self._runner.cleanup()
        if self.settings.cookie_file is not None:
            self.settings.cookie_file.unlink(missing_ok=True)

    def write_cookie(self) -> None:
        """Make a new cookie as a start does: the one before is worth nothing any more."""
        if self.settings.cookie_file is not None:
            login = f"{COOKIE_USER}:{secrets.token_hex(32)}"
            self._logins = [self.settings.login, login]
            self.settings.cookie_file.write_text(login)

    # What can be told to happen ----------------------------------------------------------------

    def fail(self, method: str, *faults: Fault) -> None:
        """Answer the next calls of ``method`` (see `calls`) so, one fault for each."""
        self._faults[method].extend(faults)

    def follow(self, steps: Iterable[Step]) -> None:
        """Carry out these steps that wait for a call from now on, and no others."""
        self._cues = Cues(steps, Random(f"node {self.settings.seed}"))

    def found_elsewhere(self) -> bytes:
        """Let somebody else find a block; long polls end."""
        digest = self.chain.found_elsewhere(time.time())
        self._wake()
        return digest

    def add_transactions(self, count: int) -> None:
        self.chain.add_transactions(count)

    def _wake(self) -> None:
        self._changed.set()
        self._changed = asyncio.Event()

    # The RPC -----------------------------------------------------------------------------------

    async def _answer(self, request: web.Request) -> web.StreamResponse:
        if not self._is_known(request.headers.get("Authorization", "")):
            self.calls["401"] += 1
            return web.Response(status=401, headers={"WWW-Authenticate": 'Basic realm="jsonrpc"'})
        try:
            order = json.loads(await request.read())
            method, params = order["method"], order.get("params", [])
        except (ValueError, KeyError, TypeError):
            return _reply(500, None, None, {"code": -32700, "message": "Parse error"})
        kind = _kind(method, params)
        self.calls[kind] += 1
        fault = self._faults[kind].popleft() if self._faults[kind] else None
        for step in self._cues.take(kind).steps:
            await asyncio.sleep(step.wait_s)
            answer = fault_of(step)
            if answer is None:
                carry_out(step, self)
            fault = fault or answer
        return await self._carried_out(request, order.get("id"), method, params, fault)

    def _is_known(self, header: str) -> bool:
        kind, _, code = header.partition(" ")
        with contextlib.suppress(ValueError):
            login = base64.b64decode(code, validate=True)
            return kind == "Basic" and any(
                hmac.compare_digest(login, known.encode()) for known in self._logins
            )
        return False

    async def _carried_out(
        self, request: web.Request, number: object, method: str, params: Any, fault: Fault | None
    ) -> web.StreamResponse:
        if isinstance(fault, Raw):
            return web.Response(body=fault.body, status=fault.status, headers=fault.headers)
        if isinstance(fault, Failure):
            error = {"code": fault.code, "message": fault.message}
            return _reply(500, number, None, error)
        if isinstance(fault, Result):
            return _reply(200, number, fault.value, None)
        if isinstance(fault, Hang):
            await asyncio.sleep(fault.seconds)
        if isinstance(fault, Cut) and not fault.after:
            return _cut(request)
        handler = self._methods.get(method)
        if handler is None:
            error = {"code": METHOD_NOT_FOUND, "message": "Method not found"}
            return _reply(404, number, None, error)
        try:
            result = handler(*params)
            if asyncio.iscoroutine(result):
                result = await result
        except _Error as exc:
            return _reply(500, number, None, {"code": exc.code, "message": str(exc)})
        except TypeError:
            return _reply(500, number, None, {"code": -1, "message": f"{method} takes others"})
        return _cut(request) if isinstance(fault, Cut) else _reply(200, number, result, None)

    def _best(self) -> str:
        return shown(self.chain.tip)

    def _info(self) -> dict[str, object]:
        return {
            "chain": self.settings.chain,
            "blocks": self.chain.height,
            "headers": self.chain.height,
            "bestblockhash": shown(self.chain.tip),
            "mediantime": self.chain.median_time,
            "initialblockdownload": False,
        }

    def _header(self, text: str) -> dict[str, object]:
        count = self.chain.confirmations(bytes.fromhex(text)[::-1])
        if count is None:
            raise _Error(NOT_FOUND, "Block not found")
        return {"hash": text, "confirmations": count}

    def _validate(self, address: str) -> dict[str, object]:
        script = script_paid_by(address, self.settings.chain)
        if script is None:
            return {"isvalid": False, "error": "Invalid or unsupported address"}
        return {"isvalid": True, "address": address, "scriptPubKey": script.hex()}

    async def _template(self, request: Any = None) -> object:
        request = request if isinstance(request, dict) else {}
        if request.get("mode") == "proposal":
            return self._propose(request)
        needed = ["segwit"] + ["signet"] * (self.settings.chain == "signet")
        for rule in needed:
            if rule not in request.get("rules", []):
                words = f"getblocktemplate must be called with the {rule} rule set"
                raise _Error(INVALID_PARAMETER, words)
        if "longpollid" in request:
            await self._poll(request["longpollid"])
        template = {**self.chain.template(time.time()), **self.template_changes}
        return {name: value for name, value in template.items() if value is not None}

    async def _poll(self, longpoll_id: object) -> None:
        """Wait as a node does: for another tip, and from a while on for more fees."""
        tip, until = self.chain.tip, time.monotonic() + self.settings.longpoll_fees_s
        if not isinstance(longpoll_id, str) or not longpoll_id.startswith(shown(tip)):
            return
        self.polls += 1
        try:
            while self.chain.tip == tip and self._runner is not None:
                rest = max(until - time.monotonic(), 0.05)
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(self._changed.wait(), rest)
                    return
                if time.monotonic() >= until and self.chain.longpoll_id != longpoll_id:
                    return
        finally:
            self.polls -= 1

    def _propose(self, request: dict[str, Any]) -> str | None:
        try:
            raw = bytes.fromhex(request["data"])
            return self.chain.propose(raw, time.time())
        except (KeyError, TypeError, ValueError) as exc:
            raise _Error(DECODING_FAILED, f"Block decode failed: {exc}") from exc

    def _submit(self, text: str) -> str | None:
        before = self.chain.tip
        try:
            result = self.chain.hand_in(bytes.fromhex(text), time.time())
        except (TypeError, ValueError) as exc:
            raise _Error(DECODING_FAILED, f"Block decode failed: {exc}") from exc
        if self.chain.tip != before:
            self._wake()
        if self._on_block is not None:
            self._on_block(self.chain.judged[-1])
        return result


def _kind(method: object, params: object) -> str:
    """Name a call: the three uses of ``getblocktemplate`` have little in common."""
    request = params[0] if isinstance(params, list) and params else None
    if method == "getblocktemplate" and isinstance(request, dict):
        if request.get("mode") == "proposal":
            return "proposal"
        if "longpollid" in request:
            return "longpoll"
    return str(method)


def _reply(
    status: int, number: object, result: object, error: dict[str, object] | None
) -> web.Response:
    return web.json_response({"result": result, "error": error, "id": number}, status=status)


def _cut(request: web.Request) -> web.Response:
    if request.transport is not None:
        request.transport.abort()
    return web.Response()
