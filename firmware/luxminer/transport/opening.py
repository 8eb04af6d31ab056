"""Opens a port of any kind by the way its name is written."""

from luxminer.transport.base import Transport
from luxminer.transport.ports import is_usb

__all__ = ["open_port"]


async def open_port(port: str, baudrate: int) -> Transport:
    """Open ``usb:1-1.3`` through libusb, everything else (a tty, a URL) through pyserial.

    Raises PortUnusable with the cure in its text.
    """
    if is_usb(port):
        from luxminer.transport.usbbridge.opening import open_usb  # brings pyusb in, later

        return await open_usb(port, baudrate)
    from luxminer.transport.serial import open_serial

    return await open_serial(port, baudrate)
