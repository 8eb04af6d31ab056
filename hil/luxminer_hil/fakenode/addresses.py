"""What ``validateaddress`` says: addresses read with code of this bench's own.

Ref: BIP173, BIP350; Bitcoin Core base58.cpp, chainparams.cpp.
"""

from luxminer_hil.fakenode.proof import sha256d

__all__ = ["script_paid_by"]

BASE58 = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"
BECH32 = "qpzry9x8gf2tvdw0s3jn54khce6mua7l"
STEPS = ((1, 0x3B6A57B2), (2, 0x26508E6D), (4, 0x1EA119FA), (8, 0x3D4233DD), (16, 0x2A1462B3))
FINAL = {0: 1}
LATER_FINAL = 0x2BC830A3

MAIN = ("bc", 0, 5)
TEST = ("tb", 111, 196)
PREFIXES = {
    "main": MAIN,
    "test": TEST,
    "testnet4": TEST,
    "signet": TEST,
    "regtest": ("bcrt", 111, 196),
}


def script_paid_by(address: str, chain: str) -> bytes | None:
    """Return the output script of an address of this chain, None when it is none."""
    human, key, script = PREFIXES[chain]
    if address.lower().startswith(f"{human}1"):
        return _witness_script(address.lower(), human)
    raw = _base58(address)
    if raw is None or len(raw) != 25 or sha256d(raw[:21])[:4] != raw[21:]:
        return None
    if raw[0] == key:
        return b"\x76\xa9\x14" + raw[1:21] + b"\x88\xac"
    return b"\xa9\x14" + raw[1:21] + b"\x87" if raw[0] == script else None


def _base58(text: str) -> bytes | None:
    if not text or len(text) > 40 or any(letter not in BASE58 for letter in text):
        return None
    value = sum(BASE58.index(letter) * 58**power for power, letter in enumerate(reversed(text)))
    return value.to_bytes(25, "big") if value < 1 << 200 else None


def _witness_script(text: str, human: str) -> bytes | None:
    letters = text[len(human) + 1 :]
    if len(letters) < 8 or any(letter not in BECH32 for letter in letters):
        return None
    values = [BECH32.index(letter) for letter in letters]
    state = 1
    for value in [*(ord(c) // 32 for c in human), 0, *(ord(c) % 32 for c in human), *values]:
        top, state = state >> 25, (state % (1 << 25)) * 32 ^ value
        for bit, term in STEPS:
            if top & bit:
                state ^= term
    version, digits = values[0], values[1:-6]
    if state != FINAL.get(version, LATER_FINAL) or version > 16:
        return None
    bits = "".join(f"{digit:05b}" for digit in digits)
    size = len(bits) // 8
    if len(bits) - 8 * size > 4 or "1" in bits[8 * size :]:
        return None
    program = bytes(int(bits[at : at + 8], 2) for at in range(0, 8 * size, 8))
    if not 2 <= size <= 40 or (version == 0 and size not in (20, 32)):
        return None
    return bytes([0x50 + version if version else 0, size]) + program
