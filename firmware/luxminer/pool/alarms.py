"""Table of the events of pools: what is watched, how grave it is, and what the owner can do.

Kept apart from what finds them, so that one look shows all. Programs look for the codes; those of
LUXminer are used where it has one.

Ref: LUXminer API (events).
"""

from luxminer.telemetry.events import EventKind
from luxminer.telemetry.model import EventTarget, Severity

__all__ = [
    "BROKE_RULES",
    "CLOCK_WRONG",
    "CONDITIONS",
    "EXTENSION_REFUSED",
    "LOGIN_REFUSED",
    "MESSAGE",
    "NODE_NOT_READY",
    "NODE_NO_TEMPLATE",
    "NODE_REFUSES_BLOCKS",
    "NODE_WRONG_CHAIN",
    "NOTICES",
    "NOT_SUBSCRIBED",
    "NO_ACCEPTED",
    "NO_ACTIVE_POOLS",
    "NO_JOB",
    "NO_LOGIN",
    "OF_NODES",
    "PAYOUT_MISSING",
    "POOL_CLOCK_WRONG",
    "REDIRECT_REFUSED",
    "REJECTS_ALL",
    "REJECTS_DIFFICULTY",
    "REJECTS_SOME",
    "REJECTS_STALE",
    "SESSION_LOST",
    "SESSION_RESUMED",
    "UNREACHABLE",
    "UNSTABLE",
]


def _condition(code: str, cure: str, severity: Severity = Severity.ERROR) -> EventKind:
    return EventKind(code=code, severity=severity, target=EventTarget.POOL, cure=cure)


def _notice(code: str, severity: Severity = Severity.NOTICE, cure: str = "") -> EventKind:
    return EventKind(
        code=code, severity=severity, target=EventTarget.POOL, cure=cure, is_notice=True
    )


UNREACHABLE = _condition("POOL_UNREACHABLE", "")
NOT_SUBSCRIBED = _condition("POOL_NOT_SUBSCRIBED", "check that its address is that of a pool")
NO_LOGIN = _condition("POOL_NO_LOGIN", "ask the pool whether it works")
LOGIN_REFUSED = _condition("POOL_LOGIN_REFUSED", "correct user and password")
NO_JOB = _condition("POOL_NO_JOB", "ask the pool whether it works")
NO_ACCEPTED = _condition("POOL_NO_ACCEPTED_SHARE", "ask the pool what became of them")
REJECTS_STALE = _condition(
    "POOL_REJECTS_STALE", "the way to the pool is slow or the pool is behind: try another address"
)
REJECTS_DIFFICULTY = _condition(
    "POOL_REJECTS_LOW_DIFFICULTY", "the pool counts by another difficulty than it told: ask it"
)
REJECTS_ALL = _condition("POOL_REJECTS_SHARES", "ask the pool why")
REJECTS_SOME = _condition(
    "POOL_REJECTS_SOME_SHARES", "see the reasons; stale means a slow way", Severity.WARNING
)
UNSTABLE = _condition(
    "POOL_UNSTABLE", "check the network; name another address or pool", Severity.WARNING
)
PAYOUT_MISSING = _condition(
    "POOL_PAYOUT_MISSING", "correct payout, or mine elsewhere: these jobs pay somebody else"
)
POOL_CLOCK_WRONG = _condition(
    "POOL_CLOCK_WRONG", "blocks with a wrong time are lost: ask the pool", Severity.WARNING
)

NODE_NOT_READY = _condition("NODE_NOT_READY", "it goes on by itself when the node has caught up")
NODE_NO_TEMPLATE = _condition("NODE_NO_TEMPLATE", "see the log of the node")
NODE_WRONG_CHAIN = _condition("NODE_WRONG_CHAIN", "correct payout or url")
NODE_REFUSES_BLOCKS = _condition("NODE_REFUSES_BLOCKS", "please report it, with the log")

NO_ACTIVE_POOLS = EventKind(
    code="NO_ACTIVE_POOLS",
    severity=Severity.ERROR,
    target=EventTarget.MINER,
    cure="see the events of the pools",
)
CLOCK_WRONG = EventKind(
    code="CLOCK_WRONG",
    severity=Severity.WARNING,
    target=EventTarget.MINER,
    cure="set the clock of this machine (NTP): certificates are checked by it; mining goes on, "
    "for the time in the work is that of the jobs",
)

CONDITIONS = (
    UNREACHABLE,
    NOT_SUBSCRIBED,
    NO_LOGIN,
    LOGIN_REFUSED,
    NO_JOB,
    NO_ACCEPTED,
    REJECTS_STALE,
    REJECTS_DIFFICULTY,
    REJECTS_ALL,
    REJECTS_SOME,
    UNSTABLE,
    PAYOUT_MISSING,
    POOL_CLOCK_WRONG,
    NODE_NOT_READY,
    NODE_NO_TEMPLATE,
    NODE_WRONG_CHAIN,
    NODE_REFUSES_BLOCKS,
)
"""Of one pool; each holds until its cause is gone."""

OF_NODES = {
    "UNREACHABLE": UNREACHABLE,
    "LOGIN_REFUSED": LOGIN_REFUSED,
    "NOT_READY": NODE_NOT_READY,
    "WRONG_CHAIN": NODE_WRONG_CHAIN,
    "BLOCKS_REFUSED": NODE_REFUSES_BLOCKS,
    "NO_TEMPLATE": NODE_NO_TEMPLATE,
}
"""By the name of the trouble that a node is in; where none is mined for, it is not loaded."""

BROKE_RULES = _notice(
    "POOL_BROKE_RULES", Severity.WARNING, "the connection was given up; ask the pool"
)
MESSAGE = _notice("POOL_MESSAGE")
REDIRECT_REFUSED = _notice(
    "POOL_REDIRECT_REFUSED", Severity.WARNING, "if that host is meant, name it in url"
)
EXTENSION_REFUSED = _notice("POOL_EXTENSION_REFUSED")
SESSION_RESUMED = _notice("POOL_SESSION_RESUMED")
SESSION_LOST = _notice("POOL_SESSION_LOST")

NOTICES = (
    BROKE_RULES,
    MESSAGE,
    REDIRECT_REFUSED,
    EXTENSION_REFUSED,
    SESSION_RESUMED,
    SESSION_LOST,
)
