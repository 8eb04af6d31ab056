"""Golden vectors of how sticks with BM1387 and later are brought up and kept running."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from luxminer.errors import FrameError
from luxminer.transport.usbbridge.cp210x import CP2105
from luxminer.transport.usbbridge.ftdi import FT_X
from luxminer_drivers.bm13xx import chain, telemetry
from luxminer_drivers.bm13xx import facts as shared
from luxminer_drivers.bm13xx.commands import (
    ChainInactive,
    Command,
    ReadRegister,
    SetAddress,
    WriteRegister,
    decode_command,
)
from luxminer_drivers.bm13xx.facts import Family, Model
from luxminer_drivers.bm13xx.pll import Pll, choose_pll, limited_mhz, round_up_mhz
from luxminer_drivers.bm13xx.replies import RegisterReply
from luxminer_drivers.bm13xx.steps import Action, Settings, Step, expand
from luxminer_drivers.bm13xx.tasks import decode_task
from luxminer_drivers.bm13xx.ticket import choose_ticket, decode_ticket, encode_ticket
from luxminer_drivers.bm1362 import facts as bm1362
from luxminer_drivers.bm1362 import steps as bm1362_steps
from luxminer_drivers.bm1370 import facts as bm1370
from luxminer_drivers.bm1370 import steps as bm1370_steps
from luxminer_drivers.bm1387 import facts as bm1387
from luxminer_drivers.bm1387 import steps as bm1387_steps
from luxminer_drivers.bm1397 import facts as bm1397
from luxminer_drivers.bm1397 import steps as bm1397_steps
from luxminer_hil.vectors.bridges import check_telemetry_line
from luxminer_hil.vectors.chips_bm13xx import FAMILIES, asked_mhz, family_of
from luxminer_hil.vectors.chips_replies import decoded
from luxminer_hil.vectors.chips_shared import Check, Vector, expect_near, expect_whole_us
from luxminer_hil.vectors.mismatch import Mismatch, expect

__all__ = ["CHECKS", "MODELS"]

MODELS: Mapping[str, Model] = {
    model.product.name: model
    for model in (*bm1387.MODELS, *bm1397.MODELS, *bm1362.MODELS, *bm1370.MODELS)
}


NO_TIME_MS = 1e-6
"""What a pause may be shorter by because seconds are no exact numbers."""


class Order(NamedTuple):
    """The steps of a family, and which of its writes are ours alone.

    ``own`` are registers that the original writes elsewhere, with another value, or not at all.
    """

    before_count: Sequence[Step]
    bring_up: Sequence[Step]
    own: frozenset[int]
    each_chip: frozenset[int]
    """Registers that the original means for each chip, and sends to chip 0 again and again."""


ORDERS: Mapping[str, Order] = {
    "BM1387": Order(
        bm1387_steps.BEFORE_COUNT,
        bm1387_steps.BRING_UP,
        frozenset({bm1387.Register.PLL, bm1387.Register.TICKET}),
        frozenset(),
    ),
    "BM1397": Order(bm1397_steps.BEFORE_COUNT, bm1397_steps.BRING_UP, frozenset(), frozenset()),
    "BM1362": Order(
        bm1362_steps.BEFORE_COUNT,
        bm1362_steps.BRING_UP,
        frozenset({bm1362.Register.HASH_COUNT}),
        frozenset(),
    ),
    "BM1370": Order(
        bm1370_steps.BEFORE_COUNT,
        bm1370_steps.BRING_UP,
        frozenset({bm1370.Register.HASH_COUNT}),
        frozenset({bm1370.Register.UART_RELAY}),
    ),
}
"""An A2 with BM1368 is brought up like one with BM1370."""


def _model(name: str) -> Model:
    if name.lower() not in MODELS:
        raise Mismatch(name, sorted(MODELS), "product")
    return MODELS[name.lower()]


# --- Bring-up ------------------------------------------------------------------------------------


class Written(NamedTuple):
    """A command, and the pause after it in ms."""

    command: Command
    pause_ms: float


def _command(family: Family, raw: bytes) -> Command:
    """Decode a command; the malformed one of BM1370 stands for the write that it means."""
    try:
        return decode_command(family, raw)
    except FrameError:
        frame = raw.removeprefix(family.request_preamble)
        meant = WriteRegister(register=frame[3], value=int.from_bytes(frame[4:8], "big"))
        start = ChainInactive().encode(family).removeprefix(family.request_preamble)
        if len(frame) != shared.WRITE_LENGTH or frame[:3] != start[:3]:
            raise
        return meant


def _theirs(family: Family, order: Order, steps: Sequence[Any], chips: int) -> list[Written]:
    written: list[Written] = []
    for step in steps:
        if step[0] == "write":
            command = _command(family, bytes.fromhex(step[1]))
            written.append(Written(command, 0.0))
        elif step[0] == "sleep_ms" and written and not written[-1].pause_ms:
            written[-1] = Written(written[-1].command, step[1])
    addresses = chain.addresses(chips)
    seen: dict[Command, int] = {}
    for index, (command, pause_ms) in enumerate(written):
        if not isinstance(command, ReadRegister | WriteRegister) or command.address != 0:
            continue
        if command.register in order.each_chip:
            number = seen[command] = seen.get(command, -1) + 1
            moved = _moved(command, addresses[number])
            written[index] = Written(moved, pause_ms)
    return [each for each in written if not _is_own(order, each.command)]


def _moved(command: ReadRegister | WriteRegister, address: int) -> Command:
    if isinstance(command, ReadRegister):
        return ReadRegister(register=command.register, address=address)
    return WriteRegister(register=command.register, value=command.value, address=address)


def _is_own(order: Order, command: Command) -> bool:
    return isinstance(command, WriteRegister) and command.register in order.own


def _ours(family: Family, order: Order, actions: Sequence[Action]) -> list[Written]:
    written = []
    for action in actions:
        if action.data and _is_command(family, action.data):
            command = decode_command(family, action.data)
            written.append(Written(command, action.pause_s * 1e3))
    return [each for each in written if not _is_own(order, each.command)]


def _is_command(family: Family, data: bytes) -> bool:
    return data[len(family.request_preamble)] != shared.TASK_OPCODE


def _check_order(theirs: list[Written], ours: list[Written]) -> None:
    """Compare commands and their order; no pause may be shorter than theirs."""
    expect([each.command for each in theirs], [each.command for each in ours], "commands")
    for their, our in zip(theirs, ours, strict=True):
        if our.pause_ms < their.pause_ms - NO_TIME_MS:
            raise Mismatch(their.pause_ms, our.pause_ms, f"pause after {our.command}")


def check_init_trace(vector: Vector) -> None:
    """Find our commands in our order, but for what the original is known to get wrong."""
    given, expected = vector["input"], vector["expect"]
    model, chips = _model(given["product"]), given["chips"]
    family = _answered(family_of(vector), given["chip_replies"])
    order = ORDERS[LIKE.get(family.name, family.name)]
    _check_count(family, chips, given["chip_replies"])

    final = expected["final"]
    ticket = choose_ticket(family, chips)
    mhz = model.start_mhz
    expect(final["frequency_mhz"], mhz, "start clock")
    settings = Settings(
        chips=chips,
        pll=choose_pll(family.pll, mhz),
        ticket_difficulty=ticket,
        hash_count=chain.hash_count(family, chips, mhz) if family.core_groups else 0,
    )
    count = Action(
        data=ReadRegister(register=family.registers.chip_id).encode(family), pause_s=1.0, what=""
    )
    actions = [
        *expand(family, order.before_count, settings),
        count,
        *expand(family, order.bring_up, settings),
    ]
    ours = _ours(family, order, actions)
    _check_order(_theirs(family, order, expected["steps"], chips), ours)
    _check_link(expected["steps"], actions)
    _check_open_cores(family, expected["steps"], actions)
    _check_telemetry(model, given, expected["steps"])
    expect(final["cores"], family.cores, "cores")
    expect(final["difficulty"], ticket, "ticket difficulty")
    expect(final["ticket_mask"], encode_ticket(ticket) & 0xFF, "ticket mask")


LIKE = {bm1370.BM1368.name: bm1370.BM1370.name}


def _answered(family: Family, raw: str) -> Family:
    """Return the family that chips say they are: an A2 has one of two."""
    replies = [
        each for each in decoded(family, bytes.fromhex(raw)) if isinstance(each, RegisterReply)
    ]
    kin = [each for each in FAMILIES.values() if each.registers == family.registers]
    return next((each for each in kin if replies and replies[0].is_chip_id(each)), family)


def _check_count(family: Family, chips: int, raw: str) -> None:
    replies = decoded(family, bytes.fromhex(raw))
    found = sum(isinstance(each, RegisterReply) and each.is_chip_id(family) for each in replies)
    expect((chips, chips), (found, len(replies)), "chips counted, replies")


def _check_link(steps: Sequence[Any], actions: Sequence[Action]) -> None:
    divisors = [int(step[3], 16) for step in steps if step[:3] == ["control", "40", "03"]]
    rates = [action.baudrate for action in actions if action.baudrate]
    expect([shared.FTDI_RUN_BAUDRATE] * len(divisors), rates, "link rates")
    asked = [FT_X.rate(FT_X.lines[0], rate).value for rate in rates]
    expect(divisors, asked, "divisors of the bridge")


def _check_open_cores(family: Family, steps: Sequence[Any], actions: Sequence[Action]) -> None:
    ours = [action for action in actions if action.data and not _is_command(family, action.data)]
    theirs = [step[1] for step in steps if step[0] == "open_core_tasks"]
    expect([len(ours)] if ours else [], [each["count"] for each in theirs], "open-core frames")
    for each in theirs:
        for place, index in (("first", 0), ("second", 1), ("last", -1)):
            expect(each[place], ours[index].data.hex(), f"{place} open-core frame")
            decode_task(family, ours[index].data)
        expect(each["gap_ms"], ours[0].pause_s * 1e3, "pause between open-core frames")


def _check_telemetry(model: Model, given: Mapping[str, Any], steps: Sequence[Any]) -> None:
    """Look for the order in which the controller is asked, gets its voltage, and is switched on."""
    written = [step[1] for step in steps if step[0] == "write_telemetry"]
    if not written:
        return
    setup = [step for step in steps if step[:2] == ["control", "41"] and step[4] == "0001"]
    check_telemetry_line(CP2105, setup)
    wanted = [telemetry.ask_version()]
    version = bytes.fromhex(given.get("telemetry_replies", ""))[:1]
    if version and _is_known(version[0]):
        wanted += [
            telemetry.set_core(model.core_mv),
            telemetry.set_regulator(is_on=True),
            telemetry.set_led(telemetry.Led.WORK),
        ]
        if telemetry.known_mask(version[0]) is None:
            wanted.append(telemetry.ask_mask())
    expect(written[: len(wanted)], [each.hex() for each in wanted], "to the controller")


def _is_known(version: int) -> bool:
    try:
        telemetry.version_row(version)
    except FrameError:
        return False
    return True


def check_init_trace_espminer(vector: Vector) -> None:
    """Another host's order: every frame decodes, and sets what it was asked to set."""
    family, given = family_of(vector), vector["input"]
    _check_count(family, given["chips"], given["chip_replies"])
    frames = [bytes.fromhex(step[1]) for step in vector["expect"]["steps"] if step[0] == "write"]
    commands = [decode_command(family, frame) for frame in frames]
    expect([frame.hex() for frame in frames], [each.encode(family).hex() for each in commands])
    addresses = tuple(each.address for each in commands if isinstance(each, SetAddress))
    expect(chain.addresses(given["chips"]), addresses, "addresses")
    expect(1, commands.count(ReadRegister(register=family.registers.chip_id)), "counts")
    expect(1, commands.count(ChainInactive()), "chain inactive")

    last = {
        each.register: each.value
        for each in commands
        if isinstance(each, WriteRegister) and each.address is None
    }
    difficulty = 1 << (int(given["difficulty"]).bit_length() - 1)
    expect(difficulty, decode_ticket(last[family.registers.ticket]), "ticket difficulty")
    pll = Pll.decode(family.pll, last[family.registers.pll])
    if pll is None:
        raise Mismatch("dividers", f"{last[family.registers.pll]:08x}")
    expect_near(given["frequency_mhz"], pll.mhz, "MHz", 0.01)
    if family.core_groups:
        expect(given["core_count"], family.core_groups, "core groups")
        count = chain.hash_count(family, given["chips"], given["frequency_mhz"])
        expect(last[family.registers.hash_count], count, "hash counting number")


