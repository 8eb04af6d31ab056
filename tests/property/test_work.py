"""Work items: no header twice, nothing outside what pools accept, and exact ends."""

import struct

from hypothesis import given
from hypothesis import strategies as st

from luxminer.work.generator import WorkGenerator
from luxminer.work.job import WorkItem
from luxminer.work.version import deposit, free_bits, is_allowed
from tests.oracles import sha256
from tests.unit.mining.jobs import COINB1, COINB2, job

MASKS = st.sampled_from([0, 0x00006000, 0x1FFFE000, 0x20006000])


def headers(item: WorkItem) -> list[bytes]:
    """All header starts of a work item, built by hand."""
    root = sha256.double_sha256(COINB1 + item.job.extranonce1 + item.extranonce2 + COINB2)
    for node in item.job.merkle_branch:
        root = sha256.double_sha256(root + node)
    tail = root[28:] + struct.pack("<II", item.ntime, item.job.nbits)
    assert item.merkle_root == root
    assert item.tail == tail
    starts = [struct.pack("<I", v) + item.job.prev_hash + root[:28] for v in item.versions]
    assert item.midstates == tuple(sha256.midstate(start) for start in starts)
    return [start + tail for start in starts]


@given(mask=MASKS, steps=st.lists(st.tuples(st.integers(1, 5), st.integers(0, 3)), max_size=12))
def test_no_header_is_handed_out_twice(mask: int, steps: list[tuple[int, int]]) -> None:
    generator = WorkGenerator(job(version_mask=mask, extranonce2_size=2))
    seen: set[bytes] = set()
    now_s = 0.0
    for versions, wait_s in steps:
        now_s += wait_s
        item = generator.next(versions=versions, now_s=now_s)
        assert item is not None
        assert 1 <= len(item.versions) <= versions
        for header, version in zip(headers(item), item.versions, strict=True):
            assert header not in seen
            assert is_allowed(version, item.job.version, mask)
            seen.add(header)


@given(mask=st.sampled_from([0, 0x00006000]), elapsed_s=st.integers(0, 3))
def test_a_tiny_space_ends_exactly(mask: int, elapsed_s: int) -> None:
    made = job(version_mask=mask, extranonce2_size=1)
    generator = WorkGenerator(made)
    seen = set()
    while (item := generator.next(now_s=float(elapsed_s))) is not None:
        assert made.ntime <= item.ntime <= made.ntime + elapsed_s
        seen.add((item.extranonce2, item.ntime, item.versions))
        assert len(seen) <= 256 * 4 * 4
    patterns = 1 << free_bits(made.version, mask).bit_count()
    assert len(seen) == 256 * patterns * (elapsed_s + 1)


@given(mask=MASKS, new=MASKS, before=st.integers(0, 9))
def test_a_changed_mask_repeats_nothing_and_is_kept(mask: int, new: int, before: int) -> None:
    generator = WorkGenerator(job(version_mask=mask))
    seen: set[bytes] = set()
    for number in range(before + 6):
        if number == before:
            generator.set_version_mask(new)
        item = generator.next(versions=2, now_s=0.0)
        assert item is not None
        for header, version in zip(headers(item), item.versions, strict=True):
            assert header not in seen
            seen.add(header)
            if number >= before:
                assert is_allowed(version, item.job.version, new)


@given(free=st.integers(0, 2**32 - 1), data=st.data())
def test_patterns_stay_in_the_free_bits_and_differ(free: int, data: st.DataObject) -> None:
    count = 1 << free.bit_count()
    one = data.draw(st.integers(0, count - 1))
    other = data.draw(st.integers(0, count - 1))
    assert deposit(one, free) & ~free == 0
    assert (deposit(one, free) == deposit(other, free)) == (one == other)
