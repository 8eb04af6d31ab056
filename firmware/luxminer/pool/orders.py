"""Orders for pools and groups: checked, carried out, answered."""

from collections.abc import Callable, Sequence

from luxminer.config.schema import (
    MAX_QUOTA,
    MAX_ROTATE_S,
    MIN_ROTATE_S,
    GroupConfig,
    PoolConfig,
    StratumConfig,
)
from luxminer.control import (
    AddGroup,
    AddPool,
    CommandBus,
    DisablePool,
    EnablePool,
    RemoveGroup,
    RemovePool,
    SetPoolQuota,
    SetPriority,
    SetQuota,
    SetStrategy,
    SwitchPool,
)
from luxminer.errors import CommandError, ConfigError
from luxminer.pool.connections import Connections
from luxminer.pool.group import MAX_GROUPS, PoolGroup, Strategy
from luxminer.pool.pool import Pool, check_pool
from luxminer.pool.roster import Roster

__all__ = ["MAX_POOLS", "PoolOrders"]

MAX_POOLS = 64


class PoolOrders:
    """Changes the roster. ``make`` adds a pool to it, ``changed`` has to be called after that."""

    def __init__(
        self,
        roster: Roster,
        connections: Connections,
        stratum: StratumConfig,
        make: Callable[[PoolConfig, PoolGroup], Pool],
        removed: Callable[[Pool], None],
        changed: Callable[[], None],
    ) -> None:
        self._roster = roster
        self._connections = connections
        self._stratum = stratum
        self._make = make
        self._removed = removed
        self._changed = changed

    def register(self, bus: CommandBus) -> None:
        bus.register(AddPool, self._add_pool)
        bus.register(RemovePool, self._remove_pool)
        bus.register(EnablePool, self._enable_pool)
        bus.register(DisablePool, self._disable_pool)
        bus.register(SwitchPool, self._switch_pool)
        bus.register(SetPriority, self._set_priority)
        bus.register(SetPoolQuota, self._set_pool_quota)
        bus.register(AddGroup, self._add_group)
        bus.register(RemoveGroup, self._remove_group)
        bus.register(SetQuota, self._set_quota)
        bus.register(SetStrategy, self._set_strategy)

    # Pools ---------------------------------------------------------------------------------------

    async def _add_pool(self, order: AddPool) -> int:
        roster = self._roster
        config = PoolConfig(url=order.url, user=order.user, password=order.password)
        if order.group != 0 or roster.groups:
            roster.group_at(order.group)
        if len(roster.pools) >= MAX_POOLS:
            raise CommandError("too-many", f"there are {MAX_POOLS} pools already; remove one first")
        try:
            check_pool(config, "pool", self._stratum)
        except ConfigError as exc:
            reason = "invalid-url" if exc.key.endswith(".url") else "invalid-user"
            raise CommandError(reason, str(exc)) from exc
        if not roster.groups:
            roster.add_group(GroupConfig())
        self._connections.connect(self._make(config, roster.groups[order.group]))
        return len(roster.pools) - 1

    async def _remove_pool(self, order: RemovePool) -> str:
        pool = self._roster.at(order.pool_id)
        if len(self._roster.pools) == 1:
            raise CommandError("last-pool", "the last pool cannot be removed")
        if [active for group in self._roster.groups for active in group.active] == [pool]:
            raise CommandError("active-pool", "the pool that gives the work cannot be removed")
        self._take_away([pool])
        return pool.config.url

    async def _enable_pool(self, order: EnablePool) -> bool:
        pool = self._roster.at(order.pool_id)
        if pool.enabled:
            return False
        pool.enabled = True
        self._connections.connect(pool)
        self._changed()
        return True

    async def _disable_pool(self, order: DisablePool) -> bool:
        pool = self._roster.at(order.pool_id)
        if not pool.enabled:
            return False
        if sum(other.enabled for other in self._roster.pools) == 1:
            raise CommandError("last-pool", "the last enabled pool cannot be disabled")
        pool.enabled = False
        self._connections.disconnect(pool)
        self._changed()
        return True

    async def _switch_pool(self, order: SwitchPool) -> str:
        pool = self._roster.at(order.pool_id)
        self._roster.prefer([pool])
        pool.on_probation = False
        pool.watchdog.pardon()
        pool.enabled = True
        pool.group.jump_to(pool)
        self._connections.connect(pool)
        self._changed()
        return pool.config.url

    async def _set_priority(self, order: SetPriority) -> None:
        pools = [self._roster.at(position) for position in order.pool_ids]
        for number, position in enumerate(order.pool_ids):
            if position in order.pool_ids[:number]:
                raise CommandError("duplicate-pool", f"pool {position} is named twice")
        self._roster.prefer(pools)
        self._changed()

    async def _set_pool_quota(self, order: SetPoolQuota) -> str:
        pool = self._roster.at(order.pool_id)
        pool.quota = _checked_quota(order.quota)
        self._changed()
        return pool.config.url

    # Groups --------------------------------------------------------------------------------------

    async def _add_group(self, order: AddGroup) -> int:
        groups = self._roster.groups
        if not order.name or not order.name.isprintable():
            raise CommandError("invalid-name", f'"{order.name}" is no name for a group')
        if order.name in {group.name for group in groups}:
            raise CommandError("invalid-name", f'there is a group "{order.name}" already')
        if len(groups) >= MAX_GROUPS:
            raise CommandError("too-many", f"there are {MAX_GROUPS} groups already")
        self._roster.add_group(GroupConfig(name=order.name, quota=_checked_quota(order.quota)))
        return len(groups) - 1

    async def _remove_group(self, order: RemoveGroup) -> str:
        group = self._roster.group_at(order.group_id)
        self._roster.groups.remove(group)
        self._take_away(self._roster.order_of(group))
        return group.name

    async def _set_quota(self, order: SetQuota) -> str:
        group = self._roster.group_at(order.group_id)
        group.quota = _checked_quota(order.quota)
        self._changed()
        return group.name

    async def _set_strategy(self, order: SetStrategy) -> str:
        group = self._roster.group_at(order.group_id)
        if order.strategy not in set(Strategy):
            known = ", ".join(Strategy)
            raise CommandError("unknown-strategy", f'"{order.strategy}" is none of {known}')
        if order.rotate_s is not None and not MIN_ROTATE_S <= order.rotate_s <= MAX_ROTATE_S:
            limits = f"from {MIN_ROTATE_S:g} to {MAX_ROTATE_S:g} s"
            raise CommandError("invalid-time", f"{order.rotate_s:g} s is not {limits}")
        group.strategy = Strategy(order.strategy)
        if order.rotate_s is not None:
            group.rotate_s = order.rotate_s
        self._changed()
        return group.name

    def _take_away(self, pools: Sequence[Pool]) -> None:
        for pool in pools:
            self._connections.disconnect(pool)
            self._roster.remove(pool)
            self._removed(pool)
        self._changed()


def _checked_quota(quota: float) -> float:
    if not 0 <= quota <= MAX_QUOTA:
        raise CommandError("invalid-quota", f"{quota:g} is not from 0 to {MAX_QUOTA:g}")
    return float(quota)
