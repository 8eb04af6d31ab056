"""What a node wants the next block to be: the answer to ``getblocktemplate``, checked.

Ref: BIP22, BIP23 (fields), BIP9 (version bits, rules), BIP145 (segwit); Bitcoin Core
rpc/mining.cpp. Hashes in the answer are in display order, here they are internal.
"""

import binascii
from collections.abc import Mapping
from dataclasses import dataclass, field
from fractions import Fraction

from luxminer.errors import NodeError
from luxminer.hashing import double_sha256
from luxminer.node.coinbase import COMMITMENT_SIZE, commitment_script
from luxminer.node.merkle import merkle_branch
from luxminer.work.target import difficulty_of_target, target_from_nbits

__all__ = ["Template", "Transaction", "parse_template", "read_transaction"]

MAX_TRANSACTIONS = 25_000
"""More do not fit into a block: the smallest has 60 bytes, each worth four of its weight."""

MAX_BLOCK_BYTES = 4_000_000
MAX_MONEY_SAT = 21_000_000 * 100_000_000
MAX_HEIGHT = 0x7FFFFFFF
MAX_U32 = 0xFFFFFFFF
MAX_AUX_BYTES = 60
MAX_LONGPOLL_ID = 512

KNOWN_RULES = frozenset({"csv", "segwit", "taproot", "signet"})
"""Rules whose blocks are built rightly here."""

OP_TRUE = "51"
ALL_NONCES = "00000000ffffffff"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Transaction:
    """One to be put into the block as it is, at its place."""

    data: bytes = field(repr=False)
    txid: bytes
    wtxid: bytes


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Template:
    """The parts of a block that are the node's to say."""

    version: int
    prev_hash: bytes
    height: int
    nbits: int
    network_target: int
    difficulty: Fraction
    ntime: int
    """The node's clock, never below the least that is allowed."""
    value_sat: int
    """Subsidy and fees: the most that the coinbase may pay out."""
    transactions: tuple[Transaction, ...] = field(repr=False)
    branch: tuple[bytes, ...] = field(repr=False)
    commitment: bytes
    """Output script over all witnesses; empty on a chain without them."""
    aux: bytes
    """Bytes that the coinbase script has to hold."""
    longpoll_id: str

    def is_same_work(self, other: "Template") -> bool:
        """Tell whether the headers are the same: searched twice, they would give duplicates."""
        return all(getattr(self, name) == getattr(other, name) for name in _WORK)


_WORK = ("prev_hash", "version", "nbits", "ntime", "height", "value_sat", "branch", "commitment")


def read_transaction(fields: Mapping[str, object]) -> Transaction:
    """Check one entry of ``transactions``. Raises NodeError."""
    data = _hex(fields, "data")
    txid = _hash(fields, "txid")
    wtxid = _hash(fields, "hash")
    if double_sha256(data) != wtxid:
        raise NodeError(f"transaction {txid[::-1].hex()} is not what its hash says")
    if data[4:6] != b"\x00\x01" and txid != wtxid:
        raise NodeError(f"transaction {txid[::-1].hex()} without a witness has two hashes")
    return Transaction(data=data, txid=txid, wtxid=wtxid)


def parse_template(fields: object, known: Mapping[bytes, Transaction] | None = None) -> Template:
    """Check a whole answer; entries of ``transactions`` may have been read already.

    ``known`` transactions (by wtxid) are taken instead of equal new ones, to save their memory.
    Raises NodeError that names the field.
    """
    if not isinstance(fields, dict):
        raise NodeError("what the node gives as template is no object")
    rules = _rules(fields)
    _check_demands(fields)
    nbits = int.from_bytes(_hex(fields, "bits", size=4), "big")
    try:
        network_target = target_from_nbits(nbits)
    except ValueError as exc:
        raise NodeError(f"template: {exc}") from exc
    if "target" in fields and int.from_bytes(_hex(fields, "target", size=32)) != network_target:
        raise NodeError(f"template: target and bits {nbits:08x} are not the same")
    transactions = _transactions(fields, known or {})
    return Template(
        version=_version(fields),
        prev_hash=_hash(fields, "previousblockhash"),
        height=_integer(fields, "height", MAX_HEIGHT),
        nbits=nbits,
        network_target=network_target,
        difficulty=difficulty_of_target(network_target),
        ntime=max(_integer(fields, "curtime", MAX_U32), _integer(fields, "mintime", MAX_U32, 0)),
        value_sat=_integer(fields, "coinbasevalue", MAX_MONEY_SAT),
        transactions=transactions,
        branch=merkle_branch([transaction.txid for transaction in transactions]),
        commitment=_commitment(fields, rules, transactions),
        aux=_aux(fields),
        longpoll_id=_text(fields, "longpollid", MAX_LONGPOLL_ID),
    )


