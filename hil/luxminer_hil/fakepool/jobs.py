"""Jobs of the pool: synthetic blocks from a seed, and real blocks that a miner can find again.

A job knows its whole coinbase but for the extranonce, so that the pool can judge every share from
its own bytes. A synthetic job takes the extranonce that each session has. A job of a real block
brings its own: the coinbase is cut inside the null outpoint, whose last zero bytes then are
extranonce1 and extranonce2, so that the first extranonce2 of a counter gives the real merkle root.
"""

from dataclasses import dataclass, field
from random import Random
from typing import NamedTuple

from luxminer_hil.fakepool.blocks import HistoricalBlock
from luxminer_hil.fakepool.proof import prevhash_text

__all__ = ["Extranonce", "Job", "JobFactory"]

SYNTHETIC_VERSION = 0x20000000
"""No bit inside the mask of BIP320, so that every rule for version bits gives the same version."""

FIRST_HEIGHT = 881_424
TAG = b"/luxminer-hil/"
SUBSIDY = 312_500_000
INPUT = bytes.fromhex("0200000001" + "00" * 32 + "ffffffff")
NULL_OUTPOINT = slice(5, 37)
"""Where every coinbase has 32 zero bytes: the hash of the transaction that it does not spend."""


class Extranonce(NamedTuple):
    """What the subscription tells a miner: the fixed part and the size of the part it varies."""

    fixed: bytes
    size: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """What all sessions share of one ``mining.notify``. Numbers are header fields."""

    job_id: str
    prev_hash: bytes = field(repr=False)
    before: bytes = field(repr=False)
    """Coinbase up to the extranonce, without the length byte of the scriptSig where it varies."""
    script_head: bytes | None = field(repr=False)
    """Start of a synthetic scriptSig, after its length byte; None when ``before`` is complete."""
    after: bytes = field(repr=False)
    branch: tuple[bytes, ...] = field(repr=False)
    version: int
    nbits: int
    ntime: int
    clean: bool
    extranonce: Extranonce | None = None
    """Of a real block or a recorded session; other jobs take that of the session."""
    fixed_version: bool = False
    """No version rolling: a real block leaves the miner no choice."""
    block: HistoricalBlock | None = field(default=None, repr=False)

    def coinb1(self, extranonce: Extranonce) -> bytes:
        """Return the bytes before the extranonce; the length of the scriptSig counts it."""
        if self.script_head is None:
            return self.before
        length = len(self.script_head) + len(extranonce.fixed) + extranonce.size
        return self.before + bytes([length]) + self.script_head

    def notify_params(self, extranonce: Extranonce, *, clean: bool) -> list[object]:
        return [
            self.job_id,
            prevhash_text(self.prev_hash),
            self.coinb1(extranonce).hex(),
            self.after.hex(),
            [node.hex() for node in self.branch],
            f"{self.version:08x}",
            f"{self.nbits:08x}",
            f"{self.ntime:08x}",
            clean,
        ]


class JobFactory:
    """Makes jobs; the same seed and the same orders give the same blocks, except for their time."""

    def __init__(self, seed: int, *, nbits: int, max_branches: int) -> None:
        self._random = Random(seed)
        self._nbits = nbits
        self._max_branches = max_branches
        self._issued = 0
        self._height = FIRST_HEIGHT
        self._prev_hash = self._new_prev_hash()

    def synthetic(self, ntime: int, *, clean: bool, new_block: bool, job_id: str = "") -> Job:
        """Make a job on the tip of the chain; ``new_block`` moves the tip first.

        ``job_id`` is one that was used before; without it the job gets a new one.
        """
        if new_block:
            self._height += 1
            self._prev_hash = self._new_prev_hash()
        payout = bytes.fromhex("160014") + self._random.randbytes(20)
        commitment = bytes.fromhex("266a24aa21a9ed") + self._random.randbytes(32)
        outputs = SUBSIDY.to_bytes(8, "little") + payout + bytes(8) + commitment
        branches = self._random.randint(0, self._max_branches)
        return Job(
            job_id=job_id or self._next_id(),
            prev_hash=self._prev_hash,
            before=INPUT,
            script_head=height_push(self._height) + TAG,
            after=bytes.fromhex("ffffffff02") + outputs + bytes(4),
            branch=tuple(self._random.randbytes(32) for _ in range(branches)),
            version=SYNTHETIC_VERSION,
            nbits=self._nbits,
            ntime=ntime,
            clean=clean,
        )

    def historical(self, block: HistoricalBlock, *, sizes: tuple[int, int], clean: bool) -> Job:
        """Make a job that leads to ``block``; ``sizes`` are those of the two extranonces.

        The two must fit into the 32 zero bytes of the null outpoint.
        """
        fixed, varied = sizes
        cut = NULL_OUTPOINT.stop - fixed - varied
        assert cut >= NULL_OUTPOINT.start, sizes
        assert not any(block.coinbase[NULL_OUTPOINT]), block.name
        return Job(
            job_id=self._next_id(),
            prev_hash=block.header[4:36],
            before=block.coinbase[:cut],
            script_head=None,
            after=block.coinbase[NULL_OUTPOINT.stop :],
            branch=block.branch,
            version=int.from_bytes(block.header[:4], "little"),
            nbits=int.from_bytes(block.header[72:76], "little"),
            ntime=int.from_bytes(block.header[68:72], "little"),
            clean=clean,
            extranonce=Extranonce(bytes(fixed), varied),
            fixed_version=True,
            block=block,
        )

    def _next_id(self) -> str:
        """Leading zeros and mixed case: a miner must echo an id, not understand it."""
        self._issued += 1
        return f"{self._issued:04X}j"

    def _new_prev_hash(self) -> bytes:
        return self._random.randbytes(24) + bytes(8)


def height_push(height: int) -> bytes:
    """BIP34 for heights above 16: the minimal little-endian script number and its length."""
    number = height.to_bytes(height.bit_length() // 8 + 1, "little")
    return bytes([len(number)]) + number
