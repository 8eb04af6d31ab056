"""A CRC as long division on a string of bits: nothing here is quick, or shared with the product."""

__all__ = ["crc"]


def crc(data: bytes, bits: int, *, width: int, polynomial: int, initial: int) -> int:
    """Check sum over the first ``bits`` bits of ``data``, most significant bit first.

    An initial value is the same as XOR-ing it over the first bits of the message.
    """
    message = "".join(f"{byte:08b}" for byte in data)[:bits] + "0" * width
    start = f"{initial:0{width}b}"
    digits = [int(bit) for bit in message]
    for place, bit in enumerate(start):
        digits[place] ^= int(bit)
    divisor = [1] + [int(bit) for bit in f"{polynomial:0{width}b}"]
    for place in range(bits):
        if digits[place]:
            for step, bit_value in enumerate(divisor):
                digits[place + step] ^= bit_value
    return int("".join(str(bit) for bit in digits[bits:]), 2)
