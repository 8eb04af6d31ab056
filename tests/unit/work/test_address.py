"""Addresses against the published vectors of BIP173, BIP350 and of real transactions."""

import pytest

from luxminer.work import base58, bech32
from luxminer.work.address import Network, address_of, parse_address

# Ref: BIP350 "Test vectors for v0-v16 native segregated witness addresses" (valid ones).
SEGWIT = [
    (
        "BC1QW508D6QEJXTDG4Y5R3ZARVARY0C5XW7KV8F3T4",
        "0014751e76e8199196d454941c45d1b3a323f1433bd6",
    ),
    (
        "tb1qrp33g0q5c5txsp9arysrx4k6zdkfs4nce4xj0gdcccefvpysxf3q0sl5k7",
        "00201863143c14c5166804bd19203356da136c985678cd4d27a1b8c6329604903262",
    ),
    (
        "bc1pw508d6qejxtdg4y5r3zarvary0c5xw7kw508d6qejxtdg4y5r3zarvary0c5xw7kt5nd6y",
        "5128751e76e8199196d454941c45d1b3a323f1433bd6751e76e8199196d454941c45d1b3a323f1433bd6",
    ),
    ("BC1SW50QGDZ25J", "6002751e"),
    ("bc1zw508d6qejxtdg4y5r3zarvaryvaxxpcs", "5210751e76e8199196d454941c45d1b3a323"),
    (
        "tb1qqqqqp399et2xygdj5xreqhjjvcmzhxw4aywxecjdzew6hylgvsesrxh6hy",
        "0020000000c4a5cad46221b2a187905e5266362b99d5e91c6ce24d165dab93e86433",
    ),
    (
        "tb1pqqqqp399et2xygdj5xreqhjjvcmzhxw4aywxecjdzew6hylgvsesf3hn0c",
        "5120000000c4a5cad46221b2a187905e5266362b99d5e91c6ce24d165dab93e86433",
    ),
    (
        "bc1p0xlxvlhemja6c4dqv22uapctqupfhlxm9h8z3k2e72q4k9hcz7vqzk5jj0",
        "512079be667ef9dcbbac55a06295ce870b07029bfcdb2dce28d959f2815b16f81798",
    ),
]

# Ref: BIP350, the invalid ones of the same section.
INVALID_SEGWIT = [
    "tc1p0xlxvlhemja6c4dqv22uapctqupfhlxm9h8z3k2e72q4k9hcz7vq5zuyut",
    "bc1p0xlxvlhemja6c4dqv22uapctqupfhlxm9h8z3k2e72q4k9hcz7vqh2y7hd",
    "tb1z0xlxvlhemja6c4dqv22uapctqupfhlxm9h8z3k2e72q4k9hcz7vqglt7rf",
    "BC1S0XLXVLHEMJA6C4DQV22UAPCTQUPFHLXM9H8Z3K2E72Q4K9HCZ7VQ54WELL",
    "bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kemeawh",
    "tb1q0xlxvlhemja6c4dqv22uapctqupfhlxm9h8z3k2e72q4k9hcz7vq24jc47",
    "bc1p38j9r5y49hruaue7wxjce0updqjuyyx0kh56v8s25huc6995vvpql3jow4",
    "BC130XLXVLHEMJA6C4DQV22UAPCTQUPFHLXM9H8Z3K2E72Q4K9HCZ7VQ7ZWS8R",
    "bc1pw5dgrnzv",
    "bc1p0xlxvlhemja6c4dqv22uapctqupfhlxm9h8z3k2e72q4k9hcz7v8n0nx0muaewav253zgeav",
    "BC1QR508D6QEJXTDG4Y5R3ZARVARYV98GJ9P",
    "tb1p0xlxvlhemja6c4dqv22uapctqupfhlxm9h8z3k2e72q4k9hcz7vq47Zagq",
    "bc1p0xlxvlhemja6c4dqv22uapctqupfhlxm9h8z3k2e72q4k9hcz7v07qwwzcrf",
    "tb1p0xlxvlhemja6c4dqv22uapctqupfhlxm9h8z3k2e72q4k9hcz7vpggkg4j",
    "bc1gmk9yu",
]

