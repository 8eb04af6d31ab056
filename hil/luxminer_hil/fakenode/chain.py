"""A block chain that exists only here: its tip, what waits to be mined, and the judge of blocks.

The order of the checks, and the words of refusals, are those of a Bitcoin node.

Ref: Bitcoin Core validation.cpp (CheckBlock, ContextualCheckBlock), rpc/mining.cpp; BIP34, BIP113,
BIP141, BIP325 (a signet whose challenge is OP_TRUE needs no solution).
"""

import random
from dataclasses import dataclass, field

from luxminer_hil.fakenode.blocks import Block, Tx, read_block, read_tx
from luxminer_hil.fakenode.proof import (
    COMMITMENT_HEADER,
    commitment_of,
    compact,
    nbits_target,
    root_of,
    script_number,
    shown,
)
from luxminer_hil.fakenode.settings import NodeSettings

__all__ = ["Chain", "Entry", "Judged"]

HALVING = {"regtest": 150}
MEDIAN_OVER = 11
MAX_AHEAD_S = 7200
NOWHERE = bytes(32) + b"\xff\xff\xff\xff"
MAX_KEPT = 10_000


@dataclass(frozen=True, slots=True)
class Entry:
    """One transaction that waits."""

    tx: Tx
    fee: int


@dataclass(frozen=True, slots=True)
class Judged:
    """A block that was handed in. ``result`` is None when it was taken."""

    digest: bytes
    result: str | None
    block: Block


@dataclass(slots=True)
class _Stored:
    height: int
    time: int
    previous: bytes
    is_good: bool = field(default=True)


