"""Replies of BM1387 and later in a stream, whatever surrounds them and however it is cut."""

import itertools

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from luxminer_drivers.bm13xx.facts import Family
from luxminer_drivers.bm13xx.replies import (
    MAX_JUNK,
    BadFrame,
    Decoder,
    Frame,
    NonceReply,
    RegisterReply,
)
from luxminer_drivers.bm1362.facts import BM1362
from luxminer_drivers.bm1370.facts import BM1370
from luxminer_drivers.bm1387.facts import BM1387
from luxminer_drivers.bm1397.facts import BM1397
from tests.oracles.crc import crc

FAMILIES = [BM1387, BM1397, BM1362, BM1370]
NASTY = st.sampled_from([0xAA, 0x55, 0x00, 0x80, 0x9F, 0x1F])
"""Bytes that look like a preamble or the end of a reply."""
ANY = st.one_of(NASTY, st.integers(0, 255))
JUNK = st.lists(ANY, max_size=14).map(bytes)


def sealed(family: Family, data: bytes, kind: int) -> bytes:
    """Close a reply as a chip does; ``kind`` is its three type bits."""
    bits = 8 * len(data) + 3
    check = crc(data + bytes([kind << 5]), bits, width=5, polynomial=0x05, initial=0x1F)
    return family.reply_preamble + data + bytes([kind << 5 | check])


def is_window(family: Family, frame: bytes) -> bool:
    lengths = {0: family.register_lengths, 4: (family.nonce_length,)}
    if not frame.startswith(family.reply_preamble):
        return False
    data = frame[len(family.reply_preamble) :]
    if not family.reply_preamble and (data[5] & 0x80 or (data[-1] >> 5 == 0 and any(data[4:6]))):
        return False  # a BM1387 sends seven bits of id, and no names of registers
    return len(data) in lengths.get(data[-1] >> 5, ()) and (
        sealed(family, data[:-1], data[-1] >> 5) == frame
    )


def windows(family: Family, raw: bytes) -> int:
    """Count all places and lengths that look like a frame."""
    sizes = {
        len(family.reply_preamble) + n for n in (*family.register_lengths, family.nonce_length)
    }
    return sum(
        is_window(family, raw[at : at + size])
        for size in sizes
        for at in range(len(raw) - size + 1)
    )


def replies(family: Family) -> st.SearchStrategy[bytes]:
    data = st.lists(ANY, min_size=12, max_size=12).map(bytes)
    if not family.reply_preamble:
        # A BM1387 sends seven bits of id, and no names of registers.
        nonces = data.map(lambda raw: sealed(family, raw[:5] + bytes([raw[5] & 0x7F]), 4))
        return st.one_of(nonces, data.map(lambda raw: sealed(family, raw[:4] + bytes(2), 0)))
    kinds = st.sampled_from(
        [(4, family.nonce_length), *((0, length) for length in family.register_lengths)]
    )
    return st.builds(lambda raw, kind: sealed(family, raw[: kind[1] - 1], kind[0]), data, kinds)


def cut(raw: bytes, places: list[int]) -> list[bytes]:
    edges = sorted({0, len(raw), *(place % (len(raw) + 1) for place in places)})
    return [raw[a:b] for a, b in itertools.pairwise(edges)]


def fed(family: Family, pieces: list[bytes]) -> list[Frame]:
    decoder = Decoder(family)
    frames = [frame for piece in pieces for frame in decoder.feed(piece)]
    frames += decoder.flush()
    assert decoder.is_idle
    return frames


def good(frames: list[Frame]) -> list[Frame]:
    return [frame for frame in frames if not isinstance(frame, BadFrame)]


def alone(family: Family, raw: bytes) -> Frame:
    (frame,) = fed(family, [raw])
    assert not isinstance(frame, BadFrame)
    return frame


@pytest.mark.slow
@pytest.mark.parametrize("family", FAMILIES, ids=lambda family: family.name)
@given(data=st.data(), places=st.lists(st.integers(0, 1000), max_size=8))
def test_cuts_do_not_matter(family: Family, data: st.DataObject, places: list[int]) -> None:
    pieces = st.one_of(JUNK, replies(family), replies(family))
    raw = b"".join(data.draw(st.lists(pieces, max_size=8)))
    whole = fed(family, [raw])
    assert fed(family, cut(raw, places)) == whole
    assert fed(family, [bytes([byte]) for byte in raw]) == whole


