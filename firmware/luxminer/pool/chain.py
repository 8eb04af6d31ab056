"""What jobs tell about the block chain: new blocks, and when each was first seen."""

from collections import OrderedDict

from luxminer.work.job import PoolJob

__all__ = ["MAX_TIPS", "ChainView"]

MAX_TIPS = 16
"""Block hashes remembered; pools may trail each other, but not by this much."""


class ChainView:
    """Counts changes of the previous block hash over all pools, each block once."""

    def __init__(self) -> None:
        self.network_blocks = 0
        self._first_seen: OrderedDict[bytes, float] = OrderedDict()

    def saw(self, job: PoolJob, wall_s: float) -> bool:
        """Note the block that ``job`` builds on; True when it is new."""
        if job.prev_hash in self._first_seen:
            self._first_seen.move_to_end(job.prev_hash)
            return False
        self.network_blocks += 1
        self._first_seen[job.prev_hash] = wall_s
        if len(self._first_seen) > MAX_TIPS:
            self._first_seen.popitem(last=False)
        return True

    def first_seen_wall_s(self, job: PoolJob) -> float | None:
        return self._first_seen.get(job.prev_hash)