# Ref: BIP173 and BIP350, "the following strings are valid".
VALID_BECH32 = [
    "A12UEL5L",
    "a12uel5l",
    "an83characterlonghumanreadablepartthatcontainsthenumber1andtheexcludedcharactersbio1tt5tgs",
    "abcdef1qpzry9x8gf2tvdw0s3jn54khce6mua7lmqqqxw",
    "11qqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqc8247j",
    "split1checkupstagehandshakeupstreamerranterredcaperred2y9e3w",
    "?1ezyfcl",
]
VALID_BECH32M = [
    "A1LQFN3A",
    "a1lqfn3a",
    "an83characterlonghumanreadablepartthatcontainsthetheexcludedcharactersbioandnumber11sg7hg6",
    "abcdef1l7aum6echk45nj3s0wdvt2fg8x9yrzpqzd3ryx",
    "11llllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllludsr8",
    "split1checkupstagehandshakeupstreamerranterredcaperredlc445v",
    "?1v759aa",
]
INVALID_STRINGS = [
    "\x201nwldj5",
    "\x7f1axkwrx",
    "\x801eym55h",
    "an84characterslonghumanreadablepartthatcontainsthenumber1andtheexcludedcharactersbio1569pvx",
    "pzry9x0s0muk",
    "1pzry9x0s0muk",
    "x1b4n0q5v",
    "li1dgmt3",
    "de1lg7wt\xff",
    "A1G7SGD8",
    "10a06t8",
    "1qzzfhee",
    "\x201xj0phk",
    "\x7f1g6xzxy",
    "\x801vctc34",
    "qyrz8wqd2c9m",
    "1qyrz8wqd2c9m",
    "y1b0jsk6g",
    "lt1igcx5c0",
    "in1muywd",
    "mm1crxm3i",
    "au1s5cgom",
    "M1VUXWEZ",
    "16plkw9",
    "1p2gdwpf",
]

# The genesis block's key, the one of BIP173's examples, the address of BIP13's text and those that
# the Bitcoin wiki's list of prefixes shows; the networks are all that spell the address so.
MAIN, TESTS = {Network.MAIN}, {Network.TEST, Network.REGTEST}
LEGACY = [
    ("1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNa", "62e907b15cbf27d5425399ebf6f0fb50ebb88f18", MAIN),
    ("1BgGZ9tcN4rm9KBzDn7KprQz87SZ26SAMH", "751e76e8199196d454941c45d1b3a323f1433bd6", MAIN),
    ("mrCDrCybB6J1vRfbwM5hemdJz73FwDBC8r", "751e76e8199196d454941c45d1b3a323f1433bd6", TESTS),
    ("mipcBbFg9gMiCh81Kj8tqqdgoZub1ZJRfn", "243f1394f44554f4ce3fd68649c19adc483ce924", TESTS),
    ("1111111111111111111114oLvT2", "0000000000000000000000000000000000000000", MAIN),
]
P2SH = [
    ("3P14159f73E4gFr7JterCCQh9QjiTjiZrG", "e9c3dd0c07aac76179ebc76a6c78d4d67c6c160a", MAIN),
    ("2MzQwSSnBHWHqSAqtTVQ6v47XtaisrJa1Vc", "4e9f39ca4688ff102128ea4ccda34105324305b0", TESTS),
]


@pytest.mark.parametrize(("text", "key_hash", "networks"), LEGACY)
def test_legacy_addresses(text: str, key_hash: str, networks: set[Network]) -> None:
    address = parse_address(text)
    assert address.script.hex() == f"76a914{key_hash}88ac"
    assert address.networks == networks
    assert address.is_spendable
    assert all(address_of(address.script, network) == text for network in networks)


