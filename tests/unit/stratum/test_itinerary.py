"""Which address comes next, and when."""

import random
from collections.abc import Iterable

import pytest

from luxminer.stratum.endpoint import Endpoint
from luxminer.stratum.itinerary import MAX_REDIRECTS, REDIRECT_WINDOW_S, STABLE_S, Itinerary


def at(name: str) -> Endpoint:
    return Endpoint(host=name, port=3333, tls=False)


class Full(random.Random):
    """Always the longest pause."""

    def uniform(self, a: float, b: float) -> float:
        return b


def itinerary(names: Iterable[str]) -> Itinerary:
    return Itinerary([at(name) for name in names], 1.0, 8.0, Full())


def test_one_address_is_tried_again_after_pauses_that_double() -> None:
    made = itinerary("a")
    pauses = [made.pause_after(0.1, logged_in=False) for _ in range(6)]
    assert pauses == [1, 2, 4, 8, 8, 8]
    assert made.next() == at("a")
    assert made.pause_after(STABLE_S, logged_in=True) == 1


def test_the_others_are_tried_at_once_and_rounds_double() -> None:
    made = itinerary("abc")
    seen = [(made.next().host, made.pause_after(0.1, logged_in=False)) for _ in range(9)]
    assert [host for host, _ in seen] == list("abcabcabc")
    assert [pause for _, pause in seen] == [1, 1, 1, 1, 1, 2, 1, 1, 4]


def test_an_address_that_worked_is_tried_once_more() -> None:
    made = itinerary("ab")
    made.pause_after(0.1, logged_in=False)
    assert made.next() == at("b")
    for _ in range(5):
        made.pause_after(STABLE_S, logged_in=True)
        assert made.next() == at("b")
    made.pause_after(5.0, logged_in=True)
    assert made.next() == at("b")
    made.pause_after(5.0, logged_in=True)
    assert made.next() == at("a"), "broke early twice in a row"


def test_an_address_that_works_is_left_by_order() -> None:
    made = itinerary("ab")
    made.leave()
    assert made.pause_after(STABLE_S, logged_in=True) == 1
    assert made.next() == at("b")
    assert made.redirect(at("x"), 0.0, 0.0)
    made.leave()
    made.pause_after(STABLE_S, logged_in=True)
    assert made.next() == at("a"), "a redirect of the pool that is left counts no more"
    alone = itinerary("a")
    alone.leave()
    alone.pause_after(STABLE_S, logged_in=True)
    assert alone.next() == at("a")


def test_the_pool_sends_elsewhere_for_one_connection() -> None:
    made = itinerary("ab")
    assert made.redirect(at("x"), 7.0, 0.0)
    assert made.pause_after(5.0, logged_in=True) == 7
    assert made.next() == at("x")
    assert (made.place, made.home) == (0, at("a"))
    assert made.pause_after(0.1, logged_in=False) == 2, "its own pause follows"
    assert made.next() == at("a"), "back where the pool has sent us from"


def test_redirects_are_bounded_in_time() -> None:
    made = itinerary("a")
    followed = [made.redirect(at("x"), 0.0, 10.0 * n) for n in range(MAX_REDIRECTS + 2)]
    assert followed == [True] * MAX_REDIRECTS + [False] * 2
    assert made.redirect(at("x"), 0.0, REDIRECT_WINDOW_S + 1)


@pytest.mark.parametrize("seed", range(3))
def test_pauses_are_spread(seed: int) -> None:
    made = Itinerary([at("a")], 1.0, 60.0, random.Random(seed))
    pauses = [made.pause_after(0.0, logged_in=False) for _ in range(8)]
    for number, pause in enumerate(pauses):
        assert min(2.0**number, 60) / 2 <= pause <= min(2.0**number, 60)
    assert len(set(pauses)) == len(pauses)
