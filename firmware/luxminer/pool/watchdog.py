"""Judges one pool: times and counts in, what is wrong and what is to be done out. Asks no clock.

What only means that a connection does not come about is acted on by the connection itself, which
goes on to the next address. A pool that answers well and yet is of no use climbs a ladder: it is
logged in to anew, then at its next address, then it is left out for a time that doubles. It climbs
down only when a share was accepted and nothing was wrong for a while after that.
"""

from collections import Counter, deque
from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum, auto

from luxminer.pool import alarms
from luxminer.pool.rejects import RejectWatch
from luxminer.stratum.outcome import Outcome, ShareResult
from luxminer.telemetry.events import EventKind

__all__ = [
    "CLOCK_BOUND_S",
    "DEAD_AFTER_S",
    "EXPECTED_SHARES",
    "MAX_PENALTY_FACTOR",
    "REJECT_RUN",
    "Finding",
    "Limits",
    "PoolWatchdog",
    "Sight",
    "Step",
]

DEAD_AFTER_S = 10.0
"""Without work for so long it is worth an event: a login takes less, also through Tor."""

EXPECTED_SHARES = 26.0
"""So many are expected by the work that nonces prove, and none was accepted. The chance of that is
e^-26; among all gaps between the shares of 30 days at 50 per second, the most that are sent, it
is below one in a thousand."""

REJECT_RUN = 22
"""Rejected one after the other. Where three in ten are rejected by chance, such a run comes in 30
days at 50 shares per second with a chance below one in a thousand."""

UNSTABLE_BREAKS = 3
UNSTABLE_WINDOW_S = 600.0
"""More than so many connections lost after a login, within this time."""

CLOCK_BOUND_S = 600.0
"""Pools take the time of a job from their clock, and some hold a job for minutes."""

MAX_PENALTY_FACTOR = 16
"""Of the penalty of a pool that is left out again and again."""

RELAPSE_PENALTIES = 2
"""So many penalties after the last alarm, and with a share accepted since, the ladder begins
anew."""

STALE, LOW_DIFFICULTY = "stale", "low difficulty"
"""Reasons of rejects that have an event of their own."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """Settings of the owner, in seconds."""

    job_timeout_s: float
    patience_s: float
    """Work that comes to nothing is borne at least so long, however many shares it would be."""
    penalty_s: float


class Step(Enum):
    """What is to be done, each step further than the one before."""

    RENEW = auto()
    """Log in anew at the same address."""
    MOVE = auto()
    """Log in at the next address."""
    LEAVE_OUT = auto()
    """The same, and its work goes to others for a time, when there are any."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sight:
    """What is seen of a pool at one moment. Times are monotonic."""

    now_s: float
    enabled: bool = True
    alive: bool = True
    """Logged in and has a job, whether or not it is left out."""
    connected: bool = True
    """The newest connection was made, though it may be over."""
    subscribed: bool = True
    authorized: bool = True
    """As far as that the newest connection came."""
    pending: bool = False
    """That connection is there, and not logged in yet."""
    obstacle: EventKind | None = None
    """What it is where that is known better than from how far a connection came."""
    problem: str = ""
    """Why it is not alive, in its own words where there are any."""
    job_s: float | None = None
    """When its newest job came; None without one."""
    tickets: Mapping[float, int]
    """Right nonces since the start, by the difficulty of their ticket."""
    difficulty: float = 1.0
    """Of the newest job."""
    breaks: int = 0
    """Connections lost after a login, since the start."""
    addresses: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    kind: EventKind
    text: str