@pytest.mark.slow
@pytest.mark.parametrize("family", FAMILIES, ids=lambda family: family.name)
@given(data=st.data())
def test_every_reply_between_junk_is_found(family: Family, data: st.DataObject) -> None:
    right = data.draw(st.lists(replies(family), min_size=1, max_size=5))
    junk = data.draw(st.lists(JUNK, min_size=len(right) + 1, max_size=len(right) + 1))
    raw = b"".join(a + b for a, b in zip(junk, right, strict=False)) + junk[-1]
    assume(windows(family, raw) == len(right))  # else junk has made one, once in 256 windows
    frames = fed(family, [raw])
    assert good(frames) == [alone(family, reply) for reply in right]
    bad = sum(len(frame.raw) for frame in frames if isinstance(frame, BadFrame))
    assert bad == sum(map(len, junk))


@pytest.mark.slow
@pytest.mark.parametrize("family", FAMILIES, ids=lambda family: family.name)
@given(data=st.data(), bit=st.integers(0, 7))
def test_a_damaged_reply_costs_itself_alone(family: Family, data: st.DataObject, bit: int) -> None:
    right = data.draw(st.lists(replies(family), min_size=2, max_size=5))
    victim = data.draw(st.integers(0, len(right) - 2))
    place = data.draw(st.integers(0, len(right[victim]) - 1))
    damaged = bytearray(right[victim])
    damaged[place] ^= 1 << bit
    others = right[:victim] + right[victim + 1 :]
    pieces = [*right[:victim], bytes(damaged), *right[victim + 1 :]]
    if family.reply_preamble:
        assume(windows(family, b"".join(pieces)) == len(others))
    assert good(fed(family, pieces)) == [alone(family, reply) for reply in others]


@pytest.mark.parametrize("family", FAMILIES, ids=lambda family: family.name)
@given(raw=st.lists(ANY, max_size=400).map(bytes))
def test_what_is_kept_is_bounded(family: Family, raw: bytes) -> None:
    decoder = Decoder(family)
    longest = len(family.reply_preamble) + family.nonce_length
    taken = 0
    for frame in decoder.feed(raw):
        if isinstance(frame, BadFrame):
            assert 0 < len(frame.raw) <= MAX_JUNK
            taken += len(frame.raw)
        else:
            taken += longest
    assert len(raw) - taken < 2 * longest + MAX_JUNK


@pytest.mark.parametrize("family", [BM1362, BM1370], ids=lambda family: family.name)
@given(value=st.integers(0, 2**32 - 1), address=st.integers(0, 255), register=st.integers(0, 255))
def test_short_and_long_registers_are_the_same(
    family: Family, value: int, address: int, register: int
) -> None:
    data = value.to_bytes(4, "big") + bytes([address, register])
    wanted = RegisterReply(value=value, address=address, register=register)
    short, long = sealed(family, data, 0), sealed(family, data + bytes(2), 0)
    assert alone(family, long) == wanted
    # A short one that is followed by nothing is known once nothing more comes.
    assert alone(family, short) == wanted
    decoder = Decoder(family)
    assert decoder.feed(short) == []
    assert decoder.feed(long) == [wanted, wanted]


@given(nonce=st.binary(min_size=4, max_size=4), job=st.integers(0, 31), index=st.integers(0, 3))
def test_a_nonce_of_a_midstate(nonce: bytes, job: int, index: int) -> None:
    reply = alone(BM1397, sealed(BM1397, nonce + bytes([7, job * 4 + index]), 4))
    assert reply == NonceReply(
        nonce=int.from_bytes(nonce, "little"),
        job_id=job * 4,
        index=index,
        id_byte=job * 4 + index,
        version_bits=0,
        detail=7,
    )


@pytest.mark.parametrize(
    ("family", "reply", "job_id", "index", "version_bits"),
    [
        (BM1387, "1dac2b7c003198", 0x30, 1, 0),
        (BM1397, "aa551dac2b7c00248a", 0x24, 0, 0),
        (BM1362, "aa551dac2b7c034600008a", 0x40, 6, 0),
        (BM1370, "aa551dac2b7c029600008d", 0x48, 6, 0),
        (BM1370, "aa554c0352750cd205a29c", 0x68, 2, 0x05A2),
    ],
)
def test_published_replies(
    family: Family, reply: str, job_id: int, index: int, version_bits: int
) -> None:
    got = alone(family, bytes.fromhex(reply))
    assert isinstance(got, NonceReply)
    assert (got.job_id, got.index, got.version_bits) == (job_id, index, version_bits)


def test_status_bytes_of_a_bridge_are_junk() -> None:
    frames = fed(BM1387, [bytes.fromhex("016003b95f7e00158f")])
    assert frames[0] == BadFrame(raw=b"\x01\x60")
    assert isinstance(frames[1], NonceReply)
