"""Sticks on sockets, as QEMU's usb-redir finds them."""

import asyncio
import struct
from pathlib import Path

import pytest

from luxminer_hil.system.scenarios import PLAIN_FT230X
from luxminer_hil.system.sticks import SCALES, PluggedStick, StickPlan
from tests.unit.usbsim.test_usbredir import Guest

CONNECT = 1


async def ids_of(socket: Path) -> tuple[int, int]:
    """Return vendor and product that a guest is told when it connects."""
    reader, writer = await asyncio.open_unix_connection(socket)
    guest = Guest(reader, writer)
    try:
        await guest.hello()
        while True:
            kind, _, body = await guest.receive()
            if kind == CONNECT:
                vendor, product = struct.unpack_from("<4xHH", body)
                return vendor, product
    finally:
        writer.close()


@pytest.mark.parametrize("model", SCALES)
async def test_a_stick_is_there_while_it_is_plugged_in(model: str, tmp_path: Path) -> None:
    socket = tmp_path / "s"
    async with PluggedStick(StickPlan(model=model), "S1", socket, 1) as stick:
        assert await ids_of(socket) == (
            stick.bridge.identity.vendor_id,
            stick.bridge.identity.product_id,
        )
        await stick.pull()
        assert not stick.stick.is_plugged
        with pytest.raises(FileNotFoundError):
            await ids_of(socket)
        await stick.plug()
        await ids_of(socket)
        assert stick.stick.counters().power_ups == 2
    assert not socket.exists()


async def test_chips_may_stand_behind_a_plain_bridge(tmp_path: Path) -> None:
    plan = StickPlan(model="compac", identity=PLAIN_FT230X)
    async with PluggedStick(plan, "unused", tmp_path / "s", 1) as stick:
        assert await ids_of(tmp_path / "s") == (0x0403, 0x6015)
        assert stick.serial == PLAIN_FT230X.serial
