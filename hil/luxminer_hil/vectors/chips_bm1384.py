"""Golden vectors of the BM1384, run through the driver's own codec.

A check takes one vector and raises `Mismatch`. What another host chose freely is not compared with
our choice: its frames must decode, its dividers give the clock it asked for, its tasks be the
header they were made from.
"""

from collections.abc import Callable, Mapping
from typing import Any

from luxminer.hashing import header_hash, midstate, verify
from luxminer_drivers.bm1384 import chain, facts
from luxminer_drivers.bm1384.codec import (
    ChainInactive,
    ChipIdReply,
    Command,
    NonceReply,
    PllReply,
    ReadRegister,
    SetAddress,
    TaskFrame,
    TaskTemplate,
    WritePll,
    busy_task,
    decode_command,
    open_core_tasks,
)
from luxminer_drivers.bm1384.decoder import TAIL_S, Decoder, Frame
from luxminer_drivers.bm1384.pll import Pll, choose_pll, round_up_mhz
from luxminer_hil.vectors.chips_shared import (
    DIFFICULTY_1,
    Check,
    Vector,
    expect_difficulty,
    expect_near,
    expect_whole_us,
)
from luxminer_hil.vectors.mismatch import Mismatch, expect

__all__ = ["CHECKS", "FAMILIES"]

FAMILIES = frozenset({"BM1384"})
"""Chips that a driver exists for. Vectors name one or several, or ``all``."""

DIFFICULTY_1_LE = DIFFICULTY_1.to_bytes(32, "little")


# --- Check sums, addresses, commands -------------------------------------------------------------


def check_chip_address(vector: Vector) -> None:
    addresses = chain.addresses(vector["input"]["chips"])
    expect(vector["expect"]["addresses"], [f"{address:02x}" for address in addresses])


def _address(given: Mapping[str, Any]) -> int:
    return chain.addresses(given["chips"])[int(given["index"])]


COMMANDS: Mapping[str, Callable[[Mapping[str, Any]], Command]] = {
    "count_chips": lambda _: ReadRegister(register=facts.Register.CHIP_ID),
    "chain_inactive": lambda _: ChainInactive(),
    "set_address": lambda given: SetAddress(address=_address(given)),
    "read_pll": lambda given: ReadRegister(
        register=facts.Register.PLL, address=_address(given) if "index" in given else None
    ),
}


def check_command(vector: Vector) -> None:
    given, frame = vector["input"], vector["expect"]["frame"]
    command = COMMANDS[given["op"]](given)
    expect(frame, command.encode().hex())
    expect(command, decode_command(bytes.fromhex(frame)), "decoded")


# --- Clock ---------------------------------------------------------------------------------------


def _originals_reading_mhz(pll: Pll) -> float:
    """Return what the original makes of dividers; the formula wherever n stays below 15.

    From 400 MHz on its own arithmetic spills into the upper bits of n, which its decoder reads as
    6.25 MHz each. We never write such a value.
    """
    if pll.n < 15:
        return pll.mhz
    low = Pll(m=pll.m, n=pll.n & 0x0F, od=pll.od)
    return low.mhz + (pll.n >> 4) * 6.25


def _limited_mhz(mhz: float) -> float:
    return min(max(mhz, facts.MIN_MHZ), facts.MAX_MHZ)


def check_frequency(vector: Vector) -> None:
    given, expected = vector["input"], vector["expect"]
    asked_mhz = round_up_mhz(_limited_mhz(given["mhz"]))
    write, read = (decode_command(bytes.fromhex(frame)) for frame in expected["frames"])
    expect(ReadRegister(register=facts.Register.PLL), read, "second frame")
    pll = Pll.decode(int(expected["pll_reg"], 16))
    expect(WritePll(pll=pll), write, "first frame")
    expect(asked_mhz, _originals_reading_mhz(pll), "MHz of the dividers")
    if pll.mhz == asked_mhz:
        expect(expected["pll_reg"], f"{choose_pll(asked_mhz).encode():04x}", "our dividers")
    else:
        ours = round_up_mhz(asked_mhz, facts.COARSE_STEP_MHZ)
        expect(ours, choose_pll(asked_mhz).mhz, "our clock")


