"""pyusb itself on a virtual bus: what a libusb program sees, and what it is refused."""

import errno
import inspect
import threading
import time
from pathlib import Path
from typing import Any

import pytest
import usb.backend
import usb.core
import usb.util

import luxminer_hil.usbsim
from luxminer_hil.usbsim.bus import SimulatedBus
from luxminer_hil.usbsim.pyusb_backend import SimulatedBackend
from luxminer_hil.usbsim.sticks import STICKS, make_bridge
from tests.unit.usbsim.uart_peer import UartPeer


class Bench:
    def __init__(self) -> None:
        self.bus = SimulatedBus()
        self.backend = SimulatedBackend(self.bus)
        self.chips = UartPeer()

    def plug(self, model: str = "compac", place: str = "1-1.3", **options: Any) -> Any:
        """Plug a stick in, and return what pyusb makes of it."""
        self.plugged = self.bus.plug(make_bridge(model, self.chips, serial="S1"), place, **options)
        return self.find()[-1]

    def find(self) -> list[Any]:
        return list(usb.core.find(find_all=True, backend=self.backend))

    def ready(self, model: str = "compac") -> Any:
        device = self.plug(model, kernel_drivers=())
        if model == "compac":
            device.ctrl_transfer(0x41, 0x00, 1, 0, b"")
        return device


def test_the_backend_has_all_that_pyusb_may_call() -> None:
    for name, method in inspect.getmembers(usb.backend.IBackend, inspect.isfunction):
        if not name.startswith("_") and name != "finalize":
            ours = getattr(SimulatedBackend, name)
            theirs = len(inspect.signature(method).parameters)
            inspect.signature(ours).bind(*range(theirs))


@pytest.mark.parametrize("model", STICKS)
def test_a_stick_enumerates_with_place_and_strings(model: str) -> None:
    bench = Bench()
    device = bench.plug(model)
    assert (device.bus, device.port_numbers, device.speed) == (1, (1, 3), 2)
    assert device.manufacturer == STICKS[model].manufacturer
    assert device.product == STICKS[model].product
    assert device.serial_number == "S1"
    configuration = device.get_active_configuration()
    assert configuration.bConfigurationValue == 1
    assert len(list(configuration)) == len(bench.plugged.model.layout.interfaces)
    assert "ENDPOINT 0x81: Bulk IN" in str(device)


def test_devices_are_in_the_order_of_plugging_and_have_places_of_their_own() -> None:
    bench = Bench()
    bench.plug(place="1-1.4")
    bench.plug(place="2-1")
    assert [(d.bus, d.port_numbers) for d in bench.find()] == [(1, (1, 4)), (2, (1,))]
    with pytest.raises(ValueError, match="is taken"):
        bench.plug(place="2-1")
    with pytest.raises(ValueError, match="is no place"):
        bench.plug(place="ttyUSB0")
    bench.bus.unplug("1-1.4")
    assert [d.bus for d in bench.find()] == [2]


def test_bytes_go_both_ways() -> None:
    bench = Bench()
    device = bench.ready()
    assert device.write(0x01, b"job" * 50) == 150
    assert bench.chips.received == b"job" * 50
    bench.chips.say(b"nonce")
    assert device.read(0x81, 64).tobytes() == b"nonce"


def test_a_read_without_bytes_ends_after_its_time() -> None:
    device = Bench().ready()
    started_s = time.monotonic()
    with pytest.raises(usb.core.USBTimeoutError) as caught:
        device.read(0x81, 64, 50)
    assert caught.value.errno == errno.ETIMEDOUT
    assert 0.05 <= time.monotonic() - started_s < 0.5


def test_a_long_read_of_whole_packets_waits_for_more_and_keeps_what_it_has() -> None:
    bench = Bench()
    device = bench.ready()
    bench.chips.say(bytes(128))
    assert len(device.read(0x81, 4096, 50)) == 128


def test_an_ftdi_read_ends_with_the_status_bytes_of_an_idle_line() -> None:
    bench = Bench()
    device = bench.ready("newpac")
    assert device.read(0x81, 4096, 500).tobytes() == b"\x01\x60"
    bench.chips.say(bytes(62))
    assert device.read(0x81, 4096, 500).tobytes() == b"\x01\x60" + bytes(62) + b"\x01\x60"


