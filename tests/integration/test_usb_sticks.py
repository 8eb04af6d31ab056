"""The whole service on a virtual stick behind each kind of virtual USB bridge, through pyusb."""

import asyncio
from contextlib import AsyncExitStack
from dataclasses import replace
from pathlib import Path

import pytest

from luxminer.config.schema import Config, DeviceConfig
from luxminer.daemon import Daemon
from luxminer.telemetry.model import DeviceStatus
from luxminer.transport.base import Transport
from luxminer.transport.usbbridge.opening import open_usb
from luxminer_hil.chipsim.stick import VirtualStick
from luxminer_hil.fakepool.server import FakePool
from luxminer_hil.usbsim.bus import SimulatedBus
from luxminer_hil.usbsim.pyusb_backend import SimulatedBackend
from luxminer_hil.usbsim.stick_port import UsbPort, usb_stick
from tests.integration.rig import assert_balanced, config_for, until
from tests.unit.device.fake_sysfs import FakeUsb
from tests.unit.transport.usb_rig import Rig

SEED = 20260102
DIFFICULTY = 2.0**-13

SCALES = {"compac": 2.0**-13, "newpac": 2.0**-14, "compacf": 2.0**-17, "compaca2": 2.0**-19}
"""Each then hashes about 1 MH/s."""


class Machine:
    """What the kernel shows and what libusb shows agree: tty drivers come and go with claims."""

    def __init__(self, root: Path) -> None:
        self.usb = FakeUsb(root)
        self.bus = SimulatedBus()
        self.rig = Rig(bus=self.bus)
        self.ports: dict[str, UsbPort] = {}
        self.sticks: dict[str, VirtualStick] = {}

    def make(self, model: str, number: int) -> VirtualStick:
        place = f"1-1.{number}"
        stick, port = usb_stick(
            self.bus, place, model, serial=f"S{number}", scale=SCALES[model], seed=SEED + number
        )
        self.sticks[model], self.ports[model] = stick, port
        return stick

    def show(self, model: str) -> None:
        """Let the kernel show what is plugged in."""
        identity = self.ports[model].bridge.identity
        self.usb.plug(
            self.ports[model].path.removeprefix("usb:"),
            manufacturer=identity.manufacturer,
            product=identity.product,
            serial=identity.serial,
            ids=f"{identity.vendor_id:04x}:{identity.product_id:04x}",
        )

    async def open(self, port: str, baudrate: int) -> Transport:
        backend = SimulatedBackend(self.bus)
        return await open_usb(port, baudrate, backend=backend, names_of=self.rig.names_of)


def settings(machine: Machine, pool: FakePool) -> Config:
    devices = [
        DeviceConfig(port=port.path, model=model, scale=SCALES[model])
        if model == "compac"
        else DeviceConfig(serial=port.bridge.identity.serial, scale=SCALES[model])
        for model, port in machine.ports.items()
    ]
    return replace(config_for([], [pool]), devices=tuple(devices))


@pytest.mark.slow
@pytest.mark.parametrize("model", SCALES)
async def test_a_stick_of_each_bridge_mines_is_pulled_and_mines_again(
    model: str, tmp_path: Path
) -> None:
    machine = Machine(tmp_path)
    async with AsyncExitStack() as stack:
        pool = await stack.enter_async_context(FakePool(difficulty=DIFFICULTY, seed=SEED))
        stick = await stack.enter_async_context(machine.make(model, 1))
        machine.show(model)
        daemon = Daemon(settings(machine, pool), usb=machine.usb.bus, open_transport=machine.open)
        stop = asyncio.Event()
        running = asyncio.create_task(daemon.run(stop))
        try:
            now = await until(daemon, lambda s: s.shares.accepted >= 3, 30, "three shares")
            assert now.devices[0].path == "usb:1-1.1"
            assert machine.ports[model].device.kernel_drivers == set()
            machine.usb.pull("1-1.1")
            stick.unplug()
            await until(
                daemon, lambda s: s.devices[0].status is DeviceStatus.DEAD, 5, "to be seen pulled"
            )
            stick.replug()
            machine.show(model)
            before = daemon.hub.snapshot().shares.accepted
            now = await until(
                daemon, lambda s: s.shares.accepted >= before + 3, 30, "shares after its return"
            )
            assert_balanced(now)
            assert now.shares.rejected_total == 0
            assert stick.counters().bytes_at_wrong_rate == 0
        finally:
            stop.set()
            await asyncio.wait_for(running, 10)
        drivers = machine.ports[model].device.kernel_drivers
        assert len(drivers) == len(machine.ports[model].bridge.layout.interfaces)
