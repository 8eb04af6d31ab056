"""What a node's answer to ``submitblock`` means, and what is to be done.

Ref: BIP22 (results); Bitcoin Core validation.cpp (reasons).
"""

from dataclasses import dataclass
from enum import Enum, auto

__all__ = ["Action", "Verdict", "verdict_of"]


class Action(Enum):
    """What follows from an answer."""

    COUNT = auto()
    """The block is in the chain."""
    VERIFY = auto()
    """The node has it and does not say what it is worth: ask for it by its hash."""
    REFRESH = auto()
    """It came from a template that is no good any more: get a new one."""
    REPORT = auto()
    """It was built or checked wrongly."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """``reason`` is a stable word for a refusal, empty when it is counted; ``text`` explains."""

    action: Action
    reason: str = ""
    text: str = ""


_TABLE: dict[str, tuple[Action, str, str]] = {
    "duplicate": (Action.COUNT, "", "the node had it already"),
    "inconclusive": (Action.VERIFY, "stale", "it stands beside the best chain"),
    "duplicate-inconclusive": (Action.VERIFY, "stale", "the node has it, and has not checked it"),
    "duplicate-invalid": (Action.REPORT, "invalid block", "the node knows it as wrong"),
    "high-hash": (Action.REPORT, "low difficulty", "its hash is above the node's target"),
    "bad-txnmrklroot": (Action.REPORT, "invalid block", "its merkle root is wrong"),
    "bad-cb-height": (Action.REPORT, "invalid block", "its height is wrong"),
    "bad-cb-length": (Action.REPORT, "invalid block", "its coinbase script is too long"),
    "bad-cb-amount": (Action.REFRESH, "invalid block", "it pays out more than there is"),
    "bad-witness-merkle-match": (Action.REPORT, "invalid block", "its witness commitment is wrong"),
    "bad-witness-nonce-size": (Action.REPORT, "invalid block", "its coinbase has no witness"),
    "unexpected-witness": (Action.REPORT, "invalid block", "it has a witness without commitment"),
    "bad-diffbits": (Action.REFRESH, "stale", "the chain wants another target by now"),
    "time-too-old": (Action.REPORT, "time too old", "its time is not after that of those before"),
    "time-too-new": (Action.REPORT, "time too new", "its time is too far ahead of the node's"),
    "bad-prevblk": (Action.REFRESH, "stale", "the block before it is wrong"),
    "prev-blk-not-found": (Action.REFRESH, "stale", "the node does not know the block before it"),
    "rejected": (Action.REPORT, "other", "the node's log says why"),
}


def verdict_of(result: str | None) -> Verdict:
    """Judge the result of a ``submitblock``; None means that the block was taken."""
    if result is None:
        return Verdict(action=Action.COUNT)
    action, reason, words = _TABLE.get(result, (Action.REPORT, "other", ""))
    return Verdict(action=action, reason=reason, text=f"{result}: {words}" if words else result)