def check_frequency_bfgminer(vector: Vector) -> None:
    pll = Pll.decode(int(vector["expect"]["pll_reg"], 16))
    command = decode_command(bytes.fromhex(vector["expect"]["frame"]))
    expect(WritePll(pll=pll), command, "frame")
    expect(float(vector["input"]["mhz"]), pll.mhz, "MHz of the dividers")


def check_frequency_reply(vector: Vector) -> None:
    (reply,) = _decoded(bytes.fromhex(vector["input"]["rx"]))
    if not isinstance(reply, PllReply):
        raise Mismatch("a PLL reply", reply)
    expect(float(vector["expect"]["mhz"]), _originals_reading_mhz(reply.pll), "MHz")


def check_limit(vector: Vector) -> None:
    product = _product(vector["input"]["product"])
    limited = _limited_mhz(vector["input"]["mhz"])
    expect_near(vector["expect"]["limited_mhz"], limited, f"{product.name} limited to")
    expect(float(vector["expect"]["rounded_up_mhz"]), round_up_mhz(limited), "rounded up")


# --- Tasks ---------------------------------------------------------------------------------------


def _check_task(frame: str, task: TaskFrame) -> None:
    expect(frame, task.encode().hex())
    expect(task, TaskFrame.decode(bytes.fromhex(frame)), "decoded")


def check_task(vector: Vector) -> None:
    given = vector["input"]
    header = bytes.fromhex(given["header"])
    task = TaskFrame(
        midstate=midstate(header[:64]),
        tail=header[64:76],
        ticket_difficulty=given["ticket_mask"] + 1,
        nonce_range=chain.nonce_range(given["chips"]),
        job_id=given["job_id"],
    )
    _check_task(vector["expect"]["frame"], task)
    expect(vector["expect"]["length"], len(task.encode()), "length")
    template = TaskTemplate(ticket_difficulty=task.ticket_difficulty, nonce_range=task.nonce_range)
    frame = template.encode(task.midstate, task.tail, task.job_id)
    expect(vector["expect"]["frame"], frame.hex(), "frame made from a template")


def check_busy_task(vector: Vector) -> None:
    task = busy_task(
        ticket_difficulty=1, nonce_range=chain.nonce_range(1), job_id=vector["input"]["job_id"]
    )
    _check_task(vector["expect"]["frame_without_preamble"], task)


def check_open_core_task(vector: Vector) -> None:
    _check_task(vector["expect"]["frame"], open_core_tasks()[vector["input"]["job_id"]])


def check_next_job_id(vector: Vector) -> None:
    expect(vector["expect"]["next"], chain.next_job_id(vector["input"]["previous"]))


# --- Replies -------------------------------------------------------------------------------------


def _decoded(raw: bytes, verify_nonce: Callable[[int, int], bool] | None = None) -> list[Frame]:
    """Decode a stream whole and byte by byte; both must agree."""
    whole, single = (Decoder(verify_nonce or (lambda _job_id, _nonce: False)) for _ in range(2))
    frames = whole.feed(raw, 0.0) + whole.expire(TAIL_S)
    pieces = [frame for byte in raw for frame in single.feed(bytes([byte]), 0.0)]
    expect(frames, pieces + single.expire(TAIL_S), "fed byte by byte")
    return frames


def _verifier(job_header: str, job_id: int) -> Callable[[int, int], bool]:
    header = bytes.fromhex(job_header)
    state = midstate(header[:64])

    def is_right(answered_id: int, nonce: int) -> bool:
        return answered_id == job_id and verify(state, header[64:76], nonce, DIFFICULTY_1_LE)

    return is_right


