"""Keeps one Bitcoin node at work for us: templates in as jobs, solved blocks out.

Has the face of `luxminer.stratum.client.StratumClient`, so that the pool manager can hold either.
A long poll brings each new block at once; besides, a template is asked for now and then, which
brings fees, moves the clock on, and shows a node that has died.

Ref: BIP22, BIP23; docs/sources.md, "Stratum" (solo mining).
"""

import asyncio
import itertools
import logging
import random
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path

from luxminer import hashing
from luxminer.clock import Clock
from luxminer.config.schema import StratumConfig
from luxminer.errors import NodeError, TransportError
from luxminer.logs import RateLimit
from luxminer.node.block import proposed_block
from luxminer.node.delivery import BlockDelivery, display_hash
from luxminer.node.job import EXTRANONCE1_SIZE, JobMaker
from luxminer.node.reply import transactions_read
from luxminer.node.rpc import BLOCK, LoginRefused, NodeRpc, is_unknown, open_rpc
from luxminer.node.settings import NodeEndpoint, NodeSettings
from luxminer.node.template import Template, parse_template
from luxminer.node.trouble import BlocksRefused, Trouble, WrongNetwork, trouble_of
from luxminer.stratum import events
from luxminer.stratum.events import Event, ShareSent, ShareSettled
from luxminer.stratum.guard import shown_text
from luxminer.stratum.outcome import Outcome, ShareResult
from luxminer.work.address import Network
from luxminer.work.coinbase import coinbase_of
from luxminer.work.header import block_height
from luxminer.work.job import PoolJob, Share

__all__ = ["NodeClient", "NodeSession"]

log = logging.getLogger(__name__)

STABLE_S = 60.0
"""A session that lived this long starts the back-off anew."""

REFUSED_RETRY_S = 60.0
"""A node that refuses the login, or the address, is asked no more often than this."""

REFRESH_S = 45.0
"""A template is never older: a full one has megabytes, and a node makes it anew every 5 s."""

PAUSE_S = 0.5
"""Between long polls: a node that answers at once, for ever, must not keep us busy."""

POLL_S = 5.0
"""Between templates of a node without long polls."""

LONGPOLL_S = 24 * 3600.0
"""A long poll of a test network can last for hours; each one given up keeps a thread of the node
busy until the next block. One that fails is noticed by the refreshing template."""

LAG_S = 10.0
"""A long poll that has not told of a new block this long after a refresh did is broken."""

TEMPLATE_S = 30.0
QUERY_S = 10.0

MAX_TEMPLATES = 16
"""Kept for late blocks: equal transactions are kept once."""

CHAINS = {
    "main": Network.MAIN,
    "test": Network.TEST,
    "testnet4": Network.TEST,
    "signet": Network.TEST,
    "regtest": Network.REGTEST,
}
"""Names of chains in the answer to ``getblockchaininfo``."""

NO_VERDICT = (
    "inconclusive-not-best-prevblk",
    "inconclusive",
    "duplicate",
    "duplicate-inconclusive",
)
"""Answers to a proposal that say nothing about how the block is built."""

_connections = itertools.count(1 << 32)
"""Beyond those of stratum connections."""


@dataclass(slots=True, kw_only=True)
class NodeSession:
    """State while the node gives work."""

    connection: int
    current_job: PoolJob
    latency_s: float | None = None
    authorized: bool = True
    subscribed: bool = True

    @property
    def difficulty(self) -> Fraction:
        return self.current_job.difficulty

    @property
    def version_rolling(self) -> bool:
        return self.current_job.version_rolling

    @property
    def version_mask(self) -> int:
        return self.current_job.version_mask


