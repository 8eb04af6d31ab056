"""The driver's entry point."""

from luxminer.device.contract import DriverSpec
from luxminer_drivers.bm1380 import facts
from luxminer_drivers.common.spec import later, model_of

__all__ = ["SPEC"]

SPEC = DriverSpec(
    name="bm1380",
    models=tuple(
        model_of(
            product,
            chip=facts.CHIP,
            baudrate=facts.BAUDRATE,
            min_mhz=facts.MIN_MHZ,
            max_mhz=facts.MAX_MHZ,
            step_mhz=facts.STEP_MHZ,
            hashes_per_clock=facts.CORES,
        )
        for product in facts.PRODUCTS
    ),
    open=later("luxminer_drivers.bm1380.device:open_stick"),
)
