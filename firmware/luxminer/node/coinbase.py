"""Building the coinbase of a block of our own.

Ref: BIP34 (height), BIP141 (witness commitment); BIP54 (lock time of the height before, and a
sequence that makes it count, which older rules accept as well).
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

from luxminer.errors import NodeError
from luxminer.hashing import double_sha256
from luxminer.node.merkle import merkle_root
from luxminer.work.coinbase import (
    MAX_SCRIPT_SIG,
    TxOutput,
    compact_size,
    height_push,
    push,
)
from luxminer.work.payout import COMMITMENT_START

__all__ = [
    "COMMITMENT_SIZE",
    "MAX_TEXT",
    "RESERVED",
    "CoinbaseParts",
    "build_coinbase",
    "coinbase_transaction",
    "commitment_script",
    "with_witness",
]

MAX_TEXT = 60
"""Bytes of the owner's text: height, extranonce and what a node adds have to fit beside it."""

COMMITMENT_SIZE = 38
RESERVED = bytes(32)
"""The witness of the coinbase, which no rule gives a meaning to yet."""

TX_VERSION = 2
SEQUENCE = 0xFFFFFFFE
_NO_OUTPOINT = bytes(32) + b"\xff\xff\xff\xff"
_SEGWIT = b"\x00\x01"
_WITNESS_START = b"\x01\x20"
_LOCK_TIME_SIZE = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class CoinbaseParts:
    """A coinbase without witness, in two parts around its extranonce."""

    before: bytes = field(repr=False)
    behind: bytes = field(repr=False)


def commitment_script(wtxids: Sequence[bytes], reserved: bytes = RESERVED) -> bytes:
    """Return the output script that commits to the witnesses of all other transactions.

    ``wtxids`` are internal, in the order of the block; the coinbase itself counts as zeros.
    """
    root = merkle_root([bytes(32), *wtxids])
    return COMMITMENT_START + double_sha256(root + reserved)


def coinbase_transaction(
    *, version: int, script_sig: bytes, sequence: int, outputs: Sequence[TxOutput], lock_time: int
) -> bytes:
    """Serialise a coinbase without its witness."""
    parts = [
        version.to_bytes(4, "little"),
        b"\x01",
        _NO_OUTPOINT,
        compact_size(len(script_sig)),
        script_sig,
        sequence.to_bytes(4, "little"),
        compact_size(len(outputs)),
    ]
    for output in outputs:
        value = output.value_sat.to_bytes(8, "little")
        parts += [value, compact_size(len(output.script)), output.script]
    parts.append(lock_time.to_bytes(4, "little"))
    return b"".join(parts)


def with_witness(coinbase: bytes, reserved: bytes = RESERVED) -> bytes:
    """Return the form that goes into a block whose coinbase commits to witnesses."""
    start, body, end = coinbase[:4], coinbase[4:-_LOCK_TIME_SIZE], coinbase[-_LOCK_TIME_SIZE:]
    return start + _SEGWIT + body + _WITNESS_START + reserved + end


def build_coinbase(
    *,
    height: int,
    value_sat: int,
    payout: bytes,
    commitment: bytes,
    aux: bytes,
    text: bytes,
    extranonce_size: int,
) -> CoinbaseParts:
    """Return the coinbase that pays ``value_sat`` to the script ``payout``.

    Its script is the height, what the node adds (``aux``), ``text``, and room for the extranonce;
    ``text`` is cut where it does not fit. Raises NodeError when even without it there is no room.
    """
    start = height_push(height) + aux
    room = MAX_SCRIPT_SIG - len(start) - 1 - extranonce_size
    if room < 0:
        raise NodeError(f"template: {len(aux)} bytes of coinbaseaux leave no room for extranonces")
    text = text[: room - 1] if room else b""
    script_sig = start + (push(text) if text else b"") + push(bytes(extranonce_size))
    outputs = [TxOutput(value_sat=value_sat, script=payout)]
    if commitment:
        outputs.append(TxOutput(value_sat=0, script=commitment))
    whole = coinbase_transaction(
        version=TX_VERSION,
        script_sig=script_sig,
        sequence=SEQUENCE,
        outputs=outputs,
        lock_time=max(height - 1, 0),
    )
    end = 4 + 1 + len(_NO_OUTPOINT) + 1 + len(script_sig)  # its length, at most 100, is one byte
    return CoinbaseParts(before=whole[: end - extranonce_size], behind=whole[end:])
