"""The driver's entry point."""

from luxminer.device.contract import DriverSpec, StickModel, UsbMatch
from luxminer_drivers.common.spec import later

__all__ = ["SPEC"]

SCALE = 2.0**-12
"""A million hashes for each nonce of this difficulty: a second or two of the slowest machine."""

NOWHERE = -1
"""No USB device has this number."""

SPEC = DriverSpec(
    name="cpu",
    models=(
        StickModel(
            name="cpu",
            title="CPU",
            code="CPU",
            usb=UsbMatch(vendor_id=NOWHERE, product_id=NOWHERE, manufacturers=(), product=""),
            baudrate=0,
            chips=0,
            frequency_mhz=0.0,
            min_mhz=0.0,
            max_mhz=0.0,
            scale=SCALE,
        ),
    ),
    open=later("luxminer_drivers.cpu.device:open_cpu_device"),
)