class PoolWatchdog:
    """Asked once a second or so; `settled` and `login_refused` tell it what happens between."""

    def __init__(self, limits: Limits) -> None:
        self.limits = limits
        self._alive_s: float | None = None
        self._refusal = ""
        self._obstacle: EventKind | None = None
        self._since_s: float | None = None
        self._expected = 0.0
        self._counted: dict[float, int] = {}
        self._difficulty = 0.0
        self._ends: Counter[str] = Counter()
        self._rejects: Counter[str] = Counter()
        self._some = RejectWatch()
        self._fruitless: Finding | None = None
        self._breaks: deque[float] = deque(maxlen=UNSTABLE_BREAKS + 1)
        self._known_breaks = 0
        self._steps = 0
        self._alarm_s = float("-inf")
        self._left_out = 0
        self._is_proved = False
        self.left_out_until_s = float("-inf")
        """It gets no work before, unless there is no other."""
        self.why_left_out = ""

    def is_left_out(self, now_s: float) -> bool:
        return now_s < self.left_out_until_s

    def pardon(self) -> None:
        """Let it work at once, as the owner wants; it is judged from now on."""
        self.left_out_until_s = float("-inf")
        self._steps = self._left_out = 0
        self._some = RejectWatch()
        self._begin_anew()

    def login_refused(self, user: str, text: str) -> None:
        self._refusal = f'it refuses the login of {user}: "{text}"'

    def logged_in(self) -> None:
        self._refusal = ""

    def settled(self, result: ShareResult) -> None:
        """Count the end of a share."""
        if result.outcome in (Outcome.ACCEPTED, Outcome.REJECTED):
            self._some.answered(result.reason)
        if result.outcome is Outcome.ACCEPTED:
            self._fruitless = None
            self._is_proved = True
            self._begin_anew()
        elif result.outcome is Outcome.REJECTED:
            self._rejects[result.reason] += 1
        else:
            here = result.outcome is Outcome.STALE
            self._ends[result.reason or ("stale here" if here else result.outcome)] += 1

    def look(self, sight: Sight) -> tuple[list[Finding], Step | None]:
        """Return all that is wrong now, and what is to be done about it, if anything."""
        self._count_work(sight)
        if not sight.enabled:
            self._alive_s = None
            self._fruitless = None
            return [], None
        findings = [*self._of_connection(sight), *self._of_breaks(sight)]
        alarm = self._of_jobs(sight) or self._of_shares(sight)
        if self._fruitless is not None and alarm is None:
            findings.append(self._fruitless)  # no share has proved the contrary yet
        if alarm is None:
            is_partial = self._fruitless is None and self._rejects.total() < REJECT_RUN
            if is_partial and (text := self._some.text):
                findings.append(Finding(kind=alarms.REJECTS_SOME, text=text))
            return findings, None
        if alarm.kind is not alarms.NO_JOB:
            self._fruitless = alarm
        return [*findings, alarm], self._next_step(alarm, sight)

    # What is wrong -------------------------------------------------------------------------------

    def _of_connection(self, sight: Sight) -> list[Finding]:
        if sight.alive:
            self._alive_s, self._obstacle = sight.now_s, None
            return []
        if self._refusal:
            return [Finding(kind=alarms.LOGIN_REFUSED, text=self._refusal)]
        if self._alive_s is None:
            self._alive_s = sight.now_s
        if sight.now_s - self._alive_s < DEAD_AFTER_S:
            return []
        if self._obstacle is None or not sight.pending:
            self._obstacle = _obstacle(sight)
        return [Finding(kind=self._obstacle, text=sight.problem)]

    def _of_breaks(self, sight: Sight) -> list[Finding]:
        for _ in range(min(sight.breaks - self._known_breaks, UNSTABLE_BREAKS + 1)):
            self._breaks.append(sight.now_s)
        self._known_breaks = sight.breaks
        while self._breaks and sight.now_s - self._breaks[0] > UNSTABLE_WINDOW_S:
            self._breaks.popleft()
        if len(self._breaks) <= UNSTABLE_BREAKS:
            return []
        minutes = UNSTABLE_WINDOW_S / 60
        text = f"it lost more than {UNSTABLE_BREAKS} connections within {minutes:g} minutes"
        return [Finding(kind=alarms.UNSTABLE, text=text)]

    def _of_jobs(self, sight: Sight) -> Finding | None:
        limit_s = self.limits.job_timeout_s
        if not sight.alive or sight.job_s is None or sight.now_s - sight.job_s < limit_s:
            return None
        return Finding(kind=alarms.NO_JOB, text=f"its newest job is older than {limit_s:g} s")

    def _of_shares(self, sight: Sight) -> Finding | None:
        waited_s = sight.now_s - (self._since_s if self._since_s is not None else sight.now_s)
        rejected = self._rejects.total()
        if waited_s < self.limits.patience_s or not sight.alive:
            return None
        if rejected >= REJECT_RUN:
            reasons = _counts(self._rejects)
            text = f"the last {rejected} shares that it answered were rejected: {reasons}"
            return Finding(kind=_reject_kind(self._rejects), text=text)
        if self._expected >= EXPECTED_SHARES:
            text = f"none of {self._expected:.0f} shares that were to be expected was accepted"
            ends = _counts(self._rejects + self._ends)
            return Finding(kind=alarms.NO_ACCEPTED, text=f"{text} ({ends or 'none was answered'})")
        return None

    def _count_work(self, sight: Sight) -> None:
        """Add what nonces found since the last look should come to, by the harder of two jobs."""
        harder = max(sight.difficulty, self._difficulty)
        for ticket, count in sight.tickets.items():
            new = count - self._counted.get(ticket, 0)
            if not new:
                continue
            self._counted[ticket] = count
            if sight.alive and harder > 0:
                self._expected += new * min(1.0, ticket / harder)
                if self._since_s is None:
                    self._since_s = sight.now_s
        self._difficulty = sight.difficulty

    def _begin_anew(self) -> None:
        """Wait for the next accepted share, from the next nonce on."""
        self._since_s = None
        self._expected = 0.0
        self._ends.clear()
        self._rejects.clear()

    # What is to be done --------------------------------------------------------------------------

    def _next_step(self, alarm: Finding, sight: Sight) -> Step | None:
        """Return the next step of the ladder, once for each alarm."""
        now_s = sight.now_s
        if self.is_left_out(now_s):
            self._begin_anew()  # works only because there is no other
            return None
        if self._is_proved and now_s - self._alarm_s > RELAPSE_PENALTIES * self._penalty_s:
            self._steps = self._left_out = 0
        self._alarm_s, self._is_proved = now_s, False
        self._some = RejectWatch()
        self._begin_anew()
        self._steps += 1
        if self._steps == 1:
            return Step.RENEW
        if self._steps == 2 and sight.addresses > 1:
            return Step.MOVE
        self.left_out_until_s = now_s + self._penalty_s
        self.why_left_out = alarm.text
        self._left_out += 1
        return Step.LEAVE_OUT

    @property
    def _penalty_s(self) -> float:
        return self.limits.penalty_s * min(1 << self._left_out, MAX_PENALTY_FACTOR)


def _obstacle(sight: Sight) -> EventKind:
    if sight.obstacle is not None:
        return sight.obstacle
    if not sight.connected:
        return alarms.UNREACHABLE
    if not sight.subscribed:
        return alarms.NOT_SUBSCRIBED
    return alarms.NO_JOB if sight.authorized else alarms.NO_LOGIN


def _reject_kind(reasons: Counter[str]) -> EventKind:
    kinds = {STALE: alarms.REJECTS_STALE, LOW_DIFFICULTY: alarms.REJECTS_DIFFICULTY}
    main, count = reasons.most_common(1)[0]
    return (
        kinds.get(main, alarms.REJECTS_ALL) if 2 * count > reasons.total() else alarms.REJECTS_ALL
    )


def _counts(reasons: Counter[str]) -> str:
    return ", ".join(f"{count} {reason}" for reason, count in reasons.most_common())
