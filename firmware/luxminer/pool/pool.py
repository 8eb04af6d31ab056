"""One pool of the list: what the owner set, its connection, and what is shown of it."""

import json
import random
from collections import Counter
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING

from luxminer.clock import Clock
from luxminer.config.schema import PoolConfig, StratumConfig
from luxminer.errors import ConfigError
from luxminer.node import is_node_url
from luxminer.pool.balance import RecentWork
from luxminer.pool.watchdog import Limits, PoolWatchdog
from luxminer.stratum.client import StratumClient
from luxminer.stratum.protocol import Event, JobReceived, MessageShown
from luxminer.stratum.route import route_of
from luxminer.telemetry.model import PoolSnapshot, PoolStatus, ShareTally
from luxminer.work.header import block_height
from luxminer.work.job import PoolJob

if TYPE_CHECKING:
    from luxminer.node.client import NodeClient
    from luxminer.pool.group import PoolGroup
    from luxminer.pool.payout import PayoutWatch

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
        state_dir: Path | None,
        listener: Callable[["Pool", Event], None],
        changed: Callable[[], None],
    ) -> None:
        """Make a pool that is not connected yet. Raises ConfigError for a wrong setting."""
        self.number = number
        self.is_node = is_node_url(config.url)
        self.settings = config
        self.config = _shown(config) if self.is_node else config
        """As it may be shown: without the login of a node."""
        self.shown_url = _without_login(self.config.url)
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
        self.clock_ahead_s: float | None = None
        """Of this machine, against the newest job when that came."""
        self.watchdog = PoolWatchdog(_limits(stratum))
        self._timed: PoolJob | None = None
        self._message = ""
        self._clock = clock
        self._job: PoolJob | None = None
        self._coinbase = b""
        self._payout = _payout_watch(self.config) if self.config.payout else None

        def heard(event: Event) -> None:
            self._heard(event, listener)

        self.client: StratumClient | NodeClient
        if self.is_node:
            self.client = _node_client(
                number, config, agent, stratum, clock, rng, state_dir, heard, changed
            )
        else:
            self.client = StratumClient(
                pool_id=number,
                pool=config,
                agent=agent,
                config=stratum,
                clock=clock,
                rng=rng,
                listener=heard,
                changed=changed,
            )

    def set_options(self, stratum: StratumConfig) -> None:
        """Keep to other times from now on."""
        self.client.config = stratum
        self.watchdog.limits = _limits(stratum)

    @property
    def job(self) -> PoolJob | None:
        """The newest job of the live connection, None when it is refused for whom it pays."""
        job = self._newest
        refused = job is not None and self._payout is not None and self._payout.refuses(job)
        return None if refused else job

    @property
    def _newest(self) -> PoolJob | None:
        protocol = self.client.protocol
        return protocol.current_job if protocol is not None else None

    @property
    def has_job(self) -> bool:
        return self.enabled and self.job is not None

    @property
    def alive(self) -> bool:
        return self.has_job and self.client.authorized and not self.left_out

    @property
    def left_out(self) -> bool:
        """Works, but is of no use: it gets work only when no other pool can have it."""
        return self.watchdog.is_left_out(self._clock.monotonic())

    @property
    def payout_is_missing(self) -> bool:
        return self.enabled and self._payout is not None and self._payout.is_missing

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
        if self.job is not self._newest:
            return f"its jobs do not pay {self.config.payout}: none of them is mined"
        if self.has_job and self.client.authorized:
            return f"left out: {self.watchdog.why_left_out}"
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
        work_part: float,
        shares: ShareTally,
    ) -> PoolSnapshot:
        protocol, job = self.client.protocol, self._newest
        if job is not None and job is not self._job:
            self._job = job
            zeros = bytes(job.extranonce2_size)
            self._coinbase = job.coinb1 + job.extranonce1 + zeros + job.coinb2
        last = self._job
        status = PoolStatus.ALIVE if self.alive else PoolStatus.DEAD
        if self.left_out and self.has_job:
            status = PoolStatus.REJECTING
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
            work_part=work_part,
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
            is_node=self.is_node,
            payout=self.config.payout,
            payout_verdict=self._payout.verdict if self._payout is not None else "",
            coinbase=self._coinbase,
        )

    def _heard(self, event: Event, listener: Callable[["Pool", Event], None]) -> None:
        if isinstance(event, MessageShown):
            self._message = event.text
        elif isinstance(event, JobReceived):
            self._job_came(event.job)
        listener(self, event)

    def _job_came(self, job: PoolJob) -> None:
        if job is not self._timed:  # one that is sent once more shows the time it was made
            self._timed, self.clock_ahead_s = job, self._clock.wall() - job.ntime
        if self._payout is not None:
            self._payout.saw(job)


def check_pool(config: PoolConfig, key: str, stratum: StratumConfig = DEFAULTS) -> None:
    """Refuse a pool that cannot be used. Raises ConfigError that names the setting."""
    if is_node_url(config.url):
        from luxminer.node.settings import node_settings

        node_settings(config, key)
        return
    route_of(config, stratum, key)
    if config.payout:
        from luxminer.node.settings import payout_address

        payout_address(config.payout, f"{key}.payout")
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


def _without_login(url: str) -> str:
    scheme, mark, rest = url.partition("://")
    return f"{scheme}{mark}{rest.rpartition('@')[2]}"


def _shown(config: PoolConfig) -> PoolConfig:
    from luxminer.node.settings import without_credentials

    return without_credentials(config)


def _limits(stratum: StratumConfig) -> Limits:
    return Limits(
        job_timeout_s=stratum.job_timeout_s,
        patience_s=stratum.patience_s,
        penalty_s=stratum.penalty_s,
    )


def _payout_watch(config: PoolConfig) -> "PayoutWatch":
    from luxminer.pool.payout import PayoutWatch

    return PayoutWatch(config.payout, refusing=config.payout_check == "refuse", url=config.url)


def _node_client(
    number: int,
    config: PoolConfig,
    agent: str,
    stratum: StratumConfig,
    clock: Clock,
    rng: random.Random,
    state_dir: Path | None,
    listener: Callable[[Event], None],
    changed: Callable[[], None],
) -> "NodeClient":
    from luxminer.node.client import NodeClient
    from luxminer.node.settings import node_settings

    return NodeClient(
        pool_id=number,
        settings=node_settings(config),
        agent=agent,
        config=stratum,
        clock=clock,
        rng=rng,
        state_dir=state_dir,
        listener=listener,
        changed=changed,
    )
