"""Whom the coinbase of a job pays: its outputs as addresses, and whether an expected one is there.

Ref: BIP141 (witness commitment); docs/sources.md, "Stratum" (jobs, coinbase parts).
"""

from dataclasses import dataclass
from enum import StrEnum

from luxminer.work.address import Network, address_of, parse_address
from luxminer.work.coinbase import Coinbase, TxOutput, coinbase_of, parse_coinbase
from luxminer.work.job import PoolJob

__all__ = [
    "COMMITMENT_START",
    "Payout",
    "PayoutCheck",
    "PayoutVerdict",
    "network_of",
    "payouts",
    "show_script",
]

COMMITMENT_START = b"\x6a\x24\xaa\x21\xa9\xed"
"""Begins the script of 38 bytes that commits to the witnesses."""

COMMITMENT_SIZE = 38

_OP_RETURN = 0x6A
_OP_CHECKSIG = b"\xac"
_PUBLIC_KEY_SIZES = (33, 65)
MAX_SHOWN_SCRIPT = 40
"""Bytes of a script without a name that are shown."""


class PayoutVerdict(StrEnum):
    """What a job says about the expected address."""

    FOUND = "found"
    NOT_FOUND = "not found"
    CANNOT_TELL = "cannot tell"
    """The coinbase cannot be taken apart: no block could be made of it either."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Payout:
    """One output: ``to`` is its address, or a description of a script without one."""

    value_sat: int
    to: str
    is_address: bool


def payouts(coinbase: Coinbase, network: Network) -> tuple[Payout, ...]:
    """Return the outputs of a coinbase with the names that ``network`` gives them."""
    return tuple(_shown(output, network) for output in coinbase.outputs)


def show_script(script: bytes) -> str:
    """Describe an output script that has no address."""
    if script.startswith(COMMITMENT_START) and len(script) >= COMMITMENT_SIZE:
        return "witness commitment"
    if script[:1] == bytes([_OP_RETURN]):
        return f"data of {len(script) - 1} bytes"
    key = script[1:-1]
    if len(key) in _PUBLIC_KEY_SIZES and script == bytes([len(key)]) + key + _OP_CHECKSIG:
        return f"public key {key.hex()}"
    end = "..." if len(script) > MAX_SHOWN_SCRIPT else ""
    return f"script {script[:MAX_SHOWN_SCRIPT].hex()}{end}" if script else "empty script"


def network_of(*texts: str) -> Network:
    """Guess a network from the first address among ``texts``; the main one without any.

    A worker's name behind the address (``address.worker``) does no harm. Legacy addresses of the
    test networks are all alike; they count as those of testnet and signet.
    """
    for text in texts:
        try:
            networks = parse_address(text.partition(".")[0]).networks
        except ValueError:
            continue
        return next(network for network in Network if network in networks)
    return Network.MAIN


class PayoutCheck:
    """Looks for the address ``expected`` in jobs. Raises ValueError when it is no address.

    The last job is remembered: a pool is asked for its verdict more often than it sends jobs.
    """

    def __init__(self, expected: str) -> None:
        self.address = parse_address(expected)
        self._job: PoolJob | None = None
        self._verdict = PayoutVerdict.CANNOT_TELL

    def verdict(self, job: PoolJob) -> PayoutVerdict:
        """Tell whether ``job`` pays anything to the expected address."""
        if job is not self._job:
            self._job, self._verdict = job, self._judge(job)
        return self._verdict

    def _judge(self, job: PoolJob) -> PayoutVerdict:
        try:
            outputs = parse_coinbase(coinbase_of(job)).outputs
        except ValueError:
            return PayoutVerdict.CANNOT_TELL
        script = self.address.script
        is_paid = any(output.script == script and output.value_sat for output in outputs)
        return PayoutVerdict.FOUND if is_paid else PayoutVerdict.NOT_FOUND


def _shown(output: TxOutput, network: Network) -> Payout:
    address = address_of(output.script, network)
    return Payout(
        value_sat=output.value_sat,
        to=address if address is not None else show_script(output.script),
        is_address=address is not None,
    )
