"""Writes lines for the kernel harness: random headers by hashlib, and the golden blocks.

Each line is a kind and fields in hex, "-" for an empty one; the last field is the right answer.
"""

import json
import random
import struct
import sys
from pathlib import Path

from tests.oracles import sha256

ROOT = Path(__file__).parents[1]


def say(kind: str, *fields: bytes) -> None:
    print(kind, *[field.hex() or "-" for field in fields])


def lines_for(header: bytes, rng: random.Random) -> None:
    state, tail = sha256.midstate(header[:64]), header[64:76]
    say("midstate", header[:64], state)
    say("header", state, tail, header[76:], sha256.double_sha256(header))
    for count in (0, 1, 3, 4, 5, 16, 17, 48, 100):
        first = rng.choice([0, 2**32 - max(count, 1), rng.randrange(2**32 - count)])
        target = (2**256 // rng.choice([1, 2, 7, 40]) - 1).to_bytes(32, "little")
        found = sha256.scan(header[:76], first, count, target)
        answer = b"".join(struct.pack(">I", position) for position in found)
        say("scan", state, tail, target, struct.pack(">II", first, count), answer)
        nonces = rng.randbytes(4 * count)
        parts = [nonces[4 * n : 4 * n + 4] for n in range(count)]
        hashes = [sha256.double_sha256(header[:76] + part) for part in parts]
        exact = rng.choice(hashes) if hashes else target  # equality counts
        for bound in (target, exact):
            right = bytes(sha256.meets(block_hash, bound) for block_hash in hashes)
            say("check", state, tail, bound, nonces, right)


def main() -> None:
    seed = int(sys.argv[1]) if len(sys.argv) > 1 else random.randrange(2**32)
    print(f"seed {seed}", file=sys.stderr)
    rng = random.Random(seed)
    golden = json.loads((ROOT / "tests/vectors/bm13xx.json").read_text())["blocks"]
    for block in golden:
        lines_for(bytes.fromhex(block["header"]), rng)
    for size in (0, 1, 55, 56, 63, 64, 65, 119, 120, 128, 250):
        data = rng.randbytes(size)
        say("double", data, sha256.double_sha256(data))
    for _ in range(20):
        lines_for(rng.randbytes(80), rng)


main()
