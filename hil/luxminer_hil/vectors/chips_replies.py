"""Golden vectors of what BM1387 and later answer, and of whole frames that were recorded."""

from collections.abc import Callable, Mapping
from typing import Any

from luxminer.hashing import header_hash, midstate
from luxminer_drivers.bm13xx import chain, versions
from luxminer_drivers.bm13xx import facts as shared
from luxminer_drivers.bm13xx.commands import (
    ChainInactive,
    Command,
    ReadRegister,
    SetAddress,
    decode_command,
)
from luxminer_drivers.bm13xx.facts import Family
from luxminer_drivers.bm13xx.pll import Pll
from luxminer_drivers.bm13xx.replies import Decoder, Frame, NonceReply, RegisterReply
from luxminer_drivers.bm13xx.tasks import HeaderTask, MidstateTask, decode_task, open_core_task
from luxminer_drivers.bm1397 import facts as bm1397
from luxminer_hil.vectors.chips_bm13xx import family_of
from luxminer_hil.vectors.chips_shared import (
    DIFFICULTY_1,
    Check,
    Vector,
    expect_difficulty,
    expect_items,
    expect_near,
)
from luxminer_hil.vectors.mismatch import Mismatch, expect

__all__ = ["CHECKS", "decoded"]


def decoded(family: Family, raw: bytes) -> list[Frame]:
    """Decode a stream whole and byte by byte; both must agree."""
    whole, single = Decoder(family), Decoder(family)
    frames = whole.feed(raw) + whole.flush()
    pieces = [frame for byte in raw for frame in single.feed(bytes([byte]))]
    expect(frames, pieces + single.flush(), "fed byte by byte")
    return frames


def _nonce(family: Family, raw: bytes) -> NonceReply:
    frames = decoded(family, raw)
    if len(frames) != 1 or not isinstance(frames[0], NonceReply):
        raise Mismatch("a nonce", frames)
    return frames[0]


def _register(family: Family, raw: bytes) -> RegisterReply:
    frames = decoded(family, raw)
    if len(frames) != 1 or not isinstance(frames[0], RegisterReply):
        raise Mismatch("a register", frames)
    return frames[0]


def _in_header(reply: NonceReply) -> bytes:
    return reply.nonce.to_bytes(4, "little")


def _hash(header: bytes) -> bytes:
    """Hash of a complete header, by the same code that judges claims."""
    return header_hash(midstate(header[:64]), header[64:76], int.from_bytes(header[76:], "little"))


def _check_header(expected: Mapping[str, Any], reply: NonceReply, start: bytes) -> None:
    header = start + _in_header(reply)
    block_hash = _hash(header)
    expect(f"{reply.nonce:08x}", expected.get("nonce_u32", f"{reply.nonce:08x}"), "nonce")
    expect(expected["header"], header.hex(), "header")
    expect(expected["hash"], block_hash[::-1].hex(), "hash")
    expect_items(expected, {"nonce_in_header": _in_header(reply).hex()})
    if "difficulty" in expected:
        expect_difficulty(expected["difficulty"], block_hash)


# --- Registers -----------------------------------------------------------------------------------


def check_frequency_reply(vector: Vector) -> None:
    family, given = family_of(vector), vector["input"]
    reply = _register(family, bytes.fromhex(given["rx"]))
    pll = Pll.decode(family.pll, reply.value)
    if pll is None:
        raise Mismatch("dividers", f"{reply.value:08x}")
    expect_near(vector["expect"]["mhz"], pll.mhz, "MHz")
    if reply.register is not None and reply.address is not None:
        expect(family.registers.pll, reply.register, "register")
        chip = chain.chip_of_address(reply.address, given["chips"])
        expect_items(vector["expect"], {"chip": chip})
    expect_items(vector["expect"], {"locked": Pll.is_locked(reply.value)})


# --- Nonces --------------------------------------------------------------------------------------


