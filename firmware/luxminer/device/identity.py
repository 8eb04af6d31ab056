"""Who a stick is: its USB identity, where it is plugged in, and how people recognise it."""

from dataclasses import dataclass

__all__ = ["Sighting", "UsbPort", "describe"]


@dataclass(frozen=True, slots=True, kw_only=True)
class UsbPort:
    """One serial interface of a USB device, as the kernel describes it.

    Strings are the device's own, so anybody's: unprintable characters are replaced.
    """

    vendor_id: int
    product_id: int
    manufacturer: str
    product: str
    serial: str
    """Empty when the device has none."""
    usb_path: str
    """Bus and hub ports: ``1-1.4``."""
    interface: int
    """Number of the interface within the device; the chips are behind 0."""
    tty: str
    """``/dev/ttyUSB0``; empty when no kernel driver gave it one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sighting:
    """Something that can be opened now, and may be a stick."""

    url: str
    """What to open: a tty, a pyserial URL, or a place on USB (``usb:1-1.3``)."""
    token: tuple[int, ...]
    """Changes when the same name stands for another device than before."""
    usb: UsbPort | None = None
    """None for ports that USB says nothing about: links to virtual sticks, URLs."""
    configured: tuple[int, ...] = ()
    """Positions in the configuration of the devices whose ``port`` this is."""


def describe(serial: str, url: str) -> str:
    """Return the words for a stick in messages: ``stick 10024583 at /dev/ttyUSB0``."""
    return f"stick {serial} at {url}" if serial else f"stick at {url}"
