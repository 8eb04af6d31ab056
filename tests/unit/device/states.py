"""States of sticks for tests of what only reads them."""

from luxminer.device.contract import ChipReport, DeviceReport
from luxminer.device.state import DeviceState
from luxminer.telemetry.model import DeviceStatus, IllnessSnapshot


def state(*, chips: int, mhz: float, nominal_hs: float, brought_up_s: float | None) -> DeviceState:
    """Return a Compac at work, with as many chips and without a nonce so far."""
    return DeviceState(
        id=0,
        name_id=0,
        identity="10024580",
        code="GSC",
        model="GekkoScience Compac",
        driver="bm1384",
        chip="BM1384",
        serial="10024580",
        path="/dev/ttyUSB0",
        usb_path="1-1.1",
        status=DeviceStatus.ALIVE,
        problem="",
        enabled=True,
        present=True,
        scale=1.0,
        min_mhz=6.25,
        max_mhz=500.0,
        step_mhz=6.25,
        default_mhz=mhz,
        target_mhz=mhz,
        core=None,
        target_core_mv=None,
        has_order=False,
        orders=0,
        trial=None,
        report=DeviceReport(
            chips=tuple(
                ChipReport(index=n, frequency_mhz=mhz, nonces=0, hw_errors=0, duplicates=0)
                for n in range(chips)
            ),
            cores_per_chip=55,
            frequency_mhz=mhz,
            target_mhz=mhz,
            nominal_hs=nominal_hs,
            ticket_difficulty=1.0,
            task_interval_s=0.1,
            tasks_sent=0,
            busy_tasks_sent=0,
            bytes_discarded=0,
            resets=0,
            is_ramping=False,
        ),
        brought_up_s=brought_up_s,
        gone_wall_s=None,
        was_open=True,
        attempts=1,
        faults=0,
        resets=0,
        illness=IllnessSnapshot(),
    )
