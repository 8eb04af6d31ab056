"""The pool as a whole: listens, issues jobs on time, and takes orders from tests and scripts."""

import asyncio
import socket
import ssl
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from typing import Any, Self

from luxminer_hil.fakepool.certificate import Certificate, make_certificate, server_context
from luxminer_hil.fakepool.core import PoolCore, Session
from luxminer_hil.fakepool.dialogue import Dialogue
from luxminer_hil.fakepool.jobs import Job
from luxminer_hil.fakepool.ledger import Ledger, ShareRecord
from luxminer_hil.fakepool.orders import Orders
from luxminer_hil.fakepool.peer import Peer
from luxminer_hil.fakepool.proof import Number
from luxminer_hil.fakepool.recording import SessionRecorder
from luxminer_hil.fakepool.settings import PoolSettings
from luxminer_hil.scripting.language import Step

__all__ = ["FakePool"]

BACKLOG = 128
HANDSHAKE_TIMEOUT_S = 10.0
CLOSE_TIMEOUT_S = 2.0
"""Time for connections to end when the pool closes."""


class FakePool:
    """A stratum pool that judges every share. Use as ``async with FakePool(difficulty=1) as pool``.

    ``settings`` or single ones of them by name; see `PoolSettings`. ``on_share`` is called with
    each judged share and must not block; ``recorder`` writes down what passes, and is closed by its
    owner. Raises ValueError for settings that cannot be, CertificateError, and OSError when the
    address cannot be listened on.
    """

    def __init__(
        self,
        settings: PoolSettings | None = None,
        *,
        on_share: Callable[[ShareRecord], None] | None = None,
        recorder: SessionRecorder | None = None,
        monotonic: Callable[[], float] = time.monotonic,
        wall: Callable[[], float] = time.time,
        **changes: Any,
    ) -> None:
        self.settings = replace(settings or PoolSettings(), **changes)
        self.port = self.settings.port
        self._core = PoolCore(
            self.settings, monotonic=monotonic, wall=wall, on_share=self._share_judged
        )
        self._report = on_share
        self._recorder = recorder
        self._peers: dict[int, Peer] = {}
        self.orders = Orders(self._core, self._peers)
        self.perform: Callable[[tuple[Step, ...], Peer], object] = lambda _steps, _peer: None
        """Carries out the steps of a script that follow what a client did; see `player`."""
        self._changed = asyncio.Event()
        self._timer: asyncio.TimerHandle | None = None
        self._timed_jobs = 0
        self._server: asyncio.Server | None = None
        self.certificate: Certificate | None = None
        """While it listens with TLS."""
        self._tls: ssl.SSLContext | None = None
        self._cutting = asyncio.Lock()

    async def __aenter__(self) -> Self:
        if self.settings.tls:
            names = (self.settings.host, *self.settings.tls_names)
            self.certificate = await asyncio.to_thread(make_certificate, self.settings.tls, names)
            self._tls = server_context(self.certificate)
        reserved = self._reserve()
        self.port = reserved.getsockname()[1]
        await self._listen(reserved)
        self._start_timer()
        return self

    async def __aexit__(self, *_: object) -> None:
        self.stop_timer()
        self._stop_listening()
        await self.disconnect()

    # What can be asked

    @property
    def core(self) -> PoolCore:
        """Its state without the sockets."""
        return self._core

    @property
    def url(self) -> str:
        host = f"[{self.settings.host}]" if ":" in self.settings.host else self.settings.host
        return f"stratum+{'ssl' if self.settings.tls else 'tcp'}://{host}:{self.port}"

    @property
    def shares(self) -> Sequence[ShareRecord]:
        """The latest 10,000 submits, oldest first."""
        return self._core.books.shares

    @property
    def job(self) -> Job:
        """The current one."""
        return self._core.job

    @property
    def sessions(self) -> list[Session]:
        """Those that are connected now, oldest connection first."""
        found = (peer.dialogue.session for peer in self._peers.values())
        return [session for session in found if session is not None]

    @property
    def users(self) -> frozenset[str]:
        """Names that are let in on some connection now."""
        return frozenset().union(*(peer.dialogue.users for peer in self._peers.values()))

    @property
    def answers(self) -> list[tuple[int, str, object]]:
        """Connection, method and result of our calls that clients answered, while connected."""
        return [
            (number, method, result)
            for number, peer in self._peers.items()
            for method, result in peer.dialogue.answers
        ]

    @property
    def connections(self) -> int:
        """Open now."""
        return len(self._peers)

    def ledger(self) -> Ledger:
        return self._core.books.ledger()

    async def wait_until(
        self, condition: Callable[[], bool], timeout_s: float = 30.0, what: str = "change"
    ) -> None:
        """Wait for something that follows a share, a line or a connection.

        Raises TimeoutError that shows the ledger.
        """
        try:
            async with asyncio.timeout(timeout_s):
                while not condition():
                    await self._changed.wait()
        except TimeoutError:
            raise TimeoutError(f"no {what} within {timeout_s} s: {self.ledger()}") from None

    async def wait_for_shares(self, count: int, timeout_s: float = 30.0) -> None:
        """Wait until ``count`` shares were accepted since the pool started."""
        await self.wait_until(
            lambda: self._core.books.accepted >= count, timeout_s, f"{count} accepted shares"
        )

    async def wait_for_users(self, count: int = 1, timeout_s: float = 30.0) -> None:
        """Wait until ``count`` connections have an authorized user."""
        await self.wait_until(
            lambda: sum(bool(peer.dialogue.users) for peer in self._peers.values()) >= count,
            timeout_s,
            f"{count} authorized connections",
        )

    async def wait_for_change(self, timeout_s: float) -> None:
        """Wait for the next share, line or connection, at most ``timeout_s``; returns anyway."""
        try:
            async with asyncio.timeout(timeout_s):
                await self._changed.wait()
        except TimeoutError:
            return

    # Orders

    async def new_job(
        self,
        *,
        clean: bool = False,
        new_block: bool | None = None,
        block: str = "",
        difficulty: Number | None = None,
        same_id: bool = False,
    ) -> Job:
        """Send every client a new job.

        ``new_block`` (as ``clean`` unless said otherwise) changes the previous block; ``block``
        names a real one instead; ``same_id`` gives the job the id of the one before.
        ``difficulty`` is in force from this job on; "network" is that of the job's own block.
        Raises ValueError, before anything changes, for an unknown block or an impossible
        difficulty.
        """
        return self.orders.job(
            clean=clean, new_block=new_block, block=block, difficulty=difficulty, same_id=same_id
        )

    async def set_difficulty(self, difficulty: Number) -> None:
        """Tell all clients now; it counts for jobs that follow. Raises ValueError."""
        self.orders.difficulty(difficulty)

    async def set_extranonce(self, size: int | None = None) -> None:
        """Give every session a new extranonce1, and ``size`` bytes for its own part."""
        self.orders.extranonce(self.orders.everyone, size)

    async def set_version_mask(self, mask: int) -> None:
        """Grant these version bits from now on, within what each client asked for."""
        self.orders.version_mask(mask)

    async def cut(self, seconds: float) -> None:
        """Drop all connections and refuse new ones; returns when the pool listens again."""
        async with self._cutting:
            self._stop_listening()
            reserved = self._reserve()
            try:
                await self.disconnect()
                await asyncio.sleep(seconds)
                await self._listen(reserved)
            except BaseException:
                reserved.close()
                raise

    async def disconnect(self) -> None:
        """Drop all connections that are open now."""
        dropped = self.orders.everyone
        for peer in dropped:
            peer.drop("by order")
        await self.wait_until(
            lambda: not any(peer in dropped for peer in self._peers.values()),
            CLOSE_TIMEOUT_S,
            "end of connections",
        )

    async def send_raw(self, data: bytes) -> None:
        """Send bytes to every client as they are."""
        self.orders.raw(self.orders.everyone, data)

    async def reconnect(
        self, host: str | None = None, port: int | None = None, wait_s: int = 0
    ) -> None:
        """Ask clients to connect elsewhere; without ``host`` to the same address again."""
        params: list[object] = [] if host is None else [host, port or self.port, wait_s]
        self.orders.tell(self.orders.everyone, "client.reconnect", params)

    async def show_message(self, text: str) -> None:
        self.orders.tell(self.orders.everyone, "client.show_message", [text])

    async def get_version(self) -> None:
        """Ask clients for their name; see ``answers``."""
        self.orders.call(self.orders.everyone, "client.get_version")

    async def ping(self) -> None:
        self.orders.call(self.orders.everyone, "mining.ping")

    async def refuse(self, users: Iterable[str] = ("*",)) -> None:
        """Let no user in whose name matches one of the patterns; nothing lets all in."""
        self._core.refuse = tuple(users)

    async def answer_submits(self, on: bool) -> None:
        """Answer shares or not; they are judged and counted in any case."""
        self._core.answer_submits = on

    async def delay(self, seconds: float) -> None:
        """Hold back everything that is sent from now on by this time."""
        self.orders.delay(None, seconds)

    def stop_timer(self) -> None:
        """Send no job by itself any more."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    # Inside

    def _reserve(self) -> socket.socket:
        """Own the address without listening: connections are refused."""
        family = socket.AF_INET6 if ":" in self.settings.host else socket.AF_INET
        reserved = socket.socket(family, socket.SOCK_STREAM)
        try:
            reserved.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            reserved.setblocking(False)
            reserved.bind((self.settings.host, self.port))
        except BaseException:
            reserved.close()
            raise
        return reserved

    async def _listen(self, reserved: socket.socket) -> None:
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(
            self._new_peer,
            sock=reserved,
            backlog=BACKLOG,
            ssl=self._tls,
            ssl_handshake_timeout=HANDSHAKE_TIMEOUT_S if self._tls else None,
        )

    def _stop_listening(self) -> None:
        if self._server is not None:
            self._server.close()
            self._server = None

    def _new_peer(self) -> Peer:
        self._core.books.connections += 1
        conduct = replace(self.orders.conduct)
        dialogue = Dialogue(self._core, self._core.books.connections, conduct)
        peer = Peer(dialogue, on_change=self._peer_changed, recorder=self._recorder)
        dialogue.on_cue = lambda steps: self.perform(steps, peer)
        return peer

    def _peer_changed(self, peer: Peer) -> None:
        if not peer.is_open:
            self._peers.pop(peer.dialogue.number, None)
        elif peer.dialogue.number not in self._peers:
            self._admit(peer)
        self._wake()

    def _admit(self, peer: Peer) -> None:
        """Take a new connection, if need be for one that is deaf: whose end nobody would see."""
        if len(self._peers) >= self.settings.max_connections:
            deaf = next((each for each in self._peers.values() if each.conduct.is_deaf), None)
            if deaf is None:
                peer.drop(f"{self.settings.max_connections} connections are open")
                return
            deaf.drop("deaf, and another one comes")
        self._peers[peer.dialogue.number] = peer
        cue = self._core.cues.take("connect")
        if cue.steps:
            self.perform(cue.steps, peer)

    def _share_judged(self, share: ShareRecord) -> None:
        if self._report is not None:
            self._report(share)
        self._wake()

    def _wake(self) -> None:
        self._changed.set()
        self._changed = asyncio.Event()

    def _start_timer(self) -> None:
        if not self.settings.job_interval_s:
            return
        loop = asyncio.get_running_loop()
        self._timer = loop.call_later(self.settings.job_interval_s, self._job_is_due)

    def _job_is_due(self) -> None:
        """Send a job; a real block stays, as every notify would start its search anew."""
        self._start_timer()
        if self.job.block is not None:
            self.orders.call(self.orders.everyone, "mining.ping")
            return
        self._timed_jobs += 1
        every = self.settings.clean_every
        self.orders.job(clean=every > 0 and self._timed_jobs % every == 0)
