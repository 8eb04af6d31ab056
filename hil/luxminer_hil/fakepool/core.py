"""The pool without its sockets: sessions, jobs, verdicts and counts. Lines out, no I/O.

A session belongs to a subscription and outlives the connection, so that a miner that comes back
with its session id gets the same extranonce1 and its jobs are still known. A new difficulty or
extranonce belongs to the jobs sent after it: a session remembers what each job was sent with.
"""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from decimal import Decimal
from fnmatch import fnmatchcase
from fractions import Fraction
from random import Random
from typing import NamedTuple

from luxminer_hil.fakepool.blocks import block_named
from luxminer_hil.fakepool.cues import Cues, Override
from luxminer_hil.fakepool.jobs import Extranonce, Job, JobFactory
from luxminer_hil.fakepool.judge import (
    Reason,
    SentJob,
    Submit,
    Verdict,
    judge,
    parse_submit,
)
from luxminer_hil.fakepool.ledger import Books, ShareRecord
from luxminer_hil.fakepool.proof import (
    DIFFICULTY_1_TARGET,
    Number,
    exact_difficulty,
    json_number,
    nbits_target,
)
from luxminer_hil.fakepool.settings import MAX_BLOCK_EXTRANONCE, PoolSettings

__all__ = ["Judged", "PoolCore", "Session", "notification"]

MAX_SENT_JOBS = 64
"""Jobs of a session that are still known; older ones are answered "Job not found"."""
MAX_SESSIONS = 1024
"""Sessions without a connection that can be resumed; the oldest goes first."""


MAX_UNJUDGED = 256
"""Job ids that were sent without being understood; the oldest is forgotten first."""
MAX_STEP = Fraction(4)
"""A session's difficulty changes by this factor at most, at once."""
CALM = (Fraction(7, 10), Fraction(14, 10))
"""Rates of shares, relative to the wanted one, at which its difficulty stays."""


class Judged(NamedTuple):
    """One submit, the job it is for, and what the arithmetic says."""

    submit: Submit | None
    sent: SentJob | None
    verdict: Verdict


def notification(method: str, params: list[object]) -> str:
    return json.dumps({"id": None, "method": method, "params": params})


@dataclass(slots=True, kw_only=True, eq=False)
class Session:
    """One subscription."""

    number: int
    session_id: str
    own: Extranonce
    """Unique to the session."""
    extranonce: Extranonce
    """In force for the next job: its own, or that of a real block."""
    connected: bool = True
    agent: str = ""
    users: set[str] = field(default_factory=set)
    floor: Fraction = Fraction(0)
    """Lowest difficulty that the client asked for."""
    own_difficulty: Fraction | None = None
    """Found for this session by `PoolCore.vary`; replaces that of the pool."""
    accepted: int = 0
    looked: tuple[float, int] = (0.0, 0)
    """Time and accepted shares when its rate was looked at last."""
    takes_extranonce: bool = False
    """The client asked to be told of another extranonce; it is told in any case."""
    asked_mask: int | None = None
    """None until version rolling was negotiated."""
    mask: int = 0
    """Bits that may be rolled at this moment."""
    difficulty: Fraction | None = None
    """Last one sent."""
    epoch: int = 0
    """Clean jobs that the pool had made when the session got its last job."""
    sent: dict[str, SentJob] = field(default_factory=dict, repr=False)


