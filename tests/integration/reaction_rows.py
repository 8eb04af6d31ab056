"""Table: each behaviour of a pool, what we do about it, how soon, and what may become of shares."""

from collections.abc import Set
from dataclasses import dataclass, replace

__all__ = ["LEFT", "NOBODY", "OTHER_ADDRESS", "ROWS", "SAME", "Row"]

SAME, LEFT, OTHER_ADDRESS, NOBODY = "same pool", "next pool", "other address", "nobody"

BROKEN = frozenset({"unanswered", "dropped: connection lost"})
"""What a connection that ends may leave: shares that were sent, and those found just after."""

NEW_SESSION = frozenset({"dropped: session lost", "stale"})
"""What work of the session before it comes to."""

FRESH = frozenset({"stale", "rejected: stale"})
"""Found before a clean job and handed in after it: here, or on its way."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Row:
    """Times are seconds from the moment at which the misbehaviour begins, ``begins_s``."""

    behaviour: str
    works: str = SAME
    """Who has the work in the end, or with ``comes_back`` for a time."""
    comes_back: bool = False
    """The pool behaves between times, so that it may have the work again."""
    events: Set[str] = frozenset()
    """Codes that must come, and no others but `may`."""
    may: Set[str] = frozenset()
    event_s: float = 0.0
    """Bound for the last of them to come first."""
    moved_s: float = 3.0
    """Bound for the work to be with whom it belongs."""
    begins_s: float = 0.0
    fates: Set[str] = frozenset()
    """What may become of shares besides being accepted."""
    beside: str = "pool"
    """What there is besides: ``pool`` or ``address``, both honest, or ``nothing``."""
    is_fruitless: bool = False
    """No share is accepted in the end."""
    trusts: bool = False
    """The owner trusts the authority of its certificate."""
    wall_s: float = 0.0
    """How far its clock is ahead."""
    clocks_agree: bool = False
    """That of the honest one is, too."""
    job_interval_s: float = 0.5
    piece_s: float = 0.1
    """Time for which the miner searches a piece of work, and in which it finds a share."""
    silence_s: float = 4.0
    """For so long it may say nothing, and half as long again its job may grow old."""
    runs_s: float = 14.0

    @property
    def name(self) -> str:
        clock = " clock" if self.wall_s else ""
        both = "s" if self.clocks_agree else ""
        return f"{self.behaviour}{clock}{both} +{self.beside}"


def dead(behaviour: str, *events: str, event_s: float = 15.0, trusts: bool = False) -> Row:
    """Never works: ten seconds of patience for the event, none for the work."""
    return Row(
        behaviour=behaviour,
        works=LEFT,
        events=frozenset(events),
        event_s=event_s,
        may=WISHES | {"POOL_SESSION_RESUMED"},
        trusts=trusts,
        runs_s=17.0,
    )


def fruitless(behaviour: str, event: str, *fates: str) -> Row:
    """Gives work that comes to nothing: three seconds of patience, in which 26 are expected."""
    return Row(
        behaviour=behaviour,
        works=LEFT,
        events={event},
        event_s=6.5,
        moved_s=6.5,
        may=WISHES,
        fates=BROKEN | NEW_SESSION | set(fates),
    )


def hurtful(behaviour: str, *events: str, begins_s: float = 0.0, moved_s: float = 3.0) -> Row:
    """Breaks its own connections, again and again."""
    return Row(
        behaviour=behaviour,
        works=LEFT,
        comes_back=True,
        events=frozenset(events),
        event_s=12.0,
        may=NOISE,
        begins_s=begins_s,
        moved_s=moved_s,
        fates=BROKEN | NEW_SESSION | FRESH,
    )


def different(behaviour: str, *events: str, fates: Set[str] = frozenset()) -> Row:
    """Only different: it keeps the work."""
    return Row(behaviour=behaviour, events=frozenset(events), event_s=14.0, may=WISHES, fates=fates)


WISHES = frozenset({"POOL_EXTENSION_REFUSED"})
"""The rows ask for a difficulty, and few pools grant that."""

NOISE = WISHES | {
    "POOL_SESSION_RESUMED",
    "POOL_SESSION_LOST",
    "POOL_BROKE_RULES",
    "POOL_UNSTABLE",
    "POOL_MESSAGE",
    "POOL_REDIRECT_REFUSED",
    "POOL_LOGIN_REFUSED",
    "POOL_NO_LOGIN",
    "POOL_NO_JOB",
    "POOL_CLOCK_WRONG",
    "POOL_NOT_SUBSCRIBED",
    "POOL_REJECTS_SOME_SHARES",
}
"""Of pools that do a little of everything."""

ROBUST = (
    BROKEN
    | NEW_SESSION
    | FRESH
    | {"rejected: low difficulty", "rejected: version mask", "rejected: other"}
)
"""Of a pool that announces difficulties, masks and jobs in passing, and judges by its own."""

REFUSING = fruitless("refusing-shares", "POOL_REJECTS_SHARES", "rejected: other")
UNANSWERED = fruitless("unanswered", "POOL_NO_ACCEPTED_SHARE")
OLD_JOB = replace(
    fruitless("old-job", "POOL_NO_JOB"),
    begins_s=2.0,
    event_s=8.5,
    moved_s=8.5,
    may=WISHES | {"POOL_SESSION_RESUMED"},
)

ROWS = (
    # no connection, no subscription, no login, no job
    dead("closed", "POOL_UNREACHABLE"),
    dead("tls-expired", "POOL_UNREACHABLE", trusts=True),
    dead("tls-self-signed", "POOL_UNREACHABLE"),
    dead("tls-wrong-name", "POOL_UNREACHABLE", trusts=True),
    dead("dead", "POOL_NOT_SUBSCRIBED", "POOL_BROKE_RULES"),
    dead("not-stratum", "POOL_NOT_SUBSCRIBED"),
    dead("refusing-subscribe", "POOL_NOT_SUBSCRIBED", "POOL_BROKE_RULES"),
    dead("extranonce2-zero", "POOL_NOT_SUBSCRIBED", "POOL_BROKE_RULES"),
    dead("extranonce2-huge", "POOL_NOT_SUBSCRIBED", "POOL_BROKE_RULES"),
    dead("refusing", "POOL_LOGIN_REFUSED", event_s=3.0),
    dead("no-jobs", "POOL_NO_JOB"),
    dead("silent-after-authorize", "POOL_NO_JOB"),
    # works, and all of it comes to nothing
    REFUSING,
    UNANSWERED,
    OLD_JOB,
    fruitless("rejecting-stale", "POOL_REJECTS_STALE", "rejected: stale"),
    fruitless("rejecting-difficulty", "POOL_REJECTS_LOW_DIFFICULTY", "rejected: low difficulty"),
    fruitless("clean-storm", "POOL_NO_ACCEPTED_SHARE", "rejected: stale"),
    # breaks off
    hurtful("absurd-difficulty", "POOL_UNSTABLE"),
    hurtful("endless-line", "POOL_BROKE_RULES", begins_s=2.0),
    hurtful("job-flood", "POOL_BROKE_RULES", begins_s=1.0),
    hurtful("reset-mid-line", "POOL_UNSTABLE", begins_s=2.0),
    replace(
        hurtful("flapping", begins_s=10.0),
        fates=BROKEN | NEW_SESSION | {"dropped: too old"},  # it is away as long as shares may wait
    ),
    replace(hurtful("fuzz", "POOL_BROKE_RULES", begins_s=1.0, moved_s=8.0), fates=ROBUST),
    replace(hurtful("malformed", moved_s=8.0), fates=ROBUST),
    replace(hurtful("wrong-types", moved_s=8.0), fates=ROBUST),
    # is only different
    different("configure-hangup"),
    different("early-jobs"),
    different("extranonce"),
    different("extranonce-refused"),
    different("extranonce-same-job", fates={"stale", "rejected: low difficulty"}),
    different("no-configure"),
    different("no-resume"),
    different("no-session"),
    different("odd-answers", fates={"rejected: low difficulty", "rejected: other"} | FRESH),
    different("redirect-foreign", "POOL_REDIRECT_REFUSED"),
    replace(
        different("redirect-loop", "POOL_UNSTABLE", "POOL_SESSION_RESUMED"),
        moved_s=8.0,
        fates=BROKEN,
    ),
    replace(different("redirecting", "POOL_SESSION_RESUMED"), fates=BROKEN),
    replace(different("slow"), moved_s=8.0),
    different("stale-happy", "POOL_REJECTS_SOME_SHARES", fates={"rejected: stale"}),
    different("stale-tolerant", fates=FRESH),
    replace(different("suggest-hangup", "POOL_SESSION_RESUMED"), moved_s=8.0, fates=BROKEN),
    different("suggest-honoured"),
    different("talkative", "POOL_MESSAGE"),
    replace(different("tls"), trusts=True),
    replace(
        different("trickle"),
        job_interval_s=30.0,
        runs_s=20.0,
        piece_s=1.0,
        moved_s=16.0,
        may=WISHES | {"POOL_BROKE_RULES", "POOL_NO_JOB"},
        silence_s=20.0,  # a line takes seconds
    ),
    different("vardiff"),
    different("version-mask", fates=FRESH | {"rejected: version mask"}),
    # where there is something else to go to
    replace(REFUSING, beside="address", works=OTHER_ADDRESS, moved_s=10.0),
    replace(UNANSWERED, beside="address", works=OTHER_ADDRESS, moved_s=10.0),
    replace(
        OLD_JOB,
        beside="address",
        works=OTHER_ADDRESS,
        moved_s=14.0,
        may=OLD_JOB.may | {"NO_ACTIVE_POOLS"},
        runs_s=20.0,
    ),
    Row(behaviour="closed", beside="address", works=OTHER_ADDRESS, may=WISHES),
    Row(behaviour="refusing-subscribe", beside="address", works=OTHER_ADDRESS, may=NOISE),
    # where there is nothing: it is mined on, and said
    replace(REFUSING, beside="nothing", works=SAME, is_fruitless=True),
    replace(UNANSWERED, beside="nothing", works=SAME, is_fruitless=True),
    Row(
        behaviour="closed",
        beside="nothing",
        works=NOBODY,
        events={"POOL_UNREACHABLE", "NO_ACTIVE_POOLS"},
        event_s=15.0,
        runs_s=17.0,
        is_fruitless=True,
    ),
    # whose clock is wrong
    replace(different("no-session", "POOL_CLOCK_WRONG"), wall_s=7200.0, event_s=3.0),
    replace(different("no-session", "CLOCK_WRONG"), wall_s=-7200.0, clocks_agree=True, event_s=3.0),
)
