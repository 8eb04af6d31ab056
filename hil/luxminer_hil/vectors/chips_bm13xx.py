"""Golden vectors of BM1387 and later, run through the driver's codec: commands, clock, tasks.

A check takes one vector and raises `Mismatch`. What another host chose freely is compared with our
choice only where both mean the same; its frames must decode, its dividers give the clock it asked
for, its tasks be the header they were made from.
"""

from collections.abc import Callable, Mapping
from typing import Any

from luxminer.errors import FrameError
from luxminer.hashing import midstate
from luxminer_drivers.bm13xx import chain, versions
from luxminer_drivers.bm13xx import facts as shared
from luxminer_drivers.bm13xx.commands import (
    ChainInactive,
    Command,
    ReadRegister,
    SetAddress,
    WriteRegister,
    crc5,
    decode_command,
)
from luxminer_drivers.bm13xx.facts import Family, PllForm
from luxminer_drivers.bm13xx.pll import Pll, choose_pll, limited_mhz, round_up_mhz, stopped
from luxminer_drivers.bm13xx.tasks import (
    HeaderTask,
    MidstateTask,
    Task,
    busy_task,
    decode_task,
    open_core_task,
)
from luxminer_drivers.bm13xx.ticket import choose_ticket, decode_ticket, encode_ticket
from luxminer_drivers.bm1362 import facts as bm1362
from luxminer_drivers.bm1370 import facts as bm1370
from luxminer_drivers.bm1387 import facts as bm1387
from luxminer_drivers.bm1397 import facts as bm1397
from luxminer_hil.vectors.chips_shared import BM1391, Check, Vector, expect_near
from luxminer_hil.vectors.mismatch import Mismatch, expect

__all__ = ["CHECKS", "FAMILIES", "GENERAL_KINDS", "asked_mhz", "family_of"]

FAMILIES: Mapping[str, Family] = {
    family.name: family
    for family in (
        bm1387.BM1387,
        BM1391,
        bm1397.BM1397,
        bm1362.BM1362,
        bm1362.BM1366,
        bm1370.BM1368,
        bm1370.BM1370,
    )
}

LINK_ERROR = 0.05
"""How far a link rate may be from the one that was asked for; serial lines bear no more."""


def family_of(vector: Vector) -> Family:
    """Return the first family of a vector that has a codec."""
    return next(FAMILIES[name] for name in str(vector["family"]).split("/") if name in FAMILIES)


# --- Addresses and commands ----------------------------------------------------------------------


def check_chip_address(vector: Vector) -> None:
    chips = vector["input"]["chips"]
    addresses = chain.addresses(chips)
    expect(vector["expect"]["addresses"], [f"{address:02x}" for address in addresses])
    back = [chain.chip_of_address(address, chips) for address in addresses]
    expect(vector["expect"].get("back", back), back, "back")


def check_chip_from_nonce_byte(vector: Vector) -> None:
    """Find the place of a chip for a run of values of the second byte of a nonce."""
    given, place = vector["input"], family_of(vector).nonce_address
    first = int(given["second_nonce_byte_from"], 16)
    got = [
        chain.chip_of_nonce(place, second << 8, given["chips"])
        for second in range(first, first + given["count"])
    ]
    expect(vector["expect"]["chips"], got)


def _target(given: Mapping[str, Any]) -> int | None:
    target = given.get("target", "all")
    if target == "all":
        return None
    return int(target, 16) if isinstance(target, str) else int(target)


def _read_pll(family: Family, given: Mapping[str, Any]) -> Command:
    """One chip is asked where it names itself in no reply, all chips where each does."""
    is_one = not family.reply_names_register and "index" in given
    address = chain.addresses(given["chips"])[given["index"]] if is_one else None
    return ReadRegister(register=family.registers.pll, address=address)


def _set_address(given: Mapping[str, Any]) -> Command:
    address = given.get("address")
    if address is None:
        address = chain.addresses(given["chips"])[given["index"]]
    return SetAddress(address=int(address, 16) if isinstance(address, str) else address)


