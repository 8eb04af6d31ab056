"""Settings find their stick, and what cannot be meant is refused with its cure."""

from dataclasses import replace

import pytest

from luxminer.config.schema import Config, DeviceConfig, MiningConfig
from luxminer.device.assignment import Assigner
from luxminer.device.contract import DeviceOptions
from luxminer.device.identity import Sighting, UsbPort
from luxminer.errors import ConfigError
from tests.unit.device.fake_sysfs import STICK
from tests.unit.device.models import TWOPAC, record, stick_model

USB = UsbPort(
    vendor_id=0x10C4,
    product_id=0xEA60,
    manufacturer="GekkoScience",
    product=STICK,
    serial="S1",
    usb_path="1-1",
    interface=0,
    tty="/dev/ttyUSB0",
)
ON_USB = Sighting(url="/dev/ttyUSB0", token=(1,), usb=USB)
FOREIGN = replace(USB, manufacturer="Silicon Labs", product="CP2102")

PORT_AS_2PAC = DeviceConfig(port="/dev/ttyUSB0", model="2pac")


def assigner(*devices: DeviceConfig, detect: bool = True) -> Assigner:
    return Assigner(Config(devices=devices, mining=MiningConfig(detect=detect)), [record()])


def test_a_known_stick_needs_no_settings() -> None:
    found = assigner().assign(ON_USB)
    assert found is not None
    assert found.model.name == "compac"
    assert (found.serial, found.index, found.enabled) == ("S1", None, True)
    assert (found.options.frequency_mhz, found.options.scale) == (150, 1)


def test_foreign_devices_and_second_interfaces_are_left_alone() -> None:
    assert assigner().assign(replace(ON_USB, usb=FOREIGN)) is None
    assert assigner().assign(replace(ON_USB, usb=replace(USB, interface=1))) is None
    assert assigner(detect=False).assign(ON_USB) is None
    vague = Assigner(Config(), [record(stick_model(product=""))])
    assert vague.assign(ON_USB) is None, "a vague match must never be written to"


def test_settings_are_found_by_serial_and_by_port() -> None:
    by_serial = assigner(
        DeviceConfig(serial="other"),
        DeviceConfig(serial="S1", frequency_mhz=200, scale=0.5, enabled=False),
        detect=False,
    ).assign(ON_USB)
    assert by_serial is not None
    assert (by_serial.index, by_serial.enabled) == (1, False)
    assert (by_serial.options.frequency_mhz, by_serial.options.scale) == (200, 0.5)
    by_port = assigner(DeviceConfig(port="/dev/x", frequency_mhz=100), detect=False)
    found = by_port.assign(replace(ON_USB, configured=(0,)))
    assert found is not None
    assert found.options.frequency_mhz == 100
    assert found.model.name == "compac", "USB says what it is"
    assert by_port.ports == ("/dev/x",)


def test_another_serial_at_the_named_port_is_another_stick() -> None:
    both = DeviceConfig(serial="S2", port="/dev/ttyUSB0", frequency_mhz=300)
    found = assigner(both).assign(replace(ON_USB, configured=(0,)))
    assert found is not None
    assert found.index is None
    assert found.options.frequency_mhz == 150


def test_the_owner_may_name_the_model_of_a_stick_that_usb_does_not_know() -> None:
    foreign = replace(ON_USB, usb=FOREIGN)
    pinned = assigner(DeviceConfig(serial="S1", port="/dev/ttyUSB0", model="2pac"))
    found = pinned.assign(replace(foreign, configured=(0,)))
    assert found is not None
    assert found.model is TWOPAC
    unnamed = assigner(DeviceConfig(serial="S1"))
    with pytest.raises(ConfigError, match=r"'CP2102' there; add model = .* it is, and its port"):
        unnamed.assign(foreign)


@pytest.mark.parametrize(
    "usb",
    [
        FOREIGN,
        replace(USB, vendor_id=0x2341, product_id=0x43, manufacturer="Arduino", product="Uno"),
        replace(USB, product="KBox"),
    ],
    ids=["bridge", "board", "refused"],
)
def test_a_serial_alone_makes_no_stick_of_what_others_have_numbered(usb: UsbPort) -> None:
    numbered = assigner(DeviceConfig(serial="S1", model="2pac"))
    with pytest.raises(ConfigError) as caught:
        numbered.assign(replace(ON_USB, usb=usb))
    assert caught.value.key == "devices[0].serial"
    assert caught.value.cure == "add its port, if it is one all the same"
    assert f"{usb.product!r} at 1-1" in str(caught.value)


