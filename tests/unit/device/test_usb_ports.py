"""Sticks that are opened by their place on USB: which, under what name, and for how long."""

import asyncio
import contextlib
import itertools
import random
from dataclasses import replace
from pathlib import Path

import pytest

from luxminer.clock import Chores, SystemClock
from luxminer.config.schema import Config, DeviceConfig, MiningConfig
from luxminer.device.assignment import Assigner
from luxminer.device.contract import DriverSpec, StickModel
from luxminer.device.hotplug import HotplugWatcher
from luxminer.device.identity import Sighting, UsbPort
from luxminer.device.listing import list_devices
from luxminer.device.manager import DeviceManager
from luxminer.device.preference import address_of, needs_of, preferred_port
from luxminer.device.registry import DriverRecord
from luxminer.errors import ConfigError
from luxminer.telemetry.model import DeviceStatus
from luxminer.transport.base import Capability, Transport
from luxminer.transport.usbbridge.address import parse_address
from luxminer_hil.usbsim.bus import SimulatedBus
from luxminer_hil.usbsim.sticks import make_bridge
from tests.unit.device.fake_stick import DRIVER
from tests.unit.device.fake_sysfs import FakeUsb
from tests.unit.device.models import record, stick_model
from tests.unit.device.test_manager import FAST, Pool
from tests.unit.transport.usb_rig import Rig
from tests.unit.usbsim.uart_peer import UartPeer

NONE: frozenset[Capability] = frozenset()
RESET = frozenset({Capability.RESET_LINE, Capability.FAST_BAUD})
NEWPAC = "NewPac Bitcoin Miner"


def newpac() -> StickModel:
    model = stick_model(
        "newpac", title="GekkoScience NewPac", code="GSH", ids=(0x0403, 0x6015), product=NEWPAC
    )
    return replace(model, needs=RESET)


def port(*, ids: tuple[int, int] = (0x0403, 0x6015), tty: str = "/dev/ttyUSB0") -> UsbPort:
    return UsbPort(
        vendor_id=ids[0],
        product_id=ids[1],
        manufacturer="GekkoScience",
        product=NEWPAC,
        serial="N1",
        usb_path="1-1.3",
        interface=0,
        tty=tty,
    )


@pytest.fixture
def usb(tmp_path: Path) -> FakeUsb:
    return FakeUsb(tmp_path)


def plug_newpac(usb: FakeUsb, place: str = "1-1.3", tty: str = "ttyUSB0") -> None:
    usb.plug(place, tty, ids="0403:6015", product=NEWPAC, serial="N1")


def watch(usb: FakeUsb, *ports: str) -> HotplugWatcher:
    drivers = [record(stick_model(), newpac())]
    return HotplugWatcher(ports, usb.bus, lambda device: needs_of(drivers, device))


def urls(watcher: HotplugWatcher) -> list[str]:
    return [
        f"{'+' if c.appeared else '-'}{c.sighting.url.rpartition('/')[2]}" for c in watcher.poll()
    ]


@pytest.mark.parametrize(
    ("needs", "override", "expected"),
    [
        (NONE, "", "/dev/ttyUSB0"),
        (frozenset({Capability.FAST_BAUD}), "", "/dev/ttyUSB0"),
        (RESET, "", "usb:1-1.3"),
        (frozenset({Capability.SECOND_CHANNEL}), "", "usb:1-1.3"),
        (RESET, "/dev/ttyUSB0", "/dev/ttyUSB0"),
        (NONE, "usb:1-1.3", "usb:1-1.3"),
    ],
)
def test_the_owner_decides_then_what_the_model_needs(
    needs: frozenset[Capability], override: str, expected: str
) -> None:
    assert preferred_port(port(), needs, override) == expected


def test_a_bridge_that_nobody_can_drive_stays_a_tty() -> None:
    assert preferred_port(port(ids=(0x1234, 0x5678)), RESET) == "/dev/ttyUSB0"


def test_what_is_opened_is_the_device_that_was_seen() -> None:
    sighting = Sighting(url="usb:1-1.3", token=(1,), usb=port(tty=""))
    address = parse_address(address_of(sighting))
    assert address.place == "1-1.3"
    assert address.ids == (0x0403, 0x6015)
    assert (address.manufacturer, address.product) == ("GekkoScience", NEWPAC)
    assert address.serial == "N1"
    tty = Sighting(url="/dev/ttyUSB0", token=(1,), usb=port())
    assert address_of(tty) == "/dev/ttyUSB0"


def test_a_stick_that_needs_its_reset_line_is_seen_by_its_place(usb: FakeUsb) -> None:
    watcher = watch(usb)
    plug_newpac(usb)
    usb.plug("1-1.4", "ttyUSB1")
    assert urls(watcher) == ["+usb:1-1.3", "+ttyUSB1"]
    assert urls(watcher) == []


def test_it_stays_while_the_kernels_driver_goes_and_comes(usb: FakeUsb) -> None:
    watcher = watch(usb)
    plug_newpac(usb)
    assert urls(watcher) == ["+usb:1-1.3"]
    usb._link("ttyUSB0").unlink()
    assert urls(watcher) == []
    usb._add_tty(usb.device("1-1.3") / "1-1.3:1.0", "ttyUSB7", 0, "")
    assert urls(watcher) == []
    usb.pull("1-1.3", "ttyUSB7")
    assert urls(watcher) == ["-usb:1-1.3"]


