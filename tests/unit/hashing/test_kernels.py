"""Every kernel of this machine against hashlib and a SHA-256 written from the standard."""

import json
import os
import struct
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from luxminer import hashing
from tests.oracles import sha256

BLOCKS = json.loads((Path(__file__).parents[2] / "vectors" / "bm13xx.json").read_text())["blocks"]
HEADERS = st.binary(min_size=80, max_size=80)
ANYTHING_LE = b"\xff" * 32


@pytest.fixture(params=hashing.kernels(), autouse=True)
def kernel(request: pytest.FixtureRequest) -> Iterator[str]:
    before = hashing.kernel()
    hashing.use_kernel(request.param)
    yield request.param
    hashing.use_kernel(before)


def parts(header: bytes) -> tuple[bytes, bytes, int]:
    return sha256.midstate(header[:64]), header[64:76], int.from_bytes(header[76:], "little")


def test_the_kernel_in_use_is_the_one_that_was_chosen(kernel: str) -> None:
    assert hashing.kernel() == kernel


@pytest.mark.parametrize("block", BLOCKS, ids=lambda block: block["hash"][-12:])
def test_real_blocks_have_their_hash(block: dict[str, str]) -> None:
    header = bytes.fromhex(block["header"])
    state, tail, nonce = parts(header)
    internal = bytes.fromhex(block["hash"])[::-1]
    assert hashing.midstate(header[:64]) == state
    assert hashing.header_hash(state, tail, nonce) == internal
    assert hashing.verify(state, tail, nonce, internal)
    below = (int.from_bytes(internal, "little") - 1).to_bytes(32, "little")
    assert not hashing.verify(state, tail, nonce, below)
    position = int.from_bytes(header[76:], "big")
    first = max(0, position - 70)
    count = min(140, 2**32 - first)
    assert hashing.scan(state, tail, first, count, internal) == [position]


@given(header=HEADERS, versions=st.lists(st.integers(0, 2**32 - 1), max_size=5))
def test_midstates_of_rolled_versions(header: bytes, versions: list[int]) -> None:
    start = header[:64]
    expected = tuple(sha256.midstate(struct.pack("<I", v) + start[4:]) for v in versions)
    assert hashing.midstates(start, versions) == expected


@given(data=st.binary(max_size=300))
def test_double_sha256_of_any_length(data: bytes) -> None:
    assert hashing.double_sha256(data) == sha256.double_sha256(data)


@given(header=HEADERS)
def test_header_hash_is_that_of_the_whole_header(header: bytes) -> None:
    assert hashing.header_hash(*parts(header)) == sha256.double_sha256(header)


@given(header=HEADERS, nonces=st.lists(st.integers(0, 2**32 - 1), max_size=70), pick=st.integers(0))
def test_verify_and_batch_agree_with_hashlib_equality_included(
    header: bytes, nonces: list[int], pick: int
) -> None:
    state, tail, _ = parts(header)
    hashes = [sha256.double_sha256(header[:76] + struct.pack("<I", n)) for n in nonces]
    target = hashes[pick % len(hashes)] if hashes else ANYTHING_LE
    right = [sha256.meets(block_hash, target) for block_hash in hashes]
    packed = struct.pack(f"<{len(nonces)}I", *nonces)
    assert list(hashing.verify_batch(state, tail, packed, target)) == right
    for nonce, expected in zip(nonces[:5], right, strict=False):
        assert hashing.verify(state, tail, nonce, target) is expected


@given(
    header=HEADERS,
    count=st.integers(0, 130),
    place=st.sampled_from(["start", "end", "middle"]),
    middle=st.integers(200, 2**32 - 200),
    share=st.sampled_from([1, 3, 20]),
)
def test_scan_finds_exactly_what_hashlib_finds(
    header: bytes, count: int, place: str, middle: int, share: int
) -> None:
    state, tail, _ = parts(header)
    last = min(2**32 - count, 2**32 - 1)
    first = {"start": 0, "end": last, "middle": middle}[place]
    target = (2**256 // share - 1).to_bytes(32, "little")
    expected = sha256.scan(header[:76], first, count, target)
    assert hashing.scan(state, tail, first, count, target, 200) == expected


def test_scan_stops_at_its_limit_and_can_go_on() -> None:
    header = bytes(range(80))
    state, tail, _ = parts(header)
    expected = sha256.scan(header[:76], 5, 100, (2**255).to_bytes(32, "little"))
    found: list[int] = []
    first = 5
    while first < 105:
        some = hashing.scan(state, tail, first, 105 - first, (2**255).to_bytes(32, "little"), 7)
        found += some
        if len(some) < 7:
            break
        first = some[-1] + 1
    assert found == expected


@given(
    coinbase=st.binary(max_size=200),
    branch=st.lists(st.binary(min_size=32, max_size=32), max_size=8),
)
def test_merkle_root(coinbase: bytes, branch: list[bytes]) -> None:
    node = sha256.double_sha256(coinbase)
    for other in branch:
        node = sha256.double_sha256(node + other)
    assert hashing.merkle_root(coinbase, branch) == node


S, T = bytes(32), bytes(12)


@pytest.mark.parametrize(
    "call",
    [
        lambda: hashing.midstate(bytes(63)),
        lambda: hashing.midstate(bytes(65)),
        lambda: hashing.midstates(bytes(63), (1,)),
        lambda: hashing.header_hash(bytes(31), T, 0),
        lambda: hashing.header_hash(S, bytes(13), 0),
        lambda: hashing.verify(S, T, 0, bytes(31)),
        lambda: hashing.verify(S, bytes(11), 0, S),
        lambda: hashing.verify_batch(S, T, bytes(5), S),
        lambda: hashing.scan(S, T, 1, 2**32, S),
        lambda: hashing.scan(S, T, 2**32 - 1, 2, S),
        lambda: hashing.scan(S, T, 0, 1, bytes(33)),
        lambda: hashing.merkle_root(b"", [bytes(31)]),
        lambda: hashing.use_kernel("abacus"),
    ],
)
def test_wrong_sizes_and_ranges_are_refused(call: "object") -> None:
    assert callable(call)
    with pytest.raises(ValueError, match=r"\w"):
        call()


@pytest.mark.parametrize("nonce", [-1, 2**32])
def test_a_nonce_has_32_bits(nonce: int) -> None:
    with pytest.raises((ValueError, OverflowError)):
        hashing.verify(S, T, nonce, S)


def _child(name: str) -> "subprocess.CompletedProcess[str]":
    code = "from luxminer.hashing import kernel; print(kernel())"
    return subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, hashing.KERNEL_VARIABLE: name},
        capture_output=True,
        text=True,
        check=False,
    )


def test_the_environment_chooses_the_kernel(kernel: str) -> None:
    assert _child(kernel).stdout.strip() == kernel


def test_an_unknown_kernel_in_the_environment_is_a_clear_error(kernel: str) -> None:
    result = _child("abacus")
    assert result.returncode != 0
    assert "abacus" in result.stderr
    assert "portable" in result.stderr
