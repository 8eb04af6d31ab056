"""Vectors of BM1387 and later through the simulator's chips: what they report, and bring-ups."""

from collections.abc import Callable, Mapping
from fractions import Fraction

import luxminer_drivers.bm13xx.facts as facts
from luxminer.hashing import midstate
from luxminer_drivers.bm1362.facts import Register
from luxminer_hil.chipsim.chain import Chain
from luxminer_hil.chipsim.chip import Found, Lane, Slice
from luxminer_hil.chipsim.families import framed
from luxminer_hil.chipsim.families.bm1362 import RollingChip
from luxminer_hil.chipsim.families.bm1387 import MidstateChip
from luxminer_hil.chipsim.families.framed import Command, HeaderTask, MidstateTask
from luxminer_hil.chipsim.families.registers import RegisterChip
from luxminer_hil.chipsim.faults import FaultPlan
from luxminer_hil.chipsim.wire import BadReason, Frame, FrameKind
from luxminer_hil.vectors.chips_shared import BM1391
from luxminer_hil.vectors.chips_sim_framed import (
    KINDS,
    check_captured_command,
    chip_of,
    families_of,
    parser_of,
    task_of,
)
from luxminer_hil.vectors.chips_sim_search import Vector, expect_hash, find
from luxminer_hil.vectors.chips_sim_telemetry import controller
from luxminer_hil.vectors.mismatch import Mismatch, expect

__all__ = ["CHECKS"]

MALFORMED = bytes.fromhex("55aa53050018f000c10002")
"""The original's bring-up of an A2 has it; a chip ignores it."""

CORE_SHIFT = 25
ADDRESS_UNIT = 1 << 18
"""Where mj has core and address of a BM1362 in its nonces."""

REPORT_NONCES = 0xF000C100
ROLL_ALL = 0x9000FFFF


def _versioned(header: bytes, version: int) -> bytes:
    return version.to_bytes(4, "little") + header[4:76]


def _search(header: bytes, nonce: int) -> None:
    find(midstate(header[:64]), header[64:76], nonce)


def _sealed(chip: RegisterChip, rx: bytes, nonce: int, id_byte: int) -> str:
    """Report a nonce with the byte behind it, and the version bits, of a reply ``rx``."""
    body = rx[len(chip.family.reply_preamble) :]
    detail = body[facts.REPLY_DETAIL.offset]
    version = facts.REPLY_VERSION
    has_version = len(body) > version.offset + version.width
    at = body[version.offset : version.offset + version.width]
    version_bits = int.from_bytes(at, "big") if has_version else None
    return framed.nonce_reply(chip.family, nonce, detail, id_byte, version_bits).hex()


def check_nonce(vector: Vector) -> None:
    """Search the header around the nonce, and report it."""
    given, expected = vector["input"], vector["expect"]
    base = bytes.fromhex(given["job_header"])
    nonce = int(expected["nonce_in_header"], 16)
    rx = bytes.fromhex(given["rx"])
    for name in families_of(vector):
        chip = chip_of(name)
        job_id = given.get("sent_job_id", given.get("job_id"))
        if "version" in expected:
            version = int(expected["version"], 16)
        elif "rolled_version" in expected:
            version = int(expected["rolled_version"], 16)
        else:
            version = int.from_bytes(base[:4], "little")
        header = _versioned(base, version)
        _search(header, nonce)
        expect_hash(expected, header + nonce.to_bytes(4, "big"))
        lane = expected.get("midstate", expected.get("id_low_bits"))
        if lane is None:
            lane = rx[7] & chip.family.id_byte.index_mask
        id_byte = chip.id_byte(job_id, lane)
        expect(given["rx"], _sealed(chip, rx, nonce, id_byte), "reply")
        if "chip" in expected and 256 % given["chips"] == 0:  # else hosts differ from addresses
            finder = chip_of(name, given["chips"], expected["chip"])
            assert isinstance(finder, MidstateChip)
            expect(True, finder.owns(nonce), "nonce of the chip")
        if "asic_nr" in expected and not chip.family.midstate_counts:
            _expect_owner(chip_of(name, given["chips"], expected["asic_nr"]), nonce)
        if "core_id" in expected:
            expect(expected["core_id"], chip.core_of(nonce), "core")


def _expect_owner(chip: RegisterChip, nonce: int) -> None:
    """Find the address of a chip below the bits of the core, as hosts read it."""
    place = nonce % (1 << CORE_SHIFT) - chip.first_nonce
    expect(True, 0 <= place < chip.span, f"nonce of chip {chip.index}")


