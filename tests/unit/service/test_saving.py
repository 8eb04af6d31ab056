"""Which entry of ``[[devices]]`` an order about one stick changes."""

from dataclasses import dataclass

from luxminer.config.save import Edit
from luxminer.config.schema import Config, DeviceConfig
from luxminer.control import Command
from luxminer.saving import stick


@dataclass(frozen=True, slots=True, kw_only=True)
class SetClock(Command):
    device_id: int
    mhz: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    id: int
    serial: str = ""
    path: str = ""
    usb_path: str = ""


STICKS = (
    Seen(id=0, serial="A1", path="/dev/ttyUSB0", usb_path="1-1"),
    Seen(id=1, path="/dev/ttyUSB1", usb_path="1-2"),
    Seen(id=2, serial="B2", path="/dev/ttyUSB2", usb_path="1-3"),
)
EDIT: Edit[SetClock] = stick(
    lambda: STICKS,
    lambda order: order.device_id,
    lambda order, _: {"frequency_mhz": order.mhz},
)


def after(number: int, *rows: DeviceConfig) -> tuple[DeviceConfig, ...]:
    order = SetClock(device_id=number, mhz=175.0)
    return EDIT(Config(devices=rows), order).devices


def test_an_entry_is_found_by_serial_number_and_then_by_port() -> None:
    by_port = DeviceConfig(port="/dev/ttyUSB0", scale=0.5)
    by_serial = DeviceConfig(serial="A1", enabled=False)
    changed = DeviceConfig(serial="A1", enabled=False, frequency_mhz=175.0)
    assert after(0, by_port, by_serial) == (by_port, changed)
    changed = DeviceConfig(port="/dev/ttyUSB0", scale=0.5, frequency_mhz=175.0)
    assert after(0, by_port) == (changed,)
    changed = DeviceConfig(port="usb:1-2", frequency_mhz=175.0)
    assert after(1, DeviceConfig(port="usb:1-2")) == (changed,)


def test_a_stick_without_an_entry_gets_one() -> None:
    other = DeviceConfig(serial="A1")
    assert after(2, other) == (other, DeviceConfig(serial="B2", frequency_mhz=175.0))
    assert after(1, other) == (other, DeviceConfig(port="/dev/ttyUSB1", frequency_mhz=175.0))


def test_one_that_is_not_there_changes_nothing() -> None:
    other = DeviceConfig(serial="A1")
    assert after(9, other) == (other,)