def _rolled(family: Family, given: Mapping[str, Any], reply: NonceReply) -> tuple[int, int]:
    """Return index of the midstate and version that a reply names for the job of a vector."""
    base = int.from_bytes(bytes.fromhex(given["job_header"])[:4], "little")
    if not family.midstate_counts:
        expect(given["job_id"], reply.job_id, "job id")
        return 0, versions.rolled_version(base, reply.version_bits)
    sent, mask = given.get("sent_job_id", given.get("job_id")), given.get("version_mask", "0")
    index = reply.id_byte - sent
    if sent & family.id_byte.index_mask == 0:
        expect((sent, index), (reply.job_id, reply.index), "job id, midstate")
    rolled = versions.midstate_versions(base, int(mask, 16), given.get("midstates", 1))
    if not 0 <= index < len(rolled):
        raise Mismatch(f"one of {len(rolled)} midstates", index, "midstate")
    return index, rolled[index]


def check_nonce(vector: Vector) -> None:
    family, given, expected = family_of(vector), vector["input"], vector["expect"]
    reply = _nonce(family, bytes.fromhex(given["rx"]))
    index, version = _rolled(family, given, reply)
    job = bytes.fromhex(given["job_header"])
    _check_header(expected, reply, version.to_bytes(4, "little") + job[4:76])
    values: dict[str, Any] = {
        "job_id": reply.id_byte - index if family.midstate_counts else reply.job_id,
        "midstate": index,
        "version": f"{version:08x}",
        "version_field": f"{reply.version_bits:04x}",
        "id_low_bits": reply.index,
    }
    if "chips" in given:
        chip = chain.chip_of_nonce(family.nonce_address, reply.nonce, given["chips"])
        values |= {"chip": chip, "chip_by_second_nonce_byte": chip}
    expect_items(expected, values)


def check_nonce_espminer(vector: Vector) -> None:
    """Another host reads the chip from other bits of a nonce, and takes other versions."""
    family, given, expected = family_of(vector), vector["input"], vector["expect"]
    reply = _nonce(family, bytes.fromhex(given["rx"]))
    job = bytes.fromhex(given["job_header"])
    base = int.from_bytes(job[:4], "little")
    expect(expected["job_id"], reply.job_id, "job id")
    if family.midstate_counts:
        version = int(expected["rolled_version"], 16) if reply.index else base
    else:
        version = versions.rolled_version(base, reply.version_bits)
        expect_items(expected, {"small_core_id": reply.index})
    is_bm1397 = family.name == bm1397.BM1397.name
    place = bm1397.NONCE_ADDRESS_ESP if is_bm1397 else family.nonce_address
    values = {
        "rolled_version": f"{version:08x}",
        "asic_nr": chain.chip_of_nonce(place, reply.nonce, given["chips"]),
        "core_id": chain.core_of_nonce(family, reply.nonce),
    }
    expect_items(expected, values)
    _check_header(expected, reply, version.to_bytes(4, "little") + job[4:76])


class _Counts:
    """What a stream came to: nonces seen first, seen again, and wrong ones for the known job."""

    def __init__(self, family: Family, given: Mapping[str, Any]) -> None:
        self._family = family
        self._job_id = given["job_id"]
        self._header = bytes.fromhex(given["job_header"])
        self._seen: set[tuple[int, int]] = set()
        self.accepted = self.duplicates = self.hw_errors = 0

    def add(self, frames: list[Frame]) -> None:
        for frame in frames:
            if not isinstance(frame, NonceReply) or not self._is_ours(frame):
                continue
            key = frame.nonce, frame.version_bits
            if not self._is_right(frame):
                self.hw_errors += 1
            elif key in self._seen:
                self.duplicates += 1
            else:
                self._seen.add(key)
                self.accepted += 1

    def _is_ours(self, reply: NonceReply) -> bool:
        answered = reply.id_byte if self._family.midstate_counts else reply.job_id
        return bool(answered == self._job_id)

    def _is_right(self, reply: NonceReply) -> bool:
        base = int.from_bytes(self._header[:4], "little")
        version = versions.rolled_version(base, reply.version_bits)
        start = version.to_bytes(4, "little") + self._header[4:76]
        return int.from_bytes(_hash(start + _in_header(reply)), "little") <= DIFFICULTY_1

    def right(self) -> int:
        return self.accepted + self.duplicates


