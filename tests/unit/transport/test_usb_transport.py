"""Bytes over a bridge: both ways, cut, cancelled, held back; unplugs; who has the device."""

import asyncio
import errno
import random
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import pytest

from luxminer.errors import (
    PortProblem,
    PortUnusable,
    TransportClosed,
    TransportError,
    TransportTimeout,
)
from luxminer.transport.opening import open_port
from luxminer.transport.usbbridge import find as find_module
from luxminer.transport.usbbridge.find import names_in_sysfs
from luxminer.transport.usbbridge.opening import open_usb
from luxminer.transport.usbbridge.problems import explain, unusable
from luxminer.transport.usbbridge.transport import INPUT_LIMIT, MAX_ORDERS
from tests.unit.transport.usb_rig import BAUD, PLACE, Rig, read_exactly

EVERY = ["compac", "compacf", "compaca1"]
"""One stick of each bridge."""


@pytest.mark.parametrize("model", EVERY)
async def test_bytes_go_both_ways_unchanged(model: str) -> None:
    every_byte = bytes(range(256))
    rig = Rig()
    rig.plug(model)
    async with rig.opened() as transport:
        assert transport.name == "usb:1-1.3"
        await transport.write(every_byte)
        assert rig.chips.received == every_byte
        rig.chips.say(every_byte)
        assert await read_exactly(transport, 256) == every_byte


@pytest.mark.parametrize("model", EVERY)
async def test_a_packet_that_is_exactly_full_arrives_at_once(model: str) -> None:
    rig = Rig()
    rig.plug(model)
    async with rig.opened() as transport:
        for size in (62, 64, 124, 128):
            started_s = asyncio.get_running_loop().time()
            rig.chips.say(bytes(size))
            assert await read_exactly(transport, size) == bytes(size)
            assert asyncio.get_running_loop().time() - started_s < 0.1


@pytest.mark.parametrize("model", EVERY)
async def test_cancelled_reads_lose_no_byte(model: str) -> None:
    seed = random.randrange(1 << 32)
    print("seed", seed)
    rng = random.Random(seed)
    rig = Rig()
    rig.plug(model)
    sent, received = bytearray(), bytearray()
    async with rig.opened() as transport:
        for _ in range(100):
            piece = rng.randbytes(rng.randrange(1, 100))
            sent += piece[: rig.chips.say(piece)]  # more than the bridge holds is lost there
            reading = asyncio.create_task(transport.read(rng.randrange(1, 200)))
            await asyncio.wait({reading}, timeout=rng.choice([0, 0.0005, 0.002]))
            reading.cancel()
            for task in (await asyncio.wait({reading}))[0]:
                if not task.cancelled():
                    received += task.result()
        received += await read_exactly(transport, len(sent) - len(received))
    assert received == sent


async def test_a_read_returns_at_most_its_limit() -> None:
    rig = Rig()
    rig.plug()
    async with rig.opened() as transport:
        rig.chips.say(b"abcdef")
        assert await transport.read(1) == b"a"
        assert await transport.read(3) == b"bcd"
        assert await transport.read(3) == b"ef"


async def test_discarded_input_is_counted_and_gone() -> None:
    rig = Rig()
    rig.plug()
    async with rig.opened() as transport:
        rig.chips.say(b"noise")
        await asyncio.sleep(0.05)
        assert transport.discard_input() == 5
        rig.chips.say(b"reply")
        assert await transport.read() == b"reply"


async def test_a_slow_reader_stops_the_bridge_and_loses_only_what_the_bridge_drops() -> None:
    """The buffer stays bounded; the bridge's own then overflows, as on a real line."""
    rig = Rig()
    rig.plug("compacf")
    kept = 0
    async with rig.opened() as transport:
        for _ in range(4000):
            kept += rig.chips.say(bytes(62))
            await asyncio.sleep(0)
            if kept > INPUT_LIMIT + 4096:
                break
        total = 0
        async with asyncio.timeout(5.0):
            while total < kept:
                total += len(await transport.read(65536 * 2))
        assert total == kept


