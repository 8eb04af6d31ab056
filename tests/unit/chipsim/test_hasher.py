"""The search behind the chips: complete, whatever the number of hits and the size of a batch."""

import pytest

from luxminer.hashing import scan
from luxminer_hil.chipsim.chip import Slice
from luxminer_hil.chipsim.hasher import Hasher, shared_hasher

ALL = b"\xff" * 32
RARE = (1 << 244).to_bytes(32, "little")
"""One hash in 4096."""


def piece(first: int, count: int, target_le: bytes) -> Slice:
    return Slice(
        midstate=bytes(range(32)),
        tail=bytes(12),
        first=first,
        count=count,
        target_le=target_le,
        job_id=0,
    )


@pytest.mark.parametrize("count", [1, 63, 64, 65, 128, 1000])
async def test_more_hits_than_one_call_returns_are_all_found(count: int) -> None:
    (found,) = await Hasher().search([piece(5, count, ALL)])
    assert found == list(range(5, 5 + count))


async def test_the_last_nonces_are_searched_too() -> None:
    end = 1 << 32
    (found,) = await Hasher().search([piece(end - 100, 100, ALL)])
    assert found == list(range(end - 100, end))


@pytest.mark.parametrize("count", [1000, 300_000])
async def test_threads_and_loop_find_the_same(count: int) -> None:
    """The short one runs on the loop, the long one in a thread."""
    hasher = Hasher(workers=1)
    slices = [piece(0, count, RARE), piece(1 << 31, count, RARE)]
    found = await hasher.search(slices)
    hasher.close()
    for one, positions in zip(slices, found, strict=True):
        expected = scan(one.midstate, one.tail, one.first, one.count, RARE, 1 << 16)
        assert positions == expected
    assert sum(len(positions) for positions in found) > 0 or count == 1000


async def test_a_closed_hasher_starts_again() -> None:
    hasher = Hasher(workers=1)
    for _ in range(2):
        await hasher.search([piece(0, 100_000, RARE)])
        hasher.close()
    hasher.close()


@pytest.mark.slow
async def test_batches_follow_the_speed_of_the_machine() -> None:
    hasher = Hasher(workers=1)
    for _ in range(5):
        await hasher.search([piece(0, 2_000_000, bytes(32))])
    hasher.close()
    assert hasher.batch != Hasher().batch
    assert shared_hasher() is shared_hasher()
