"""What crosses the borders between pools, scheduler and devices: jobs, work items, nonces, shares.

Nothing here is ever changed. Byte order: 32-byte hashes and roots are in header order ("internal"),
never in display order; integers are the numbers of the header fields (little-endian on the wire).
"""

from collections.abc import Hashable
from dataclasses import dataclass, field, fields
from fractions import Fraction
from operator import attrgetter

__all__ = ["NonceFound", "PoolJob", "Share", "Stake", "WorkItem", "header_parts", "is_same_work"]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class PoolJob:
    """One ``mining.notify`` with all that was in force when it arrived.

    A share made from this job may only go to connection ``connection`` of pool ``pool_id``, under
    ``user`` and with ``extranonce1``. Compared by identity: pools repeat job ids.
    """

    pool_id: int
    connection: int
    """Number of the pool connection, unique in the life of the process."""
    user: str
    job_id: str
    """Echoed unchanged in submits."""
    job_id_is_number: bool = False
    """The pool sent the id as a JSON number and wants one back."""
    prev_hash: bytes = field(repr=False)
    coinb1: bytes = field(repr=False)
    """Both parts without witness: what the merkle tree hashes."""
    coinb2: bytes = field(repr=False)
    merkle_branch: tuple[bytes, ...] = field(repr=False)
    version: int
    nbits: int
    ntime: int
    clean: bool
    """True also when the previous block hash changed without the pool's flag."""
    extranonce1: bytes
    extranonce2_size: int
    version_mask: int
    """Bits that may be rolled: granted by the pool AND wanted by us; 0 without version rolling."""
    version_rolling: bool
    """Negotiated: submits carry version bits, also when they are zero."""
    difficulty: Fraction
    """Share difficulty in force for this job, exact."""
    share_target: int
    network_target: int
    received_s: float
    """Monotonic."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Stake:
    """A job to work on now, and what part of all work is for it.

    Work is divided among groups first, then among the pools of a group that work at once.
    """

    job: PoolJob
    group: int = 0
    """Number of the group of its pool, never used twice."""
    quota: float = 1.0
    """Of the group, the same for all of its pools."""
    weight: float = 1.0
    """Of the pool among those of its group."""
    behind: float = 0.0
    """Difficulty that the pool had less than the others of its group before, to be made up for."""


@dataclass(slots=True, kw_only=True, eq=False)  # frozen, its making would take half as long again
class WorkItem:
    """One header to search over its nonce field and over ``versions``. Handed out once.

    ``midstates[i]`` is the SHA-256 state (eight big-endian words, 32 bytes) after the first 64
    header bytes with ``versions[i]``; ``tail`` is header bytes 64 to 75 in header order.
    """

    job: PoolJob
    extranonce2: bytes
    ntime: int
    merkle_root: bytes = field(repr=False)
    versions: tuple[int, ...]
    midstates: tuple[bytes, ...] = field(repr=False)
    tail: bytes = field(repr=False)
    chip_rolls: int = 0
    """Version bits that the chip may set by itself: then all of them are part of this item."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NonceFound:
    """The claim of a chip, not yet believed.

    ``work`` is None when the chip named a job that the driver does not know (any more).
    """

    device_id: int
    chip: int | None
    work: WorkItem | None
    nonce: int
    """Header field as a number: the little-endian reading of header bytes 76 to 79."""
    version: int
    """Complete version field that the chip hashed."""
    found_s: float
    """Monotonic time at which its last byte arrived."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Share:
    """A nonce that the host has hashed and found to meet the share or the network target."""

    device_id: int
    work: WorkItem
    nonce: int
    version: int
    block_hash: bytes
    """Header order; reversed it is the number that explorers show."""
    difficulty: Fraction
    """Difficulty of the hash itself."""
    is_block: bool
    found_s: float


_OF_THE_MOMENT = ("connection", "clean", "received_s")
_OF_THE_SHARES = ("difficulty", "share_target", "version_mask", "version_rolling")
_CONTENT = tuple(part.name for part in fields(PoolJob) if part.name not in _OF_THE_MOMENT)
_HEADER_PARTS = attrgetter(*(name for name in _CONTENT if name not in _OF_THE_SHARES))


def is_same_work(known: PoolJob, job: PoolJob) -> bool:
    """Tell whether a pool sent a job once more, as it does when a session is resumed.

    The search can go on where it was; begun anew it would only find duplicates.
    """
    return all(getattr(known, name) == getattr(job, name) for name in _CONTENT)


def header_parts(job: PoolJob) -> Hashable:
    """Return all that the headers of a job are made of, but for what is rolled.

    Equal for a job that came twice, also with another difficulty or version mask in between.
    """
    parts: tuple[Hashable, ...] = _HEADER_PARTS(job)
    return parts