@pytest.mark.parametrize("model", EVERY)
async def test_an_unplug_in_mid_read_gives_what_came_and_then_the_cure(model: str) -> None:
    rig = Rig()
    rig.plug(model)
    async with rig.opened() as transport:
        rig.chips.say(b"\x12\x34")
        assert await transport.read() == b"\x12\x34"
        reading = asyncio.create_task(transport.read())
        await asyncio.sleep(0.02)
        rig.bus.unplug(PLACE)
        async with asyncio.timeout(1.0):
            with pytest.raises(TransportClosed, match="unplugged; plug it in again"):
                await reading
        with pytest.raises(TransportClosed):
            await transport.write(b"x")
        with pytest.raises(TransportClosed):
            await transport.set_baudrate(BAUD)


async def test_bytes_that_came_before_the_unplug_are_still_read() -> None:
    rig = Rig()
    rig.plug()
    async with rig.opened() as transport:
        rig.chips.say(b"last words")
        await asyncio.sleep(0.05)
        rig.bus.unplug(PLACE)
        await asyncio.sleep(0.05)
        assert await transport.read() == b"last words"
        with pytest.raises(TransportClosed):
            await transport.read()


@pytest.mark.parametrize("model", EVERY)
async def test_an_unplug_in_mid_write_ends_the_write(model: str) -> None:
    rig = Rig()
    rig.plug(model)
    async with rig.opened() as transport:
        rig.chips.room = 70
        writing = asyncio.create_task(transport.write(bytes(300)))
        await asyncio.sleep(0.05)
        assert not writing.done()
        rig.bus.unplug(PLACE)
        async with asyncio.timeout(1.0):
            with pytest.raises(TransportClosed, match="plug it in again"):
                await writing


@pytest.mark.parametrize("model", EVERY)
async def test_short_writes_are_continued(model: str) -> None:
    data = random.Random(7).randbytes(500)
    rig = Rig()
    rig.plug(model)
    async with rig.opened() as transport:
        rig.chips.room = 100
        writing = asyncio.create_task(transport.write(data))
        for _ in range(20):
            await asyncio.sleep(0.005)
            rig.chips.take_on(37)
        await writing
    assert rig.chips.received == data


async def test_a_bridge_that_takes_nothing_is_a_timeout_and_works_again_later() -> None:
    rig = Rig()
    rig.plug()
    async with rig.opened(write_limit_s=0.3) as transport:
        rig.chips.room = 0
        started_s = asyncio.get_running_loop().time()
        with pytest.raises(TransportTimeout, match=r"took no byte for 0\.3 s"):
            await transport.write(b"task")
        assert 0.3 <= asyncio.get_running_loop().time() - started_s < 1.5
        rig.chips.take_on()
        await transport.write(b"again")
        assert rig.chips.received == b"again"


async def test_a_cancelled_write_goes_out_whole_and_before_the_next() -> None:
    rig = Rig()
    rig.plug()
    async with rig.opened() as transport:
        rig.chips.room = 10
        writing = asyncio.create_task(transport.write(b"a" * 100))
        await asyncio.sleep(0.05)
        writing.cancel()
        with pytest.raises(asyncio.CancelledError):
            await writing
        rig.chips.take_on()
        await transport.write(b"b" * 10)
    assert rig.chips.received == b"a" * 100 + b"b" * 10


async def test_orders_of_callers_that_went_away_are_bounded() -> None:
    rig = Rig()
    rig.plug()
    async with rig.opened(write_limit_s=1.0) as transport:
        rig.chips.room = 0
        for _ in range(MAX_ORDERS):
            writing = asyncio.create_task(transport.write(b"x"))
            await asyncio.sleep(0)
            writing.cancel()
            await asyncio.wait({writing})
        with pytest.raises(TransportTimeout, match="does not carry out"):
            await transport.write(b"x")


@pytest.mark.parametrize("model", EVERY)
async def test_the_kernel_gets_its_interfaces_back(model: str) -> None:
    rig = Rig()
    device = rig.plug(model)
    had = set(device.kernel_drivers)
    async with rig.opened() as transport:
        assert device.kernel_drivers == set()
        assert set(device.claims) == had
        await transport.close()
        await transport.close()
    assert device.kernel_drivers == had
    assert not device.claims
    assert device.events[-1] == "close"
    assert [event for event in device.events if event.startswith("attach")] == [
        f"attach {number}" for number in sorted(had)
    ]