class NodeClient:
    """One node. ``listener`` gets every event at once; ``changed`` is called on ups and downs."""

    def __init__(
        self,
        *,
        pool_id: int,
        settings: NodeSettings,
        agent: str,
        config: StratumConfig,
        clock: Clock,
        rng: random.Random,
        state_dir: Path | None,
        listener: Callable[[Event], None],
        changed: Callable[[], None],
    ) -> None:
        self._settings = settings
        self._agent = agent
        self.config = config
        self._clock = clock
        self._rng = rng
        self._listener = listener
        self._changed = changed
        self._maker = JobMaker(
            pool_id=pool_id,
            user=settings.payout.text,
            payout=settings.payout.script,
            text=settings.coinbase_text,
            extranonce1=rng.randbytes(EXTRANONCE1_SIZE),
            version_mask=int(config.version_rolling_mask, 16),
        )
        self._delivery = BlockDelivery(
            settings,
            agent=agent,
            clock=clock,
            rng=rng,
            state_dir=state_dir,
            sent=lambda share: self._tell(ShareSent(share=share)),
            settled=lambda share, result: self._tell(ShareSettled(share=share, result=result)),
            accepted=self._block_taken,
        )
        self._limit = RateLimit()
        self._session: NodeSession | None = None
        self._template: Template | None = None
        self._templates: OrderedDict[str, Template] = OrderedDict()
        self._numbers = itertools.count(1)
        self._connection = 0
        self._rules = ["segwit"]
        self._tested = False
        self._doubtful = False
        self._wanted = asyncio.Event()
        self._hung_up: asyncio.Future[str] | None = None
        self._asked_s = 0.0
        self._heard_s = 0.0
        self._taken_s = 0.0
        self._polled_tip: bytes | None = None
        self._lags_since_s: float | None = None
        self.at: NodeEndpoint | None = None
        """Where it is connected now."""
        self.problem = "not connected yet"
        """Why there is no work, in the node's words where there are any."""
        self.trouble: Trouble | None = None
        """The same as a kind; None while it gives work, and before the first attempt has ended."""
        self.authorized_since_s: float | None = None
        self.interruptions = 0
        """Times that the node was lost after it had given work."""
        self.bad_lines = 0
        """Templates that could not be used."""
        self.jobs = 0
        self.errors = 0
        """Unexpected errors in whoever was told of an event."""

    @property
    def protocol(self) -> NodeSession | None:
        """State while the node gives work; None else."""
        return self._session

    @property
    def latest(self) -> NodeSession | None:
        """The same: a node that is asked gives work or says why not."""
        return self._session

    @property
    def authorized(self) -> bool:
        return self._session is not None

    async def run(self) -> None:
        """Stay connected, and hand blocks in, until cancelled."""
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self._delivery.run())
                group.create_task(self._stay())
        finally:
            self._detach()

    def submit(self, share: Share) -> None:
        """Hand a block in at once, or settle it with the reason why it cannot be handed in."""
        template = self._templates.get(share.work.job.job_id)
        if template is None:
            self._tell(ShareSettled(share=share, result=ShareResult(outcome=Outcome.STALE)))
        else:
            self._delivery.hand_in(share, template)

    def may_send(self, job: PoolJob) -> bool:
        """Tell whether a block of ``job`` can still be handed in, now or when the node is back."""
        return job.job_id in self._templates

    def tick(self, now_s: float) -> None:
        """Look at all time limits; called about once a second."""
        if self._session is None:
            return
        limit_s = self.config.silence_timeout_s
        if now_s - self._heard_s > limit_s:
            self._hang_up(f"silent for {now_s - self._heard_s:.0f} s")
        elif self._lags_since_s is not None and now_s - self._lags_since_s > LAG_S:
            self._hang_up("its long poll does not tell of new blocks")
        elif now_s - self._asked_s >= min(REFRESH_S, limit_s / 2):
            self._asked_s = now_s
            self._wanted.set()

    def end(self) -> None:
        """Give the node up, and settle all that waits: nothing of it can leave any more."""
        self._detach()
        self._delivery.give_up()
        self._set_problem("not connected")

    # One session -------------------------------------------------------------------------------

    async def _stay(self) -> None:
        pause_s = 0.0
        while True:
            started_s = self._clock.monotonic()
            is_refused = False
            try:
                await self._live()
            except LoginRefused as exc:
                self._lost(exc)
                # A cookie that is out of date is replaced by the node's next start.
                is_refused = self._settings.cookie_file is None
                self._tell(events.AuthorizeRefused(code=None, text=str(exc)))
            except (TransportError, NodeError) as exc:
                self._lost(exc)
                is_refused = isinstance(exc, WrongNetwork)
            lived_s = self._clock.monotonic() - started_s
            lower, upper = self.config.retry_min_s, self.config.retry_max_s
            pause_s = lower if lived_s >= STABLE_S or not pause_s else min(pause_s * 2, upper)
            wait_s = pause_s * self._rng.uniform(0.5, 1.0)
            await asyncio.sleep(max(wait_s, REFUSED_RETRY_S) if is_refused else wait_s)

    async def _live(self) -> None:
        """Live through one session; ends with TransportError or NodeError."""
        async with open_rpc(self._settings, self._agent, self.config.connect_timeout_s) as rpc:
            await self._look_at_chain(rpc)
            await self._check_address(rpc)
            template = await self._fetch(rpc)
            if self._doubtful:
                await self._propose(rpc, template)
            self._begin(template)
            failed: BaseException | None = None
            try:
                async with asyncio.TaskGroup() as group:
                    group.create_task(self._follow(rpc))
                    group.create_task(self._refresh(rpc))
                    group.create_task(self._until_hung_up())
                    if not self._tested:
                        group.create_task(self._propose(rpc, template))
            except* (TransportError, NodeError) as group_failed:
                failed = group_failed.exceptions[0]
            assert failed is not None
            raise failed

    async def _look_at_chain(self, rpc: NodeRpc) -> None:
        """Find out which chain the node is on, as far as it says, and what that asks of us."""
        info = await self._ask(rpc, "getblockchaininfo")
        chain = info.get("chain") if isinstance(info, dict) else None
        payout = self._settings.payout
        network = CHAINS.get(chain) if isinstance(chain, str) else None
        if network is not None and network not in payout.networks:
            raise WrongNetwork(
                f"payout {payout.text} is no address of the chain that the node is on "
                f"({chain}); correct payout or url"
            )
        is_signet = chain == "signet" or (network is None and Network.TEST in payout.networks)
        self._rules = ["segwit", "signet"] if is_signet else ["segwit"]

    async def _check_address(self, rpc: NodeRpc) -> None:
        """Let the node read the payout address, too: a mistake there would cost a block."""
        payout = self._settings.payout
        answer = await self._ask(rpc, "validateaddress", payout.text)
        if not isinstance(answer, dict):
            return
        script = answer.get("scriptPubKey")
        if answer.get("isvalid") is False or (script and script != payout.script.hex()):
            raise WrongNetwork(f"the node does not take payout {payout.text} for an address")

    async def _ask(self, rpc: NodeRpc, method: str, *params: object) -> object:
        """Call what can be done without; None when the node has it not, or not for us."""
        try:
            return await rpc.call(method, list(params), timeout_s=QUERY_S)
        except NodeError as exc:
            if not is_unknown(exc):
                raise
            log.debug("node %s: no %s: %s", self._settings.endpoint, method, exc)
            return None

    async def _fetch(self, rpc: NodeRpc, longpoll_id: str = "") -> Template:
        request: dict[str, object] = {"rules": self._rules}
        if longpoll_id:
            request |= {"longpollid": longpoll_id, "capabilities": ["longpoll"]}
        else:
            self._asked_s = self._clock.monotonic()
        timeout_s = LONGPOLL_S if longpoll_id else TEMPLATE_S
        known = self._template.transactions if self._template is not None else ()
        try:
            fields = await rpc.call(
                "getblocktemplate", [request], timeout_s=timeout_s, hook=transactions_read
            )
            template = await asyncio.to_thread(
                parse_template, fields, {each.wtxid: each for each in known}
            )
        except NodeError as exc:
            self.bad_lines += exc.code is None
            raise
        self._heard_s = self._clock.monotonic()
        return template

    async def _follow(self, rpc: NodeRpc) -> None:
        """Ask for the next block's template all the time."""
        while True:
            template = self._template
            assert template is not None
            asked_s = self._clock.monotonic()
            if not template.longpoll_id:
                await asyncio.sleep(POLL_S)
            self._polled_tip = template.prev_hash if template.longpoll_id else None
            try:
                new = await self._fetch(rpc, template.longpoll_id)
            finally:
                self._polled_tip, self._lags_since_s = None, None
            self._take(new, asked_s)
            await asyncio.sleep(PAUSE_S)

    async def _refresh(self, rpc: NodeRpc) -> None:
        """Ask for a template whenever one is due."""
        while True:
            await self._wanted.wait()
            self._wanted.clear()
            asked_s = self._clock.monotonic()
            template = await self._fetch(rpc)
            if self._session is not None:
                answered_s = self._clock.monotonic() - asked_s
                self._session.latency_s = self._delivery.latency_s or answered_s
            self._take(template, asked_s)

    async def _until_hung_up(self) -> None:
        assert self._hung_up is not None
        raise TransportError(await self._hung_up)

    async def _propose(self, rpc: NodeRpc, template: Template) -> None:
        """Let the node check a block of ours but for its work; once, before the first real one."""
        job = self._maker.job(template, connection=0, job_id="", clean=True, received_s=0.0)
        root = hashing.merkle_root(coinbase_of(job), job.merkle_branch)
        block = await asyncio.to_thread(proposed_block, job, template, root)
        request = {"mode": "proposal", "data": BLOCK, "rules": self._rules}
        self._tested, result = True, None
        try:
            result = await rpc.call(
                "getblocktemplate", [request], timeout_s=TEMPLATE_S, block=block
            )
        except (NodeError, TransportError) as exc:
            log.debug("node %s: no proposals: %s", self._settings.endpoint, exc)
        self._doubtful = isinstance(result, str) and result not in NO_VERDICT
        if self._doubtful:
            raise BlocksRefused(f"the node would refuse our blocks: {shown_text(str(result))}")

    # Jobs --------------------------------------------------------------------------------------

    def _begin(self, template: Template) -> None:
        """Open a session: its headers are new, whatever was searched before."""
        self._maker = replace(self._maker, extranonce1=self._rng.randbytes(EXTRANONCE1_SIZE))
        self._connection = next(_connections)
        self._hung_up = asyncio.get_running_loop().create_future()
        self._publish(template, clean=True)
        self.at = self._settings.endpoint
        self.problem, self.trouble = "", None
        self.authorized_since_s = self._clock.monotonic()
        self._tell(events.Authorized())
        self._notify_changed()

    def _take(self, template: Template, asked_s: float) -> None:
        """Make a template the one to mine, unless a newer one came while it was on its way."""
        current = self._template
        if self._session is None or current is None:
            return
        if asked_s < self._taken_s and template.height < current.height:
            return
        if template.is_same_work(current):
            self._template = template  # the next long poll goes on from this one
            return
        is_new_tip = template.prev_hash != current.prev_hash
        if is_new_tip and self._polled_tip not in (None, template.prev_hash):
            self._lags_since_s = self._lags_since_s or self._clock.monotonic()
        self._publish(template, clean=is_new_tip)

    def _publish(self, template: Template, *, clean: bool) -> None:
        now_s = self._clock.monotonic()
        job = self._maker.job(
            template,
            connection=self._connection,
            job_id=f"{next(self._numbers):x}",
            clean=clean,
            received_s=now_s,
        )
        self._template, self._taken_s = template, now_s
        self._templates[job.job_id] = template
        if len(self._templates) > MAX_TEMPLATES:
            self._templates.popitem(last=False)
        if self._session is None:
            self._session = NodeSession(connection=self._connection, current_job=job)
        else:
            self._session.current_job = job
        self.jobs += 1
        self._tell(events.JobReceived(job=job))

    def _block_taken(self, share: Share) -> None:
        """Say that a block of ours is in the chain, and go on behind it."""
        height = block_height(share.work.job.coinb1)
        text = f"block {display_hash(share)} is in the chain at height {height}"
        log.warning("node %s: %s, and pays %s", self._settings.endpoint, text, self._maker.user)
        self._tell(events.MessageShown(text=text))
        self._wanted.set()

    # State -------------------------------------------------------------------------------------

    def _hang_up(self, reason: str) -> None:
        if self._hung_up is not None and not self._hung_up.done():
            self._hung_up.set_result(reason)

    def _lost(self, error: TransportError | NodeError) -> None:
        self.interruptions += self._session is not None
        self.trouble = trouble_of(error)
        self._detach()
        self._set_problem(str(error))

    def _detach(self) -> None:
        self._session, self.at, self.authorized_since_s = None, None, None

    def _set_problem(self, text: str) -> None:
        self.problem = text
        self._notify_changed()

    def _tell(self, event: Event) -> None:
        self._guard(type(event).__name__, lambda: self._listener(event))

    def _notify_changed(self) -> None:
        self._guard("a change", self._changed)

    def _guard(self, what: str, call: Callable[[], None]) -> None:
        """Tell others; an error there must cost neither the session nor later events."""
        try:
            call()
        except Exception:
            self.errors += 1
            if self._limit.admit("error", self._clock.monotonic()) is not None:
                words = "node %s: error of ours while handling %s"
                log.exception(words, self._settings.endpoint, what)
