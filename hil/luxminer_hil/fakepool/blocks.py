"""Real blocks in the package, each complete enough to be mined again from a stratum job.

``blocks.json`` was taken from published block data; nothing in it has to be believed: the branch
folds the coinbase into the header's root, and the header hashes to the block's hash.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib import resources
from types import MappingProxyType

from luxminer_hil.fakepool.proof import merkle_root, sha256d

__all__ = ["HistoricalBlock", "block_named", "blocks"]


@dataclass(frozen=True, slots=True, kw_only=True)
class HistoricalBlock:
    """One block. ``block_hash`` is in display order, everything else in header order."""

    name: str
    chain: str
    height: int
    source: str
    block_hash: str
    header: bytes = field(repr=False)
    coinbase: bytes = field(repr=False)
    """Without witness, as it is hashed for the merkle tree."""
    branch: tuple[bytes, ...] = field(repr=False)
    nonce_position: int
    """Big-endian reading of the nonce bytes: the order in which a chip counts."""
    best_chips: int
    """Number of chips, 1 to 12, with which the fewest hashes are needed."""
    hashes: int
    """Needed by that many chips, each counting up from its address, ``256 // chips`` apart, in
    the first nonce byte."""

    def __post_init__(self) -> None:
        if (
            merkle_root(self.coinbase, self.branch) != self.header[36:68]
            or sha256d(self.header)[::-1].hex() != self.block_hash
        ):
            raise ValueError(f"block {self.name}: its parts do not give its hash")

    @property
    def nonce(self) -> int:
        return int.from_bytes(self.header[76:80], "little")


@cache
def blocks() -> Mapping[str, HistoricalBlock]:
    """All packaged blocks by name."""
    text = resources.files(__package__).joinpath("blocks.json").read_text("ascii")
    found = {}
    for row in json.loads(text)["blocks"]:
        row["branch"] = tuple(bytes.fromhex(node) for node in row["branch"])
        row |= {key: bytes.fromhex(row[key]) for key in ("header", "coinbase")}
        found[row["name"]] = HistoricalBlock(**row)
    return MappingProxyType(found)


def block_named(name: str) -> HistoricalBlock:
    """Find a packaged block. Raises ValueError that names those there are."""
    found = blocks().get(name)
    if found is None:
        raise ValueError(f"no block {name!r}; there are {', '.join(blocks())}")
    return found