COMMANDS: Mapping[str, Callable[[Family, Mapping[str, Any]], Command]] = {
    "count_chips": lambda family, _: ReadRegister(register=family.registers.chip_id),
    "chain_inactive": lambda _family, _: ChainInactive(),
    "set_address": lambda _, given: _set_address(given),
    "read_pll": _read_pll,
    "read_register": lambda _, given: ReadRegister(
        register=int(given["register"], 16), address=_target(given)
    ),
    "write_register": lambda _, given: WriteRegister(
        register=int(given["register"], 16),
        value=int(given["value"], 16),
        address=_target(given),
    ),
}

MISC_COMMANDS = {"baud": bm1387.MISC_UART_VALUE, "gate_block": bm1387.MISC_GATE_VALUE}


def check_command(vector: Vector) -> None:
    family, given, frame = family_of(vector), vector["input"], vector["expect"]["frame"]
    operation = given["op"]
    if operation in ("max_baud", "default_baud"):
        _check_link_rate(family, given["baud"], frame)
        if operation == "default_baud":
            _check_link_rate(family, shared.START_BAUDRATE, frame)
    elif operation in MISC_COMMANDS:
        value = MISC_COMMANDS[operation] | given["divider"] << bm1387.UART_DIVIDER.shift
        _check_misc(family, value, bytes.fromhex(frame))
    elif operation == "chain_inactive_variant":
        _check_malformed(family, given, bytes.fromhex(frame))
    else:
        command = COMMANDS[operation](family, given)
        expect(frame, command.encode(family).hex())
        expect(command, decode_command(family, bytes.fromhex(frame)), "decoded")


def _check_link_rate(family: Family, baudrate: int, frame: str) -> None:
    """Chips of BM1362 and later are told their rate in either of two registers."""
    command = decode_command(family, bytes.fromhex(frame))
    if not isinstance(command, WriteRegister):
        raise Mismatch("a write", command)
    expect(frame, command.encode(family).hex())
    fields = {
        bm1362.Register.UART: bm1362.UART_DIVIDER,
        bm1397.Register.MISC_CONTROL: bm1397.UART_DIVIDER,
    }
    field = fields[bm1362.Register(command.register)]
    divider = command.value >> field.shift & ((1 << field.width) - 1)
    rate = shared.CRYSTAL_MHZ * 1e6 / (shared.UART_DIVISOR * (divider + 1))
    expect_near(baudrate, rate, "link rate", LINK_ERROR)


def _check_misc(family: Family, value: int, frame: bytes) -> None:
    """Compare a frame into whose last byte the original ORs the check sum.

    That byte is preset for the default divider. For others it comes out wrong; ours is right.
    """
    ours = WriteRegister(register=bm1387.Register.MISC_CONTROL, value=value).encode(family)
    expect(ours[:-1].hex(), frame[:-1].hex())
    if crc5(frame[:-1]) == frame[-1]:
        expect(frame.hex(), ours.hex())
    else:
        expect(frame[-1], frame[-1] | ours[-1], "preset last byte")


def _check_malformed(family: Family, given: Mapping[str, Any], frame: bytes) -> None:
    """Opcode and length of another command: nothing that we send; its check sum is right."""
    try:
        command = decode_command(family, frame)
    except FrameError:
        body = frame.removeprefix(family.request_preamble)
        start = ChainInactive().encode(family).removeprefix(family.request_preamble)
        expect(start[:3].hex(), body[:3].hex(), "start")
        expect(int(given["register"], 16), body[3], "register")
        expect(crc5(body[:-1]), body[-1], "check sum")
    else:
        raise Mismatch("a malformed command", command)


# --- Clock ---------------------------------------------------------------------------------------


def asked_mhz(form: PllForm, mhz: float, *, may_stop: bool = True) -> float:
    """Return the clock that the original makes of a request."""
    if mhz == 0 and may_stop and form.can_stop:
        return 0.0
    return round_up_mhz(form, limited_mhz(form, mhz))


