"""Bring-up rows: what they become for a chain, and what every one of them must have."""

from collections.abc import Sequence

import pytest

from luxminer_drivers.bm13xx import chain
from luxminer_drivers.bm13xx.commands import (
    ReadRegister,
    SetAddress,
    WriteRegister,
    decode_command,
)
from luxminer_drivers.bm13xx.facts import TASK_OPCODE, Family
from luxminer_drivers.bm13xx.pll import choose_pll
from luxminer_drivers.bm13xx.steps import (
    Action,
    Addresses,
    EachChip,
    Settings,
    Step,
    Write,
    expand,
)
from luxminer_drivers.bm13xx.tasks import decode_task
from luxminer_drivers.bm13xx.ticket import encode_ticket
from luxminer_drivers.bm1362 import steps as bm1362
from luxminer_drivers.bm1362.facts import BM1362
from luxminer_drivers.bm1370 import steps as bm1370
from luxminer_drivers.bm1370.facts import BM1368, BM1370
from luxminer_drivers.bm1387 import steps as bm1387
from luxminer_drivers.bm1387.facts import BM1387
from luxminer_drivers.bm1397 import steps as bm1397
from luxminer_drivers.bm1397.facts import BM1397

CHAINS: list[tuple[Family, Sequence[Step], Sequence[Step]]] = [
    (BM1387, bm1387.BEFORE_COUNT, bm1387.BRING_UP),
    (BM1397, bm1397.BEFORE_COUNT, bm1397.BRING_UP),
    (BM1362, bm1362.BEFORE_COUNT, bm1362.BRING_UP),
    (BM1370, bm1370.BEFORE_COUNT, bm1370.BRING_UP),
    (BM1368, bm1370.BEFORE_COUNT, bm1370.BRING_UP),
]
EACH = pytest.mark.parametrize(
    ("family", "before", "steps"), CHAINS, ids=lambda v: getattr(v, "name", "")
)


def settings(family: Family, chips: int, mhz: float = 300.0) -> Settings:
    return Settings(
        chips=chips,
        pll=choose_pll(family.pll, mhz),
        ticket_difficulty=16,
        hash_count=chain.hash_count(family, chips, mhz) if family.core_groups else 0,
    )


def is_task(family: Family, action: Action) -> bool:
    return action.data[len(family.request_preamble)] == TASK_OPCODE


@EACH
@pytest.mark.parametrize("chips", [1, 2, 12, 256])
def test_every_byte_is_a_frame(
    family: Family, before: Sequence[Step], steps: Sequence[Step], chips: int
) -> None:
    actions = expand(family, [*before, *steps], settings(family, chips))
    assert actions
    for action in actions:
        assert action.what
        assert 0 < action.pause_s <= 0.2
        if not action.data:
            assert action.baudrate
        elif is_task(family, action):
            decode_task(family, action.data)
        else:
            decode_command(family, action.data)


@EACH
def test_the_clock_is_written_before_there_is_work(
    family: Family, before: Sequence[Step], steps: Sequence[Step]
) -> None:
    wanted = settings(family, 3)
    commands = [
        decode_command(family, action.data)
        for action in expand(family, [*before, *steps], wanted)
        if action.data and not is_task(family, action)
    ]
    writes = [each for each in commands if isinstance(each, WriteRegister)]
    plls = {each.value for each in writes if each.register == family.registers.pll}
    assert plls == {wanted.pll.encode(family.pll)}
    addresses = [each.address for each in commands if isinstance(each, SetAddress)]
    assert tuple(addresses) == chain.addresses(3)
    tickets = {each.value for each in writes if each.register == family.registers.ticket}
    if family is not BM1387:  # which is left at 1
        assert tickets == {encode_ticket(16)}
    if family.core_groups:
        counts = [each.value for each in writes if each.register == family.registers.hash_count]
        assert set(counts) == {wanted.hash_count}


def test_per_chip_blocks_name_each_chip() -> None:
    actions = expand(BM1370, bm1370.BRING_UP, settings(BM1370, 3))
    commands = [decode_command(BM1370, action.data) for action in actions]
    strengths = [
        each.address
        for each in commands
        if isinstance(each, WriteRegister) and each.register == 0x58 and each.address is not None
    ]
    assert strengths == list(chain.addresses(3))[::-1]
    relays = [
        each.address
        for each in commands
        if isinstance(each, WriteRegister | ReadRegister) and each.register == 0x2C
    ]
    assert relays == [address for address in chain.addresses(3) for _ in range(2)]


def test_the_link_changes_after_the_chips_were_told() -> None:
    for family, steps in ((BM1387, bm1387.BRING_UP), (BM1397, bm1397.BRING_UP)):
        actions = expand(family, steps, settings(family, 2))
        place = next(index for index, action in enumerate(actions) if action.baudrate)
        told = decode_command(family, actions[place - 1].data)
        assert isinstance(told, WriteRegister)
        assert told.value >> 8 & 0x1F == 1
        assert actions[place - 1].pause_s >= 0.010
        assert actions[place].baudrate == 1_500_000


def test_pauses_after_the_last_chip() -> None:
    steps = (
        Addresses(pause_s=0.006, after_s=0.011, why="addresses"),
        EachChip(steps=(Write(register=1, value=2, pause_s=0.005, why="write"),), after_s=0.020),
    )
    pauses = [action.pause_s for action in expand(BM1387, steps, settings(BM1387, 2))]
    assert pauses == [0.006, 0.011, 0.005, 0.020]


def test_shutdown_stops_the_clock() -> None:
    for family, steps in ((BM1397, bm1397.SHUTDOWN), (BM1362, bm1362.SHUTDOWN)):
        assert family.pll.can_stop
        assert steps
    assert not bm1387.SHUTDOWN
