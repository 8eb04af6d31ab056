"""Vectors of BM1387 and later through the simulator's chips: commands, registers, tasks."""

import re
from collections.abc import Callable, Mapping
from fractions import Fraction
from itertools import pairwise

import luxminer_drivers.bm13xx.facts as facts
from luxminer.hashing import midstate
from luxminer_drivers.bm1362 import facts as bm1362_facts
from luxminer_hil.chipsim.chip import ChipKind
from luxminer_hil.chipsim.families import bm1362, bm1387, bm1397
from luxminer_hil.chipsim.families.framed import (
    Command,
    FramedParser,
    HeaderTask,
    MidstateTask,
    register_reply,
)
from luxminer_hil.chipsim.families.registers import RegisterChip, ticket_mask
from luxminer_hil.chipsim.wire import BadFrame, BadReason, Frame, FrameKind, Parser, same_rate
from luxminer_hil.vectors.chips_shared import BM1391
from luxminer_hil.vectors.chips_sim_search import Vector, expect_header
from luxminer_hil.vectors.mismatch import Mismatch, expect

__all__ = [
    "CHECKS",
    "FAMILIES",
    "FRAME_CHECKS",
    "chip_of",
    "command_of",
    "families_of",
    "one",
    "parser_of",
    "task_of",
]

KINDS: Mapping[str, ChipKind] = {
    "BM1387": bm1387.KIND,
    "BM1397": bm1397.KIND,
    "BM1362": bm1362.BM1362,
    "BM1366": bm1362.kind_of(bm1362_facts.BM1366, b"\x13\x66\x00\x00"),
    "BM1368": bm1362.BM1368,
    "BM1370": bm1362.BM1370,
}
FAMILIES = frozenset(KINDS)

ALL_REGISTERS = frozenset(range(256))

FINE_STEP_MHZ = 6.25
ROUNDING_MHZ = 5.0
"""The original rounds the feedback divider up; this is the coarsest step it can have."""
MHZ_ERROR = 1e-4
"""Of clocks that the original printed in single precision."""
BUSY_ID_MASKS = {"BM1362": 0xF8, "BM1370": 0xF0}
"""The original clears the bits of the sub-core in busy tasks."""

READS = frozenset({FrameKind.READ_PLL, FrameKind.READ_REGISTER})

PLL_VALUE = 0x40780240
PLL_VALUES = {"BM1387": 0x00200241, "BM1397": 0x40A00225}
"""Clocks at which chips are asked how fast they are."""

RATE_ERROR = 1e-5
"""Of rates that it computed in single precision."""


def families_of(vector: Vector) -> list[str]:
    """Return the chips that a vector names, of those that the simulator has."""
    named = str(vector["family"]).split("/")
    return sorted(FAMILIES) if named == ["BM13xx"] else [name for name in named if name in KINDS]


def _readable(vector: Vector) -> list[str]:
    """Return the same, and those whose frames alone it knows."""
    named = str(vector["family"]).split("/")
    return [*families_of(vector), *(name for name in named if name == BM1391.name)]


def parser_of(name: str) -> Parser:
    if name == BM1391.name:
        return FramedParser(BM1391, ALL_REGISTERS)
    return KINDS[name].parser()


