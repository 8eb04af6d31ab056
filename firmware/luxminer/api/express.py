"""The short way from a request to its reply: a thread that repeats what was just answered.

Monitors ask for the same few things again and again. A reply that follows from the snapshot alone
is right as long as that one is, and so are its bytes: who sends the bytes of the same request in
that time gets them from here, without a turn of the event loop; who comes too late waits here, with
all others, for the one answer that the loop makes for them. Everything else is handed on to the
loop, with what was read of it: other requests, incomplete ones, callers that say nothing or take
nothing. Without this module every reply is the same, and comes later.
"""

import asyncio
import logging
import select
import socket
import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import lru_cache

from luxminer.api.access import AccessRules, Right
from luxminer.api.listener import ACCEPT_PAUSE_S, Arrival
from luxminer.logs import RateLimit
from luxminer.telemetry.hub import SNAPSHOT_LIFE_S, TelemetryHub

__all__ = ["RENEW_AFTER_S", "Express"]

log = logging.getLogger(__name__)

PIECE_BYTES = 4096
"""Longer requests are none of those that are repeated."""
FIRST_BYTE_MS = 1
"""A caller that has sent nothing so long after it was accepted is the loop's."""
MAX_WAITING = 512
"""Callers handed on that the loop has not taken yet; further ones wait in the kernel's queue."""
WAIT_S = 0.001
"""Between two looks whether the loop has taken some."""
MAX_PARKED = 256
"""Callers who wait for the same answer; further ones are handed on."""
MAX_REQUESTS = 32
MAX_CACHED_BYTES = 1024 * 1024
"""Of all replies; all are dropped when there are more, or of more requests."""
RENEW_AFTER_S = SNAPSHOT_LIFE_S / 2
"""A reply that is still asked for is renewed before its end, so that callers do not wait for it."""
LEAVING_S = 1.0
MAX_LEAVING = 128
"""Answered callers that may still send something: closing at once could destroy their reply."""
ADDRESSES = 256
"""Whose right is remembered."""


@dataclass(slots=True)
class _Reply:
    data: bytes
    made_s: float
    """When its snapshot was built."""
    changes: int
    """Of the hub's, when it was made."""
    renewing: bool = False
    parked: list[Arrival] = field(default_factory=list)
    """Who waits for the one after it."""


