"""A whole virtual stick behind a virtual bridge, driven by the real transport."""

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest

from luxminer.errors import PortUnusable, TransportClosed
from luxminer.transport.usbbridge.opening import open_usb
from luxminer.transport.usbbridge.transport import UsbTransport
from luxminer_hil.chipsim.errors import SimulatorError
from luxminer_hil.chipsim.faults import Fault, FaultKind, FaultPlan
from luxminer_hil.chipsim.stick import MODELS, VirtualStick
from luxminer_hil.usbsim.bus import SimulatedBus
from luxminer_hil.usbsim.device import Setup, Stall
from luxminer_hil.usbsim.pyusb_backend import SimulatedBackend
from luxminer_hil.usbsim.stick_port import MAX_ON_THE_WAY_BYTES, UsbPort, usb_stick
from luxminer_hil.usbsim.sticks import STICKS, make_bridge
from luxminer_hil.usbsim.uart import Silence

COUNT = bytes.fromhex("84000011")
PRODUCTS = [
    product
    for product in json.loads((Path(__file__).parents[2] / "vectors/bm13xx.json").read_text())[
        "products"
    ]
    if product["products"] and product["bridge"] != "MCP2210"
]
CHIP = bytes.fromhex("1384000013")


async def opened(bus: SimulatedBus, place: str) -> UsbTransport:
    return await open_usb(
        f"usb:{place}", 115200, backend=SimulatedBackend(bus), names_of=lambda device: None
    )


async def replies(transport: UsbTransport, count: int) -> bytes:
    data = b""
    async with asyncio.timeout(2.0):
        while len(data) < count:
            data += await transport.read()
    return data


def compac_port(bus: SimulatedBus, place: str = "1-1.3") -> UsbPort:
    return UsbPort(bus, place, lambda uart: make_bridge("compac", uart, serial="1"))


async def test_chips_are_counted_over_usb() -> None:
    bus = SimulatedBus()
    port = compac_port(bus)
    async with VirtualStick("2pac", port=port) as stick:
        assert stick.path == "usb:1-1.3"
        assert not port.device.claims
        transport = await opened(bus, "1-1.3")
        await transport.write(COUNT)
        assert await replies(transport, 10) == CHIP * 2
        await transport.close()
        assert stick.counters().bytes_at_wrong_rate == 0
        assert stick.counters().bytes_untaken == 0
        assert not port.has_host


async def test_a_wrong_rate_is_noise() -> None:
    bus = SimulatedBus()
    async with VirtualStick("compac", port=compac_port(bus)) as stick:
        transport = await opened(bus, "1-1.3")
        await transport.set_baudrate(9600)
        await transport.write(COUNT)
        await asyncio.sleep(0.1)
        assert stick.counters().bytes_at_wrong_rate >= len(COUNT)
        await transport.close()


async def test_pulling_and_plugging_again() -> None:
    bus = SimulatedBus()
    async with VirtualStick("compac", port=compac_port(bus)) as stick:
        transport = await opened(bus, "1-1.3")
        reading = asyncio.create_task(transport.read())
        await asyncio.sleep(0.01)
        stick.unplug()
        with pytest.raises(TransportClosed, match="unplugged"):
            await reading
        await transport.close()
        assert bus.devices() == ()
        stick.replug()
        transport = await opened(bus, "1-1.3")
        await transport.write(COUNT)
        assert await replies(transport, 5) == CHIP
        await transport.close()


@pytest.mark.slow
async def test_a_host_ahead_of_the_line_is_held_back_and_loses_nothing() -> None:
    """3000 bytes need 260 ms at 115200 baud; the bridge and the stick hold less than half."""
    bus = SimulatedBus()
    async with VirtualStick("compac", port=compac_port(bus)) as stick:
        transport = await opened(bus, "1-1.3")
        started_s = asyncio.get_running_loop().time()
        for _ in range(750):
            await transport.write(COUNT)
        took_s = asyncio.get_running_loop().time() - started_s
        assert took_s > (3000 - 2 * MAX_ON_THE_WAY_BYTES) * 10 / 115200
        received = await replies(transport, 5)
        while stick.counters().bytes_in < 3000 or not stick.is_line_quiet:
            received += await replies(transport, 1)
        assert stick.counters().bytes_in == 3000
        await transport.close()


async def test_reset_and_rate_reach_the_owner_of_the_port() -> None:
    bus = SimulatedBus()
    seen: list[bool] = []
    port = UsbPort(bus, "1-2", lambda uart: make_bridge("newpac", uart, serial="1"))
    port.on_reset = seen.append
    received: list[bytes] = []
    port.plug(received.append)
    transport = await opened(bus, "1-2")
    assert port.host_baudrate() == 115385
    await transport.set_reset(True)
    await transport.set_reset(False)
    await transport.set_baudrate(1_500_000)
    await transport.write(b"fast")
    await asyncio.sleep(0.01)
    assert seen[-3:] == [False, True, False]
    assert port.host_baudrate() == 1_500_000
    assert b"".join(received) == b"fast"
    assert port.write(b"reply") == 5
    assert await replies(transport, 5) == b"reply"
    port.unplug()
    await transport.close()