def _rules(fields: Mapping[str, object]) -> set[str]:
    """Return the rules in force. One that must be known (``!``) and is not ends solo mining."""
    rules = fields.get("rules", [])
    if not isinstance(rules, list) or not all(isinstance(rule, str) for rule in rules):
        raise NodeError("template: rules is no list of names")
    for rule in rules:
        if rule.startswith("!") and rule[1:] not in KNOWN_RULES:
            words = f'the node demands the rule "{rule[1:41]}", which this version does not know'
            raise NodeError(f"{words}; a newer luxminer is needed")
    return {rule.removeprefix("!") for rule in rules}


def _check_demands(fields: Mapping[str, object]) -> None:
    """Refuse what we could only answer with blocks that are no good."""
    challenge = fields.get("signet_challenge", OP_TRUE)
    if challenge != OP_TRUE:
        words = "blocks of this signet need a signature of those who run it"
        raise NodeError(f"{words}; mine on testnet, regtest, or a signet whose challenge is 51")
    if fields.get("noncerange", ALL_NONCES) != ALL_NONCES:
        raise NodeError("template: the node keeps nonces for itself; chips search all of them")


def _version(fields: Mapping[str, object]) -> int:
    version = fields.get("version")
    if isinstance(version, bool) or not isinstance(version, int):
        raise NodeError("template: version is no whole number")
    if not -(1 << 31) <= version <= MAX_U32:
        raise NodeError(f"template: version {version} has more than 32 bits")
    return (version | _integer(fields, "vbrequired", MAX_U32, 0)) & MAX_U32


def _transactions(
    fields: Mapping[str, object], known: Mapping[bytes, Transaction]
) -> tuple[Transaction, ...]:
    entries = fields.get("transactions")
    if not isinstance(entries, list):
        raise NodeError("template: transactions is no list")
    if len(entries) > MAX_TRANSACTIONS:
        raise NodeError(f"template: {len(entries)} transactions are too many")
    transactions = []
    size = 0
    for entry in entries:
        if isinstance(entry, dict):
            entry = read_transaction(entry)
        if not isinstance(entry, Transaction):
            raise NodeError("template: a transaction is no object")
        old = known.get(entry.wtxid)
        if old is not None and old.data == entry.data and old.txid == entry.txid:
            entry = old
        size += len(entry.data)
        transactions.append(entry)
    if size > MAX_BLOCK_BYTES:
        raise NodeError(f"template: {size} bytes of transactions do not fit into a block")
    return tuple(transactions)


def _commitment(
    fields: Mapping[str, object], rules: set[str], transactions: tuple[Transaction, ...]
) -> bytes:
    """Return the commitment over all witnesses; the node's own must be the same."""
    given = fields.get("default_witness_commitment")
    has_witness = any(transaction.txid != transaction.wtxid for transaction in transactions)
    if given is None and "segwit" not in rules and not has_witness:
        return b""
    script = commitment_script([transaction.wtxid for transaction in transactions])
    if given is not None:
        wanted = _hex(fields, "default_witness_commitment", size=COMMITMENT_SIZE)
        if wanted != script:
            raise NodeError("template: the witness commitment is not that of its transactions")
    return script


def _aux(fields: Mapping[str, object]) -> bytes:
    parts = fields.get("coinbaseaux", {})
    if not isinstance(parts, dict):
        raise NodeError("template: coinbaseaux is no object")
    aux = b"".join(_hex(parts, name) for name in parts)
    if len(aux) > MAX_AUX_BYTES:
        raise NodeError(f"template: coinbaseaux of {len(aux)} bytes is too long")
    return aux


def _integer(fields: Mapping[str, object], name: str, high: int, default: int | None = None) -> int:
    value = fields.get(name, default)
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= high:
        raise NodeError(f"template: {name} is no whole number from 0 to {high}")
    return value


def _text(fields: Mapping[str, object], name: str, longest: int) -> str:
    value = fields.get(name, "")
    if not isinstance(value, str) or len(value) > longest:
        raise NodeError(f"template: {name} is no text of at most {longest} characters")
    return value


def _hex(fields: Mapping[str, object], name: str, size: int | None = None) -> bytes:
    value = fields.get(name)
    if not isinstance(value, str):
        raise NodeError(f"template: {name} is no text")
    try:
        raw = binascii.unhexlify(value)
    except ValueError as exc:
        raise NodeError(f"template: {name} is not hex in pairs of digits") from exc
    if size is not None and len(raw) != size:
        raise NodeError(f"template: {name} has {len(raw)} bytes instead of {size}")
    return raw


def _hash(fields: Mapping[str, object], name: str) -> bytes:
    return _hex(fields, name, size=32)[::-1]