class Chain:
    """State of the node. Time is given with each call: Unix seconds."""

    def __init__(self, settings: NodeSettings, now: float) -> None:
        self.settings = settings
        self._rng = random.Random(settings.seed)
        self._known: dict[bytes, _Stored] = {}
        self.mempool: list[Entry] = []
        self.mempool_changes = 0
        self.judged: list[Judged] = []
        first = int(now) - 600 * MEDIAN_OVER
        previous = bytes(32)
        for number in range(MEDIAN_OVER):
            digest = self._rng.randbytes(28) + bytes(4)
            height = settings.height - MEDIAN_OVER + 1 + number
            self._known[digest] = _Stored(height, first + 600 * number, previous)
            previous = digest
        self.tip = previous
        self.add_transactions(settings.transactions)

    @property
    def height(self) -> int:
        """Of the tip."""
        return self._known[self.tip].height

    @property
    def median_time(self) -> int:
        times: list[int] = []
        digest = self.tip
        while digest in self._known and len(times) < MEDIAN_OVER:
            times.append(self._known[digest].time)
            digest = self._known[digest].previous
        return sorted(times)[len(times) // 2]

    @property
    def value(self) -> int:
        """Subsidy and fees of the next block."""
        halvings = (self.height + 1) // HALVING.get(self.settings.chain, 210_000)
        subsidy = 50 * 100_000_000 >> halvings if halvings < 64 else 0
        return subsidy + sum(entry.fee for entry in self.mempool)

    def add_transactions(self, count: int) -> None:
        """Let transactions come in; two of three have a witness."""
        for _ in range(count):
            has_witness = self._rng.random() < 2 / 3
            self.mempool.append(Entry(self._made_up(has_witness), self._rng.randrange(1, 50_000)))
        self.mempool_changes += count

    def _made_up(self, has_witness: bool) -> Tx:
        rng = self._rng
        spent = rng.randbytes(32) + (0).to_bytes(4, "little")
        script = b"" if has_witness else rng.randbytes(rng.randrange(1, 300))
        body = b"\x01" + spent + compact(len(script)) + script + b"\xfd\xff\xff\xff"
        body += b"\x01" + rng.randrange(10**8).to_bytes(8, "little")
        body += b"\x16\x00\x14" + rng.randbytes(20)
        start, end = (2).to_bytes(4, "little"), bytes(4)
        if not has_witness:
            return read_tx(start + body + end)
        signature = rng.randbytes(rng.randrange(60, 300))
        witness = b"\x01" + compact(len(signature)) + signature
        return read_tx(start + b"\x00\x01" + body + witness + end)

    def template(self, now: float) -> dict[str, object]:
        """Return what ``getblocktemplate`` answers, but for what is spoilt on purpose."""
        settings = self.settings
        is_signet = settings.chain == "signet"
        mintime = self.median_time + 1
        answer: dict[str, object] = {
            "capabilities": ["proposal"],
            "version": settings.version,
            "rules": ["csv", "!segwit", *(["!signet"] if is_signet else []), "taproot"],
            "vbavailable": {},
            "vbrequired": 0,
            "previousblockhash": shown(self.tip),
            "transactions": [self._described(entry) for entry in self.mempool],
            "coinbaseaux": {"flags": settings.aux} if settings.aux else {},
            "coinbasevalue": self.value,
            "longpollid": self.longpoll_id,
            "target": f"{nbits_target(settings.bits):064x}",
            "mintime": mintime,
            "mutable": ["time", "transactions", "prevblock"],
            "noncerange": "00000000ffffffff",
            "sigoplimit": 80_000,
            "sizelimit": 4_000_000,
            "weightlimit": 4_000_000,
            "curtime": max(int(now), mintime),
            "bits": f"{settings.bits:08x}",
            "height": self.height + 1,
            "default_witness_commitment": self._commitment_script().hex(),
        }
        if is_signet:
            answer["signet_challenge"] = settings.signet_challenge
        return answer

    @property
    def longpoll_id(self) -> str:
        return f"{shown(self.tip)}{self.mempool_changes}"

    def _described(self, entry: Entry) -> dict[str, object]:
        tx = entry.tx
        return {
            "data": tx.raw.hex(),
            "txid": shown(tx.txid),
            "hash": shown(tx.wtxid),
            "depends": [],
            "fee": entry.fee,
            "sigops": 1,
            "weight": 4 * len(tx.raw),
        }

    def _commitment_script(self) -> bytes:
        digest = commitment_of([entry.tx.wtxid for entry in self.mempool], bytes(32))
        return b"\x6a\x24" + COMMITMENT_HEADER + digest

    def confirmations(self, digest: bytes) -> int | None:
        """Count as a node does: -1 beside the best chain, None for a block that is not known."""
        stored = self._known.get(digest)
        if stored is None:
            return None
        at = self.tip
        while at in self._known:
            if at == digest:
                return self.height - stored.height + 1
            at = self._known[at].previous
        return -1

    def found_elsewhere(self, now: float) -> bytes:
        """Let somebody else find the next block; returns its hash."""
        digest = self._rng.randbytes(28) + bytes(4)
        self._advance(digest, int(now))
        self.mempool = self.mempool[1:]
        return digest

    def propose(self, raw: bytes, now: float) -> str | None:
        """Check a block but for its proof of work."""
        block = read_block(raw)
        if block.previous != self.tip:
            return "inconclusive-not-best-prevblk"
        return self._fault_of(block, now, proof=False)

    def hand_in(self, raw: bytes, now: float) -> str | None:
        """Take a block, or say why not. Raises ValueError when it is none."""
        block = read_block(raw)
        result = self._result(block, now)
        self.judged.append(Judged(block.digest, result, block))
        del self.judged[:-MAX_KEPT]
        return result

    def _result(self, block: Block, now: float) -> str | None:
        stored = self._known.get(block.digest)
        if stored is not None:
            return "duplicate" if stored.is_good else "duplicate-invalid"
        fault = self._fault_of(block, now, proof=True)
        if fault is not None:
            return fault
        parent = self._known[block.previous]
        if block.previous != self.tip:
            self._known[block.digest] = _Stored(parent.height + 1, block.time, block.previous)
            return "inconclusive"
        mined = {tx.txid for tx in block.txs}
        self.mempool = [entry for entry in self.mempool if entry.tx.txid not in mined]
        self._advance(block.digest, block.time)
        return None

    def _advance(self, digest: bytes, time: int) -> None:
        self._known[digest] = _Stored(self.height + 1, time, self.tip)
        self.tip = digest

    def _fault_of(self, block: Block, now: float, *, proof: bool) -> str | None:
        """Return the first rule that a block breaks."""
        target = nbits_target(block.bits)
        if proof and int.from_bytes(block.digest, "little") > target:
            return "high-hash"
        if not block.txs or root_of([tx.txid for tx in block.txs]) != block.root:
            return "bad-txnmrklroot"
        if [tx.inputs[0].outpoint == NOWHERE for tx in block.txs].count(True) != 1:
            return "bad-cb-multiple"
        if block.txs[0].inputs[0].outpoint != NOWHERE or len(block.txs[0].inputs) != 1:
            return "bad-cb-missing"
        if not 2 <= len(block.txs[0].inputs[0].script) <= 100:
            return "bad-cb-length"
        if block.previous not in self._known:
            return "prev-blk-not-found"
        return self._fault_in_context(block, now)

    def _fault_in_context(self, block: Block, now: float) -> str | None:
        height = self._known[block.previous].height + 1
        coinbase = block.txs[0]
        if block.bits != self.settings.bits:
            return "bad-diffbits"
        if block.previous == self.tip and block.time <= self.median_time:
            return "time-too-old"
        if block.time > now + MAX_AHEAD_S:
            return "time-too-new"
        if block.version < 4:
            return f"bad-version(0x{block.version:08x})"
        if not _is_final(coinbase, height, block.time):
            return "bad-txns-nonfinal"
        if not coinbase.inputs[0].script.startswith(script_number(height)):
            return "bad-cb-height"
        fault = _witness_fault(block)
        if fault is not None or block.previous != self.tip:
            return fault
        return self._fault_of_money(block)

    def _fault_of_money(self, block: Block) -> str | None:
        fees = {entry.tx.wtxid: entry.fee for entry in self.mempool}
        if any(tx.wtxid not in fees for tx in block.txs[1:]):
            return "bad-txns-inputs-missingorspent"
        all_fees = sum(fees.values())
        most = self.value - all_fees + sum(fees[tx.wtxid] for tx in block.txs[1:])
        if sum(output.value for output in block.txs[0].outputs) > most:
            return "bad-cb-amount"
        if self.settings.chain == "signet" and self.settings.signet_challenge != "51":
            return "bad-signet-blksig"
        return None


def _is_final(tx: Tx, height: int, time: int) -> bool:
    """Tell whether the lock time of a transaction lies in the past, or counts for nothing."""
    limit = height if tx.locktime < 500_000_000 else time
    return tx.locktime < limit or all(spent.sequence == 0xFFFFFFFF for spent in tx.inputs)


def _witness_fault(block: Block) -> str | None:
    """Check the commitment to the witnesses: the last output that looks like one counts."""
    marks = [
        output.script
        for output in block.txs[0].outputs
        if len(output.script) >= 38 and output.script[:6] == b"\x6a\x24" + COMMITMENT_HEADER
    ]
    if not marks:
        return "unexpected-witness" if any(tx.has_witness for tx in block.txs) else None
    (items,) = block.txs[0].witness
    if len(items) != 1 or len(items[0]) != 32:
        return "bad-witness-nonce-size"
    digest = commitment_of([tx.wtxid for tx in block.txs[1:]], items[0])
    return None if marks[-1][6:38] == digest else "bad-witness-merkle-match"
