"""The bucket: a burst at once, a rate for ever."""

from hypothesis import given
from hypothesis import strategies as st

from luxminer.limits import TokenBucket


def test_a_burst_then_the_rate() -> None:
    bucket = TokenBucket(per_s=2.0, burst=3)
    assert [bucket.take(100.0) for _ in range(5)] == [True, True, True, False, False]
    assert not bucket.take(100.4)
    assert bucket.take(100.5)
    assert not bucket.take(100.5)


def test_a_long_rest_fills_it_to_the_burst_and_no_further() -> None:
    bucket = TokenBucket(per_s=50.0, burst=4)
    assert sum(bucket.take(1e9) for _ in range(10)) == 4


def test_a_clock_that_stands_still_or_goes_back_gives_nothing() -> None:
    bucket = TokenBucket(per_s=1.0, burst=1)
    assert bucket.take(10.0)
    assert not bucket.take(5.0)
    assert not bucket.take(5.5)
    assert bucket.take(6.5)


@given(
    per_s=st.sampled_from([0.5, 1.0, 8.0]),
    burst=st.integers(1, 20),
    pauses=st.lists(st.sampled_from([0.0, 0.125, 1.0, 30.0]), max_size=80),
)
def test_never_more_than_burst_and_rate(per_s: float, burst: int, pauses: list[float]) -> None:
    bucket = TokenBucket(per_s, burst)
    now_s, taken = 0.0, 0
    for pause_s in pauses:
        now_s += pause_s
        taken += bucket.take(now_s)
        assert taken <= burst + per_s * now_s
