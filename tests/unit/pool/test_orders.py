"""Orders for pools and groups: what they change, and the stable words they are refused with."""

import random

import pytest

from luxminer.clock import SystemClock
from luxminer.config.schema import GroupConfig, PoolConfig, StratumConfig
from luxminer.control import (
    AddGroup,
    AddPool,
    Command,
    CommandBus,
    DisablePool,
    RemoveGroup,
    RemovePool,
    SetPoolOptions,
    SetPoolQuota,
    SetPriority,
    SetQuota,
    SetStrategy,
    SwitchPool,
)
from luxminer.errors import CommandError, ConfigError
from luxminer.pool.group import MAX_GROUPS, check_groups
from luxminer.pool.manager import PoolManager

URL = "stratum+tcp://pool{}.example:3333"


def manager(
    *group_of_pool: str, groups: tuple[GroupConfig, ...] = ()
) -> tuple[PoolManager, CommandBus]:
    bus = CommandBus()
    made = PoolManager(
        [
            PoolConfig(url=URL.format(number), user="me", group=group)
            for number, group in enumerate(group_of_pool)
        ],
        StratumConfig(),
        groups=groups,
        clock=SystemClock(),
        rng=random.Random(1),
        agent="luxminer",
        on_stakes=lambda stakes: None,
        on_version_mask=lambda pool, mask: None,
        bus=bus,
    )
    return made, bus


def two_groups() -> tuple[PoolManager, CommandBus]:
    groups = (GroupConfig(name="a", quota=3.0), GroupConfig(name="b"))
    return manager("", "b", "a", groups=groups)


async def refusal(bus: CommandBus, order: Command) -> str:
    with pytest.raises(CommandError) as caught:
        await bus.send(order)
    return caught.value.reason


def test_pools_stand_in_the_groups_that_they_name() -> None:
    made, _ = two_groups()
    assert [(pool.group, pool.quota) for pool in made.snapshots()] == [(0, 3), (1, 1), (0, 3)]
    assert [(g.id, g.name, g.quota, g.strategy, g.active) for g in made.group_snapshots()] == [
        (0, "a", 3.0, "Failover", False),
        (1, "b", 1.0, "Failover", False),
    ]


def test_without_groups_all_pools_are_in_one() -> None:
    made, _ = manager("", "default")
    assert [pool.group for pool in made.snapshots()] == [0, 0]
    assert [group.name for group in made.group_snapshots()] == ["default"]
    assert made.strategy == "Failover"


@pytest.mark.parametrize(
    ("groups", "pool_group", "key"),
    [
        (["a", "a"], "", "groups[1].name"),
        (["a", ""], "", "groups[1].name"),
        (["a", "b\n"], "", "groups[1].name"),
        (["a", "b"], "c", "pools[0].group"),
        ([], "c", "pools[0].group"),
        ([str(number) for number in range(MAX_GROUPS + 1)], "", "groups"),
    ],
)
def test_groups_that_cannot_be_are_refused_with_their_key(
    groups: list[str], pool_group: str, key: str
) -> None:
    with pytest.raises(ConfigError) as caught:
        check_groups(
            [GroupConfig(name=name) for name in groups],
            [PoolConfig(url=URL, user="me", group=pool_group)],
        )
    assert caught.value.key == key
    assert caught.value.cure


async def test_priorities_are_those_of_cgminer() -> None:
    """Those that are named come first, the others follow; nothing changes when one is wrong."""
    made, bus = manager("", "", "", "")
    await bus.send(SetPriority(pool_ids=(2, 1)))
    assert [pool.priority for pool in made.snapshots()] == [2, 1, 0, 3]
    assert await refusal(bus, SetPriority(pool_ids=(3, 0, 3))) == "duplicate-pool"
    assert await refusal(bus, SetPriority(pool_ids=(3, 4))) == "unknown-pool"
    assert [pool.priority for pool in made.snapshots()] == [2, 1, 0, 3]
    await bus.send(DisablePool(pool_id=3))
    await bus.send(SwitchPool(pool_id=3))
    assert [pool.priority for pool in made.snapshots()] == [3, 2, 1, 0]
    assert made.snapshots()[3].enabled


