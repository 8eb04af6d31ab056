"""Vectors of the telemetry controller through the simulator's controller."""

from collections.abc import Callable, Mapping

import luxminer_drivers.bm13xx.facts as facts
from luxminer_hil.chipsim.telemetry import (
    TelemetryController,
    current_byte,
    tach_byte,
    temperature_byte,
    vin_byte,
    vout_byte,
)
from luxminer_hil.vectors.chips_sim_search import Vector
from luxminer_hil.vectors.mismatch import Mismatch, expect

__all__ = ["CHECKS", "FAMILIES", "controller"]

FAMILIES = frozenset({"CompacA1", "A2"})
"""What ``CompacA1/A2`` splits into."""

VERSION_1 = 0x10
VERSION_2 = 0x20
LED_MODES = {
    "off": facts.TELEMETRY_OFF,
    "heartbeat": facts.TELEMETRY_LED_HEARTBEAT,
    "work": facts.TELEMETRY_LED_WORK,
    "on": facts.TELEMETRY_ON,
}


def controller(version: str, mask: int = 0xFF) -> TelemetryController:
    """Return a controller on a stick that hashes at its nominal rate."""
    return TelemetryController(int(version, 16), mask, lambda: 0.0, lambda: 1.0, lambda: None)


def check_command(vector: Vector) -> None:
    given = vector["input"]
    box = controller("20")
    box.feed(b"B-" if given.get("on") else b"BO")
    answer = box.feed(bytes.fromhex(vector["expect"]["write"]))
    expect((1, 0), (len(answer), box.bad_commands), "answer, bad commands")
    match given["command"]:
        case "corev":
            most_mv = min(given["millivolt"], facts.CORE_MAX_MV)
            expect(most_mv - most_mv % facts.CORE_STEP_MV, box.core_mv, "mV")
        case "regulator":
            expect(given["on"], box.is_regulator_on, "regulator")
        case "led":
            expect(LED_MODES[given["mode"]], box.led, "LED")
        case "fan":
            expect(min(given["percent"], facts.FAN_MAX_PERCENT), box.fan_percent, "fan")
        case other:
            raise Mismatch("a command that is known", other)


def check_mask(vector: Vector) -> None:
    given, expected = vector["input"], vector["expect"]
    if expected.get("rejected"):
        _expect_none(given["version"])
        return
    mask = int(expected["mask"], 16)
    box = controller(given["version"], mask)
    answers = b"".join(box.feed(bytes.fromhex(request)) for request in expected["requests"])
    expect(given["reply"], answers.hex(), "answers")
    box.feed(bytes([*b"F", facts.FAN_MAX_PERCENT]))
    values = box.feed(b"G.")
    has = sum(1 << place for place, byte in enumerate(values) if byte)
    wanted = int(expected.get("values", expected["mask"]), 16)
    high_range = 1 << facts.TELEMETRY_HIGH_RANGE_BIT
    expect(wanted & ~high_range, has, "values that are there")
    expect(bool(wanted & high_range), box.is_high_range, "high range")


def _expect_none(version: str) -> None:
    """See that no controller of this version can be made to measure."""
    try:
        is_high_range = controller(version).is_high_range
    except StopIteration:
        return
    raise Mismatch("no such controller", is_high_range, f"version {version}")


def check_read(vector: Vector) -> None:
    """Read bytes as the original did: its values come back to the same bytes."""
    given, expected = vector["input"], vector["expect"]
    version = int(given["version"], 16)
    high = controller(given["version"], int(given["mask"], 16)).is_high_range
    readings = {
        "vin": vin_byte(expected["vin"], version),
        "iin": current_byte(expected["iin"], high_range=high),
        "vout": vout_byte(expected["vout"]),
        "iout": current_byte(expected["iout"], high_range=True),
        "temp1": temperature_byte(expected["temp1"]),
        "temp2": temperature_byte(expected["temp2"]),
        "tach": tach_byte(expected["tach"]),
    }
    reply = bytes.fromhex(given["reply"])
    for name, byte in zip(facts.TELEMETRY_VALUES, reply, strict=False):
        if expected[name]:
            expect(byte, readings[name], name)


def check_value(vector: Vector) -> None:
    byte, expected = vector["input"]["byte"], vector["expect"]
    expect(byte, vin_byte(expected["vin_v1"], VERSION_1), "vin, version 1")
    expect(byte, vin_byte(expected["vin_v2_v3"], VERSION_2), "vin")
    expect(byte, vout_byte(expected["vout"]), "vout")
    expect(byte, current_byte(expected["current_high_range_a"], high_range=True), "high range")
    expect(byte, current_byte(expected["current_low_range_a"], high_range=False), "low range")
    expect(byte, tach_byte(expected["tach_rpm"]), "tach")
    if byte and byte <= facts.TEMPERATURE_TOP:
        expect(byte, temperature_byte(expected["temp_c"]), "temperature")


CHECKS: Mapping[str, Callable[[Vector], None]] = {
    "telemetry_command": check_command,
    "telemetry_mask": check_mask,
    "telemetry_read": check_read,
    "telemetry_value": check_value,
}
