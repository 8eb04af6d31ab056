"""Keeps one pool connected: dials, logs in, watches, backs off, and carries shares across a break.

A share leaves on the connection whose valid jobs hold its job, or never. What was found or sent
before a break is kept while the pool may resume the session, and ends in a recorded reason else.

Ref: stratum reference section 12 (timers, resume, redirects).
"""

import asyncio
import itertools
import logging
import random
from collections import deque
from collections.abc import Callable, Mapping

from luxminer.clock import Clock
from luxminer.config.schema import StratumConfig
from luxminer.errors import StratumError, TransportError
from luxminer.stratum import protocol as stratum
from luxminer.stratum.connection import PoolConnection, dial
from luxminer.stratum.endpoint import Endpoint
from luxminer.stratum.outcome import Outcome, ShareResult
from luxminer.stratum.protocol import Event, StratumProtocol
from luxminer.work.job import PoolJob, Share

__all__ = ["ClientListener", "StratumClient"]

log = logging.getLogger(__name__)

STABLE_S = 60.0
"""A connection that lived this long starts the back-off anew."""

REFUSED_RETRY_S = 60.0
"""A pool that refused the login is asked no more often than this."""

MAX_REDIRECTS = 5
REDIRECT_WINDOW_S = 600.0
"""More redirects than `MAX_REDIRECTS` within this time are a broken or hostile pool."""

MAX_CARRIED = 4096
"""Shares kept across a break."""

CLOSE_S = 1.0
"""Time for the last bytes to leave."""

_connections = itertools.count(1)

ClientListener = Callable[[Event], None]


