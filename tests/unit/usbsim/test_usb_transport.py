"""The bench's own way to a virtual bridge says and does what the service's does, in warped time."""

import asyncio
from collections.abc import Coroutine
from typing import Any

import pytest

from luxminer.errors import PortUnusable, TransportClosed, TransportError
from luxminer.transport.base import Capability
from luxminer_hil.acceptance.warp import run_warped
from luxminer_hil.chipsim.faults import Fault, FaultKind, FaultPlan
from luxminer_hil.chipsim.stick import VirtualStick
from luxminer_hil.usb_transport import UsbBoardTransport, open_board
from luxminer_hil.usbsim.bus import SimulatedBus
from luxminer_hil.usbsim.stick_port import UsbPort, usb_stick

COUNT_1384 = bytes.fromhex("84000011")
CHIP_1384 = bytes.fromhex("1384000013")
COUNT_1387 = bytes.fromhex("5405000019")
COUNT_13XX = bytes.fromhex("55aa520500000a")


def warped(main: Coroutine[Any, Any, None]) -> None:
    run_warped(main)


def made(model: str, *faults: Fault) -> tuple[SimulatedBus, VirtualStick, UsbPort]:
    bus = SimulatedBus()
    stick, port = usb_stick(
        bus,
        "1-1",
        model,
        faults=FaultPlan(faults),
        clock=lambda: asyncio.get_running_loop().time(),
    )
    return bus, stick, port


async def asked(transport: UsbBoardTransport, question: bytes, length: int) -> bytes:
    await transport.write(question)
    answer = b""
    async with asyncio.timeout(2.0):
        while len(answer) < length:
            answer += await transport.read()
    return answer


@pytest.mark.parametrize(
    ("model", "question", "length", "offers"),
    [
        ("compac", COUNT_1384, 5, frozenset()),
        ("newpac", COUNT_1387, 14, {Capability.RESET_LINE, Capability.FAST_BAUD}),
        (
            "compaca1",
            COUNT_13XX,
            9,
            {Capability.RESET_LINE, Capability.FAST_BAUD, Capability.SECOND_CHANNEL},
        ),
    ],
)
def test_chips_answer_through_each_bridge(
    model: str, question: bytes, length: int, offers: frozenset[Capability]
) -> None:
    async def main() -> None:
        bus, stick, port = made(model)
        async with stick:
            transport = await open_board(bus, port, 115200)
            assert transport.capabilities == offers
            answer = await asked(transport, question, length)
            assert len(answer) == length
            with pytest.raises(TransportClosed, match="is in use"):
                await open_board(bus, port, 115200)
            await transport.close()
            await transport.close()
            with pytest.raises(TransportClosed, match="closed"):
                await transport.read()
            again = await open_board(bus, port, 115200)
            assert await asked(again, question, length) == answer
            await again.close()

    warped(main())


def test_the_reset_line_and_the_rate_are_requests_to_the_bridge() -> None:
    async def main() -> None:
        bus, stick, port = made("newpac")
        async with stick:
            transport = await open_board(bus, port, 115200)
            states = []
            for asserted in (True, False):
                await transport.set_reset(asserted)
                states.append(stick.are_chips_on)
            assert states == [False, True]
            await transport.set_baudrate(1_500_000)
            assert port.host_baudrate() == 1_500_000
            with pytest.raises(TransportError, match="cannot run at 7 baud"):
                await transport.set_baudrate(7)
            await transport.close()

    warped(main())


def test_the_controller_of_an_a1_has_a_channel_of_its_own() -> None:
    async def main() -> None:
        bus, stick, port = made("compaca1")
        async with stick:
            transport = await open_board(bus, port, 115200)
            channel = transport.channel(1)
            await channel.write(b"?v")
            async with asyncio.timeout(1.0):
                assert await channel.read() == b"\x20"
            with pytest.raises(TransportError, match="no channel 2"):
                transport.channel(2)
            await transport.close()
            with pytest.raises(TransportClosed):
                await channel.read()

    warped(main())


def test_a_pulled_stick_ends_a_read() -> None:
    async def main() -> None:
        bus, stick, port = made("compac", Fault(kind=FaultKind.UNPLUG, from_s=1.0))
        async with stick:
            transport = await open_board(bus, port, 115200)
            with pytest.raises(TransportClosed, match="unplugged"):
                await transport.read()
            with pytest.raises(TransportClosed, match="unplugged"):
                await open_board(bus, port, 115200)

    warped(main())


@pytest.mark.parametrize("model", ["compac", "newpac", "compaca1"])
def test_a_bridge_that_stalls_from_the_start_is_never_opened(model: str) -> None:
    async def main() -> None:
        bus, stick, port = made(model, Fault(kind=FaultKind.STALL_CONTROL))
        async with stick:
            with pytest.raises(PortUnusable, match="refused a request"):
                await open_board(bus, port, 115200)
            assert not port.has_host
            assert stick.counters().faults == {"stall_control": 1}

    warped(main())


def test_a_bridge_forgets_its_rate_when_the_hub_resets_it() -> None:
    """So its chips and its host hear noise, until the host has set it up again."""

    async def main() -> None:
        bus, stick, port = made("newpac", Fault(kind=FaultKind.USB_RESET, from_s=1.0))
        async with stick:
            transport = await open_board(bus, port, 115200)
            await asyncio.sleep(1.5)
            assert port.host_baudrate() == 9600
            await transport.write(COUNT_1387)
            await asyncio.sleep(0.5)
            assert stick.counters().bytes_at_wrong_rate == len(COUNT_1387)
            await transport.close()
            again = await open_board(bus, port, 115200)
            assert len(await asked(again, COUNT_1387, 14)) == 14
            await again.close()

    warped(main())


def test_the_chips_of_a_compac_answer_in_the_same_bytes() -> None:
    async def main() -> None:
        bus, stick, port = made("compac")
        async with stick:
            transport = await open_board(bus, port, 115200)
            assert await asked(transport, COUNT_1384, 5) == CHIP_1384
            assert transport.discard_input() == 0
            await transport.close()

    warped(main())
