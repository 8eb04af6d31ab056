"""Coinbase to header, the plain way: text in, bytes by hand, hashlib. Imports nothing of ours."""

import hashlib


def sha256d(data: bytes) -> bytes:
    return hashlib.sha256(hashlib.sha256(data).digest()).digest()


def number(value: int) -> bytes:
    """Spell a header field: four bytes, least significant first."""
    return bytes(value >> shift & 0xFF for shift in (0, 8, 16, 24))


def prev_hash(wire: str) -> bytes:
    """Turn each group of eight digits of a notify around, two digits at a time."""
    found = ""
    for start in range(0, 64, 8):
        word = wire[start : start + 8]
        found += word[6:8] + word[4:6] + word[2:4] + word[0:2]
    return bytes.fromhex(found)


def merkle_root(coinbase: bytes, branch: list[str]) -> bytes:
    root = sha256d(coinbase)
    for node in branch:
        root = sha256d(root + bytes.fromhex(node))
    return root


def header(version: int, wire: str, root: bytes, ntime: int, nbits: int, nonce: int) -> bytes:
    fields = number(ntime) + number(nbits) + number(nonce)
    return number(version) + prev_hash(wire) + root + fields


def merkle_tree(leaves: list[bytes]) -> bytes:
    """Hash a whole level at a time, as a node does."""
    level = leaves
    while len(level) > 1:
        if len(level) % 2:
            level = [*level, level[-1]]
        level = [sha256d(level[i] + level[i + 1]) for i in range(0, len(level), 2)]
    return level[0]
