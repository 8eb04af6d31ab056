"""Finding nonces in a stream without check sums, whatever surrounds them and however it is cut."""

import itertools
from dataclasses import dataclass

from hypothesis import assume, example, given
from hypothesis import strategies as st

from luxminer_drivers.bm1384.codec import ChipIdReply, NonceReply, PllReply
from luxminer_drivers.bm1384.decoder import TAIL_S, BadFrame, Decoder, Frame
from luxminer_drivers.bm1384.pll import Pll
from tests.oracles.crc import crc

JOB_IDS = st.integers(0, 31)
NASTY = st.sampled_from([*range(0x80, 0xA0), 0x13, 0x84, 0x00, 0x1F])
"""Bytes that look like the end of a nonce, or the start or end of a register reply."""
JUNK = st.lists(st.one_of(NASTY, st.integers(0, 255)), max_size=14).map(bytes)
NONCES = st.lists(st.one_of(NASTY, st.integers(0, 255)), min_size=4, max_size=4).map(bytes)


@dataclass(frozen=True)
class Stream:
    """Replies that the owner can verify, with whatever stands before each and after the last."""

    replies: tuple[bytes, ...]
    junk: tuple[bytes, ...]

    @property
    def raw(self) -> bytes:
        pieces = [junk + reply for junk, reply in zip(self.junk, self.replies, strict=False)]
        return b"".join(pieces) + self.junk[-1]

    def is_right(self, job_id: int, nonce: int) -> bool:
        return nonce.to_bytes(4, "little") + bytes([0x80 | job_id]) in self.replies

    def has_accidents(self) -> bool:
        """Junk makes a right nonce; on a real line once in 2^32 windows."""
        windows = [self.raw[at : at + 5] for at in range(len(self.raw) - 4)]
        return sum(window in self.replies for window in windows) != len(self.replies)


@st.composite
def reply(draw: st.DrawFn) -> bytes:
    return draw(NONCES) + bytes([0x80 | draw(JOB_IDS)])


@st.composite
def streams(draw: st.DrawFn) -> Stream:
    right = draw(st.lists(reply(), max_size=6))
    junk = draw(st.lists(JUNK, min_size=len(right) + 1, max_size=len(right) + 1))
    stream = Stream(tuple(right), tuple(junk))
    assume(not stream.has_accidents())
    return stream


def cut(raw: bytes, places: list[int]) -> list[bytes]:
    edges = sorted({0, len(raw), *(place % (len(raw) + 1) for place in places)})
    return [raw[a:b] for a, b in itertools.pairwise(edges)]


def decode(stream: Stream, pieces: list[bytes]) -> list[Frame]:
    decoder = Decoder(stream.is_right)
    frames: list[Frame] = []
    for piece in pieces:
        frames += decoder.feed(piece, 0.0)
        assert len(decoder._buffer) <= 8
    frames += decoder.expire(TAIL_S)
    assert not decoder.is_waiting
    return frames


def length(frame: Frame) -> int:
    return len(frame.raw) if isinstance(frame, BadFrame) else 5


def right(frames: list[Frame]) -> list[bytes]:
    return [
        frame.nonce.to_bytes(4, "little") + bytes([0x80 | frame.job_id])
        for frame in frames
        if isinstance(frame, NonceReply) and frame.is_verified
    ]


@given(stream=streams(), places=st.lists(st.integers(0, 200), max_size=8))
@example(stream=Stream((bytes.fromhex("1dac2b7c9e"),), (b"\x84\x91", b"\x13\x84\x00")), places=[3])
def test_cuts_change_nothing(stream: Stream, places: list[int]) -> None:
    whole = decode(stream, [stream.raw])
    assert decode(stream, [bytes([byte]) for byte in stream.raw]) == whole
    assert decode(stream, cut(stream.raw, places)) == whole


@given(stream=streams())
def test_every_right_nonce_is_found_in_order_and_every_byte_accounted_for(stream: Stream) -> None:
    frames = decode(stream, [stream.raw])
    assert right(frames) == list(stream.replies)
    assert sum(map(length, frames)) == len(stream.raw)


@given(stream=streams())
def test_a_right_nonce_comes_with_its_last_byte(stream: Stream) -> None:
    decoder = Decoder(stream.is_right)
    ends = []
    for at, byte in enumerate(stream.raw):
        if right(decoder.feed(bytes([byte]), 0.0)):
            ends.append(at)
    wanted, at = [], -1
    for junk, one in zip(stream.junk, stream.replies, strict=False):
        at += len(junk) + len(one)
        wanted.append(at)
    assert ends == wanted


@given(claims=st.lists(st.tuples(reply(), st.booleans()), min_size=1, max_size=8))
def test_wrong_nonces_in_step_are_claims_not_junk(claims: list[tuple[bytes, bool]]) -> None:
    good = tuple(raw for raw, is_right in claims if is_right)
    raw = b"".join(one for one, _ in claims)
    windows = [raw[at : at + 5] for at in range(len(raw) - 4)]
    assume(all(at % 5 == 0 for at, window in enumerate(windows) if window in good))
    assume(not any(window[0] in (0x13, 0x80) and window[4] < 0x20 for window in windows))
    frames = decode(Stream(good, ()), [raw])
    assert all(isinstance(frame, NonceReply) for frame in frames)
    assert [frame.is_verified for frame in frames if isinstance(frame, NonceReply)] == [
        one in good for one, _ in claims
    ]


