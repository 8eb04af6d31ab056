"""Decides how many chips there are, after counts that noise or old nonces may have spoilt.

A count in which nothing else was heard is believed. Any other is believed when a second one agrees,
and none in which much else was heard: chance makes an answer of a BM1384 out of each 65,000th byte.
"""

from luxminer.errors import ProbeMismatch

__all__ = ["FLOOD_BYTES", "MAX_COUNT_BYTES", "Ballot"]

FLOOD_BYTES = 256
"""So many bytes that are no answers to a count are no noise of a stick that works. What chips find
meanwhile for the host before is less: some nonces of up to eleven bytes a second."""

MAX_COUNT_BYTES = 8192
"""More are not read for one count; the longest chain answers with less than half of that."""


class Ballot:
    """The counts of one start. ``wanted`` is 0 where only counting tells."""

    def __init__(self, wanted: int) -> None:
        self._wanted = wanted
        self._doubtful: list[int] = []
        self._surest = 0
        self._flood_bytes = 0
        self._settled: int | None = None

    def take(self, chips: int, junk_bytes: int) -> None:
        """Take note of a count, and of how many bytes were heard besides."""
        if junk_bytes > FLOOD_BYTES:
            self._flood_bytes += junk_bytes
            return
        if not junk_bytes:
            self._surest = max(self._surest, chips)
        agrees = not junk_bytes or chips in self._doubtful
        if chips and agrees and (chips == self._wanted or not (self._wanted or junk_bytes)):
            self._settled = chips
        if chips and junk_bytes:
            self._doubtful.append(chips)

    @property
    def is_settled(self) -> bool:
        """No further count is needed."""
        return self._settled is not None

    @property
    def found_any(self) -> bool:
        """Chips have answered, if not all."""
        return bool(self._surest or self._doubtful)

    @property
    def chips(self) -> int:
        """What is to be believed now: where counts differ, noise has hidden a chip."""
        if self._settled is not None:
            return self._settled
        if self._surest or len(self._doubtful) > 1:
            return max([self._surest, *self._doubtful])
        return 0

    def mismatch(self, chip: str, port: str, cure: str) -> ProbeMismatch:
        """Return what is to be raised when there are no chips."""
        if not self._flood_bytes:
            return ProbeMismatch(f"no {chip} answered on {port}; {cure}")
        return ProbeMismatch(
            f"{self._flood_bytes} bytes came on {port} while a {chip} was asked for, and are no "
            "answers: another device talks there, or the line is all noise; take this port out of "
            f"the configuration, or {cure}"
        )
