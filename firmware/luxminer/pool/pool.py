"""One pool of the list: what the owner set, its connection, and what is shown of it."""

import json
import random
from collections import Counter
from collections.abc import Callable
from fractions import Fraction
from typing import TYPE_CHECKING

from luxminer.clock import Clock
from luxminer.config.schema import PoolConfig, StratumConfig
from luxminer.errors import ConfigError
from luxminer.pool.balance import RecentWork
from luxminer.stratum.client import StratumClient
from luxminer.stratum.protocol import Event, MessageShown
from luxminer.stratum.route import route_of
from luxminer.telemetry.model import PoolSnapshot, PoolStatus, ShareTally
from luxminer.work.header import block_height
from luxminer.work.job import PoolJob

if TYPE_CHECKING:
    from luxminer.pool.group import PoolGroup

__all__ = ["MAX_NAME", "Pool", "check_pool"]

MAX_NAME = 256
"""Bytes of a user or password: a line of a submit must stay below 1,024 bytes."""

DEFAULTS = StratumConfig()


class Pool:
    """``number`` is never used twice; the position in the list, which users see, may change."""

    def __init__(
        self,
        *,
        number: int,
        config: PoolConfig,
        group: "PoolGroup",
        stratum: StratumConfig,
        clock: Clock,
        rng: random.Random,
        agent: str,
        listener: Callable[["Pool", Event], None],
        changed: Callable[[], None],
    ) -> None:
        """Make a pool that is not connected yet. Raises ConfigError for a wrong setting."""
        self.number = number
        self.config = config
        self.group = group
        self.quota = config.quota
        self.recent = RecentWork()
        self.enabled = config.enabled
        self.on_probation = False
        self.works = 0
        self.discarded = 0
        self.remote_failures = 0
        self.tickets: Counter[float] = Counter()
        """Right nonces by the difficulty of their ticket."""
        self.last_job_wall_s: float | None = None
        self._message = ""
        self._clock = clock
        self._job: PoolJob | None = None
        self.client = StratumClient(
            pool_id=number,
            pool=config,
            agent=agent,
            config=stratum,
            clock=clock,
            rng=rng,
            listener=lambda event: self._heard(event, listener),
            changed=changed,
        )

    @property
    def job(self) -> PoolJob | None:
        """The newest job of the live connection."""
        protocol = self.client.protocol
        return protocol.current_job if protocol is not None else None

    @property
    def has_job(self) -> bool:
        return self.enabled and self.job is not None

    @property
    def alive(self) -> bool:
        return self.has_job and self.client.authorized

    @property
    def alive_since_s(self) -> float:
        return self.client.authorized_since_s or 0.0

    @property
    def jobs(self) -> int:
        return self.client.jobs

    @property
    def get_failures(self) -> int:
        return self.client.interruptions

    @property
    def problem(self) -> str:
        if not self.enabled or self.alive:
            return ""
        return self.client.problem or "logged in, but no job came yet"

    def found(self, difficulty: float) -> None:
        """Count the work that a right nonce stands for."""
        self.tickets[difficulty] += 1
        self.recent.add(difficulty)

    def snapshot(
        self,
        *,
        position: int,
        priority: int,
        group: int,
        quota: float,
        active: bool,
        shares: ShareTally,
    ) -> PoolSnapshot:
        protocol, job = self.client.protocol, self.job
        if job is not None:
            self._job = job
        last = self._job
        status = PoolStatus.ALIVE if self.alive else PoolStatus.DEAD
        return PoolSnapshot(
            id=position,
            url=self.config.url,
            user=self.config.user,
            status=status if self.enabled else PoolStatus.DISABLED,
            problem=self.problem,
            enabled=self.enabled,
            priority=priority,
            group=group,
            quota=quota,
            active=active,
            connected=protocol is not None,
            stratum_host=str(self.client.at) if self.client.at is not None else "",
            jobs=self.jobs,
            works=self.works,
            discarded=self.discarded,
            get_failures=self.get_failures,
            remote_failures=self.remote_failures,
            bad_lines=self.client.bad_lines,
            shares=shares,
            diff1_work=sum((Fraction(d) * n for d, n in self.tickets.items()), Fraction(0)),
            work_difficulty=last.difficulty if last is not None else Fraction(0),
            stratum_difficulty=protocol.difficulty if protocol is not None else Fraction(0),
            version_rolling=protocol.version_rolling if protocol is not None else False,
            version_mask=protocol.version_mask if protocol is not None else 0,
            block_height=(block_height(last.coinb1) or 0) if last is not None else 0,
            block_version=last.version if last is not None else 0,
            last_job_wall_s=self.last_job_wall_s,
            latency_s=protocol.latency_s if protocol is not None else None,
            message=self._message,
        )

    def _heard(self, event: Event, listener: Callable[["Pool", Event], None]) -> None:
        if isinstance(event, MessageShown):
            self._message = event.text
        listener(self, event)


def check_pool(config: PoolConfig, key: str, stratum: StratumConfig = DEFAULTS) -> None:
    """Refuse a pool that cannot be used. Raises ConfigError that names the setting."""
    route_of(config, stratum, key)
    if not config.user:
        cure = "enter the account or address that the pool pays"
        raise ConfigError("is empty", key=f"{key}.user", value="", cure=cure)
    for name, value in (("user", config.user), ("password", config.password)):
        if not value.isprintable():
            cure = "write letters, digits and signs only"
            raise ConfigError("has characters that cannot be seen", key=f"{key}.{name}", cure=cure)
        length = len(json.dumps(value)) - 2  # as it stands in a line: six bytes for an umlaut
        if length > MAX_NAME:
            reason = f"takes {length} bytes in a message"
            raise ConfigError(reason, key=f"{key}.{name}", cure=f"pools take {MAX_NAME} at most")
