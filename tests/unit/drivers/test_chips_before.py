"""Sticks that only counting tells: what they had before is what they should have."""

from dataclasses import replace

import pytest

from luxminer_hil.chipsim.faults import Fault, FaultKind, FaultPlan
from tests.unit.drivers.virtual_rig import SPECS, Rig
from tests.unit.drivers.warp import warped

pytestmark = pytest.mark.slow

COUNTED = sorted(name for name, (_, model) in SPECS.items() if name.startswith("terminus"))


@pytest.mark.parametrize(("before", "problem"), [(0, False), (3, False), (4, True)])
@pytest.mark.parametrize("name", COUNTED)
@warped
async def test_a_chip_that_is_gone_since_is_missed(name: str, before: int, problem: bool) -> None:
    dead = Fault(kind=FaultKind.DEAD, chip=2)
    rig = Rig(name, chips=4, faults=FaultPlan(seed=1, faults=(dead,)))
    rig.options = replace(rig.options, chips_before=before)
    async with rig.stick:
        await rig.open()
        await rig.shares(10)
        report = rig.host.reports[-1]
        assert len(report.chips) == 3
        words = f"3 chips answered, this {rig.model.title} had 4; look at its power"
        assert report.problem.startswith(words) == problem
        await rig.close()


@warped
async def test_a_fixed_number_of_chips_is_not_changed_by_what_was_counted() -> None:
    rig = Rig("2pac")
    rig.options = replace(rig.options, chips_before=3)
    async with rig.stick:
        await rig.open()
        await rig.until(lambda: rig.host.reports, 30, "a report")
        assert not rig.host.reports[-1].problem
        await rig.close()
