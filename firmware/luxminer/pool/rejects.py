"""Tells when a pool rejects more of the shares than chance and a slow line explain."""

from collections import Counter, deque
from math import sqrt

__all__ = ["MAX_PART", "MIN_ANSWERS", "WINDOW", "RejectWatch", "too_many"]

WINDOW = 1000
"""The newest answers, which are looked at."""

MIN_ANSWERS = 50

MAX_PART = 0.1
"""More than one in ten is too many."""

DEVIATIONS = 5.0
"""So far beyond that, so that it is no chance: where one in twenty is rejected, as many come once
in more than 10^8 windows."""


def too_many(answers: int) -> float:
    """Return how many rejects of so many answers are too many; never below `MIN_ANSWERS`."""
    if answers < MIN_ANSWERS:
        return float("inf")
    spread = sqrt(answers * MAX_PART * (1 - MAX_PART))
    return answers * MAX_PART + DEVIATIONS * spread


class RejectWatch:
    """Holds from too many rejects on until one in ten is no longer exceeded."""

    def __init__(self) -> None:
        self._answers: deque[str] = deque(maxlen=WINDOW)
        """Reasons, oldest first; empty for an accepted share."""
        self._rejects: Counter[str] = Counter()
        self._rejected = 0
        self._holds = False

    @property
    def text(self) -> str:
        """What is wrong, in words; empty for nothing."""
        if not self._holds:
            return ""
        reasons = ", ".join(f"{count} {reason}" for reason, count in self._rejects.most_common())
        return f"{self._rejected} of the last {len(self._answers)} shares were rejected: {reasons}"

    def answered(self, reason: str) -> None:
        """Count an answer of the pool; ``reason`` is empty for an accepted share."""
        answers = self._answers
        if len(answers) == WINDOW and (oldest := answers[0]):
            self._rejected -= 1
            self._rejects[oldest] -= 1
            if not self._rejects[oldest]:
                del self._rejects[oldest]
        answers.append(reason)
        if reason:
            self._rejected += 1
            self._rejects[reason] += 1
        if self._holds:
            self._holds = self._rejected > MAX_PART * len(answers)
        else:
            self._holds = self._rejected > too_many(len(answers))
