"""When a part of the shares is rejected: never by chance, always when it is a third."""

import random
from math import comb

import pytest

from luxminer.pool.rejects import MIN_ANSWERS, WINDOW, RejectWatch, too_many
from luxminer_hil.fakepool.actions import read_step_words
from luxminer_hil.fakepool.cues import Cues
from luxminer_hil.fakepool.server import FakePool
from tests.unit.pool.manager_rig import managing
from tests.unit.stratum.client_rig import TINY, until

ALLOWED = 0.05
"""A slow line and vardiff may cost so much."""


def chance(answers: int, rejects: float, part: float) -> float:
    """Of more than so many rejects, when each answer is one with the chance ``part``."""
    return sum(
        comb(answers, n) * part**n * (1 - part) ** (answers - n)
        for n in range(int(rejects) + 1, answers + 1)
    )


@pytest.mark.parametrize("answers", [MIN_ANSWERS, 100, 200, 500, WINDOW])
def test_it_is_no_chance(answers: int) -> None:
    assert chance(answers, too_many(answers), ALLOWED) < 1e-8
    assert chance(answers, too_many(answers), 0.1) < 2e-5


def test_a_few_answers_say_nothing() -> None:
    watch = RejectWatch()
    for _ in range(MIN_ANSWERS - 1):
        watch.answered("stale")
    assert not watch.text


def test_a_third_is_noticed_within_a_hundred_shares_and_its_end_too() -> None:
    seed = random.randrange(2**32)
    print(f"seed {seed}")
    rng, watch = random.Random(seed), RejectWatch()
    count = 0
    while not watch.text:
        watch.answered("" if rng.random() > 1 / 3 else rng.choice(["stale", "other"]))
        count += 1
        assert count < 200
    assert "stale" in watch.text
    assert f"of the last {count} shares" in watch.text
    good = 0
    while watch.text:
        watch.answered("")
        good += 1
        assert good <= 10 * count


def test_the_window_forgets_exactly() -> None:
    watch = RejectWatch()
    for _ in range(WINDOW):
        watch.answered("stale")
    for _ in range(WINDOW - 101):
        watch.answered("")
    assert watch.text == f"101 of the last {WINDOW} shares were rejected: 101 stale"
    watch.answered("")
    assert not watch.text


async def test_a_pool_that_rejects_a_third_is_told_of_and_keeps_the_work() -> None:
    async with FakePool(difficulty=TINY) as pool, managing(pool.url) as rig:
        job = await rig.job_of(pool)
        step = read_step_words("when=submit do=reply chance=0.33 error='[23,\"Above target\"]'")
        pool.core.cues = Cues([step], random.Random(1))
        for _ in range(150):
            rig.manager.submit(rig.miner.share(job))
        await rig.settled()

        def texts() -> dict[str, str]:
            return {event.code: event.text for event in rig.manager.events.snapshot()}

        await until(lambda: "POOL_REJECTS_SOME_SHARES" in texts(), "an event", 2.0)
        assert "low difficulty" in texts()["POOL_REJECTS_SOME_SHARES"]
        assert rig.mined == [job]
