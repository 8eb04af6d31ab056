"""Golden vectors of Block Erupter and Antminer U1/U2, run through the drivers' own codecs.

The BM1382 has no driver: its clock values are read by the BM1384's, which has the same formula.
"""

from collections.abc import Mapping
from functools import partial
from typing import TypeVar

from luxminer.device.contract import DriverSpec
from luxminer.hashing import header_hash, midstate, verify
from luxminer_drivers.bm1380 import facts as bm1380
from luxminer_drivers.bm1380.codec import Decoder as Bm1380Decoder
from luxminer_drivers.bm1380.codec import NonceReply as Bm1380Nonce
from luxminer_drivers.bm1380.codec import WritePll, decode_command
from luxminer_drivers.bm1380.device import next_job_id
from luxminer_drivers.bm1380.pll import Pll, choose_pll
from luxminer_drivers.bm1380.spec import SPEC as BM1380_SPEC
from luxminer_drivers.bm1384.pll import Pll as Bm1384Pll
from luxminer_drivers.common.jobs import ticket_target_le
from luxminer_drivers.common.resync import TAIL_S, BadFrame, ResyncDecoder
from luxminer_drivers.icarus import facts
from luxminer_drivers.icarus.codec import Decoder, NonceReply, TaskFrame, decode_nonce
from luxminer_drivers.icarus.spec import SPEC as ICARUS_SPEC
from luxminer_hil.vectors.chips_shared import Check, Vector, expect_difficulty, expect_near
from luxminer_hil.vectors.mismatch import Mismatch, expect

__all__ = ["BM1380_CHECKS", "BM1382_CHECKS", "ICARUS_CHECKS"]

F = TypeVar("F")

TARGET_LE = ticket_target_le(1.0)

SINGLE_PRECISION_MHZ = 1e-3
"""What the original, which calculates so, may take for nearer than it is."""

U3_STEP_MHZ = 25.0
"""Widest gap of the U3's table, to whose next lower clock a request is rounded down."""


# --- Tasks ---------------------------------------------------------------------------------------


def check_task(vector: Vector) -> None:
    header = bytes.fromhex(vector["input"]["header"])
    job_id = vector["input"].get("job_id", 0)
    task = TaskFrame(midstate=midstate(header[:64]), tail=header[64:76], job_id=job_id)
    frame = task.encode()
    expect(vector["expect"]["frame"], frame.hex())
    expect(vector["expect"]["length"], len(frame), "length")
    expect(task, TaskFrame.decode(frame), "decoded")


def check_next_job_id(vector: Vector) -> None:
    expect(vector["expect"]["next"], next_job_id(vector["input"]["previous"]))


def check_rates(spec: DriverSpec, vector: Vector) -> None:
    for model in spec.models:
        rate_hs = model.hashes_per_clock * vector["input"]["mhz"] * 1e6
        expect_near(vector["expect"]["hashrate_hs"], rate_hs, f"hash rate of {model.name}")


# --- Replies -------------------------------------------------------------------------------------


LOW_BITS = 0x1F
"""Of the last byte of a reply; the upper three say what it is."""


def _only(decoder: ResyncDecoder[F], other: ResyncDecoder[F], raw: bytes) -> F:
    """Decode one reply whole and byte by byte; both must agree."""
    frames = decoder.feed(raw, 0.0) + decoder.expire(TAIL_S)
    pieces = [frame for byte in raw for frame in other.feed(bytes([byte]), 0.0)]
    expect(frames, pieces + other.expire(TAIL_S), "fed byte by byte")
    (frame,) = frames
    if isinstance(frame, BadFrame):
        raise Mismatch("a nonce", frame)
    return frame


def _check_nonce(vector: Vector, header: bytes, nonce: int) -> None:
    expected = vector["expect"]
    in_header = nonce.to_bytes(4, "little")
    # The original of these two reads the bytes most significant first, later ones the other way.
    expect(expected["nonce_u32"], f"{int.from_bytes(in_header, 'big'):08x}", "nonce")
    expect(expected["nonce_in_header"], in_header.hex(), "nonce in the header")
    expect(expected["header"], (header[:76] + in_header).hex(), "header")
    block_hash = header_hash(midstate(header[:64]), header[64:76], nonce)
    expect(expected["hash"], block_hash[::-1].hex(), "hash")
    expect_difficulty(expected["difficulty"], block_hash)


