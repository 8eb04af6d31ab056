"""What the kernel says about USB serial ports, read from sysfs; and the reset of a USB device.

Own reading instead of pyserial's ``list_ports``: a look at an unchanged bus is one directory
listing, the strings are read only when something came or went, and nothing is ever opened.

Ref: Linux Documentation/ABI/testing/sysfs-bus-usb; usbdevice_fs.h (USBDEVFS_RESET).
"""

import fcntl
import os
import re
from pathlib import Path

from luxminer.device.identity import UsbPort

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
    """The USB side of the machine; other roots than the real ones serve tests."""

    def __init__(self, sysfs: Path = SYSFS, dev: Path = DEV) -> None:
        self._sysfs = sysfs
        self._dev = dev
        self._fingerprint: tuple[tuple[str, int], ...] | None = None
        self._ports: tuple[tuple[UsbPort, int], ...] = ()

    def ports(self) -> tuple[tuple[UsbPort, int], ...]:
        """Return the USB serial ports, each with a number that changes when it is plugged again."""
        fingerprint = self._look()
        if fingerprint != self._fingerprint:
            by_name = sorted(fingerprint, key=lambda entry: natural_key(entry[0]))
            found = [(self._port(name), number) for name, number in by_name]
            self._ports = tuple((port, number) for port, number in found if port is not None)
            # What could not be read is coming or going: look again next time.
            self._fingerprint = fingerprint if len(self._ports) == len(found) else None
        return self._ports

    def without_tty(self) -> tuple[UsbPort, ...]:
        """Return the USB devices that no driver of the kernel has made a serial port of."""
        taken = {port.usb_path for port, _ in self.ports()}
        try:
            folders = sorted((self._sysfs / "bus/usb/devices").iterdir())
        except OSError:
            return ()
        devices = [f for f in folders if ":" not in f.name and f.name not in taken]
        found = (_describe(folder.resolve(), 0, "") for folder in devices)
        return tuple(port for port in found if port is not None)

    def reset(self, usb_path: str) -> None:
        """Make the hub reset a device, as if it were pulled and plugged. Blocks up to seconds.

        Raises OSError: not there, or no permission for its node in /dev/bus/usb.
        """
        folder = self._sysfs / "bus/usb/devices" / usb_path
        try:
            bus, device = (int(_read(folder / name)) for name in ("busnum", "devnum"))
        except ValueError as exc:
            raise FileNotFoundError(f"no USB device at {usb_path}") from exc
        node = os.open(self._dev / f"bus/usb/{bus:03}/{device:03}", os.O_WRONLY)
        try:
            fcntl.ioctl(node, USBDEVFS_RESET, 0)
        finally:
            os.close(node)

    def _look(self) -> tuple[tuple[str, int], ...]:
        """Return names and inode numbers; sysfs makes a new inode for each new device."""
        try:
            with os.scandir(self._sysfs / "class/tty") as entries:
                found = [
                    (entry.name, entry.inode())
                    for entry in entries
                    if entry.name.startswith(TTY_PREFIXES)
                ]
        except OSError:
            return ()
        return tuple(sorted(found))

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
