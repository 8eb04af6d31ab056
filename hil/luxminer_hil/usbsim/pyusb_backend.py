"""A backend of pyusb over a `SimulatedBus`: pyusb itself runs unchanged on virtual devices.

pyusb calls a backend by its methods and does not ask what class it is; it has no type
information, so that a subclass of its `IBackend` could not be checked.

Ref: pyusb 1.3, usb.backend.IBackend; error numbers as usb.backend.libusb1 translates them.
"""

import errno
import os
import time
from array import array
from collections.abc import Iterator
from types import SimpleNamespace

from usb.core import USBError, USBTimeoutError

from luxminer_hil.usbsim.bus import BusDevice, SimulatedBus
from luxminer_hil.usbsim.device import Gone, Setup, Stall, UsbModel

__all__ = ["SimulatedBackend"]

FULL_SPEED = 2
CLEAR_HALT = 1
TO_ENDPOINT = 0x02

LIBUSB_CODES = {
    errno.EIO: -1,
    errno.EACCES: -3,
    errno.ENODEV: -4,
    errno.ENOENT: -5,
    errno.EBUSY: -6,
    errno.ETIMEDOUT: -7,
    errno.EOVERFLOW: -8,
    errno.EPIPE: -9,
}

DEVICE_FIELDS = (
    ("bLength", 1),
    ("bDescriptorType", 1),
    ("bcdUSB", 2),
    ("bDeviceClass", 1),
    ("bDeviceSubClass", 1),
    ("bDeviceProtocol", 1),
    ("bMaxPacketSize0", 1),
    ("idVendor", 2),
    ("idProduct", 2),
    ("bcdDevice", 2),
    ("iManufacturer", 1),
    ("iProduct", 1),
    ("iSerialNumber", 1),
    ("bNumConfigurations", 1),
)

CONFIGURATION_FIELDS = (
    ("bLength", 1),
    ("bDescriptorType", 1),
    ("wTotalLength", 2),
    ("bNumInterfaces", 1),
    ("bConfigurationValue", 1),
    ("iConfiguration", 1),
    ("bmAttributes", 1),
    ("bMaxPower", 1),
)

INTERFACE_FIELDS = (
    ("bLength", 1),
    ("bDescriptorType", 1),
    ("bInterfaceNumber", 1),
    ("bAlternateSetting", 1),
    ("bNumEndpoints", 1),
    ("bInterfaceClass", 1),
    ("bInterfaceSubClass", 1),
    ("bInterfaceProtocol", 1),
    ("iInterface", 1),
)

ENDPOINT_FIELDS = (
    ("bLength", 1),
    ("bDescriptorType", 1),
    ("bEndpointAddress", 1),
    ("bmAttributes", 1),
    ("wMaxPacketSize", 2),
    ("bInterval", 1),
)

INTERFACE, ENDPOINT = 4, 5


class _Handle:
    """An open device of one program."""

    def __init__(self, device: BusDevice) -> None:
        self.device = device