def check_icarus_nonce(vector: Vector) -> None:
    header = bytes.fromhex(vector["input"]["job_header"])
    state = midstate(header[:64])

    def age_of(nonce: int) -> int | None:
        return 0 if verify(state, header[64:76], nonce, TARGET_LE) else None

    raw = bytes.fromhex(vector["input"]["rx"])
    reply = _only(Decoder(age_of), Decoder(age_of), raw)
    expect(NonceReply(nonce=reply.nonce, age=0), reply, "right")
    _check_nonce(vector, header, reply.nonce)


def check_captured_share(vector: Vector) -> None:
    """Read a task and its answer that are known by heart; one of them is what detection sends."""
    job, raw = (bytes.fromhex(vector["input"][name]) for name in ("job", "reply"))
    task = TaskFrame.decode(job)
    expect(job.hex(), task.encode().hex(), "task")
    nonce = decode_nonce(raw)
    expect(True, verify(task.midstate, task.tail, nonce, TARGET_LE), "right")
    expect(vector["expect"]["nonce_in_header"], nonce.to_bytes(4, "little").hex(), "nonce")
    block_hash = header_hash(task.midstate, task.tail, nonce)
    expect(vector["expect"]["hash"], block_hash[::-1].hex(), "hash")
    if "detection" in vector["expect"]["meaning"]:
        expect(job.hex(), facts.DETECT_TASK.hex(), "detection task")
        expect(raw.hex(), facts.DETECT_NONCE.hex(), "its answer")


def check_bm1380_nonce(vector: Vector) -> None:
    given = vector["input"]
    header = bytes.fromhex(given["job_header"])
    state = midstate(header[:64])

    def is_right(job_id: int, nonce: int) -> bool:
        return job_id == given["job_id"] and verify(state, header[64:76], nonce, TARGET_LE)

    raw = bytes.fromhex(given["rx"])
    reply = _only(Bm1380Decoder(is_right), Bm1380Decoder(is_right), raw)
    right = Bm1380Nonce(job_id=given["job_id"], nonce=reply.nonce, is_verified=True)
    expect(right, reply, "right, job id")
    for frame, is_claim in ((raw, True), (raw[:-1] + bytes([raw[-1] & LOW_BITS]), False)):
        decoder = Bm1380Decoder(lambda _job_id, _nonce: False)
        (reading,) = decoder.feed(frame, 0.0) + decoder.expire(TAIL_S)
        expect(
            is_claim, isinstance(reading, Bm1380Nonce), "wrong nonce, told from junk by its type"
        )
    _check_nonce(vector, header, reply.nonce)


# --- Clock ---------------------------------------------------------------------------------------


def check_frequency(vector: Vector) -> None:
    """Read the clock that was asked for, or the nearest; exact ones have our dividers, too."""
    asked_mhz, value = float(vector["input"]["mhz"]), vector["expect"]["pll_reg"]
    pll = Pll.decode(int(value, 16))
    for frame in vector["expect"]["frames"]:
        expect(WritePll(pll=pll), decode_command(bytes.fromhex(frame)), "frame")
        expect(frame, WritePll(pll=pll).encode().hex(), "encoded")
    if not bm1380.MIN_MHZ <= asked_mhz <= bm1380.MAX_MHZ:
        expect_near(asked_mhz, pll.mhz, "MHz of the dividers")
        return
    ours = choose_pll(asked_mhz)
    if abs(pll.mhz - asked_mhz) > abs(ours.mhz - asked_mhz) + SINGLE_PRECISION_MHZ:
        raise Mismatch(ours.mhz, pll.mhz, "MHz of the dividers")
    if ours.mhz == asked_mhz:
        expect(value, f"{ours.encode():04x}", "our dividers")


def check_frequency_u3(vector: Vector) -> None:
    pll = Bm1384Pll.decode(int(vector["expect"]["pll_reg"], 16))
    expect(vector["expect"]["pll_reg"], f"{pll.encode():04x}", "encoded")
    lower_mhz = vector["input"]["mhz"] - pll.mhz
    if not 0 <= lower_mhz < U3_STEP_MHZ:
        raise Mismatch(vector["input"]["mhz"], pll.mhz, "MHz of the dividers")


ICARUS_CHECKS: Mapping[str, Check] = {
    "captured_share": check_captured_share,
    "nonce": check_icarus_nonce,
    "rates": partial(check_rates, ICARUS_SPEC),
    "task": check_task,
}
BM1380_CHECKS: Mapping[str, Check] = {
    "frequency": check_frequency,
    "next_job_id": check_next_job_id,
    "nonce": check_bm1380_nonce,
    "rates": partial(check_rates, BM1380_SPEC),
    "task": check_task,
}
BM1382_CHECKS: Mapping[str, Check] = {"frequency_u3": check_frequency_u3}