async def test_quotas_and_strategies_can_be_changed() -> None:
    made, bus = two_groups()
    assert await bus.send(SetQuota(group_id=1, quota=2.5)) == "b"
    assert await bus.send(SetStrategy(group_id=1, strategy="load-balance")) == "b"
    assert await bus.send(SetStrategy(group_id=0, strategy="rotate", rotate_s=600.0)) == "a"
    assert await bus.send(SetPoolQuota(pool_id=1, quota=7)) == URL.format(1)
    assert [pool.quota for pool in made.snapshots()] == [3.0, 7.0, 3.0]
    assert [(g.quota, g.strategy) for g in made.group_snapshots()] == [
        (3.0, "Rotate"),
        (2.5, "Load Balance"),
    ]
    assert made.group_snapshots()[0].rotate_s == 600.0
    assert made.strategy == "Rotate"


@pytest.mark.parametrize(
    ("order", "reason"),
    [
        (SetQuota(group_id=2, quota=1), "unknown-group"),
        (SetQuota(group_id=-1, quota=1), "unknown-group"),
        (SetQuota(group_id=0, quota=-0.5), "invalid-quota"),
        (SetQuota(group_id=0, quota=float("nan")), "invalid-quota"),
        (SetQuota(group_id=0, quota=float("inf")), "invalid-quota"),
        (SetPoolQuota(pool_id=9, quota=1), "unknown-pool"),
        (SetPoolQuota(pool_id=0, quota=-1), "invalid-quota"),
        (SetStrategy(group_id=0, strategy="Failover"), "unknown-strategy"),
        (SetStrategy(group_id=7, strategy="failover"), "unknown-group"),
        (SetStrategy(group_id=0, strategy="rotate", rotate_s=0), "invalid-time"),
        (SetStrategy(group_id=0, strategy="rotate", rotate_s=float("nan")), "invalid-time"),
        (SetStrategy(group_id=0, strategy="rotate", rotate_s=float("inf")), "invalid-time"),
        (AddGroup(name=""), "invalid-name"),
        (AddGroup(name="a\nb"), "invalid-name"),
        (AddGroup(name="c", quota=-1), "invalid-quota"),
        (RemoveGroup(group_id=2), "unknown-group"),
        (AddPool(url=URL, user="me", password="x", group=2), "unknown-group"),
    ],
)
async def test_what_cannot_be_done_changes_nothing(order: Command, reason: str) -> None:
    made, bus = two_groups()
    before = made.snapshots(), made.group_snapshots()
    assert await refusal(bus, order) == reason
    assert (made.snapshots(), made.group_snapshots()) == before


async def test_groups_come_and_go_with_their_pools() -> None:
    """As a client does that writes down a whole new list: the last group can go, too."""
    made, bus = two_groups()
    assert await bus.send(AddGroup(name="c", quota=5)) == 2
    assert await bus.send(AddPool(url=URL.format(8), user="me", password="x", group=2)) == 3
    assert await bus.send(RemoveGroup(group_id=0)) == "a"
    assert [(pool.url, pool.group) for pool in made.snapshots()] == [
        (URL.format(1), 0),
        (URL.format(8), 1),
    ]
    assert await bus.send(RemoveGroup(group_id=1)) == "c"
    assert await bus.send(RemoveGroup(group_id=0)) == "b"
    assert (made.snapshots(), made.group_snapshots(), made.strategy) == ((), (), "Failover")
    assert await refusal(bus, AddPool(url=URL, user="me", password="x", group=1)) == "unknown-group"
    assert await bus.send(AddPool(url=URL.format(5), user="me", password="x")) == 0
    assert [group.name for group in made.group_snapshots()] == ["default"]
    for number in range(1, MAX_GROUPS):
        await bus.send(AddGroup(name=f"{number}"))
    assert await refusal(bus, AddGroup(name="one more")) == "too-many"


async def test_counters_do_not_fall_when_a_pool_goes() -> None:
    made, bus = manager("", "")
    before = (made.jobs, made.get_failures, made.remote_failures, made.discarded)
    await bus.send(RemovePool(pool_id=0))
    assert (made.jobs, made.get_failures, made.remote_failures, made.discarded) == before
    assert [pool.id for pool in made.snapshots()] == [0]


async def test_options_of_pools_are_changed_together_or_not_at_all() -> None:
    made, bus = manager("")
    before = made.options()
    wrong = {"failback_s": 30.0, "silence_timeout_s": 1.0}
    assert await refusal(bus, SetPoolOptions(options=wrong)) == "invalid-option"
    assert await refusal(bus, SetPoolOptions(options={"proxy": 1.0})) == "invalid-option"
    assert made.options() == before
    await bus.send(SetPoolOptions(options={"failback_s": 30.0, "silence_timeout_s": 10.0}))
    assert (made.options().failback_s, made.options().silence_timeout_s) == (30.0, 10.0)