@pytest.mark.parametrize(("request_type", "request_"), [(0x41, 0x00), (0x41, 0x1E), (0x41, 0x03)])
async def test_the_kernel_gets_it_back_after_an_error_on_opening(
    request_type: int, request_: int
) -> None:
    rig = Rig()
    device = rig.plug()
    device.model.refuse(request_type, request_)
    with pytest.raises(PortUnusable, match="unplug the stick and plug it in again") as caught:
        await rig.open()
    assert caught.value.problem is PortProblem.FAILED
    assert device.kernel_drivers == {0}
    assert device.events[-1] == "close"
    async with rig.opened() as transport:
        await transport.write(b"works")


async def test_an_interface_that_the_kernel_did_not_have_is_not_given_to_it() -> None:
    rig = Rig()
    device = rig.plug()
    device.kernel_drivers.clear()
    async with rig.opened():
        pass
    assert device.kernel_drivers == set()


async def test_an_unplugged_device_closes_quietly(caplog: pytest.LogCaptureFixture) -> None:
    rig = Rig()
    rig.plug()
    async with rig.opened():
        rig.bus.unplug(PLACE)
    assert not [record for record in caplog.records if record.levelname == "WARNING"]


async def test_closing_ends_a_read_and_a_write_under_way() -> None:
    rig = Rig()
    rig.plug()
    transport = await rig.open()
    rig.chips.room = 0
    waiting = {
        asyncio.create_task(transport.read()),
        asyncio.create_task(transport.write(b"x")),
    }
    await asyncio.sleep(0.05)
    await transport.close()
    async with asyncio.timeout(1.0):
        for task in waiting:
            with pytest.raises(TransportClosed, match="closed"):
                await task


async def test_no_thread_stays_behind() -> None:
    before = {thread.name for thread in threading.enumerate()}
    rig = Rig()
    rig.plug("compaca1")
    async with rig.opened() as transport:
        await transport.write(b"x")
        assert len({thread.name for thread in threading.enumerate()} - before) >= 3
    await asyncio.sleep(0.05)
    left = {t.name for t in threading.enumerate() if t.name.startswith("usb:")} - before
    assert not left


async def test_telemetry_is_a_channel_of_its_own() -> None:
    rig = Rig()
    rig.plug("compaca2")
    async with rig.opened() as transport:
        telemetry = transport.channel(1)
        assert telemetry.capabilities == frozenset()
        await telemetry.write(b"\x42\x4f")
        await transport.write(b"\x55\xaa")
        assert rig.telemetry.received == b"\x42\x4f"
        assert rig.chips.received == b"\x55\xaa"
        rig.telemetry.say(b"measured")
        rig.chips.say(b"nonce")
        assert await telemetry.read() == b"measured"
        assert await transport.read() == b"nonce"
        with pytest.raises(TransportError, match="has no reset line"):
            await telemetry.set_reset(True)
        with pytest.raises(TransportError, match="has no channel 2"):
            transport.channel(2)


async def test_both_channels_work_after_a_reset_of_the_port() -> None:
    rig = Rig()
    rig.plug("compaca2")
    async with rig.opened() as transport:
        telemetry = transport.channel(1)
        reading = asyncio.create_task(telemetry.read())
        await asyncio.sleep(0.01)
        await transport.set_reset(True)
        await transport.set_reset(False)
        rig.telemetry.say(b"still here")
        assert await reading == b"still here"
        rig.chips.say(b"nonce")
        assert await transport.read() == b"nonce"
        await transport.write(b"job")
        assert rig.chips.received == b"job"


async def test_an_unplug_ends_both_channels() -> None:
    rig = Rig()
    rig.plug("compaca2")
    async with rig.opened() as transport:
        readers = [asyncio.create_task(t.read()) for t in (transport, transport.channel(1))]
        await asyncio.sleep(0.01)
        rig.bus.unplug(PLACE)
        async with asyncio.timeout(1.0):
            for reader in readers:
                with pytest.raises(TransportClosed):
                    await reader


async def test_closing_telemetry_leaves_the_chips_alone() -> None:
    rig = Rig()
    rig.plug("compaca2")
    async with rig.opened() as transport:
        telemetry = transport.channel(1)
        await telemetry.close()
        with pytest.raises(TransportClosed):
            await telemetry.read()
        rig.chips.say(b"nonce")
        assert await transport.read() == b"nonce"


