"""Brings solved blocks to the node, and finds out what became of each.

A block is written to disk before the node hears of it, and offered again until the node answers:
over connections of its own, so that nothing else can hold it up.

Ref: docs/sources.md, "Stratum" (solo mining: submitting blocks).
"""

import asyncio
import logging
import random
from binascii import hexlify
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from luxminer.clock import Clock
from luxminer.errors import NodeError, TransportError
from luxminer.node.block import block_of_share
from luxminer.node.rpc import BLOCK, LoginRefused, NodeRpc, NotReached, open_rpc
from luxminer.node.settings import NodeSettings
from luxminer.node.template import Template
from luxminer.node.verdicts import Action, verdict_of
from luxminer.pool.files import write_atomically
from luxminer.stratum.guard import shown_text
from luxminer.stratum.outcome import DropReason, Outcome, ShareResult
from luxminer.work.header import display
from luxminer.work.job import Share

__all__ = ["FOLDER", "MAX_WAITING", "BlockDelivery"]

log = logging.getLogger(__name__)

FOLDER = "blocks"

MAX_WAITING = 64
"""Only a chain whose blocks cost nothing (regtest) can have more of them under way."""

MAX_KEPT = 100
MAX_KEPT_BYTES = 64 << 20
"""Written to disk in one run, for the same reason."""

WRITE_S = 2.0
"""A disk that takes longer must not cost the block."""

SUBMIT_S = 60.0
"""Time of a node to check a whole block."""

OFFER_S = 600.0
"""A block is offered for this long; other blocks have come by then."""

RETRY_MIN_S = 0.5
RETRY_MAX_S = 10.0

VERIFY_TRIES = 4
VERIFY_PAUSE_S = 2.0
QUERY_S = 10.0

MAX_TIPS = 16

STARTING = -28
"""The node's code while it starts."""


@dataclass(slots=True)
class _Waiting:
    share: Share
    template: Template
    was_sent: bool = field(default=False)


