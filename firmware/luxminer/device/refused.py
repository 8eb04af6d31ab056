"""Sticks that are known and that no driver of any program can run: named, so that nobody searches.

Ref: docs/sources.md, "Sticks" (device table of cgminer).
"""

from dataclasses import dataclass

from luxminer.device.contract import UsbMatch
from luxminer.device.identity import UsbPort

__all__ = ["Refused", "refused"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Refused:
    """A product, and why it cannot be used."""

    title: str
    usb: UsbMatch
    reason: str
    cure: str


REFUSED = (
    Refused(
        title="GekkoScience KBox",
        usb=UsbMatch(
            vendor_id=0x04D8,
            product_id=0x00DE,
            manufacturers=("Microchip Technology Inc.",),
            product="MCP2210 USB to SPI Master",
        ),
        reason="not supported: its chips are behind SPI, and how to run them was never published",
        cure="none is needed: it does not disturb other sticks",
    ),
)


def refused(usb: UsbPort) -> Refused | None:
    """Return why a device is not used that looks like a stick; None for all others."""
    for each in REFUSED:
        ids = (each.usb.vendor_id, each.usb.product_id)
        strings = usb.manufacturer in each.usb.manufacturers
        if (usb.vendor_id, usb.product_id) == ids and strings and usb.product == each.usb.product:
            return each
    return None
