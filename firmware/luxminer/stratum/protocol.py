"""One stratum v1 connection without a socket: bytes in, events and bytes out.

Difficulty and extranonce apply from the next job on, the version mask at once. A job stays valid
until a clean one, a new previous block, or another job with its id; a share can leave only while
the very job it was made from is valid here.

Ref: docs/sources.md, "Stratum"; BIP310.
"""

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from enum import Enum, auto
from fractions import Fraction
from math import inf

from luxminer.errors import StratumError
from luxminer.stratum import messages
from luxminer.stratum.endpoint import may_follow
from luxminer.stratum.events import (
    Authorized,
    AuthorizeRefused,
    BadLine,
    Configured,
    Event,
    JobReceived,
    MessageShown,
    ProtocolFailed,
    ReconnectRefused,
    ReconnectRequested,
    ShareSettled,
    Subscribed,
    VersionMaskChanged,
)
from luxminer.stratum.guard import LineSplitter, shown_text
from luxminer.stratum.messages import Call, Notify, Reply, RequestId
from luxminer.stratum.outcome import Outcome, ShareResult
from luxminer.stratum.rejects import reject_reason
from luxminer.work.job import PoolJob, Share, is_same_work
from luxminer.work.target import target_of
from luxminer.work.version import bits_to_submit, is_allowed

__all__ = [
    "MAX_CONSECUTIVE_BAD_LINES",
    "MAX_OUTSTANDING",
    "MAX_VALID_JOBS",
    "AuthorizeRefused",
    "Authorized",
    "BadLine",
    "Configured",
    "Event",
    "JobReceived",
    "MessageShown",
    "ProtocolFailed",
    "ReconnectRefused",
    "ReconnectRequested",
    "ShareSettled",
    "StratumProtocol",
    "Subscribed",
    "VersionMaskChanged",
]

MAX_VALID_JOBS = 64
"""Jobs kept between two clean ones; the oldest goes first."""

MAX_OUTSTANDING = 8192
"""Requests without an answer; the oldest share counts as unanswered then."""

MAX_CONSECUTIVE_BAD_LINES = 10
"""More without a good one between them: the other end does not speak stratum."""

MAX_REQUEST_ID = 999_999_999
"""Larger ids are never reached; used to see whether a request fits into a line."""

CODES_OF_LOST_LOGIN = (24, 25)
LOST_LOGIN_REJECTS = 2
"""That many in a row are no mistake of one share."""

EXCERPT_CHARS = 80

UNKNOWN_METHOD = (20, "Method not found", None)
INVALID_PARAMS = (20, "Invalid params", None)


class _Kind(Enum):
    CONFIGURE = auto()
    SUBSCRIBE = auto()
    AUTHORIZE = auto()
    SUBMIT = auto()


@dataclass(frozen=True, slots=True)
class _Request:
    kind: _Kind
    sent_s: float
    share: Share | None = None


