"""The share gate: every nonce is rebuilt from its own work item, hashed, judged and counted.

Nothing that a chip claims is believed. The header comes from the work item, never from the frame;
a claim ends in exactly one of hardware error, duplicate, below target, or share.
"""

import logging
from collections import Counter, OrderedDict
from collections.abc import Callable
from fractions import Fraction

from luxminer.hashing import header_hash, midstates
from luxminer.mining.hashrate import HASHES_PER_DIFFICULTY, HashrateEstimator, WindowRate
from luxminer.telemetry.model import NonceCounts, Rates
from luxminer.work.header import first_64_bytes
from luxminer.work.job import NonceFound, PoolJob, Share, WorkItem
from luxminer.work.target import difficulty_of_hash, target_of

__all__ = ["MAX_NONCES_PER_JOB", "MAX_REMEMBERED_JOBS", "DeviceNonces", "ShareGate"]

log = logging.getLogger(__name__)

MAX_REMEMBERED_JOBS = 64
"""Jobs whose nonces are remembered against duplicates; the one that has found nothing for the
longest time goes first."""

MAX_NONCES_PER_JOB = 65536
"""Nonces remembered for one job; beyond that the oldest are forgotten."""

HW_ERROR_WINDOW_S = 900.0


class DeviceNonces:
    """Counters and rates of one device."""

    def __init__(self, now_s: float) -> None:
        self.nonces = 0
        self.hw_errors = 0
        self.duplicates = 0
        self.below_target = 0
        self.shares = 0
        self.last_valid_s: float | None = None
        self._tickets: Counter[float] = Counter()
        self._rates = HashrateEstimator(now_s)
        self._error_rate = WindowRate(HW_ERROR_WINDOW_S, now_s)

    def found(self, ticket_difficulty: float, now_s: float) -> None:
        self.last_valid_s = now_s
        self._tickets[ticket_difficulty] += 1
        self._rates.add(ticket_difficulty, now_s)

    def error(self, ticket_difficulty: float, now_s: float) -> None:
        self.hw_errors += 1
        self._error_rate.add(ticket_difficulty * HASHES_PER_DIFFICULTY, now_s)

    def counts(self) -> NonceCounts:
        return NonceCounts(
            nonces=self.nonces,
            hw_errors=self.hw_errors,
            duplicates=self.duplicates,
            below_target=self.below_target,
            shares=self.shares,
            diff1_work=sum(
                (Fraction(ticket) * count for ticket, count in self._tickets.items()), Fraction(0)
            ),
        )

    def rates(self, now_s: float) -> Rates:
        return self._rates.rates(now_s)

    def hw_error_hs(self, now_s: float) -> float:
        return self._error_rate.rate(now_s)


class ShareGate:
    """Judges the nonces of all devices; shares go to ``submit`` at once."""

    def __init__(self, submit: Callable[[Share], None]) -> None:
        self._submit = submit
        self._devices: dict[int, DeviceNonces] = {}
        self._seen: OrderedDict[PoolJob, dict[tuple[bytes, int, int, int], None]] = OrderedDict()
        self._error_targets: dict[float, int] = {}

    def device(self, device_id: int, now_s: float) -> DeviceNonces:
        """Return the counters of a device, made at its first appearance."""
        nonces = self._devices.get(device_id)
        if nonces is None:
            nonces = self._devices[device_id] = DeviceNonces(now_s)
        return nonces

    def total(self) -> NonceCounts:
        """Return the ledger of all devices together."""
        counts = [device.counts() for device in self._devices.values()]
        return NonceCounts(
            nonces=sum(c.nonces for c in counts),
            hw_errors=sum(c.hw_errors for c in counts),
            duplicates=sum(c.duplicates for c in counts),
            below_target=sum(c.below_target for c in counts),
            shares=sum(c.shares for c in counts),
            diff1_work=sum((c.diff1_work for c in counts), Fraction(0)),
        )

    def nonce_found(self, nonce: NonceFound, ticket_difficulty: float, scale: float) -> bool:
        """Judge one claim; True when its hash is at least of difficulty ``scale``.

        ``ticket_difficulty`` is what the chip was told to report, times scale; a right nonce
        stands for that much work. A share is submitted before this returns.
        """
        device = self.device(nonce.device_id, nonce.found_s)
        device.nonces += 1
        work = nonce.work
        block_hash = _hash(work, nonce) if work is not None else None
        if work is None or block_hash is None:
            device.error(ticket_difficulty, nonce.found_s)
            return False
        number = int.from_bytes(block_hash, "little")
        if number > self._error_target(scale):
            device.error(ticket_difficulty, nonce.found_s)
            return False
        if self._is_repeated(work, nonce):
            device.duplicates += 1
            return True
        if number <= self._error_target(ticket_difficulty):
            device.found(ticket_difficulty, nonce.found_s)
        job = work.job
        is_block = number <= job.network_target
        if not is_block and number > job.share_target:
            device.below_target += 1
            return True
        device.shares += 1
        self._submit(
            Share(
                device_id=nonce.device_id,
                work=work,
                nonce=nonce.nonce,
                version=nonce.version,
                block_hash=block_hash,
                difficulty=difficulty_of_hash(block_hash),
                is_block=is_block,
                found_s=nonce.found_s,
            )
        )
        return True

    def _error_target(self, difficulty: float) -> int:
        target = self._error_targets.get(difficulty)
        if target is None:
            target = self._error_targets[difficulty] = target_of(Fraction(difficulty))
        return target

    def _is_repeated(self, work: WorkItem, nonce: NonceFound) -> bool:
        seen = self._seen.get(work.job)
        if seen is None:
            seen = self._seen[work.job] = {}
            if len(self._seen) > MAX_REMEMBERED_JOBS:
                self._seen.popitem(last=False)
        elif next(reversed(self._seen)) is not work.job:
            self._seen.move_to_end(work.job)  # one of several pools' jobs may live long
        key = (work.extranonce2, work.ntime, nonce.version, nonce.nonce)
        if key in seen:
            return True
        seen[key] = None
        if len(seen) > MAX_NONCES_PER_JOB:
            del seen[next(iter(seen))]
        return False


def _hash(work: WorkItem, nonce: NonceFound) -> bytes | None:
    """Hash the header that the claim means; None when it rolled bits it must not."""
    if nonce.version in work.versions:
        midstate = work.midstates[work.versions.index(nonce.version)]
    elif (nonce.version ^ work.job.version) & ~(work.chip_rolls | work.job.version_mask):
        return None
    else:
        (midstate,) = midstates(first_64_bytes(work), (nonce.version,))
    return header_hash(midstate, work.tail, nonce.nonce)
