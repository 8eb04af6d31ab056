"""Bytes to and from the controllers beside the chips.

The telemetry controller of A1 and A2 answers on a line of its own; the micro-controller of some
NewPac boards shares the chips' line, see `facts.MICRO_SELECT`. Ref: docs/sources.md, Sticks.
"""

from dataclasses import dataclass

from luxminer.errors import FrameError
from luxminer_drivers.bm13xx import facts
from luxminer_drivers.bm13xx.facts import MicroCommand, TelemetryCommand, TelemetryVersion

__all__ = [
    "Led",
    "Telemetry",
    "ask_mask",
    "ask_values",
    "ask_version",
    "current_a",
    "decode_values",
    "has_fan",
    "input_v",
    "known_mask",
    "micro_command",
    "set_core",
    "set_fan",
    "set_led",
    "set_regulator",
    "vcore_byte",
    "version_row",
]


class Led:
    """Second byte of the LED command."""

    OFF = facts.TELEMETRY_OFF
    HEARTBEAT = facts.TELEMETRY_LED_HEARTBEAT
    WORK = facts.TELEMETRY_LED_WORK
    ON = facts.TELEMETRY_ON


def ask_version() -> bytes:
    """Return the command whose reply is one byte, see `version_row`."""
    return TelemetryCommand.VERSION.value + facts.TELEMETRY_VERSION_BYTE


def ask_mask() -> bytes:
    """Return the command whose reply is the feature mask, one byte."""
    return TelemetryCommand.MASK.value + facts.TELEMETRY_REQUEST_BYTE


def ask_values() -> bytes:
    """Return the command whose reply `decode_values` reads."""
    return TelemetryCommand.READ.value + facts.TELEMETRY_REQUEST_BYTE


def set_core(millivolt: float) -> bytes:
    """Set the core voltage of each chip, rounded down to 5 mV, at most 500 mV."""
    limited = min(max(0.0, millivolt), facts.CORE_MAX_MV)
    return TelemetryCommand.CORE.value + bytes([int(limited // facts.CORE_STEP_MV)])


def set_regulator(*, is_on: bool) -> bytes:
    return TelemetryCommand.REGULATOR.value + (facts.TELEMETRY_ON if is_on else facts.TELEMETRY_OFF)


def set_led(mode: bytes) -> bytes:
    """``mode`` is one of `Led`."""
    return TelemetryCommand.LED.value + mode


def set_fan(percent: int) -> bytes:
    """Set the fan, limited to 0 to 100 %."""
    return TelemetryCommand.FAN.value + bytes([min(max(0, percent), facts.FAN_MAX_PERCENT)])


@dataclass(frozen=True, slots=True, kw_only=True)
class Telemetry:
    """Values of one reading; None is what this controller does not measure."""

    vin_v: float | None = None
    iin_a: float | None = None
    vout_v: float | None = None
    """Of each chip."""
    iout_a: float | None = None
    temperatures_c: tuple[float | None, float | None] = (None, None)
    tach_rpm: int | None = None


def version_row(version: int) -> TelemetryVersion:
    """Return what is known of a controller. Raises FrameError for a version that is not one."""
    for row in facts.TELEMETRY_VERSIONS:
        if row.first <= version <= row.last:
            return row
    raise FrameError("version of no telemetry controller", bytes([version]))


def known_mask(version: int) -> int | None:
    """Return the feature mask of a version, None where the controller has to be asked for it."""
    return version_row(version).mask


def has_fan(version: int, mask: int) -> bool:
    """Tell whether the controller takes orders for a fan."""
    row = version_row(version)
    measures_rate = bool(mask >> facts.TELEMETRY_VALUES.index("tach") & 1)
    return measures_rate if row.has_fan is None else row.has_fan


def _adc_v(byte: int) -> float:
    return byte * facts.ADC_VOLT / facts.ADC_STEPS


def _temperature_c(byte: int) -> float | None:
    if byte == facts.TEMPERATURE_NONE:
        return None
    if byte > facts.TEMPERATURE_TOP:
        return facts.TEMPERATURE_MAX_C
    span = byte * facts.TEMPERATURE_SPAN_C / facts.TEMPERATURE_TOP
    return span - facts.TEMPERATURE_OFFSET_C


def input_v(byte: int, version: int) -> float:
    """Return the input voltage that a byte means to a controller of this version."""
    if facts.TELEMETRY_VERSIONS[0] == version_row(version):
        return byte * facts.VIN_V1_VOLT / facts.ADC_STEPS
    return _adc_v(byte) * facts.VIN_FACTOR


def current_a(byte: int, *, is_high: bool) -> float:
    """Return the current that a byte means in the high or the low range."""
    return _adc_v(byte) * (facts.HIGH_RANGE_A_PER_V if is_high else facts.LOW_RANGE_A_PER_V)


def decode_values(version: int, mask: int, reply: bytes) -> Telemetry:
    """Read a reply of up to seven bytes; what a short one lacks is not measured.

    ``mask`` is what `known_mask` or the controller said. Raises FrameError for an unknown version.
    """
    row = version_row(version)
    measured = mask if row.values is None else row.values
    found = {
        name: byte
        for bit, (name, byte) in enumerate(zip(facts.TELEMETRY_VALUES, reply, strict=False))
        if measured >> bit & 1
    }
    is_high = bool(measured >> facts.TELEMETRY_HIGH_RANGE_BIT & 1)
    return Telemetry(
        vin_v=input_v(found["vin"], version) if "vin" in found else None,
        iin_a=current_a(found["iin"], is_high=is_high) if "iin" in found else None,
        vout_v=_adc_v(found["vout"]) * facts.VOUT_PART if "vout" in found else None,
        iout_a=current_a(found["iout"], is_high=True) if "iout" in found else None,
        temperatures_c=(
            _temperature_c(found.get("temp1", facts.TEMPERATURE_NONE)),
            _temperature_c(found.get("temp2", facts.TEMPERATURE_NONE)),
        ),
        tach_rpm=found["tach"] * facts.TACH_RPM if "tach" in found else None,
    )


def micro_command(command: MicroCommand, channel: int = 0, value: int = 0) -> bytes:
    """Return one or two bytes for the micro-controller: a value of 0 is only sent for SET_VCORE."""
    assert 0 <= channel < facts.MICRO_CHANNELS, channel
    first = bytes([command | channel])
    return first + bytes([value]) if value or command is MicroCommand.SET_VCORE else first


def vcore_byte(millivolt: float) -> int:
    """Return the value of SET_VCORE. Raises ValueError outside 300 to 810 mV."""
    if not facts.MICRO_VCORE_MIN_MV <= millivolt <= facts.MICRO_VCORE_MAX_MV:
        raise ValueError(
            f"core voltage {millivolt} mV: it has to be between {facts.MICRO_VCORE_MIN_MV} and "
            f"{facts.MICRO_VCORE_MAX_MV} mV"
        )
    return int((millivolt - facts.MICRO_VCORE_MIN_MV) // facts.MICRO_VCORE_STEP_MV)