class SimulatedBackend:
    """Give it to ``usb.core.find(backend=...)``. Blocks as libusb does; any thread may call."""

    def __init__(self, bus: SimulatedBus) -> None:
        self._bus = bus

    # --- Who is there --------------------------------------------------------------------------

    def enumerate_devices(self) -> Iterator[BusDevice]:
        return iter(self._bus.devices())

    def get_parent(self, device: BusDevice) -> None:
        """Return None: hubs are places here, not devices."""

    def get_device_descriptor(self, device: BusDevice) -> SimpleNamespace:
        model = device.model
        fields = _decode(model.layout.device(model.identity), DEVICE_FIELDS)
        return SimpleNamespace(
            **fields,
            bus=device.bus,
            address=device.address,
            port_number=device.ports[-1],
            port_numbers=device.ports,
            speed=FULL_SPEED,
        )

    def get_configuration_descriptor(self, device: BusDevice, config: int) -> SimpleNamespace:
        if config:
            raise IndexError(f"no configuration {config}")
        raw = device.model.layout.configuration()
        return SimpleNamespace(**_decode(raw, CONFIGURATION_FIELDS), extra_descriptors=b"")

    def get_interface_descriptor(
        self, device: BusDevice, interface: int, setting: int, config: int
    ) -> SimpleNamespace:
        found = _interfaces(device.model)
        if config or setting or interface >= len(found):
            raise IndexError(f"no interface {interface}/{setting} in configuration {config}")
        return SimpleNamespace(**found[interface][0], extra_descriptors=b"")

    def get_endpoint_descriptor(
        self, device: BusDevice, endpoint: int, interface: int, setting: int, config: int
    ) -> SimpleNamespace:
        del setting, config
        fields = _interfaces(device.model)[interface][1][endpoint]
        return SimpleNamespace(**fields, extra_descriptors=b"", bRefresh=0, bSynchAddress=0)

    # --- Taking hold of it ---------------------------------------------------------------------

    def open_device(self, device: BusDevice) -> _Handle:
        with self._bus.lock:
            self._check_there(device)
            if device.is_denied:
                raise _error(errno.EACCES)
            device.opened += 1
            device.events.append("open")
        return _Handle(device)

    def close_device(self, handle: _Handle) -> None:
        device = handle.device
        with self._bus.lock:
            device.claims = {n: owner for n, owner in device.claims.items() if owner is not handle}
            device.events.append("close")

    def set_configuration(self, handle: _Handle, value: int) -> None:
        with self._bus.lock:
            if handle.device.kernel_drivers or handle.device.claims:
                raise _error(errno.EBUSY)
        self._control(handle, Setup(0x00, 9, value, 0, 0), b"")

    def get_configuration(self, handle: _Handle) -> int:
        return self._control(handle, Setup(0x80, 8, 0, 0, 1), b"")[0]

    def set_interface_altsetting(self, handle: _Handle, interface: int, setting: int) -> None:
        self._check_claim(handle, interface)
        self._control(handle, Setup(0x01, 11, setting, interface, 0), b"")

    def claim_interface(self, handle: _Handle, interface: int) -> None:
        device = handle.device
        with self._bus.lock:
            self._check_there(device)
            if interface >= len(device.model.layout.interfaces):
                raise _error(errno.ENOENT)
            if interface in device.kernel_drivers:
                raise _error(errno.EBUSY)
            if device.claims.get(interface, handle) is not handle:
                raise _error(errno.EBUSY)
            device.claims[interface] = handle
            device.events.append(f"claim {interface}")

    def release_interface(self, handle: _Handle, interface: int) -> None:
        device = handle.device
        with self._bus.lock:
            if device.claims.get(interface) is not handle:
                raise _error(errno.ENOENT)
            del device.claims[interface]
            self._check_there(device)
            device.events.append(f"release {interface}")

    def is_kernel_driver_active(self, handle: _Handle, interface: int) -> bool:
        with self._bus.lock:
            self._check_there(handle.device)
            return interface in handle.device.kernel_drivers

    def detach_kernel_driver(self, handle: _Handle, interface: int) -> None:
        device = handle.device
        with self._bus.lock:
            self._check_there(device)
            if interface not in device.kernel_drivers:
                raise _error(errno.ENOENT)
            device.kernel_drivers.discard(interface)
            device.events.append(f"detach {interface}")

    def attach_kernel_driver(self, handle: _Handle, interface: int) -> None:
        device = handle.device
        with self._bus.lock:
            self._check_there(device)
            if interface in device.kernel_drivers or interface in device.claims:
                raise _error(errno.EBUSY)
            device.kernel_drivers.add(interface)
            device.events.append(f"attach {interface}")

    def reset_device(self, handle: _Handle) -> None:
        with self._bus.lock:
            self._check_there(handle.device)
            handle.device.events.append("reset")
        try:
            self._bus.reset(handle.device)
        except Gone as exc:
            raise _error(errno.ENODEV) from exc

    def clear_halt(self, handle: _Handle, endpoint: int) -> None:
        self._control(handle, Setup(TO_ENDPOINT, CLEAR_HALT, 0, endpoint, 0), b"")

    # --- Moving bytes --------------------------------------------------------------------------

    def ctrl_transfer(
        self,
        handle: _Handle,
        request_type: int,
        request: int,
        value: int,
        index: int,
        data: "array[int]",
        timeout_ms: int,
    ) -> int:
        del timeout_ms  # a model answers at once
        setup = Setup(request_type, request, value, index, len(data))
        if not setup.is_to_host:
            self._control(handle, setup, data.tobytes())
            return len(data)
        answer = self._control(handle, setup, b"")
        data[: len(answer)] = array("B", answer)
        return len(answer)

    def bulk_write(
        self, handle: _Handle, endpoint: int, interface: int, data: "array[int]", timeout_ms: int
    ) -> int:
        self._check_claim(handle, interface)
        model, left = handle.device.model, memoryview(data.tobytes())
        sent = 0
        wait = _Wait(model, timeout_ms)
        with model.changed:
            try:
                size = model.max_packet_bytes(endpoint)
                while sent < len(left):
                    taken = model.out_packet(endpoint, bytes(left[sent : sent + size]))
                    sent += taken
                    if not taken and not wait.once(None):
                        break
            except Stall as exc:
                raise _error(errno.EPIPE) from exc
            except Gone as exc:
                raise _error(errno.ENODEV) from exc
        if left and not sent:
            raise _timeout()
        return sent

    def bulk_read(
        self, handle: _Handle, endpoint: int, interface: int, buffer: "array[int]", timeout_ms: int
    ) -> int:
        self._check_claim(handle, interface)
        model = handle.device.model
        data = bytearray()
        is_over = False
        wait = _Wait(model, timeout_ms)
        with model.changed:
            try:
                size = model.max_packet_bytes(endpoint)
                while not is_over:
                    packet = model.in_packet(endpoint)
                    if packet is None:
                        if not wait.once(model.due_s(endpoint)):
                            break
                        continue
                    if len(data) + len(packet) > len(buffer):
                        raise _error(errno.EOVERFLOW)
                    data += packet
                    is_over = len(packet) < size or len(data) == len(buffer)
            except Stall as exc:
                raise _error(errno.EPIPE) from exc
            except Gone as exc:
                raise _error(errno.ENODEV) from exc
        if not data and not is_over:
            raise _timeout()
        buffer[: len(data)] = array("B", data)
        return len(data)

    def intr_read(self, handle: _Handle, *_: object) -> int:
        """Refuse: bridges have bulk endpoints only."""
        raise self._no_such_transfer(handle)

    def intr_write(self, handle: _Handle, *_: object) -> int:
        """Refuse, as `intr_read` does."""
        raise self._no_such_transfer(handle)

    def iso_read(self, handle: _Handle, *_: object) -> int:
        """Refuse, as `intr_read` does."""
        raise self._no_such_transfer(handle)

    def iso_write(self, handle: _Handle, *_: object) -> int:
        """Refuse, as `intr_read` does."""
        raise self._no_such_transfer(handle)

    def _no_such_transfer(self, handle: _Handle) -> USBError:
        self._check_there(handle.device)
        return _error(errno.ENOENT)

    def _control(self, handle: _Handle, setup: Setup, data: bytes) -> bytes:
        try:
            return handle.device.model.control(setup, data)
        except Stall as exc:
            raise _error(errno.EPIPE) from exc
        except Gone as exc:
            raise _error(errno.ENODEV) from exc

    def _check_there(self, device: BusDevice) -> None:
        if not self._bus.is_there(device):
            raise _error(errno.ENODEV)

    def _check_claim(self, handle: _Handle, interface: int) -> None:
        with self._bus.lock:
            self._check_there(handle.device)
            if handle.device.claims.get(interface) is not handle:
                raise _error(errno.ENOENT)


