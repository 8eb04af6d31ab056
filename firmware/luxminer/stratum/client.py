"""Keeps one pool connected: dials, logs in, watches, backs off, and carries shares across a break.

A share leaves on the connection whose valid jobs hold its job, or never. What was found or sent
before a break is kept while the pool may resume the session, and ends in a recorded reason else.

Ref: docs/sources.md, "Stratum" (timers, resume, redirects).
"""

import asyncio
import itertools
import logging
import random
from collections.abc import Callable, Mapping
from dataclasses import replace

from luxminer.clock import Clock
from luxminer.config.schema import PoolConfig, StratumConfig
from luxminer.errors import StratumError, TransportError
from luxminer.logs import RateLimit
from luxminer.stratum import protocol as stratum
from luxminer.stratum.connection import PoolConnection, dial
from luxminer.stratum.endpoint import Endpoint
from luxminer.stratum.held import HeldShares
from luxminer.stratum.itinerary import Itinerary
from luxminer.stratum.leniency import Leniency
from luxminer.stratum.outcome import DropReason, Outcome, ShareResult
from luxminer.stratum.protocol import Event, StratumProtocol
from luxminer.stratum.route import route_of
from luxminer.work.job import PoolJob, Share

__all__ = ["ClientListener", "StratumClient"]

log = logging.getLogger(__name__)

REFUSED_RETRY_S = 60.0
"""A pool that refused the login is asked no more often than this."""

MUTE_S = 300.0
"""A pool that answers no share at all for this long is dead, whatever else it says."""

WISH_HANGUP_S = 5.0
"""A pool that hangs up this soon after a request that it need not understand may do so for it."""

UNCHECKED_WARNING = (
    "pool %s: CERTIFICATE NOT CHECKED (tls_verify = false): whoever sits between can read the "
    "password and take the hash rate"
)

_connections = itertools.count(1)

ClientListener = Callable[[Event], None]


