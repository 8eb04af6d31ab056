"""No header is hashed twice and no chip runs dry, whatever a pool grants: told by the simulator.

The simulator's chips say how many nonces a task gives them; how long it is left to them is the
driver's.
"""

from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from luxminer.device.contract import DeviceOptions
from luxminer_drivers.bm13xx.chain import addresses
from luxminer_drivers.bm13xx.device import Bm13xx
from luxminer_drivers.bm13xx.facts import START_BAUDRATE
from luxminer_drivers.bm13xx.plan import Plan
from luxminer_drivers.bm13xx.pll import choose_pll
from luxminer_drivers.bm13xx.steps import Settings, expand
from luxminer_drivers.bm13xx.versions import version_register
from luxminer_drivers.bm1362.device import PLAN as BM1362
from luxminer_drivers.bm1370.device import PLAN as BM1370
from luxminer_drivers.bm1384 import chain as bm1384_chain
from luxminer_drivers.bm1384.device import FED_FACTOR
from luxminer_drivers.bm1387.device import PLAN as BM1387
from luxminer_drivers.bm1397.device import PLAN as BM1397
from luxminer_drivers.common.link import Link
from luxminer_hil.chipsim.families.bm1362 import RollingChip
from luxminer_hil.chipsim.families.bm1387 import MidstateChip
from luxminer_hil.chipsim.families.framed import Command, HeaderTask
from luxminer_hil.chipsim.families.registers import RegisterChip
from luxminer_hil.chipsim.port import MemoryPort
from luxminer_hil.chipsim.products import BOARDS
from luxminer_hil.chipsim.wire import FrameKind
from luxminer_hil.memory_transport import MemoryTransport
from tests.unit.drivers.virtual_rig import SPECS

PLANS: dict[str, tuple[Plan, Any]] = {
    row.product.name: (plan, row)
    for plan in (BM1387, BM1397, BM1362, BM1370)
    for row in plan.models
}
MIDSTATES = (1, 2, 4)
LATE_PART = 0.1
"""A task may be so much of its time late: the host has other things to do, too."""


def _driver(name: str, chips: int, mhz: float, mask: int, midstates: int) -> Bm13xx:
    plan, row = PLANS[name]
    model = SPECS[name][1]
    port = MemoryPort()
    port.plug(lambda _: None)
    link = Link(MemoryTransport(port, START_BAUDRATE))
    family = Bm13xx(link, DeviceOptions(model=model, frequency_mhz=mhz), plan, row)
    family.chips = chips
    family._set_pll(choose_pll(plan.kind.pll, mhz))
    family._mask, family._midstates = mask, midstates
    family._baudrate = 1_500_000 if plan.slow_link else START_BAUDRATE
    return family


def _chips(name: str, family: Bm13xx, mask: int) -> list[RegisterChip]:
    """Return the simulator's chips with what the driver writes for the clock and the versions."""
    plan, _ = PLANS[name]
    made = []
    for index, address in enumerate(addresses(family.chips)):
        chip = BOARDS[name].kinds[0].chip(index, family.chips, Fraction(1), 0.0)
        assert isinstance(chip, RegisterChip)
        chip.set_address(address)
        made.append(chip)
    settings = Settings(
        chips=family.chips,
        pll=family._clocks.pll,
        ticket_difficulty=1,
        hash_count=family._hash_count,
    )
    parser = BOARDS[name].kinds[0].parser()
    for action in expand(plan.kind, plan.clock, settings):
        for frame in parser.feed(action.data):
            assert isinstance(frame, Command)
            if frame.kind in (FrameKind.WRITE_PLL, FrameKind.WRITE_REGISTER):
                for chip in made:
                    if frame.address in (None, chip.address):
                        chip.write(frame.register, frame.value, 0.0)
    if plan.kind.registers.version is not None:
        value = version_register(plan.version_control, mask)
        for chip in made:
            chip.write(plan.kind.registers.version, value, 0.0)
    return made


def _life_s(chip: RegisterChip, midstates: int) -> float:
    """Return how long a task gives a chip something that neither it nor another has hashed."""
    if isinstance(chip, MidstateChip):
        return chip.space().total * midstates / (chip.family.cores * chip.mhz * 1e6)
    assert isinstance(chip, RollingChip)
    header = bytes(76)
    chip.take(HeaderTask(kind=FrameKind.WORK, header=header, job_id=0x28), 0.0)
    search = chip._search
    assert search is not None
    repeats_s = search.space.total * search.width / chip.rate_hs
    # Each core goes through its nonces from the chip's address on, up to that of the next chip.
    own = chip.span // chip.groups
    budget = chip.registers[0x10] * chip.mhz / 25.0
    if budget <= own:
        return repeats_s
    return min(repeats_s, own / (chip.mhz * 1e6))


@given(
    name=st.sampled_from(sorted(PLANS)),
    chips=st.integers(1, 24),
    clock=st.floats(0, 1),
    bits=st.sets(st.integers(13, 28)),
    midstates=st.sampled_from(MIDSTATES),
)
def test_no_header_is_repeated_and_no_chip_runs_dry(
    name: str, chips: int, clock: float, bits: set[int], midstates: int
) -> None:
    model = SPECS[name][1]
    mhz = model.min_mhz + clock * (model.max_mhz - model.min_mhz)
    mask = sum(1 << bit for bit in bits)
    family = _driver(name, chips, mhz, mask, midstates)
    life_s = min(_life_s(chip, midstates) for chip in _chips(name, family, mask))
    if family.shortage:
        assert family._line_s > life_s * 0.95, "said without need"
        assert family.task_interval_s == family._line_s
    elif family.task_interval_s > family._line_s:
        assert family.task_interval_s * (1 + LATE_PART) <= life_s
    else:
        assert family.task_interval_s <= life_s * (1 + 1e-6)


@pytest.mark.parametrize("name", sorted(PLANS))
def test_the_usual_sticks_have_time_enough_where_versions_are_rolled(name: str) -> None:
    model = SPECS[name][1]
    family = _driver(name, BOARDS[name].chips, model.frequency_mhz, 0x1FFFE000, 4)
    assert family.shortage == ""
    assert family.task_interval_s > family._line_s


@given(chips=st.integers(1, 256))
def test_the_range_of_a_bm1384_ends_before_that_of_the_next_one_begins(chips: int) -> None:
    step = bm1384_chain.addresses(chips)[-1] // max(chips - 1, 1) or 256
    own = step << 24
    searched = FED_FACTOR * bm1384_chain.own_part(chips) * bm1384_chain.nonce_range(chips)
    assert searched * (1 + LATE_PART) <= own
