"""Opens a bridge by its address."""

import asyncio
import threading
import time
from typing import Any

from luxminer.errors import PortProblem, PortUnusable
from luxminer.transport.usbbridge.address import UsbAddress, parse_address
from luxminer.transport.usbbridge.device import BridgeDevice, Sleep
from luxminer.transport.usbbridge.find import NamesOf, find_device, names_in_sysfs
from luxminer.transport.usbbridge.problems import unusable
from luxminer.transport.usbbridge.transport import WRITE_LIMIT_S, UsbTransport, start

__all__ = ["OPEN_LIMIT_S", "open_usb"]

OPEN_LIMIT_S = 10.0


async def open_usb(
    port: str,
    baudrate: int,
    *,
    backend: Any = None,
    names_of: NamesOf = names_in_sysfs,
    sleep: Sleep = time.sleep,
    write_limit_s: float = WRITE_LIMIT_S,
) -> UsbTransport:
    """Open the device that ``port`` names (see `address`) and set its lines up at ``baudrate``.

    ``backend`` is pyusb's, None for libusb. Nothing but the device that fits is ever opened.
    Raises PortUnusable with the cure in its text.
    """
    address = parse_address(port)
    opening = asyncio.get_running_loop().run_in_executor(
        None, _open, address, baudrate, backend, names_of, sleep
    )
    try:
        async with asyncio.timeout(OPEN_LIMIT_S):
            device = await asyncio.shield(opening)
    except BaseException as exc:
        # The thread cannot be stopped: a device that opens too late must not stay taken.
        opening.add_done_callback(_close_late)
        if isinstance(exc, TimeoutError) and not isinstance(exc, PortUnusable):
            raise PortUnusable(
                address.short,
                PortProblem.FAILED,
                f"could not be opened within {OPEN_LIMIT_S:g} s",
                "unplug the stick and plug it in again",
            ) from exc
        raise
    return start(device, f"usb:{device.place}", baudrate, write_limit_s)


def _open(
    address: UsbAddress, baudrate: int, backend: Any, names_of: NamesOf, sleep: Sleep
) -> BridgeDevice:
    found = find_device(address, names_of, backend)
    device = BridgeDevice(found, sleep)
    try:
        device.open(baudrate)
    except OSError as exc:
        raise unusable(address.short, exc, found.node) from exc
    except ValueError as exc:
        raise PortUnusable(
            address.short, PortProblem.FAILED, str(exc), f"a {found.bridge.name} cannot do that"
        ) from exc
    return device


def _close_late(opening: "asyncio.Future[BridgeDevice]") -> None:
    if not opening.cancelled() and opening.exception() is None:
        # Not on the loop, since closing may wait, nor in its executor, which may be shut down.
        threading.Thread(target=opening.result().close, daemon=True).start()