def _pll(form: PllForm, register: int) -> Pll:
    pll = Pll.decode(form, register)
    if pll is None:
        raise Mismatch("dividers", f"{register:08x}")
    return pll


def _written_pll(family: Family, frames: list[str], address: int | None) -> int:
    """Decode all frames; return what the writes of the PLL, which are all the same, set."""
    commands = [decode_command(family, bytes.fromhex(frame)) for frame in frames]
    values = {
        (command.value, command.address)
        for command in commands
        if isinstance(command, WriteRegister) and command.register == family.registers.pll
    }
    if len(values) != 1:
        raise Mismatch("one value of the PLL", values)
    ((value, target),) = values
    expect(address, target, "address")
    return value


def check_frequency(vector: Vector) -> None:
    family, given, expected = family_of(vector), vector["input"], vector["expect"]
    form = family.pll
    address = None
    if given.get("target", "all") != "all":
        address = chain.addresses(given["chips"])[given["target"]]
    register = _written_pll(family, expected["frames"], address)
    expect(expected["pll_reg"], f"{register:08x}", "register")
    pll, asked = _pll(form, register), asked_mhz(form, given["mhz"])
    if pll.mhz < limited_mhz(form, given["mhz"]) and asked:
        raise Mismatch(given["mhz"], pll.mhz, "MHz of the dividers")
    _check_clock(form, asked, register, pll)


def _check_clock(form: PllForm, asked: float, register: int, pll: Pll) -> None:
    """Their dividers give what was asked for, rounded up to one that they can give; so do ours."""
    ours = choose_pll(form, asked) if asked else stopped(form)
    step = shared.CRYSTAL_MHZ / (pll.reference * pll.post1 * pll.post2)
    if not -form.step_mhz < pll.mhz - asked < step:
        raise Mismatch(asked, pll.mhz, "MHz of the dividers")
    if not 0 <= ours.mhz - asked < step:
        raise Mismatch(asked, ours.mhz, "MHz of our dividers")
    if ours.mhz == pll.mhz:
        expect(pll, ours, "our dividers")
        # The original sends the prefix of a slow VCO whatever its own dividers make of it.
        is_fast = 0 < form.fast_mhz <= pll.vco_mhz
        prefix = form.prefix_fast if is_fast else register >> shared.PLL_PREFIX.shift
        mask = (1 << shared.PLL_PREFIX.shift) - 1
        expect(prefix << shared.PLL_PREFIX.shift | register & mask, ours.encode(form), "register")


def check_frequency_espminer(vector: Vector) -> None:
    family, expected = family_of(vector), vector["expect"]
    register = _written_pll(family, expected["frames"], None)
    pll = _check_other_host(family, expected, register)
    expect_near(expected["actual_mhz"], pll.mhz, "MHz of the dividers")
    expect_near(vector["input"]["mhz"], pll.mhz, "MHz asked for", 0.01)


def check_frequency_mujina(vector: Vector) -> None:
    family, expected = family_of(vector), vector["expect"]
    pll = _check_other_host(family, expected, int(expected["pll_reg"], 16))
    expect_near(vector["input"]["mhz"], pll.mhz, "MHz asked for", 0.01)


def _check_other_host(family: Family, expected: Mapping[str, Any], register: int) -> Pll:
    """Its dividers, written by us, are its register."""
    pll = _pll(family.pll, register)
    expect(expected["pll_reg"], f"{pll.encode(family.pll):08x}", "register")
    return pll


def check_pll_search(vector: Vector) -> None:
    given, expected = vector["input"], vector["expect"]
    pll = Pll(
        feedback=expected["fb"],
        reference=expected["ref"],
        post1=expected["post1"],
        post2=expected["post2"],
    )
    expect_near(expected["actual"], pll.mhz, "MHz of the dividers")
    expect_near(given["target_mhz"], pll.mhz, "MHz asked for", 0.01)
    form = family_of(vector).pll
    expect(pll, Pll.decode(form, pll.encode(form)), "written and read")


