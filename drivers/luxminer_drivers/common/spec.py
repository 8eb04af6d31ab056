"""How a driver presents itself before it is needed: names and numbers, no code of the driver yet.

All drivers are looked at when the service starts; the code of one is loaded with its first stick.
"""

from importlib import import_module

from luxminer.device.contract import (
    CoreRange,
    Device,
    DeviceOptions,
    OpenDevice,
    StickModel,
    UsbMatch,
)
from luxminer.transport.base import Capability, Transport
from luxminer_drivers.common.facts import Product
from luxminer_drivers.common.power import JOULES_PER_GH

__all__ = ["later", "model_of"]


def later(target: str) -> OpenDevice:
    """Return the function that ``module:name`` stands for, imported when it is first called."""

    async def open_device(transport: Transport, options: DeviceOptions) -> Device:
        module, _, name = target.partition(":")
        made: Device = await getattr(import_module(module), name)(transport, options)
        return made

    return open_device


def model_of(
    product: Product,
    *,
    chip: str,
    baudrate: int,
    min_mhz: float,
    max_mhz: float,
    step_mhz: float = 0.0,
    core: CoreRange | None = None,
    sets_chips: bool = False,
    hashes_per_clock: float,
    needs: frozenset[Capability] = frozenset(),
) -> StickModel:
    """Return a product as the service wants to know it."""
    return StickModel(
        name=product.name,
        title=product.title,
        code=product.code,
        chip=chip,
        usb=UsbMatch(
            vendor_id=product.vendor_id,
            product_id=product.product_id,
            manufacturers=product.manufacturers,
            product=product.product,
        ),
        baudrate=baudrate,
        chips=product.chips,
        frequency_mhz=product.frequency_mhz,
        min_mhz=min_mhz,
        max_mhz=max_mhz,
        step_mhz=step_mhz,
        core=core,
        sets_chips=sets_chips,
        hashes_per_clock=hashes_per_clock,
        joules_per_gh=JOULES_PER_GH[chip],
        needs=needs,
    )
