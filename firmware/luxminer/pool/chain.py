"""What jobs tell about the block chain: new blocks, their hashes, heights.

Ref: BIP34 (height is the first push of the coinbase's scriptSig); stratum v1 notify, whose coinbase
starts with version, input count 1 and the null outpoint.
"""

from collections import OrderedDict

from luxminer.work.job import PoolJob

__all__ = ["MAX_TIPS", "ChainView", "block_height"]

MAX_TIPS = 16
"""Block hashes remembered; pools may trail each other, but not by this much."""

SCRIPT_LENGTH_OFFSET = 41
"""Of the coinbase without witness: version 4, input count 1, outpoint 36."""

MAX_HEIGHT_BYTES = 5
OP_1, OP_16 = 0x51, 0x60


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


def block_height(job: PoolJob) -> int:
    """Return the height that the coinbase of ``job`` claims, 0 when it shows none."""
    script = job.coinb1[SCRIPT_LENGTH_OFFSET + 1 :]
    if not script:
        return 0
    length = script[0]
    if OP_1 <= length <= OP_16:
        return length - OP_1 + 1
    pushed = script[1 : 1 + length]
    if not 1 <= length <= MAX_HEIGHT_BYTES or len(pushed) < length or pushed[-1] & 0x80:
        return 0
    return int.from_bytes(pushed, "little")
