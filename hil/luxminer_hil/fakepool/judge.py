"""Judges one submit against the job as this session was told it. Pure: no socket, no clock.

The order of the checks and the error numbers are those of the servers in use (docs/sources.md,
"Stratum"); where servers differ, the stricter rule holds: what passes here passes everywhere.
"""

import re
from dataclasses import dataclass, field
from enum import StrEnum
from fractions import Fraction

from luxminer_hil.fakepool.jobs import Extranonce, Job
from luxminer_hil.fakepool.proof import (
    hash_difficulty,
    header_bytes,
    merkle_root,
    nbits_target,
    sha256d,
    target_of,
)

__all__ = ["ERRORS", "Reason", "SentJob", "Submit", "Verdict", "judge", "parse_submit"]


class Reason(StrEnum):
    """Why a share was rejected."""

    MALFORMED = "malformed"
    NOT_SUBSCRIBED = "not-subscribed"
    UNAUTHORIZED = "unauthorized"
    UNKNOWN_JOB = "unknown-job"
    STALE = "stale"
    EXTRANONCE2 = "extranonce2-length"
    NTIME = "ntime-range"
    VERSION_BITS = "version-bits"
    LOW_DIFFICULTY = "low-difficulty"
    DUPLICATE = "duplicate"
    UNJUDGED = "unjudged"
    """For a job that was sent as it stood in a recording, and that the pool cannot read."""
    BY_SCRIPT = "by-script"
    """Told so by a script, whatever the share was worth."""


ERRORS: dict[Reason, tuple[int, str]] = {
    Reason.MALFORMED: (20, "Malformed submit"),
    Reason.NOT_SUBSCRIBED: (25, "Not subscribed"),
    Reason.UNAUTHORIZED: (24, "Unauthorized worker"),
    Reason.UNKNOWN_JOB: (21, "Job not found"),
    Reason.STALE: (21, "Stale"),
    Reason.EXTRANONCE2: (20, "Invalid extranonce2 length"),
    Reason.NTIME: (20, "Ntime out of range"),
    Reason.VERSION_BITS: (20, "Invalid version mask"),
    Reason.LOW_DIFFICULTY: (23, "Above target"),
    Reason.DUPLICATE: (22, "Duplicate share"),
    Reason.UNJUDGED: (20, "Cannot be judged"),
    Reason.BY_SCRIPT: (20, "Rejected"),
}
"""Error number and text of every reason. "Above target" is the servers' phrase for too easy."""

MAX_SEEN = 100_000
"""Accepted hashes that are remembered for one job, oldest forgotten first."""

HEX = re.compile(r"[0-9a-fA-F]*\Z")
U32 = re.compile(r"[0-9a-fA-F]{8}\Z")


@dataclass(frozen=True, slots=True, kw_only=True)
class Submit:
    """Parameters of ``mining.submit``; ``version_bits`` is None when the sixth is missing."""

    user: str
    job_id: str
    extranonce2: bytes
    ntime: int
    nonce: int
    version_bits: int | None


@dataclass(slots=True, kw_only=True, eq=False)
class SentJob:
    """A job as one session received it, with what was in force at that moment."""

    job: Job
    extranonce: Extranonce
    difficulty: Fraction
    seen: dict[bytes, None] = field(repr=False)
    """Hashes accepted for the job, of all sessions."""
    void: bool = False
    """A later job of the session was sent with ``clean_jobs``."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """``reason`` is None for an accepted share; hash and version are None if never computed."""

    reason: Reason | None
    block_hash: bytes | None = None
    """Header order."""
    version: int | None = None
    difficulty: Fraction | None = None
    """Of the hash itself."""
    is_block: bool = False


def parse_submit(params: object) -> Submit | None:
    """Read the parameters; None when they cannot be those of a submit."""
    if not isinstance(params, list) or len(params) not in (5, 6):
        return None
    if not all(isinstance(value, str) for value in params):
        return None
    user, job_id, extranonce2, *numbers = params
    if not HEX.match(extranonce2) or len(extranonce2) % 2:
        return None
    if not all(U32.match(number) for number in numbers):
        return None
    ntime, nonce, *bits = (int(number, 16) for number in numbers)
    return Submit(
        user=user,
        job_id=job_id,
        extranonce2=bytes.fromhex(extranonce2),
        ntime=ntime,
        nonce=nonce,
        version_bits=bits[0] if bits else None,
    )


def judge(
    submit: Submit, sent: SentJob | None, *, mask: int | None, ntime_window_s: int
) -> Verdict:
    """Check a share whose sender is known. ``mask`` is None when rolling was not negotiated.

    An accepted hash is added to ``sent.seen``.
    """
    if sent is None:
        return Verdict(reason=Reason.UNKNOWN_JOB)
    job = sent.job
    if sent.void:
        return Verdict(reason=Reason.STALE)
    if len(submit.extranonce2) != sent.extranonce.size:
        return Verdict(reason=Reason.EXTRANONCE2)
    if not job.ntime <= submit.ntime <= job.ntime + ntime_window_s:
        return Verdict(reason=Reason.NTIME)
    version = rolled_version(job, submit.version_bits, mask)
    if version is None:
        return Verdict(reason=Reason.VERSION_BITS)
    coinbase = job.coinb1(sent.extranonce) + sent.extranonce.fixed + submit.extranonce2 + job.after
    header = header_bytes(
        version=version,
        prev_hash=job.prev_hash,
        root=merkle_root(coinbase, job.branch),
        ntime=submit.ntime,
        nbits=job.nbits,
        nonce=submit.nonce,
    )
    block_hash = sha256d(header)
    number = int.from_bytes(block_hash, "little")
    is_block = number <= nbits_target(job.nbits)
    reason = None
    if number > target_of(sent.difficulty):
        reason = Reason.LOW_DIFFICULTY
    elif block_hash in sent.seen:
        reason = Reason.DUPLICATE
    else:
        sent.seen[block_hash] = None
        if len(sent.seen) > MAX_SEEN:
            del sent.seen[next(iter(sent.seen))]
    return Verdict(
        reason=reason,
        block_hash=block_hash,
        version=version,
        difficulty=hash_difficulty(block_hash),
        is_block=is_block and reason is None,
    )


def rolled_version(job: Job, bits: int | None, mask: int | None) -> int | None:
    """Return the version by BIP310's rule, or None where a server would refuse the sixth parameter.

    Negotiated means sent with every share, zero or not; only a mask that fell to zero later leaves
    it to the miner. Not negotiated means never sent.
    """
    if mask is None:
        return job.version if bits is None else None
    if job.fixed_version:
        mask = 0
    if bits is None:
        return None if mask else job.version
    if bits & ~mask:
        return None
    return job.version & ~mask | bits
