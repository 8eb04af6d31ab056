"""Addresses and coinbases: what is written comes back, whatever else comes is a ValueError."""

import contextlib

from hypothesis import example, given, settings
from hypothesis import strategies as st

from luxminer.work import base58, bech32
from luxminer.work.address import Network, address_of, parse_address
from luxminer.work.coinbase import parse_coinbase

NETWORKS = st.sampled_from(Network)
HASHES = st.binary(min_size=20, max_size=20)
PROGRAMS = st.one_of(
    st.tuples(st.just(0), st.one_of(HASHES, st.binary(min_size=32, max_size=32))),
    st.tuples(st.integers(1, 16), st.binary(min_size=2, max_size=40)),
)
FULL = bytes.fromhex(
    "010000000001010000000000000000000000000000000000000000000000000000000000000000ffffffff"
    "095f00062f4077697a2fffffffff0200f2052a010000001976a9140a59837ccd4df25adc31cdad39be6a8d97"
    "557ed688ac0000000000000000266a24aa21a9ede2f61c3f71d1defd3fa999dfa36953755c690689799962b4"
    "8bebd836974e8cf9" + "0120" + "00" * 32 + "00000000"
)


@given(network=NETWORKS, program=PROGRAMS)
def test_witness_programs_round_trip(network: Network, program: tuple[int, bytes]) -> None:
    version, data = program
    script = bytes([0x50 + version if version else 0, len(data)]) + data
    text = address_of(script, network)
    assert text is not None
    address = parse_address(text)
    assert address.script == script
    assert address.networks == {network}
    assert parse_address(text.upper()).script == script


@given(network=NETWORKS, data=HASHES, is_script=st.booleans())
def test_legacy_scripts_round_trip(network: Network, data: bytes, *, is_script: bool) -> None:
    script = b"\xa9\x14" + data + b"\x87" if is_script else b"\x76\xa9\x14" + data + b"\x88\xac"
    text = address_of(script, network)
    assert text is not None
    address = parse_address(text)
    assert address.script == script
    assert network in address.networks


@given(network=NETWORKS, program=PROGRAMS, data=st.data())
def test_up_to_four_wrong_letters_are_noticed(
    network: Network, program: tuple[int, bytes], data: st.DataObject
) -> None:
    text = bech32.encode_program(bech32_prefix(network), *program)
    start = text.rindex("1") + 1
    places = data.draw(st.sets(st.integers(start, len(text) - 1), min_size=1, max_size=4))
    letters = list(text)
    for place in places:
        others = [letter for letter in bech32.CHARSET if letter != letters[place]]
        letters[place] = data.draw(st.sampled_from(others))
    with contextlib.suppress(ValueError):
        found = parse_address("".join(letters))
        raise AssertionError(found)


def bech32_prefix(network: Network) -> str:
    return {Network.MAIN: "bc", Network.TEST: "tb", Network.REGTEST: "bcrt"}[network]


@given(payload=st.binary(max_size=60))
def test_base58_round_trips(payload: bytes) -> None:
    assert base58.decode(base58.encode(payload)) == payload


@given(text=st.text(max_size=100))
@example(text="bc1" + "q" * 80)
@example(text="tb1")
def test_any_text_is_an_address_or_a_value_error(text: str) -> None:
    with contextlib.suppress(ValueError):
        address = parse_address(text)
        assert any(address_of(address.script, n) == text.lower() for n in address.networks) or any(
            address_of(address.script, n) == text for n in address.networks
        )


@given(at=st.integers(0, len(FULL) - 1), new=st.binary(min_size=1, max_size=9))
@settings(max_examples=200)
def test_a_spoiled_coinbase_is_one_or_a_value_error(at: int, new: bytes) -> None:
    with contextlib.suppress(ValueError):
        found = parse_coinbase(FULL[:at] + new + FULL[at + len(new) :])
        assert 2 <= len(found.script_sig) <= 100
        assert found.outputs


@given(raw=st.binary(max_size=200))
def test_any_bytes_are_a_coinbase_or_a_value_error(raw: bytes) -> None:
    with contextlib.suppress(ValueError):
        parse_coinbase(raw)
