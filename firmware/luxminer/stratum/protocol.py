"""One stratum v1 connection without a socket: bytes in, events and bytes out.

Difficulty and extranonce apply from the next job on, the version mask at once. A job stays valid
until a clean one, a new previous block, or another job with its id; a share can leave only while
the very job it was made from is valid here.

Ref: docs/sources.md, "Stratum"; BIP310.
"""

from collections.abc import Collection, Iterable, Mapping
from fractions import Fraction

from luxminer.errors import StratumError
from luxminer.stratum import asking, messages
from luxminer.stratum.endpoint import may_follow
from luxminer.stratum.events import (
    Authorized,
    AuthorizeRefused,
    BadLine,
    Configured,
    Event,
    ExtensionAnswered,
    JobReceived,
    MessageShown,
    ProtocolFailed,
    ReconnectRefused,
    ReconnectRequested,
    ShareSent,
    ShareSettled,
    Subscribed,
    VersionMaskChanged,
)
from luxminer.stratum.guard import LineSplitter, shown_text
from luxminer.stratum.jobs import MAX_VALID_JOBS, JobBook, absurdity_of
from luxminer.stratum.messages import Call, Notify, Reply
from luxminer.stratum.outcome import Outcome, ShareResult
from luxminer.stratum.rejects import reject_reason
from luxminer.stratum.requests import MAX_OUTSTANDING, MAX_REQUEST_ID, Kind, Request, Requests
from luxminer.work.job import PoolJob, Share
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
    "ExtensionAnswered",
    "JobReceived",
    "MessageShown",
    "ProtocolFailed",
    "ReconnectRefused",
    "ReconnectRequested",
    "ShareSent",
    "ShareSettled",
    "StratumProtocol",
    "Subscribed",
    "VersionMaskChanged",
]

MAX_CONSECUTIVE_BAD_LINES = 10
"""More without a good one between them: the other end does not speak stratum."""

GRACE_S = 2.0
"""Pools answer in order: one that has answered the login, and mining.configure not so long after,
never will. Until then no share goes out, as none may lack the version bits that are granted."""

CODES_OF_LOST_LOGIN = (24, 25)
LOST_LOGIN_REJECTS = 2
"""That many in a row are no mistake of one share."""

EXCERPT_CHARS = 80

UNKNOWN_METHOD = (20, "Method not found", None)
INVALID_PARAMS = (20, "Invalid params", None)

NO_WISHES = asking.Wishes()


