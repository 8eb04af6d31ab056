"""The whole service with groups: virtual sticks of two sizes hash for two pools at once."""

from contextlib import AsyncExitStack
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import pytest

from luxminer.config.schema import GroupConfig
from luxminer_hil.chipsim.port import PtyPort
from luxminer_hil.chipsim.stick import VirtualStick
from luxminer_hil.fakepool.server import FakePool
from tests.integration.rig import assert_balanced, config_for, running, until

SCALE = Fraction(1, 2**15)
SEED = 20261127
SHARES = 60


@pytest.mark.slow
async def test_two_groups_get_their_parts_of_what_sticks_really_find(tmp_path: Path) -> None:
    """Also while one pool sends clean jobs all the time: the sticks' work for the other is good."""
    async with AsyncExitStack() as stack:
        pools = [
            await stack.enter_async_context(
                FakePool(difficulty=float(SCALE), seed=SEED + n, job_interval_s=interval_s)
            )
            for n, interval_s in enumerate((30.0, 2.0))
        ]
        sticks = [
            await stack.enter_async_context(
                VirtualStick(model, scale=SCALE, seed=SEED + n, port=PtyPort(tmp_path / f"tty{n}"))
            )
            for n, model in enumerate(("compac", "2pac"))
        ]
        config = config_for(sticks, pools)
        groups = (GroupConfig(name="big", quota=2.0), GroupConfig(name="small", quota=1.0))
        config = replace(
            config,
            groups=groups,
            pools=tuple(
                replace(pool, group=group.name)
                for pool, group in zip(config.pools, groups, strict=True)
            ),
        )
        daemon = await stack.enter_async_context(running(config))
        now = await until(
            daemon, lambda s: s.shares.accepted >= SHARES, 60, f"{SHARES} accepted shares"
        )
        assert_balanced(now)
        parts = [pool.shares.accepted for pool in now.pools]
        assert parts[1] == pytest.approx(sum(parts) / 3, abs=6)
        assert [pool.active for pool in now.pools] == [True, True]
        assert [(group.name, group.active) for group in now.groups] == [
            ("big", True),
            ("small", True),
        ]
        assert now.nonces.hw_errors == 0
        assert now.shares.rejected_total == 0
        assert all(daemon.devices.nominal_hs(stick.id) > 0 for stick in now.devices)
        assert daemon.devices.nominal_hs(7) == 0
        for number, pool in enumerate(pools):
            assert {share.user for share in pool.shares} == {f"user{number}.worker"}
            assert pool.ledger().accepted >= parts[number]
