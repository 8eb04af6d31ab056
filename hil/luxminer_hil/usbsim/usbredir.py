"""A front end for QEMU's ``usb-redir``: a virtual device on the USB controller of a guest.

The device is plugged in when a guest connects, and pulled when either side hangs up::

    -chardev socket,id=c1,path=SOCKET,reconnect=1 -device usb-redir,bus=xhci.0,port=1,chardev=c1

Ref: usbredir protocol 0.7 of the SPICE project. All
numbers little endian.
"""

import asyncio
import logging
import struct
from enum import IntEnum
from pathlib import Path
from types import TracebackType
from typing import Self

from luxminer_hil.usbsim.device import Gone, Setup, Stall, UsbModel
from luxminer_hil.usbsim.transfers import Outcome, Transfer, Transfers

__all__ = ["UsbredirServer"]

log = logging.getLogger(__name__)

VERSION = b"luxminer virtual stick"
FULL_SPEED = 1
CAPABILITIES = 1 << 1 | 1 << 4 | 1 << 5 | 1 << 6
"""Device version in the connect packet, packet sizes of endpoints, ids of 64 bits, lengths of bulk
data of 32 bits: what QEMU needs for its XHCI controller, and so what a guest must offer too."""

MAX_BODY_BYTES = 1 << 20

CONTROL, BULK, INVALID = 0, 2, 255
ENDPOINTS = 32


class Kind(IntEnum):
    HELLO = 0
    DEVICE_CONNECT = 1
    RESET = 3
    INTERFACE_INFO = 4
    EP_INFO = 5
    SET_CONFIGURATION = 6
    GET_CONFIGURATION = 7
    CONFIGURATION_STATUS = 8
    SET_ALT_SETTING = 9
    GET_ALT_SETTING = 10
    ALT_SETTING_STATUS = 11
    CANCEL = 21
    CONTROL_PACKET = 100
    BULK_PACKET = 101


class Status(IntEnum):
    SUCCESS = 0
    CANCELLED = 1
    INVALID = 2
    IO_ERROR = 3
    STALL = 4
    BABBLE = 6


STATUSES = {
    Outcome.DONE: Status.SUCCESS,
    Outcome.STALLED: Status.STALL,
    Outcome.OVERFLOW: Status.BABBLE,
    Outcome.GONE: Status.IO_ERROR,
}

HELLO_HEADER = struct.Struct("<III")
"""Kind, length of the body, id."""

HEADER = struct.Struct("<IIQ")
HELLO_BODY = struct.Struct("<64sI")
CONTROL_BODY = struct.Struct("<BBBBHHH")
BULK_BODY = struct.Struct("<BBHIH")


class UsbredirServer:
    """Serves one model on a socket. Use as ``async with UsbredirServer(model, path): ...``."""

    def __init__(self, model: UsbModel, path: Path) -> None:
        self._model = model
        self._path = path
        self._server: asyncio.Server | None = None
        self._guest: _Guest | None = None
        self.connections = 0

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_unix_server(self._connected, self._path)
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        value: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        assert self._server is not None
        self._server.close()
        self.pull()
        await self._server.wait_closed()
        self._path.unlink(missing_ok=True)

    def pull(self) -> None:
        """Hang up; a guest that reconnects finds the stick plugged in again."""
        if self._guest is not None:
            self._guest.hang_up()

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self._guest is not None:
            writer.close()
            return
        self.connections += 1
        self._guest = _Guest(self._model, writer)
        try:
            await self._guest.serve(reader)
        except (OSError, asyncio.IncompleteReadError, Gone) as exc:
            log.debug("%s: the guest has gone: %s", self._path, exc)
        except (ValueError, struct.error, IndexError) as exc:
            log.warning("%s: the guest broke the protocol: %s", self._path, exc)
        finally:
            self._guest.hang_up()
            self._guest = None


