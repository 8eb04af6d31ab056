"""Bech32 and Bech32m: the spelling of witness programs, and its error-detecting code.

Ref: BIP173 (Bech32, witness version 0), BIP350 (Bech32m, later versions).
"""

from collections.abc import Iterable, Sequence
from enum import IntEnum

__all__ = ["Variant", "decode", "decode_program", "encode", "encode_program"]

CHARSET = "qpzry9x8gf2tvdw0s3jn54khce6mua7l"
_VALUES = {letter: value for value, letter in enumerate(CHARSET)}
_GENERATOR = (0x3B6A57B2, 0x26508E6D, 0x1EA119FA, 0x3D4233DD, 0x2A1462B3)

MAX_TEXT = 90
CHECKSUM_SIZE = 6
MAX_VERSION = 16
PROGRAM_SIZES = range(2, 41)
VERSION_0_SIZES = (20, 32)


class Variant(IntEnum):
    """What the checksum comes to."""

    BECH32 = 1
    BECH32M = 0x2BC830A3


def encode(prefix: str, values: Sequence[int], variant: Variant) -> str:
    """Spell 5-bit ``values`` under a lower-case ``prefix``."""
    rest = _polymod([*_expanded(prefix), *values, *bytes(CHECKSUM_SIZE)]) ^ variant
    checksum = [rest >> 5 * (CHECKSUM_SIZE - 1 - place) & 31 for place in range(CHECKSUM_SIZE)]
    return prefix + "1" + "".join(CHARSET[value] for value in (*values, *checksum))


def decode(text: str) -> tuple[str, list[int], Variant]:
    """Return prefix, 5-bit values and variant. Raises ValueError that says what is wrong."""
    if len(text) > MAX_TEXT:
        raise ValueError(f"has {len(text)} characters instead of at most {MAX_TEXT}")
    strange = next((letter for letter in text if not "!" <= letter <= "~"), None)
    if strange is not None:
        raise ValueError(f"has {strange!r}, which no address uses")
    if text not in (text.lower(), text.upper()):
        raise ValueError("mixes small and capital letters")
    prefix, separator, data = text.lower().rpartition("1")
    if not separator or not prefix or len(data) < CHECKSUM_SIZE:
        raise ValueError("has no prefix, or too little behind it")
    wrong = next((letter for letter in data if letter not in _VALUES), None)
    if wrong is not None:
        raise ValueError(f"has {wrong!r} behind its prefix, which no such address uses")
    values = [_VALUES[letter] for letter in data]
    rest = _polymod([*_expanded(prefix), *values])
    if rest not in tuple(Variant):
        raise ValueError("has a wrong checksum: a letter is mistyped or missing")
    return prefix, values[:-CHECKSUM_SIZE], Variant(rest)


def encode_program(prefix: str, version: int, program: bytes) -> str:
    """Spell a witness program. Asserts that it is one."""
    assert _is_program(version, program), (version, program)
    return encode(prefix, [version, *_regrouped(program, 8, 5)], _variant(version))


def decode_program(text: str) -> tuple[str, int, bytes]:
    """Return prefix, witness version and program. Raises ValueError that says what is wrong."""
    prefix, values, variant = decode(text)
    if not values or values[0] > MAX_VERSION:
        raise ValueError(f"names no witness version from 0 to {MAX_VERSION}")
    version = values[0]
    if variant is not _variant(version):
        wanted = _variant(version).name.capitalize()
        raise ValueError(f"has not the checksum of witness version {version}, which is {wanted}")
    *whole, rest = _regrouped(values[1:], 5, 8)
    if rest or len(values) - 1 > (len(whole) * 8 + 4) // 5:
        raise ValueError("has bits too many at its end")
    program = bytes(whole)
    if not _is_program(version, program):
        raise ValueError(
            f"holds {len(program)} bytes, which is no program of witness version {version}"
        )
    return prefix, version, program


def _variant(version: int) -> Variant:
    return Variant.BECH32M if version else Variant.BECH32


def _is_program(version: int, program: bytes) -> bool:
    sizes = PROGRAM_SIZES if version else VERSION_0_SIZES
    return 0 <= version <= MAX_VERSION and len(program) in sizes


def _regrouped(values: Iterable[int], size_in: int, size_out: int) -> list[int]:
    """Cut the bits of ``values`` anew; from bytes the last group is filled up with zeros.

    To bytes, what is left over is the last entry: zero when it was only filling.
    """
    bits, count, groups = 0, 0, []
    for value in values:
        bits, count = bits << size_in | value, count + size_in
        while count >= size_out:
            count -= size_out
            groups.append(bits >> count & (1 << size_out) - 1)
        bits &= (1 << count) - 1
    if size_out == 8:
        return [*groups, bits]
    return [*groups, bits << size_out - count] if count else groups


def _expanded(prefix: str) -> list[int]:
    codes = prefix.encode("ascii")
    return [*(code >> 5 for code in codes), 0, *(code & 31 for code in codes)]


def _polymod(values: Iterable[int]) -> int:
    check = 1
    for value in values:
        top = check >> 25
        check = (check & 0x1FFFFFF) << 5 ^ value
        for place, factor in enumerate(_GENERATOR):
            check ^= factor if top >> place & 1 else 0
    return check
