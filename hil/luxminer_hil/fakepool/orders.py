"""What the pool can be told to do at once, to all its clients or to some of them.

Nothing here waits: an order that follows a client's request must be done before the next line.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from fractions import Fraction

from luxminer_hil.fakepool.conduct import Conduct
from luxminer_hil.fakepool.core import PoolCore, Session, notification
from luxminer_hil.fakepool.jobs import Job
from luxminer_hil.fakepool.peer import Peer
from luxminer_hil.fakepool.proof import Number

__all__ = ["Orders"]

MAX_RAW_BYTES = 4 << 20
"""Longest piece of garbage that is sent on order."""
MAX_EXTRANONCE2 = 200


class Orders:
    """Acts on a core and on the open connections; ``conduct`` is that of new ones."""

    def __init__(self, core: PoolCore, peers: Mapping[int, Peer]) -> None:
        self.core = core
        self.conduct = Conduct()
        self._peers = peers

    @property
    def everyone(self) -> list[Peer]:
        """All open connections, oldest first."""
        return list(self._peers.values())

    # To all

    def job(
        self,
        *,
        clean: bool = False,
        new_block: bool | None = None,
        block: str = "",
        difficulty: Number | None = None,
        same_id: bool = False,
    ) -> Job:
        """Send every client a new job; as `PoolCore.next_job`."""
        job = self.core.next_job(
            clean=clean, new_block=new_block, block=block, difficulty=difficulty, same_id=same_id
        )
        self.announce()
        return job

    def announce(self) -> None:
        """Send every client what brings it to the current job."""
        for peer in self.everyone:
            peer.send(peer.dialogue.announce())

    def difficulty(self, difficulty: Number) -> None:
        """Tell all clients now; it counts for jobs that follow. Raises ValueError."""
        self.core.set_difficulty(difficulty)
        for session in self.core.sessions.values():
            session.own_difficulty = None
        for peer, session in subscribed(self.everyone):
            peer.send(self.core.difficulty_line(session))

    def version_mask(self, mask: int) -> None:
        """Grant these version bits from now on, within what each client asked for."""
        if not 0 <= mask <= 0xFFFFFFFF:
            raise ValueError(f"version mask {mask} is no 32-bit number")
        self.core.version_mask = mask
        for peer, session in subscribed(self.everyone):
            peer.send(self.core.set_mask(session))

    # To some

    def extranonce(self, peers: Sequence[Peer], size: int | None = None) -> None:
        """Give sessions a new extranonce1, and ``size`` bytes for their own part."""
        if size is not None and not 0 <= size <= MAX_EXTRANONCE2:
            raise ValueError(f"extranonce2 size {size} is outside 0 to {MAX_EXTRANONCE2}")
        for peer, session in subscribed(peers):
            session.own = self.core.new_extranonce(session.own.size if size is None else size)
            if self.core.job.extranonce is None:
                peer.send([self.core.set_extranonce(session, session.own)])

    def vary(self, peers: Sequence[Peer], per_minute: float, low: Number, high: Number) -> None:
        """Look at the rate of shares of each session, and change its difficulty towards it."""
        for peer, session in subscribed(peers):
            peer.send(self.core.vary(session, per_minute, Fraction(low), Fraction(high)))

    def tell(self, peers: Sequence[Peer], method: str, params: list[object]) -> None:
        for peer in peers:
            peer.send([notification(method, params)])

    def call(self, peers: Sequence[Peer], method: str) -> None:
        """Ask clients something; what they say is in ``answers`` of their dialogue."""
        for peer in peers:
            peer.send([peer.dialogue.call(method)])

    def raw(self, peers: Sequence[Peer], data: bytes) -> None:
        """Send bytes as they are. Raises ValueError for too many."""
        if len(data) > MAX_RAW_BYTES:
            raise ValueError(f"{len(data)} bytes are more than {MAX_RAW_BYTES}")
        for peer in peers:
            peer.send_bytes(data)

    def half_a_job(self, peers: Sequence[Peer]) -> None:
        """Send the first half of a notify of the current job."""
        for peer, session in subscribed(peers):
            job = self.core.job
            line = notification(
                "mining.notify", job.notify_params(session.extranonce, clean=job.clean)
            )
            peer.send_bytes(line.encode()[: len(line) // 2])

    def conducts(self, peers: Sequence[Peer] | None) -> Iterator[Conduct]:
        """Yield those of connections; None is for all, those to come included."""
        if peers is None:
            yield self.conduct
        for peer in self.everyone if peers is None else peers:
            yield peer.conduct

    def mute(self, peers: Sequence[Peer] | None, *, on: bool = True, deaf: bool = False) -> None:
        """Send nothing any more; ``deaf``: read nothing any more, either."""
        for conduct in self.conducts(peers):
            conduct.is_mute = on
            conduct.is_deaf = on and deaf
        for peer in self.everyone if peers is None else peers:
            peer.hear(is_deaf=on and deaf)

    def delay(self, peers: Sequence[Peer] | None, seconds: float) -> None:
        """Hold back everything that is sent from now on by this time."""
        for conduct in self.conducts(peers):
            conduct.delay_s = seconds

    def trickle(self, peers: Sequence[Peer] | None, size: int, seconds: float) -> None:
        """Send in pieces of so many bytes, one each ``seconds``; 0 bytes ends it."""
        for conduct in self.conducts(peers):
            conduct.piece_bytes, conduct.piece_s = size, seconds


def subscribed(peers: Iterable[Peer]) -> list[tuple[Peer, Session]]:
    pairs = ((peer, peer.dialogue.session) for peer in peers)
    return [(peer, session) for peer, session in pairs if session is not None]
