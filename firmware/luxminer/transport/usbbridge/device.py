"""A bridge that this process has opened: carries out requests and moves bytes. Everything blocks.

The kernel's own driver is asked to let go when the device is opened, and to come back when it is
closed, so that a stick shows its tty again after us.
"""

import errno
import logging
import time
from array import array
from collections.abc import Callable, Iterable
from contextlib import suppress

from luxminer.transport.usbbridge.bridge import Control, Line, Pause, PortReset, Step
from luxminer.transport.usbbridge.find import Found

__all__ = ["BridgeDevice"]

log = logging.getLogger(__name__)

CONFIGURATION = 1
REQUEST_LIMIT_MS = 300
"""That of the original. Ref: docs/sources.md, Bridges."""

Sleep = Callable[[float], None]


class BridgeDevice:
    """One open device. Errors are pyusb's ``USBError``, which is an OSError with an errno."""

    def __init__(self, found: Found, sleep: Sleep = time.sleep) -> None:
        self.bridge = found.bridge
        self.place = found.place
        from usb.core import USBTimeoutError

        self._device = found.device
        self._timeout = USBTimeoutError
        self._manufacturer = found.names.manufacturer if found.names is not None else ""
        self._sleep = sleep
        self._detached: set[int] = set()
        empty = bytes(found.bridge.read_bytes)
        self._buffers = [array("B", empty) for _ in found.bridge.lines]

    def open(self, baudrate: int) -> None:
        """Take the device from the kernel and set all lines up; on an error give it back.

        Raises USBError, ValueError (a rate that the bridge cannot have).
        """
        try:
            self._take()
            self.set_up([baudrate] * len(self.bridge.lines))
        except BaseException:
            self.close()
            raise

    def set_up(self, baudrates: Iterable[int]) -> None:
        """Bring every line up at its rate, the one to the chips first."""
        for line, baudrate in zip(self.bridge.lines, baudrates, strict=True):
            self.run(self.bridge.setup(line, baudrate, self._manufacturer))

    def run(self, steps: Iterable[Step]) -> None:
        """Carry out requests in order. Nobody may be reading while the port is reset."""
        for step in steps:
            match step:
                case Control():
                    self._device.ctrl_transfer(
                        step.request_type,
                        step.request,
                        step.value,
                        step.index,
                        step.data,
                        REQUEST_LIMIT_MS,
                    )
                case Pause():
                    self._sleep(step.seconds)
                case PortReset():
                    self._device.reset()
                    self._take()

    def read(self, line: Line, limit_ms: int) -> bytes:
        """Return what came over a line, empty when nothing did within the time."""
        try:
            size = self._device.read(line.endpoint_in, self._buffers[line.number], limit_ms)
        except self._timeout:
            return b""
        return self.bridge.payload(self._buffers[line.number][:size].tobytes())

    def write(self, line: Line, data: bytes, limit_ms: int) -> int:
        """Send bytes; return how many the bridge took within the time."""
        try:
            return int(self._device.write(line.endpoint_out, data, limit_ms))
        except self._timeout:
            return 0

    def clear_halt(self, endpoint: int) -> None:
        self._device.clear_halt(endpoint)

    def close(self) -> None:
        """Give the device back to the kernel, as far as it is still there. Idempotent."""
        import usb.util

        for line in self.bridge.lines:
            with suppress(OSError):
                usb.util.release_interface(self._device, line.interface)
        for interface in sorted(self._detached):
            try:
                self._device.attach_kernel_driver(interface)
            except (OSError, NotImplementedError) as exc:
                gone = isinstance(exc, OSError) and exc.errno in (errno.ENODEV, errno.ENOENT)
                level = logging.DEBUG if gone else logging.WARNING
                log.log(
                    level,
                    "usb:%s: the kernel did not take interface %d back: %s; plug the stick in "
                    "again to have its tty",
                    self.place,
                    interface,
                    exc,
                )
        self._detached.clear()
        with suppress(OSError):
            usb.util.dispose_resources(self._device)

    def _take(self) -> None:
        import usb.util

        for line in self.bridge.lines:
            with suppress(NotImplementedError):  # a system whose kernel claims nothing
                if self._device.is_kernel_driver_active(line.interface):
                    self._device.detach_kernel_driver(line.interface)
                    self._detached.add(line.interface)
        if self._configuration() != CONFIGURATION:
            self._device.set_configuration(CONFIGURATION)
        for line in self.bridge.lines:
            usb.util.claim_interface(self._device, line.interface)

    def _configuration(self) -> int:
        try:
            return int(self._device.get_active_configuration().bConfigurationValue)
        except OSError as exc:
            if exc.errno is None:  # pyusb's own word for a device without a configuration
                return 0
            raise
