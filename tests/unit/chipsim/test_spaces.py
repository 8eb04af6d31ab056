"""The order of nonces: nothing twice, nothing left out, chips apart."""

from collections import Counter

import pytest

from luxminer_hil.chipsim.spaces import NONCES, RUN, Range, RollingSpace, Space, StripedSpace


def walk(space: Space, count: int) -> list[tuple[int, int]]:
    """Return epoch and nonce of the first ``count`` positions, taken run by run."""
    got: list[tuple[int, int]] = []
    while len(got) < count:
        place = space.place(len(got))
        assert place.length > 0
        got += [(place.epoch, place.first + step) for step in range(place.length)]
    return got[:count]


def test_a_range_is_one_run() -> None:
    space = Range(0x80000000, 1000)
    assert walk(space, 1000) == [(0, 0x80000000 + number) for number in range(1000)]
    assert not space.repeats


@pytest.mark.parametrize(("window", "span"), [(1 << 22, 128), (1 << 31, 64), (1 << 20, 1 << 10)])
def test_a_striped_space_is_complete(window: int, span: int) -> None:
    space = StripedSpace(window // 4, span, window)
    nonces = [nonce for _, nonce in walk(space, min(space.total, 300_000))]
    assert len(set(nonces)) == len(nonces)
    assert all(window // 4 <= nonce % window < window // 4 + span for nonce in nonces)
    if len(nonces) == space.total:
        assert {nonce // window for nonce in nonces} == set(range(NONCES // window))


def test_a_striped_space_reaches_its_last_nonce() -> None:
    space = StripedSpace(3 << 20, 1 << 20, 1 << 22)
    place = space.place(space.total - 1)
    assert (place.first, place.length) == (NONCES - 1, 1)


@pytest.mark.parametrize("budget", [0.001, 0.3, 7.0, 500.0, 64 * 100.0])
@pytest.mark.parametrize("epochs", [1, 16, 4096])
def test_a_rolling_space_has_its_budget_in_every_round(budget: float, epochs: int) -> None:
    cores, window = 64, 1 << 25
    space = RollingSpace(first=0x2A << 17, window=window, cores=cores, epochs=epochs, budget=budget)
    assert space.total == max(round(budget * epochs), 1)
    got = walk(space, min(space.total, 200_000))
    assert len(set(got)) == len(got)
    assert all(0 <= epoch < epochs for epoch, _ in got)
    assert [epoch for epoch, _ in got] == sorted(epoch for epoch, _ in got)
    assert all(nonce // window < cores for _, nonce in got)
    if len(got) == space.total > 16 * 16:
        assert len({epoch for epoch, _ in got}) >= min(epochs, 16)


def test_an_address_near_the_end_wraps_inside_its_core() -> None:
    window = 1 << 25
    space = RollingSpace(first=window - 10, window=window, cores=2, epochs=1, budget=200.0)
    nonces = [nonce for _, nonce in walk(space, 200)]
    assert nonces[:12] == [*range(window - 10, window), 0, 1]
    assert {nonce // window for nonce in nonces} == {0, 1}


def test_without_a_budget_there_is_nothing() -> None:
    assert RollingSpace(first=0, window=1 << 25, cores=64, epochs=8, budget=0.0).total == 0


def test_each_turn_begins_with_another_window_and_has_the_same_nonces() -> None:
    window, span = 1 << 26, 128
    spaces = [StripedSpace(0, span, window, turn=turn) for turn in (0, 5)]
    first, other = ([nonce for _, nonce in walk(space, space.total)] for space in spaces)
    assert first[0] == 0
    assert other[0] == 5 * window
    assert sorted(first) == sorted(other)
    assert all(spaces[1].number_of(nonce) == at for at, nonce in enumerate(other))


def test_a_scaled_chip_gets_to_all_its_cores_in_the_course_of_tasks() -> None:
    window, cores = 1 << 25, 64
    begun = [
        RollingSpace(first=0, window=window, cores=cores, epochs=16, budget=1.0, skip=turn * RUN)
        for turn in range(cores)
    ]
    assert [space.place(0).first // window for space in begun] == list(range(cores))
    counts = Counter(nonce // window for space in begun for _, nonce in walk(space, space.total))
    assert len(counts) == cores
    assert len(set(counts.values())) == 1


def test_what_is_skipped_wraps_inside_a_core() -> None:
    window = 1 << 12
    space = RollingSpace(
        first=window - 64, window=window, cores=2, epochs=1, budget=8.0, skip=RUN * 2
    )
    assert space.place(0).first == 0
    assert space.skip_to(window + window - 1, 64) == RUN + RUN - 1
    assert space.skip_to(2 * window, 64) is None
    assert space.skip_to(0, 64) is None
