"""The USB/IP front end as the tools and the kernel of Linux speak to it, byte by byte."""

import asyncio
import struct
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from luxminer_hil.usbsim.bus import BusDevice, SimulatedBus
from luxminer_hil.usbsim.sticks import make_bridge
from luxminer_hil.usbsim.usbip import UsbipServer
from tests.unit.usbsim.uart_peer import UartPeer

SUBMIT, UNLINK, SUBMITTED, UNLINKED = 1, 2, 3, 4
OUT, IN = 0, 1
STALL, RESET_BY_HOST, TOO_LONG = -32, -104, -75
GET_DEVICE = bytes.fromhex("8006000100001200")
IFC_ENABLE = bytes.fromhex("4100010000000000")
NO_SETUP = bytes(8)
WAIT_S = 2.0


class Host:
    """A host's side of the socket."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer

    async def read(self, length: int) -> bytes:
        async with asyncio.timeout(WAIT_S):
            return await self.reader.readexactly(length)

    async def is_hung_up(self) -> bool:
        async with asyncio.timeout(WAIT_S):
            return await self.reader.read() == b""

    async def list(self) -> list[tuple[str, tuple[int, int, int], list[bytes]]]:
        """Return place, vendor, product and version, and the interfaces of each device."""
        self.writer.write(struct.pack(">HHI", 0x0111, 0x8005, 0))
        version, code, status, count = struct.unpack(">HHII", await self.read(12))
        assert (version, code, status) == (0x0111, 0x0005, 0)
        found = []
        for _ in range(count):
            row = await self.read(312)
            interfaces = [await self.read(4) for _ in range(row[-1])]
            found.append((place(row), struct.unpack_from(">HHH", row, 300), interfaces))
        return found

    async def attach(self, bus_id: str = "1-1") -> bytes | int:
        """Return the description of the device, or the reason for a refusal."""
        self.writer.write(struct.pack(">HHI32s", 0x0111, 0x8003, 0, bus_id.encode()))
        version, code, status = struct.unpack(">HHI", await self.read(8))
        assert (version, code) == (0x0111, 0x0003)
        return await self.read(312) if status == 0 else int(status)

    def submit(
        self, number: int, direction: int, endpoint: int, length: int, *, data: bytes = b""
    ) -> None:
        self._submit(number, direction, endpoint, length, NO_SETUP + data)

    def _submit(self, number: int, direction: int, endpoint: int, length: int, rest: bytes) -> None:
        head = struct.pack(">IIIII", SUBMIT, number, 0x00010002, direction, endpoint)
        self.writer.write(head + struct.pack(">IiIII", 0, length, 0, 0xFFFFFFFF, 0) + rest)

    def unlink(self, number: int, victim: int) -> None:
        head = struct.pack(">IIIII", UNLINK, number, 0x00010002, 0, 0)
        self.writer.write(head + struct.pack(">I24x", victim))

    async def receive(self, *, of_input: bool = True) -> tuple[int, int, int, int, bytes]:
        """Return command, number, status, length, data."""
        command, number, device, direction, endpoint = struct.unpack(">IIIII", await self.read(20))
        assert (device, direction, endpoint) == (0, 0, 0)
        status, length, first, packets, errors = struct.unpack(">iIIII8x", await self.read(28))
        assert (first, packets, errors) == (0, 0, 0)
        has_data = of_input and command == SUBMITTED
        return command, number, status, length, await self.read(length) if has_data else b""

    async def control(self, setup: bytes, data: bytes = b"") -> tuple[int, int, bytes]:
        """Return status, length and data."""
        direction = setup[0] >> 7
        self._submit(9, direction, 0, int.from_bytes(setup[6:8], "little"), setup + data)
        command, number, status, length, answer = await self.receive(of_input=bool(direction))
        assert (command, number) == (SUBMITTED, 9)
        return status, length, answer


def place(row: bytes) -> str:
    return row[256:288].rstrip(b"\0").decode()


@asynccontextmanager
async def serving(
    model: str = "compac", chips: UartPeer | None = None
) -> AsyncIterator[tuple[UsbipServer, SimulatedBus, BusDevice]]:
    bus = SimulatedBus()
    bridge = make_bridge(model, chips or UartPeer(), serial="10000007")
    device = bus.plug(bridge, "1-1", kernel_drivers=())
    async with UsbipServer(bus) as server:
        yield server, bus, device


@asynccontextmanager
async def host_of(server: UsbipServer) -> AsyncIterator[Host]:
    host = Host(*await asyncio.open_connection(server.host, server.port))
    try:
        yield host
    finally:
        host.writer.close()


@asynccontextmanager
async def attached(
    model: str = "compac", chips: UartPeer | None = None
) -> AsyncIterator[tuple[Host, SimulatedBus, BusDevice]]:
    async with serving(model, chips) as (server, bus, device), host_of(server) as host:
        assert isinstance(await host.attach(), bytes)
        if model == "compac":
            assert await host.control(IFC_ENABLE) == (0, 0, b"")
        yield host, bus, device


async def freed(device: BusDevice) -> None:
    for _ in range(200):
        if not device.claims:
            return
        await asyncio.sleep(0.01)
    raise TimeoutError("the device is still taken")


async def test_devices_are_listed_with_their_interfaces() -> None:
    async with serving() as (server, bus, _):
        bus.plug(make_bridge("compaca1", UartPeer()), "1-2.3", kernel_drivers=())
        async with host_of(server) as host:
            assert await host.list() == [
                ("1-1", (0x10C4, 0xEA60, 0x0100), [b"\xff\0\0\0"]),
                ("1-2.3", (0x10C4, 0xEA70, 0x0100), [b"\xff\0\0\0"] * 2),
            ]
            assert await host.is_hung_up()


async def test_a_device_describes_itself_when_it_is_attached() -> None:
    async with serving("newpac") as (server, _, device), host_of(server) as host:
        row = await host.attach()
        assert isinstance(row, bytes)
        assert row[:256].rstrip(b"\0").decode().endswith("/1-1")
        bus, address, speed = struct.unpack_from(">III", row, 288)
        assert (bus, address, speed) == (1, device.address, 2)
        assert row[300:] == bytes.fromhex("0403601510000000000101" + "01")
        status, length, data = await host.control(GET_DEVICE)
        assert (status, length, data[8:12].hex()) == (0, 18, "03041560")


async def test_a_device_has_one_host_at_a_time() -> None:
    async with serving() as (server, _, device):
        async with host_of(server) as first, host_of(server) as second, host_of(server) as third:
            assert isinstance(await first.attach(), bytes)
            assert await second.attach() == 2
            assert await third.attach("1-7") == 4
        await freed(device)
        async with host_of(server) as again:
            assert isinstance(await again.attach(), bytes)
        assert device.events[:3] == ["open", "close", "open"]


async def test_a_device_that_a_driver_here_has_is_not_given_away() -> None:
    bus = SimulatedBus()
    bus.plug(make_bridge("compac", UartPeer()), "1-1")
    async with UsbipServer(bus) as server, host_of(server) as host:
        assert await host.attach() == 2


async def test_control_transfers_and_refusals() -> None:
    async with attached() as (host, _, _):
        baudrate = (115_200).to_bytes(4, "little")
        assert await host.control(bytes.fromhex("411e000000000400"), baudrate) == (0, 4, b"")
        status, length, data = await host.control(bytes.fromhex("c11d000000000400"))
        assert (status, length, int.from_bytes(data, "little")) == (0, 4, 115385)
        assert await host.control(bytes.fromhex("8006000600000a00")) == (STALL, 0, b"")


async def test_bytes_go_both_ways_and_a_read_waits() -> None:
    chips = UartPeer()
    async with attached(chips=chips) as (host, _, _):
        host.submit(20, IN, 1, 512)
        host.submit(21, OUT, 1, 100, data=bytes(100))
        assert await host.receive(of_input=False) == (SUBMITTED, 21, 0, 100, b"")
        assert chips.received == bytes(100)
        chips.say(b"nonce")
        assert await host.receive() == (SUBMITTED, 20, 0, 5, b"nonce")


async def test_a_read_that_is_unlinked_is_over_and_takes_nothing_with_it() -> None:
    chips = UartPeer()
    async with attached(chips=chips) as (host, _, _):
        host.submit(30, IN, 1, 64)
        host.unlink(31, 30)
        assert (await host.receive())[:3] == (UNLINKED, 31, RESET_BY_HOST)
        host.unlink(32, 30)
        assert (await host.receive())[:3] == (UNLINKED, 32, 0)
        chips.say(b"kept")
        host.submit(33, IN, 1, 64)
        assert await host.receive() == (SUBMITTED, 33, 0, 4, b"kept")


async def test_a_halted_endpoint_stalls_and_too_much_is_told() -> None:
    chips = UartPeer()
    async with attached(chips=chips) as (host, _, device):
        device.model.halt(0x81)
        host.submit(1, IN, 1, 64)
        assert await host.receive() == (SUBMITTED, 1, STALL, 0, b"")
        assert (await host.control(bytes.fromhex("0201000081000000")))[0] == 0
        chips.say(b"123456")
        host.submit(2, IN, 1, 4)
        assert await host.receive() == (SUBMITTED, 2, TOO_LONG, 0, b"")


async def test_status_bytes_of_an_idle_ftdi_come_without_anybody_speaking() -> None:
    async with attached("newpac") as (host, _, _):
        host.submit(5, IN, 1, 512)
        assert await host.receive() == (SUBMITTED, 5, 0, 2, b"\x01\x60")


async def test_pulling_hangs_up_and_what_comes_next_can_be_attached() -> None:
    async with serving() as (server, bus, device):
        async with host_of(server) as host:
            assert isinstance(await host.attach(), bytes)
            host.submit(1, IN, 1, 64)
            await asyncio.sleep(0.01)
            bus.unplug("1-1")
            assert (await host.receive())[1] == 1
            assert await host.is_hung_up()
        async with host_of(server) as host:
            assert await host.list() == []
        bus.plug(device.model, "1-1", kernel_drivers=())
        async with host_of(server) as host:
            assert isinstance(await host.attach(), bytes)


@pytest.mark.parametrize(
    "raw",
    [
        struct.pack(">IIIII", 7, 1, 0, 0, 1) + bytes(28),
        struct.pack(">IIIII", SUBMIT, 1, 0, IN, 16) + bytes(28),
        struct.pack(">IIIII", SUBMIT, 1, 0, OUT, 1) + struct.pack(">II", 0, 1 << 31) + bytes(20),
    ],
    ids=["command", "endpoint", "length"],
)
async def test_nonsense_ends_the_connection_and_nothing_else(
    raw: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    async with serving() as (server, _, device):
        async with host_of(server) as host:
            assert isinstance(await host.attach(), bytes)
            host.writer.write(raw)
            assert await host.is_hung_up()
        assert [record.levelname for record in caplog.records] == ["WARNING"]
        await freed(device)
        async with host_of(server) as again:
            assert isinstance(await again.attach(), bytes)


async def test_more_reads_than_a_host_has_end_the_connection() -> None:
    async with attached() as (host, _, _):
        for number in range(65):
            host.submit(number, IN, 1, 64)
        assert await host.is_hung_up()


async def test_a_wrong_greeting_is_not_answered() -> None:
    async with serving() as (server, _, _), host_of(server) as host:
        host.writer.write(b"GET / HTTP/1.1\r\n\r\n")
        assert await host.is_hung_up()