async def test_an_unplug_in_mid_reset_is_closed() -> None:
    rig = Rig()
    rig.plug("newpac")
    async with rig.opened() as transport:
        rig.bus.unplug(PLACE)
        with pytest.raises(TransportClosed):
            await transport.set_reset(True)


async def test_a_refused_request_is_an_error_and_the_port_stays() -> None:
    rig = Rig()
    device = rig.plug("newpac")
    async with rig.opened() as transport:
        device.model.refuse(0x40, 0x0B)
        with pytest.raises(TransportError, match="refused a request"):
            await transport.set_reset(True)
        await transport.set_reset(True)
        assert rig.chips.resets[-1] is True


@pytest.mark.parametrize("model", EVERY)
async def test_a_halted_endpoint_is_cleared(model: str) -> None:
    rig = Rig()
    device = rig.plug(model)
    async with rig.opened() as transport:
        device.model.halt(0x81)
        device.model.halt(device.model.layout.interfaces[0].endpoints[1].address)
        await transport.write(b"out")
        rig.chips.say(b"in")
        assert await transport.read() == b"in"
        assert rig.chips.received == b"out"


async def test_two_sticks_with_one_serial_number_are_told_apart_by_place() -> None:
    rig = Rig()
    rig.plug(place="1-1.3", serial="0001")
    other = rig.plug(place="1-1.4", serial="0001")
    async with rig.opened("usb:1-1.3?serial=0001") as transport:
        await transport.write(b"mine")
        assert other.opened == 0
        assert rig.chips.received == b"mine"
    with pytest.raises(PortUnusable, match=r"1-1\.3 and 1-1\.4 both have") as caught:
        await rig.open("usb:?serial=0001")
    assert caught.value.problem is PortProblem.BAD_ADDRESS
    assert other.opened == 0


async def test_a_serial_number_finds_its_stick_and_opens_no_other() -> None:
    rig = Rig()
    rig.plug(place="2-1", serial="A")
    other = rig.plug(place="1-1.4", serial="B")
    async with rig.opened("usb:?serial=A") as transport:
        assert transport.name == "usb:2-1"
    assert other.opened == 0


@pytest.mark.parametrize(
    "port",
    [
        "usb:?serial=S1",
        "usb:1-1.3?id=0403:6015",
        "usb:1-1.3?product=Compac%20BM1384%20Bitcoin%20Miner",
        "usb:1-1.3?manufacturer=GekkoScience",
        "usb:1-1.3?serial=S1",
        "usb:1-1.4",
    ],
)
async def test_a_foreign_cp2102_is_never_opened_or_written_to(port: str) -> None:
    rig = Rig()
    foreign = rig.plug("u1", serial="0001")
    with pytest.raises(PortUnusable) as caught:
        await rig.open(port)
    assert caught.value.problem is PortProblem.MISSING
    assert foreign.opened == 0
    assert foreign.events == []
    assert rig.requests() == []
    assert foreign.kernel_drivers == {0}


async def test_a_device_whose_names_cannot_be_known_is_left_alone() -> None:
    rig = Rig()
    device = rig.plug()
    with pytest.raises(PortUnusable, match="names cannot be read"):
        await open_usb(
            "usb:1-1.3?serial=S1", BAUD, backend=rig.backend, names_of=lambda device: None
        )
    assert device.opened == 0