# --- Rates and limits ----------------------------------------------------------------------------


def check_limit(vector: Vector) -> None:
    given, expected = vector["input"], vector["expect"]
    _model(given["product"])
    form = family_of(vector).pll
    is_stop = asked_mhz(form, given["mhz"], may_stop=given.get("zero_allowed", False)) == 0
    limited = 0.0 if is_stop else limited_mhz(form, given["mhz"])
    expect_near(expected["limited_mhz"], limited, "limited to")
    expect(float(expected["rounded_up_mhz"]), round_up_mhz(form, limited), "rounded up")


def check_rates(vector: Vector) -> None:
    given, expected, family = vector["input"], vector["expect"], family_of(vector)
    chips, mhz = given["chips"], given["mhz"]
    # No stick of ours has some of the chips.
    scale = _model(given["product"]).rate_scale if "product" in given else 1.0
    rated = chain.hashrate_hs(family, chips, mhz, scale)
    expect_near(expected["hashrate_hs"], rated, "hash rate")

    rate_hs = chain.hashrate_hs(family, chips, mhz)
    fullscan_us = chain.fullscan_s(rate_hs) * 1e6
    expect_whole_us(expected["fullscan_us"], fullscan_us, "full scan in us", us=0.0)
    midstates = max(family.midstate_counts, default=1) if given["version_rolling"] else 1
    wait_us = 1e6 * chain.task_interval_s(
        family, rate_hs, midstates=midstates, wait_factor=given["wait_factor"]
    )
    scans = wait_us / fullscan_us
    expect_whole_us(expected["max_task_wait_us"], wait_us, "task interval in us", us=scans)
    if "wait_factor" in expected and scans < chain.longest_scans(family):
        expect_near(expected["wait_factor"], scans, "full scans to a task")

    ticket = choose_ticket(family, chips)
    expect(expected["ticket_difficulty"], ticket, "ticket difficulty")
    expect(expected["ticket_mask"], f"{encode_ticket(ticket) & 0xFF:02x}", "ticket mask")
    # The original takes a chip for the whole stick, but on the BM1397.
    times = ticket * (chips if expected_per_chip(family) else 1)
    nonce_ms = fullscan_us * times / 1e3
    limit = shared.NONCE_LIMIT_FACTOR
    per_ms = 1e-3
    expect_whole_us(
        expected["nonce_expect_ms"], nonce_ms, "nonce interval in ms", us=times, scale=per_ms
    )
    expect_whole_us(
        expected["nonce_limit_ms"],
        nonce_ms * limit,
        "longest silence in ms",
        us=times * limit,
        scale=per_ms,
    )


def expected_per_chip(family: Family) -> bool:
    """Whether the original multiplies the expected interval by the number of chips."""
    return family is not bm1397.BM1397


CHECKS: Mapping[str, Check] = {
    "init_trace": check_init_trace,
    "init_trace_espminer": check_init_trace_espminer,
    "limit": check_limit,
    "rates": check_rates,
}
"""Kind of vector -> what raises `Mismatch`."""
