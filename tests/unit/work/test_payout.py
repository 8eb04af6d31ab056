"""Whom jobs pay, and the three answers to whether it is the expected one."""

from dataclasses import replace

import pytest

from luxminer.work.address import Network, parse_address
from luxminer.work.coinbase import coinbase_of, compact_size, parse_coinbase
from luxminer.work.job import PoolJob
from luxminer.work.payout import PayoutCheck, PayoutVerdict, network_of, payouts, show_script
from tests.unit.mining.jobs import job

MINE = "bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4"
OTHER = "1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNa"
COMMITMENT = bytes.fromhex("6a24aa21a9ed") + bytes(32)


def job_paying(*outputs: tuple[int, bytes]) -> PoolJob:
    """Return a job that pays these values to these scripts."""
    start = bytes.fromhex("0100000001") + bytes(32) + b"\xff" * 4 + b"\x0c\x03\x20\xa1\x07"
    end = b"\xff" * 4 + compact_size(len(outputs))
    for value_sat, script in outputs:
        end += value_sat.to_bytes(8, "little") + compact_size(len(script)) + script
    return replace(job(), coinb1=start, coinb2=end + bytes(4))


def script(text: str) -> bytes:
    return parse_address(text).script


@pytest.mark.parametrize(
    ("outputs", "verdict"),
    [
        ([(5, script(MINE))], PayoutVerdict.FOUND),
        ([(5, script(OTHER)), (1, script(MINE)), (0, COMMITMENT)], PayoutVerdict.FOUND),
        ([(5, script(OTHER)), (0, COMMITMENT)], PayoutVerdict.NOT_FOUND),
        ([(5, script(OTHER)), (0, script(MINE))], PayoutVerdict.NOT_FOUND),
        ([], PayoutVerdict.CANNOT_TELL),
    ],
)
def test_the_three_answers(outputs: list[tuple[int, bytes]], verdict: PayoutVerdict) -> None:
    assert PayoutCheck(MINE).verdict(job_paying(*outputs)) is verdict


def test_each_job_is_judged_anew() -> None:
    check = PayoutCheck(MINE)
    assert check.verdict(job_paying((5, script(MINE)))) is PayoutVerdict.FOUND
    assert check.verdict(job_paying((5, script(OTHER)))) is PayoutVerdict.NOT_FOUND
    broken = replace(job_paying((5, script(MINE))), coinb1=b"\x01")
    assert check.verdict(broken) is PayoutVerdict.CANNOT_TELL


def test_no_address_cannot_be_expected() -> None:
    with pytest.raises(ValueError, match="checksum"):
        PayoutCheck(MINE[:-1] + "5")


@pytest.mark.parametrize(
    ("network", "spelt"),
    [
        (Network.MAIN, MINE),
        (Network.TEST, "tb1qw508d6qejxtdg4y5r3zarvary0c5xw7kxpjzsx"),
        (Network.REGTEST, "bcrt1qw508d6qejxtdg4y5r3zarvary0c5xw7kygt080"),
    ],
)
def test_outputs_are_shown_as_addresses_of_their_network(network: Network, spelt: str) -> None:
    coinbase = parse_coinbase(coinbase_of(job_paying((5, script(MINE)), (0, COMMITMENT))))
    address, commitment = payouts(coinbase, network)
    assert (address.to, address.value_sat, address.is_address) == (spelt, 5, True)
    assert (commitment.to, commitment.is_address) == ("witness commitment", False)


@pytest.mark.parametrize(
    ("script_hex", "words"),
    [
        ("", "empty script"),
        ("6a", "data of 0 bytes"),
        ("6a0474657374", "data of 5 bytes"),
        ("21" + "02" * 33 + "ac", "public key " + "02" * 33),
        ("51", "script 51"),
        ("51" * 50, "script " + "51" * 40 + "..."),
    ],
)
def test_scripts_without_an_address_are_described(script_hex: str, words: str) -> None:
    assert show_script(bytes.fromhex(script_hex)) == words


@pytest.mark.parametrize(
    ("texts", "network"),
    [
        ([], Network.MAIN),
        (["", "account.worker"], Network.MAIN),
        (["", "tb1qw508d6qejxtdg4y5r3zarvary0c5xw7kxpjzsx.rig1"], Network.TEST),
        (["bcrt1qw508d6qejxtdg4y5r3zarvary0c5xw7kygt080", MINE], Network.REGTEST),
        (["mipcBbFg9gMiCh81Kj8tqqdgoZub1ZJRfn"], Network.TEST),
    ],
)
def test_the_network_is_that_of_the_first_address(texts: list[str], network: Network) -> None:
    assert network_of(*texts) is network