def test_a_configured_tty_wins_over_the_models_wish(usb: FakeUsb) -> None:
    tty = usb.tty("ttyUSB0")
    tty.touch()
    watcher = watch(usb, str(tty))
    plug_newpac(usb)
    (change,) = watcher.poll()
    assert change.sighting.url == str(tty)
    assert change.sighting.configured == (0,)
    assert not watcher.missing


def test_a_configured_place_wins_over_the_tty(usb: FakeUsb) -> None:
    watcher = watch(usb, "usb:1-1.4", "usb:1-9")
    usb.plug("1-1.4", "ttyUSB1")
    (change,) = watcher.poll()
    assert change.sighting.url == "usb:1-1.4"
    assert change.sighting.configured == (0,)
    assert change.sighting.usb is not None
    assert change.sighting.usb.product == "Compac BM1384 Bitcoin Miner"
    assert watcher.missing == (1,)
    usb._link("ttyUSB1").unlink()
    assert urls(watcher) == []


def test_a_foreign_device_of_the_same_kind_is_no_stick(usb: FakeUsb) -> None:
    watcher = watch(usb)
    usb.plug("1-2", "ttyUSB0", ids="0403:6015", manufacturer="FTDI", product="FT230X Basic UART")
    assert urls(watcher) == ["+ttyUSB0"]


@pytest.mark.parametrize("written", ["usb:nowhere", "usb:?serial=1", "usb:1-1?serial=1", "usb:"])
def test_an_address_that_cannot_be_right_is_a_config_error(written: str) -> None:
    with pytest.raises(ConfigError) as caught:
        Assigner(Config(devices=(DeviceConfig(port=written, model="newpac"),)), [record(newpac())])
    assert caught.value.key == "devices[0].port"
    assert "usb:1-1.3" in caught.value.cure


def test_it_is_listed_as_usable_or_with_a_cure(usb: FakeUsb) -> None:
    plug_newpac(usb)
    drivers = [record(newpac())]
    (row,) = list_devices(Config(), drivers, usb.bus)
    assert (row.usable, row.tty, row.model) == (True, "usb:1-1.3", "GekkoScience NewPac")
    (usb.root / "sys/bus/usb/devices/1-1.3:1.0").mkdir()
    (usb.root / "sys/bus/usb/devices/1-1.3:1.0/driver").symlink_to("../../drivers/usbfs")
    (row,) = list_devices(Config(), drivers, usb.bus)
    assert (row.usable, row.problem) == (False, "in use by another program")
    (usb.root / "sys/bus/usb/devices/1-1.3:1.0/driver").unlink()
    (usb.root / "dev/bus/usb/001/001").unlink()
    (row,) = list_devices(Config(), drivers, usb.bus)
    assert not row.usable
    assert row.cure


class Chips(UartPeer):
    """Answers each task with a nonce, as the fake driver wants it."""

    def feed(self, data: bytes, baudrate: int) -> int:
        taken = super().feed(data, baudrate)
        for kind, value in itertools.pairwise(data):
            if kind == ord("T"):
                self.say(bytes([ord("N"), value]))
        if b"?" in data:
            self.say(b"!")
        return taken


async def test_a_stick_mines_over_usb_and_comes_back_after_a_pull(usb: FakeUsb) -> None:
    """The kernel's view and the bus agree: the tty vanishes while we have the device."""
    rig = Rig(bus=SimulatedBus())
    chips = Chips()
    spec = DRIVER.spec
    assert spec is not None
    driver = DriverRecord(
        name="fake", spec=DriverSpec(name="fake", models=(newpac(),), open=spec.open)
    )
    opened: list[str] = []

    async def open_transport(url: str, baudrate: int) -> Transport:
        opened.append(url)
        return await rig.open(url, baudrate)

    def plug() -> None:
        bridge = make_bridge("newpac", chips, serial="N1")
        rig.watched = bridge
        rig.bus.plug(bridge, "1-1.3")
        plug_newpac(usb)

    seed = random.randrange(1 << 32)
    print("seed", seed)
    pool = Pool()
    manager = DeviceManager(
        Config(mining=MiningConfig(detect_interval_s=0.02)),
        [driver],
        clock=SystemClock(),
        rng=random.Random(seed),
        work=pool,
        nonces=pool,
        bus=usb.bus,
        open_transport=open_transport,
        chores=Chores(0.02, 0.0),
        timing=FAST,
    )

    async def until(status: DeviceStatus) -> None:
        for _ in range(500):
            states = manager.device_states()
            if states and states[0].status is status:
                return
            await asyncio.sleep(0.01)
        raise AssertionError(f"not {status}: {manager.device_states()}")

    plug()
    running = asyncio.create_task(manager.run())
    try:
        await until(DeviceStatus.ALIVE)
        usb._link("ttyUSB0").unlink()  # what detaching the kernel's driver does
        await asyncio.sleep(0.1)
        (state,) = manager.device_states()
        assert state.status is DeviceStatus.ALIVE
        assert (state.path, state.usb_path, state.serial) == ("usb:1-1.3", "1-1.3", "N1")
        assert opened[0].startswith("usb:1-1.3?id=0403:6015&")
        assert pool.found[0] > 0
        rig.bus.unplug("1-1.3")
        usb.pull("1-1.3")
        await until(DeviceStatus.DEAD)
        plug()
        await until(DeviceStatus.ALIVE)
        assert len(manager.device_states()) == 1
    finally:
        running.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await running
    assert rig.bus.devices()[0].kernel_drivers == {0}
