"""Targets by long division and by bytes. Imports nothing of ours."""

ONE = bytes.fromhex("00000000ffff" + "00" * 26)
"""Target of difficulty 1, most significant byte first."""


def target(numerator: int, denominator: int) -> bytes:
    """Divide the target of difficulty 1 by a ratio, digit by digit in base 256."""
    digits, rest = [], 0
    product = int.from_bytes(ONE, "big") * denominator
    for digit in product.to_bytes(product.bit_length() // 8 + 1, "big"):
        rest = rest * 256 + digit
        digits.append(rest // numerator)
        rest %= numerator
    if any(digits[:-32]):
        return b"\xff" * 32
    return bytes(digits[-32:]).rjust(32, b"\0")


def from_compact(nbits: bytes) -> bytes | None:
    """Place the three mantissa bytes as the exponent says; None where no target comes of it."""
    size, mantissa = nbits[0], nbits[1:]
    if mantissa[0] & 0x80:
        return None
    long = bytes(256) + mantissa + bytes(256)
    # The last byte of the number stands ``size`` bytes after the first one of the mantissa.
    end = 256 + size
    whole = long[:end]
    if any(whole[:-32]) or not any(whole[-32:]):
        return None
    return whole[-32:]
