"""What each job id on the wire stands for: the work that a nonce with that id belongs to."""

from collections.abc import Callable, Iterable

from luxminer.hashing import verify
from luxminer.work.job import PoolJob, WorkItem
from luxminer_drivers.common.family import Slot

__all__ = ["BUSY_MIDSTATE", "BUSY_TAIL", "JobRing", "is_right", "ticket_for", "ticket_target_le"]

BUSY_MIDSTATE = bytes(32)
BUSY_TAIL = bytes(12)
"""The "header" that chips hash when there is no work."""

ZERO_BITS_TARGET = 1 << 224
"""A chip looks for 32 zero bits, which is a little easier than a pool's difficulty 1."""

MAX_TARGET = (1 << 256) - 1


def ticket_target_le(scale: float) -> bytes:
    """Return the highest hash that a chip reports at its easiest, 32 bytes little-endian.

    ``scale`` is the part of difficulty 1 that a virtual stick's easiest nonce has; 1 for real ones.
    """
    return min(round(ZERO_BITS_TARGET / scale), MAX_TARGET).to_bytes(32, "little")


def ticket_for(job: PoolJob, hardest: int, scale: float) -> int:
    """Return the hardest ticket difficulty that keeps no share and no block of ``job`` back.

    It is ``hardest``, a power of two, or that halved until it is right, and 1 at least.
    """
    easiest = max(job.share_target, job.network_target)
    ticket = hardest
    while ticket > 1 and round(ZERO_BITS_TARGET / (ticket * scale)) < easiest:
        ticket //= 2
    return ticket


def is_right(work: WorkItem | None, nonce: int, target_le: bytes) -> bool:
    """Say whether a chip that hashed ``work`` (None: a busy task) would have reported ``nonce``."""
    if work is None:
        return verify(BUSY_MIDSTATE, BUSY_TAIL, nonce, target_le)
    return verify(work.midstates[0], work.tail, nonce, target_le)


class JobRing:
    """Job ids in the order of their use; one keeps its work until it is used again.

    ``next_id`` gives the id after ``last_id``, and so on; ``busy_ids`` are those with which busy
    tasks were sent before the first use.
    """

    def __init__(
        self,
        scale: float,
        next_id: Callable[[int], int],
        last_id: int,
        busy_ids: Iterable[int] = (),
    ) -> None:
        self._slots = {job_id: Slot() for job_id in busy_ids}
        self._next_id = next_id
        self._job_id = last_id
        self._target_le = ticket_target_le(scale)

    def put(self, work: WorkItem | None) -> int:
        """Return the id under which ``work`` (None: a busy task) is remembered from now on."""
        self._job_id = self._next_id(self._job_id)
        self._slots[self._job_id] = Slot(work)
        return self._job_id

    def slot(self, job_id: int) -> Slot | None:
        """Return what a reply with this id is about; None when it was never given."""
        return self._slots.get(job_id)

    def is_right(self, job_id: int, nonce: int) -> bool:
        """Say whether a chip that hashed what the id stands for would have reported ``nonce``."""
        slot = self._slots.get(job_id)
        return slot is not None and is_right(slot.work, nonce, self._target_le)
