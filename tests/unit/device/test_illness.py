"""Why a stick was not well, in CGMiner's words."""

import pytest

from luxminer.device.illness import IllnessLog
from luxminer.errors import (
    DeviceFault,
    Overheated,
    PortProblem,
    PortUnusable,
    ProbeMismatch,
    TransportClosed,
)
from luxminer.telemetry.model import Illness

MISSING = PortUnusable("/dev/ttyUSB0", PortProblem.MISSING, "it is not there", "plug it in")


@pytest.mark.parametrize(
    ("exc", "came_up", "silent", "what"),
    [
        (TransportClosed("gone"), True, False, Illness.ZERO_HASH),
        (TransportClosed("gone"), False, False, Illness.ZERO_HASH),
        (MISSING, False, False, Illness.NO_START),
        (ProbeMismatch("no chip"), False, False, Illness.FAIL_INIT),
        (DeviceFault("did not come up"), False, False, Illness.FAIL_INIT),
        (DeviceFault("no valid nonce"), True, True, Illness.DEAD_IDLE),
        (DeviceFault("takes no bytes"), True, False, Illness.COMMS_ERROR),
        (Overheated("90 C"), True, False, Illness.OVER_HEAT),
    ],
)
def test_each_end_has_its_reason(
    exc: BaseException, came_up: bool, silent: bool, what: Illness
) -> None:
    log = IllnessLog()
    log.failed(exc, 5.0, came_up=came_up, silent=silent)
    log.failed(exc, 7.0, came_up=came_up, silent=silent)
    seen = log.snapshot()
    assert (dict(seen.counts), seen.last, seen.last_wall_s) == ({what: 2}, what, 7.0)


def test_a_stick_that_was_always_well() -> None:
    seen = IllnessLog().snapshot()
    assert (dict(seen.counts), seen.last, seen.last_wall_s) == ({}, None, None)
