"""Finds a USB device by its address. Nothing is opened: names come from the kernel.

Ref: Linux Documentation/ABI/testing/sysfs-bus-usb.
"""

import errno
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from luxminer.errors import PortProblem, PortUnusable
from luxminer.transport.usbbridge.address import UsbAddress
from luxminer.transport.usbbridge.bridge import Bridge
from luxminer.transport.usbbridge.cp210x import CP2102, CP2105
from luxminer.transport.usbbridge.ftdi import FT_X
from luxminer.transport.usbbridge.listing import (
    SYSFS_DEVICES,
    attribute,
    list_devices,
    place_of,
)
from luxminer.transport.usbbridge.problems import unusable

__all__ = ["BRIDGES", "Found", "Names", "NamesOf", "find_device", "names_in_sysfs"]

BRIDGES = {(bridge.vendor_id, bridge.product_id): bridge for bridge in (CP2102, CP2105, FT_X)}


@dataclass(frozen=True, slots=True, kw_only=True)
class Names:
    """The strings of a device; empty ones that it does not have."""

    manufacturer: str
    product: str
    serial: str


NamesOf = Callable[[Any], Names | None]
"""From a device of pyusb to its names, without opening it; None when they cannot be known."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """A device that may be opened: it is a bridge, and all that the address says is so."""

    device: Any
    bridge: Bridge
    names: Names | None

    @property
    def place(self) -> str:
        return place_of(self.device)

    @property
    def node(self) -> str:
        """The file that decides who may open it."""
        return f"/dev/bus/usb/{self.device.bus:03}/{self.device.address:03}"


def names_in_sysfs(device: Any, devices: Path = SYSFS_DEVICES) -> Names | None:
    """Read what the kernel knows; None when it speaks of another device at that place."""
    folder = devices / place_of(device)
    if attribute(folder / "devnum") != str(device.address):
        return None
    return Names(
        manufacturer=attribute(folder / "manufacturer"),
        product=attribute(folder / "product"),
        serial=attribute(folder / "serial"),
    )


def find_device(address: UsbAddress, names_of: NamesOf, backend: Any = None) -> Found:
    """Return the one device at an address. Raises PortUnusable; blocks while libusb looks."""
    devices = list_devices(address.short, address.place, backend)
    found = [
        Found(device=device, bridge=bridge, names=names_of(device))
        for device in devices
        if (bridge := BRIDGES.get((device.idVendor, device.idProduct))) is not None
    ]
    fitting = [candidate for candidate in found if _differs(address, candidate) is None]
    if len(fitting) == 1:
        return fitting[0]
    if fitting:
        places = " and ".join(candidate.place for candidate in fitting)
        raise PortUnusable(
            address.short,
            PortProblem.BAD_ADDRESS,
            f"the devices at {places} both have that serial number",
            f"name the place: usb:{fitting[0].place}",
        )
    if not devices or not address.place:
        raise unusable(address.short, OSError(errno.ENODEV, "no such device"), "")
    if not found:
        ids = f"{devices[0].idVendor:04x}:{devices[0].idProduct:04x}"
        raise PortUnusable(
            address.short,
            PortProblem.NOT_SERIAL,
            f"a device {ids} is there, which is no bridge of a stick",
            "name the place of the stick, as `luxminer devices` shows it",
        )
    raise PortUnusable(
        address.short,
        PortProblem.MISSING,
        f"another device is there: {_differs(address, found[0])}",
        "plug the stick in there or correct the address",
    )


def _differs(address: UsbAddress, found: Found) -> str | None:
    """Say what is not as the address has it; None when all is."""
    ids = (found.bridge.vendor_id, found.bridge.product_id)
    if address.ids is not None and address.ids != ids:
        return f"its id is {ids[0]:04x}:{ids[1]:04x}"
    for key in ("manufacturer", "product", "serial"):
        wanted = getattr(address, key)
        if wanted is None:
            continue
        if found.names is None:
            return "its names cannot be read"
        has = getattr(found.names, key)
        if has != wanted:
            return f"its {key} is {has!r}"
    return None
