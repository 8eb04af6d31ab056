"""What libusb believes to be plugged in, kept in step with what the kernel says.

libusb learns of changes from udev. Where there is none, as in most containers, its list stays what
it was when the list was first asked for, and a stick that was plugged in again is not in it. A new
context of libusb reads the bus anew.
"""

import logging
import time
from pathlib import Path
from typing import Any

from luxminer.errors import PortProblem, PortUnusable
from luxminer.transport.usbbridge.problems import NO_LIBUSB_CURE, unusable

__all__ = ["SYSFS_DEVICES", "attribute", "list_devices", "place_of"]

log = logging.getLogger(__name__)

SYSFS_DEVICES = Path("/sys/bus/usb/devices")
MAX_ATTRIBUTE_BYTES = 1024

UDEV_LIMIT_S = 0.5
"""udev tells a little later than the kernel shows."""

UDEV_STEP_S = 0.05

MAX_CONTEXTS = 64
"""Contexts are never given back: pyusb may still hold devices of any of them."""

_contexts: list[Any] = []
"""Those made beside pyusb's own, the newest last."""


def place_of(device: Any) -> str:
    """Return where a device of pyusb is plugged in, as the kernel names it: ``1-1.3``."""
    return f"{device.bus}-{'.'.join(map(str, device.port_numbers or ()))}"


def list_devices(port: str, place: str, backend: Any = None) -> list[Any]:
    """Return pyusb's devices, those at ``place`` if one is given. Blocks; raises PortUnusable."""
    if backend is not None:
        return _at(place, _find(port, backend))
    number = attribute(SYSFS_DEVICES / place / "devnum") if place else ""
    if not number:
        return _at(place, _find(port, _newest()))
    deadline_s = time.monotonic() + UDEV_LIMIT_S
    while time.monotonic() < deadline_s:
        if found := _now_at(place, number, _find(port, _newest())):
            return found
        time.sleep(UDEV_STEP_S)
    if len(_contexts) >= MAX_CONTEXTS:
        return []
    log.info("%s: libusb does not know of it; no udev here? Asking it anew", port)
    _contexts.append(_another(_newest()))
    return _now_at(place, number, _find(port, _newest()))


def attribute(path: Path) -> str:
    """Read what the kernel says; unprintable characters are replaced, as they are a device's."""
    try:
        with path.open("rb") as file:
            raw = file.read(MAX_ATTRIBUTE_BYTES)
    except OSError:
        return ""
    text = raw.decode(errors="replace").removesuffix("\n")
    return "".join(letter if letter.isprintable() else "?" for letter in text)


def _find(port: str, backend: Any) -> list[Any]:
    import usb.core

    try:
        return list(usb.core.find(find_all=True, backend=backend))
    except usb.core.NoBackendError as exc:
        raise PortUnusable(port, PortProblem.FAILED, "libusb is missing", NO_LIBUSB_CURE) from exc
    except usb.core.USBError as exc:
        raise unusable(port, exc, "/dev/bus/usb") from exc


def _at(place: str, devices: list[Any]) -> list[Any]:
    return [device for device in devices if not place or place_of(device) == place]


def _now_at(place: str, number: str, devices: list[Any]) -> list[Any]:
    """Leave out what was at that place before."""
    return [device for device in _at(place, devices) if str(device.address) == number]


def _newest() -> Any:
    """Return the backend that knows most; None lets pyusb choose its own."""
    return _contexts[-1] if _contexts else None


def _another(backend: Any) -> Any:
    """Return a backend with a context of its own."""
    import usb.backend.libusb1

    known = backend or usb.backend.libusb1.get_backend()
    return type(known)(known.lib)