COUNTS = {
    # docs/sources.md, Sticks: register 00 of all chips
    "newpac": ("5405000019", 2 * 7),
    "compacf": ("55aa520500000a", 9),
    "compaca2": ("55aa520500000a", 9),
}


@pytest.mark.slow
@pytest.mark.parametrize("model", COUNTS)
async def test_chips_of_every_bridge_answer_only_out_of_reset(model: str) -> None:
    question, size = COUNTS[model]
    bus = SimulatedBus()
    stick, port = usb_stick(bus, "1-1.3", model, serial="7")
    async with stick:
        transport = await opened(bus, "1-1.3")
        before = stick.counters().resets
        await transport.set_reset(True)
        await asyncio.sleep(0.01)
        assert not stick.are_chips_on
        await transport.write(bytes.fromhex(question))
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.1):
                await transport.read()
        await transport.set_reset(False)
        await transport.write(bytes.fromhex(question))
        assert len(await replies(transport, size)) == size
        assert stick.counters().resets == before + 1
        assert port.device.model.identity.serial == "7"
        await transport.close()


async def test_telemetry_answers_on_the_second_interface() -> None:
    """Reference 9.2: ``3f 76`` asks for the version."""
    bus = SimulatedBus()
    stick, _ = usb_stick(bus, "1-1.3", "compaca1")
    async with stick:
        transport = await opened(bus, "1-1.3")
        telemetry = transport.channel(1)
        await telemetry.write(bytes.fromhex("3f76"))
        async with asyncio.timeout(1.0):
            assert (await telemetry.read())[0] == 0x20
        await transport.close()


@pytest.mark.parametrize("product", PRODUCTS, ids=lambda row: str(row["name"]))
def test_strings_and_ids_are_those_of_the_table(product: dict[str, Any]) -> None:
    for name in product["products"]:
        bridges = [make_bridge(model, Silence()) for model in STICKS]
        (bridge,) = [b for b in bridges if b.identity.product == name]
        assert bridge.identity.manufacturer in product["manufacturer"]
        assert bridge.identity.vendor_id == int(product["vid"], 16)
        assert bridge.identity.product_id == int(product["pid"], 16)
        addresses = [e.address for e in bridge.layout.interfaces[0].endpoints]
        assert addresses == [int(product["endpoint_in"], 16), int(product["endpoint_out"], 16)]


def test_every_model_of_the_chips_has_a_bridge() -> None:
    assert STICKS.keys() == MODELS.keys()


async def test_a_hub_reset_makes_the_bridge_begin_anew_and_leaves_the_chips_on() -> None:
    bus = SimulatedBus()
    faults = FaultPlan([Fault(kind=FaultKind.USB_RESET, from_s=0.2)])
    stick, port = usb_stick(bus, "1-1", faults=faults)
    async with stick:
        transport = await opened(bus, "1-1")
        states = [port.bridge.channels[0].is_enabled]
        await asyncio.sleep(0.3)
        states.append(port.bridge.channels[0].is_enabled)
        assert states == [True, False]
        assert port.bridge.configuration == 1
        assert stick.counters().power_ups == 1
        assert stick.counters().faults == {"usb_reset": 1}
        await transport.close()


async def test_a_bridge_that_stalls_refuses_its_makers_requests_for_a_while() -> None:
    bus = SimulatedBus()
    faults = FaultPlan([Fault(kind=FaultKind.STALL_CONTROL, until_s=0.3)])
    stick, port = usb_stick(bus, "1-1", faults=faults)
    async with stick:
        await asyncio.sleep(0.05)
        with pytest.raises(Stall):
            port.bridge.control(Setup(0x41, 0, 1, 0, 0))
        assert len(port.bridge.control(Setup(0x80, 6, 0x0100, 0, 18))) == 18
        with pytest.raises(PortUnusable):
            await opened(bus, "1-1")
        await asyncio.sleep(0.4)
        transport = await opened(bus, "1-1")
        await transport.write(COUNT)
        assert await replies(transport, 5) == CHIP
        await transport.close()
        assert stick.counters().faults == {"stall_control": 1}


@pytest.mark.parametrize("kind", [FaultKind.USB_RESET, FaultKind.STALL_CONTROL])
def test_faults_of_usb_need_usb(kind: FaultKind) -> None:
    with pytest.raises(SimulatorError, match=f"{kind} is for sticks on USB; use --usbip"):
        VirtualStick(faults=FaultPlan([Fault(kind=kind)]))


@pytest.mark.parametrize("serial", ["é", "\n", "1" * 127])
def test_a_serial_that_no_bridge_has_is_refused(serial: str) -> None:
    with pytest.raises(SimulatorError, match="use at most 126 printable ASCII"):
        usb_stick(SimulatedBus(), "1-1", serial=serial)
