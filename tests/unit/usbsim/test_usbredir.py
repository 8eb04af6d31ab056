"""The usbredir front end as QEMU speaks to it, byte by byte."""

import asyncio
import struct
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from luxminer_hil.usbsim.device import UsbModel
from luxminer_hil.usbsim.sticks import make_bridge
from luxminer_hil.usbsim.usbredir import UsbredirServer
from tests.unit.usbsim.uart_peer import UartPeer

QEMU_OFFERS = 0xFF
HELLO, CONNECT, RESET, INTERFACES, ENDPOINTS = 0, 1, 3, 4, 5
CONTROL, BULK, CANCEL = 100, 101, 21


class Guest:
    """QEMU's side of the socket."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer

    async def hello(self, offers: int = QEMU_OFFERS) -> None:
        body = b"qemu usb-redir guest 7.2".ljust(64, b"\0") + struct.pack("<I", offers)
        self.writer.write(struct.pack("<III", HELLO, len(body), 0) + body)
        kind, length, _ = struct.unpack("<III", await self.reader.readexactly(12))
        assert (kind, length) == (HELLO, 68)
        await self.reader.readexactly(length)

    def send(self, kind: int, number: int, body: bytes = b"") -> None:
        self.writer.write(struct.pack("<IIQ", kind, len(body), number) + body)

    async def receive(self) -> tuple[int, int, bytes]:
        async with asyncio.timeout(2.0):
            kind, length, number = struct.unpack("<IIQ", await self.reader.readexactly(16))
            return kind, number, await self.reader.readexactly(length)

    async def control(
        self,
        request_type: int,
        request: int,
        value: int,
        index: int,
        length: int,
        data: bytes = b"",
    ) -> tuple[int, bytes]:
        """Return status and data."""
        endpoint = request_type & 0x80
        head = struct.pack("<BBBBHHH", endpoint, request, request_type, 0, value, index, length)
        self.send(CONTROL, 7, head + data)
        kind, number, body = await self.receive()
        assert (kind, number) == (CONTROL, 7)
        assert body[:3] == head[:3]
        return body[3], body[10:]

    def bulk(self, number: int, endpoint: int, length: int, data: bytes = b"") -> None:
        self.send(BULK, number, struct.pack("<BBHIH", endpoint, 0, length, 0, 0) + data)


@asynccontextmanager
async def connected(
    model: UsbModel, path: Path, offers: int = QEMU_OFFERS
) -> AsyncIterator[tuple[Guest, UsbredirServer]]:
    async with UsbredirServer(model, path) as server:
        guest = Guest(*await asyncio.open_unix_connection(path))
        await guest.hello(offers)
        yield guest, server
        guest.writer.close()


async def described(guest: Guest) -> tuple[bytes, bytes, bytes]:
    packets = [await guest.receive() for _ in range(3)]
    assert [kind for kind, _, _ in packets] == [ENDPOINTS, INTERFACES, CONNECT]
    endpoints, interfaces, connect = (body for _, _, body in packets)
    return endpoints, interfaces, connect


async def ready(guest: Guest) -> None:
    await described(guest)
    guest.send(6, 1, b"\x01")
    assert [(await guest.receive())[0] for _ in range(3)] == [ENDPOINTS, INTERFACES, 8]
    assert await guest.control(0x41, 0x00, 1, 0, 0) == (0, b"")


async def test_a_device_describes_itself_before_it_connects(tmp_path: Path) -> None:
    async with connected(make_bridge("compaca1", UartPeer()), tmp_path / "s") as (guest, _):
        endpoints, interfaces, connect = await described(guest)
    assert connect.hex() == "01000000" + "c410" + "70ea" + "0001"
    assert struct.unpack_from("<I", interfaces) == (2,)
    assert interfaces[4:6] == b"\x00\x01"
    assert interfaces[36:38] == b"\xff\xff"
    kinds, owners = endpoints[:32], endpoints[64:96]
    sizes = struct.unpack_from("<32H", endpoints, 96)
    assert [n for n, kind in enumerate(kinds) if kind == 2] == [1, 2, 17, 18]
    assert (owners[18], sizes[17], sizes[18], sizes[0]) == (1, 64, 32, 64)
    assert kinds[0] == kinds[16] == 0
    assert kinds[3] == 255


async def test_control_transfers_and_refusals(tmp_path: Path) -> None:
    async with connected(make_bridge("compac", UartPeer()), tmp_path / "s") as (guest, _):
        await ready(guest)
        status, data = await guest.control(0x80, 6, 0x0100, 0, 18)
        assert (status, len(data)) == (0, 18)
        assert await guest.control(0x80, 6, 0x0600, 0, 10) == (4, b"")
        assert await guest.control(0x41, 0x1E, 0, 0, 4, b"\x00\xc2\x01\x00") == (0, b"")
        assert await guest.control(0xC1, 0x1D, 0, 0, 4) == (0, (115385).to_bytes(4, "little"))


async def test_bytes_go_both_ways_and_a_read_waits(tmp_path: Path) -> None:
    chips = UartPeer()
    async with connected(make_bridge("compac", chips), tmp_path / "s") as (guest, _):
        await ready(guest)
        guest.bulk(20, 0x81, 512)
        guest.bulk(21, 0x01, 100, bytes(100))
        kind, number, body = await guest.receive()
        assert (kind, number) == (BULK, 21)
        assert struct.unpack_from("<BBH", body) == (0x01, 0, 100)
        assert chips.received == bytes(100)
        chips.say(b"nonce")
        kind, number, body = await guest.receive()
        assert (kind, number, body[10:]) == (BULK, 20, b"nonce")


async def test_a_write_that_is_not_taken_waits_for_its_turn(tmp_path: Path) -> None:
    chips = UartPeer()
    chips.room = 70
    async with connected(make_bridge("compac", chips), tmp_path / "s") as (guest, _):
        await ready(guest)
        guest.bulk(1, 0x01, 100, b"a" * 100)
        guest.bulk(2, 0x01, 10, b"b" * 10)
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.1):
                await guest.reader.readexactly(1)
        chips.take_on()
        assert [(await guest.receive())[1] for _ in range(2)] == [1, 2]
        assert chips.received == b"a" * 100 + b"b" * 10


async def test_status_bytes_of_an_idle_ftdi_come_without_anybody_speaking(tmp_path: Path) -> None:
    async with connected(make_bridge("newpac", UartPeer()), tmp_path / "s") as (guest, _):
        await described(guest)
        guest.send(6, 1, b"\x01")
        for _ in range(3):
            await guest.receive()
        guest.bulk(5, 0x81, 512)
        kind, number, body = await guest.receive()
        assert (kind, number, body[10:]) == (BULK, 5, b"\x01\x60")


async def test_a_cancelled_read_is_answered_as_such(tmp_path: Path) -> None:
    chips = UartPeer()
    async with connected(make_bridge("compac", chips), tmp_path / "s") as (guest, _):
        await ready(guest)
        guest.bulk(30, 0x81, 64)
        guest.send(CANCEL, 30)
        kind, number, body = await guest.receive()
        assert (kind, number) == (BULK, 30)
        assert struct.unpack_from("<BBH", body) == (0x81, 1, 0)
        chips.say(b"kept")
        guest.bulk(31, 0x81, 64)
        assert (await guest.receive())[2][10:] == b"kept"


async def test_a_halted_endpoint_stalls_and_a_reset_clears_it(tmp_path: Path) -> None:
    model = make_bridge("compac", UartPeer())
    async with connected(model, tmp_path / "s") as (guest, _):
        await ready(guest)
        model.halt(0x81)
        guest.bulk(1, 0x81, 64)
        _, _, body = await guest.receive()
        assert body[1] == 4
        guest.send(RESET, 0)
        guest.send(7, 9)
        kind, number, body = await guest.receive()
        assert (kind, number, body) == (8, 9, b"\x00\x00")


async def test_pulling_hangs_up_and_coming_back_plugs_in(tmp_path: Path) -> None:
    chips = UartPeer()
    async with connected(make_bridge("compac", chips), tmp_path / "s") as (guest, server):
        await ready(guest)
        server.pull()
        with pytest.raises(asyncio.IncompleteReadError):
            await guest.receive()
        await asyncio.sleep(0.01)
        assert chips.line is None
        again = Guest(*await asyncio.open_unix_connection(tmp_path / "s"))
        await again.hello()
        await ready(again)
        assert chips.plugs == 2
        assert server.connections == 2
        again.writer.close()


async def test_a_second_guest_is_sent_away(tmp_path: Path) -> None:
    async with connected(make_bridge("compac", UartPeer()), tmp_path / "s") as (guest, _):
        await ready(guest)
        reader, writer = await asyncio.open_unix_connection(tmp_path / "s")
        async with asyncio.timeout(1.0):
            assert await reader.read() == b""
        writer.close()
        assert (await guest.control(0x80, 8, 0, 0, 1)) == (0, b"\x01")


@pytest.mark.parametrize(
    "raw",
    [
        struct.pack("<IIQ", BULK, 1 << 30, 1),
        struct.pack("<IIQ", CONTROL, 3, 1) + b"abc",
        struct.pack("<IIQ", BULK, 1, 1) + b"x",
        struct.pack("<IIQ", 6, 0, 1),
    ],
)
async def test_nonsense_ends_the_connection_and_nothing_else(
    raw: bytes, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    chips = UartPeer()
    async with connected(make_bridge("compac", chips), tmp_path / "s") as (guest, _):
        await described(guest)
        guest.writer.write(raw)
        async with asyncio.timeout(2.0):
            assert await guest.reader.read() == b""
        await asyncio.sleep(0.01)
        assert chips.line is None
        assert [record.levelname for record in caplog.records] == ["WARNING"]
        again = Guest(*await asyncio.open_unix_connection(tmp_path / "s"))
        await again.hello()
        await ready(again)
        again.writer.close()


async def test_a_guest_that_lacks_what_is_needed_is_sent_away(tmp_path: Path) -> None:
    chips = UartPeer()
    async with connected(make_bridge("compac", chips), tmp_path / "s", offers=0x0F) as (guest, _):
        async with asyncio.timeout(2.0):
            assert await guest.reader.read() == b""
        assert chips.plugs == 0