class Express:
    """Accepts the callers of a listening socket. `accept` gives those that it does not serve.

    ``renew(request)`` is called in the loop to have a reply made and `put` once more.
    """

    def __init__(
        self,
        sock: socket.socket,
        rules: AccessRules,
        hub: TelemetryHub,
        renew: Callable[[bytes], None],
    ) -> None:
        """``sock`` listens; it stays its owner's, who closes it after `stop`."""
        self._sock = sock
        self._hub = hub
        self._renew = renew
        self._right = lru_cache(ADDRESSES)(rules.right)
        self._replies: dict[bytes, _Reply] = {}
        self._arrivals: asyncio.Queue[Arrival] = asyncio.Queue()
        self._handed_on = 0
        """Counted by the thread; those taken, by the loop."""
        self._taken = 0
        self._lock = threading.Lock()
        """For what both of them change: parked and leaving callers."""
        self._leaving: deque[tuple[float, socket.socket]] = deque()
        self._is_patient = True
        """The last one who was waited for did say something; else it is only waited for the next
        while nobody stands behind that one."""
        self._is_sweeping = False
        self._is_stopping = False
        self._loop = asyncio.get_running_loop()
        self._limit = RateLimit()
        self._thread = threading.Thread(target=self._run, name="express", daemon=True)
        self.served = 0
        """Requests answered from here."""

    def start(self) -> None:
        self._sock.setblocking(True)
        self._thread.start()

    async def stop(self) -> None:
        """Accept nobody any more, and drop who was handed on and not taken. Idempotent."""
        self._is_stopping = True
        if self._thread.is_alive():
            self._sock.shutdown(socket.SHUT_RDWR)  # wakes the thread, unlike closing
            await asyncio.to_thread(self._thread.join)
        while not self._arrivals.empty():
            self._arrivals.get_nowait().sock.close()
        for reply in self._replies.values():
            for arrival in reply.parked:
                arrival.sock.close()
        self._replies.clear()
        while self._leaving:
            self._leaving.popleft()[1].close()

    async def accept(self) -> Arrival:
        """Return the next caller that the loop has to serve."""
        arrival = await self._arrivals.get()
        self._taken += 1
        return arrival

    def put(self, request: bytes, reply: bytes, changes: int) -> None:
        """Repeat ``reply`` to all who send exactly ``request``, while its snapshot lasts.

        ``changes`` is that of the hub from before it was made.
        """
        if len(request) > PIECE_BYTES or self._is_stopping:
            return
        made = _Reply(reply, self._hub.built_s, changes)
        with self._lock:
            before = self._replies.pop(request, None)
            cached = sum(len(known.data) for known in self._replies.values())
            if len(self._replies) >= MAX_REQUESTS or cached + len(reply) > MAX_CACHED_BYTES:
                for known in [name for name, each in self._replies.items() if not each.parked]:
                    del self._replies[known]
            self._replies[request] = made
            parked = before.parked if before is not None else []
            if changes != self._hub.changes:  # it came too late for those who wait
                made.parked, parked = parked, []
        if made.parked and not made.renewing:
            self._is_right(request, made)
        for arrival in parked:
            try:
                self._answer(arrival, reply)
            except OSError:
                arrival.sock.close()

    # In the thread -------------------------------------------------------------------------------

    def _run(self) -> None:
        while not self._is_stopping:
            try:
                sock, peer = self._sock.accept()
            except OSError as exc:
                if not self._is_stopping:
                    self._warn("accept", f"cannot accept a connection: {exc.strerror}")
                    time.sleep(ACCEPT_PAUSE_S)
                continue
            try:
                self._serve(sock, peer[0])
            except OSError:
                sock.close()
            except Exception:
                sock.close()
                if self._limit.admit("serve", time.monotonic()) is not None:
                    log.exception("request from %s failed", peer[0])

    def _serve(self, sock: socket.socket, address: str) -> None:
        request = b""
        if self._right(address) >= Right.READ:  # others may get replies of their own
            request = self._receive(sock)
        arrival = Arrival(sock, address, request)
        known = self._replies.get(request)
        if known is None:
            self._hand_on(arrival)
        elif self._is_right(request, known):
            self._answer(arrival, known.data)
        elif not self._park(arrival):
            self._hand_on(arrival)

    def _answer(self, arrival: Arrival, reply: bytes) -> None:
        """Send a reply. Done in the loop, too, for those who were parked. Raises OSError."""
        sock = arrival.sock
        sent = sock.send(reply, socket.MSG_DONTWAIT | socket.MSG_NOSIGNAL)
        self.served += 1
        if sent == len(reply):
            sock.shutdown(socket.SHUT_WR)
            self._leave(sock)
        else:
            self._hand_on(arrival._replace(unsent=reply[sent:]))

    def _park(self, arrival: Arrival) -> bool:
        """Let a caller wait for the next reply, if it is not there already."""
        with self._lock:
            known = self._replies.get(arrival.heard)
            if known is None or len(known.parked) >= MAX_PARKED:
                return False
            if is_late := not self._is_right(arrival.heard, known):
                known.parked.append(arrival)
        if not is_late:
            self._answer(arrival, known.data)
        return True

    def _receive(self, sock: socket.socket) -> bytes:
        """Return what a caller has sent; nothing when that takes too long."""
        try:
            return sock.recv(PIECE_BYTES, socket.MSG_DONTWAIT)
        except BlockingIOError:
            poll = select.poll()  # select() itself knows no more than 1024 files
            poll.register(sock, select.POLLIN)
            if not self._is_patient:
                poll.register(self._sock, select.POLLIN)
            ready = [number for number, _ in poll.poll(FIRST_BYTE_MS)]
            self._is_patient = sock.fileno() in ready
            return sock.recv(PIECE_BYTES, socket.MSG_DONTWAIT) if self._is_patient else b""

    def _is_right(self, request: bytes, reply: _Reply) -> bool:
        """Tell whether a reply may still be repeated; have it renewed in time."""
        age_s = self._hub.clock.monotonic() - reply.made_s
        is_right = reply.changes == self._hub.changes and age_s < SNAPSHOT_LIFE_S
        if (age_s >= RENEW_AFTER_S or not is_right) and not reply.renewing:
            reply.renewing = True
            self._loop.call_soon_threadsafe(self._renew, request)
        return is_right

    def _hand_on(self, arrival: Arrival) -> None:
        arrival.sock.setblocking(False)
        if threading.current_thread() is not self._thread:
            self._taken -= 1
            self._arrivals.put_nowait(arrival)
            return
        while self._handed_on - self._taken >= MAX_WAITING and not self._is_stopping:
            time.sleep(WAIT_S)
        self._handed_on += 1
        self._loop.call_soon_threadsafe(self._arrivals.put_nowait, arrival)

    def _leave(self, sock: socket.socket) -> None:
        with self._lock:
            self._leaving.append((time.monotonic(), sock))
            if len(self._leaving) > MAX_LEAVING:
                self._leaving.popleft()[1].close()
            if self._is_sweeping:
                return
            self._is_sweeping = True
        self._loop.call_soon_threadsafe(self._loop.call_later, LEAVING_S, self._sweep)

    # In the loop ---------------------------------------------------------------------------------

    def _sweep(self) -> None:
        """Close who was answered a while ago; come again while there are others."""
        until_s = time.monotonic() - LEAVING_S
        with self._lock:
            while self._leaving and self._leaving[0][0] <= until_s:
                self._leaving.popleft()[1].close()
            self._is_sweeping = bool(self._leaving) and not self._is_stopping
        if self._is_sweeping:
            self._loop.call_later(LEAVING_S, self._sweep)

    def _warn(self, kind: str, text: str) -> None:
        held = self._limit.admit(kind, time.monotonic())
        if held is not None:
            log.warning("%s; %d such lines held back before", text, held)