def check_nonce_sequence(vector: Vector) -> None:
    """Right and wrong must agree; we remember longer than the original what was seen before.

    An error counts as many times as the ticket is difficult there, and once here.
    """
    family, given = family_of(vector), vector["input"]
    counts = _Counts(family, given)
    right = wrong = 0
    for rx, expected in zip(given["rx"], vector["expect"]["results"], strict=True):
        counts.add(decoded(family, bytes.fromhex(rx)))
        right += expected["accepted"] + expected["duplicates"]
        wrong += bool(expected["hw_errors"])
        expect((right, wrong), (counts.right(), counts.hw_errors), "right, wrong")
        if counts.duplicates < expected["duplicates"]:
            raise Mismatch(expected["duplicates"], counts.duplicates, "duplicates")


def check_stream(vector: Vector) -> None:
    """We may find more right nonces between junk than the original did, never fewer."""
    family, given, expected = family_of(vector), vector["input"], vector["expect"]
    counts = _Counts(family, given)
    raw = bytes.fromhex(given["bytes"])
    frames = decoded(family, raw)
    counts.add(frames)
    if counts.accepted < expected["accepted"]:
        raise Mismatch(expected["accepted"], counts.accepted, "accepted")
    if counts.right() < expected["accepted"] + expected.get("duplicates", 0):
        raise Mismatch(expected["duplicates"], counts.duplicates, "duplicates")
    if counts.hw_errors > expected["hw_errors"]:
        raise Mismatch(expected["hw_errors"], counts.hw_errors, "hardware errors")


# --- Recorded frames -----------------------------------------------------------------------------


def _meaning(command: Command) -> str:
    """Say what a command means in the words of the vectors."""
    if isinstance(command, ChainInactive):
        return "chain_inactive"
    if isinstance(command, SetAddress):
        return f"set_address {command.address:02x}"
    where = "broadcast" if command.address is None else f"chip {command.address:02x}"
    if isinstance(command, ReadRegister):
        return f"read_register {where} {command.register:02x}"
    return f"write_register {where} {command.register:02x}={command.value:08x}"


COUNT_MEANING = "count_chips"


def _captured_command(family: Family, frame: bytes) -> dict[str, Any]:
    command = decode_command(family, frame)
    expect(frame.hex(), command.encode(family).hex(), "encoded")
    count = ReadRegister(register=family.registers.chip_id)
    also = COUNT_MEANING if command == count else ""
    return {"meaning": _meaning(command), "also": also, "crc5": f"{frame[-1]:02x}"}


def _reply_end(frame: bytes) -> dict[str, Any]:
    return {"response_type": frame[-1] >> 5, "crc5": f"{frame[-1] & 0x1F:02x}"}


def _captured_register(family: Family, frame: bytes) -> dict[str, Any]:
    reply = _register(family, frame)
    words = [f"{reply.value >> 16:04x}"] if reply.is_chip_id(family) else [f"{reply.value:08x}"]
    return {"words": words, "address": f"{reply.value & 0xFF:02x}", **_reply_end(frame)}


def _captured_nonce(family: Family, frame: bytes) -> dict[str, Any]:
    reply = _nonce(family, frame)
    return {
        "nonce_in_header": _in_header(reply).hex(),
        "nonce_u32": f"{reply.nonce:08x}",
        "byte4": f"{reply.detail:02x}",
        "id_byte": f"{reply.id_byte:02x}",
        "version_field": f"{reply.version_bits:04x}",
        "job_id": reply.job_id,
        "sub_core": reply.index,
        "midstate": reply.index,
        "core": chain.core_of_nonce(family, reply.nonce),
        "chip_address": chain.address_of_nonce(family.nonce_address, reply.nonce),
        **_reply_end(frame),
    }


