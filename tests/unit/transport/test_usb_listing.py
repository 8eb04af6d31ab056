"""libusb's list of devices where udev is silent: it is asked anew, but only when needed."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from luxminer.transport.usbbridge import listing
from luxminer_hil.usbsim.bus import BusDevice, SimulatedBus
from luxminer_hil.usbsim.pyusb_backend import SimulatedBackend
from luxminer_hil.usbsim.sticks import make_bridge
from tests.unit.usbsim.uart_peer import UartPeer


class Lagging(SimulatedBackend):
    """Knows what was plugged in when it was made, as libusb without udev does."""

    made = 0

    def __init__(self, lib: SimulatedBus) -> None:
        super().__init__(lib)
        self.lib = lib
        self._known = lib.devices()
        type(self).made += 1

    def enumerate_devices(self) -> Iterator[BusDevice]:
        return iter(self._known)


class Machine:
    def __init__(self, root: Path) -> None:
        self.bus = SimulatedBus()
        self.root = root

    def plug(self, place: str = "1-1.3") -> BusDevice:
        device = self.bus.plug(make_bridge("compac", UartPeer()), place)
        folder = self.root / place
        folder.mkdir(exist_ok=True)
        (folder / "devnum").write_text(f"{device.address}\n")
        return device

    def addresses(self, place: str = "1-1.3") -> list[int]:
        return [device.address for device in listing.list_devices(f"usb:{place}", place)]


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Machine:
    machine = Machine(tmp_path)
    Lagging.made = 0
    monkeypatch.setattr(listing, "SYSFS_DEVICES", tmp_path)
    monkeypatch.setattr(listing, "UDEV_LIMIT_S", 0.06)
    monkeypatch.setattr(listing, "_contexts", [Lagging(machine.bus)])
    return machine


def test_a_stick_that_came_later_is_found_by_asking_anew(machine: Machine) -> None:
    first = machine.plug()
    assert machine.addresses() == [first.address]
    assert Lagging.made == 2
    assert machine.addresses() == [first.address]
    assert Lagging.made == 2, "once it is known nobody asks again"


def test_a_replugged_stick_is_not_taken_for_what_was_there_before(machine: Machine) -> None:
    machine.plug()
    machine.addresses()
    machine.bus.unplug("1-1.3")
    second = machine.plug()
    assert machine.addresses() == [second.address]


def test_what_the_kernel_does_not_know_is_not_asked_for(machine: Machine) -> None:
    assert machine.addresses("1-9") == []
    assert Lagging.made == 1


def test_the_number_of_contexts_is_bounded(
    machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(listing, "MAX_CONTEXTS", 2)
    for _ in range(4):
        machine.plug()
        machine.addresses()
        machine.bus.unplug("1-1.3")
    assert Lagging.made == 2