class PoolCore:
    """Owns the state of the pool. ``monotonic`` and ``wall`` return seconds."""

    def __init__(
        self,
        settings: PoolSettings,
        *,
        monotonic: Callable[[], float],
        wall: Callable[[], float],
        on_share: Callable[[ShareRecord], None],
    ) -> None:
        self.settings = settings
        self.difficulty = Fraction(1)
        self.version_mask = settings.version_mask
        self.refuse = settings.refuse
        self.answer_submits = True
        self.sends_jobs = True
        self.cues = Cues()
        self.unjudged: dict[str, None] = {}
        self.books = Books()
        self.sessions: dict[str, Session] = {}
        self._monotonic = monotonic
        self._wall = wall
        self._on_share = on_share
        self._started_s = monotonic()
        self._random = Random(settings.seed)
        self._jobs = JobFactory(
            settings.seed, nbits=settings.nbits, max_branches=settings.max_branches
        )
        self._seen: dict[bytes, None] = {}
        self._subscriptions = 0
        self._extranonces = 0
        self._epoch = 0
        self.job = self.next_job(clean=True, block=settings.block, difficulty=settings.difficulty)

    # Jobs

    def next_job(
        self,
        *,
        clean: bool = False,
        new_block: bool | None = None,
        block: str = "",
        difficulty: Number | None = None,
        same_id: bool = False,
    ) -> Job:
        """Make a job the current one. ``new_block`` is ``clean`` unless said otherwise.

        ``block`` names a real one; ``same_id`` gives another job the id of the last. Raises
        ValueError for a block that is not there, and as `set_difficulty`; nothing has changed then.
        """
        found = block_named(block) if block else None
        if difficulty is not None and difficulty != "network":
            self.set_difficulty(difficulty)
        if found is not None:
            sizes = (self.settings.extranonce1_size, self.settings.extranonce2_size)
            if sum(sizes) > MAX_BLOCK_EXTRANONCE:
                raise ValueError(f"extranonces of {sum(sizes)} bytes fit into no real block")
            job = self._jobs.historical(found, sizes=sizes, clean=clean)
        else:
            moves = clean if new_block is None else new_block
            job = self._jobs.synthetic(
                int(self._wall()),
                clean=clean,
                new_block=moves,
                job_id=self.job.job_id if same_id else "",
            )
        if difficulty == "network":
            self.set_difficulty(max(1, DIFFICULTY_1_TARGET // nbits_target(job.nbits)))
        return self.use_job(job)

    def use_job(self, job: Job) -> Job:
        """Make this job the current one."""
        self.job = job
        self._seen = {}
        self._epoch += job.clean
        self.unjudged.pop(job.job_id, None)
        return job

    def forget_job(self, job_id: str) -> None:
        """Take shares for this id as impossible to judge: it was sent as it stood somewhere."""
        self.unjudged[job_id] = None
        if len(self.unjudged) > MAX_UNJUDGED:
            del self.unjudged[next(iter(self.unjudged))]

    def announce(self, session: Session, *, first: bool = False) -> Iterator[str]:
        """Yield the lines that bring a session to the current job, ``first`` on a connection.

        The flag of the notify says whether a clean job was made since the session's last one.
        """
        job = self.job
        if job.extranonce is not None and session.extranonce != job.extranonce:
            yield self.set_extranonce(session, job.extranonce)
        elif job.extranonce is None and session.extranonce != session.own:
            yield self.set_extranonce(session, session.own)
        yield from self.set_mask(session)
        yield from self.difficulty_line(session, always=first)
        clean, session.epoch = session.epoch != self._epoch, self._epoch
        if clean:
            for older in session.sent.values():
                older.void = True
        session.sent.pop(job.job_id, None)
        session.sent[job.job_id] = SentJob(
            job=job,
            extranonce=session.extranonce,
            difficulty=session.difficulty or self.difficulty,
            seen=self._seen,
        )
        if len(session.sent) > MAX_SENT_JOBS:
            del session.sent[next(iter(session.sent))]
        yield notification("mining.notify", job.notify_params(session.extranonce, clean=clean))

    def set_extranonce(self, session: Session, extranonce: Extranonce) -> str:
        """Change it from the session's next job on and return the line that says so."""
        session.extranonce = extranonce
        return notification("mining.set_extranonce", [extranonce.fixed.hex(), extranonce.size])

    def set_mask(self, session: Session) -> Iterator[str]:
        """Yield the line for a mask that changed, if rolling was negotiated; it counts at once."""
        if session.asked_mask is None:
            return
        mask = 0 if self.job.fixed_version else session.asked_mask & self.version_mask
        if mask != session.mask:
            session.mask = mask
            yield notification("mining.set_version_mask", [f"{mask:08x}"])

    def difficulty_line(self, session: Session, *, always: bool = False) -> Iterator[str]:
        """Yield the line for a difficulty that changed; it is that of the session's next jobs."""
        difficulty = max(session.own_difficulty or self.difficulty, session.floor)
        if always or session.difficulty != difficulty:
            session.difficulty = difficulty
            number = json_number(difficulty)
            yield f'{{"id": null, "method": "mining.set_difficulty", "params": [{number}]}}'

    def set_difficulty(self, difficulty: Number) -> None:
        """Ask for it from now on. Raises ValueError where it cannot be written down exactly."""
        exact = exact_difficulty(difficulty)
        json_number(exact)
        self.difficulty = exact

    def vary(
        self, session: Session, per_minute: float, low: Fraction, high: Fraction
    ) -> Iterator[str]:
        """Yield the line for another difficulty if the session has too many or few shares.

        Its rate is that since the last look; the first one only begins to count.
        """
        now_s = self._monotonic()
        (since_s, before), session.looked = session.looked, (now_s, session.accepted)
        elapsed_s = Fraction(now_s - since_s)
        if session.difficulty is None or not since_s or elapsed_s <= 0:
            return
        wanted = Fraction(per_minute) * elapsed_s / 60
        ratio = (session.accepted - before) / wanted
        if CALM[0] <= ratio <= CALM[1]:
            return
        better = session.difficulty * min(max(ratio, 1 / MAX_STEP), MAX_STEP)
        session.own_difficulty = min(max(rounded(better), low), high)
        yield from self.difficulty_line(session)

    # Sessions

    def subscribe(self, wanted_id: object) -> Session:
        """Return the session with this id, if it may be resumed, or a new one."""
        may_resume = self.settings.resume and self.settings.offer_session
        if may_resume and isinstance(wanted_id, str):
            known = self.sessions.get(wanted_id)
            if known is not None and not known.connected:
                known.connected = True
                known.users.clear()
                return known
        self._subscriptions += 1
        own = self.new_extranonce(self.settings.extranonce2_size)
        session = Session(
            number=self._subscriptions,
            session_id=f"{self._random.getrandbits(64):016x}",
            own=own,
            extranonce=self.job.extranonce or own,
        )
        self.sessions[session.session_id] = session
        gone = [key for key, value in self.sessions.items() if not value.connected]
        for key in gone[: max(0, len(gone) - MAX_SESSIONS)]:
            del self.sessions[key]
        return session

    def new_extranonce(self, size: int) -> Extranonce:
        """Make a fixed part that no session had, as long as its bytes allow that many."""
        length = self.settings.extranonce1_size
        self._extranonces += 1
        value = (0x08 << 8 * max(length - 1, 0)) + self._extranonces
        return Extranonce((value % (1 << 8 * length)).to_bytes(length, "big"), size)

    def lets_in(self, user: str) -> bool:
        return not any(fnmatchcase(user, pattern) for pattern in self.refuse)

    # Shares

    def judge(self, params: object, session: Session | None) -> Judged:
        """Judge one submit; the session is None before the subscription."""
        submit = parse_submit(params)
        sent = None
        if submit is None:
            verdict = Verdict(reason=Reason.MALFORMED)
        elif session is None:
            verdict = Verdict(reason=Reason.NOT_SUBSCRIBED)
        elif submit.user not in session.users:
            verdict = Verdict(reason=Reason.UNAUTHORIZED)
        else:
            sent = session.sent.get(submit.job_id)
            if sent is None and submit.job_id in self.unjudged:
                return Judged(submit, None, Verdict(reason=Reason.UNJUDGED))
            verdict = judge(
                submit,
                sent,
                mask=None if session.asked_mask is None else session.mask,
                ntime_window_s=self.settings.ntime_window_s,
            )
        return Judged(submit, sent, verdict)

    def book(
        self,
        judged: Judged,
        session: Session | None,
        connection: int,
        override: Override | None = None,
        *,
        is_mute: bool = False,
    ) -> ShareRecord:
        """Book one submit as its sender will be told, and report it."""
        submit, sent, verdict = judged
        reason = verdict.reason
        answered = self.answer_submits and not is_mute
        if override is not None and override.replaces:
            answered = not override.is_silent and not is_mute
            if override.says_accepted:
                reason = None
            elif not override.is_silent and reason is None:
                reason = Reason.BY_SCRIPT
        if reason is None and session is not None:
            session.accepted += 1
        share = ShareRecord(
            number=self.books.submitted + 1,
            at_s=self._monotonic() - self._started_s,
            connection=connection,
            user=submit.user if submit else None,
            job_id=submit.job_id if submit else None,
            extranonce2=submit.extranonce2 if submit else None,
            ntime=submit.ntime if submit else None,
            nonce=submit.nonce if submit else None,
            version=verdict.version,
            reason=reason,
            judged=verdict.reason,
            asked=sent.difficulty if sent else None,
            difficulty=verdict.difficulty,
            block_hash=verdict.block_hash,
            is_block=verdict.is_block,
            answered=answered,
        )
        self.books.book(share)
        self._on_share(share)
        return share


def rounded(difficulty: Fraction) -> Fraction:
    """Four digits, so that it can be written exactly."""
    return Fraction(Decimal(f"{float(difficulty):.3e}"))