@given(
    stream=streams(),
    which=st.integers(0, 5),
    at=st.integers(0, 4),
    flip=st.integers(0, 255),
)
def test_a_damaged_reply_takes_no_neighbour_along(
    stream: Stream, which: int, at: int, flip: int
) -> None:
    assume(stream.replies)
    victim = which % len(stream.replies)
    damaged = bytearray(stream.replies[victim])
    if flip:
        damaged[at] ^= flip
    else:
        del damaged[at]
    rest = stream.replies[:victim] + stream.replies[victim + 1 :]
    junk = list(stream.junk)
    junk[victim : victim + 2] = [junk[victim] + bytes(damaged) + junk[victim + 1]]
    spoiled = Stream(rest, tuple(junk))
    assume(not spoiled.has_accidents())
    assert right(decode(spoiled, [spoiled.raw])) == list(rest)


@given(data=st.binary(max_size=300))
def test_hostile_bytes_are_bounded_and_accounted_for(data: bytes) -> None:
    nothing = Stream((), (data,))
    frames = decode(nothing, [data])
    assert sum(map(length, frames)) == len(data)
    assert all(len(frame.raw) < 70 for frame in frames if isinstance(frame, BadFrame))


def sealed(body: bytes) -> bytes:
    return body + bytes([crc(body + b"\0", 35, width=5, polynomial=0x05, initial=0x1F)])


CHIP_ID = sealed(b"\x13\x84\x00\x00")
AT_100_MHZ = bytes.fromhex("800f000307")


@given(chips=st.integers(1, 30))
def test_answers_to_the_count_back_to_back(chips: int) -> None:
    stream = Stream((), (CHIP_ID * chips,))
    whole = decode(stream, [stream.raw])
    assert whole == [ChipIdReply(data=CHIP_ID[:4])] * chips
    assert decode(stream, [bytes([byte]) for byte in stream.raw]) == whole


@given(junk=st.lists(st.sampled_from([0xFF, 0x55, 0x42]), max_size=12).map(bytes))
def test_register_replies_are_found_behind_junk(junk: bytes) -> None:
    frames = decode(Stream((), (junk + AT_100_MHZ + CHIP_ID,)), [junk + AT_100_MHZ + CHIP_ID])
    assert [frame for frame in frames if not isinstance(frame, BadFrame)] == [
        PllReply(pll=Pll(m=15, n=0, od=3)),
        ChipIdReply(data=CHIP_ID[:4]),
    ]


def test_a_right_nonce_beats_a_register_reply_that_it_overlaps_with() -> None:
    end = bytes.fromhex("2b7c1dac9e")
    body = next(
        candidate
        for third in range(256)
        if (candidate := bytes([0x13, third, 0x84]))
        and sealed(candidate + end[:1])[4] == end[1] & 0x1F
    )
    # The fifth byte of the register reply is the second of the nonce.
    nonce = end[:1] + sealed(body + end[:1])[4:] + end[2:]
    stream = Stream((nonce,), (body, b""))
    assert right(decode(stream, [stream.raw])) == [nonce]


def test_a_damaged_register_reply_says_so() -> None:
    damaged = bytes([*CHIP_ID[:4], CHIP_ID[4] ^ 1])
    frames = decode(Stream((), (damaged + CHIP_ID,)), [damaged + CHIP_ID])
    assert frames == [
        BadFrame(raw=damaged, reason="damaged register reply"),
        ChipIdReply(data=CHIP_ID[:4]),
    ]


def test_a_tail_waits_for_its_rest_and_then_is_junk() -> None:
    answer = bytes.fromhex("1dac2b7c9e")
    stream = Stream((answer,), (b"", b""))
    decoder = Decoder(stream.is_right)
    assert decoder.feed(answer[:3], 10.0) == []
    assert decoder.is_waiting
    assert decoder.expire(10.0 + TAIL_S / 2) == []
    assert right(decoder.feed(answer[3:], 10.0 + TAIL_S * 0.9)) == [answer]
    decoder.feed(answer[:3], 20.0)
    assert decoder.expire(20.0 + TAIL_S) == [BadFrame(raw=answer[:3], reason="no reply")]
    assert right(decoder.feed(answer, 20.0 + 2 * TAIL_S)) == [answer]


def test_a_wrong_nonce_at_the_end_is_reported_after_the_silence() -> None:
    wrong = bytes.fromhex("1dac2b7d9e")
    decoder = Decoder(lambda _job_id, _nonce: False)
    assert decoder.feed(wrong, 0.0) == []
    assert decoder.expire(TAIL_S) == [NonceReply(job_id=30, nonce=0x7D2BAC1D, is_verified=False)]


def test_each_window_is_verified_once() -> None:
    asked: list[tuple[int, int]] = []

    def is_right(job_id: int, nonce: int) -> bool:
        asked.append((job_id, nonce))
        return False

    decoder = Decoder(is_right)
    raw = bytes(range(0x80, 0xA0)) * 3
    for byte in raw:
        decoder.feed(bytes([byte]), 0.0)
    decoder.expire(TAIL_S)
    assert len(asked) == len(raw) - 4
