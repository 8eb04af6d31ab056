"""``luxminer devices``: every port has a row, and one that cannot be used says why."""

import sys
from pathlib import Path

import pytest

from luxminer.config.schema import Config, DeviceConfig, MiningConfig
from luxminer.device.listing import DeviceListing, list_devices
from luxminer.device.registry import DriverRecord
from luxminer.transport.serial import open_serial
from tests.unit.device.fake_sysfs import FakeUsb
from tests.unit.device.models import BROKEN, record, stick_model
from tests.unit.transport.pty_peer import PtyPeer


@pytest.fixture
def usb(tmp_path: Path) -> FakeUsb:
    return FakeUsb(tmp_path)


def one(
    usb: FakeUsb, *devices: DeviceConfig, drivers: list[DriverRecord] | None = None
) -> DeviceListing:
    (row,) = list_devices(Config(devices=devices), drivers or [record()], usb.bus)
    assert bool(row.problem) is not row.usable
    assert bool(row.problem) is bool(row.cure)
    return row


def test_a_usable_stick_has_everything(usb: FakeUsb) -> None:
    with PtyPeer() as peer:
        usb.plug("1-1.4", "ttyUSB0", target=peer.path)
        assert one(usb) == DeviceListing(
            model="GekkoScience Compac",
            serial="10024583",
            usb_path="1-1.4",
            tty=str(usb.tty("ttyUSB0")),
            driver="bm1384",
            usable=True,
        )


async def test_a_stick_in_use_names_who_uses_it(usb: FakeUsb) -> None:
    with PtyPeer() as peer:
        usb.plug("1-1", "ttyUSB0", target=peer.path)
        transport = await open_serial(peer.path, 115200)
        assert one(usb).problem == "in use by this program itself"
        await transport.close()
        assert one(usb).usable


def test_a_foreign_device_is_listed_and_never_opened(usb: FakeUsb) -> None:
    tty = str(usb.tty("ttyUSB0"))
    opened: list[str] = []

    def note(event: str, arguments: tuple[object, ...]) -> None:
        if event == "open" and arguments[0] == tty:
            opened.append(tty)

    sys.addaudithook(note)
    with PtyPeer() as peer:
        usb.plug("1-1", "ttyUSB0", manufacturer="Silicon Labs", product="CP2102", target=peer.path)
        assert one(usb).problem == "no driver knows 10c4:ea60 'Silicon Labs' 'CP2102'"
        assert not opened
        usb.pull("1-1", "ttyUSB0")
        usb.plug("1-1", "ttyUSB0", target=peer.path)
        assert one(usb).usable
        assert opened, "a stick is opened, so the first half saw what it looked for"


def test_each_reason_not_to_use_a_stick_has_its_words(usb: FakeUsb, tmp_path: Path) -> None:
    usb.plug("1-1", "ttyUSB0")
    assert "no such port" in one(usb).problem
    row = one(usb, DeviceConfig(serial="10024583", enabled=False))
    assert (row.problem, row.cure) == (
        "switched off by its owner",
        "set devices[0].enabled = true",
    )
    (row,) = list_devices(Config(mining=MiningConfig(detect=False)), [record()], usb.bus)
    assert row.problem == "detection is off"
    row = one(usb, drivers=[record(stick_model(product=""))])
    assert "may be a stick (GekkoScience Compac) or something else" in row.problem
    assert 'model = "compac"' in row.cure
    row = one(usb, drivers=[record(name="a"), record(name="b")])
    assert "drivers a (as compac) and b (as compac)" in row.problem


def test_a_configured_port_that_is_not_there(usb: FakeUsb) -> None:
    row = one(usb, DeviceConfig(port="/dev/ttyNO1", model="compac", serial="S9"))
    assert (row.problem, row.cure) == (
        "no such port",
        "plug the stick in or correct devices[0].port",
    )
    assert (row.model, row.driver, row.serial, row.tty) == (
        "GekkoScience Compac",
        "bm1384",
        "S9",
        "/dev/ttyNO1",
    )


def test_a_configured_port_without_usb_is_tried_and_a_url_is_believed(
    usb: FakeUsb, tmp_path: Path
) -> None:
    with PtyPeer() as peer:
        link = peer.link(tmp_path / "stick")
        assert one(usb, DeviceConfig(port=str(link), model="2pac")).usable
    assert one(usb, DeviceConfig(port="socket://127.0.0.1:9", model="2pac")).usable


def test_a_stick_whose_tty_was_taken_says_so(usb: FakeUsb) -> None:
    usb.plug("1-3")
    row = one(usb)
    assert (row.usb_path, row.tty, row.model) == ("1-3", "", "GekkoScience Compac")
    assert "no serial port: an earlier program" in row.problem
    usb.plug("1-4", product="Keyboard")
    assert len(list_devices(Config(), [record()], usb.bus)) == 1


def test_a_broken_driver_has_a_row_of_its_own(usb: FakeUsb) -> None:
    row = one(usb, drivers=[BROKEN])
    assert row.driver == "exotic"
    assert "ImportError" in row.problem
    assert "exotic-miner" in row.cure


def test_a_second_interface_is_no_second_stick(usb: FakeUsb) -> None:
    model = stick_model(ids=(0x10C4, 0xEA70), product="GekkoScience Compac A1")
    for number in (0, 1):
        usb.plug(
            "1-2",
            f"ttyUSB{number}",
            ids="10c4:ea70",
            product="GekkoScience Compac A1",
            interface=number,
        )
    rows = list_devices(Config(), [record(model)], usb.bus)
    assert [Path(row.tty).name for row in rows] == ["ttyUSB0"]


def test_a_bare_bridge_may_be_one_of_several(usb: FakeUsb) -> None:
    usb.plug("1-1", "ttyUSB0", manufacturer="Silicon Labs", product="CP2102")
    bare = [
        stick_model(name, title=name, code=name, manufacturers=(), product="")
        for name in ("u1", "blockerupter")
    ]
    row = one(usb, drivers=[record(*bare)])
    assert 'CP2102": it may be a stick (u1, blockerupter) or something else' in row.problem
    assert '"u1" or "blockerupter"' in row.cure


def test_a_kbox_is_named_and_refused(usb: FakeUsb) -> None:
    maker, product = "Microchip Technology Inc.", "MCP2210 USB to SPI Master"
    usb.plug("1-2", ids="04d8:00de", manufacturer=maker, product=product)
    row = one(usb)
    assert (row.model, row.usb_path, row.driver) == ("GekkoScience KBox", "1-2", "")
    assert "not supported" in row.problem


def test_no_other_bridge_of_its_maker_is_a_kbox(usb: FakeUsb) -> None:
    usb.plug("1-2", ids="04d8:00de", manufacturer="Microchip Technology Inc.", product="Other")
    usb.plug("1-3", ids="04d8:00dd", product="MCP2210 USB to SPI Master")
    assert list_devices(Config(), [record()], usb.bus) == ()


def test_threads_of_this_machine_are_a_usable_port(usb: FakeUsb) -> None:
    cpu = stick_model("cpu", title="CPU", code="CPU", ids=(-1, -1), manufacturers=(), product="")
    row = one(usb, DeviceConfig(port="cpu:2", model="cpu"), drivers=[record(cpu)])
    assert row.usable
    assert (row.model, row.tty) == ("CPU", "cpu:2")
