"""Vectors of what references say in words, run through the simulator's chips."""

from collections.abc import Callable, Mapping

import luxminer_drivers.bm13xx.facts as facts
from luxminer_hil.chipsim.families.bm1362 import RollingChip
from luxminer_hil.chipsim.families.framed import HeaderTask, register_reply
from luxminer_hil.vectors.chips_shared import BM1391
from luxminer_hil.vectors.chips_sim_framed import chip_of, command_of, families_of, task_of
from luxminer_hil.vectors.chips_sim_search import Vector
from luxminer_hil.vectors.mismatch import Mismatch, expect

__all__ = ["CHECKS"]

ROUNDED = 0.01
"""Times that are said in words have two digits or three."""


def check_register_reply(vector: Vector) -> None:
    """Ask a chip, after what it is told before; a register without a known value answers, too."""
    given = vector["input"]
    if vector["family"] == BM1391.name:  # on no stick: there is its wire, and no chip
        said = (int(vector["expect"][name], 16) for name in ("value", "address", "register"))
        got = register_reply(BM1391, BM1391.register_lengths[-1], *said)
        expect(given["rx"], got.hex())
    for name in families_of(vector):
        chip = chip_of(name)
        for raw in given.get("before", ()):
            chip.obey(command_of(name, raw), 0.0)
        reply = chip.obey(command_of(name, given["ask"]), 0.0)
        if reply is None:
            raise Mismatch("an answer", reply, name)
        if "rx" in given:
            expect(given["rx"], reply.hex(), name)


def check_version_epoch(vector: Vector) -> None:
    """Let a chip begin a task, and look how many versions it hashes at a time."""
    given, expected = vector["input"], vector["expect"]
    for name in families_of(vector):
        chip = chip_of(name)
        assert isinstance(chip, RollingChip)
        task = task_of(name, given["task"])
        assert isinstance(task, HeaderTask)
        for raw in (*given["before"], given["frame"]):
            chip.obey(command_of(name, raw), 0.0)
        count = chip.registers[chip.family.registers.hash_count]
        expect(int(given["hash_count"], 16), count, "hash counting number")
        batches = (1 << len(chip.rolled_bits)) // chip.search_of(task).width
        got_s = count * batches / (facts.CRYSTAL_MHZ * 1e6)
        if abs(got_s - expected["seconds"]) > ROUNDED * expected["seconds"]:
            raise Mismatch(expected["seconds"], got_s, f"{name}: seconds")


CHECKS: Mapping[str, Callable[[Vector], None]] = {
    "register_reply": check_register_reply,
    "version_epoch": check_version_epoch,
}