def check_nonce(vector: Vector) -> None:
    given, expected = vector["input"], vector["expect"]
    is_right = _verifier(given["job_header"], given["job_id"])
    (reply,) = _decoded(bytes.fromhex(given["rx"]), is_right)
    if not isinstance(reply, NonceReply):
        raise Mismatch("a nonce", reply)
    expect(True, reply.is_verified, "right")
    expect(expected["job_id"], reply.job_id, "job id")
    expect(expected["nonce_u32"], f"{reply.nonce:08x}", "nonce")
    expect(expected["chip"], chain.chip_of_nonce(reply.nonce, given["chips"]), "chip")
    in_header = reply.nonce.to_bytes(4, "little")
    expect(expected["nonce_in_header"], in_header.hex(), "nonce in the header")
    header = bytes.fromhex(given["job_header"])[:76] + in_header
    expect(expected["header"], header.hex(), "header")
    block_hash = header_hash(midstate(header[:64]), header[64:76], reply.nonce)
    expect(expected["hash"], block_hash[::-1].hex(), "hash")
    expect_difficulty(expected["difficulty"], block_hash)


class _Counts:
    """What a stream came to: nonces seen first, seen again, and wrong ones for the known job."""

    def __init__(self, job_id: int) -> None:
        self._job_id = job_id
        self._seen: set[int] = set()
        self.accepted = self.duplicates = self.hw_errors = 0

    def add(self, frames: list[Frame]) -> None:
        for frame in frames:
            if not isinstance(frame, NonceReply) or frame.job_id != self._job_id:
                continue
            if not frame.is_verified:
                self.hw_errors += 1
            elif frame.nonce in self._seen:
                self.duplicates += 1
            else:
                self._seen.add(frame.nonce)
                self.accepted += 1

    def right(self) -> int:
        return self.accepted + self.duplicates


def check_nonce_sequence(vector: Vector) -> None:
    """Right and wrong must agree; we remember longer than the original what was seen before."""
    given = vector["input"]
    is_right = _verifier(given["job_header"], given["job_id"])
    counts = _Counts(given["job_id"])
    right = hw_errors = 0
    for rx, expected in zip(given["rx"], vector["expect"]["results"], strict=True):
        counts.add(_decoded(bytes.fromhex(rx), is_right))
        right += expected["accepted"] + expected["duplicates"]
        hw_errors += expected["hw_errors"]
        expect((right, hw_errors), (counts.right(), counts.hw_errors), "right, wrong")
        if counts.duplicates < expected["duplicates"]:
            raise Mismatch(expected["duplicates"], counts.duplicates, "duplicates")


def check_stream(vector: Vector) -> None:
    """We may find more right nonces between junk than the original did, never fewer."""
    given, expected = vector["input"], vector["expect"]
    counts = _Counts(given["job_id"])
    is_right = _verifier(given["job_header"], given["job_id"])
    counts.add(_decoded(bytes.fromhex(given["bytes"]), is_right))
    if counts.accepted < expected["accepted"]:
        raise Mismatch(expected["accepted"], counts.accepted, "accepted")
    if counts.right() < expected["accepted"] + expected.get("duplicates", 0):
        raise Mismatch(expected["duplicates"], counts.duplicates, "duplicates")
    if counts.hw_errors > expected["hw_errors"]:
        raise Mismatch(expected["hw_errors"], counts.hw_errors, "hardware errors")


# --- Bring-up and rates --------------------------------------------------------------------------


def _product(name: str) -> facts.Product:
    for product in facts.PRODUCTS:
        if product.name == name.lower():
            return product
    raise Mismatch(name, [product.name for product in facts.PRODUCTS], "product")