class StratumProtocol:
    """State of one connection.

    ``version_mask`` is what we are willing to roll. ``session_id`` and ``resume`` (extranonce1 and
    valid jobs of the connection before) are given together, to go on with an earlier session.
    ``leave_out`` holds methods of ``wishes`` that the pool does not bear. Raises StratumError when
    user and password are longer than pools take.
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
        wishes: asking.Wishes = NO_WISHES,
        leave_out: Collection[str] = (),
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
        self._wishes = wishes
        self._leave_out = leave_out
        asks = asking.is_asked_to_configure(version_mask, wishes)
        self._use_configure = use_configure and asks
        self._requests = Requests(first_request_id)
        self._lines = LineSplitter()
        self._granted_mask: int | None = None
        self.is_negotiating = False
        """The answer to mining.configure is waited for: nobody knows yet what a share must say."""
        self.is_configure_unread = False
        self._authorized_s = 0.0
        """A line that made no sense came while it was, and may have been that answer."""
        self._next_extranonce1: bytes | None = None
        self._next_extranonce2_size: int | None = None
        self._bad_in_a_row = 0
        self._failed = False
        self._unknown_in_a_row = 0
        self._authorized_again = False
        self._extranonce_granted = False
        self._wished = False
        self._jobs = JobBook()
        self._absurdity = ""
        self.subscribed = False
        self.authorized = False
        self.session_id: str | None = None
        self.extranonce1: bytes | None = None
        self.extranonce2_size: int | None = None
        self.difficulty = Fraction(1)
        """Of the next job."""
        self.good_lines = 0
        self.bad_lines = 0
        self.said = ""
        """First of the lines since the last good one: some servers say why they hang up."""
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
        return self._jobs.valid

    @property
    def current_job(self) -> PoolJob | None:
        return self._jobs.current

    def unanswered_wishes(self, since_s: float) -> list[str]:
        """Methods sent at ``since_s`` or later that nobody had to understand, and not answered."""
        return self._requests.optional_since(since_s)

    @property
    def waiting(self) -> list[Share]:
        """Shares sent and not answered, oldest first."""
        return self._requests.waiting

    def start(self, now_s: float) -> None:
        """Ask for everything at once; pools answer in any order."""
        if self._use_configure:
            params = asking.configure_params(self._own_mask, self._wishes)
            self._requests.ask(Kind.CONFIGURE, "mining.configure", params, now_s)
            self.is_negotiating = True
        session = [] if self._asked_session is None else [self._asked_session]
        params = [self._agent, *session]
        self._requests.ask(Kind.SUBSCRIBE, "mining.subscribe", params, now_s)
        self._authorize(now_s)

    def data_to_send(self) -> bytes:
        """Return what has to go to the pool now."""
        return self._requests.data_to_send()

    def job_is_valid(self, job: PoolJob) -> bool:
        """Tell whether a share of ``job`` can still be accepted on this connection."""
        return self._jobs.is_valid(job)

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
        lost = self._requests.ask(Kind.SUBMIT, "mining.submit", params, now_s, share)
        return [] if lost is None else [_unanswered(lost)]

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
        late = self._requests.overdue(now_s, handshake_timeout_s, share_timeout_s)
        events = [self._went_without(request, handshake_timeout_s) for request in late]
        if self.is_negotiating and self.authorized and now_s >= self._authorized_s + GRACE_S:
            self.is_negotiating = False
            events.append(Configured(version_mask=self.version_mask))
        return events

    def _went_without(self, request: Request, limit_s: float) -> Event:
        match request.kind:
            case Kind.CONFIGURE:
                self.is_negotiating = False
                return Configured(version_mask=self.version_mask)
            case Kind.OPTIONAL:
                return ExtensionAnswered(name=request.method, granted=None)
            case Kind.SUBMIT:
                assert request.share is not None
                return _unanswered(request.share)
            case _:
                return self._fail(f"no answer to {request.method} in {limit_s:g} s")

    def _submit_params(
        self, job: PoolJob | Notify, extranonce2: bytes, ntime: int, nonce: int
    ) -> list[object]:
        """Return what every submit says; version bits follow where they were negotiated."""
        job_id: object = int(job.job_id) if job.job_id_is_number else job.job_id
        return [self._user, job_id, extranonce2.hex(), f"{ntime:08x}", f"{nonce:08x}"]

    def _authorize(self, now_s: float) -> None:
        params = [self._user, self._password]
        self._requests.ask(Kind.AUTHORIZE, "mining.authorize", params, now_s)

    def _ask(self, requests: Iterable[asking.Request], now_s: float) -> None:
        for method, params in requests:
            self._requests.ask(Kind.OPTIONAL, method, params, now_s)

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
            self.is_configure_unread |= self.is_negotiating
            if self._bad_in_a_row > MAX_CONSECUTIVE_BAD_LINES:
                return [self._fail(f"does not speak stratum: {exc.reason}")]
            return [self._bad(exc.reason, line)]
        self._bad_in_a_row = 0
        self.good_lines += 1
        self.said = ""
        return events

    def _bad(self, reason: str, line: bytes) -> BadLine:
        self.bad_lines += 1
        excerpt = shown_text(line[:EXCERPT_CHARS].decode("utf-8", "replace"))
        self.said = self.said or excerpt.strip()
        return BadLine(reason=reason, excerpt=excerpt)

    def _fail(self, reason: str) -> ProtocolFailed:
        self._failed = True
        return ProtocolFailed(reason=reason)

    # Replies ---------------------------------------------------------------------------------

    def _reply(self, reply: Reply, now_s: float) -> list[Event]:
        request = self._requests.answered(reply.id)
        if request is None:
            return [self._unmatched(reply)]
        match request.kind:
            case Kind.CONFIGURE:
                return self._configure_answered(reply)
            case Kind.SUBSCRIBE:
                return self._subscribe_answered(reply)
            case Kind.AUTHORIZE:
                return self._authorize_answered(reply, now_s)
            case Kind.SUBMIT:
                settled = self._submit_answered(request, reply, now_s)
                return [settled, *self._check_login(reply, now_s)]
            case Kind.OPTIONAL:
                return self._wish_answered(request, reply, now_s)

    def _configure_answered(self, reply: Reply) -> list[Event]:
        self.is_negotiating = self.is_configure_unread = False
        mask = messages.parse_configure(reply.result)
        if mask or self._granted_mask is None:
            self._granted_mask = mask or None
        events: list[Event] = [Configured(version_mask=self.version_mask)]
        if self._wishes.minimum_difficulty is not None:
            granted = messages.is_granted(reply.result, asking.MINIMUM_DIFFICULTY)
            events.append(ExtensionAnswered(name=asking.MINIMUM_DIFFICULTY, granted=granted))
        if self._wishes.extranonce_subscribe:
            name = asking.SUBSCRIBE_EXTRANONCE
            self._extranonce_granted = messages.is_granted(reply.result, name)
            events.append(ExtensionAnswered(name=name, granted=self._extranonce_granted))
        return events

    def _authorize_answered(self, reply: Reply, now_s: float) -> list[Event]:
        if not reply.is_true:
            self._failed = True
            assert reply.error is not None
            return [AuthorizeRefused(code=reply.error.code, text=reply.error.text)]
        if self.is_negotiating and self.is_configure_unread:
            # Shares without version bits are refused by a pool that has granted them.
            return [self._fail("its answer to mining.configure makes no sense")]
        self.authorized = True
        self._authorized_s = now_s
        self._unknown_in_a_row = 0
        if not self._wished:
            self._wished = True
            known = self._extranonce_granted
            self._ask(asking.first_requests(self._wishes, known, self._leave_out), now_s)
        return [Authorized()]

    def _wish_answered(self, request: Request, reply: Reply, now_s: float) -> list[Event]:
        if request.method == asking.SUGGEST_DIFFICULTY and reply.is_refusal:
            self._ask(asking.target_request(self._wishes, self._leave_out), now_s)
        granted = not reply.is_refusal
        text = reply.error.text if reply.error is not None and not granted else ""
        return [ExtensionAnswered(name=request.method, granted=granted, text=text)]

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
            self._jobs.resume(self._resume[1])
        return [Subscribed(resumed=resumed, asked=self._asked_session is not None)]

    def _submit_answered(self, request: Request, reply: Reply, now_s: float) -> ShareSettled:
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
            self._requests.reply(call.id, None, INVALID_PARAMS)
            raise
        match message:
            case Notify():
                return self._notified(message, now_s)
            case messages.SetDifficulty():
                self.difficulty = message.difficulty
                self._absurdity = absurdity_of(message.difficulty)
                return []
            case messages.SetExtranonce():
                self._requests.reply(call.id, result=True)
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
                self._requests.reply(call.id, result=True)
                return [MessageShown(text=message.text)]
            case messages.GetVersion():
                self._requests.reply(call.id, self._agent)
            case messages.Ping():
                self._requests.reply(call.id, "pong")
            case messages.UnknownMethod():
                self._requests.reply(call.id, None, UNKNOWN_METHOD)
        return []

    def _mask_set(self, mask: int) -> list[Event]:
        """Take a mask at once; one that nobody negotiated is for nobody."""
        if self._granted_mask is None and not self._requests.are_waiting(Kind.CONFIGURE):
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
        clean = notify.clean or self._jobs.is_new_block(notify.prev_hash)
        if problem := self._absurdity or self._jobs.flood(now_s, clean=clean):
            return [self._fail(problem)]
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
        return [JobReceived(job=self._jobs.take(job))]


def _unanswered(share: Share) -> ShareSettled:
    result = ShareResult(outcome=Outcome.UNANSWERED, text="the pool never answered")
    return ShareSettled(share=share, result=result)