# --- Ticket, versions, nonce range ---------------------------------------------------------------


def check_ticket(vector: Vector) -> None:
    family, given, expected = family_of(vector), vector["input"], vector["expect"]
    wanted = given.get("work_difficulty", 0) or None
    difficulty = choose_ticket(family, given["chips"], wanted)
    expect(expected["difficulty"], difficulty, "difficulty")
    value = encode_ticket(difficulty, family.ticket_orders[0])
    expect(expected["mask"], f"{value & 0xFF:02x}", "mask")
    command = WriteRegister(register=family.registers.ticket, value=value)
    expect(expected["frame"], command.encode(family).hex())
    expect(command, decode_command(family, bytes.fromhex(expected["frame"])), "decoded")


def check_ticket_espminer(vector: Vector) -> None:
    """Another host rounds any difficulty down to a power of two, as we do."""
    payload = bytes.fromhex(vector["expect"]["register_payload"])
    wanted, value = vector["input"]["difficulty"], int.from_bytes(payload[2:], "big")
    expect(bm1397.BM1397.registers.ticket, payload[1], "register")
    difficulty = 1 << (wanted.bit_length() - 1)
    for name in str(vector["family"]).split("/"):
        (order,) = FAMILIES[name].ticket_orders
        expect(difficulty, decode_ticket(value, order), "difficulty")
        expect(value, encode_ticket(difficulty, order), "value")


def check_ticket_mujina(vector: Vector) -> None:
    value, bits = vector["expect"]["register"], int(vector["input"]["log2_difficulty"])
    expect(True, 0 <= bits <= shared.MAX_TICKET_BITS, f"a mask of {bits} bits")
    difficulty = 1 << bits
    expect(difficulty, decode_ticket(int(value, 16)), "difficulty")
    expect(value, f"{encode_ticket(difficulty):08x}", "value")


def check_version_mask(vector: Vector) -> None:
    family, mask = family_of(vector), int(vector["input"]["mask"], 16)
    register = family.registers.version
    if register is None:
        raise Mismatch("a register for versions", None)
    value = versions.version_register(bm1362.VERSION_CONTROL, mask)
    command = WriteRegister(register=register, value=value)
    for frame in vector["expect"]["frames"]:
        expect(frame, command.encode(family).hex())
        expect(command, decode_command(family, bytes.fromhex(frame)), "decoded")
    expect(mask & shared.VERSION_MASK, versions.register_mask(value) & mask, "mask")


def check_nonce_space(vector: Vector) -> None:
    family, given = family_of(vector), vector["input"]
    expect(given["cores"], family.core_groups, "core groups")
    count = chain.hash_count(family, given["chips"], given["frequency_mhz"])
    count = int(count * given.get("nonce_percent", 1.0))
    command = WriteRegister(register=family.registers.hash_count, value=count)
    expect(vector["expect"]["frames"], [command.encode(family).hex()])


def check_version_midstates(vector: Vector) -> None:
    given, expected = vector["input"], vector["expect"]
    header = bytes.fromhex(given["header"])
    base, mask = int.from_bytes(header[:4], "little"), int(given["version_mask"], 16)
    theirs = [int(version, 16) for version in expected["versions"]]
    ours = versions.midstate_versions(base, mask, len(theirs))
    for number, (version, words) in enumerate(zip(theirs, expected["midstates"], strict=True)):
        if (version ^ base) & ~mask:
            raise Mismatch("bits of the mask only", f"{version:08x}", f"version {number}")
        # Shown as little-endian words there, kept as big-endian words here.
        state = _midstate(header, version)
        swapped = b"".join(state[at : at + 4][::-1] for at in range(0, len(state), 4))
        expect(words, swapped.hex(), f"midstate {number}")
    if len(ours) == len(theirs):
        expect(theirs, list(ours), "our versions")


# --- Tasks ---------------------------------------------------------------------------------------


