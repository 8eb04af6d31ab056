"""Block candidates on disk: whole enough to be handed in by other means than the pool."""

import asyncio
import json
import logging
from pathlib import Path

from luxminer.pool.files import write_atomically
from luxminer.work.header import display, header_bytes
from luxminer.work.job import Share

__all__ = ["FOLDER", "BlockStore"]

log = logging.getLogger(__name__)

FOLDER = "blocks"

MAX_KEPT = 100
MAX_KEPT_BYTES = 16 << 20
"""Of one run, for real blocks are rare: a pool that names an absurd target must not fill a disk."""


class BlockStore:
    """Writes a file for each candidate, `MAX_KEPT` at most; without a folder it only logs them."""

    def __init__(self, state_dir: Path | None) -> None:
        self._folder = state_dir / FOLDER if state_dir is not None else None
        self._writes: set[asyncio.Future[None]] = set()
        self._kept = 0
        self._kept_bytes = 0

    def keep(self, share: Share, wall_s: float) -> None:
        """Begin to write a candidate down; does not block. Needs a running event loop."""
        name = display(share.block_hash)
        if self._kept < MAX_KEPT:
            log.warning("BLOCK FOUND by stick %d: %s", share.device_id, name)
        if self._folder is None or self._kept >= MAX_KEPT:
            return
        record = _record(share, wall_s)
        path = self._folder / f"{name}.json"
        data = (json.dumps(record, indent=1) + "\n").encode()
        if self._kept_bytes + len(data) > MAX_KEPT_BYTES:
            return
        self._kept += 1
        self._kept_bytes += len(data)
        # A thread, unlike a task, finishes its write also when the service ends in this moment.
        write = asyncio.get_running_loop().run_in_executor(None, write_atomically, path, data)
        self._writes.add(write)

        def written(write: asyncio.Future[None]) -> None:
            self._writes.discard(write)
            if not write.cancelled() and (error := write.exception()) is not None:
                words = "block candidate %s could not be written: %s; it is: %s"
                log.error(words, path, error, json.dumps(record))

        write.add_done_callback(written)

    async def flush(self, timeout_s: float) -> None:
        """Wait until what was begun is on the disk."""
        if self._writes:
            await asyncio.wait(self._writes, timeout=timeout_s)


def _record(share: Share, wall_s: float) -> dict[str, object]:
    """Describe a candidate: header, coinbase without witness and branch, each in header order."""
    work, job = share.work, share.work.job
    header = header_bytes(
        share.version, job.prev_hash, work.merkle_root, work.ntime, job.nbits, share.nonce
    )
    return {
        "hash": display(share.block_hash),
        "header": header.hex(),
        "coinbase": (job.coinb1 + job.extranonce1 + work.extranonce2 + job.coinb2).hex(),
        "merkle_branch": [node.hex() for node in job.merkle_branch],
        "job_id": job.job_id,
        "extranonce1": job.extranonce1.hex(),
        "extranonce2": work.extranonce2.hex(),
        "found_wall_s": wall_s,
    }