def check_nonce_sequence(vector: Vector) -> None:
    """Make the replies that the original accepted, and the one it found wrong."""
    given = vector["input"]
    base = bytes.fromhex(given["job_header"])
    for name in families_of(vector):
        chip = chip_of(name)
        at = len(chip.family.reply_preamble)
        for text, result in zip(given["rx"], vector["expect"]["results"], strict=True):
            rx = bytes.fromhex(text)
            nonce = int.from_bytes(rx[at : at + 4], "big")
            if result["hw_errors"] == 0:
                _search(base[:76], nonce)
            lane = rx[at + facts.REPLY_ID.offset] & chip.family.id_byte.index_mask
            id_byte = chip.id_byte(given["job_id"], 0 if name == "BM1387" else lane)
            expect(text, _sealed(chip, rx, nonce, id_byte), "reply")


def check_stream(vector: Vector) -> None:
    """Find in the stream, whatever is around them, as many replies as the original accepted."""
    given, expected = vector["input"], vector["expect"]
    base = bytes.fromhex(given["job_header"])
    data = bytes.fromhex(given["bytes"])
    (name,) = families_of(vector)
    chip = chip_of(name)
    at = len(chip.family.reply_preamble)
    length = at + chip.family.nonce_length
    made = 0
    for start in range(len(data) - length + 1):
        rx = data[start : start + length]
        nonce = int.from_bytes(rx[at : at + 4], "big")
        lane = rx[at + facts.REPLY_ID.offset] & chip.family.id_byte.index_mask
        id_byte = chip.id_byte(given["job_id"], 0 if name == "BM1387" else lane)
        if rx.hex() == _sealed(chip, rx, nonce, id_byte):
            _search(base[:76], nonce)
            made += 1
    expect(expected["accepted"] + expected.get("duplicates", 0), made, "replies")


# --- Recorded from hardware ----------------------------------------------------------------------


def check_captured_frame(vector: Vector) -> None:
    name = str(vector["family"])
    raw = bytes.fromhex(vector["input"]["frame"])
    if "crc5" in vector["expect"]:
        expect(vector["expect"]["crc5"], f"{raw[-1] & 0x1F:02x}", "check sum")
    match vector["input"]["direction"]:
        case "host_to_chip":
            check_captured_command(vector, name)
        case "host_to_chip_job":
            _check_captured_job(vector, name)
        case "chip_to_host_register":
            _check_captured_register(vector, name)
        case _:
            _check_captured_nonce(vector, name)


