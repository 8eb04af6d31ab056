"""What the kernel shows of USB serial ports becomes identities; nothing else is touched."""

import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from luxminer.device.identity import UsbPort
from luxminer.device.usb import UsbBus, natural_key
from tests.unit.device.fake_sysfs import STICK, FakeUsb


@pytest.fixture
def usb(tmp_path: Path) -> FakeUsb:
    return FakeUsb(tmp_path)


def ports(usb: FakeUsb) -> list[UsbPort]:
    return [port for port, _ in usb.bus.ports()]


def test_a_stick_is_described_completely(usb: FakeUsb) -> None:
    usb.plug("1-1.4", "ttyUSB0")
    assert ports(usb) == [
        UsbPort(
            vendor_id=0x10C4,
            product_id=0xEA60,
            manufacturer="GekkoScience",
            product=STICK,
            serial="10024583",
            usb_path="1-1.4",
            interface=0,
            tty=str(usb.tty("ttyUSB0")),
        )
    ]


def test_other_ttys_are_no_sticks_and_a_machine_without_usb_has_none(tmp_path: Path) -> None:
    assert ports(FakeUsb(tmp_path / "machine")) == []
    bare = UsbBus(tmp_path / "nothing", tmp_path)
    assert bare.ports() == ()
    assert bare.without_tty() == ()


def test_the_real_machine_can_be_looked_at() -> None:
    assert isinstance(UsbBus().ports(), tuple)
    assert isinstance(UsbBus().without_tty(), tuple)


def test_two_interfaces_of_one_device_are_told_apart(usb: FakeUsb) -> None:
    usb.plug("1-2", "ttyUSB0", ids="10c4:ea70", product="GekkoScience Compac A1")
    usb.plug("1-2", "ttyUSB1", ids="10c4:ea70", product="GekkoScience Compac A1", interface=1)
    assert [(p.interface, p.usb_path) for p in ports(usb)] == [(0, "1-2"), (1, "1-2")]


def test_hostile_strings_are_bounded_and_printable(usb: FakeUsb) -> None:
    usb.plug("1-1", "ttyUSB0", product="\x1b[2J" + "x" * 5000, serial="a\nb")
    device = usb.device("1-1")
    (device / "manufacturer").write_bytes(b"\xff\xfe\n")
    (device / "idProduct").write_text("no number\n")
    (port,) = ports(usb)
    assert port.product.startswith("?[2J")
    assert len(port.product) <= 1024
    assert port.serial == "a?b"
    assert port.manufacturer == "\ufffd\ufffd"
    assert port.product_id == 0


def test_a_device_that_vanishes_while_it_is_read_is_left_out_and_read_again(usb: FakeUsb) -> None:
    usb.plug("1-1", "ttyUSB0")
    vendor = usb.device("1-1") / "idVendor"
    kept = vendor.read_text()
    vendor.unlink()
    bus = usb.bus
    assert bus.ports() == ()
    vendor.write_text(kept)
    assert len(bus.ports()) == 1


def test_a_replug_under_the_same_name_is_seen(usb: FakeUsb) -> None:
    bus = usb.bus
    usb.plug("1-1", "ttyUSB0", serial="first")
    ((_, before),) = bus.ports()
    placeholder = usb.root / "sys/class/tty/ttyUSB9"
    placeholder.symlink_to("nowhere")  # takes an inode, so that the next one is another
    usb.pull("1-1", "ttyUSB0")
    extra = usb.root / "sys/class/tty/tty2"
    extra.mkdir()
    usb.plug("1-1", "ttyUSB0", serial="second")
    placeholder.unlink()
    ((port, after),) = bus.ports()
    assert port.serial == "second"
    assert after != before


def test_devices_without_a_tty_are_listed_apart(usb: FakeUsb) -> None:
    usb.plug("1-1", "ttyUSB0")
    usb.plug("1-2", serial="taken")
    assert [(p.usb_path, p.serial, p.tty) for p in usb.bus.without_tty()] == [("1-2", "taken", "")]


def test_a_reset_goes_to_the_device_node_and_says_why_it_failed(usb: FakeUsb) -> None:
    usb.plug("1-1", "ttyUSB0")
    with pytest.raises(OSError, match="ioctl") as caught:
        usb.bus.reset("1-1")
    assert caught.value.errno == 25, "the node is a plain file here: the request reached it"
    (usb.root / "dev/bus/usb/001/001").unlink()
    with pytest.raises(FileNotFoundError):
        usb.bus.reset("1-1")
    with pytest.raises(FileNotFoundError, match="no USB device at 1-7"):
        usb.bus.reset("1-7")


def test_a_look_at_an_unchanged_bus_opens_no_file(
    usb: FakeUsb, monkeypatch: pytest.MonkeyPatch
) -> None:
    for n in range(20):
        usb.plug(f"1-1.{n}", f"ttyUSB{n}", serial=str(n))
    bus = usb.bus
    before = bus.ports()
    for place in ("1-1.0", "1-1.19"):
        (usb.device(place) / "serial").write_text("read again\n")
    assert bus.ports() is before
    started_s = time.perf_counter()
    for _ in range(100):
        bus.ports()
    assert (time.perf_counter() - started_s) / 100 < 0.005


@given(st.lists(st.tuples(st.integers(1, 9), st.integers(1, 40), st.integers(1, 40)), min_size=2))
def test_places_sort_by_number(places: list[tuple[int, int, int]]) -> None:
    names = [f"{bus}-{hub}.{port}" for bus, hub, port in places]
    assert sorted(names, key=natural_key) == [
        f"{bus}-{hub}.{port}" for bus, hub, port in sorted(places)
    ]