class BlockDelivery:
    """``settled`` gets the end of each share once; ``accepted`` is called when one is a block.

    ``sent`` is called before one leaves, also once more.
    """

    def __init__(
        self,
        settings: NodeSettings,
        *,
        agent: str,
        clock: Clock,
        rng: random.Random,
        state_dir: Path | None,
        sent: Callable[[Share], None],
        settled: Callable[[Share, ShareResult], None],
        accepted: Callable[[Share], None],
    ) -> None:
        self._settings = settings
        self._agent = agent
        self._clock = clock
        self._rng = rng
        self._folder = state_dir / FOLDER if state_dir is not None else None
        self._sent = sent
        self._settled = settled
        self._accepted = accepted
        self._waiting: OrderedDict[Share, _Waiting] = OrderedDict()
        self._won: OrderedDict[bytes, None] = OrderedDict()
        self._wake = asyncio.Event()
        self._kept = 0
        self._kept_bytes = 0
        self.latency_s: float | None = None
        """Time of the last answer to a block."""

    def hand_in(self, share: Share, template: Template) -> None:
        """Take a block over; returns at once."""
        if self._is_won(share):
            self._settled(share, ShareResult(outcome=Outcome.STALE))
        elif len(self._waiting) >= MAX_WAITING:
            self._settled(share, ShareResult(outcome=Outcome.DROPPED, reason=DropReason.TOO_MANY))
        else:
            self._waiting[share] = _Waiting(share, template)
            self._wake.set()

    async def run(self) -> None:
        """Deliver one block after the other until cancelled."""
        while True:
            await self._wake.wait()
            self._wake.clear()
            while self._waiting:
                waiting = next(iter(self._waiting.values()))
                try:
                    result = await self._deliver(waiting)
                except Exception:
                    log.exception("block %s: could not be handed in", display_hash(waiting.share))
                    result = _unheard(waiting, DropReason.CONNECTION_LOST)
                self._settle(waiting.share, result)

    def give_up(self) -> None:
        """Settle what is still under way: nothing of it can be delivered any more."""
        for waiting in list(self._waiting.values()):
            self._settle(waiting.share, _unheard(waiting, DropReason.CONNECTION_LOST))

    def _settle(self, share: Share, result: ShareResult) -> None:
        if self._waiting.pop(share, None) is not None:
            self._settled(share, result)

    def _is_won(self, share: Share) -> bool:
        """Tell whether a block of ours stands where this one would go."""
        return share.work.job.prev_hash in self._won

    async def _deliver(self, waiting: _Waiting) -> ShareResult:
        share = waiting.share
        if self._is_won(share):
            return ShareResult(outcome=Outcome.STALE)
        block = await asyncio.to_thread(block_of_share, share, waiting.template)
        await self._keep(share, block)
        until_s = self._clock.monotonic() + OFFER_S
        pause_s = RETRY_MIN_S
        while True:
            try:
                async with open_rpc(self._settings, self._agent, SUBMIT_S) as rpc:
                    return await self._offer(rpc, waiting, block)
            except NotReached as exc:
                problem = str(exc)
            except TransportError as exc:
                waiting.was_sent, problem = True, str(exc)
            except NodeError as exc:
                if exc.code not in (None, STARTING) and not isinstance(exc, LoginRefused):
                    return _refused(share, "other", str(exc))
                problem = str(exc)
            if self._clock.monotonic() >= until_s:
                return _unheard(waiting, DropReason.TOO_OLD)
            log.warning("block %s: %s; offering it again", display_hash(share), problem)
            await asyncio.sleep(pause_s * self._rng.uniform(0.5, 1.0))
            pause_s = min(pause_s * 2, RETRY_MAX_S)

    async def _offer(self, rpc: NodeRpc, waiting: _Waiting, block: bytes) -> ShareResult:
        """Hand a block in once, and judge the answer."""
        share = waiting.share
        self._sent(share)
        result = await rpc.call("submitblock", [BLOCK], timeout_s=SUBMIT_S, block=block)
        self.latency_s = rpc.latency_s
        if result is not None and not isinstance(result, str):
            return _refused(share, "other", "the node's answer is no result of submitblock")
        verdict = verdict_of(result)
        in_chain = verdict.action is Action.COUNT
        if verdict.action is Action.VERIFY:
            in_chain = await self._is_in_chain(rpc, share)
        if not in_chain:
            words = verdict.text or f"the node refuses it: {shown_text(result or '')}"
            return _refused(share, verdict.reason, words)
        job = share.work.job
        self._won[job.prev_hash] = None
        if len(self._won) > MAX_TIPS:
            self._won.popitem(last=False)
        self._accepted(share)
        return ShareResult(
            outcome=Outcome.ACCEPTED, text=verdict.text, latency_s=self.latency_s or 0.0
        )

    async def _is_in_chain(self, rpc: NodeRpc, share: Share) -> bool:
        """Ask whether a block that the node has became part of the best chain."""
        for _ in range(VERIFY_TRIES):
            await asyncio.sleep(VERIFY_PAUSE_S)
            try:
                header = await rpc.call("getblockheader", [display_hash(share)], timeout_s=QUERY_S)
            except (NodeError, TransportError) as exc:
                log.debug("block %s: %s", display_hash(share), exc)
                continue
            confirmations = header.get("confirmations") if isinstance(header, dict) else None
            if isinstance(confirmations, int) and confirmations > 0:
                return True
        return False

    async def _keep(self, share: Share, block: bytes) -> None:
        """Write a block down, as ``bitcoin-cli submitblock`` takes it."""
        if self._folder is None or self._kept >= MAX_KEPT:
            return
        text = hexlify(block)
        if self._kept_bytes + len(text) > MAX_KEPT_BYTES:
            return
        self._kept += 1
        self._kept_bytes += len(text)
        path = self._folder / f"{display_hash(share)}.hex"
        # The thread goes on when the time is over: a slow disk still gets the block.
        write = asyncio.get_running_loop().run_in_executor(None, write_atomically, path, text)
        done, _ = await asyncio.wait([write], timeout=WRITE_S)
        write.add_done_callback(lambda write: _tell_failure(write, path))
        if not done:
            log.warning("block %s: the disk is slow; it is handed in meanwhile", path.stem)


def display_hash(share: Share) -> str:
    """Return the hash of a block as explorers and nodes spell it."""
    return display(share.block_hash)


def _tell_failure(write: "asyncio.Future[None]", path: Path) -> None:
    if not write.cancelled() and (error := write.exception()) is not None:
        log.error("block %s could not be written: %s; is the disk full?", path, error)


def _refused(share: Share, reason: str, text: str) -> ShareResult:
    log.error("block %s: %s", display_hash(share), text)
    return ShareResult(outcome=Outcome.REJECTED, reason=reason, text=text)


def _unheard(waiting: _Waiting, reason: DropReason) -> ShareResult:
    if waiting.was_sent:
        return ShareResult(outcome=Outcome.UNANSWERED)
    return ShareResult(outcome=Outcome.DROPPED, reason=reason)
