"""Targets and header bytes against twins that work on text and bytes."""

from fractions import Fraction

from hypothesis import example, given
from hypothesis import strategies as st

from luxminer.hashing import double_sha256, header_hash, merkle_root, midstate, verify
from luxminer.work import header, target
from tests.oracles import difficulty as oracle
from tests.oracles import header as plain

U32 = st.integers(0, 2**32 - 1)
HASHES = st.binary(min_size=32, max_size=32)
POSITIVE = st.integers(1, 2**240)


@given(numerator=POSITIVE, denominator=POSITIVE)
@example(numerator=1, denominator=2**32 + 2**16 + 1)
@example(numerator=0xFFFF << 208, denominator=1)
def test_targets_are_the_long_division(numerator: int, denominator: int) -> None:
    found = target.target_of(Fraction(numerator, denominator))
    assert found.to_bytes(32, "big") == oracle.target(numerator, denominator)
    assert target.target_le(found) == oracle.target(numerator, denominator)[::-1]


@given(
    nbits=st.binary(min_size=4, max_size=4)
    | st.builds(
        lambda size, mantissa: bytes([size]) + mantissa,
        st.integers(0, 36),
        st.binary(min_size=3, max_size=3),
    )
)
def test_compact_targets_are_bytes_put_in_place(nbits: bytes) -> None:
    expected = oracle.from_compact(nbits)
    try:
        found = target.target_from_nbits(int.from_bytes(nbits, "big"))
    except ValueError:
        assert expected is None
    else:
        assert found.to_bytes(32, "big") == expected


@given(block_hash=HASHES, difficulty=st.fractions(Fraction(1, 2**40), Fraction(2**60)))
def test_a_hash_meets_what_its_difficulty_reaches(block_hash: bytes, difficulty: Fraction) -> None:
    meets = target.hash_meets(block_hash, target.target_of(difficulty))
    assert meets == (target.difficulty_of_hash(block_hash) >= difficulty) or not any(block_hash)


@given(wire=HASHES, root=HASHES, version=U32, ntime=U32, nbits=U32, nonce=U32, share_target=HASHES)
def test_headers_are_what_the_text_says(
    wire: bytes, root: bytes, version: int, ntime: int, nbits: int, nonce: int, share_target: bytes
) -> None:
    expected = plain.header(version, wire.hex(), root, ntime, nbits, nonce)
    prev = header.swap_words(wire)
    assert header.swap_words(prev) == wire
    assert header.header_bytes(version, prev, root, ntime, nbits, nonce) == expected
    start, tail = header.header_start(version, prev, root), header.header_tail(root, ntime, nbits)
    assert start + tail == expected[:76]
    found = header_hash(midstate(start), tail, nonce)
    assert found == plain.sha256d(expected) == double_sha256(expected)
    meets = target.hash_meets(found, int.from_bytes(share_target, "little"))
    assert verify(midstate(start), tail, nonce, share_target) is meets


@given(leaves=st.lists(HASHES, min_size=1, max_size=20), data=st.binary(max_size=60))
def test_a_branch_leads_to_the_root_of_the_tree(leaves: list[bytes], data: bytes) -> None:
    first = plain.sha256d(data)
    level, branch = leaves, []
    while level:  # siblings of the leftmost node, from the bottom up
        branch.append(level[0])
        rest = level[1:]
        if len(rest) % 2:
            rest = [*rest, rest[-1]]
        level = [plain.sha256d(rest[i] + rest[i + 1]) for i in range(0, len(rest), 2)]
    assert merkle_root(data, branch) == plain.merkle_tree([first, *leaves])


@given(height=st.integers(17, 2**23 - 1), rest=st.binary(max_size=20))
def test_a_height_ends_where_its_push_ends(height: int, rest: bytes) -> None:
    push = height.to_bytes(height.bit_length() // 8 + 1, "little")
    script = bytes([len(push)]) + push + rest
    assert header.block_height(bytes(41) + bytes([len(script)]) + script) == height