class StratumClient:
    """One pool. ``listener`` gets every event at once; ``changed`` is called on ups and downs."""

    def __init__(
        self,
        *,
        pool_id: int,
        endpoint: Endpoint,
        user: str,
        password: str,
        agent: str,
        config: StratumConfig,
        clock: Clock,
        rng: random.Random,
        listener: ClientListener,
        changed: Callable[[], None],
    ) -> None:
        self._pool_id = pool_id
        self._home = endpoint
        self._user = user
        self._password = password
        self._agent = agent
        self._config = config
        self._clock = clock
        self._rng = rng
        self._listener = listener
        self._changed = changed
        self._connection: PoolConnection | None = None
        self._protocol: StratumProtocol | None = None
        self._session_id: str | None = None
        self._resume: tuple[bytes, Mapping[str, PoolJob]] | None = None
        self._held: deque[tuple[Share, bool]] = deque()
        self._redirect: Endpoint | None = None
        self._redirects: deque[float] = deque()
        self._wait_s = 0.0
        self._use_configure = True
        self._heard_s = 0.0
        self.at: Endpoint | None = None
        """Where it is connected now."""
        self.problem = "not connected yet"
        """Why there is no login, in the pool's words where there are any."""
        self.authorized_since_s: float | None = None
        self.interruptions = 0
        """Connections lost after a login."""
        self.bad_lines = 0
        self.jobs = 0

    @property
    def protocol(self) -> StratumProtocol | None:
        """State of the live connection; None while there is none."""
        return self._protocol

    @property
    def authorized(self) -> bool:
        return self._protocol is not None and self._protocol.authorized

    async def run(self) -> None:
        """Stay connected until cancelled."""
        pause_s = 0.0
        while True:
            started_s = self._clock.monotonic()
            refused = False
            try:
                refused = await self._connect_once()
            except (TransportError, StratumError) as exc:
                self._set_problem(str(exc))
            lived_s = self._clock.monotonic() - started_s
            lower, upper = self._config.retry_min_s, self._config.retry_max_s
            pause_s = lower if lived_s >= STABLE_S or not pause_s else min(pause_s * 2, upper)
            wait_s = self._wait_s or pause_s * self._rng.uniform(0.5, 1.0)
            self._wait_s = 0.0
            await asyncio.sleep(max(wait_s, REFUSED_RETRY_S) if refused else wait_s)

    async def close(self) -> None:
        """Send what was queued and leave."""
        connection = self._connection
        if connection is not None:
            connection.close("stopped")
            try:
                async with asyncio.timeout(CLOSE_S):
                    await connection.closed.wait()
            except TimeoutError:
                connection.abort("stopped")

    def submit(self, share: Share) -> None:
        """Send a share at once, hold it, or settle it with the reason why it cannot be sent."""
        protocol, job = self._protocol, share.work.job
        if protocol is None:
            if self._resume is not None and self._resume[1].get(job.job_id) is job:
                self._hold(share, sent=False)
            else:
                self._settle(share, Outcome.DROPPED, "connection lost")
        elif job.connection != protocol.connection and not protocol.job_is_valid(job):
            self._settle(share, Outcome.DROPPED, "connection lost")
        elif not protocol.share_is_valid(share) and not share.is_block:
            self._settle(share, Outcome.STALE)
        elif not protocol.authorized:
            self._hold(share, sent=False)
        else:
            self._send(protocol, share)

    def tick(self, now_s: float) -> None:
        """Look at all time limits; called about once a second."""
        limit_s = self._config.share_timeout_s
        while self._held and now_s - self._held[0][0].found_s > limit_s:
            share, sent = self._held.popleft()
            self._give_up(share, sent=sent)
        protocol, connection = self._protocol, self._connection
        if protocol is None or connection is None:
            return
        self._dispatch(
            protocol.check_timeouts(
                now_s, self._config.handshake_timeout_s, self._config.share_timeout_s
            )
        )
        silent_s = now_s - self._heard_s
        if silent_s > self._config.silence_timeout_s:
            connection.abort(f"silent for {silent_s:.0f} s")

    def end(self) -> None:
        """Settle what can never leave any more."""
        while self._held:
            share, sent = self._held.popleft()
            self._give_up(share, sent=sent)
        if self._protocol is not None:
            for share in self._protocol.waiting:
                self._settle(share, Outcome.UNANSWERED)
            self._protocol = None

    # One connection ----------------------------------------------------------------------------

    async def _connect_once(self) -> bool:
        """Live through one connection; True when the login was refused."""
        target = self._redirect or self._home
        self._redirect = None
        protocol = StratumProtocol(
            pool_id=self._pool_id,
            connection=next(_connections),
            host=target.host,
            user=self._user,
            password=self._password,
            agent=self._agent,
            version_mask=int(self._config.version_rolling_mask, 16),
            session_id=self._session_id,
            resume=self._resume,
            use_configure=self._use_configure,
        )
        refused = False

        def opened(connection: PoolConnection) -> None:
            self._connection, self._protocol, self.at = connection, protocol, target
            self._heard_s = self._clock.monotonic()
            protocol.start(self._heard_s)
            connection.write(protocol.data_to_send())

        def received(data: bytes) -> None:
            nonlocal refused
            self._heard_s = self._clock.monotonic()
            events = protocol.receive_data(data, self._heard_s)
            refused = refused or any(isinstance(e, stratum.AuthorizeRefused) for e in events)
            self._dispatch(events)
            if self._connection is not None:
                self._connection.write(protocol.data_to_send())

        timeout_s = self._config.connect_timeout_s
        connection = await dial(target.host, target.port, timeout_s, opened, received)
        try:
            await connection.closed.wait()
        finally:
            connection.abort("stopped")
            self._lost(protocol, connection.reason)
        return refused

    def _lost(self, protocol: StratumProtocol, reason: str) -> None:
        """Book what a broken connection leaves behind."""
        if not protocol.subscribed and self._use_configure and self._session_id is None:
            log.info(
                "pool %s: left during the login; next time without mining.configure", self._home
            )
            self._use_configure = False
        self.interruptions += protocol.authorized
        self._connection, self._protocol, self.at = None, None, None
        self.authorized_since_s = None
        can_resume = protocol.session_id is not None and protocol.extranonce1 is not None
        if protocol.subscribed:
            self._session_id = protocol.session_id
            self._resume = None
            if can_resume and protocol.extranonce1 is not None:
                self._resume = (protocol.extranonce1, dict(protocol.valid_jobs))
        for share in protocol.waiting:
            if can_resume:
                self._hold(share, sent=True)
            else:
                self._settle(share, Outcome.UNANSWERED)
        if not can_resume:
            self._drop_held()
        if not self.problem:
            self._set_problem(reason)
        self._changed()

    def _drop_held(self) -> None:
        while self._held:
            share, sent = self._held.popleft()
            self._give_up(share, sent=sent)

    def _dispatch(self, events: list[Event]) -> None:
        for event in events:
            match event:
                case stratum.Subscribed():
                    if not event.resumed:
                        self._session_id, self._resume = None, None
                        self._drop_held()
                case stratum.Authorized():
                    self.problem = ""
                    self.authorized_since_s = self._clock.monotonic()
                    self._release()
                    self._changed()
                case stratum.AuthorizeRefused():
                    self._close_for(f'login of "{self._user}" refused: {event.text}')
                case stratum.ProtocolFailed():
                    self._close_for(event.reason)
                case stratum.ReconnectRequested():
                    self._redirected(event)
                case stratum.ReconnectRefused():
                    log.warning("pool %s: stays, %s is none of its hosts", self._home, event.host)
                case stratum.JobReceived():
                    self.jobs += 1
                case stratum.BadLine():
                    self.bad_lines += 1
                    log.debug(
                        "pool %s: ignored line: %s: %s", self._home, event.reason, event.excerpt
                    )
                case stratum.MessageShown():
                    log.info("pool %s says: %s", self._home, event.text)
                case _:
                    pass
            self._listener(event)

    def _redirected(self, event: stratum.ReconnectRequested) -> None:
        here = self.at or self._home
        now_s = self._clock.monotonic()
        while self._redirects and now_s - self._redirects[0] > REDIRECT_WINDOW_S:
            self._redirects.popleft()
        self._redirects.append(now_s)
        if len(self._redirects) > MAX_REDIRECTS:
            log.warning("pool %s: sends us around in circles; ignored", self._home)
            return
        self._redirect = Endpoint(
            host=event.host or here.host, port=event.port or here.port, tls=here.tls
        )
        self._wait_s = event.wait_s
        log.info(
            "pool %s: asks to reconnect to %s in %g s", self._home, self._redirect, event.wait_s
        )
        self._close_for("asked to reconnect", problem="reconnecting as the pool asked")

    def _close_for(self, reason: str, problem: str = "") -> None:
        self._set_problem(problem or reason)
        if self._connection is not None:
            self._connection.close(reason)

    def _set_problem(self, text: str) -> None:
        if text != self.problem:
            self.problem = text
            self._changed()

    # Shares ------------------------------------------------------------------------------------

    def _send(self, protocol: StratumProtocol, share: Share) -> None:
        events = protocol.submit(share, self._clock.monotonic())
        if self._connection is not None:
            self._connection.write(protocol.data_to_send())
        self._dispatch(events)

    def _hold(self, share: Share, *, sent: bool) -> None:
        self._held.append((share, sent))
        if len(self._held) > MAX_CARRIED:
            oldest, was_sent = self._held.popleft()
            self._give_up(oldest, sent=was_sent)

    def _release(self) -> None:
        """Send what waited for the login, on a resumed session also what was never answered."""
        held, self._held = list(self._held), deque()
        for share, _ in held:
            self.submit(share)

    def _give_up(self, share: Share, *, sent: bool) -> None:
        if sent:
            self._settle(share, Outcome.UNANSWERED)
        else:
            self._settle(share, Outcome.DROPPED, "connection lost")

    def _settle(self, share: Share, outcome: Outcome, reason: str = "") -> None:
        result = ShareResult(outcome=outcome, reason=reason)
        self._listener(stratum.ShareSettled(share=share, result=result))
