"""A front end for USB/IP: devices of a bus for any Linux with ``vhci-hcd``, over TCP.

::

    usbip --tcp-port 3240 attach -r 127.0.0.1 -b 1-1

The places of the bus are the bus ids. A device belongs to one host at a time; pulling it hangs up.

Ref: Linux Documentation/usb/usbip_protocol.rst, drivers/usb/usbip/usbip_common.h, tools/usb/usbip
(status codes). Numbers are big endian, setup packets as on the bus.
"""

import asyncio
import errno
import logging
import struct
from contextlib import suppress
from enum import IntEnum
from types import TracebackType
from typing import Self

from luxminer_hil.usbsim.bus import BusDevice, SimulatedBus
from luxminer_hil.usbsim.device import Gone, Setup, Stall
from luxminer_hil.usbsim.transfers import IN, Outcome, Transfer, Transfers

__all__ = ["UsbipServer"]

log = logging.getLogger(__name__)

VERSION = 0x0111
REPLY = 0x8000
"""Bit of a question's code that its answer lacks."""

FULL_SPEED = 2
BUS_ID_BYTES = 32
MAX_BODY_BYTES = 1 << 20
MAX_CONNECTIONS = 64
END_S = 2.0
"""In which connections end with the server."""

GREETING_S = 10.0
"""For the question with which a host begins."""


class Question(IntEnum):
    LIST = 0x8005
    IMPORT = 0x8003


class Refusal(IntEnum):
    OK = 0
    BUSY = 2
    NO_DEVICE = 4


class Command(IntEnum):
    SUBMIT = 1
    UNLINK = 2
    RET_SUBMIT = 3
    RET_UNLINK = 4


QUESTION = struct.Struct(">HHI")
"""Version, code, status."""

DEVICE = struct.Struct(">256s32sIIIHHHBBBBBB")
"""Path, bus id, bus, device, speed, vendor, product, version, class, sub-class, protocol,
configuration, configurations, interfaces."""

INTERFACE = struct.Struct(">BBBx")
HEADER = struct.Struct(">IIIII")
"""Command, sequence number, device, direction, endpoint; the last three are 0 in answers."""

SUBMIT = struct.Struct(">IIIII8s")
"""Flags, length, first frame, packets, interval, setup packet."""

RET_SUBMIT = struct.Struct(">iIIII8x")
"""Status, length, first frame, packets, errors."""

UNLINK = struct.Struct(">I24x")
RET_UNLINK = struct.Struct(">i24x")

STATUSES = {
    Outcome.DONE: 0,
    Outcome.STALLED: -errno.EPIPE,
    Outcome.OVERFLOW: -errno.EOVERFLOW,
    Outcome.GONE: -errno.ESHUTDOWN,
}


class UsbipServer:
    """Serves a bus. Use as ``async with UsbipServer(bus, host, port) as server: ...``."""

    def __init__(self, bus: SimulatedBus, host: str = "127.0.0.1", port: int = 0) -> None:
        self.host = host
        self.port = port
        """The one that was taken, once it serves."""
        self._bus = bus
        self._server: asyncio.Server | None = None
        self._hosts: set[asyncio.StreamWriter] = set()
        self._serving: set[asyncio.Task[None]] = set()

    async def __aenter__(self) -> Self:
        """Listen. Raises OSError."""
        self._server = await asyncio.start_server(self._connected, self.host, self.port)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        value: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        assert self._server is not None
        self._server.close()
        for writer in list(self._hosts):
            writer.transport.abort()  # also one that does not read
        if self._serving:
            # Else the end of the loop would cancel them, which streams complain about at length.
            await asyncio.wait(self._serving, timeout=END_S)
        await self._server.wait_closed()

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if len(self._hosts) >= MAX_CONNECTIONS:
            writer.close()
            return
        self._hosts.add(writer)
        task = asyncio.current_task()
        assert task is not None
        self._serving.add(task)
        try:
            await self._serve(reader, writer)
        except (OSError, asyncio.IncompleteReadError, Gone) as exc:
            log.debug("a USB/IP host has gone: %s", exc)
        except (ValueError, TimeoutError) as exc:
            log.warning("a USB/IP host broke the protocol: %s", exc)
        finally:
            self._hosts.discard(writer)
            self._serving.discard(task)
            writer.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        async with asyncio.timeout(GREETING_S):
            _, code, _ = QUESTION.unpack(await reader.readexactly(QUESTION.size))
            if code not in tuple(Question):
                raise ValueError(f"it asked for {code:#06x}")
            bus_id = await reader.readexactly(BUS_ID_BYTES) if code == Question.IMPORT else b""
        if code == Question.LIST:
            writer.write(QUESTION.pack(VERSION, code & ~REPLY, Refusal.OK) + self._listing())
            await writer.drain()
            return
        device = self._named(bus_id.rstrip(b"\0").decode("ascii", "replace"))
        refusal = Refusal.OK if device is not None else Refusal.NO_DEVICE
        if device is not None and (device.claims or device.kernel_drivers):
            refusal = Refusal.BUSY
        writer.write(QUESTION.pack(VERSION, code & ~REPLY, refusal))
        if device is None or refusal is not Refusal.OK:
            await writer.drain()
            return
        writer.write(_describe(device))
        await _Host(self._bus, device, writer).serve(reader)

    def _listing(self) -> bytes:
        devices = self._bus.devices()
        rows = (_describe(device) + _interfaces(device) for device in devices)
        return struct.pack(">I", len(devices)) + b"".join(rows)

    def _named(self, place: str) -> BusDevice | None:
        return next((device for device in self._bus.devices() if device.place == place), None)


