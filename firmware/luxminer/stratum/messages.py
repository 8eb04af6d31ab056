"""Lines of the stratum v1 protocol as values: strict parsing, encoding of what we send.

A message is validated completely before anybody sees it. Whatever a pool sends, parsing raises
nothing but StratumError.

Ref: docs/sources.md, "Stratum"; BIP310.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from typing import TypeAlias

from luxminer.errors import StratumError
from luxminer.stratum.fields import (
    extranonce1_of,
    extranonce2_size_of,
    hex_of,
    host_of,
    integer_of,
    job_id_of,
    mask_of,
    port_of,
    reply_id_of,
    seconds_of,
    u32_of,
)
from luxminer.stratum.guard import parse_object, shown_text
from luxminer.work.header import MIN_COINBASE, strip_witness, swap_words
from luxminer.work.target import parse_difficulty, target_from_nbits

__all__ = [
    "MAX_REQUEST_BYTES",
    "Call",
    "GetVersion",
    "Message",
    "Notify",
    "Ping",
    "PoolError",
    "Reconnect",
    "Reply",
    "RequestId",
    "SetDifficulty",
    "SetExtranonce",
    "SetVersionMask",
    "ShowMessage",
    "Subscription",
    "UnknownMethod",
    "encode_reply",
    "encode_request",
    "is_granted",
    "parse_call",
    "parse_configure",
    "parse_line",
    "parse_subscribe",
]

MAX_REQUEST_BYTES = 1024
"""ckpool drops a client whose line is longer, line end included."""

MAX_BRANCH = 64

MAX_COINBASE = 100_000
"""Bytes; the largest that pools offer has 16,000. It bounds what `MAX_VALID_JOBS` jobs take."""

NO_WORDS = ("unknown", "unrecognised reply")
"""Stand for the words that a pool did not find."""

MAX_SESSION_ID = 256
"""Bytes of its escaped form: it is sent back in a line of `MAX_REQUEST_BYTES`."""

RequestId: TypeAlias = int | str | Decimal | None
"""Id of a pool's own request, to be echoed with its type; None when it wants no answer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PoolError:
    """Why a pool refused something: its code, None when it gave none, and its words, filtered."""

    code: int | None
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """An answer. ``id`` is None when it can match no request of ours."""

    id: int | None
    result: object
    error: PoolError | None
    """Filled when ``result`` is not the literal true."""

    @property
    def is_true(self) -> bool:
        return self.result is True

    @property
    def is_refusal(self) -> bool:
        """False, or an error in whatever form; an answer that says nothing is no refusal."""
        if self.result is False:
            return True
        error = self.error
        return error is not None and (error.code is not None or error.text not in NO_WORDS)


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """A request or notification of the pool, its parameters not yet looked at."""

    id: RequestId
    method: str
    params: object


@dataclass(frozen=True, slots=True, kw_only=True)
class Notify:
    """``mining.notify``. ``prev_hash`` and branch are internal, coinbase parts are stripped."""

    job_id: str
    job_id_is_number: bool
    prev_hash: bytes
    coinb1: bytes
    coinb2: bytes
    merkle_branch: tuple[bytes, ...]
    version: int
    nbits: int
    network_target: int
    ntime: int
    clean: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class SetDifficulty:
    difficulty: Fraction


@dataclass(frozen=True, slots=True, kw_only=True)
class SetExtranonce:
    """None keeps the value in force."""

    extranonce1: bytes | None
    extranonce2_size: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class SetVersionMask:
    mask: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Reconnect:
    """None means the same host or port as now."""

    host: str | None
    port: int | None
    wait_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class ShowMessage:
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class GetVersion:
    pass


@dataclass(frozen=True, slots=True, kw_only=True)
class Ping:
    pass


@dataclass(frozen=True, slots=True, kw_only=True)
class UnknownMethod:
    method: str


