"""Requests of one connection: their ids, the bytes that carry them, and which of them wait.

Ref: docs/sources.md, "Stratum" (general shape, hostile input).
"""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from enum import Enum, auto
from math import inf

from luxminer.errors import StratumError
from luxminer.stratum.messages import RequestId, encode_reply, encode_request
from luxminer.work.job import Share

__all__ = [
    "CONFIGURE_TIMEOUT_S",
    "MAX_OUTSTANDING",
    "MAX_REQUEST_ID",
    "Kind",
    "Request",
    "Requests",
]

MAX_OUTSTANDING = 8192
"""Requests without an answer; the oldest share counts as unanswered then."""

MAX_REQUEST_ID = 999_999_999
"""Larger ids are never reached; used to see whether a request fits into a line."""


CONFIGURE_TIMEOUT_S = 5.0
"""Many pools never answer what they do not know, and shares wait for that answer."""


class Kind(Enum):
    CONFIGURE = auto()
    SUBSCRIBE = auto()
    AUTHORIZE = auto()
    SUBMIT = auto()
    OPTIONAL = auto()
    """Pools may answer it with an error, not at all, or by hanging up."""


@dataclass(frozen=True, slots=True)
class Request:
    kind: Kind
    sent_s: float
    method: str
    share: Share | None = None


class Requests:
    """Ids rise and are used once. Bytes gather until `data_to_send` takes them."""

    def __init__(self, first_id: int) -> None:
        self._next_id = first_id
        self._pending: dict[int, Request] = {}
        self._out: list[bytes] = []

    @property
    def waiting(self) -> list[Share]:
        """Shares sent and not answered, oldest first."""
        return [r.share for r in self._pending.values() if r.share is not None]

    def are_waiting(self, kind: Kind) -> bool:
        return any(request.kind is kind for request in self._pending.values())

    def optional_since(self, since_s: float) -> list[str]:
        """Return the methods of optional requests sent since then that still wait."""
        optional = (r for r in self._pending.values() if r.kind is Kind.OPTIONAL)
        return [r.method for r in optional if since_s <= r.sent_s < inf]

    def data_to_send(self) -> bytes:
        data = b"".join(self._out)
        self._out.clear()
        return data

    def ask(
        self,
        kind: Kind,
        method: str,
        params: Sequence[object],
        now_s: float,
        share: Share | None = None,
    ) -> Share | None:
        """Send a request. Returns the oldest share when there are too many to wait for it, too."""
        self._out.append(encode_request(self._next_id, method, params))
        self._pending[self._next_id] = Request(kind, now_s, method, share)
        self._next_id += 1
        if len(self._pending) <= MAX_OUTSTANDING:
            return None
        oldest = next(number for number, r in self._pending.items() if r.share is not None)
        return self._pending.pop(oldest).share

    def answered(self, number: int | None) -> Request | None:
        """Return the request that an answer is for, and wait for it no longer."""
        return self._pending.pop(number, None) if number is not None else None

    def reply(self, number: RequestId, result: object, error: object = None) -> None:
        """Answer a request of the pool; one whose id is longer than a line gets no answer."""
        if number is None:
            return
        with suppress(StratumError):
            self._out.append(encode_reply(number, result, error))

    def overdue(
        self, now_s: float, handshake_timeout_s: float, share_timeout_s: float
    ) -> list[Request]:
        """Return what was not answered in time, once each, up to the first that is fatal.

        A late answer to what nobody needs still counts for both sides: that waits on for ever.
        """
        late: list[Request] = []
        for number, request in list(self._pending.items()):
            limit_s = share_timeout_s if request.kind is Kind.SUBMIT else handshake_timeout_s
            if request.kind is Kind.CONFIGURE:
                limit_s = min(limit_s, CONFIGURE_TIMEOUT_S)
            if now_s - request.sent_s < limit_s:
                continue
            late.append(request)
            if request.kind is Kind.SUBMIT:
                del self._pending[number]
            elif request.kind in (Kind.CONFIGURE, Kind.OPTIONAL):
                self._pending[number] = replace(request, sent_s=inf)
            else:
                break
        return late
