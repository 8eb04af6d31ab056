"""What each job id on the wire stands for, also just after the id was used again."""

from collections.abc import Iterator

from luxminer.work.job import WorkItem
from luxminer_drivers.bm13xx import chain
from luxminer_drivers.bm13xx.facts import Family
from luxminer_drivers.common.family import Slot

__all__ = ["JobRing"]


class JobRing:
    """Job ids in the order of their use. An id keeps its work until it is used twice again."""

    def __init__(self, kind: Family) -> None:
        self._kind = kind
        self._job_id = kind.job_id_last
        self._slots: dict[int, Slot] = {}
        self._before: dict[int, Slot] = {}

    def put(self, work: WorkItem | None) -> int:
        """Return the id under which ``work`` (None: a busy task) is remembered from now on."""
        job_id = self._job_id = chain.next_job_id(self._kind, self._job_id)
        if job_id in self._slots:
            self._before[job_id] = self._slots[job_id]
        self._slots[job_id] = Slot(work)
        return job_id

    def candidates(self, job_id: int) -> Iterator[Slot]:
        """Yield what a reply with this id can be about, the likeliest first."""
        for slots in (self._slots, self._before):
            if job_id in slots:
                yield slots[job_id]