def test_a_stick_is_never_run_as_another_one_than_usb_says() -> None:
    for settings in (DeviceConfig(serial="S1", model="2pac"), PORT_AS_2PAC):
        with pytest.raises(ConfigError, match=r'is "2pac", and USB says .* write "compac"'):
            assigner(settings).assign(replace(ON_USB, configured=(0,) if settings.port else ()))


def test_a_port_without_usb_takes_its_serial_from_the_settings() -> None:
    virtual = Sighting(url="/tmp/stick", token=(1,), configured=(0,))
    found = assigner(DeviceConfig(port="/tmp/stick", model="compac", serial="V1")).assign(virtual)
    assert found is not None
    assert found.serial == "V1"
    with pytest.raises(ConfigError, match="USB says nothing about it; add model"):
        assigner(DeviceConfig(port="/tmp/stick")).assign(virtual)


def test_a_port_that_is_awaited_is_known_by_its_model() -> None:
    waiting = assigner(DeviceConfig(port="/tmp/a", model="2pac"), DeviceConfig(port="/tmp/b"))
    found = waiting.awaited(0)
    assert found is not None
    assert found.model is TWOPAC
    assert waiting.awaited(1) is None


def test_a_stick_that_fits_two_settings_is_refused() -> None:
    twice = assigner(DeviceConfig(serial="S1"), DeviceConfig(port="/dev/ttyUSB0"))
    with pytest.raises(ConfigError, match=r"devices\[1\]: fits /dev/ttyUSB0, and so does dev"):
        twice.assign(replace(ON_USB, configured=(1,)))


@pytest.mark.parametrize(
    ("devices", "key", "words"),
    [
        ([DeviceConfig()], "devices[0]", "names no stick; add its serial"),
        ([DeviceConfig(serial="S1"), DeviceConfig(serial="S1")], "devices[1]", "same stick as"),
        ([DeviceConfig(serial="S1", model="compak")], "devices[0].model", "did you mean compac"),
        (
            [DeviceConfig(port="/dev/x", model="compac", frequency_mhz=501)],
            "devices[0].frequency_mhz",
            "is 501, which a GekkoScience Compac cannot run at; it must be from 6.25 to 500",
        ),
        ([DeviceConfig(port="socket://h:1")], "devices[0].model", "is missing for socket://h:1"),
        ([DeviceConfig(port="loop://", model="compac")], "devices[0].port", "cannot be waited"),
        ([DeviceConfig(port="socket://h", model="compac")], "devices[0].port", "HOST:PORT"),
    ],
)
def test_what_can_never_work_is_refused_at_once(
    devices: list[DeviceConfig], key: str, words: str
) -> None:
    with pytest.raises(ConfigError) as caught:
        assigner(*devices)
    assert caught.value.key == key
    assert words in str(caught.value)
    assert caught.value.cure


def test_a_model_may_have_a_scale_of_its_own() -> None:
    cpu = replace(stick_model("cpu", manufacturers=(), product=""), scale=2.0**-12)
    settings = DeviceConfig(port="cpu:2", model="cpu", scale=0.5)
    found = Assigner(Config(devices=(settings,)), [record(cpu)]).assign(
        Sighting(url="cpu:2", token=(), configured=(0,))
    )
    assert found is not None
    assert found.options.scale == 2.0**-13


@pytest.mark.parametrize("port", ["cpu:0", "cpu:65", "cpu:two", "cpu:1 "])
def test_a_bad_number_of_threads_is_said_at_once(port: str) -> None:
    with pytest.raises(ConfigError, match="no number of threads") as caught:
        assigner(DeviceConfig(port=port, model="compac"))
    assert caught.value.key == "devices[0].port"


def test_clocks_of_single_chips_are_for_sticks_that_can() -> None:
    settings = DeviceConfig(serial="S1", chip_frequency_mhz=(0.0, 175.0))
    with pytest.raises(ConfigError, match=r"chip_frequency_mhz: is for sticks whose chips"):
        assigner(settings).assign(ON_USB)
    able = record(stick_model(sets_chips=True, chips=2))

    def assign(*clocks: float) -> DeviceOptions:
        wish = replace(settings, chip_frequency_mhz=clocks)
        found = Assigner(Config(devices=(wish,)), [able]).assign(ON_USB)
        assert found is not None
        return found.options

    assert assign(0.0, 175.0).chip_mhz == (0.0, 175.0)
    with pytest.raises(ConfigError, match=r"has more clocks .* give up to 2"):
        assign(0.0, 175.0, 175.0)
    with pytest.raises(ConfigError, match=r"chip_frequency_mhz\[1\]: is 900, which"):
        assign(0.0, 900.0)
    unable = assigner(replace(settings, chip_frequency_mhz=(0.0,))).assign(ON_USB)
    assert unable is not None, "what says nothing is right everywhere"