def check_init_trace(vector: Vector) -> None:
    """Every frame of the bring-up must decode; order and pauses are another host's choice."""
    given, expected = vector["input"], vector["expect"]
    chips = given["chips"]
    replies = _decoded(bytes.fromhex(given["chip_replies"]))
    expect(chips, sum(isinstance(reply, ChipIdReply) for reply in replies), "chips counted")
    expect(chips, len(replies), "replies")

    _product(given["product"])
    writes = [bytes.fromhex(step[1]) for step in expected["steps"] if step[0] == "write"]
    commands = [decode_command(raw) for raw in writes]
    addresses = tuple(each.address for each in commands if isinstance(each, SetAddress))
    expect(chain.addresses(chips), addresses, "addresses")
    expect(1, commands.count(ReadRegister(register=facts.Register.CHIP_ID)), "counts")
    expect(1, commands.count(ChainInactive()), "chain inactive")
    ours = open_core_tasks()
    for _, theirs in (step for step in expected["steps"] if step[0] == "open_core_tasks"):
        expect(theirs["count"], len(ours), "open-core frames")
        for place, index in (("first", 0), ("second", 1), ("last", -1)):
            _check_task(theirs[place], ours[index])

    final = expected["final"]
    rate_hs = chain.hashrate_hs(chips, final["frequency_mhz"])
    expect(final["frequency_mhz"], facts.START_MHZ, "start clock")
    expect(final["cores"], facts.CORES, "cores")
    if "difficulty" in final:  # what a recording of any host does not tell
        expect(final["difficulty"], chain.ticket_difficulty(rate_hs), "ticket difficulty")
        expect(final["ticket_mask"], chain.ticket_difficulty(rate_hs) - 1, "ticket mask")
    expect(final["job_frame_hcn"], chain.nonce_range(chips), "nonce range")


def check_rates(vector: Vector) -> None:
    given, expected = vector["input"], vector["expect"]
    _product(given["product"])
    rate_hs = chain.hashrate_hs(given["chips"], given["mhz"])
    fullscan_s = chain.fullscan_s(rate_hs)
    interval_s = chain.task_interval_s(rate_hs, given["wait_factor"])
    difficulty = chain.ticket_difficulty(rate_hs)
    expect_near(expected["hashrate_hs"], rate_hs, "hash rate")
    fullscan_us = fullscan_s * 1e6
    expect_whole_us(expected["fullscan_us"], fullscan_us, "full scan in us", us=0.0)
    scans = interval_s / fullscan_s
    interval_us = interval_s * 1e6
    expect_whole_us(expected["max_task_wait_us"], interval_us, "task interval in us", us=scans)
    expect(expected["ticket_difficulty"], difficulty, "ticket difficulty")
    expect(expected["ticket_mask"], f"{difficulty - 1:02x}", "ticket mask")
    # The original judges each chip by itself; for the stick the interval is that much shorter.
    times = difficulty * given["chips"]
    nonce_ms, per_ms = fullscan_us * times / 1e3, 1e-3
    what = "nonce interval of a chip in ms"
    expect_whole_us(expected["nonce_expect_ms"], nonce_ms, what, us=times, scale=per_ms)
    limit = facts.NONCE_LIMIT_FACTOR
    what = "longest silence of a chip in ms"
    longest_ms = nonce_ms * limit
    expect_whole_us(expected["nonce_limit_ms"], longest_ms, what, us=times * limit, scale=per_ms)


CHECKS: Mapping[str, Check] = {
    "busy_task": check_busy_task,
    "chip_address": check_chip_address,
    "command": check_command,
    "frequency": check_frequency,
    "frequency_bfgminer": check_frequency_bfgminer,
    "frequency_reply": check_frequency_reply,
    "init_trace": check_init_trace,
    "limit": check_limit,
    "next_job_id": check_next_job_id,
    "nonce": check_nonce,
    "nonce_sequence": check_nonce_sequence,
    "open_core_task": check_open_core_task,
    "rates": check_rates,
    "stream": check_stream,
    "task": check_task,
}
"""Kind of vector -> what raises `Mismatch` for one that `applicable` lets through."""