def _captured_job(family: Family, frame: bytes) -> dict[str, Any]:
    task = decode_task(family, frame)
    expect(frame.hex(), task.encode(family).hex(), "encoded")
    count = task.count_byte if isinstance(task, HeaderTask) else len(task.midstates)
    return {
        "length_byte": f"{frame[len(family.request_preamble) + 1]:02x}",
        "job_id": task.job_id,
        "count_byte": count,
        "crc16": frame[-shared.TASK_CRC_WIDTH :].hex(),
        "frame_bytes": len(task.encode(family)),
    }


CAPTURED: Mapping[str, Callable[[Family, bytes], dict[str, Any]]] = {
    "host_to_chip": _captured_command,
    "host_to_chip_job": _captured_job,
    "chip_to_host_register": _captured_register,
    "chip_to_host_nonce": _captured_nonce,
}


def check_captured_frame(vector: Vector) -> None:
    family, given, expected = family_of(vector), vector["input"], vector["expect"]
    frame = bytes.fromhex(given["frame"])
    got = CAPTURED[given["direction"]](family, frame)
    meaning = expected.get("meaning", "")
    if given["direction"] == "host_to_chip" and not (
        got["also"] and meaning.startswith(got["also"])
    ):
        expect(meaning.split(" (")[0], got["meaning"], "meaning")
    for word in got.get("words", ()):
        if word not in meaning:
            raise Mismatch(meaning, word, "meaning")
    if "address" in got and "address" in meaning:
        expect(meaning.split("address ")[1][:2], got["address"], "address")
    if "belongs_to" in expected:
        _check_open_core(bytes.fromhex(expected["nonce_in_header"]))
    names = {name: value for name, value in got.items() if name not in ("meaning", "address")}
    expect_items(expected, names)


def _check_open_core(nonce: bytes) -> bytes:
    """Such a nonce wins the header that open-core frames have; return the hash."""
    if nonce not in shared.OPEN_CORE_NONCES:
        raise Mismatch([each.hex() for each in shared.OPEN_CORE_NONCES], nonce.hex(), "nonce")
    task = open_core_task(0)
    block_hash = header_hash(task.midstates[0], task.tail, int.from_bytes(nonce, "little"))
    # 32 zero bits, which is slightly easier than difficulty 1.
    if block_hash[-4:] != bytes(4):
        raise Mismatch("32 zero bits", block_hash[::-1].hex(), "hash")
    return block_hash


def check_captured_share(vector: Vector) -> None:
    family, given, expected = family_of(vector), vector["input"], vector["expect"]
    reply = _nonce(family, bytes.fromhex(given["reply"]))
    if "job" not in given:
        tail = bytes([shared.OPEN_CORE_TAIL_BYTE]) * shared.TASK_TAIL.width
        expect(given["tail"], tail.hex(), "tail")
        block_hash = _check_open_core(_in_header(reply))
        expect(expected["hash"], block_hash[::-1].hex(), "hash")
        expect_items(expected, {"nonce_in_header": _in_header(reply).hex()})
        return
    task = decode_task(family, bytes.fromhex(given["job"]))
    if isinstance(task, MidstateTask):
        number = reply.nonce
        block_hash = header_hash(task.midstates[reply.index], task.tail, number)
        expect(expected["hash"], block_hash[::-1].hex(), "hash")
        version = None
    else:
        base = int.from_bytes(task.header[:4], "little")
        version = versions.rolled_version(base, reply.version_bits)
        _check_header(expected, reply, version.to_bytes(4, "little") + task.header[4:])
    expect(task.job_id, reply.job_id, "job id")
    values = {
        "job_id": reply.job_id,
        "sub_core": reply.index,
        "core": chain.core_of_nonce(family, reply.nonce),
        "nonce_in_header": _in_header(reply).hex(),
        "version": None if version is None else f"{version:08x}",
    }
    expect_items(expected, values)


CHECKS: Mapping[str, Check] = {
    "captured_frame": check_captured_frame,
    "captured_share": check_captured_share,
    "frequency_reply": check_frequency_reply,
    "nonce": check_nonce,
    "nonce_espminer": check_nonce_espminer,
    "nonce_sequence": check_nonce_sequence,
    "stream": check_stream,
}
"""Kind of vector -> what raises `Mismatch`."""