def _check_captured_job(vector: Vector, name: str) -> None:
    expected = vector["expect"]
    raw = vector["input"]["frame"]
    task = task_of(name, raw)
    expect(expected["job_id"], task.job_id, "job id")
    expect(expected["frame_bytes"], len(raw) // 2, "length")
    if isinstance(task, MidstateTask):
        expect(expected["count_byte"], len(task.midstates), "midstates")


def _check_captured_register(vector: Vector, name: str) -> None:
    """Answer a count as the chip did."""
    frame, meaning = vector["input"]["frame"], vector["expect"]["meaning"]
    if name == BM1391.name:
        value = BM1391.chip_id << 16
        expect(frame, framed.register_reply(BM1391, 7, value, 0, 0).hex(), "reply")
        return
    chip = chip_of(name)
    if "address" in meaning:
        chip.set_address(int(meaning.split("address")[1].split()[0], 16))
    if "11-byte" in meaning:
        chip.write(Register.VERSION_ROLLING, ROLL_ALL, 0.0)
    command = Command(kind=FrameKind.READ_CHIP_ID, address=None, register=0)
    reply = chip.obey(command, 0.0)
    expect(frame, reply.hex() if reply else "", "reply")


def _check_captured_nonce(vector: Vector, name: str) -> None:
    expected, frame = vector["expect"], vector["input"]["frame"]
    family = BM1391 if name == BM1391.name else chip_of(name).family
    nonce = int(expected["nonce_in_header"], 16)
    id_byte = int(expected["id_byte"], 16)
    if "sub_core" in expected:
        expect(id_byte, chip_of(name).id_byte(expected["job_id"], expected["sub_core"]), "id byte")
        expect(expected["core"], chip_of(name).core_of(nonce), "core")
    if "chip_address" in expected:
        chip = chip_of(name)
        chip.set_address(expected["chip_address"])
        expect(chip.first_nonce, nonce % (1 << CORE_SHIFT) & -ADDRESS_UNIT, "address in the nonce")
    if "midstate" in expected:
        expect(id_byte, chip_of(name).id_byte(expected["job_id"], expected["midstate"]), "id byte")
    field = expected.get("version_field")
    version_bits = None if field is None else int(field, 16)
    detail = int(expected["byte4"], 16)
    reply = framed.nonce_reply(family, nonce, detail, id_byte, version_bits)
    expect(frame, reply.hex(), "reply")
    if "belongs_to" in expected:
        task = MidstateTask(
            kind=FrameKind.OPEN_CORE,
            midstates=(bytes(32),),
            tail=b"\xff" * 12,
            job_id=id_byte,
        )
        answers = [one.hex() for one in chip_of(name).take(task, 0.0)]
        expect(True, frame in answers, f"an answer to it among {answers}")


def check_captured_share(vector: Vector) -> None:
    given, expected = vector["input"], vector["expect"]
    name = str(vector["family"])
    if name == "BM1387":
        _check_open_core_share(vector)
        return
    chip = chip_of(name)
    task = task_of(name, given["job"])
    assert isinstance(task, HeaderTask)
    chip.write(Register.VERSION_ROLLING, ROLL_ALL, 0.0)
    chip.write(Register.MISC_CONTROL, REPORT_NONCES, 0.0)
    chip.write(Register.TICKET, 0x000000FF, 0.0)
    header = bytes.fromhex(expected["header"])
    nonce = int.from_bytes(header[76:], "big")
    version = int.from_bytes(task.header[:4], "little")
    rolled = (int(expected["version"], 16) ^ version) >> facts.VERSION_SHIFT
    expect_hash(expected, header)
    expect(header[:76].hex(), _versioned(task.header, int(expected["version"], 16)).hex(), "header")
    _search(header, nonce)
    lane = _lane_of(chip, task, rolled)
    expect(midstate(header[:64]).hex(), lane.midstate.hex(), "midstate of the rolled version")
    lane = Lane(lane.midstate, expected["sub_core"], lane.version_bits)
    piece = Slice(
        midstate=lane.midstate,
        tail=header[64:76],
        first=nonce,
        count=1,
        target_le=bytes(32),
        job_id=task.job_id,
        lane=lane.number,
        version_bits=lane.version_bits,
    )
    reply = chip.reply(Found(piece, nonce, nonce))
    expect(given["reply"], reply.hex() if reply else "", "reply")
    expect(expected["core"], chip.core_of(nonce), "core")


def _lane_of(chip: RegisterChip, task: HeaderTask, rolled: int) -> Lane:
    """Return what the chip hashes when it comes to these version bits."""
    assert isinstance(chip, RollingChip)
    search = chip.search_of(task)
    epoch, index = divmod(rolled, search.width)
    lane = search.lanes(epoch)[index]
    expect(rolled, lane.version_bits, "version bits")
    return lane


def _check_open_core_share(vector: Vector) -> None:
    """Answer an open-core task."""
    reply = vector["input"]["reply"]
    job_id = bytes.fromhex(reply)[facts.REPLY_ID.offset]
    task = MidstateTask(
        kind=FrameKind.OPEN_CORE,
        midstates=(bytes(32),),
        tail=bytes.fromhex(vector["input"]["tail"]),
        job_id=job_id,
    )
    replies = [one.hex() for one in chip_of("BM1387").take(task, 0.0)]
    if reply not in replies:
        raise Mismatch(reply, replies, "replies")
    nonce = int(vector["expect"]["nonce_in_header"], 16)
    find(bytes(32), task.tail, nonce)


# --- Bring-ups -----------------------------------------------------------------------------------


def check_init_trace(vector: Vector) -> None:
    """Every byte of a bring-up is obeyed but for one known frame, and counts are answered."""
    given = vector["input"]
    (name,) = families_of(vector)
    replies: list[bytes] = []

    def heard(data: bytes, limit: int) -> None:
        if counting and len(data) <= limit:
            replies.append(data)

    chain = Chain(FaultPlan(), lambda: 0.0, heard)
    chain.fit(KINDS[name], given["chips"], Fraction(1))
    parser = parser_of(name)
    telemetry = controller(given.get("telemetry_replies", "20"))
    counting = False
    said = b""

    def obey(raw: str) -> None:
        nonlocal counting
        data = bytes.fromhex(raw)
        frames: list[Frame] = [*parser.feed(data), *parser.idle()]
        counting = [frame.kind for frame in frames if isinstance(frame, Command)] == [
            FrameKind.READ_CHIP_ID
        ]
        chain.obey(frames)
        if data != MALFORMED:
            expect({}, dict(chain.bad_frames), raw)
        chain.bad_frames.pop(BadReason.CRC, None)

    for step in vector["expect"]["steps"]:
        match step:
            case ["write", raw]:
                obey(raw)
            case ["write_telemetry", raw]:
                said += telemetry.feed(bytes.fromhex(raw))
            case ["open_core_tasks", tasks]:
                for which in ("first", "second", "last"):
                    obey(tasks[which])
    expect(given["chip_replies"], b"".join(replies).hex(), "replies to the count")
    if "telemetry_replies" in given:
        expect(given["telemetry_replies"], said[:1].hex(), "telemetry version")
        expect(0, telemetry.bad_commands, "telemetry commands not understood")
    addresses = [256 // given["chips"] * index for index in range(given["chips"])]
    expect(addresses, [chip.address for chip in chain.chips], "addresses")


CHECKS: Mapping[str, Callable[[Vector], None]] = {
    "captured_frame": check_captured_frame,
    "captured_share": check_captured_share,
    "init_trace": check_init_trace,
    "init_trace_espminer": check_init_trace,
    "nonce": check_nonce,
    "nonce_espminer": check_nonce,
    "nonce_sequence": check_nonce_sequence,
    "stream": check_stream,
}
