"""Opens a port of any kind by the way its name is written."""

from luxminer.transport.base import Transport
from luxminer.transport.ports import is_cpu, is_usb

__all__ = ["open_port"]


async def open_port(port: str, baudrate: int) -> Transport:
    """Open ``usb:1-1.3`` through libusb, ``cpu:2`` as threads, all else (tty, URL) by pyserial.

    Raises PortUnusable with the cure in its text.
    """
    if is_cpu(port):
        from luxminer.transport.cpu import open_cpu

        return await open_cpu(port)
    if is_usb(port):
        from luxminer.transport.usbbridge.opening import open_usb  # brings pyusb in, later

        return await open_usb(port, baudrate)
    from luxminer.transport.serial import open_serial

    return await open_serial(port, baudrate)
