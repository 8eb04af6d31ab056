"""Vectors of BM1384, BM1380 and Icarus through the simulator's chips."""

from collections.abc import Callable, Mapping
from fractions import Fraction

from luxminer.hashing import midstate
from luxminer_drivers.bm1384 import facts
from luxminer_hil.chipsim.chip import Chip, Found, Slice
from luxminer_hil.chipsim.families import bm1380, icarus
from luxminer_hil.chipsim.families import bm1384_wire as wire
from luxminer_hil.chipsim.families.bm1384 import ChipModel
from luxminer_hil.chipsim.families.bm1384_wire import (
    BadFrame,
    Command,
    FrameKind,
    StreamParser,
    Task,
)
from luxminer_hil.vectors.chips_sim_search import Vector, expect_hash, expect_header, find
from luxminer_hil.vectors.mismatch import Mismatch, expect

__all__ = ["BM1380_CHECKS", "CHECKS", "ICARUS_CHECKS"]

RELATIVE_ERROR = 1e-5
"""Of rates that the original computed in single precision."""


def _frames(*chunks: bytes) -> list[wire.Frame]:
    """Return what a chip makes of writes with a pause after each."""
    parser = StreamParser()
    return [frame for chunk in chunks for frame in parser.feed(chunk) + parser.idle()]


def _one(chunk: bytes) -> Command | Task:
    frames = _frames(chunk)
    if len(frames) != 1 or isinstance(frames[0], BadFrame):
        raise Mismatch("one good frame", frames, chunk.hex())
    return frames[0]


def _task(chunk: bytes) -> Task:
    frame = _one(chunk)
    if not isinstance(frame, Task):
        raise Mismatch("a task", frame, chunk.hex())
    return frame


COMMANDS = {
    "set_address": FrameKind.SET_ADDRESS,
    "count_chips": FrameKind.READ_CHIP_ID,
    "chain_inactive": FrameKind.CHAIN_INACTIVE,
    "read_pll": FrameKind.READ_PLL,
}


def check_command(vector: Vector) -> None:
    given = vector["input"]
    frame = _one(bytes.fromhex(vector["expect"]["frame"]))
    expect(COMMANDS[given["op"]], frame.kind, "meaning")
    address = 256 // given["chips"] * given["index"] if "index" in given else None
    expect(address, frame.address if isinstance(frame, Command) else frame, "address")


def _check_clock(mhz: float, frame: wire.Frame, what: str) -> None:
    if not isinstance(frame, Command) or frame.kind is not FrameKind.WRITE_PLL:
        raise Mismatch("a PLL write", frame, what)
    chip = ChipModel(0, Fraction(1), 0.0)
    chip.write_pll(frame.pll, 0.0)
    expect(mhz, chip.mhz, f"{what}: MHz")


