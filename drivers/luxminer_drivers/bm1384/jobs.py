"""What each job id on the wire stands for: the work that a nonce with that id belongs to."""

from luxminer.hashing import verify
from luxminer.work.job import WorkItem
from luxminer_drivers.bm1384 import chain, facts
from luxminer_drivers.bm1384.codec import BUSY_MIDSTATE, BUSY_TAIL
from luxminer_drivers.common.family import Slot

__all__ = ["JobRing"]

ZERO_BITS_TARGET = 1 << 224
"""A chip looks for 32 zero bits, which is a little easier than a pool's difficulty 1."""

MAX_TARGET = (1 << 256) - 1


class JobRing:
    """Job ids in the order of their use; one keeps its work until it is used again.

    ``scale`` is the part of difficulty 1 that a virtual stick's easiest nonce has; 1 for real ones.
    """

    def __init__(self, scale: float) -> None:
        # The ids of the open-core frames, which have the header of a busy task.
        self._slots = {job_id: Slot() for job_id in range(facts.OPEN_CORE_JOB_IDS)}
        self._job_id = facts.JOB_ID_LAST
        self._target_le = min(round(ZERO_BITS_TARGET / scale), MAX_TARGET).to_bytes(32, "little")

    def put(self, work: WorkItem | None) -> int:
        """Return the id under which ``work`` (None: a busy task) is remembered from now on."""
        self._job_id = chain.next_job_id(self._job_id)
        self._slots[self._job_id] = Slot(work)
        return self._job_id

    def slot(self, job_id: int) -> Slot:
        """Return what a reply with this id is about."""
        return self._slots[job_id]

    def is_right(self, job_id: int, nonce: int) -> bool:
        """Say whether a chip that hashed what the id stands for would have reported ``nonce``."""
        work = self._slots[job_id].work
        if work is None:
            return verify(BUSY_MIDSTATE, BUSY_TAIL, nonce, self._target_le)
        return verify(work.midstates[0], work.tail, nonce, self._target_le)
