"""Answers of a node's RPC: bounded, and read so that mining goes on meanwhile.

An answer with all transactions of a block has several megabytes. Each transaction becomes bytes as
soon as it is complete, which halves the memory, and lets other threads run in between.

Ref: Bitcoin Core JSON-RPC-interface.md (HTTP status and errors); RFC 8259.
"""

import json
from collections.abc import Callable

from luxminer.errors import NodeError
from luxminer.node.template import read_transaction
from luxminer.stratum.guard import shown_text

__all__ = ["MAX_REPLY_BYTES", "parse_reply", "transactions_read"]

MAX_REPLY_BYTES = 16 << 20
"""A full block in hex is 8 MB, and its transactions have a few hundred bytes each around it."""

MAX_VALUES = 1_000_000
"""Commas and brackets of an answer: bounds the memory and time that reading it takes."""

MAX_DIGITS = 400

Hook = Callable[[dict[str, object]], object]


def transactions_read(fields: dict[str, object]) -> object:
    """Return the `Transaction` that an object is, or the object itself."""
    if "data" in fields and "txid" in fields:
        return read_transaction(fields)
    return fields


def parse_reply(raw: bytes, hook: Hook | None = None) -> object:
    """Return the result of an answer. ``hook`` may replace each JSON object in it.

    Raises NodeError for an error that the node reports (``code`` is its own), and for whatever is
    no answer within the limits.
    """
    if sum(raw.count(sign) for sign in (b",", b"[", b"{")) > MAX_VALUES:
        raise NodeError("the node's answer has too many values")
    try:
        reply = json.loads(raw, object_hook=hook, parse_int=_integer, parse_constant=_refuse)
    except (ValueError, RecursionError) as exc:
        raise NodeError("what answers is no Bitcoin node: no JSON") from exc
    if not isinstance(reply, dict) or "result" not in reply:
        error = reply.get("error") if isinstance(reply, dict) else None
        if error is None:
            raise NodeError("what answers is no Bitcoin node: no result in its answer")
    error = reply.get("error")
    if error is not None:
        raise _error(error)
    return reply["result"]


def _error(error: object) -> NodeError:
    if not isinstance(error, dict):
        return NodeError(f"the node says: {shown_text(str(error)[:1000])}")
    code, message = error.get("code"), error.get("message")
    is_code = isinstance(code, int) and not isinstance(code, bool)
    text = shown_text(message) if isinstance(message, str) else "an error without words"
    return NodeError(f"the node says: {text}", code=code if is_code else None)


def _integer(digits: str) -> int:
    if len(digits) > MAX_DIGITS:
        raise ValueError(f"number of {len(digits)} characters")
    return int(digits)


def _refuse(name: str) -> object:
    raise ValueError(f"{name} is not JSON")
