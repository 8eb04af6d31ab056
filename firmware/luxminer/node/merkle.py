"""Merkle trees of a block: the root of all leaves, and the branch beside the coinbase.

Ref: Bitcoin developer reference (merkle trees): the last node of an odd level is paired with
itself. All hashes are internal.
"""

from collections.abc import Sequence

from luxminer.hashing import double_sha256

__all__ = ["merkle_branch", "merkle_root"]


def merkle_root(leaves: Sequence[bytes]) -> bytes:
    """Return the root over one leaf or more."""
    level = list(leaves)
    while len(level) > 1:
        level = _paired(level)
    return level[0]


def merkle_branch(txids: Sequence[bytes]) -> tuple[bytes, ...]:
    """Return what the coinbase is hashed with, from the bottom up, to come to the root.

    ``txids`` are those of all other transactions, in the order of the block.
    """
    branch = []
    level = [b"", *txids]
    while len(level) > 1:
        branch.append(level[1])
        level = [b"", *_paired(level[2:])]
    return tuple(branch)


def _paired(level: list[bytes]) -> list[bytes]:
    """Hash the nodes of a level in pairs."""
    if len(level) % 2:
        level = [*level, level[-1]]
    return [double_sha256(level[n] + level[n + 1]) for n in range(0, len(level), 2)]