class _Guest:
    """One connection."""

    def __init__(self, model: UsbModel, writer: asyncio.StreamWriter) -> None:
        self._model = model
        self._writer = writer
        self._transfers = Transfers(model, self._over)
        self._is_over = False

    async def serve(self, reader: asyncio.StreamReader) -> None:
        """Answer until the guest hangs up."""
        hello = HELLO_BODY.pack(VERSION, CAPABILITIES)
        self._writer.write(HELLO_HEADER.pack(Kind.HELLO, len(hello), 0) + hello)
        kind, _, body = await _receive(reader, HELLO_HEADER)
        if kind != Kind.HELLO or len(body) < HELLO_BODY.size:
            raise ValueError(f"it began with a packet of kind {kind}")
        _, offered = HELLO_BODY.unpack_from(body)
        if offered & CAPABILITIES != CAPABILITIES:
            raise ValueError(f"it offers {offered:#x}, and {CAPABILITIES:#x} is needed")
        self._model.plug()
        try:
            self._describe()
            layout, identity = self._model.layout, self._model.identity
            self._send(
                Kind.DEVICE_CONNECT,
                0,
                struct.pack(
                    "<BBBBHHH",
                    FULL_SPEED,
                    0,
                    0,
                    0,
                    identity.vendor_id,
                    identity.product_id,
                    layout.device_version,
                ),
            )
            while True:
                await self._writer.drain()
                self._handle(*await _receive(reader, HEADER))
        finally:
            self._is_over = True
            self._model.unplug()

    def hang_up(self) -> None:
        self._is_over = True
        self._transfers.close()
        self._writer.close()

    # --- What the guest asks -------------------------------------------------------------------

    def _handle(self, kind: int, number: int, body: bytes) -> None:
        match kind:
            case Kind.CONTROL_PACKET:
                self._control(number, body)
            case Kind.BULK_PACKET:
                self._bulk(number, body)
            case Kind.CANCEL:
                self._cancel(number)
            case Kind.RESET:
                self._transfers.clear()
                self._model.bus_reset()
            case Kind.SET_CONFIGURATION:
                self._configure(number, body[0])
            case Kind.GET_CONFIGURATION:
                self._tell_configuration(number, Status.SUCCESS)
            case Kind.SET_ALT_SETTING:
                status = Status.INVALID if body[1] else Status.SUCCESS
                self._send(Kind.ALT_SETTING_STATUS, number, bytes([status, body[0], 0]))
            case Kind.GET_ALT_SETTING:
                self._send(Kind.ALT_SETTING_STATUS, number, bytes([Status.SUCCESS, body[0], 0]))
            case _:
                log.debug("packet of kind %d is not for a device like this", kind)

    def _control(self, number: int, body: bytes) -> None:
        endpoint, request, request_type, _, value, index, length = CONTROL_BODY.unpack_from(body)
        setup = Setup(request_type, request, value, index, length)
        answer, status = b"", Status.SUCCESS
        try:
            answer = self._model.control(setup, body[CONTROL_BODY.size :])
        except Stall:
            status = Status.STALL
        done = len(answer) if setup.is_to_host else (0 if status else length)
        head = (endpoint, request, request_type, status, value, index, done)
        self._send(Kind.CONTROL_PACKET, number, CONTROL_BODY.pack(*head) + answer)

    def _bulk(self, number: int, body: bytes) -> None:
        endpoint, _, low, stream, high = BULK_BODY.unpack_from(body)
        data = bytearray(body[BULK_BODY.size :])
        wanted = high << 16 | low
        self._transfers.submit(Transfer(number, endpoint, wanted, data, tag=stream))

    def _cancel(self, number: int) -> None:
        transfer = self._transfers.cancel(number)
        if transfer is not None:
            transfer.data.clear()
            self._finish(transfer, Status.CANCELLED)

    def _configure(self, number: int, value: int) -> None:
        status = Status.SUCCESS
        try:
            self._model.control(Setup(0, 9, value, 0, 0))
        except Stall:
            status = Status.STALL
        self._describe()
        self._tell_configuration(number, status)

    def _tell_configuration(self, number: int, status: Status) -> None:
        body = bytes([status, self._model.configuration])
        self._send(Kind.CONFIGURATION_STATUS, number, body)

    def _over(self, transfer: Transfer, outcome: Outcome) -> None:
        self._finish(transfer, STATUSES[outcome])

    def _finish(self, transfer: Transfer, status: Status) -> None:
        done = transfer.moved
        head = (transfer.endpoint, status, done & 0xFFFF, transfer.tag, done >> 16)
        tail = bytes(transfer.data) if transfer.is_to_host else b""
        self._send(Kind.BULK_PACKET, transfer.id, BULK_BODY.pack(*head) + tail)

    # --- Descriptions --------------------------------------------------------------------------

    def _describe(self) -> None:
        """Say which endpoints and interfaces there are."""
        kinds, owners, sizes = [INVALID] * ENDPOINTS, [0] * ENDPOINTS, [0] * ENDPOINTS
        kinds[0] = kinds[16] = CONTROL
        sizes[0] = sizes[16] = self._model.layout.control_packet_bytes
        interfaces = self._model.layout.interfaces
        for interface in interfaces:
            for endpoint in interface.endpoints:
                at = (endpoint.address & 0x80) >> 3 | endpoint.address & 0x0F
                kinds[at] = BULK
                owners[at], sizes[at] = interface.number, endpoint.max_packet_bytes
        body = bytes(kinds) + bytes(ENDPOINTS) + bytes(owners) + struct.pack("<32H", *sizes)
        self._send(Kind.EP_INFO, 0, body)
        columns = (
            [interface.number for interface in interfaces],
            [0xFF for _ in interfaces],
            [interface.sub_class for interface in interfaces],
            [interface.protocol for interface in interfaces],
        )
        body = struct.pack("<I", len(interfaces))
        body += b"".join(bytes(column).ljust(ENDPOINTS, b"\0") for column in columns)
        self._send(Kind.INTERFACE_INFO, 0, body)

    def _send(self, kind: Kind, number: int, body: bytes) -> None:
        if not self._is_over:
            self._writer.write(HEADER.pack(kind, len(body), number) + body)


async def _receive(reader: asyncio.StreamReader, header: struct.Struct) -> tuple[int, int, bytes]:
    """Return kind, id and body of the next packet. Raises ValueError, IncompleteReadError."""
    kind, length, number = header.unpack(await reader.readexactly(header.size))
    if length > MAX_BODY_BYTES:
        raise ValueError(f"a packet of {length} bytes")
    return kind, number, await reader.readexactly(length)
