"""Goes around among the pools: asks their watchdogs, shows what they find, takes their steps."""

import logging
from collections.abc import Sequence
from typing import TYPE_CHECKING

from luxminer.clock import Clock
from luxminer.pool import alarms
from luxminer.pool.pool import Pool
from luxminer.pool.watchdog import CLOCK_BOUND_S, Finding, Sight, Step
from luxminer.stratum import events as stratum
from luxminer.stratum.client import StratumClient
from luxminer.telemetry.events import EventKind, EventLog
from luxminer.telemetry.model import EventTarget

if TYPE_CHECKING:
    from luxminer.node.client import NodeClient

__all__ = ["Patrol"]

log = logging.getLogger(__name__)

CALM_PART = 1 / 12
"""Of its patience: so long after a round that found nothing a pool that works is not looked at."""


class Patrol:
    """One round a second or so, and an ear for all that pools say between."""

    def __init__(self, events: EventLog, clock: Clock) -> None:
        self._events = events
        self._clock = clock
        self._calm_until_s: dict[int, float] = {}
        """By pool."""

    def round(self, pools: Sequence[Pool], now_s: float) -> bool:
        """Look at all pools, and act; True when one is left out from now on."""
        clocks = self._of_clock(pools)
        is_changed = False
        for pool in pools:
            is_calm = now_s < self._calm_until_s.get(pool.number, now_s)
            if is_calm and not clocks and pool.alive and not pool.payout_is_missing:
                continue
            findings, step = pool.watchdog.look(_sight(pool, now_s))
            if step is not None:
                is_changed |= step is Step.LEAVE_OUT
                self._take(pool, step, findings[-1].text)
            if pool.payout_is_missing:
                text = f"its jobs do not pay {pool.config.payout}"
                findings.append(Finding(kind=alarms.PAYOUT_MISSING, text=text))
            if (clock := clocks.get(pool.number)) is not None:
                findings.append(Finding(kind=alarms.POOL_CLOCK_WRONG, text=clock))
            found = {finding.kind: finding.text for finding in findings}
            calm_s = 0.0 if found else CALM_PART * pool.watchdog.limits.patience_s
            self._calm_until_s[pool.number] = now_s + calm_s
            for kind in alarms.CONDITIONS:
                if kind in found:
                    self._events.note(kind, pool.number, found[kind])
                else:
                    self._events.clear(kind, pool.number)
        return is_changed

    def no_pool_works(self, text: str) -> None:
        self._events.note(alarms.NO_ACTIVE_POOLS, None, text)

    def some_pool_works(self) -> None:
        self._events.clear(alarms.NO_ACTIVE_POOLS, None)

    def forget(self, pool: Pool) -> None:
        """Drop what there was about a pool that was taken away."""
        self._events.forget(EventTarget.POOL, pool.number)
        self._calm_until_s.pop(pool.number, None)

    def heard(self, pool: Pool, event: stratum.Event) -> None:
        """Take what a pool did that the next round cannot see."""
        note = self._events.note
        match event:
            case stratum.ShareSettled():
                pool.watchdog.settled(event.result)
            case stratum.AuthorizeRefused():
                pool.watchdog.login_refused(pool.config.user, event.text)
            case stratum.Authorized():
                pool.watchdog.logged_in()
            case stratum.MessageShown():
                note(alarms.MESSAGE, pool.number, f'it says "{event.text}"')
            case stratum.ReconnectRefused():
                text = f"it wants us at {event.host}, which is none of its hosts"
                note(alarms.REDIRECT_REFUSED, pool.number, text)
            case stratum.ExtensionAnswered(granted=False | None):
                words = "gives no answer to" if event.granted is None else "refuses"
                said = f': "{event.text}"' if event.text else ""
                note(alarms.EXTENSION_REFUSED, pool.number, f"it {words} {event.name}{said}")
            case stratum.Subscribed(asked=True, resumed=True):
                note(alarms.SESSION_RESUMED, pool.number, "it went on with the session")
            case stratum.Subscribed(asked=True):
                text = "it did not go on with the session; shares of that are lost"
                note(alarms.SESSION_LOST, pool.number, text)
            case stratum.ProtocolFailed():
                note(alarms.BROKE_RULES, pool.number, event.reason)
            case _:
                pass

    def _of_clock(self, pools: Sequence[Pool]) -> dict[int, str]:
        """Compare this machine's clock with the newest jobs; return what is said of single pools.

        When all jobs agree with each other and not with us, it is our clock, or with one pool
        either; when only some are wrong, those pools are. Work is not touched: its time is that of
        its job and the seconds since that came, which no wall clock counts.
        """
        ahead = {p.number: p.clock_ahead_s for p in pools if p.clock_ahead_s is not None}
        wrong = {number: s for number, s in ahead.items() if abs(s) > CLOCK_BOUND_S}
        spread_s = max(ahead.values()) - min(ahead.values()) if ahead else 0.0
        if wrong and len(wrong) == len(ahead) and spread_s <= CLOCK_BOUND_S:
            whose = "the jobs of all pools" if len(ahead) > 1 else "the jobs of its only pool"
            text = f"the clock of this machine is {_told(next(iter(wrong.values())))} {whose}"
            self._events.note(alarms.CLOCK_WRONG, None, text)
            return {}
        self._events.clear(alarms.CLOCK_WRONG, None)
        return {
            number: f"the clock of this machine is {_told(ahead_s)} its jobs, not those of others"
            for number, ahead_s in wrong.items()
        }

    def _take(self, pool: Pool, step: Step, why: str) -> None:
        """Carry out a step of the ladder."""
        if step is Step.LEAVE_OUT:
            left_s = pool.watchdog.left_out_until_s - self._clock.monotonic()
            log.warning("%s: %s; it is left out for %.0f s", pool.config.url, why, left_s)
        else:
            where = "" if step is Step.RENEW else ", at its next address"
            log.warning("%s: %s; logging in anew%s", pool.config.url, why, where)
        if isinstance(pool.client, StratumClient):
            pool.client.renew(why, elsewhere=step is not Step.RENEW)


def _sight(pool: Pool, now_s: float) -> Sight:
    client, job, latest = pool.client, pool.job, pool.client.latest
    return Sight(
        now_s=now_s,
        enabled=pool.enabled,
        alive=pool.has_job and client.authorized,
        connected=latest is not None,
        subscribed=latest is not None and latest.subscribed,
        authorized=latest is not None and latest.authorized,
        pending=client.protocol is not None and not client.authorized,
        obstacle=_of_node(client),
        problem=pool.problem,
        job_s=job.received_s if job is not None and not pool.is_node else None,
        tickets={} if pool.is_node else pool.tickets,
        difficulty=float(job.difficulty) if job is not None else 0.0,
        breaks=client.interruptions,
        addresses=1 + len(pool.config.backup_urls),
    )


def _of_node(client: "StratumClient | NodeClient") -> EventKind | None:
    """Return what keeps a node from giving work; None for a pool."""
    if isinstance(client, StratumClient) or client.trouble is None:
        return None
    return alarms.OF_NODES[client.trouble.name]


def _told(ahead_s: float) -> str:
    minutes = abs(ahead_s) / 60
    amount = f"{minutes:.0f} minutes" if minutes < 180 else f"{minutes / 60:.0f} hours"
    return f"{amount} {'ahead of' if ahead_s > 0 else 'behind'}"
