"""How a USB device is named: by its place on the bus, or by its serial number, never by kind alone.

``usb:1-1.3`` is bus 1, port 3 of the hub at port 1. What stands behind a question mark must be so,
or the device is left alone: ``usb:1-1.3?id=0403:6015&product=CompacF%20Bitcoin%20Miner&serial=A1``.
Without a place the serial number decides: ``usb:?serial=10024583``.
"""

import re
from dataclasses import dataclass

from luxminer.errors import PortProblem, PortUnusable
from luxminer.transport.ports import USB_PREFIX, is_usb

__all__ = ["UsbAddress", "parse_address"]

PLACE = re.compile(r"[1-9]\d{0,3}-[1-9]\d{0,2}(\.[1-9]\d{0,2}){0,6}")
"""A chain of hubs has at most seven ports."""

IDS = re.compile(r"([0-9a-fA-F]{4}):([0-9a-fA-F]{4})")
MAX_ADDRESS_CHARACTERS = 1024
EXAMPLE = "write it like usb:1-1.3, as `luxminer devices` shows it"


@dataclass(frozen=True, slots=True, kw_only=True)
class UsbAddress:
    """A device to open. None is not compared; at least one of place and serial is there."""

    place: str = ""
    ids: tuple[int, int] | None = None
    """Vendor and product."""
    manufacturer: str | None = None
    product: str | None = None
    serial: str | None = None

    @property
    def short(self) -> str:
        """What people call it."""
        return f"{USB_PREFIX}{self.place}" if self.place else f"{USB_PREFIX}?serial={self.serial}"

    def __str__(self) -> str:
        from urllib.parse import quote, urlencode  # only where such ports are in use

        ids = {"id": f"{self.ids[0]:04x}:{self.ids[1]:04x}"} if self.ids is not None else {}
        texts = {
            "manufacturer": self.manufacturer,
            "product": self.product,
            "serial": self.serial,
        }
        query = ids | {key: text for key, text in texts.items() if text is not None}
        tail = f"?{urlencode(query, quote_via=quote, safe=':')}" if query else ""
        return f"{USB_PREFIX}{self.place}{tail}"


def parse_address(port: str) -> UsbAddress:
    """Read an address. Raises PortUnusable (``BAD_ADDRESS``)."""
    place, _, query = port.removeprefix(USB_PREFIX).partition("?")
    if not is_usb(port) or len(port) > MAX_ADDRESS_CHARACTERS:
        raise _bad(port, "not the address of a USB device")
    if place and not PLACE.fullmatch(place):
        raise _bad(port, f"{place} is no place on a bus")
    fields = _fields(port, query)
    ids = fields.get("id")
    found = IDS.fullmatch(ids) if ids is not None else None
    if ids is not None and found is None:
        raise _bad(port, f"{ids} is no vendor and product")
    if not place and not fields.get("serial"):
        raise _bad(port, "names neither a place nor a serial number")
    return UsbAddress(
        place=place,
        ids=(int(found[1], 16), int(found[2], 16)) if found is not None else None,
        manufacturer=fields.get("manufacturer"),
        product=fields.get("product"),
        serial=fields.get("serial"),
    )


def _fields(port: str, query: str) -> dict[str, str]:
    if not query:
        return {}
    from urllib.parse import parse_qsl

    try:
        pairs = parse_qsl(query, keep_blank_values=True, strict_parsing=True, errors="strict")
    except ValueError as exc:
        raise _bad(port, f"cannot read {query}") from exc
    fields = dict(pairs)
    unknown = fields.keys() - {"id", "manufacturer", "product", "serial"}
    if unknown or len(fields) != len(pairs):
        raise _bad(port, f"{min(unknown) if unknown else 'a name'} is not known or stands twice")
    return fields


def _bad(port: str, reason: str) -> PortUnusable:
    return PortUnusable(port, PortProblem.BAD_ADDRESS, reason, EXAMPLE)