@pytest.mark.parametrize(("text", "script_hash", "networks"), P2SH)
def test_script_addresses(text: str, script_hash: str, networks: set[Network]) -> None:
    address = parse_address(text)
    assert address.script.hex() == f"a914{script_hash}87"
    assert address.networks == networks
    assert all(address_of(address.script, network) == text for network in networks)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "is empty"),
        ("1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNb", "wrong checksum"),
        ("1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfN0", "has '0' at place 34"),
        ("LVg2kJoFNg45Nbpy53h7Fe1wKyeXVRhMH9", "another currency"),
        ("1" * 200, "200 characters"),
        ("bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t5", "wrong checksum"),
        ("bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3T4", "mixes small and capital"),
        ("bcrt1q", "too little behind it"),
        ("5HueCGU8rMjxEXxiPuD5BDku4MkFqeZyd4dZ1jvhTVqvbTLvyTJ", "holds 33 bytes"),
        ("1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfN\u0661", "at place 34"),
    ],
)
def test_a_wrong_address_is_refused_with_the_reason(text: str, why: str) -> None:
    with pytest.raises(ValueError, match=why):
        parse_address(text)


def test_regtest_has_a_prefix_of_its_own() -> None:
    program = bytes.fromhex("751e76e8199196d454941c45d1b3a323f1433bd6")
    text = address_of(b"\x00\x14" + program, Network.REGTEST)
    assert text == "bcrt1qw508d6qejxtdg4y5r3zarvary0c5xw7kygt080"
    assert parse_address(text).networks == {Network.REGTEST}


@pytest.mark.parametrize(
    ("text", "is_spendable"),
    [
        ("BC1QW508D6QEJXTDG4Y5R3ZARVARY0C5XW7KV8F3T4", True),
        ("bc1p0xlxvlhemja6c4dqv22uapctqupfhlxm9h8z3k2e72q4k9hcz7vqzk5jj0", True),
        ("bc1zw508d6qejxtdg4y5r3zarvaryvaxxpcs", False),
        ("BC1SW50QGDZ25J", False),
    ],
)
def test_what_anybody_could_take_is_known(text: str, *, is_spendable: bool) -> None:
    assert parse_address(text).is_spendable is is_spendable


@pytest.mark.parametrize(
    "script", ["", "6a", "00", "0014", "0015" + "00" * 21, "5101ff", "51" + "29" + "00" * 41, "ac"]
)
def test_scripts_without_an_address_have_none(script: str) -> None:
    assert address_of(bytes.fromhex(script), Network.MAIN) is None


def test_base58_keeps_leading_zeros() -> None:
    for payload in (b"", b"\0", b"\0\0a", b"a\0"):
        assert base58.decode(base58.encode(payload)) == payload


@pytest.mark.parametrize(("text", "script"), SEGWIT)
def test_witness_addresses_stand_for_their_script(text: str, script: str) -> None:
    address = parse_address(text)
    assert address.script.hex() == script
    (network,) = address.networks
    assert address_of(address.script, network) == text.lower()


@pytest.mark.parametrize("text", INVALID_SEGWIT)
def test_wrong_witness_addresses_are_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"\w"):
        parse_address(text)


@pytest.mark.parametrize("text", VALID_BECH32)
def test_bech32_strings(text: str) -> None:
    prefix, values, variant = bech32.decode(text)
    assert variant is bech32.Variant.BECH32
    assert bech32.encode(prefix, values, variant) == text.lower()


@pytest.mark.parametrize("text", VALID_BECH32M)
def test_bech32m_strings(text: str) -> None:
    prefix, values, variant = bech32.decode(text)
    assert variant is bech32.Variant.BECH32M
    assert bech32.encode(prefix, values, variant) == text.lower()


@pytest.mark.parametrize("text", INVALID_STRINGS)
def test_wrong_bech32_strings_are_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"\w"):
        bech32.decode(text)
