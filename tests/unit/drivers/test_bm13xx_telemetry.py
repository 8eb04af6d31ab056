"""Bytes of the controllers beside the chips."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from luxminer.errors import FrameError
from luxminer_drivers.bm13xx import telemetry
from luxminer_drivers.bm13xx.facts import MicroCommand


def test_commands() -> None:
    assert telemetry.ask_version() == b"?v"
    assert telemetry.ask_mask() == b"M."
    assert telemetry.ask_values() == b"G."
    assert telemetry.set_core(300) == b"V\x3c"
    assert telemetry.set_core(270) == b"V\x36"
    assert telemetry.set_core(-1) == b"V\x00"
    assert telemetry.set_core(9999) == b"V\x64"
    assert telemetry.set_regulator(is_on=True) == b"BO"
    assert telemetry.set_regulator(is_on=False) == b"B-"
    assert telemetry.set_led(telemetry.Led.WORK) == b"LN"
    assert telemetry.set_fan(50) == b"F\x32"
    assert telemetry.set_fan(101) == b"F\x64"


@pytest.mark.parametrize("version", [0x00, 0x0F, 0x40, 0xFF])
def test_what_is_no_controller_is_refused(version: int) -> None:
    with pytest.raises(FrameError, match=f"{version:02x}"):
        telemetry.known_mask(version)


def test_the_mask_is_known_but_for_version_3() -> None:
    masks = [telemetry.known_mask(version) for version in (0x10, 0x20, 0x21, 0x22, 0x31)]
    assert masks == [0x15, 0xDF, 0x77, 0xDF, None]


@pytest.mark.parametrize(
    ("version", "mask", "has_fan"),
    [
        (0x10, 0x15, False),
        (0x20, 0xDF, False),
        (0x21, 0x77, True),
        (0x22, 0xDF, False),
        (0x30, 0x40, True),
        (0x30, 0xBF, False),
    ],
)
def test_some_controllers_take_orders_for_a_fan(version: int, mask: int, has_fan: bool) -> None:
    assert telemetry.has_fan(version, mask) is has_fan


def test_versions_measure_different_things() -> None:
    reply = bytes([100] * 7)
    old = telemetry.decode_values(0x10, 0x15, reply)
    assert old.vin_v == pytest.approx(100 * 6 / 255)
    assert (old.iin_a, old.iout_a, old.tach_rpm) == (None, None, None)
    new = telemetry.decode_values(0x21, 0x77, reply)
    assert new.iin_a == pytest.approx(100 * 2.048 / 255 * 3.125)
    assert new.iout_a is None
    assert new.tach_rpm == 3000
    assert None not in new.temperatures_c
    asked = telemetry.decode_values(0x30, 0x81, reply)
    assert asked.vin_v is not None
    assert asked.iin_a is None
    assert asked.temperatures_c == (None, None)


def test_temperatures() -> None:
    readings = [
        telemetry.decode_values(0x30, 0x7F, bytes([0, 0, 0, 0, byte, 0, 0])).temperatures_c[0]
        for byte in (0, 218, 219, 255)
    ]
    assert readings == [None, 125.0, 125.0, 125.0]


@given(version=st.integers(0x10, 0x3F), mask=st.integers(0, 255), reply=st.binary(max_size=12))
def test_any_reply_is_read(version: int, mask: int, reply: bytes) -> None:
    values = telemetry.decode_values(version, mask, reply)
    assert values.vin_v is None or 0 <= values.vin_v < 25
    assert values.tach_rpm is None or 0 <= values.tach_rpm <= 7650


def test_the_micro_controller() -> None:
    assert telemetry.micro_command(MicroCommand.GET_TEMPERATURE) == b"\x20"
    assert telemetry.micro_command(MicroCommand.SET_FAN, 6, 69) == b"\xc6\x45"
    assert telemetry.micro_command(MicroCommand.SET_FAN, 6, 0) == b"\xc6"
    assert telemetry.micro_command(MicroCommand.SET_VCORE) == b"\xe0\x00"
    assert telemetry.vcore_byte(400) == 0x32
    assert telemetry.vcore_byte(300) == 0
    with pytest.raises(ValueError, match="between 300 and 810 mV"):
        telemetry.vcore_byte(900)
