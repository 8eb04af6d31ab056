"""Makes golden vectors of a recording: what a real stick has said is worth more than what we think.

A vector keeps the bytes of the recording; what is expected beside them follows from these bytes by
arithmetic, and from `hashlib` for hashes. Times do not become vectors: a recorded pause is what a
host made, not what chips need.
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from hashlib import sha256
from typing import Any

from luxminer.errors import ConfigError
from luxminer_drivers.bm13xx import chain, versions
from luxminer_drivers.bm13xx import facts as shared
from luxminer_drivers.bm13xx.commands import ChainInactive, ReadRegister, SetAddress, WriteRegister
from luxminer_drivers.bm13xx.facts import Family
from luxminer_drivers.bm13xx.pll import Pll
from luxminer_drivers.bm13xx.replies import NonceReply, RegisterReply
from luxminer_drivers.bm13xx.tasks import HeaderTask, MidstateTask
from luxminer_drivers.bm1384 import codec as bm1384
from luxminer_drivers.bm1384 import facts as bm1384_facts
from luxminer_hil.record.cutting import FAMILIES, Frame, cut
from luxminer_hil.record.load import Recording

__all__ = ["DEFAULT_MOST", "to_vectors"]

DEFAULT_MOST = 40
"""Vectors of one kind and direction; a recording has thousands of tasks that are all alike."""

ZERO_BITS = 32
"""Of a hash that any pool and any chip calls difficulty 1, or nearly so."""

Vector = dict[str, Any]
Found = Iterator[tuple[str, str, Vector]]
"""Kind, what it counts as for the limit, and input and expect."""


def to_vectors(
    recording: Recording, *, session: int = 0, most: int = DEFAULT_MOST
) -> dict[str, Any]:
    """Return a document of the format of ``tests/vectors`` for one session.

    Raises ConfigError when there is no such session, or nothing can be made of it.
    """
    sessions = recording.sessions()
    if not 0 <= session < len(sessions):
        raise ConfigError(f"is {session}, and the recording has {len(sessions)}", key="--session")
    header = recording.header
    if header.model not in FAMILIES:
        cure = f"there are vectors of {', '.join(sorted(FAMILIES))}"
        raise ConfigError(f'has the model "{header.model}"', key="recording", cure=cure)
    family, frames = cut(header.model, sessions[session])
    found = _of_bm1384(header.model, frames) if family is None else _of_framed(family, frames)
    chip = bm1384_facts.CHIP if family is None else family.name
    origin = f"recorded from {header.model} {header.serial or 'without a serial'}".rstrip()
    origin += f" on {header.started or 'an unknown day'} by luxminer {header.luxminer}"
    kinds: dict[str, list[Vector]] = {}
    counts: Counter[tuple[str, str]] = Counter()
    seen: set[str] = set()
    for kind, group, vector in found:
        known = f"{kind} {vector['input']}"
        if known in seen or counts[kind, group] >= most:
            continue
        seen.add(known)
        counts[kind, group] += 1
        entries = kinds.setdefault(kind, [])
        vector_id = f"{kind.replace('_', '-')}-{header.model}-{len(entries) + 1:04d}"
        entries.append({"id": vector_id, "family": chip, **vector, "origin": origin})
    if not kinds:
        raise ConfigError("holds no frame that is known", key="recording")
    return {"format": "bm13xx-vectors", "version": 1, "vectors": kinds}


def _vector(given: Mapping[str, Any], expected: Mapping[str, Any]) -> Vector:
    return {"input": dict(given), "expect": dict(expected)}


# --- BM1384 --------------------------------------------------------------------------------------


def _of_bm1384(model: str, frames: Sequence[Frame]) -> Found:
    addresses = [f.meaning.address for f in frames if isinstance(f.meaning, bm1384.SetAddress)]
    chips = len(set(addresses)) or 1
    for frame in frames:
        given: Vector = {}
        match frame.meaning:
            case bm1384.ReadRegister(register=register, address=None):
                is_id = register is bm1384_facts.Register.CHIP_ID
                given = {"op": "count_chips" if is_id else "read_pll"}
            case bm1384.ChainInactive():
                given = {"op": "chain_inactive"}
            case bm1384.SetAddress(address=address):
                index = sorted(set(addresses)).index(address)
                given = {"op": "set_address", "chips": chips, "index": index, "address": address}
            case bm1384.PllReply(pll=pll):
                rx = {"chips": chips, "rx": frame.raw.hex()}
                yield "frequency_reply", "", _vector(rx, {"mhz": pll.mhz})
        if given:
            yield "command", given["op"], _vector(given, {"frame": frame.raw.hex()})
    trace = _trace_of_bm1384(model, frames, chips)
    if trace is not None:
        yield "init_trace", "", trace


def _trace_of_bm1384(model: str, frames: Sequence[Frame], chips: int) -> Vector | None:
    """Return the bring-up, up to the first task that is work; None when it is not all there."""
    steps: list[list[Any]] = []
    cores: list[str] = []
    replies = ""
    mhz: float | None = None
    for frame in frames:
        if isinstance(frame.meaning, bm1384.ChipIdReply):
            replies += frame.raw.hex()
        elif isinstance(frame.meaning, bm1384.TaskFrame):
            task = frame.meaning
            if task.nonce_range == 0:
                cores.append(frame.raw.hex())
                continue
            if len(cores) < 3 or mhz is None or not replies:
                return None
            ends = {"first": cores[0], "second": cores[1], "last": cores[-1]}
            steps.append(["open_core_tasks", {"count": len(cores), **ends}])
            final = {  # not the ticket: hosts choose it by the work of their pool
                "frequency_mhz": mhz,
                "cores": bm1384_facts.CORES,
                "job_frame_hcn": task.nonce_range,
            }
            given = {"product": model, "chips": chips, "chip_replies": replies}
            return _vector(given, {"steps": steps, "final": final})
        elif frame.is_from_host:
            steps.append(["write", frame.raw.hex()])
            if isinstance(frame.meaning, bm1384.WritePll):
                mhz = frame.meaning.pll.mhz
    return None


# --- BM1387 and later ----------------------------------------------------------------------------


def _of_framed(family: Family, frames: Sequence[Frame]) -> Found:
    addresses = {f.meaning.address for f in frames if isinstance(f.meaning, SetAddress)}
    chips = len(addresses) or 1
    jobs: dict[int, Frame] = {}
    for frame in frames:
        raw = frame.raw.hex()
        match frame.meaning:
            case MidstateTask(job_id=job_id) | HeaderTask(job_id=job_id):
                jobs[job_id] = frame
                yield "captured_frame", "job", _job(family, frame)
            case NonceReply() as reply:
                yield "captured_frame", "nonce", _nonce(family, reply, frame)
                if share := _share(family, reply, frame, jobs.get(reply.job_id)):
                    yield "captured_share", "", share
            case RegisterReply() as reply if reply.is_chip_id(family):
                yield "captured_frame", "register", _chip_id(family, reply, frame)
            case RegisterReply(value=value, address=address, register=register):
                pll = Pll.decode(family.pll, value)
                is_pll = register in (None, family.registers.pll) and Pll.is_locked(value)
                if is_pll and pll is not None:
                    expected: Vector = {"mhz": pll.mhz}
                    if address is not None:
                        expected["chip"] = chain.chip_of_address(address, chips)
                    yield "frequency_reply", "", _vector({"chips": chips, "rx": raw}, expected)
            case command:
                expected = {"meaning": _words(command), "crc5": f"{frame.raw[-1]:02x}"}
                given = {"direction": "host_to_chip", "frame": raw}
                yield "captured_frame", "command", _vector(given, expected)


def _words(command: object) -> str:
    """Say what a command means in the words of the vectors."""
    match command:
        case ChainInactive():
            return "chain_inactive"
        case SetAddress(address=address):
            return f"set_address {address:02x}"
        case ReadRegister(register=register, address=to):
            return f"read_register {_whom(to)} {register:02x}"
        case WriteRegister(register=register, value=value, address=to):
            return f"write_register {_whom(to)} {register:02x}={value:08x}"
    raise AssertionError(command)


def _whom(address: int | None) -> str:
    return "broadcast" if address is None else f"chip {address:02x}"


def _job(family: Family, frame: Frame) -> Vector:
    task, body = frame.meaning, frame.raw[len(family.request_preamble) :]
    assert isinstance(task, MidstateTask | HeaderTask)
    count = task.count_byte if isinstance(task, HeaderTask) else len(task.midstates)
    expected = {
        "length_byte": f"{body[1]:02x}",
        "job_id": task.job_id,
        "count_byte": count,
        "crc16": body[-shared.TASK_CRC_WIDTH :].hex(),
        "frame_bytes": len(frame.raw),
    }
    return _vector({"direction": "host_to_chip_job", "frame": frame.raw.hex()}, expected)


def _reply_end(raw: bytes) -> Vector:
    return {"response_type": raw[-1] >> 5, "crc5": f"{raw[-1] & 0x1F:02x}"}


def _chip_id(family: Family, reply: RegisterReply, frame: Frame) -> Vector:
    meaning = f"chip_id {reply.value >> 16:04x}"
    if not family.reply_names_register:
        meaning += f" address {reply.value & 0xFF:02x}"
    elif len(frame.raw) == len(family.reply_preamble) + max(family.register_lengths):
        meaning += f" ({len(frame.raw)}-byte form)" if len(family.register_lengths) > 1 else ""
    expected = {"meaning": meaning, **_reply_end(frame.raw)}
    return _vector({"direction": "chip_to_host_register", "frame": frame.raw.hex()}, expected)


def _nonce(family: Family, reply: NonceReply, frame: Frame) -> Vector:
    expected: Vector = {
        "nonce_in_header": reply.nonce.to_bytes(4, "little").hex(),
        "nonce_u32": f"{reply.nonce:08x}",
        "byte4": f"{reply.detail:02x}",
        "id_byte": f"{reply.id_byte:02x}",
        **_reply_end(frame.raw),
    }
    if not family.midstate_counts:
        expected |= {
            "job_id": reply.job_id,
            "sub_core": reply.index,
            "core": chain.core_of_nonce(family, reply.nonce),
            "version_field": f"{reply.version_bits:04x}",
        }
    return _vector({"direction": "chip_to_host_nonce", "frame": frame.raw.hex()}, expected)


def _share(family: Family, reply: NonceReply, frame: Frame, job: Frame | None) -> Vector | None:
    """Return job and answer where the whole header is known and the hash is a low one."""
    if job is None or not isinstance(job.meaning, HeaderTask):
        return None
    start = job.meaning.header
    base = int.from_bytes(start[:4], "little")
    version = versions.rolled_version(base, reply.version_bits)
    header = version.to_bytes(4, "little") + start[4:] + reply.nonce.to_bytes(4, "little")
    digest = sha256(sha256(header).digest()).digest()
    number = int.from_bytes(digest, "little")
    if number >> 256 - ZERO_BITS:
        return None
    expected = {
        "header": header.hex(),
        "hash": digest[::-1].hex(),
        "version": f"{version:08x}",
        "job_id": reply.job_id,
        "sub_core": reply.index,
        "core": chain.core_of_nonce(family, reply.nonce),
        "difficulty": (0xFFFF << 208) / number,
    }
    return _vector({"job": job.raw.hex(), "reply": frame.raw.hex()}, expected)
