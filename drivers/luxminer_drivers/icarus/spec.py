"""The driver's entry point."""

from luxminer.device.contract import DriverSpec, Probe
from luxminer.transport.base import Transport
from luxminer_drivers.common.spec import later, model_of
from luxminer_drivers.icarus import facts

__all__ = ["SPEC"]


async def _ask(transport: Transport) -> str:
    from luxminer_drivers.icarus.detect import ask

    return await ask(transport)


SPEC = DriverSpec(
    name="icarus",
    models=tuple(
        model_of(
            product,
            chip=facts.CHIP,
            baudrate=facts.BAUDRATE,
            min_mhz=facts.MHZ,
            max_mhz=facts.MHZ,
            hashes_per_clock=1.0,
        )
        for product in facts.PRODUCTS
    ),
    open=later("luxminer_drivers.icarus.device:open_stick"),
    probe=Probe(
        vendor_id=facts.BLOCK_ERUPTER.vendor_id,
        product_id=facts.BLOCK_ERUPTER.product_id,
        manufacturers=facts.UNNAMED_MANUFACTURERS,
        products=facts.UNNAMED_PRODUCTS,
        baudrate=facts.BAUDRATE,
        ask=_ask,
    ),
)
