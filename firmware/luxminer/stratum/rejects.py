"""Why pools refuse shares, in a few stable words.

Ref: docs/sources.md, "Stratum": classify by code first, then by the beginning of the text.
"""

from luxminer.stratum.messages import PoolError

__all__ = ["reject_reason"]

BY_CODE = {
    21: "stale",
    22: "duplicate",
    23: "low difficulty",
    24: "unauthorized",
    25: "not subscribed",
    31: "time too old",
    32: "time too new",
    33: "version mask",
    36: "stale",
    37: "stale",
}

BY_TEXT = (
    ("stale", "stale"),
    ("job not found", "stale"),
    ("job_not_found", "stale"),
    ("invalid jobid", "stale"),
    ("invalid job id", "stale"),
    ("unknown-work", "stale"),
    ("duplicate", "duplicate"),
    ("above target", "low difficulty"),
    ("low difficulty", "low difficulty"),
    ("difficulty too low", "low difficulty"),
    ("high-hash", "low difficulty"),
    ("h-not-zero", "low difficulty"),
    ("unauthorized", "unauthorized"),
    ("worker mismatch", "unauthorized"),
    ("not subscribed", "not subscribed"),
    ("ntime out of range", "time"),
    ("time-too-old", "time too old"),
    ("time-too-new", "time too new"),
    ("invalid version mask", "version mask"),
)


def reject_reason(error: PoolError) -> str:
    """Return a stable word for an error reply."""
    if error.code in BY_CODE:
        return BY_CODE[error.code]
    text = error.text.strip().lower()
    return next((word for start, word in BY_TEXT if text.startswith(start)), "other")