@pytest.mark.parametrize("model", EVERY)
async def test_an_unplug_while_it_is_opened_is_seen_by_then_or_by_the_first_read(
    model: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    rig = Rig()
    rig.plug(model)
    monkeypatch.setattr(rig, "sleep", lambda seconds: rig.bus.unplug(PLACE))
    with pytest.raises((PortUnusable, TransportClosed), match="plug"):
        async with rig.opened() as transport:
            await transport.read()
    rig.plug(model)
    monkeypatch.undo()
    async with rig.opened() as transport:
        await transport.write(b"works")


async def test_an_error_of_the_bus_is_not_taken_for_an_unplug() -> None:
    text = explain(OSError(errno.EIO, "Input/Output Error"))
    assert text == "input/output error; check its cable and hub, or plug it in again"
    error = unusable("usb:1-1.3", OSError(errno.EIO, "Input/Output Error"), "/dev/bus/usb/001/002")
    assert error.problem is PortProblem.FAILED


async def test_a_reset_that_fails_halfway_leaves_no_reader_behind() -> None:
    rig = Rig()
    device = rig.plug("compaca2")
    async with rig.opened() as transport:
        device.model.refuse(0x41, 0xFF)
        with pytest.raises(TransportError, match="refused a request"):
            await transport.set_reset(True)
        await transport.set_reset(True)
        await transport.set_reset(False)
        rig.chips.say(b"nonce")
        assert await transport.read() == b"nonce"


def test_nothing_of_pyusb_is_there_before_a_port_is_opened() -> None:
    code = (
        "import sys; import luxminer.daemon; "
        "print([name for name in sys.modules if 'usbbridge' in name]); "
        "import luxminer.transport.usbbridge.transport, luxminer.transport.usbbridge.opening; "
        "print([name for name in sys.modules if name.partition('.')[0] == 'usb'])"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.split() == ["[]", "[]"]


async def test_a_device_in_use_says_so() -> None:
    rig = Rig()
    device = rig.plug()
    async with rig.opened():
        with pytest.raises(PortUnusable, match="in use") as caught:
            await rig.open()
        assert caught.value.problem is PortProblem.BUSY
        assert device.kernel_drivers == set()


async def test_a_denied_device_names_rule_or_group() -> None:
    rig = Rig()
    rig.plug().is_denied = True
    with pytest.raises(PortUnusable, match="permission denied for /dev/bus/usb/001/002") as caught:
        await rig.open()
    assert caught.value.problem is PortProblem.DENIED
    assert "read and write" in caught.value.cure


def test_a_denied_device_of_root_alone_needs_the_udev_rule(tmp_path: Path) -> None:
    node = tmp_path / "002"
    node.touch(mode=0o600)
    error = unusable("usb:1-1.3", PermissionError(errno.EACCES, "no"), str(node))
    assert "60-luxminer.rules" in error.cure


async def test_a_missing_libusb_says_what_to_type(monkeypatch: pytest.MonkeyPatch) -> None:
    import usb.core

    def find(**_: Any) -> None:
        raise usb.core.NoBackendError("No backend available")

    monkeypatch.setattr(usb.core, "find", find)
    with pytest.raises(PortUnusable, match=r"sudo apt-get install libusb-1\.0-0"):
        await open_usb("usb:1-1.3", BAUD)


async def test_another_kind_of_device_is_not_opened() -> None:
    rig = Rig()
    device = rig.plug("compac")
    found = find_module.BRIDGES.pop((0x10C4, 0xEA60))
    try:
        with pytest.raises(PortUnusable, match="10c4:ea60 is there, which is no bridge") as caught:
            await rig.open()
    finally:
        find_module.BRIDGES[0x10C4, 0xEA60] = found
    assert caught.value.problem is PortProblem.NOT_SERIAL
    assert device.opened == 0


async def test_a_cancelled_opening_gives_the_device_back() -> None:
    rig = Rig()
    device = rig.plug()
    opening = asyncio.create_task(rig.open())
    await asyncio.sleep(0)
    opening.cancel()
    with pytest.raises(asyncio.CancelledError):
        await opening
    for _ in range(200):
        await asyncio.sleep(0.01)
        if not device.claims and device.kernel_drivers == {0}:
            break
    assert not device.claims
    assert device.kernel_drivers == {0}


async def test_a_port_of_either_kind_is_opened_by_its_name() -> None:
    with pytest.raises(PortUnusable, match="no place on a bus"):
        await open_port("usb:nowhere", BAUD)
    with pytest.raises(PortUnusable, match="no such port"):
        await open_port("/dev/ttyNOWHERE", BAUD)


def test_names_come_from_sysfs_and_only_of_the_same_device(tmp_path: Path) -> None:
    class Device:
        bus, address, port_numbers = 1, 7, (1, 3)

    folder = tmp_path / "1-1.3"
    folder.mkdir()
    texts = {"devnum": "7", "manufacturer": "GekkoScience", "product": "Co\x1bmpac", "serial": "1"}
    for name, text in texts.items():
        (folder / name).write_text(f"{text}\n")
    names = names_in_sysfs(Device, tmp_path)
    assert names is not None
    assert (names.manufacturer, names.product, names.serial) == ("GekkoScience", "Co?mpac", "1")
    (folder / "devnum").write_text("8\n")
    assert names_in_sysfs(Device, tmp_path) is None
