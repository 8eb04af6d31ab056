"""Reasons of refusals: code first, then the beginning of the text."""

import pytest

from luxminer.stratum.messages import PoolError
from luxminer.stratum.rejects import reject_reason


@pytest.mark.parametrize(
    ("code", "text", "reason"),
    [
        (21, "anything", "stale"),
        (21, "time-too-old", "stale"),
        (36, "", "stale"),
        (37, "", "stale"),
        (22, "stale", "duplicate"),
        (23, "", "low difficulty"),
        (24, "", "unauthorized"),
        (25, "", "not subscribed"),
        (31, "", "time too old"),
        (32, "", "time too new"),
        (33, "", "version mask"),
        (20, "Stale work", "stale"),
        (None, "STALE", "stale"),
        (None, " job not found", "stale"),
        (None, "Invalid JobID", "stale"),
        (None, "Above target 2", "low difficulty"),
        (None, "high-hash", "low difficulty"),
        (None, "H-not-zero", "low difficulty"),
        (None, "Duplicate share", "duplicate"),
        (20, "Invalid version mask", "version mask"),
        (20, "Worker mismatch", "unauthorized"),
        (None, "not stale", "other"),
        (None, "unknown", "other"),
        (99, "", "other"),
    ],
)
def test_reasons(code: int | None, text: str, reason: str) -> None:
    assert reject_reason(PoolError(code=code, text=text)) == reason
