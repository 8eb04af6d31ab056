"""Which bridge is on which stick, and what it calls itself.

Ref: docs/sources.md, Bridges.
"""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum

from luxminer_hil.usbsim.cp210x import CP2102, CP2105, Cp210xModel
from luxminer_hil.usbsim.descriptors import Identity
from luxminer_hil.usbsim.device import UsbModel
from luxminer_hil.usbsim.ftdi import FtdiModel
from luxminer_hil.usbsim.uart import Silence, UartSide

__all__ = ["STICKS", "Bridge", "StickUsb", "make_bridge"]


class Bridge(StrEnum):
    CP2102 = "CP2102"
    CP2105 = "CP2105"
    FT230X = "FT230X"


IDS = {
    Bridge.CP2102: (0x10C4, 0xEA60),
    Bridge.CP2105: (0x10C4, 0xEA70),
    Bridge.FT230X: (0x0403, 0x6015),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class StickUsb:
    """The USB side of a product."""

    bridge: Bridge
    manufacturer: str
    product: str


GEKKO, SILABS = "GekkoScience", "Silicon Labs"

STICKS: Mapping[str, StickUsb] = {
    name: StickUsb(bridge=bridge, manufacturer=manufacturer, product=product)
    for name, bridge, manufacturer, product in (
        ("compac", Bridge.CP2102, GEKKO, "Compac BM1384 Bitcoin Miner"),
        ("2pac", Bridge.CP2102, GEKKO, "2Pac BM1384 Bitcoin Miner"),
        ("terminus", Bridge.CP2102, GEKKO, "Terminus BM1384 Bitcoin Miner"),
        ("newpac", Bridge.FT230X, GEKKO, "NewPac Bitcoin Miner"),
        ("r606", Bridge.FT230X, GEKKO, "R606 Bitcoin Miner"),
        ("compacf", Bridge.FT230X, GEKKO, "CompacF Bitcoin Miner"),
        ("r909", Bridge.FT230X, GEKKO, "R909 Bitcoin Miner"),
        ("compaca1", Bridge.CP2105, SILABS, "GekkoScience Compac A1"),
        ("terminusa1", Bridge.CP2105, SILABS, "GekkoScience Terminus A1"),
        ("compaca2", Bridge.CP2105, SILABS, "GekkoScience Compac A2"),
        ("terminusa2", Bridge.CP2105, SILABS, "GekkoScience Terminus A2"),
        # Unproven: the strings of sticks that use a CP2102 as it leaves its factory.
        ("u1", Bridge.CP2102, SILABS, "CP2102 USB to UART Bridge Controller"),
        ("u2", Bridge.CP2102, SILABS, "CP2102 USB to UART Bridge Controller"),
        ("blockerupter", Bridge.CP2102, SILABS, "CP2102 USB to UART Bridge Controller"),
    )
}
"""Name of a model -> how it shows on USB."""


def make_bridge(
    model: str,
    chips: UartSide,
    *,
    serial: str = "",
    telemetry: UartSide | None = None,
    clock: Callable[[], float] = time.monotonic,
) -> UsbModel:
    """Return the bridge of a stick, not plugged in yet.

    ``telemetry`` is what the second UART of a CP2105 leads to, or CBUS0 of an FT230X. Raises
    KeyError for a model that is not in `STICKS`.
    """
    stick = STICKS[model]
    vendor_id, product_id = IDS[stick.bridge]
    identity = Identity(
        vendor_id=vendor_id,
        product_id=product_id,
        manufacturer=stick.manufacturer,
        product=stick.product,
        serial=serial,
    )
    if stick.bridge is Bridge.FT230X:
        return FtdiModel(identity, chips, micro=telemetry, clock=clock)
    if stick.bridge is Bridge.CP2102:
        return Cp210xModel(identity, CP2102, (chips,), clock)
    return Cp210xModel(identity, CP2105, (chips, telemetry or Silence()), clock)