def _asked_mhz(mhz: float) -> float:
    steps = -(-max(mhz, facts.MIN_MHZ) // facts.STEP_MHZ)
    return min(steps * facts.STEP_MHZ, facts.MAX_MHZ)


def check_frequency(vector: Vector) -> None:
    write, read = _frames(*(bytes.fromhex(frame) for frame in vector["expect"]["frames"]))
    expect(Command(kind=FrameKind.READ_PLL, address=None), read, "second frame")
    asked_mhz = _asked_mhz(vector["input"]["mhz"])
    if asked_mhz >= facts.COARSE_FROM_MHZ and asked_mhz % facts.COARSE_STEP_MHZ:
        # The original's arithmetic spills into another divider here; the register is still right.
        register = int(vector["expect"]["pll_reg"], 16)
        expect(Command(kind=FrameKind.WRITE_PLL, address=None, pll=register), write, "first frame")
    else:
        _check_clock(asked_mhz, write, "first frame")


def check_frequency_bfgminer(vector: Vector) -> None:
    frame = bytes.fromhex(vector["expect"]["frame"])
    _check_clock(float(vector["input"]["mhz"]), _one(frame), frame.hex())


def check_frequency_reply(vector: Vector) -> None:
    rx, mhz = vector["input"]["rx"], vector["expect"]["mhz"]
    m, n, od = bytes.fromhex(rx)[1:4]
    register = m << facts.PLL_M.shift | n << facts.PLL_N.shift | od << facts.PLL_OD.shift
    chip = ChipModel(0, Fraction(1), 0.0)
    chip.write_pll(register, 0.0)
    expect(float(mhz), chip.mhz, "MHz")
    expect(rx, wire.pll_reply(chip.pll, locked=chip.is_locked).hex(), "reply")


def check_task(vector: Vector) -> None:
    given = vector["input"]
    task = _task(bytes.fromhex(vector["expect"]["frame"]))
    expect_header(bytes.fromhex(given["header"]), task.midstate, task.tail)
    if "chips" in given:
        expect(given["ticket_mask"], task.ticket_difficulty - 1, "ticket mask")
        expect(facts.NONCE_SPACE // given["chips"], task.nonce_range, "nonce range")
    expect(given.get("job_id", 0), task.job_id, "job id")


def check_busy_task(vector: Vector) -> None:
    task = _task(bytes.fromhex(vector["expect"]["frame_without_preamble"]))
    expect(FrameKind.BUSY, task.kind, "meaning")
    expect(vector["input"]["job_id"], task.job_id, "job id")


def check_open_core_task(vector: Vector) -> None:
    task = _task(bytes.fromhex(vector["expect"]["frame"]))
    expect(FrameKind.OPEN_CORE, task.kind, "meaning")
    expect(vector["input"]["job_id"], task.job_id, "job id")


def check_nonce(vector: Vector) -> None:
    """Search the same job around the nonce, and report what is found."""
    given, expected = vector["input"], vector["expect"]
    header = bytes.fromhex(given["job_header"])
    nonce = int(expected["nonce_in_header"], 16)
    found = find(midstate(header[:64]), header[64:76], nonce)
    reply = wire.nonce_reply(found, given.get("job_id", 0)).hex()
    expect(given["rx"], reply[: len(given["rx"])], "reply")  # an Icarus sends no last byte
    complete = header[:76] + found.to_bytes(4, "big")
    expect_hash(expected, complete)
    if "chip" in expected and 256 % given["chips"] == 0:  # else hosts differ from addresses
        _check_finder(nonce, given["chips"], expected["chip"])


def _check_finder(nonce: int, chips: int, index: int) -> None:
    """Expect that chip number ``index`` of a chain begins at or before a nonce, the next behind."""
    firsts = []
    for address in (256 // chips * index, 256 // chips * (index + 1)):
        chip = ChipModel(index, Fraction(1), 0.0)
        chip.set_address(address % 256)
        task = Task(
            kind=FrameKind.WORK,
            midstate=bytes(32),
            tail=bytes(12),
            ticket_difficulty=1,
            nonce_range=0,
            job_id=0,
        )
        chip.take(task, 0.0)
        chip.settle(1.0)
        piece = chip.next_slice(1)
        assert piece is not None
        firsts.append(piece.first)
    is_last = index == chips - 1
    expect(True, firsts[0] <= nonce and (is_last or nonce < firsts[1]), "nonce of the chip")


def check_nonce_sequence(vector: Vector) -> None:
    """Make the replies that the original accepted."""
    given = vector["input"]
    header = bytes.fromhex(given["job_header"])
    for rx, result in zip(given["rx"], vector["expect"]["results"], strict=True):
        nonce = int(rx[:8], 16)
        if result["hw_errors"] == 0:
            find(midstate(header[:64]), header[64:76], nonce)
        expect(rx, wire.nonce_reply(nonce, given["job_id"]).hex(), "reply")


def check_stream(vector: Vector) -> None:
    """Make the stream, which is a row of replies that the original accepted in full."""
    given, expected = vector["input"], vector["expect"]
    header = bytes.fromhex(given["job_header"])
    data = bytes.fromhex(given["bytes"])
    frames = [data[at : at + facts.REPLY_LENGTH] for at in range(0, len(data), facts.REPLY_LENGTH)]
    expect(expected["accepted"] + expected["duplicates"], len(frames), "replies")
    for frame in frames:
        nonce = find(midstate(header[:64]), header[64:76], int.from_bytes(frame[:4], "big"))
        expect(frame.hex(), wire.nonce_reply(nonce, given["job_id"]).hex(), "reply")


def check_captured_share(vector: Vector) -> None:
    """Jobs of the Icarus family are tasks without range and id; the answers lack the last byte."""
    given, expected = vector["input"], vector["expect"]
    task = _task(bytes.fromhex(given["job"]))
    expect((0, 0, 1), (task.job_id, task.nonce_range, task.ticket_difficulty), "empty fields")
    nonce = find(task.midstate, task.tail, int(expected["nonce_in_header"], 16))
    expect(given["reply"], wire.nonce_reply(nonce, task.job_id)[:4].hex(), "reply")


def check_rates(vector: Vector) -> None:
    _check_rate(ChipModel(0, Fraction(1), 0.0), vector)


def _check_rate(chip: Chip, vector: Vector) -> None:
    given, expected = vector["input"], vector["expect"]
    rate_hs = chip.rate_hs / chip.mhz * given["mhz"] * given["chips"]
    if abs(rate_hs - expected["hashrate_hs"]) > RELATIVE_ERROR * rate_hs:
        raise Mismatch(expected["hashrate_hs"], rate_hs, "hash rate")


def check_init_trace(vector: Vector) -> None:
    """Every byte of a bring-up is obeyed, and answered as the original saw it."""
    given, expected = vector["input"], vector["expect"]
    replies = b""
    for step in expected["steps"]:
        if step[0] == "write":
            frame = _one(bytes.fromhex(step[1]))
            if frame.kind is FrameKind.READ_CHIP_ID:
                assert isinstance(frame, Command)
                chip = ChipModel(0, Fraction(1), 0.0)
                replies += (chip.obey(frame, 0.0) or b"") * given["chips"]
        elif step[0] == "open_core_tasks":
            for name in ("first", "second", "last"):
                expect(FrameKind.OPEN_CORE, _task(bytes.fromhex(step[1][name])).kind, name)
    expect(given["chip_replies"], replies.hex(), "replies to the count")


CHECKS: Mapping[str, Callable[[Vector], None]] = {
    "busy_task": check_busy_task,
    "captured_share": check_captured_share,
    "command": check_command,
    "frequency": check_frequency,
    "frequency_bfgminer": check_frequency_bfgminer,
    "frequency_reply": check_frequency_reply,
    "init_trace": check_init_trace,
    "nonce": check_nonce,
    "nonce_sequence": check_nonce_sequence,
    "open_core_task": check_open_core_task,
    "rates": check_rates,
    "stream": check_stream,
    "task": check_task,
}


def check_bm1380_frequency(vector: Vector) -> None:
    """Obey what the original sends twice."""
    for raw in vector["expect"]["frames"]:
        frame = bytes.fromhex(raw)
        command = bm1380.read_command(frame)
        if not isinstance(command, Command) or command.kind is not FrameKind.WRITE_PLL:
            raise Mismatch("a PLL write", command, raw)
        expect(int(vector["expect"]["pll_reg"], 16), command.pll, "register")
        chip = bm1380.Bm1380(0, Fraction(1), 0.0)
        chip.write_pll(command.pll, 0.0)
        expect((float(vector["input"]["mhz"]), True), (chip.mhz, chip.is_locked), "MHz, lock")


def check_bm1380_task(vector: Vector) -> None:
    task = bm1380.read_task(bytes.fromhex(vector["expect"]["frame"]))
    if not isinstance(task, Task):
        raise Mismatch("a task", task)
    expect_header(bytes.fromhex(vector["input"]["header"]), task.midstate, task.tail)
    expect(vector["input"]["job_id"], task.job_id, "job id")


def check_bm1380_rates(vector: Vector) -> None:
    chip = bm1380.Bm1380(0, Fraction(1), 0.0)
    chip.write_pll(int(vector["input"]["pll_reg"], 16), 0.0)
    _check_rate(chip, vector)


BM1380_CHECKS: Mapping[str, Callable[[Vector], None]] = {
    "frequency": check_bm1380_frequency,
    "nonce": check_nonce,
    "rates": check_bm1380_rates,
    "task": check_bm1380_task,
}
"""Where a BM1380 differs from a BM1384."""


def _icarus_task(raw: str) -> Task:
    parser = icarus.IcarusParser()
    frames = [*parser.feed(bytes.fromhex(raw)), *parser.idle()]
    if len(frames) != 1 or not isinstance(frames[0], Task):
        raise Mismatch("one task", frames, raw)
    return frames[0]


def _erupter_says(nonce: int) -> str:
    """Return what a Block Erupter sends when it finds a nonce."""
    erupter = icarus.KIND.chip(0, 1, Fraction(1), 0.0)
    piece = Slice(midstate=bytes(32), tail=b"", first=nonce, count=1, target_le=b"", job_id=0)
    reply = erupter.reply(Found(piece, nonce, nonce))
    return reply.hex() if reply else ""


def check_icarus_task(vector: Vector) -> None:
    task = _icarus_task(vector["expect"]["frame"])
    expect_header(bytes.fromhex(vector["input"]["header"]), task.midstate, task.tail)


def check_icarus_rates(vector: Vector) -> None:
    """Expect a rate that no clock changes."""
    _check_rate(icarus.KIND.chip(0, 1, Fraction(1), 0.0), vector)


def check_icarus_nonce(vector: Vector) -> None:
    header = bytes.fromhex(vector["input"]["job_header"])
    nonce = int(vector["expect"]["nonce_in_header"], 16)
    find(midstate(header[:64]), header[64:76], nonce)
    expect(vector["input"]["rx"], _erupter_says(nonce), "reply")


def check_icarus_share(vector: Vector) -> None:
    given, expected = vector["input"], vector["expect"]
    task = _icarus_task(given["job"])
    nonce = find(task.midstate, task.tail, int(expected["nonce_in_header"], 16))
    expect(given["reply"], _erupter_says(nonce), "reply")


ICARUS_CHECKS: Mapping[str, Callable[[Vector], None]] = {
    "captured_share": check_icarus_share,
    "nonce": check_icarus_nonce,
    "rates": check_icarus_rates,
    "task": check_icarus_task,
}
"""A Block Erupter has tasks and nonces, and nothing else."""
