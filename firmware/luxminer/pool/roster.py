"""The lists: pools as users number them, their order of preference, and their groups."""

from collections.abc import Sequence
from dataclasses import replace

from luxminer.config.schema import GroupConfig, PoolConfig
from luxminer.errors import CommandError
from luxminer.pool.group import DEFAULT, PoolGroup
from luxminer.pool.pool import Pool

__all__ = ["Roster"]


class Roster:
    """Who is there. A position is a place in a list; it changes when somebody before it goes."""

    def __init__(self, groups: Sequence[GroupConfig]) -> None:
        self.pools: list[Pool] = []
        self.order: list[Pool] = []
        """All pools, the most preferred first."""
        self.groups: list[PoolGroup] = []
        self._by_number: dict[int, Pool] = {}
        self._next_group = 0
        self._gone = {"jobs": 0, "get_failures": 0, "remote_failures": 0, "discarded": 0}
        """Counters of pools that were removed."""
        for group in groups or (DEFAULT,):
            self.add_group(group)

    def add_group(self, config: GroupConfig) -> PoolGroup:
        group = PoolGroup(self._next_group, config)
        self._next_group += 1
        self.groups.append(group)
        return group

    def group_named(self, name: str) -> PoolGroup:
        """Return the group of a pool's setting; the first one when that is empty."""
        return next((group for group in self.groups if group.name == name), self.groups[0])

    def group_at(self, position: int) -> PoolGroup:
        """Raise CommandError when there is none."""
        if not 0 <= position < len(self.groups):
            raise CommandError("unknown-group", f"there is no group {position}")
        return self.groups[position]

    def order_of(self, group: PoolGroup) -> list[Pool]:
        """Return the pools of a group, the most preferred first."""
        return [pool for pool in self.order if pool.group is group]

    def add(self, pool: Pool) -> None:
        self.pools.append(pool)
        self.order.append(pool)
        self._by_number[pool.number] = pool

    def remove(self, pool: Pool) -> None:
        for counter in self._gone:
            self._gone[counter] += getattr(pool, counter)
        self.pools.remove(pool)
        self.order.remove(pool)
        del self._by_number[pool.number]

    def prefer(self, pools: Sequence[Pool]) -> None:
        """Put these first, in their order, all others behind them."""
        self.order = [*pools, *(pool for pool in self.order if pool not in pools)]

    def at(self, position: int) -> Pool:
        """Raise CommandError when there is none."""
        if not 0 <= position < len(self.pools):
            raise CommandError("unknown-pool", f"there is no pool {position}")
        return self.pools[position]

    def settings(self) -> tuple[tuple[GroupConfig, ...], tuple[PoolConfig, ...]]:
        """Return groups and pools as they would be written: pools in their order of preference."""
        groups = tuple(
            GroupConfig(
                name=group.name,
                quota=group.quota,
                strategy=str(group.strategy),
                rotate_s=group.rotate_s,
            )
            for group in self.groups
        )
        pools = tuple(
            replace(
                pool.settings, enabled=pool.enabled, quota=pool.quota, group=self._group_of(pool)
            )
            for pool in self.order
        )
        return (() if groups == (DEFAULT,) else groups), pools

    def _group_of(self, pool: Pool) -> str:
        """Return the group's name for the settings, which may leave out that of the first one."""
        is_left_out = not pool.settings.group and pool.group is self.groups[0]
        return "" if is_left_out else pool.group.name

    def by_number(self, number: int) -> Pool | None:
        return self._by_number.get(number)

    def position_of(self, number: int) -> int | None:
        return next((p for p, pool in enumerate(self.pools) if pool.number == number), None)

    def count(self, counter: str) -> int:
        """Return ``jobs``, ``get_failures``, ``remote_failures`` or ``discarded`` of all pools."""
        there: int = sum(getattr(pool, counter) for pool in self.pools)
        return self._gone[counter] + there
