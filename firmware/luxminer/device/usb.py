"""What the kernel says about USB serial ports, read from sysfs; and the reset of a USB device.

Own reading instead of pyserial's ``list_ports``: a look at an unchanged bus is one directory
listing, and none at all where the kernel tells of changes; the strings are read only when something
came or went, and nothing is ever opened.

Ref: Linux Documentation/ABI/testing/sysfs-bus-usb; usbdevice_fs.h (USBDEVFS_RESET).
"""

import fcntl
import os
import re
from collections.abc import Callable
from pathlib import Path

from luxminer.device.identity import UsbPort
from luxminer.device.uevents import Uevents

__all__ = ["UsbBus", "natural_key"]

SYSFS = Path("/sys")
DEV = Path("/dev")

TTY_PREFIXES = ("ttyUSB", "ttyACM", "ttyXRUSB")
"""Names of the kernel's USB serial drivers: usb-serial, CDC ACM, Exar."""

MAX_DEPTH = 4
"""Folders from a tty up to its USB device; usb-serial needs three."""

MAX_ATTRIBUTE_BYTES = 1024
"""A string descriptor has at most 126 characters."""

USBDEVFS_RESET = 0x5514


class UsbBus:
    """The USB side of the machine; other roots than the real ones serve tests.

    With ``events``, `refresh` says when to look again; without them every question is a look.
    """

    def __init__(
        self, sysfs: Path = SYSFS, dev: Path = DEV, *, events: Uevents | None = None
    ) -> None:
        self.events = events
        self._sysfs = sysfs
        self._dev = dev
        self._is_fresh = False
        self._fingerprint: tuple[tuple[str, int], ...] | None = None
        self._ports: tuple[tuple[UsbPort, int], ...] = ()
        self._devices_seen: tuple[tuple[str, int], ...] | None = None
        self._devices: tuple[tuple[UsbPort, int], ...] = ()

    def refresh(self) -> None:
        """Let the next questions look again, if something may have changed."""
        self._is_fresh = self.events is not None and not self.events.is_due()

    def ports(self) -> tuple[tuple[UsbPort, int], ...]:
        """Return the USB serial ports, each with a number that changes when it is plugged again."""
        if self._is_fresh and self._fingerprint is not None:
            return self._ports
        fingerprint = self._look()
        if fingerprint != self._fingerprint:
            by_name = sorted(fingerprint, key=lambda entry: natural_key(entry[0]))
            found = [(self._port(name), number) for name, number in by_name]
            self._ports = tuple((port, number) for port, number in found if port is not None)
            # What could not be read is coming or going: look again next time.
            self._fingerprint = fingerprint if len(self._ports) == len(found) else None
        return self._ports

    def devices(self) -> tuple[tuple[UsbPort, int], ...]:
        """Return all USB devices, each with a number that changes when it is plugged again.

        No tty is named: a device stays the same while drivers of the kernel come and go.
        """
        if self._is_fresh and self._devices_seen is not None:
            return self._devices
        folder = self._sysfs / "bus/usb/devices"
        seen = _entries(folder, lambda name: ":" not in name)
        if seen != self._devices_seen:
            found = [(_describe((folder / name).resolve(), 0, ""), number) for name, number in seen]
            self._devices = tuple((port, number) for port, number in found if port is not None)
            self._devices_seen = seen if len(self._devices) == len(found) else None
        return self._devices

    def without_tty(self) -> tuple[UsbPort, ...]:
        """Return the USB devices that no driver of the kernel has made a serial port of."""
        taken = {port.usb_path for port, _ in self.ports()}
        return tuple(port for port, _ in self.devices() if port.usb_path not in taken)

    def node(self, usb_path: str) -> Path:
        """Return the file by which programs get at a device. Raises OSError: not there."""
        folder = self._sysfs / "bus/usb/devices" / usb_path
        try:
            bus, device = (int(_read(folder / name)) for name in ("busnum", "devnum"))
        except ValueError as exc:
            raise FileNotFoundError(f"no USB device at {usb_path}") from exc
        return self._dev / f"bus/usb/{bus:03}/{device:03}"

    def is_taken(self, usb_path: str) -> bool:
        """Tell whether a program has the chips' interface of a device through libusb."""
        link = self._sysfs / "bus/usb/devices" / f"{usb_path}:1.0" / "driver"
        try:
            return link.readlink().name == "usbfs"
        except OSError:
            return False

    def reset(self, usb_path: str) -> None:
        """Make the hub reset a device, as if it were pulled and plugged. Blocks up to seconds.

        Raises OSError: not there, or no permission for its node in /dev/bus/usb.
        """
        node = os.open(self.node(usb_path), os.O_WRONLY)
        try:
            fcntl.ioctl(node, USBDEVFS_RESET, 0)
        finally:
            os.close(node)

    def _look(self) -> tuple[tuple[str, int], ...]:
        folder = self._sysfs / "class/tty"
        return _entries(folder, lambda name: name.startswith(TTY_PREFIXES))

    def _port(self, name: str) -> UsbPort | None:
        try:
            folder = (self._sysfs / "class/tty" / name / "device").resolve(strict=True)
        except OSError:
            return None
        interface = 0
        for _ in range(MAX_DEPTH):
            number = _read(folder / "bInterfaceNumber")
            if number:
                interface = _hex(number)
            if (folder / "idVendor").exists():
                return _describe(folder, interface, str(self._dev / name))
            folder = folder.parent
        return None


def _entries(folder: Path, wanted: Callable[[str], bool]) -> tuple[tuple[str, int], ...]:
    """Return names and inode numbers; sysfs makes a new inode for each new device."""
    try:
        with os.scandir(folder) as entries:
            found = [(entry.name, entry.inode()) for entry in entries if wanted(entry.name)]
    except OSError:
        return ()
    return tuple(sorted(found))


def natural_key(text: str) -> tuple[tuple[int, str], ...]:
    """Sort key under which ``1-1.10`` follows ``1-1.9``."""
    parts = re.split(r"(\d+)", text)
    return tuple((int(part), "") if part.isdecimal() else (0, part) for part in parts)


def _describe(folder: Path, interface: int, tty: str) -> UsbPort | None:
    vendor, product = _read(folder / "idVendor"), _read(folder / "idProduct")
    if not vendor or not product:
        return None
    return UsbPort(
        vendor_id=_hex(vendor),
        product_id=_hex(product),
        manufacturer=_read(folder / "manufacturer"),
        product=_read(folder / "product"),
        serial=_read(folder / "serial"),
        usb_path=folder.name,
        interface=interface,
        tty=tty,
    )


def _read(path: Path) -> str:
    try:
        with path.open("rb") as file:
            raw = file.read(MAX_ATTRIBUTE_BYTES)
    except OSError:
        return ""
    text = raw.decode(errors="replace").removesuffix("\n")
    return "".join(letter if letter.isprintable() else "?" for letter in text)


def _hex(text: str) -> int:
    try:
        return int(text, 16)
    except ValueError:
        return 0