def _check_task(family: Family, frame: str, task: Task) -> None:
    expect(frame, task.encode(family).hex())
    expect(task, decode_task(family, bytes.fromhex(frame)), "decoded")


def _midstate(header: bytes, version: int) -> bytes:
    return midstate(version.to_bytes(4, "little") + header[4:64])


def _midstate_task(given: Mapping[str, Any], header: bytes) -> MidstateTask:
    base, mask = int.from_bytes(header[:4], "little"), int(given.get("version_mask", "0"), 16)
    rolled = versions.midstate_versions(base, mask, given.get("midstates", 1))
    states = tuple(_midstate(header, version) for version in rolled)
    return MidstateTask(job_id=given["job_id"], tail=header[64:76], midstates=states)


def check_task(vector: Vector) -> None:
    family, given, expected = family_of(vector), vector["input"], vector["expect"]
    header = bytes.fromhex(given["header"])
    task: Task
    if family.midstate_counts:
        task = _midstate_task(given, header)
    else:
        task = HeaderTask(
            job_id=given["job_id"],
            header=header[:76],
            length_byte=family.header_length_byte,
            count_byte=family.header_count_byte,
        )
    _check_task(family, expected["frame"], task)
    expect(expected["length"], len(task.encode(family)), "length")


def check_task_espminer(vector: Vector) -> None:
    """Look for their header; which versions they take, and the length byte, is their choice."""
    family, given, expected = family_of(vector), vector["input"], vector["expect"]
    header, frame = bytes.fromhex(given["header"]), bytes.fromhex(expected["frame"])
    task = decode_task(family, frame)
    expect(given["job_id"], task.job_id, "job id")
    expect(expected["length"], len(frame), "length")
    ours = task.encode(family)
    if len(ours) == len(frame):  # theirs has room for four midstates, however many it counts
        expect(expected["frame"], ours.hex())
    if isinstance(task, HeaderTask):
        expect(header[:76].hex(), task.header.hex(), "header")
    else:
        expect(header[64:76].hex(), task.tail.hex(), "tail")
        expect(midstate(header[:64]).hex(), task.midstates[0].hex(), "first midstate")


def check_busy_task(vector: Vector) -> None:
    family = family_of(vector)
    task = busy_task(family, vector["input"]["job_id"])
    preamble = family.request_preamble.hex()
    _check_task(family, preamble + vector["expect"]["frame_without_preamble"], task)


def check_open_core_task(vector: Vector) -> None:
    task = open_core_task(vector["input"]["job_id"])
    _check_task(family_of(vector), vector["expect"]["frame"], task)


def check_next_job_id(vector: Vector) -> None:
    """Compare with the one that has to follow; or, where hosts differ, with all that are right."""
    expected = vector["expect"]
    got = chain.next_job_id(family_of(vector), vector["input"]["previous"])
    if "one_of" not in expected:
        expect(expected["next"], got)
    elif got not in expected["one_of"]:
        raise Mismatch(expected["one_of"], got)


CHECKS: Mapping[str, Check] = {
    "busy_task": check_busy_task,
    "chip_address": check_chip_address,
    "chip_from_nonce_byte": check_chip_from_nonce_byte,
    "command": check_command,
    "frequency": check_frequency,
    "frequency_espminer": check_frequency_espminer,
    "frequency_mujina": check_frequency_mujina,
    "next_job_id": check_next_job_id,
    "nonce_space": check_nonce_space,
    "open_core_task": check_open_core_task,
    "pll_search": check_pll_search,
    "task": check_task,
    "task_espminer": check_task_espminer,
    "ticket": check_ticket,
    "ticket_espminer": check_ticket_espminer,
    "ticket_mujina": check_ticket_mujina,
    "version_mask": check_version_mask,
    "version_midstates": check_version_midstates,
}
"""Kind of vector -> what raises `Mismatch`. Others are in `chips_replies` and `chips_running`."""

GENERAL_KINDS = ("ticket_mujina", "version_midstates")
"""Those of which vectors name no single family."""
