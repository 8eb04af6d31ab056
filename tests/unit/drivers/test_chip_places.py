"""Which chip a nonce is booked for, and which one is blamed when none comes."""

import asyncio

import pytest

from luxminer.errors import DeviceFault
from luxminer_hil.chipsim.faults import Fault, FaultKind, FaultPlan
from tests.unit.drivers.virtual_rig import Rig, running
from tests.unit.drivers.warp import warped

pytestmark = pytest.mark.slow

NO_VERSIONS = 0
SINCE_THE_REPORT = 16
"""Nonces of a chain within a second or two, which the last report need not have yet."""


def _said(rig: Rig) -> list[int]:
    return [chip.nonces for chip in rig.host.reports[-1].chips]


@pytest.mark.parametrize("chips", [3, 5, 6])
@warped
async def test_each_chip_of_a_terminus_a1_has_what_it_found(chips: int) -> None:
    async with running("terminusa1", chips=chips) as rig:
        await asyncio.sleep(75)
        true = [chip.nonces for chip in rig.stick.counters().chips]
        assert min(true) > SINCE_THE_REPORT
        for said, found in zip(_said(rig), true, strict=True):
            assert found - SINCE_THE_REPORT <= said <= found
        assert not rig.host.reports[-1].problem


@warped
async def test_the_chip_that_stops_is_the_one_that_is_blamed() -> None:
    zombie = Fault(kind=FaultKind.ZOMBIE, chip=0, from_s=60.0)
    async with running("terminusa1", chips=3, faults=FaultPlan(seed=1, faults=(zombie,))) as rig:
        assert rig.task is not None
        with pytest.raises(DeviceFault, match="chip 0 has stopped"):
            async with asyncio.timeout(240):
                await asyncio.shield(rig.task)


@pytest.mark.parametrize(
    ("name", "mask"),
    [("r909", 0x1FFFE000), ("terminusa1", NO_VERSIONS), ("terminusa2", 0x1FFFE000)],
)
@warped
async def test_where_nobody_knows_the_chip_each_has_an_equal_part(name: str, mask: int) -> None:
    zombie = Fault(kind=FaultKind.ZOMBIE, chip=1, from_s=40.0)
    faults = FaultPlan(seed=1, faults=(zombie,))
    async with running(name, version_mask=mask, faults=faults) as rig:
        await asyncio.sleep(80)
        assert rig.task is not None
        assert not rig.task.done(), "one chip of several is not judged alone"
        said = _said(rig)
        assert max(said) - min(said) <= 1
        booked = rig.host.gate.total().nonces
        assert booked - SINCE_THE_REPORT <= sum(said) <= booked
        assert "chip 1" not in rig.host.reports[-1].problem