class StratumClient:
    """One pool. ``listener`` gets every event at once; ``changed`` is called on ups and downs."""

    def __init__(
        self,
        *,
        pool_id: int,
        pool: PoolConfig,
        agent: str,
        config: StratumConfig,
        clock: Clock,
        rng: random.Random,
        listener: ClientListener,
        changed: Callable[[], None],
    ) -> None:
        """Make a client that is not connected yet. Raises ConfigError for a wrong setting."""
        self._way = route_of(pool, config)
        self._pool_id = pool_id
        self._user = pool.user
        self._password = pool.password
        self._agent = agent
        self.config = config
        self._clock = clock
        retry = config.retry_min_s, config.retry_max_s
        self._itinerary = Itinerary(self._way.endpoints, *retry, rng)
        self._listener = listener
        self._changed = changed
        self._connection: PoolConnection | None = None
        self._protocol: StratumProtocol | None = None
        self._session_id: str | None = None
        self._resume: tuple[bytes, Mapping[str, PoolJob]] | None = None
        self._session_place = 0
        self._leniency = Leniency()
        self._held = HeldShares()
        self._session_start = 0
        self._resent: set[Share] = set()
        self._logged_in = False
        self._is_refused = False
        """The last login was."""
        self._heard_s = 0.0
        self._mute_since_s: float | None = None
        self._limit = RateLimit()
        self.at: Endpoint | None = None
        """Where it is connected now."""
        self.problem = "not connected yet"
        """Why there is no login, in the pool's words where there are any."""
        self.authorized_since_s: float | None = None
        self.latest: StratumProtocol | None = None
        """State of the newest connection, also when it is over; None when it could not be made."""
        self.interruptions = 0
        """Connections lost after a login."""
        self.bad_lines = 0
        self.jobs = 0
        self.errors = 0
        """Unexpected errors in whoever was told of an event."""

    @property
    def protocol(self) -> StratumProtocol | None:
        """State of the live connection; None while there is none."""
        return self._protocol

    @property
    def _home(self) -> Endpoint:
        return self._itinerary.home

    @property
    def authorized(self) -> bool:
        """Whether a login holds, and others were told: a protocol is ahead of its events."""
        is_told = self.authorized_since_s is not None
        return is_told and self._protocol is not None and self._protocol.authorized

    async def run(self) -> None:
        """Stay connected until cancelled."""
        while True:
            started_s = self._clock.monotonic()
            refused = self._logged_in = False
            try:
                refused = await self._connect_once()
            except (TransportError, StratumError) as exc:
                self.latest = None
                self._set_problem(str(exc))
            lived_s = self._clock.monotonic() - started_s
            logged_in = self._logged_in and not refused
            wait_s = self._itinerary.pause_after(lived_s, logged_in=logged_in)
            await asyncio.sleep(max(wait_s, REFUSED_RETRY_S) if refused else wait_s)

    def submit(self, share: Share) -> None:
        """Send a share at once, hold it, or settle it with the reason why it cannot be sent."""
        self._route(share, sent=False)

    def may_send(self, job: PoolJob) -> bool:
        """Tell whether a share of ``job`` can still leave: now, or when the session goes on."""
        protocol = self._protocol
        if protocol is not None and protocol.subscribed:
            return protocol.job_is_valid(job)
        return not self._is_refused and self._may_go_on_with(job)

    def tick(self, now_s: float) -> None:
        """Look at all time limits; called about once a second."""
        self._expire_held(now_s)
        protocol, connection = self._protocol, self._connection
        if protocol is None or connection is None:
            return
        config = self.config
        events = protocol.check_timeouts(now_s, config.handshake_timeout_s, config.share_timeout_s)
        self._dispatch(protocol, events)
        silent_s = now_s - self._heard_s
        if silent_s > self.config.silence_timeout_s:
            self._hang_up(f"silent for {silent_s:.0f} s")
        elif self._mute_since_s is not None and now_s - self._mute_since_s > MUTE_S:
            self._hang_up(f"answered no share for {MUTE_S:.0f} s")
        elif protocol.current_job is None and self.authorized_since_s is not None:
            idle_s = now_s - self.authorized_since_s
            if idle_s > config.silence_timeout_s:
                self._hang_up(f"sent no job for {idle_s:.0f} s after the login")

    def renew(self, reason: str, *, elsewhere: bool = False) -> None:
        """Log in anew, without the session; ``elsewhere``: at the next address, if there is one."""
        if elsewhere:
            self._itinerary.leave()
        self._hang_up(reason, keeps_session=False)
        self._forget_session(DropReason.SESSION_LOST)

    def end(self) -> None:
        """Hang up, and settle all that waits: nothing of it can leave any more."""
        connection, protocol = self._connection, self._protocol
        self._detach()
        self._forget_session(DropReason.CONNECTION_LOST)
        if connection is not None:
            connection.close("stopped")
        if protocol is not None:
            for share in protocol.waiting:
                self._give_up(share, DropReason.CONNECTION_LOST, sent=True)
        self._set_problem("not connected")

    # One connection ----------------------------------------------------------------------------

    async def _connect_once(self) -> bool:
        """Live through one connection; True when the login was refused."""
        target = self._itinerary.next()
        if target.tls and not self._way.tls.checks and self._may_log("unchecked"):
            log.warning(UNCHECKED_WARNING, target)
        same = self._itinerary.place == self._session_place
        protocol = StratumProtocol(
            pool_id=self._pool_id,
            connection=next(_connections),
            host=target.host,
            user=self._user,
            password=self._password,
            agent=self._agent,
            version_mask=int(self.config.version_rolling_mask, 16),
            session_id=self._session_id if same else None,
            resume=self._resume if same else None,
            use_configure=self._leniency.may_configure,
            wishes=self._way.wishes,
            leave_out=self._leniency.left_out,
        )
        refused = False

        def opened(connection: PoolConnection) -> None:
            self._connection, self._protocol, self.at = connection, protocol, target
            self.latest = protocol
            self._heard_s = self._clock.monotonic()
            protocol.start(self._heard_s)
            connection.write(protocol.data_to_send())

        def received(data: bytes) -> None:
            nonlocal refused
            if self._protocol is not protocol:
                return
            now_s = self._clock.monotonic()
            good_lines = protocol.good_lines
            events = protocol.receive_data(data, now_s)
            if protocol.good_lines != good_lines:
                self._heard_s = now_s
            refused = refused or any(isinstance(e, stratum.AuthorizeRefused) for e in events)
            self._dispatch(protocol, events)
            if self._connection is not None and self._protocol is protocol:
                self._connection.write(protocol.data_to_send())

        timeout_s = self.config.connect_timeout_s
        connection: PoolConnection | None = None
        try:
            connection = await dial(
                target, timeout_s, opened, received, tls=self._way.tls, proxy=self._way.proxy
            )
            await connection.closed.wait()
        finally:
            reason = "cancelled"
            if connection is not None:
                connection.abort("stopped")
                reason = connection.reason
                if connection.by_peer:
                    self._note_wishes(protocol)
                    reason += f'; it said "{protocol.said}"' if protocol.said else ""
            if self._protocol is protocol:
                self._lost(protocol, reason)
        return refused

    def _note_wishes(self, protocol: StratumProtocol) -> None:
        """Count what a pool may have hung up on, to leave it out when that is no chance."""
        asked = protocol.unanswered_wishes(self._clock.monotonic() - WISH_HANGUP_S)
        for method in self._leniency.hung_up_on(asked):
            log.info("pool %s: hung up again; from now on without %s", self._home, method)

    def _hang_up(self, reason: str, *, keeps_session: bool = True) -> None:
        """Leave at once, without waiting for a peer that may never read what is left."""
        connection, protocol = self._connection, self._protocol
        if connection is not None and protocol is not None:
            connection.abort(reason)
            self._lost(protocol, reason, keeps_session=keeps_session)

    def _lost(self, protocol: StratumProtocol, reason: str, *, keeps_session: bool = True) -> None:
        """Book what a broken connection leaves behind; done once for each."""
        self.interruptions += protocol.authorized
        self._logged_in = protocol.authorized
        self._detach()
        if protocol.is_configure_unread:
            self._leniency.configure_unread()
        if not keeps_session:
            self._forget_session(DropReason.SESSION_LOST)
        elif protocol.subscribed:
            self._keep_session(protocol)
        else:
            self._login_lost()
        for share in protocol.waiting:
            self._keep_or_give_up(share, sent=True)
        for share, sent in self._held.take():
            self._keep_or_give_up(share, sent=sent)
        self._set_problem(reason)
        self._notify_changed()

    def _detach(self) -> None:
        self._connection, self._protocol, self.at = None, None, None
        self.authorized_since_s = None
        self._mute_since_s = None

    def _keep_session(self, protocol: StratumProtocol) -> None:
        """Remember what the next connection needs to go on with this one's work."""
        extranonce1 = protocol.extranonce1
        if protocol.session_id is None or extranonce1 is None:
            self._session_id, self._resume = None, None
            return
        jobs = protocol.valid_jobs.items()
        same = {job_id: job for job_id, job in jobs if job.extranonce1 == extranonce1}
        self._session_id, self._resume = protocol.session_id, (extranonce1, same)
        self._session_place = self._itinerary.place

    def _forget_session(self, reason: DropReason) -> None:
        self._session_id, self._resume = None, None
        self._resent.clear()
        for share, sent in self._held.take():
            self._give_up(share, reason, sent=sent)

    def _login_lost(self) -> None:
        """Leave out, next time, what may have made the pool leave before the subscription."""
        self._leniency.lost_logins += 1
        if self._leniency.gives_session_up:
            self._forget_session(DropReason.SESSION_LOST)
        if self._leniency.lost_logins == 1:
            log.info("pool %s: left while logging in; next without mining.configure", self._home)

    def _dispatch(self, protocol: StratumProtocol, events: list[Event]) -> None:
        """Act on events; once the connection is given up, only the ends of shares count."""
        for event in events:
            if self._protocol is protocol or isinstance(event, stratum.ShareSettled):
                self._tell(self._digest(event))

    def _digest(self, event: Event) -> Event:
        """Draw the consequences of an event; returns it as others shall see it."""
        match event:
            case stratum.Configured():
                self._leniency.configured()
                self._release()
            case stratum.Subscribed():
                self._subscribed(event)
            case stratum.Authorized():
                self.problem, self._is_refused = "", False
                self.authorized_since_s = self._clock.monotonic()
                self._release()
                self._notify_changed()
            case stratum.AuthorizeRefused():
                self._is_refused = True
                self._hang_up(f'login of "{self._user}" refused: {event.text}')
            case stratum.ProtocolFailed():
                self._hang_up(event.reason)
            case stratum.ReconnectRequested():
                self._redirected(event)
            case stratum.ReconnectRefused():
                if self._may_log("refused redirect"):
                    log.warning("pool %s: stays, %s is not its host", self._home, event.host)
            case stratum.JobReceived():
                self.jobs += 1
            case stratum.ShareSettled():
                return self._answered(event)
            case stratum.BadLine():
                self.bad_lines += 1
                words = "pool %s: ignored line: %s: %s"
                log.debug(words, self._home, event.reason, event.excerpt)
            case stratum.MessageShown():
                if self._may_log("message"):
                    log.info("pool %s says: %s", self._home, event.text)
            case stratum.ExtensionAnswered():
                if event.granted is False and self._may_log(event.name):
                    log.info("pool %s: refuses %s: %s", self._home, event.name, event.text or "no")
            case _:
                pass
        return event

    def _subscribed(self, event: stratum.Subscribed) -> None:
        self._leniency.lost_logins = 0
        if event.asked and self._may_log("session"):
            words = "the session goes on" if event.resumed else "the session is lost"
            log.info("pool %s: %s", self.at, words)
        if not event.resumed:
            assert self._protocol is not None
            self._session_start = self._protocol.connection
            self._forget_session(DropReason.SESSION_LOST)
            self._notify_changed()
        self._release()

    def _answered(self, event: stratum.ShareSettled) -> stratum.ShareSettled:
        """Judge the end of a sent share; one sent twice may be counted already."""
        result, share = event.result, event.share
        if result.outcome is not Outcome.UNANSWERED:
            self._mute_since_s = None
        was_resent = share in self._resent
        self._resent.discard(share)
        if was_resent and result.outcome is Outcome.REJECTED and result.reason == "duplicate":
            text = "resent duplicate: the pool had it before the connection broke"
            result = replace(result, outcome=Outcome.UNANSWERED, reason="", text=text)
            return replace(event, result=result)
        return event

    def _redirected(self, event: stratum.ReconnectRequested) -> None:
        here = self.at or self._home
        port = event.port or here.port
        target = Endpoint(host=event.host or here.host, port=port, tls=here.tls)
        if not self._itinerary.redirect(target, event.wait_s, self._clock.monotonic()):
            if self._may_log("circles"):
                log.warning("pool %s: sends us around in circles; ignored", self._home)
            return
        log.info("pool %s: asks to reconnect to %s in %g s", self._home, target, event.wait_s)
        self._hang_up("reconnecting as the pool asked")

    def _set_problem(self, text: str) -> None:
        if text != self.problem:
            self.problem = text
            self._notify_changed()

    # Telling others ----------------------------------------------------------------------------

    def _tell(self, event: Event) -> None:
        self._guard(type(event).__name__, lambda: self._listener(event))

    def _notify_changed(self) -> None:
        self._guard("a change", self._changed)

    def _guard(self, what: str, call: Callable[[], None]) -> None:
        """Tell others; an error there must cost neither the connection nor later events."""
        try:
            call()
        except Exception:
            self.errors += 1
            if self._may_log("error"):
                log.exception("pool %s: error of ours while handling %s", self._home, what)

    def _may_log(self, key: str) -> bool:
        return self._limit.admit(key, self._clock.monotonic()) is not None

    # Shares ------------------------------------------------------------------------------------

    def _route(self, share: Share, *, sent: bool) -> None:
        """Bring a share as far as it can go now; ``sent``: it left on an earlier connection."""
        protocol = self._protocol
        if protocol is None or not protocol.subscribed:
            self._keep_or_give_up(share, sent=sent)
        elif not self._belongs(protocol, share.work.job):
            self._give_up(share, DropReason.SESSION_LOST, sent=sent)
        elif protocol.is_negotiating:
            self._hold(share, sent=sent)
        elif not protocol.share_is_valid(share) and not share.is_block:
            self._settle(share, Outcome.UNANSWERED if sent else Outcome.STALE)
        elif not protocol.authorized:
            self._hold(share, sent=sent)
        else:
            if sent:
                self._resent.add(share)
            self._send(protocol, share)

    def _belongs(self, protocol: StratumProtocol, job: PoolJob) -> bool:
        """Tell whether ``job`` came from this connection or from the session it went on with."""
        if job.connection == protocol.connection or protocol.job_is_valid(job):
            return True
        return (
            job.connection >= self._session_start
            and job.extranonce1 == protocol.extranonce1
            and job.user == self._user
        )

    def _send(self, protocol: StratumProtocol, share: Share) -> None:
        now_s = self._clock.monotonic()
        if self._mute_since_s is None:
            self._mute_since_s = now_s
        events = protocol.submit(share, now_s)
        self._tell(stratum.ShareSent(share=share))
        if self._connection is not None:
            self._connection.write(protocol.data_to_send())
        self._dispatch(protocol, events)

    def _keep_or_give_up(self, share: Share, *, sent: bool) -> None:
        """Hold a share while no session is open, if the next connection may go on with its job."""
        if self._may_go_on_with(share.work.job):
            self._hold(share, sent=sent)
        else:
            self._give_up(share, DropReason.CONNECTION_LOST, sent=sent)

    def _may_go_on_with(self, job: PoolJob) -> bool:
        """Tell whether the next connection may go on with the session that ``job`` is of."""
        return self._resume is not None and self._resume[1].get(job.job_id) is job

    def _hold(self, share: Share, *, sent: bool) -> None:
        if (oldest := self._held.add(share, sent=sent)) is not None:
            self._give_up(oldest[0], DropReason.TOO_MANY, sent=oldest[1])

    def _expire_held(self, now_s: float) -> None:
        for share, sent in self._held.take_older(now_s - self.config.share_timeout_s):
            self._give_up(share, DropReason.TOO_OLD, sent=sent)

    def _release(self) -> None:
        """Route again what waited for a login, also what an earlier connection left unanswered."""
        for share, sent in self._held.take():
            self._route(share, sent=sent)

    def _give_up(self, share: Share, reason: DropReason, *, sent: bool) -> None:
        """End a share that cannot be delivered; one that was sent may have been counted."""
        if sent:
            self._settle(share, Outcome.UNANSWERED, text=reason)
        else:
            self._settle(share, Outcome.DROPPED, reason)

    def _settle(self, share: Share, outcome: Outcome, reason: str = "", *, text: str = "") -> None:
        self._resent.discard(share)
        result = ShareResult(outcome=outcome, reason=reason, text=text)
        self._tell(stratum.ShareSettled(share=share, result=result))
