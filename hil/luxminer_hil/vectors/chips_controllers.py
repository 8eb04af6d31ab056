"""Golden vectors of the controllers beside the chips: telemetry of A1 and A2, NewPac boards."""

from collections.abc import Mapping
from typing import Any

from luxminer.errors import FrameError
from luxminer.transport.usbbridge.bridge import Control
from luxminer.transport.usbbridge.ftdi import FT_X
from luxminer_drivers.bm13xx import facts, telemetry
from luxminer_drivers.bm13xx.facts import MicroCommand
from luxminer_hil.vectors.chips_shared import Check, Vector, expect_items, expect_near
from luxminer_hil.vectors.mismatch import Mismatch, expect

__all__ = ["CHECKS", "FAMILIES"]

FAMILIES = frozenset({"CompacA1", "A2", "NewPac", "R606"})
"""What vectors of controllers name instead of chips."""

LEDS = {
    "off": telemetry.Led.OFF,
    "heartbeat": telemetry.Led.HEARTBEAT,
    "work": telemetry.Led.WORK,
    "on": telemetry.Led.ON,
}


def _command(given: Mapping[str, Any]) -> bytes:
    match given["command"]:
        case "corev":
            return telemetry.set_core(given["millivolt"])
        case "regulator":
            return telemetry.set_regulator(is_on=given["on"])
        case "led":
            return telemetry.set_led(LEDS[given["mode"]])
        case "fan":
            return telemetry.set_fan(given["percent"])
        case "version":
            return telemetry.ask_version()
        case "mask":
            return telemetry.ask_mask()
        case "read":
            return telemetry.ask_values()
    raise Mismatch("a known command", given["command"])


def check_telemetry_command(vector: Vector) -> None:
    expect(vector["expect"]["write"], _command(vector["input"]).hex())


def check_telemetry_mask(vector: Vector) -> None:
    given, expected = vector["input"], vector["expect"]
    version = int(given["version"], 16)
    if expected.get("rejected"):
        _expect_none(version)
        return
    mask = telemetry.known_mask(version)
    requests = [] if mask is not None else [telemetry.ask_mask().hex()]
    expect(expected["requests"], requests, "requests")
    # A controller that does not answer has nothing to show.
    got = f"{int(given['reply'][:2] or '0', 16) if mask is None else mask:02x}"
    expect(expected["mask"], got, "mask")
    expect_items(expected, {"fan": telemetry.has_fan(version, int(got, 16))})


def _expect_none(version: int) -> None:
    try:
        mask = telemetry.known_mask(version)
    except FrameError:
        return
    raise Mismatch("no telemetry controller", mask, f"version {version:02x}")


def check_telemetry_read(vector: Vector) -> None:
    """Compare a reading; what is not measured is 0 in the original."""
    given, expected = vector["input"], vector["expect"]
    expect(expected["request"], telemetry.ask_values().hex(), "request")
    version, mask = int(given["version"], 16), int(given["mask"], 16)
    read = telemetry.decode_values(version, mask, bytes.fromhex(given["reply"]))
    values = {
        "vin": read.vin_v,
        "iin": read.iin_a,
        "vout": read.vout_v,
        "iout": read.iout_a,
        "temp1": read.temperatures_c[0],
        "temp2": read.temperatures_c[1],
        "tach": read.tach_rpm,
    }
    for name, value in values.items():
        expect_near(expected[name], value or 0, name)


def check_telemetry_value(vector: Vector) -> None:
    byte, expected = vector["input"]["byte"], vector["expect"]
    reply = bytes([byte]) * facts.TELEMETRY_READ_LENGTH
    first, second = (telemetry.decode_values(version, 0xFF, reply) for version in (0x10, 0x30))
    values = {
        "vin_v1": first.vin_v,
        "vin_v2_v3": second.vin_v,
        "vout": second.vout_v,
        "current_high_range_a": second.iin_a,
        "current_low_range_a": telemetry.decode_values(0x30, 0x7F, reply).iin_a,
        "tach_rpm": second.tach_rpm,
    }
    for name, value in values.items():
        if value is None:
            raise Mismatch(expected[name], value, name)
        expect_near(expected[name], value, name)
    for temperature in (first.temperatures_c[0], *second.temperatures_c):
        if expected["temp_c"] is None or temperature is None:
            expect(expected["temp_c"], temperature, "temp_c")
        else:
            expect_near(expected["temp_c"], temperature, "temp_c")


MICRO_COMMANDS = {
    "get_fan": MicroCommand.GET_FAN,
    "get_rpm": MicroCommand.GET_RPM,
    "get_vin": MicroCommand.GET_VIN,
    "get_iin": MicroCommand.GET_IIN,
    "get_temp": MicroCommand.GET_TEMPERATURE,
    "get_vnode": MicroCommand.GET_VNODE,
    "clr_ben": MicroCommand.CLEAR_BUCK_ENABLE,
    "set_ben": MicroCommand.SET_BUCK_ENABLE,
    "clr_led": MicroCommand.CLEAR_LED,
    "set_led": MicroCommand.SET_LED,
    "clr_rst": MicroCommand.CLEAR_RESET,
    "set_rst": MicroCommand.SET_RESET,
    "set_fan": MicroCommand.SET_FAN,
    "set_vcore": MicroCommand.SET_VCORE,
}


def check_micro_command(vector: Vector) -> None:
    given, expected = vector["input"], vector["expect"]
    command = MicroCommand(int(given["code"], 16))
    if given["command"] in MICRO_COMMANDS:
        expect(MICRO_COMMANDS[given["command"]], command, "code")
    value = given.get("value", 0)
    if "millivolt" in given:
        value = telemetry.vcore_byte(given["millivolt"])
    got = telemetry.micro_command(command, given.get("channel", 0), value)
    expect(expected["write"], got.hex())
    before, after = facts.MICRO_SELECT
    expect(expected["cbus_before"], f"{before.value:04x}", "CBUS before")
    expect(expected["cbus_after"], f"{after.value:04x}", "CBUS after")
    usual = next(step for step in FT_X.hold if isinstance(step, Control))
    for step in (before, after):
        got_step = (step.request_type, step.request, step.interface, step.data)
        expect((usual.request_type, usual.request, usual.index, usual.data), got_step, "request")


CHECKS: Mapping[str, Check] = {
    "micro_command": check_micro_command,
    "telemetry_command": check_telemetry_command,
    "telemetry_mask": check_telemetry_mask,
    "telemetry_read": check_telemetry_read,
    "telemetry_value": check_telemetry_value,
}
"""Kind of vector -> what raises `Mismatch`."""
