"""What is said of a port that offers less than the stick should have."""

import logging

import pytest

from luxminer.errors import ProbeMismatch
from luxminer_hil.chipsim.faults import Fault, FaultKind, FaultPlan
from tests.unit.drivers.virtual_rig import Rig, running
from tests.unit.drivers.warp import warped


@warped
async def test_a_stick_that_comes_up_without_a_reset_line_is_no_reason_for_a_warning(
    caplog: pytest.LogCaptureFixture,
) -> None:
    with caplog.at_level(logging.INFO):
        async with running("newpac", has_board=False) as rig:
            await rig.until(lambda: rig.host.reports, 30, "bring-up")
    assert "reset line" not in caplog.text


@warped
async def test_one_that_does_not_is_told_to_be_opened_by_its_place() -> None:
    faults = FaultPlan([Fault(kind=FaultKind.DEAD)])
    for has_board in (False, True):
        rig = Rig("newpac", has_board=has_board, faults=faults)
        async with rig.stick:
            await rig.open()
            assert rig.task is not None
            with pytest.raises(ProbeMismatch, match="no BM1387 answered") as raised:
                await rig.task
            assert ("by its USB path (usb:1-1.3)" in str(raised.value)) is not has_board
            await rig.close()