Message: TypeAlias = (
    Notify
    | SetDifficulty
    | SetExtranonce
    | SetVersionMask
    | Reconnect
    | ShowMessage
    | GetVersion
    | Ping
    | UnknownMethod
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Subscription:
    """The answer to ``mining.subscribe``. Without ``session_id`` it cannot be resumed."""

    session_id: str | None
    extranonce1: bytes
    extranonce2_size: int


def parse_line(line: bytes) -> Call | Reply | None:
    """Parse one line; None when it is blank. Raises StratumError."""
    fields = parse_object(line)
    if fields is None:
        return None
    if "method" in fields:
        method = fields["method"]
        if not isinstance(method, str):
            raise StratumError("method is not a string", line)
        return Call(id=_call_id(fields.get("id")), method=method, params=fields.get("params"))
    if not fields.keys() & {"result", "error", "reject-reason"}:
        raise StratumError("neither a call nor a reply", line)
    result = fields.get("result")
    return Reply(
        id=reply_id_of(fields.get("id")),
        result=result,
        error=None if result is True else _error(result, fields),
    )


def parse_call(call: Call) -> Message:
    """Validate a call. Unknown methods are no error. Raises StratumError."""
    if call.method in _WITHOUT_PARAMS:
        return _WITHOUT_PARAMS[call.method]
    parse = _WITH_PARAMS.get(call.method)
    if parse is None:
        return UnknownMethod(method=shown_text(call.method))
    params = [] if call.params is None else call.params
    if not isinstance(params, list):
        raise StratumError(f"{call.method}: parameters are no list")
    try:
        return parse(params)
    except StratumError as exc:
        raise StratumError(f"{call.method}: {exc.reason}") from exc


def parse_subscribe(result: object) -> Subscription:
    """Validate the result of ``mining.subscribe``. Raises StratumError."""
    if not isinstance(result, list) or len(result) < 3:
        raise StratumError("subscribe: answer is not [subscriptions, extranonce1, size]")
    try:
        return Subscription(
            session_id=_session_id(result[0]),
            extranonce1=extranonce1_of(result[1]),
            extranonce2_size=extranonce2_size_of(result[2]),
        )
    except StratumError as exc:
        raise StratumError(f"subscribe: {exc.reason}") from exc


def parse_configure(result: object) -> int:
    """Return the mask granted in the answer to ``mining.configure``; 0 for no version rolling."""
    if not isinstance(result, dict) or result.get("version-rolling") is not True:
        return 0
    try:
        return mask_of(result.get("version-rolling.mask"))
    except StratumError:
        return 0


def is_granted(result: object, name: str) -> bool:
    """Tell whether the answer to ``mining.configure`` grants an extension."""
    return isinstance(result, dict) and result.get(name) is True


def encode_request(request_id: int, method: str, params: Sequence[object]) -> bytes:
    """Return one line of plain ASCII. Raises StratumError when it is too long for pools."""
    return _encode({"id": request_id, "method": method, "params": params})


def encode_reply(request_id: RequestId, result: object, error: object = None) -> bytes:
    """Return the answer to a request of the pool. Raises StratumError when its id is too long."""
    return _encode({"id": request_id, "result": result, "error": error})


def _encode(fields: Mapping[str, object]) -> bytes:
    members = (f"{json.dumps(name)}:{_json(value)}" for name, value in fields.items())
    line = f"{{{','.join(members)}}}\n".encode("ascii")
    if len(line) > MAX_REQUEST_BYTES:
        raise StratumError(f"line of {len(line)} bytes; pools take {MAX_REQUEST_BYTES}")
    return line


def _json(value: object) -> str:
    """Encode in ASCII; a Decimal, which only an id can be, as the pool wrote it."""
    return str(value) if isinstance(value, Decimal) else json.dumps(value, separators=(",", ":"))


def _call_id(value: object) -> RequestId:
    """Containers and booleans are no ids: nobody waits for an answer to them."""
    if isinstance(value, bool) or not isinstance(value, int | str | Decimal):
        return None
    return value


def _error(result: object, fields: Mapping[str, object]) -> PoolError:
    """Find code and words in any of the forms that servers use."""
    error = fields.get("error")
    code: int | None = None
    text: object = None
    if isinstance(error, list):
        code = integer_of(error[0]) if error else None
        text = next((part for part in error[:2] if isinstance(part, str)), None)
    elif isinstance(error, dict):
        code, text = integer_of(error.get("code")), error.get("message")
    elif isinstance(error, str):
        text = error
    else:
        code, text = integer_of(error), fields.get("reject-reason")
    if not isinstance(text, str) or not shown_text(text).strip():
        known = result is None or result is False or code is not None
        text = NO_WORDS[0] if known else NO_WORDS[1]
    return PoolError(code=code, text=shown_text(text))


def _notify(params: list[object]) -> Notify:
    if len(params) < 8:
        raise StratumError("too few parameters")
    job_id, is_number = job_id_of(params[0])
    branch = params[4]
    if not isinstance(branch, list) or len(branch) > MAX_BRANCH:
        raise StratumError("merkle branch is no list of at most 64")
    coinb1, coinb2 = hex_of(params[2], "coinb1"), hex_of(params[3], "coinb2")
    nbits = u32_of(params[6], "nbits")
    try:
        coinb1, coinb2 = strip_witness(coinb1, coinb2)
        network_target = target_from_nbits(nbits)
    except ValueError as exc:
        raise StratumError(str(exc)) from exc
    if len(coinb1) + len(coinb2) < MIN_COINBASE:
        raise StratumError("coinbase is too short")
    if len(coinb1) + len(coinb2) > MAX_COINBASE:
        raise StratumError("coinbase is too long")
    return Notify(
        job_id=job_id,
        job_id_is_number=is_number,
        prev_hash=swap_words(hex_of(params[1], "prevhash", 32)),
        coinb1=coinb1,
        coinb2=coinb2,
        merkle_branch=tuple(hex_of(node, "merkle branch", 32) for node in branch),
        version=u32_of(params[5], "version"),
        nbits=nbits,
        network_target=network_target,
        ntime=u32_of(params[7], "ntime"),
        clean=_clean(params[8:]),
    )


def _clean(rest: list[object]) -> bool:
    """Read the flag: missing or null is false, what nobody knows is true.

    Throwing work away costs little, mining stale work costs shares. Servers that send more than
    nine parameters mean the last boolean among them, unless the ninth is one.
    """
    if not rest:
        return False
    flags = [value for value in rest if isinstance(value, bool)]
    if isinstance(rest[0], bool) or not flags:
        return rest[0] not in (None, 0)
    return flags[-1]


def _set_difficulty(params: list[object]) -> SetDifficulty:
    if not params:
        raise StratumError("too few parameters")
    try:
        return SetDifficulty(difficulty=parse_difficulty(params[0]))
    except ValueError as exc:
        raise StratumError(str(exc)) from exc


def _set_extranonce(params: list[object]) -> SetExtranonce:
    if len(params) < 2:
        raise StratumError("too few parameters")
    return SetExtranonce(
        extranonce1=None if params[0] is None else extranonce1_of(params[0]),
        extranonce2_size=None if params[1] is None else extranonce2_size_of(params[1]),
    )


def _set_version_mask(params: list[object]) -> SetVersionMask:
    if not params:
        raise StratumError("too few parameters")
    return SetVersionMask(mask=mask_of(params[0]))


def _reconnect(params: list[object]) -> Reconnect:
    host, port, wait = (*params, None, None, None)[:3]
    return Reconnect(host=host_of(host), port=port_of(port), wait_s=seconds_of(wait))


def _show_message(params: list[object]) -> ShowMessage:
    if not params or not isinstance(params[0], str):
        raise StratumError("message is no text")
    return ShowMessage(text=shown_text(params[0]))


_WITH_PARAMS: Mapping[str, Callable[[list[object]], Message]] = {
    "mining.notify": _notify,
    "mining.set_difficulty": _set_difficulty,
    "mining.set_extranonce": _set_extranonce,
    "mining.set_version_mask": _set_version_mask,
    "client.reconnect": _reconnect,
    "client.show_message": _show_message,
}
_WITHOUT_PARAMS: Mapping[str, Message] = {
    "client.get_version": GetVersion(),
    "mining.ping": Ping(),
}


def _session_id(subscriptions: object) -> str | None:
    """Find the id beside ``mining.notify`` in a list of pairs, or in a single flat pair."""
    if not isinstance(subscriptions, list):
        return None
    for pair in (subscriptions, *subscriptions):
        if isinstance(pair, list) and len(pair) >= 2 and pair[0] == "mining.notify":
            found = pair[1]
            if isinstance(found, str) and found and len(_json(found)) <= MAX_SESSION_ID:
                return found
    return None
