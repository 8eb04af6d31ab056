"""What is shown after `zero`: differences, the best since then, and ledgers that still balance."""

from dataclasses import dataclass, replace
from fractions import Fraction
from types import SimpleNamespace
from typing import Any, cast

import pytest

from luxminer.control import CommandBus
from luxminer.control.zero import Zero, ZeroWhat
from luxminer.telemetry.baseline import Baseline
from luxminer.telemetry.model import MinerSnapshot
from luxminer.work.job import Share
from tests.unit.api.snapshots import device, miner, nonces, tally


@dataclass
class Owner:
    now: MinerSnapshot

    def build(self) -> MinerSnapshot:
        return self.now


def rig(now: MinerSnapshot) -> tuple[Owner, Baseline, CommandBus]:
    owner, bus = Owner(now), CommandBus()
    url = now.pools[0].url
    baseline = Baseline(
        owner.build, bus=bus, pool_url=lambda _: url, device_name=lambda number: f"stick {number}"
    )
    return owner, baseline, bus


def share(difficulty: int, device_id: int = 0) -> Share:
    work: Any = SimpleNamespace(job=SimpleNamespace(pool_id=7))
    found: Any = SimpleNamespace(
        difficulty=Fraction(difficulty), device_id=device_id, work=work, found_s=0.0
    )
    return cast("Share", found)


def later(now: MinerSnapshot) -> MinerSnapshot:
    """Ten nonces and two accepted shares later; one that was waiting was rejected."""
    counts = nonces(nonces=150, shares=23, below_target=117, diff1_work=Fraction(140))
    shares = tally(
        shares=23,
        accepted=12,
        rejected={"stale job": 2, "low difficulty": 2},
        waiting=0,
        difficulty_accepted=Fraction(13000, 10),
    )
    return replace(
        now,
        elapsed_s=now.elapsed_s + 10,
        jobs=now.jobs + 3,
        nonces=counts,
        shares=shares,
        devices=(device(0, nonces=counts, shares=shares), *now.devices[1:]),
        pools=(replace(now.pools[0], jobs=now.pools[0].jobs + 3, shares=shares), *now.pools[1:]),
    )


def start() -> MinerSnapshot:
    now = miner()
    pool = replace(now.pools[0], shares=tally())
    return replace(
        now,
        nonces=nonces(),
        shares=tally(),
        devices=(device(0), *now.devices[1:]),
        pools=(pool, *now.pools[1:]),
    )


async def test_counters_begin_anew_and_still_balance() -> None:
    owner, baseline, bus = rig(start())
    assert baseline.snapshot() is owner.now
    await bus.send(Zero(what=ZeroWhat.ALL))
    at_once = baseline.snapshot()
    assert (at_once.elapsed_s, at_once.jobs, at_once.nonces.nonces) == (0, 0, 0)
    assert at_once.shares.accepted == at_once.shares.rejected_total == 0
    assert at_once.shares.best_share == 0
    assert at_once.shares.waiting == 1
    assert at_once.shares.balanced
    owner.now = later(owner.now)
    shown = baseline.snapshot()
    for tallied in (shown.shares, shown.devices[0].shares, shown.pools[0].shares):
        assert (tallied.accepted, dict(tallied.rejected)) == (2, {"low difficulty": 1})
        assert tallied.balanced
    for counted in (shown.nonces, shown.devices[0].nonces):
        assert (counted.nonces, counted.shares) == (10, 2)
        assert counted.balanced
    assert (shown.elapsed_s, shown.jobs, shown.pools[0].jobs) == (10, 3, 3)
    assert shown.rates.average == pytest.approx(10 * 2**32 / 10, rel=1e-3)
    assert shown.lifetime.accepted == owner.now.lifetime.accepted


async def test_the_best_since_then_is_that_of_its_pool_and_stick() -> None:
    owner, baseline, bus = rig(start())
    baseline.share_found(share(10**9), 1.0)
    assert baseline.snapshot() is owner.now
    await bus.send(Zero(what=ZeroWhat.BEST_SHARE))
    shown = baseline.snapshot()
    assert shown.shares.best_share == shown.lifetime.best_share == 0
    assert shown.shares.accepted == owner.now.shares.accepted
    for difficulty, wall_s in ((5, 2.0), (9, 3.0), (7, 4.0)):
        baseline.share_found(share(difficulty), wall_s)
    shown = baseline.snapshot()
    for tallied in (shown.shares, shown.lifetime, shown.devices[0].shares, shown.pools[0].shares):
        assert tallied.best_share == 9
        assert tallied.best_share_wall_s == 3.0
        assert tallied.best_share_device == "stick 0"
        assert tallied.best_share_pool == owner.now.pools[0].url
    assert all(each.shares.best_share == 0 for each in shown.devices[1:])


async def test_a_pool_that_came_anew_shows_its_own_counters() -> None:
    owner, baseline, bus = rig(start())
    await bus.send(Zero(what=ZeroWhat.ALL))
    fresh = replace(owner.now.pools[0], jobs=1, shares=tally(shares=0, accepted=0, waiting=0))
    owner.now = replace(owner.now, pools=(fresh,))
    assert baseline.snapshot().pools[0].jobs == 1


async def test_the_log_tells_what_was_if_asked(caplog: pytest.LogCaptureFixture) -> None:
    _, _, bus = rig(start())
    with caplog.at_level("INFO"):
        await bus.send(Zero(what=ZeroWhat.ALL))
        assert not caplog.records
        await bus.send(Zero(what=ZeroWhat.ALL, is_told=True))
    assert "accepted 0" in caplog.text