def test_a_read_shorter_than_a_packet_overflows() -> None:
    bench = Bench()
    device = bench.ready()
    bench.chips.say(bytes(64))
    with pytest.raises(usb.core.USBError) as caught:
        device.read(0x81, 10)
    assert caught.value.errno == errno.EOVERFLOW


def test_a_write_that_is_not_taken_is_short_or_late() -> None:
    bench = Bench()
    device = bench.ready()
    bench.chips.room = 100
    assert device.write(0x01, bytes(200), 50) == 100
    with pytest.raises(usb.core.USBTimeoutError):
        device.write(0x01, b"x", 50)


@pytest.mark.parametrize("what", ["read", "write"])
def test_an_unplug_ends_a_transfer_at_once(what: str) -> None:
    bench = Bench()
    device = bench.ready()
    bench.chips.room = 0
    caught: list[int | None] = []

    def transfer() -> None:
        try:
            device.read(0x81, 64, 5000) if what == "read" else device.write(0x01, b"x", 5000)
        except usb.core.USBError as exc:
            caught.append(exc.errno)

    thread = threading.Thread(target=transfer)
    thread.start()
    time.sleep(0.05)
    bench.bus.unplug("1-1.3")
    thread.join(1.0)
    assert caught == [errno.ENODEV]
    with pytest.raises(usb.core.USBError):
        device.ctrl_transfer(0x41, 0x00, 1, 0, b"")


def test_a_device_plugged_again_is_another_one() -> None:
    bench = Bench()
    old = bench.ready()
    bench.bus.unplug("1-1.3")
    new = bench.ready()
    assert old.address != new.address
    with pytest.raises(usb.core.USBError):
        old.write(0x01, b"x")
    assert new.write(0x01, b"x") == 1


def test_the_kernel_must_let_go_first() -> None:
    device = Bench().plug()
    assert device.is_kernel_driver_active(0)
    with pytest.raises(usb.core.USBError) as caught:
        device.read(0x81, 64)
    assert caught.value.errno == errno.EBUSY
    with pytest.raises(usb.core.USBError):
        device.set_configuration(1)
    device.detach_kernel_driver(0)
    with pytest.raises(usb.core.USBError):
        device.detach_kernel_driver(0)
    usb.util.claim_interface(device, 0)
    with pytest.raises(usb.core.USBError):
        device.attach_kernel_driver(0)
    usb.util.release_interface(device, 0)
    device.attach_kernel_driver(0)
    assert device.is_kernel_driver_active(0)


def test_two_programs_cannot_have_one_interface() -> None:
    bench = Bench()
    first = bench.ready()
    usb.util.claim_interface(first, 0)
    second = bench.find()[-1]
    with pytest.raises(usb.core.USBError) as caught:
        usb.util.claim_interface(second, 0)
    assert caught.value.errno == errno.EBUSY
    usb.util.dispose_resources(first)
    usb.util.claim_interface(second, 0)


def test_a_refused_request_and_a_halt_are_a_broken_pipe() -> None:
    bench = Bench()
    device = bench.ready()
    bench.plugged.model.refuse(0x41, 0x1E)
    with pytest.raises(usb.core.USBError) as caught:
        device.ctrl_transfer(0x41, 0x1E, 0, 0, b"\x00\xc2\x01\x00")
    assert caught.value.errno == errno.EPIPE
    device.ctrl_transfer(0x41, 0x1E, 0, 0, b"\x00\xc2\x01\x00")
    assert bench.plugged.model.channels[0].baudrate == 115385
    bench.plugged.model.halt(0x81)
    with pytest.raises(usb.core.USBError) as caught:
        device.read(0x81, 64, 50)
    assert caught.value.errno == errno.EPIPE
    device.clear_halt(0x81)
    bench.chips.say(b"x")
    assert device.read(0x81, 64, 50).tobytes() == b"x"


def test_a_denied_device_is_seen_but_not_opened() -> None:
    bench = Bench()
    device = bench.plug()
    bench.plugged.is_denied = True
    assert device.idVendor == 0x10C4
    with pytest.raises(usb.core.USBError) as caught:
        device.ctrl_transfer(0xC0, 0xFF, 0x370B, 0, 1)
    assert caught.value.errno == errno.EACCES
    assert bench.plugged.opened == 0


def test_only_the_backend_knows_pyusb() -> None:
    folder = Path(luxminer_hil.usbsim.__file__).parent
    users = {path.name for path in folder.glob("*.py") if "from usb" in path.read_text()}
    assert users == {"pyusb_backend.py"}