class _Host:
    """One host that has a device."""

    def __init__(self, bus: SimulatedBus, device: BusDevice, writer: asyncio.StreamWriter) -> None:
        self._bus = bus
        self._device = device
        self._model = device.model
        self._writer = writer

    async def serve(self, reader: asyncio.StreamReader) -> None:
        """Answer until either side hangs up, or the device is pulled."""
        device = self._device
        device.claims = {each.number: self for each in self._model.layout.interfaces}
        device.events.append("open")
        self._bus.reset(device)
        self._transfers = Transfers(self._model, self._over)
        self._loop = asyncio.get_running_loop()
        unwatch = self._model.watch(self._changed)
        try:
            while True:
                await self._writer.drain()
                await self._handle(reader)
        finally:
            unwatch()
            self._transfers.close()
            device.claims = {}
            device.events.append("close")

    def _changed(self) -> None:
        with suppress(RuntimeError):  # the loop has ended
            self._loop.call_soon_threadsafe(self._hang_up_if_pulled)

    def _hang_up_if_pulled(self) -> None:
        if not self._model.is_plugged:
            self._writer.close()

    async def _handle(self, reader: asyncio.StreamReader) -> None:
        head = await reader.readexactly(HEADER.size + SUBMIT.size)
        command, number, _, direction, endpoint = HEADER.unpack_from(head)
        if command == Command.UNLINK:
            (victim,) = UNLINK.unpack_from(head, HEADER.size)
            status = -errno.ECONNRESET if self._transfers.cancel(victim) is not None else 0
            self._send(Command.RET_UNLINK, number, RET_UNLINK.pack(status))
            return
        if command != Command.SUBMIT:
            raise ValueError(f"it sent command {command}")
        _, length, _, _, _, setup = SUBMIT.unpack_from(head, HEADER.size)
        if length > MAX_BODY_BYTES or endpoint > 15:
            raise ValueError(f"it wants {length} bytes of endpoint {endpoint}")
        data = b"" if direction else await reader.readexactly(length)
        if endpoint == 0:
            self._control(number, Setup.decode(setup), data)
        else:
            address = endpoint | (IN if direction else 0)
            self._transfers.submit(Transfer(number, address, length, bytearray(data)))

    def _control(self, number: int, setup: Setup, data: bytes) -> None:
        answer, status = b"", 0
        try:
            answer = self._model.control(setup, data)
        except Stall:
            status = -errno.EPIPE
        done = len(answer) if setup.is_to_host else (0 if status else len(data))
        self._answer(number, status, done, answer)

    def _over(self, transfer: Transfer, outcome: Outcome) -> None:
        data = bytes(transfer.data) if transfer.is_to_host else b""
        self._answer(transfer.id, STATUSES[outcome], transfer.moved, data)

    def _answer(self, number: int, status: int, done: int, data: bytes) -> None:
        self._send(Command.RET_SUBMIT, number, RET_SUBMIT.pack(status, done, 0, 0, 0) + data)

    def _send(self, command: Command, number: int, body: bytes) -> None:
        if not self._writer.is_closing():
            self._writer.write(HEADER.pack(command, number, 0, 0, 0) + body)


def _describe(device: BusDevice) -> bytes:
    identity, layout = device.model.identity, device.model.layout
    return DEVICE.pack(
        f"/sys/devices/virtual/luxminer/{device.place}".encode(),
        device.place.encode(),
        device.bus,
        device.address,
        FULL_SPEED,
        identity.vendor_id,
        identity.product_id,
        layout.device_version,
        0,
        0,
        0,
        device.model.configuration,
        1,
        len(layout.interfaces),
    )


def _interfaces(device: BusDevice) -> bytes:
    return b"".join(
        INTERFACE.pack(0xFF, each.sub_class, each.protocol)
        for each in device.model.layout.interfaces
    )
