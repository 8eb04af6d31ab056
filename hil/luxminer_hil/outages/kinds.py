"""Table of the failures: how a pool fails, for how long, and what that may cost."""

from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from random import Random
from typing import Any

from luxminer_hil.fakepool.actions import read_step_words
from luxminer_hil.fakepool.cues import Cues
from luxminer_hil.fakepool.server import FakePool

__all__ = ["DIFFICULTY", "KINDS", "NETWORK", "Kind"]

DIFFICULTY = 8e-9
"""Of a pool's shares, as a rule: one hash in 34."""

MASKS = (0x1FFFE000, 0x00FFE000, 0x00006000, 0)

BROKEN = frozenset({"unanswered", "dropped: connection lost", "dropped: session lost"})
LONG = BROKEN | {"dropped: too old", "stale", "rejected: stale"}
"""What a break leaves that outlasts the patience with a share, or the job."""


Act = Callable[[FakePool, Random], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """``begin`` and ``end`` act on the pool; ``spell`` does it for a time, and is done then."""

    name: str
    begin: Act | None = None
    end: Act | None = None
    spell: Callable[[FakePool, float], Coroutine[Any, Any, None]] | None = None
    lasts_s: tuple[float, float] = (0.0, 0.0)
    bound_s: float = 0.0
    """So long it may have work after it has begun, while another pool could have that."""
    serves: bool = True
    """Who logs in gets work meanwhile."""
    counts: bool = True
    """Shares count meanwhile, whatever is said about them: mining for it loses nothing."""
    fates: frozenset[str] = frozenset()
    """What may become of shares for it, besides being accepted."""
    weight: int = 2


def drop_all(pool: FakePool, _rng: Random) -> None:
    for peer in pool.orders.everyone:
        peer.drop("by order")


async def restart(pool: FakePool, seconds: float) -> None:
    await pool.cut(seconds)
    for name, session in list(pool.core.sessions.items()):
        if not session.connected:
            del pool.core.sessions[name]


def deaf(pool: FakePool, _rng: Random) -> None:
    pool.orders.mute(None, deaf=True)


def hears(pool: FakePool, rng: Random) -> None:
    """Its network is back: what it held open is gone."""
    pool.orders.mute(None, on=False)
    drop_all(pool, rng)


def mute(pool: FakePool, _rng: Random) -> None:
    pool.orders.mute(None)


def speaks(pool: FakePool, _rng: Random) -> None:
    pool.orders.mute(None, on=False)


def reset(pool: FakePool, _rng: Random) -> None:
    pool.orders.half_a_job(pool.orders.everyone)
    for peer in pool.orders.everyone:
        peer.reset()


def refuse(pool: FakePool, rng: Random) -> None:
    pool.core.refuse = ("*",)
    drop_all(pool, rng)


def let_in(pool: FakePool, _rng: Random) -> None:
    pool.core.refuse = ()


def redirect(pool: FakePool, rng: Random) -> None:
    params: list[object] = (
        [] if rng.random() < 0.5 else ["127.0.0.1", pool.port, rng.choice([0, 3])]
    )
    pool.orders.tell(pool.orders.everyone, "client.reconnect", params)


def lead_astray(pool: FakePool, _rng: Random) -> None:
    pool.orders.tell(pool.orders.everyone, "client.reconnect", ["pool.example", 3333, 0])


def extranonce(pool: FakePool, rng: Random) -> None:
    pool.orders.extranonce(pool.orders.everyone, rng.choice([2, 4, 8]))
    if rng.random() < 0.7:
        pool.orders.job(clean=rng.random() < 0.5, same_id=rng.random() < 0.3)


def mask(pool: FakePool, rng: Random) -> None:
    pool.orders.version_mask(rng.choice(MASKS))


def difficulty(pool: FakePool, rng: Random) -> None:
    pool.orders.difficulty(DIFFICULTY * rng.choice([0.5, 1, 2]))
    if rng.random() < 0.5:
        pool.orders.job()


def blocks(pool: FakePool, rng: Random) -> None:
    for _ in range(rng.randint(1, 4)):
        pool.orders.job(clean=True, new_block=rng.random() < 0.7)


def slow(pool: FakePool, rng: Random) -> None:
    pool.orders.delay(None, rng.uniform(1.0, 20.0))


def quick(pool: FakePool, _rng: Random) -> None:
    pool.orders.delay(None, 0.0)


def no_jobs(pool: FakePool, _rng: Random) -> None:
    pool.core.sends_jobs = False


def jobs(pool: FakePool, _rng: Random) -> None:
    pool.core.sends_jobs = True
    pool.orders.announce()


def unanswered(pool: FakePool, _rng: Random) -> None:
    pool.core.answer_submits = False


def answered(pool: FakePool, _rng: Random) -> None:
    pool.core.answer_submits = True


def lies(error: str) -> Act:
    """Refuse every share, whatever it is worth."""

    def begin(pool: FakePool, rng: Random) -> None:
        step = read_step_words(f"when=submit do=reply error='{error}'")
        pool.core.cues = Cues([step], rng)

    return begin


def tells_the_truth(pool: FakePool, _rng: Random) -> None:
    pool.core.cues = Cues()


def garbage(pool: FakePool, rng: Random) -> None:
    """Fewer lines than are borne, more, or one without end."""
    line = b'{"id":null,"method":"mining.notify","params":["\xff"]}\n'
    data = rng.choice([line * 5, line * 30, b"A" * 300_000])
    pool.orders.raw(pool.orders.everyone, data)


LIE_S = 800.0
"""Two steps of the ladder, with 26 shares each; a sixth of all work, at twice the usual difficulty,
takes 300 s for that on the average."""

KINDS = (
    Kind(
        name="dead",
        spell=FakePool.cut,
        lasts_s=(5.0, 1200.0),
        bound_s=2.0,
        serves=False,
        counts=False,
        fates=LONG,
        weight=5,
    ),
    Kind(
        name="restarted",
        spell=restart,
        lasts_s=(1.0, 60.0),
        bound_s=2.0,
        serves=False,
        counts=False,
        fates=LONG,
        weight=3,
    ),
    Kind(
        name="silent",
        begin=deaf,
        end=hears,
        lasts_s=(20.0, 900.0),
        bound_s=95.0,
        serves=False,
        counts=False,
        fates=LONG,
        weight=3,
    ),
    Kind(
        name="mute",
        begin=mute,
        end=speaks,
        lasts_s=(20.0, 600.0),
        bound_s=95.0,
        serves=False,
        fates=LONG | {"rejected: duplicate"},
    ),
    Kind(name="reset", begin=reset, fates=BROKEN, weight=4),
    Kind(
        name="refusing",
        begin=refuse,
        end=let_in,
        lasts_s=(30.0, 900.0),
        bound_s=2.0,
        serves=False,
        counts=False,
        fates=LONG,
    ),
    Kind(name="redirecting", begin=redirect, fates=BROKEN, weight=3),
    Kind(name="leading astray", begin=lead_astray),
    Kind(name="another extranonce", begin=extranonce, fates=frozenset({"stale"}) | BROKEN),
    Kind(
        name="another mask",
        begin=mask,
        fates=frozenset({"stale", "rejected: version mask"}),
        weight=3,
    ),
    Kind(name="another difficulty", begin=difficulty, fates=frozenset({"stale"}), weight=3),
    Kind(name="new blocks", begin=blocks, fates=frozenset({"stale", "rejected: stale"}), weight=3),
    Kind(
        name="slow",
        begin=slow,
        end=quick,
        lasts_s=(60.0, 1200.0),
        fates=LONG,
    ),
    Kind(
        name="no new jobs",
        begin=no_jobs,
        end=jobs,
        lasts_s=(300.0, 1200.0),
        serves=False,
        fates=LONG,
    ),
    Kind(
        name="answering no share",
        begin=unanswered,
        end=answered,
        lasts_s=(100.0, 900.0),
        fates=LONG,
    ),
    Kind(
        name="refusing as too easy",
        begin=lies('[23,"Above target"]'),
        end=tells_the_truth,
        lasts_s=(100.0, 900.0),
        bound_s=LIE_S,
        counts=False,
        fates=LONG | {"rejected: low difficulty"},
    ),
    Kind(
        name="refusing as stale",
        begin=lies('[21,"Job not found"]'),
        end=tells_the_truth,
        lasts_s=(100.0, 900.0),
        bound_s=LIE_S,
        counts=False,
        fates=LONG | {"rejected: stale"},
    ),
    Kind(name="garbage", begin=garbage, fates=BROKEN),
)

NETWORK = Kind(
    name="network cut",
    lasts_s=(5.0, 900.0),
    serves=False,
    counts=False,
    fates=LONG | {"rejected: duplicate"},
)
"""Of all pools at once; it has no bound but its end, for there is nobody to go to."""
