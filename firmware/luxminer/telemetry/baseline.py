"""Counters that are shown as if they began later: what they were then is taken off.

Ledgers and what is kept on disk know nothing of it. The best share since then cannot be computed
from two snapshots, so that shares are looked at as they are found, once there is a baseline.
"""

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields, replace
from typing import Any, TypeVar

from luxminer.control import CommandBus
from luxminer.control.zero import Zero, ZeroWhat
from luxminer.telemetry.model import (
    DeviceSnapshot,
    MinerSnapshot,
    NonceCounts,
    PoolSnapshot,
    Rates,
    ShareTally,
)
from luxminer.work.job import Share

__all__ = ["Baseline"]

log = logging.getLogger(__name__)

HASHES_PER_DIFFICULTY = 2.0**32
"""As hash rates are counted everywhere."""
OF_MINER = (
    "elapsed_s",
    "idle_s",
    "network_blocks",
    "discarded",
    "get_failures",
    "remote_failures",
    "jobs",
    "local_work",
)
OF_POOL = ("jobs", "works", "discarded", "get_failures", "remote_failures", "diff1_work")
OF_DEVICE = ("tasks_sent", "busy_tasks_sent", "bytes_discarded", "resets")
OF_SHARES = (
    "accepted",
    "stale",
    "unanswered",
    "difficulty_accepted",
    "difficulty_rejected",
    "difficulty_stale",
    "difficulty_accepted_squares",
    "found_blocks",
)
T = TypeVar("T")


@dataclass(slots=True)
class _Best:
    """The best share of the miner, a pool or a stick since the baseline."""

    best_share: Any = 0
    best_share_wall_s: float | None = None
    best_share_pool: str = ""
    best_share_device: str = ""

    def on(self, tally: ShareTally) -> ShareTally:
        return replace(tally, **{field.name: getattr(self, field.name) for field in fields(self)})


class Baseline:
    """Turns the snapshot that there is into the one that is shown."""

    def __init__(
        self,
        build: Callable[[], MinerSnapshot],
        *,
        bus: CommandBus,
        pool_url: Callable[[int], str],
        device_name: Callable[[int], str],
    ) -> None:
        """Take the orders; ``pool_url`` and ``device_name`` tell who found the best share."""
        self._build = build
        self._pool_url = pool_url
        self._device_name = device_name
        self._base: MinerSnapshot | None = None
        self._bests: dict[object, _Best] | None = None
        bus.register(Zero, self._zero)

    def share_found(self, share: Share, wall_s: float) -> None:
        if self._bests is None:
            return
        url, device = self._pool_url(share.work.job.pool_id), self._device_name(share.device_id)
        for key in (None, url, share.device_id):
            if share.difficulty > self._bests.setdefault(key, _Best()).best_share:
                self._bests[key] = _Best(share.difficulty, wall_s, url, device)

    def snapshot(self) -> MinerSnapshot:
        now = self._build()
        if self._base is not None:
            now = _since(now, self._base)
        if self._bests is not None:
            now = _with_bests(now, self._bests)
        return now

    async def _zero(self, order: Zero) -> None:
        if order.is_told:
            shown = self.snapshot()
            log.info(
                "until now, in %.0f s: accepted %d, rejected %d, stale %d, hw errors %d, best %d",
                shown.elapsed_s,
                shown.shares.accepted,
                shown.shares.rejected_total,
                shown.shares.stale,
                shown.nonces.hw_errors,
                shown.shares.best_share,
            )
        if order.what is ZeroWhat.ALL:
            self._base = self._build()
        self._bests = {}


def _since(now: MinerSnapshot, base: MinerSnapshot) -> MinerSnapshot:
    elapsed_s = now.elapsed_s - base.elapsed_s
    devices = {device.id: device for device in base.devices}
    pools = {(pool.url, pool.user): pool for pool in base.pools}
    return replace(
        _minus(now, base, OF_MINER),
        nonces=_nonces(now.nonces, base.nonces),
        shares=_shares(now.shares, base.shares),
        rates=_rates(now.rates, _nonces(now.nonces, base.nonces), elapsed_s),
        devices=tuple(
            _device(device, devices[device.id], elapsed_s) if device.id in devices else device
            for device in now.devices
        ),
        pools=tuple(
            _pool(pool, pools[pool.url, pool.user]) if (pool.url, pool.user) in pools else pool
            for pool in now.pools
        ),
    )


def _device(now: DeviceSnapshot, base: DeviceSnapshot, elapsed_s: float) -> DeviceSnapshot:
    nonces = _nonces(now.nonces, base.nonces)
    return replace(
        _minus(now, base, OF_DEVICE),
        nonces=nonces,
        shares=_shares(now.shares, base.shares),
        rates=_rates(now.rates, nonces, elapsed_s) if now.rates.average else now.rates,
    )


def _pool(now: PoolSnapshot, base: PoolSnapshot) -> PoolSnapshot:
    if now.shares.shares < base.shares.shares or now.jobs < base.jobs:
        return now  # another one of the same name, which came after the baseline
    return replace(_minus(now, base, OF_POOL), shares=_shares(now.shares, base.shares))


def _rates(now: Rates, nonces: NonceCounts, elapsed_s: float) -> Rates:
    hashes = float(nonces.diff1_work) * HASHES_PER_DIFFICULTY
    return replace(now, average=hashes / elapsed_s if elapsed_s > 0 else 0.0)


def _nonces(now: NonceCounts, base: NonceCounts) -> NonceCounts:
    return _minus(now, base, tuple(field.name for field in fields(NonceCounts)))


def _shares(now: ShareTally, base: ShareTally) -> ShareTally:
    """Take off all but those that were waiting: what becomes of them is still to come."""
    return replace(
        _minus(now, base, OF_SHARES),
        shares=now.shares - (base.shares - base.waiting),
        rejected=_reasons(now.rejected, base.rejected),
        dropped=_reasons(now.dropped, base.dropped),
    )


def _reasons(now: Mapping[str, int], base: Mapping[str, int]) -> dict[str, int]:
    left = {reason: count - base.get(reason, 0) for reason, count in now.items()}
    return {reason: count for reason, count in left.items() if count}


def _minus(now: T, base: T, names: tuple[str, ...]) -> T:
    changes = {name: getattr(now, name) - getattr(base, name) for name in names}
    result: T = replace(now, **changes)  # type: ignore[type-var]  # a snapshot, whichever
    return result


def _with_bests(now: MinerSnapshot, bests: Mapping[object, _Best]) -> MinerSnapshot:
    none = _Best()
    return replace(
        now,
        shares=bests.get(None, none).on(now.shares),
        lifetime=bests.get(None, none).on(now.lifetime),
        pools=tuple(
            replace(pool, shares=bests.get(pool.url, none).on(pool.shares)) for pool in now.pools
        ),
        devices=tuple(
            replace(device, shares=bests.get(device.id, none).on(device.shares))
            for device in now.devices
        ),
    )