def chip_of(name: str, chips: int = 1, index: int = 0) -> RegisterChip:
    """Return chip number ``index`` of a chain of ``chips`` that have their addresses."""
    chip = KINDS[name].chip(index, chips, Fraction(1), 0.0)
    assert isinstance(chip, RegisterChip)
    chip.set_address(256 // chips * index)
    return chip


def frames_of(name: str, *chunks: str) -> list[Frame]:
    """Return what a chip makes of writes with a pause after each."""
    parser = parser_of(name)
    frames: list[Frame] = []
    for chunk in chunks:
        frames += parser.feed(bytes.fromhex(chunk))
        frames += parser.idle()
    return frames


def one(name: str, chunk: str) -> Frame:
    frames = frames_of(name, chunk)
    if len(frames) != 1:
        raise Mismatch("one frame", frames, chunk)
    return frames[0]


def command_of(name: str, chunk: str) -> Command:
    frame = one(name, chunk)
    if not isinstance(frame, Command):
        raise Mismatch("a command", frame, chunk)
    return frame


def task_of(name: str, chunk: str) -> MidstateTask | HeaderTask:
    frame = one(name, chunk)
    if not isinstance(frame, MidstateTask | HeaderTask):
        raise Mismatch("a task", frame, chunk)
    return frame


# --- Commands ------------------------------------------------------------------------------------


def _address(vector: Vector) -> int | None:
    given = vector["input"]
    if "address" in given:
        return int(given["address"])
    return 256 // int(given["chips"]) * int(given["index"])


def check_command(vector: Vector) -> None:
    given, raw = vector["input"], vector["expect"]["frame"]
    for name in families_of(vector):
        if given["op"] == "chain_inactive_variant":
            frame = one(name, raw)
            expect(BadFrame(reason=BadReason.CRC, raw=bytes.fromhex(raw)), frame)
            continue
        command = command_of(name, raw)
        match given["op"]:
            case "count_chips":
                expect((FrameKind.READ_CHIP_ID, None), (command.kind, command.address))
            case "chain_inactive":
                expect((FrameKind.CHAIN_INACTIVE, None), (command.kind, command.address))
            case "set_address":
                wanted = (FrameKind.SET_ADDRESS, _address(vector))
                expect(wanted, (command.kind, command.address))
            case "read_pll":
                single = _address(vector) if name == "BM1387" else None
                expect((FrameKind.READ_PLL, single), (command.kind, command.address))
            case "read_register" | "write_register":
                _check_register_command(vector, command)
            case "baud" | "gate_block":
                _check_link_rate(name, command, _rate_of(given["divider"]), given["op"])
            case "max_baud":
                _check_link_rate(name, command, given["baud"], "baud")
            case "default_baud":
                expect((FrameKind.WRITE_REGISTER, None), (command.kind, command.address))
                if name == "BM1397":
                    _check_link_rate(name, command, given["baud"], "baud")
            case op:
                raise Mismatch("an operation that is known", op)


def _rate_of(divider: int) -> int:
    return round(facts.CRYSTAL_MHZ * 1e6 / (facts.UART_DIVISOR * (divider + 1)))


def _check_link_rate(name: str, command: Command, baudrate: int, op: str) -> None:
    chip = chip_of(name)
    if op == "gate_block":  # keeps the divider that was set before
        chip.write(command.register, 0x100, 0.0)
        chip.obey(command, 0.0)
        expect(_rate_of(1), chip.baudrate, "link rate")
        return
    chip.obey(command, 0.0)
    if not same_rate(baudrate, chip.baudrate):
        raise Mismatch(baudrate, chip.baudrate, "link rate")


def _check_register_command(vector: Vector, command: Command) -> None:
    given = vector["input"]
    target = given["target"]
    expect(int(given["register"], 16), command.register, "register")
    if target == "all":
        expect(None, command.address, "address")
    else:
        address = int(target, 16) if isinstance(target, str) else _target(given)
        expect(address, command.address, "address")
    is_pll = command.kind in (FrameKind.READ_PLL, FrameKind.WRITE_PLL)
    if given["op"] == "write_register":
        expect(int(given["value"], 16), command.value, "value")
        kind = FrameKind.WRITE_PLL if is_pll else FrameKind.WRITE_REGISTER
    else:
        kind = FrameKind.READ_PLL if is_pll else FrameKind.READ_REGISTER
    expect(kind, command.kind, "meaning")


def _target(given: Vector) -> int:
    """Return the address that an index, or an address, stands for."""
    return 256 // int(given.get("chips", 256)) * int(given["target"])


MEANING = re.compile(
    r"(?P<op>read|write)_register (?:broadcast|chip (?P<chip>..)) (?P<register>..)"
    r"(?:=(?P<value>.{8}))?"
)


def check_captured_command(vector: Vector, name: str) -> None:
    """Understand a recorded command as its recorder did."""
    meaning = vector["expect"]["meaning"]
    command = command_of(name, vector["input"]["frame"])
    if meaning.startswith(("count_chips", "read_register broadcast 00")):
        expect((FrameKind.READ_CHIP_ID, None), (command.kind, command.address), meaning)
    elif meaning.startswith("chain_inactive"):
        expect(FrameKind.CHAIN_INACTIVE, command.kind, meaning)
    elif meaning.startswith("set_address"):
        wanted = (FrameKind.SET_ADDRESS, int(meaning.split()[1], 16))
        expect(wanted, (command.kind, command.address), meaning)
    elif match := MEANING.match(meaning):
        address = match["chip"] and int(match["chip"], 16)
        expect(address, command.address, "address")
        expect(int(match["register"], 16), command.register, "register")
        expect(match["op"] == "write", command.kind.startswith("write"), meaning)
        if match["value"]:
            expect(int(match["value"], 16), command.value, "value")
    else:
        raise Mismatch("a meaning that is known", meaning)


def check_chip_address(vector: Vector) -> None:
    """Chips with these addresses search different nonces, each as many."""
    count = vector["input"]["chips"]
    for name in families_of(vector):
        chips = [chip_of(name, count, index) for index in range(count)]
        addresses = [f"{chip.address:02x}" for chip in chips]
        expect(vector["expect"]["addresses"], addresses, name)
        firsts = [chip.first_nonce for chip in chips]
        steps = {after - before for before, after in pairwise(firsts)}
        expect({chips[0].span} if count > 1 else set(), steps, f"{name}: steps between chips")


def check_chip_from_nonce_byte(vector: Vector) -> None:
    """Ask the chip that a host reads from the second byte of a nonce for such nonces."""
    given = vector["input"]
    chips = [chip_of("BM1397", given["chips"], index) for index in range(given["chips"])]
    start = int(given["second_nonce_byte_from"], 16)
    for place, index in enumerate(vector["expect"]["chips"]):
        byte = start + place
        chip = chips[index]
        assert isinstance(chip, bm1397.Bm1397)
        is_owner = any(chip.owns(byte << 16 | low) for low in range(0, 1 << 16, 1 << 12))
        expect(True, is_owner, f"chip {index} has nonces with {byte:02x}")


# --- Clock, ticket, versions ---------------------------------------------------------------------


def _obey_all(name: str, raws: list[str], chip: RegisterChip) -> list[bytes]:
    """Let a chip obey what is meant for it; return its replies."""
    replies = []
    for raw in raws:
        command = command_of(name, raw)
        if command.address in (None, chip.address):
            reply = chip.obey(command, 0.0)
            replies += [reply] if reply is not None else []
    return replies


def _expect_clock(asked_mhz: float, chip: RegisterChip, *, exact: bool) -> None:
    over_mhz = chip.mhz - asked_mhz
    if asked_mhz == 0.0:
        expect(False, chip.is_locked, "locked at 0 MHz")
    elif not 0.0 <= over_mhz <= (0.0 if exact else ROUNDING_MHZ):
        raise Mismatch(asked_mhz, chip.mhz, "MHz")
    else:
        expect(True, chip.is_locked, "locked")


def check_frequency(vector: Vector) -> None:
    given, expected = vector["input"], vector["expect"]
    for name in families_of(vector):
        target = given["target"]
        index = 0 if target == "all" else int(target)
        chip = chip_of(name, int(given.get("chips", 1)), index)
        replies = _obey_all(name, expected["frames"], chip)
        register = chip.registers[chip.family.registers.pll]
        expect(expected["pll_reg"], f"{register:08x}", "register")
        asked_mhz = float(given["mhz"])
        if name == "BM1387":
            asked_mhz = -(-asked_mhz // FINE_STEP_MHZ) * FINE_STEP_MHZ
        _expect_clock(asked_mhz, chip, exact=name in ("BM1387", "BM1397"))
        reads = [raw for raw in expected["frames"] if command_of(name, raw).kind in READS]
        expect(len(reads), len(replies), "replies")


def check_frequency_esp(vector: Vector) -> None:
    for name in families_of(vector):
        chip = chip_of(name)
        _obey_all(name, vector["expect"]["frames"], chip)
        expect(vector["expect"]["pll_reg"], f"{chip.registers[0x08]:08x}", "register")
        _expect_near(vector["expect"]["actual_mhz"], chip.mhz)


def check_frequency_mujina(vector: Vector) -> None:
    for name in families_of(vector):
        chip = chip_of(name)
        chip.write(0x08, int(vector["expect"]["pll_reg"], 16), 0.0)
        _expect_near(float(vector["input"]["mhz"]), chip.mhz)


def _expect_near(mhz: float, got_mhz: float) -> None:
    if abs(mhz - got_mhz) > MHZ_ERROR * max(mhz, 1.0):
        raise Mismatch(mhz, got_mhz, "MHz")


def check_pll_search(vector: Vector) -> None:
    found = vector["expect"]
    for name in families_of(vector):
        chip = chip_of(name)
        less = chip.family.pll.post_offset
        posts = found["post1"] - less << 4 | found["post2"] - less
        chip.write(0x08, 0x40 << 24 | found["fb"] << 16 | found["ref"] << 8 | posts, 0.0)
        _expect_near(found["actual"], chip.mhz)


def check_frequency_reply(vector: Vector) -> None:
    """Set what was answered, and answer it; whether a clock locks was made up by the vector."""
    given = vector["input"]
    lock = 1 << facts.PLL_LOCKED.shift
    for name in families_of(vector):
        index, count = int(vector["expect"].get("chip", 0)), int(given.get("chips", 1))
        expect(True, index < count, "a chip of the chain")
        chip = chip_of(name, count, index)
        rx = bytes.fromhex(given["rx"])
        body = rx[len(chip.family.reply_preamble) :]
        value = int.from_bytes(body[:4], "big")
        pll = chip.family.registers.pll
        chip.write(pll, value, 0.0)
        _expect_near(vector["expect"]["mhz"], chip.mhz)
        expect(value & ~lock, chip.read(pll) & ~lock, "register")
        reply = register_reply(chip.family, len(body), value, chip.address, pll)
        expect(rx.hex(), reply.hex(), "reply")


def _expect_ticket(name: str, register: int, difficulty: int) -> None:
    expect(difficulty - 1, ticket_mask(register), "mask")
    chip = chip_of(name)
    chip.write(chip.family.registers.ticket, register, 0.0)
    expect(difficulty, chip.ticket_difficulty, "difficulty of what is reported")


def check_ticket(vector: Vector) -> None:
    for name in families_of(vector):
        command = command_of(name, vector["expect"]["frame"])
        expect(chip_of(name).family.registers.ticket, command.register, "register")
        _expect_ticket(name, command.value, vector["expect"]["difficulty"])


def check_ticket_esp(vector: Vector) -> None:
    payload = bytes.fromhex(vector["expect"]["register_payload"])
    difficulty = 1 << (vector["input"]["difficulty"].bit_length() - 1)
    for name in families_of(vector):
        expect(chip_of(name).family.registers.ticket, payload[1], "register")
        _expect_ticket(name, int.from_bytes(payload[2:], "big"), difficulty)


def check_ticket_mujina(vector: Vector) -> None:
    """Compare with a host that has no BM1387, whose mask is not reversed."""
    bits = int(vector["input"]["log2_difficulty"])
    expect(True, 0 <= bits <= facts.MAX_TICKET_BITS, f"a mask of {bits} bits")
    difficulty = 1 << bits
    for name in set(families_of(vector)) - {bm1387.DESIGN.family.name}:
        _expect_ticket(name, int(vector["expect"]["register"], 16), difficulty)


def check_version_mask(vector: Vector) -> None:
    mask = int(vector["input"]["mask"], 16)
    for name in families_of(vector):
        chip = chip_of(name)
        assert isinstance(chip, bm1362.RollingChip)
        _obey_all(name, vector["expect"]["frames"], chip)
        wanted = mask >> facts.VERSION_SHIFT & ((1 << facts.VERSION_BITS) - 1)
        expect(wanted, sum(chip.rolled_bits), "bits that are rolled")


def check_nonce_space(vector: Vector) -> None:
    """Take the counting number, which gives no core more nonces than its share."""
    given = vector["input"]
    for name in families_of(vector):
        chip = chip_of(name)
        (command,) = (command_of(name, raw) for raw in vector["expect"]["frames"])
        chip.obey(command, 0.0)
        expect(chip.family.registers.hash_count, command.register, "register")
        each = command.value * given["frequency_mhz"] / facts.CRYSTAL_MHZ
        share = (1 << 32) / given["cores"] / given["chips"]
        if not 0 < each <= share:
            raise Mismatch(f"up to {share:.0f}", each, "nonces of a core")


def check_rates(vector: Vector) -> None:
    given, expected = vector["input"], vector["expect"]
    is_compacf = given.get("product") == "CompacF"
    for name in families_of(vector):
        chip = (bm1397.COMPACF if is_compacf else KINDS[name]).chip(0, 1, Fraction(1), 0.0)
        assert isinstance(chip, RegisterChip)
        if isinstance(chip, bm1387.Bm1387):
            chip.open_cores = chip.family.cores
        chip.write(chip.family.registers.pll, PLL_VALUES.get(name, PLL_VALUE), 0.0)
        rate_hs = chip.rate_hs / chip.mhz * given["mhz"] * given["chips"]
        if abs(rate_hs - expected["hashrate_hs"]) > RATE_ERROR * rate_hs:
            raise Mismatch(expected["hashrate_hs"], rate_hs, "hash rate")


# --- Tasks ---------------------------------------------------------------------------------------


def _check_header(header: bytes, task: MidstateTask | HeaderTask) -> None:
    if isinstance(task, HeaderTask):
        expect(header[:76].hex(), task.header.hex(), "header")
        return
    expect_header(header, task.midstates[0], task.tail)


def check_task(vector: Vector) -> None:
    given = vector["input"]
    for name in _readable(vector):
        task = task_of(name, vector["expect"]["frame"])
        _check_header(bytes.fromhex(given["header"]), task)
        expect(given["job_id"], task.job_id, "job id")
        if isinstance(task, MidstateTask) and "midstates" in given:
            expect(given["midstates"], len(task.midstates), "midstates")


def check_task_esp(vector: Vector) -> None:
    """Expect the other midstates to be those of the next versions in the mask."""
    given = vector["input"]
    header = bytes.fromhex(given["header"])
    mask = int(given["version_mask"], 16)
    step = mask & -mask
    version = int.from_bytes(header[:4], "little")
    for name in families_of(vector):
        task = task_of(name, vector["expect"]["frame"])
        _check_header(header, task)
        expect(given["job_id"], task.job_id, "job id")
        if isinstance(task, MidstateTask):
            versions = [version + step * number for number in range(len(task.midstates))]
            states = [midstate(one.to_bytes(4, "little") + header[4:64]) for one in versions]
            expect([s.hex() for s in states], [s.hex() for s in task.midstates], "midstates")


def check_busy_task(vector: Vector) -> None:
    for name in families_of(vector):
        preamble = chip_of(name).family.request_preamble.hex()
        task = task_of(name, preamble + vector["expect"]["frame_without_preamble"])
        wanted = vector["input"]["job_id"] & BUSY_ID_MASKS.get(name, 0xFF)
        expect(wanted, task.job_id, "job id")
        kind = FrameKind.OPEN_CORE if isinstance(task, MidstateTask) else FrameKind.BUSY
        expect(kind, task.kind, "meaning")


def check_open_core_task(vector: Vector) -> None:
    for name in families_of(vector):
        task = task_of(name, vector["expect"]["frame"])
        expect((FrameKind.OPEN_CORE, vector["input"]["job_id"]), (task.kind, task.job_id))


FRAME_CHECKS: Mapping[str, Callable[[Vector], None]] = {
    "task": check_task,
}
"""What takes no chip."""

CHECKS: Mapping[str, Callable[[Vector], None]] = {
    **FRAME_CHECKS,
    "command": check_command,
    "task_espminer": check_task_esp,
    "busy_task": check_busy_task,
    "chip_address": check_chip_address,
    "chip_from_nonce_byte": check_chip_from_nonce_byte,
    "frequency": check_frequency,
    "frequency_espminer": check_frequency_esp,
    "frequency_mujina": check_frequency_mujina,
    "frequency_reply": check_frequency_reply,
    "nonce_space": check_nonce_space,
    "open_core_task": check_open_core_task,
    "pll_search": check_pll_search,
    "rates": check_rates,
    "ticket": check_ticket,
    "ticket_espminer": check_ticket_esp,
    "ticket_mujina": check_ticket_mujina,
    "version_mask": check_version_mask,
}
