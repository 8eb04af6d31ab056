"""Vectors of what references say in words, run through the drivers of BM1387 and later.

No original was recorded at these: which form a register answers in, how long a version lasts, and
how a mask that nobody was seen to write is sent.
"""

from collections.abc import Mapping

from luxminer_drivers.bm13xx import chain
from luxminer_drivers.bm13xx.commands import ReadRegister, WriteRegister
from luxminer_drivers.bm13xx.replies import RegisterReply
from luxminer_drivers.bm13xx.ticket import encode_ticket
from luxminer_hil.vectors.chips_bm13xx import family_of
from luxminer_hil.vectors.chips_replies import decoded
from luxminer_hil.vectors.chips_shared import Check, Vector, expect_near
from luxminer_hil.vectors.mismatch import Mismatch, expect

__all__ = ["CHECKS"]

ROUNDED = 0.01
"""Times that are said in words have two digits or three."""


def check_register_reply(vector: Vector) -> None:
    """Ask for a register, and read the answer; where it is not known, only the question counts."""
    family, given, expected = family_of(vector), vector["input"], vector["expect"]
    ask = ReadRegister(register=int(given["register"], 16))
    expect(given["ask"], ask.encode(family).hex(), "question")
    if "rx" not in given:
        return
    reply, *more = decoded(family, bytes.fromhex(given["rx"]))
    if more or not isinstance(reply, RegisterReply):
        raise Mismatch("a register", [reply, *more])
    expect(expected["value"], f"{reply.value:08x}", "value")
    for name, number in (("address", reply.address), ("register", reply.register)):
        expect(expected[name], None if number is None else f"{number:02x}", name)


def check_version_epoch(vector: Vector) -> None:
    """Compare how long a chip has new versions to roll."""
    family, given = family_of(vector), vector["input"]
    count, mask = (int(given[name], 16) for name in ("hash_count", "version_mask"))
    command = WriteRegister(register=family.registers.hash_count, value=count)
    expect(given["frame"], command.encode(family).hex(), "hash counting number")
    epoch_s = chain.version_epoch_s(family, count, mask)
    expect_near(vector["expect"]["seconds"], epoch_s, "seconds", ROUNDED)


def check_ticket_orders(vector: Vector) -> None:
    """Find in what the driver sends, one after the other, each order that a source has."""
    family, difficulty = family_of(vector), vector["input"]["difficulty"]
    frames = {
        WriteRegister(register=family.registers.ticket, value=encode_ticket(difficulty, order))
        .encode(family)
        .hex()
        for order in family.ticket_orders
    }
    expect(sorted(vector["expect"]["frames"]), sorted(frames), "frames")


CHECKS: Mapping[str, Check] = {
    "register_reply": check_register_reply,
    "ticket_orders": check_ticket_orders,
    "version_epoch": check_version_epoch,
}
"""Kind of vector -> what raises `Mismatch`."""
