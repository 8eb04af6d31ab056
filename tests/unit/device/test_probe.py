"""Bridges without a name are asked only where the owner allows it, and each only once."""

import asyncio
import contextlib
import random
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from luxminer.clock import Chores, SystemClock
from luxminer.config.schema import Config, DeviceConfig, MiningConfig
from luxminer.device.contract import Device, DeviceOptions, DriverSpec, Probe
from luxminer.device.health import Timing
from luxminer.device.manager import DeviceManager
from luxminer.device.registry import DriverRecord, discover_drivers
from luxminer.errors import DeviceFault
from luxminer.transport.base import Transport
from luxminer.transport.cpu import open_cpu
from luxminer.work.job import NonceFound, WorkItem
from tests.unit.device.fake_sysfs import FakeUsb
from tests.unit.device.models import stick_model

BARE = "CP2102 USB to UART Bridge Controller"
MODEL = stick_model("u1", title="Antminer U1", code="ANU", manufacturers=(), product="")


class Idle:
    def next_work(
        self, device_id: int, versions: int, *, chip_rolls: bool = False
    ) -> WorkItem | None:
        return None

    async def work_changed(self, device_id: int) -> None:
        await asyncio.Event().wait()

    def nonce_found(self, nonce: NonceFound, ticket_difficulty: float, scale: float) -> bool:
        raise AssertionError("nothing is mined here")


class Bench:
    """A manager whose ports are opened by nobody but the test."""

    def __init__(self, root: Path, answer: str | Exception = "u1") -> None:
        self.usb = FakeUsb(root)
        self.asked = 0
        self.opened: list[str] = []
        self.answer = answer
        self.drivers = [
            DriverRecord(
                name="old",
                spec=DriverSpec(
                    name="old",
                    models=(MODEL,),
                    open=self._refuse,
                    probe=Probe(
                        vendor_id=0x10C4,
                        product_id=0xEA60,
                        manufacturers=("", "Silicon Labs"),
                        products=("", BARE),
                        baudrate=115200,
                        ask=self._ask,
                    ),
                ),
            )
        ]

    async def until_asked(self, times: int) -> None:
        for _ in range(500):
            if self.asked == times:
                return
            await asyncio.sleep(0.01)
        raise AssertionError(f"asked {self.asked} times")

    async def _ask(self, transport: Transport) -> str:
        self.asked += 1
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer

    async def _refuse(self, transport: Transport, options: DeviceOptions) -> Device:
        raise DeviceFault("not in this test")

    async def _open(self, port: str, baudrate: int) -> Transport:
        self.opened.append(port)
        return await open_cpu("cpu:")

    @contextlib.asynccontextmanager
    async def running(
        self, *devices: DeviceConfig, probe: bool = True, detect: bool = True
    ) -> AsyncIterator[DeviceManager]:
        mining = MiningConfig(detect=detect, detect_interval_s=0.02, probe_unnamed=probe)
        idle = Idle()
        manager = DeviceManager(
            Config(mining=mining, devices=devices),
            self.drivers,
            clock=SystemClock(),
            rng=random.Random(1),
            work=idle,
            nonces=idle,
            bus=self.usb.bus,
            open_transport=self._open,
            chores=Chores(0.02, 0.0),
            timing=replace(Timing(), udev_s=0.01, retry_min_s=20, retry_max_s=20),
        )
        task = asyncio.create_task(manager.run())
        try:
            yield manager
        finally:
            task.cancel()
            await asyncio.wait({task})


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path)


@pytest.mark.parametrize(
    ("manufacturer", "product"), [("", ""), ("Silicon Labs", BARE), ("Silicon Labs", "")]
)
async def test_an_unnamed_bridge_becomes_what_it_answers(
    bench: Bench, manufacturer: str, product: str
) -> None:
    bench.usb.plug("1-1", "ttyUSB0", manufacturer=manufacturer, product=product)
    async with bench.running() as manager:
        await asyncio.sleep(0.2)
        (state,) = manager.device_states()
    assert state.model == "Antminer U1"
    assert bench.asked == 1


@pytest.mark.parametrize(
    ("manufacturer", "product", "ids"),
    [
        ("Silicon Labs", "CP2102 USB to UART Bridge Controller ", "10c4:ea60"),
        ("Silicon Labs", "My 3D printer", "10c4:ea60"),
        ("Espressif", BARE, "10c4:ea60"),
        ("", "x", "10c4:ea60"),
        ("", "", "10c4:ea70"),
        ("", "", "0403:6015"),
    ],
)
async def test_nothing_else_is_ever_opened(
    bench: Bench, manufacturer: str, product: str, ids: str
) -> None:
    bench.usb.plug("1-1", "ttyUSB0", manufacturer=manufacturer, product=product, ids=ids)
    async with bench.running() as manager:
        await asyncio.sleep(0.15)
        assert manager.device_states() == ()
    assert bench.opened == []


@pytest.mark.parametrize("settings", [{"probe": False}, {"detect": False}])
async def test_nothing_is_asked_unless_allowed(bench: Bench, settings: dict[str, bool]) -> None:
    bench.usb.plug("1-1", "ttyUSB0", manufacturer="", product="")
    async with bench.running(**settings):
        await asyncio.sleep(0.15)
    assert bench.opened == []


async def test_another_interface_is_not_asked(bench: Bench) -> None:
    bench.usb.plug("1-1", "ttyUSB0", manufacturer="", product="", interface=1)
    async with bench.running():
        await asyncio.sleep(0.15)
    assert bench.opened == []


async def test_a_port_that_its_owner_names_is_not_asked(bench: Bench) -> None:
    bench.usb.plug("1-1", "ttyUSB0", manufacturer="", product="")
    port = str(bench.usb.tty("ttyUSB0"))
    bench.usb.tty("ttyUSB0").write_bytes(b"")
    async with bench.running(DeviceConfig(port=port, model="u1")) as manager:
        await asyncio.sleep(0.15)
        assert len(manager.device_states()) == 1
    assert bench.asked == 0


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        ("", ""),
        (DeviceFault("noise"), "could not be asked: noise"),
        (KeyError("oops"), "error in its driver"),
        (TimeoutError(), "it took too long"),
    ],
)
async def test_what_does_not_answer_is_left_alone_until_it_is_plugged_anew(
    bench: Bench, answer: str | Exception, words: str, caplog: pytest.LogCaptureFixture
) -> None:
    bench.answer = answer
    bench.usb.plug("1-1", "ttyUSB0", manufacturer="", product="")
    async with bench.running() as manager:
        await asyncio.sleep(0.2)
        await bench.until_asked(1)
        assert manager.device_states() == ()
        bench.usb.pull("1-1", "ttyUSB0")
        await asyncio.sleep(0.1)
        bench.usb.plug("1-1", "ttyUSB0", manufacturer="", product="")
        await bench.until_asked(2)
        await asyncio.sleep(0.1)
        assert bench.asked == 2
    assert words in caplog.text


def test_the_driver_of_the_block_erupter_asks() -> None:
    probes = [record.spec.probe for record in discover_drivers() if record.spec is not None]
    (probe,) = [each for each in probes if each is not None]
    assert (probe.vendor_id, probe.product_id) == (0x10C4, 0xEA60)
    assert set(probe.products) == {"", BARE}
    assert set(probe.manufacturers) == {"", "Silicon Labs"}
