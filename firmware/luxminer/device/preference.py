"""By which port a stick is opened: its tty, or its place on USB for what no tty offers."""

from collections.abc import Sequence

from luxminer.device.identity import Sighting, UsbPort
from luxminer.device.registry import DriverRecord, match
from luxminer.errors import ConfigError
from luxminer.transport.base import Capability
from luxminer.transport.ports import USB_PREFIX, is_usb

__all__ = ["address_of", "needs_of", "preferred_port"]

TTY_OFFERS = frozenset({Capability.FAST_BAUD})


def preferred_port(usb: UsbPort, needs: frozenset[Capability], override: str = "") -> str:
    """Return the port by which to open a stick; empty when it has none.

    ``override`` is the port that its owner has written for it, and decides.
    """
    if override:
        return override
    if needs <= TTY_OFFERS:
        return usb.tty
    from luxminer.transport.usbbridge.find import BRIDGES  # 10 ms: only where such sticks are

    is_known = (usb.vendor_id, usb.product_id) in BRIDGES
    return f"{USB_PREFIX}{usb.usb_path}" if is_known else usb.tty


def needs_of(drivers: Sequence[DriverRecord], usb: UsbPort) -> frozenset[Capability]:
    """Return what the model needs that a device certainly is; nothing for other devices."""
    try:
        found = match(drivers, usb)
    except ConfigError:  # two drivers want it: said where a driver is chosen
        return frozenset()
    return found.model.needs if found is not None and found.certain else frozenset()


def address_of(sighting: Sighting) -> str:
    """Return what to open: never another device that has come to the same place meanwhile."""
    usb = sighting.usb
    if usb is None or not is_usb(sighting.url):
        return sighting.url
    from luxminer.transport.usbbridge.address import UsbAddress

    return str(
        UsbAddress(
            place=usb.usb_path,
            ids=(usb.vendor_id, usb.product_id),
            manufacturer=usb.manufacturer,
            product=usb.product,
            serial=usb.serial,
        )
    )
