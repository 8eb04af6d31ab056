"""What a check comes to: a verdict with the figure that was found and the bound it was held to."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import StrEnum

__all__ = ["CheckFailed", "Finding", "NotRun", "Verdict", "worst"]


class Verdict(StrEnum):
    """From good to bad, the last two beside them."""

    PASSED = "pass"
    WARNED = "warn"
    FAILED = "fail"
    NOT_APPLICABLE = "n/a"
    """There is nothing to check on this stick, or on this machine; the text says why."""
    NOT_RUN = "not run"
    """It needs what an earlier check has found to be broken."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """Outcome of one check."""

    verdict: Verdict
    figure: str
    """What was measured, with its unit; why not, where nothing was."""
    details: tuple[str, ...] = field(default=())


SEVERITY = (Verdict.FAILED, Verdict.WARNED, Verdict.PASSED, Verdict.NOT_APPLICABLE, Verdict.NOT_RUN)


def worst(verdicts: Iterable[Verdict]) -> Verdict:
    """Return the worst of some verdicts; what was not judged counts only when nothing was."""
    found = set(verdicts)
    return next((each for each in SEVERITY if each in found), Verdict.NOT_RUN)


class CheckFailed(Exception):
    """A check cannot go on because the stick does not do what it should."""


class NotRun(Exception):
    """A check cannot begin: an earlier one has failed."""