class _Wait:
    """Waits for a change of a model, within the time that a transfer has; 0 is for ever."""

    def __init__(self, model: UsbModel, timeout_ms: int) -> None:
        self._model = model
        self._end_s = time.monotonic() + timeout_ms / 1000 if timeout_ms else None

    def once(self, due_s: float | None) -> bool:
        """Wait for a change, but not beyond ``due_s``; False when the time is over."""
        left_s = None if self._end_s is None else self._end_s - time.monotonic()
        if left_s is not None and left_s <= 0:
            return False
        limits = [left_s] if left_s is not None else []
        if due_s is not None:
            limits.append(max(0.0, due_s - self._model.clock()))
        self._model.changed.wait(min(limits) if limits else None)
        return True


def _interfaces(model: UsbModel) -> list[tuple[dict[str, int], list[dict[str, int]]]]:
    """Return fields of each interface and of its endpoints, from the configuration's bytes."""
    raw = model.layout.configuration()
    found: list[tuple[dict[str, int], list[dict[str, int]]]] = []
    at = raw[0]
    while at < len(raw):
        if raw[at + 1] == INTERFACE:
            found.append((_decode(raw[at:], INTERFACE_FIELDS), []))
        elif raw[at + 1] == ENDPOINT:
            found[-1][1].append(_decode(raw[at:], ENDPOINT_FIELDS))
        at += raw[at]
    return found


def _decode(raw: bytes, fields: tuple[tuple[str, int], ...]) -> dict[str, int]:
    values, at = {}, 0
    for name, size in fields:
        values[name] = int.from_bytes(raw[at : at + size], "little")
        at += size
    return values


def _error(number: int) -> USBError:
    return USBError(os.strerror(number), LIBUSB_CODES[number], number)


def _timeout() -> USBTimeoutError:
    number = errno.ETIMEDOUT
    return USBTimeoutError(os.strerror(number), LIBUSB_CODES[number], number)