class StratumProtocol:
    """State of one connection.

    ``version_mask`` is what we are willing to roll. ``session_id`` and ``resume`` (extranonce1 and
    valid jobs of the connection before) are given together, to go on with an earlier session.
    Raises StratumError when user and password are longer than pools take.
    """

    def __init__(
        self,
        *,
        pool_id: int,
        connection: int,
        host: str,
        user: str,
        password: str,
        agent: str,
        version_mask: int,
        session_id: str | None = None,
        resume: tuple[bytes, Mapping[str, PoolJob]] | None = None,
        use_configure: bool = True,
        first_request_id: int = 1,
    ) -> None:
        self.connection = connection
        self._pool_id = pool_id
        self._host = host
        self._user = user
        self._password = password
        self._agent = agent
        self._own_mask = version_mask
        self._resume = resume
        self._asked_session = session_id
        self._use_configure = use_configure and version_mask != 0
        self._next_id = first_request_id
        self._pending: dict[int, _Request] = {}
        self._lines = LineSplitter()
        self._out: list[bytes] = []
        self._granted_mask: int | None = None
        self._next_extranonce1: bytes | None = None
        self._next_extranonce2_size: int | None = None
        self._bad_in_a_row = 0
        self._failed = False
        self._unknown_in_a_row = 0
        self._authorized_again = False
        self._jobs: dict[str, PoolJob] = {}
        self.subscribed = False
        self.authorized = False
        self.session_id: str | None = None
        self.extranonce1: bytes | None = None
        self.extranonce2_size: int | None = None
        self.difficulty = Fraction(1)
        """Of the next job."""
        self.current_job: PoolJob | None = None
        self.jobs_received = 0
        self.bad_lines = 0
        self.latency_s: float | None = None
        messages.encode_request(MAX_REQUEST_ID, "mining.authorize", [user, password])

    @property
    def version_rolling(self) -> bool:
        """Whether submits carry version bits."""
        return self._granted_mask is not None

    @property
    def version_mask(self) -> int:
        """Bits that may be rolled now; 0 without version rolling."""
        return (self._granted_mask or 0) & self._own_mask

    @property
    def valid_jobs(self) -> Mapping[str, PoolJob]:
        return self._jobs

    @property
    def waiting(self) -> list[Share]:
        """Shares sent and not answered, oldest first."""
        return [r.share for r in self._pending.values() if r.share is not None]

    def start(self, now_s: float) -> None:
        """Ask for everything at once; pools answer in any order."""
        if self._use_configure:
            options = {
                "version-rolling.mask": f"{self._own_mask:08x}",
                "version-rolling.min-bit-count": 2,
            }
            self._request(
                "mining.configure", [["version-rolling"], options], _Kind.CONFIGURE, now_s
            )
        session = [] if self._asked_session is None else [self._asked_session]
        self._request("mining.subscribe", [self._agent, *session], _Kind.SUBSCRIBE, now_s)
        self._authorize(now_s)

    def data_to_send(self) -> bytes:
        """Return what has to go to the pool now."""
        data = b"".join(self._out)
        self._out.clear()
        return data

    def job_is_valid(self, job: PoolJob) -> bool:
        """Tell whether a share of ``job`` can still be accepted on this connection."""
        return self._jobs.get(job.job_id) is job

    def share_is_valid(self, share: Share) -> bool:
        """Tell whether the pool can still accept this share on this connection."""
        job = share.work.job
        return self.job_is_valid(job) and is_allowed(share.version, job.version, self.version_mask)

    def submit(self, share: Share, now_s: float) -> list[Event]:
        """Queue a share. Asserts that it belongs here; returns events of shares crowded out."""
        job = share.work.job
        assert self.authorized, "shares wait until the pool knows who sends them"
        assert job.user == self._user, (job.user, self._user)
        params = self._submit_params(job, share.work.extranonce2, share.work.ntime, share.nonce)
        if self.version_rolling:
            # A block is sent even when its bits are forbidden by now: the pool may know better.
            allowed = is_allowed(share.version, job.version, self.version_mask)
            mask = self.version_mask if allowed else job.version_mask
            params.append(f"{bits_to_submit(share.version, mask):08x}")
        self._request("mining.submit", params, _Kind.SUBMIT, now_s, share)
        if len(self._pending) <= MAX_OUTSTANDING:
            return []
        oldest = next(number for number, r in self._pending.items() if r.share is not None)
        return [_unanswered(self._pending.pop(oldest))]

    def receive_data(self, data: bytes, now_s: float) -> list[Event]:
        """Take bytes from the pool, however they were cut. Raises nothing, whatever they are."""
        if self._failed:
            return []
        try:
            lines = self._lines.feed(data, now_s)
        except StratumError as exc:
            return [self._fail(exc.reason)]
        events: list[Event] = []
        for line in lines:
            events += self._line(line, now_s)
            if events and isinstance(events[-1], ProtocolFailed | AuthorizeRefused):
                break
        return events

    def check_timeouts(
        self, now_s: float, handshake_timeout_s: float, share_timeout_s: float
    ) -> list[Event]:
        """Give up requests that the pool did not answer in time."""
        events: list[Event] = []
        for number, request in list(self._pending.items()):
            limit_s = share_timeout_s if request.kind is _Kind.SUBMIT else handshake_timeout_s
            if now_s - request.sent_s < limit_s:
                continue
            if request.kind is _Kind.SUBMIT:
                events.append(_unanswered(self._pending.pop(number)))
            elif request.kind is _Kind.CONFIGURE:
                # Going on without; an answer that comes later still counts for both sides.
                self._pending[number] = _Request(request.kind, sent_s=inf)
                events.append(Configured(version_mask=self.version_mask))
            else:
                what = request.kind.name.lower()
                events.append(self._fail(f"no answer to mining.{what} in {limit_s:g} s"))
                break
        return events

    def _submit_params(
        self, job: PoolJob | Notify, extranonce2: bytes, ntime: int, nonce: int
    ) -> list[object]:
        """Return what every submit says; version bits follow where they were negotiated."""
        job_id: object = int(job.job_id) if job.job_id_is_number else job.job_id
        return [self._user, job_id, extranonce2.hex(), f"{ntime:08x}", f"{nonce:08x}"]

    def _authorize(self, now_s: float) -> None:
        self._request("mining.authorize", [self._user, self._password], _Kind.AUTHORIZE, now_s)

    def _request(
        self,
        method: str,
        params: list[object],
        kind: _Kind,
        now_s: float,
        share: Share | None = None,
    ) -> None:
        self._out.append(messages.encode_request(self._next_id, method, params))
        self._pending[self._next_id] = _Request(kind, now_s, share)
        self._next_id += 1

    def _line(self, line: bytes, now_s: float) -> list[Event]:
        try:
            parsed = messages.parse_line(line)
            if parsed is None:
                return []
            if isinstance(parsed, Reply):
                events = self._reply(parsed, now_s)
            else:
                events = self._call(parsed, now_s)
        except StratumError as exc:
            self._bad_in_a_row += 1
            if self._bad_in_a_row > MAX_CONSECUTIVE_BAD_LINES:
                return [self._fail(f"does not speak stratum: {exc.reason}")]
            return [self._bad(exc.reason, line)]
        self._bad_in_a_row = 0
        return events

    def _bad(self, reason: str, line: bytes) -> BadLine:
        self.bad_lines += 1
        excerpt = shown_text(line[:EXCERPT_CHARS].decode("utf-8", "replace"))
        return BadLine(reason=reason, excerpt=excerpt)

    def _fail(self, reason: str) -> ProtocolFailed:
        self._failed = True
        return ProtocolFailed(reason=reason)

    # Replies ---------------------------------------------------------------------------------

    def _reply(self, reply: Reply, now_s: float) -> list[Event]:
        request = self._pending.pop(reply.id, None) if reply.id is not None else None
        if request is None:
            return [self._unmatched(reply)]
        match request.kind:
            case _Kind.CONFIGURE:
                mask = messages.parse_configure(reply.result)
                if mask or self._granted_mask is None:
                    self._granted_mask = mask or None
                return [Configured(version_mask=self.version_mask)]
            case _Kind.SUBSCRIBE:
                return self._subscribe_answered(reply)
            case _Kind.AUTHORIZE:
                if reply.is_true:
                    self.authorized = True
                    self._unknown_in_a_row = 0
                    return [Authorized()]
                self._failed = True
                assert reply.error is not None
                return [AuthorizeRefused(code=reply.error.code, text=reply.error.text)]
            case _Kind.SUBMIT:
                settled = self._submit_answered(request, reply, now_s)
                return [settled, *self._check_login(reply, now_s)]

    def _subscribe_answered(self, reply: Reply) -> list[Event]:
        if reply.result is None and reply.error is not None:
            return [self._fail(f"subscribe refused: {reply.error.text}")]
        try:
            answer = messages.parse_subscribe(reply.result)
        except StratumError as exc:
            return [self._fail(exc.reason)]
        self.subscribed = True
        self.session_id = answer.session_id
        self.extranonce1 = answer.extranonce1
        self.extranonce2_size = answer.extranonce2_size
        resumed = self._resume is not None and self._resume[0] == answer.extranonce1
        if resumed and self._resume is not None:
            self._jobs = dict(self._resume[1])
        return [Subscribed(resumed=resumed)]

    def _submit_answered(self, request: _Request, reply: Reply, now_s: float) -> ShareSettled:
        assert request.share is not None
        latency_s = now_s - request.sent_s
        self.latency_s = latency_s
        if reply.is_true:
            result = ShareResult(outcome=Outcome.ACCEPTED, latency_s=latency_s)
        else:
            assert reply.error is not None
            result = ShareResult(
                outcome=Outcome.REJECTED,
                reason=reject_reason(reply.error),
                text=reply.error.text,
                latency_s=latency_s,
            )
        return ShareSettled(share=request.share, result=result)

    def _check_login(self, reply: Reply, now_s: float) -> list[Event]:
        """Log in once more when the pool has forgotten who we are, then give up.

        Until it answers, shares are held rather than thrown away.
        """
        code = reply.error.code if reply.error is not None else None
        if code not in CODES_OF_LOST_LOGIN:
            self._unknown_in_a_row = 0
            return []
        self._unknown_in_a_row += 1
        if self._unknown_in_a_row < LOST_LOGIN_REJECTS or not self.authorized:
            return []
        if self._authorized_again:
            return [self._fail("the pool keeps forgetting the login")]
        self._authorized_again = True
        self.authorized = False
        self._authorize(now_s)
        return []

    def _unmatched(self, reply: Reply) -> BadLine:
        """Show an answer that belongs to no request: some pools report errors this way."""
        self.bad_lines += 1
        words = reply.error.text if reply.error is not None else "true"
        return BadLine(reason="reply to no request of ours", excerpt=words)

    # Calls of the pool -----------------------------------------------------------------------

    def _call(self, call: Call, now_s: float) -> list[Event]:
        try:
            message = messages.parse_call(call)
        except StratumError:
            self._answer(call.id, None, INVALID_PARAMS)
            raise
        match message:
            case Notify():
                return self._notified(message, now_s)
            case messages.SetDifficulty():
                self.difficulty = message.difficulty
                return []
            case messages.SetExtranonce():
                self._answer(call.id, result=True)
                if message.extranonce1 is not None:
                    self._next_extranonce1 = message.extranonce1
                if message.extranonce2_size is not None:
                    self._next_extranonce2_size = message.extranonce2_size
                return []
            case messages.SetVersionMask():
                return self._mask_set(message.mask)
            case messages.Reconnect():
                if message.host is not None and not may_follow(self._host, message.host):
                    return [ReconnectRefused(host=message.host)]
                return [
                    ReconnectRequested(host=message.host, port=message.port, wait_s=message.wait_s)
                ]
            case messages.ShowMessage():
                self._answer(call.id, result=True)
                return [MessageShown(text=message.text)]
            case messages.GetVersion():
                self._answer(call.id, self._agent)
            case messages.Ping():
                self._answer(call.id, "pong")
            case messages.UnknownMethod():
                self._answer(call.id, None, UNKNOWN_METHOD)
        return []

    def _answer(self, request_id: RequestId, result: object, error: object = None) -> None:
        """Answer a request of the pool; one whose id is longer than a line gets no answer."""
        if request_id is None:
            return
        with suppress(StratumError):
            self._out.append(messages.encode_reply(request_id, result, error))

    def _mask_set(self, mask: int) -> list[Event]:
        """Take a mask at once; one that nobody negotiated is for nobody."""
        asked = any(r.kind is _Kind.CONFIGURE for r in self._pending.values())
        if self._granted_mask is None and not asked:
            return []
        self._granted_mask = mask
        return [VersionMaskChanged(version_mask=self.version_mask)]

    def _notified(self, notify: Notify, now_s: float) -> list[Event]:
        if self.extranonce1 is None or self.extranonce2_size is None:
            raise StratumError("mining.notify before the answer to mining.subscribe")
        params = self._submit_params(notify, bytes(self.extranonce2_size), notify.ntime, 0)
        try:
            messages.encode_request(MAX_REQUEST_ID, "mining.submit", [*params, "00000000"])
        except StratumError as exc:
            raise StratumError("mining.notify: job id is too long to be sent back") from exc
        if self._next_extranonce1 is not None:
            self.extranonce1, self._next_extranonce1 = self._next_extranonce1, None
        if self._next_extranonce2_size is not None:
            self.extranonce2_size, self._next_extranonce2_size = self._next_extranonce2_size, None
        before = self.current_job or next(reversed(self._jobs.values()), None)
        new_block = before is not None and before.prev_hash != notify.prev_hash
        clean = notify.clean or new_block
        job = PoolJob(
            pool_id=self._pool_id,
            connection=self.connection,
            user=self._user,
            job_id=notify.job_id,
            job_id_is_number=notify.job_id_is_number,
            prev_hash=notify.prev_hash,
            coinb1=notify.coinb1,
            coinb2=notify.coinb2,
            merkle_branch=notify.merkle_branch,
            version=notify.version,
            nbits=notify.nbits,
            ntime=notify.ntime,
            clean=clean,
            extranonce1=self.extranonce1,
            extranonce2_size=self.extranonce2_size,
            version_mask=self.version_mask,
            version_rolling=self.version_rolling,
            difficulty=self.difficulty,
            share_target=target_of(self.difficulty),
            network_target=notify.network_target,
            received_s=now_s,
        )
        known = self._jobs.get(job.job_id)
        if known is not None and is_same_work(known, job):
            job = known
        if clean:
            self._jobs.clear()
        self._jobs.pop(job.job_id, None)
        self._jobs[job.job_id] = job
        if len(self._jobs) > MAX_VALID_JOBS:
            del self._jobs[next(iter(self._jobs))]
        self.current_job = job
        self.jobs_received += 1
        return [JobReceived(job=job)]


def _unanswered(request: _Request) -> ShareSettled:
    assert request.share is not None
    result = ShareResult(outcome=Outcome.UNANSWERED, text="the pool never answered")
    return ShareSettled(share=request.share, result=result)
