"""A group of pools: its part of all work, and which of its pools give that work now.

Failover, round robin and rotate work for one pool after the other, load balance and balance for
several at once: the same machine with other parameters.
"""

from collections.abc import Sequence
from enum import StrEnum

from luxminer.config.schema import GroupConfig, PoolConfig
from luxminer.errors import ConfigError
from luxminer.pool.failover import choose, divide, next_in_turn
from luxminer.pool.pool import Pool
from luxminer.telemetry.model import GroupSnapshot
from luxminer.work.job import Stake

__all__ = ["DEFAULT", "MAX_GROUPS", "TITLES", "PoolGroup", "Strategy", "check_groups"]

DEFAULT = GroupConfig(name="default")
"""What there is where the owner names none."""

MAX_GROUPS = 16


class Strategy(StrEnum):
    """CGMiner's strategies, as they are written in the settings."""

    FAILOVER = "failover"
    """The first pool by priority that works."""
    ROUND_ROBIN = "round-robin"
    """The next one when the present one fails; none is returned to before its turn."""
    ROTATE = "rotate"
    """The next one also after a time."""
    LOAD_BALANCE = "load-balance"
    """All at once, by their quotas."""
    BALANCE = "balance"
    """All at once and alike; one that was away catches up with what the others had of late."""


TITLES = {
    Strategy.FAILOVER: "Failover",
    Strategy.ROUND_ROBIN: "Round Robin",
    Strategy.ROTATE: "Rotate",
    Strategy.LOAD_BALANCE: "Load Balance",
    Strategy.BALANCE: "Balance",
}
"""CGMiner's words for them."""


class PoolGroup:
    """``number`` is never used twice; the position in the list, which users see, may change."""

    def __init__(self, number: int, config: GroupConfig) -> None:
        self.number = number
        self.name = config.name
        self.quota = config.quota
        self.strategy = Strategy(config.strategy)
        self.rotate_s = config.rotate_s
        self.working: list[tuple[Pool, float]] = []
        """Pools that give its work now, with their parts of it."""
        self._since_s = 0.0
        self._jump_to: Pool | None = None

    @property
    def alive(self) -> bool:
        return any(pool.alive for pool, _ in self.working)

    @property
    def has_job(self) -> bool:
        return bool(self.working)

    @property
    def active(self) -> list[Pool]:
        return [pool for pool, _ in self.working]

    def jump_to(self, pool: Pool) -> None:
        """Let this pool be the next one as soon as it works, whoever's turn it is."""
        self._jump_to = pool

    def choose(self, order: Sequence[Pool], now_s: float, failback_s: float) -> bool:
        """Look anew which of its pools (best first) shall work; say whether they are others."""
        before = self.active
        for pool in before:
            if pool.enabled and not pool.alive:
                pool.on_probation = True
        match self.strategy:
            case Strategy.LOAD_BALANCE:
                self.working = divide(order, lambda pool: pool.quota)
            case Strategy.BALANCE:
                self.working = divide(order, lambda _: 1.0)
            case _:
                best = self._one_of(order, before[0] if before else None, now_s, failback_s)
                self.working = [(best, 1.0)] if best is not None else []
        for pool, _ in self.working:
            if pool.alive and now_s - pool.alive_since_s >= failback_s:
                pool.on_probation = False
        if self.active == before:
            return False
        self._since_s = now_s
        return True

    def _one_of(
        self, order: Sequence[Pool], active: Pool | None, now_s: float, failback_s: float
    ) -> Pool | None:
        jump_to = self._jump_to
        if self.strategy is Strategy.FAILOVER:
            self._jump_to = None  # its place in the order says as much
            return choose(order, active, now_s, failback_s)
        if jump_to is not None and jump_to.alive and jump_to in order:
            self._jump_to = None
            return jump_to
        is_due = self.strategy is Strategy.ROTATE and now_s - self._since_s >= self.rotate_s
        if is_due:
            self._since_s = now_s
        return next_in_turn(order, active, move_on=is_due)

    def stakes(self, quota: float) -> list[Stake]:
        """Return the jobs of its pools with their parts, when the group itself has ``quota``."""
        recent = [pool.recent.difficulty for pool, _ in self.working]
        mean = sum(recent) / len(recent) if self.strategy is Strategy.BALANCE else 0.0
        return [
            Stake(
                job=pool.job,
                group=self.number,
                quota=quota,
                weight=weight,
                behind=mean - difficulty if self.strategy is Strategy.BALANCE else 0.0,
            )
            for (pool, weight), difficulty in zip(self.working, recent, strict=True)
            if pool.job is not None
        ]

    def snapshot(self, position: int, *, active: bool) -> GroupSnapshot:
        return GroupSnapshot(
            id=position,
            name=self.name,
            quota=self.quota,
            strategy=TITLES[self.strategy],
            rotate_s=self.rotate_s,
            active=active,
        )


def check_groups(groups: Sequence[GroupConfig], pools: Sequence[PoolConfig]) -> None:
    """Refuse groups and their pools that cannot be used. Raises ConfigError with the setting."""
    if len(groups) > MAX_GROUPS:
        cure = f"{MAX_GROUPS} are possible"
        raise ConfigError(f"there are {len(groups)}", key="groups", cure=cure)
    names: list[str] = []
    for number, group in enumerate(groups):
        key = f"groups[{number}].name"
        if not group.name or not group.name.isprintable():
            raise ConfigError(
                f'is "{group.name}"', key=key, value=group.name, cure="give it a name"
            )
        if group.name in names:
            cure = "give each group a name of its own"
            raise ConfigError(
                f'"{group.name}" is twice there', key=key, value=group.name, cure=cure
            )
        names.append(group.name)
    names = names or [DEFAULT.name]
    for number, pool in enumerate(pools):
        if pool.group and pool.group not in names:
            key, cure = f"pools[{number}].group", f"choose one of {', '.join(names)}"
            raise ConfigError(f'is "{pool.group}"', key=key, value=pool.group, cure=cure)
