"""The telemetry controller of A1 and A2: a second small device beside the chips.

Commands of two bytes, answers of one, or of up to seven values. What it says follows the state of
the stick: the regulator feeds the chips, chips that hash draw current and warm up.

Unproven: the content of acknowledgements (`ACKNOWLEDGED`); that a command with an unknown first or
second byte gets silence; voltages, currents and temperatures, which are plausible and no more.

Ref: docs/sources.md, Sticks.
"""

import math
from collections import Counter
from collections.abc import Callable

import luxminer_drivers.bm13xx.facts as facts
from luxminer_drivers.bm13xx.facts import TelemetryCommand, TelemetryVersion

__all__ = [
    "TelemetryController",
    "current_byte",
    "tach_byte",
    "temperature_byte",
    "vin_byte",
    "vout_byte",
]

COMMAND_LENGTH = 2
ACKNOWLEDGED = b"\x01"

CORE_AT_POWER_ON_MV = 300
SUPPLY_V = 5.0
AMBIENT_C = 24.0
IDLE_RISE_C = 6.0
"""Warmth of a stick whose regulator is on ..."""
FULL_RISE_C = 40.0
"""... and what hashing at the nominal rate adds, at `FULL_MV` and without a fan."""
FULL_MV = 300
FULL_A = 6.0
"""Current into the chips at the nominal rate."""
IDLE_A = 0.3
FAN_COOLING = 0.5
"""Share of the rise that a fan at 100 % takes away."""
FULL_FAN_RPM = 6000.0
WARM_UP_S = 10.0
"""Time constant of temperatures."""
SECOND_SENSOR_SHARE = 0.8

MAX_BYTE = 255


def _byte(value: float, full_scale: float) -> int:
    return min(max(round(value * MAX_BYTE / full_scale), 0), MAX_BYTE)


def vin_byte(volt: float, version: int) -> int:
    is_first = version >> 4 == 1
    return _byte(volt, facts.VIN_V1_VOLT if is_first else facts.ADC_VOLT * facts.VIN_FACTOR)


def vout_byte(volt: float) -> int:
    """Return the reading for ``volt`` at each of two chips in series."""
    return _byte(volt, facts.ADC_VOLT * facts.VOUT_PART)


def current_byte(ampere: float, *, high_range: bool) -> int:
    factor = facts.HIGH_RANGE_A_PER_V if high_range else facts.LOW_RANGE_A_PER_V
    return _byte(ampere, facts.ADC_VOLT * factor)


def temperature_byte(celsius: float) -> int:
    """Return the reading for a temperature; 0 would mean that there is none."""
    steps = (celsius + facts.TEMPERATURE_OFFSET_C) * facts.TEMPERATURE_TOP
    reading = round(steps / facts.TEMPERATURE_SPAN_C)
    return min(max(reading, facts.TEMPERATURE_NONE + 1), MAX_BYTE)


def tach_byte(rpm: float) -> int:
    return min(round(rpm / facts.TACH_RPM), MAX_BYTE)


class TelemetryController:
    """One controller. `feed` is its line; the rest is for whoever plays world or reads the state.

    ``clock`` gives seconds; ``load`` the part of the nominal rate at which chips hash now.
    ``regulator_changed`` is called after each change of `is_regulator_on`.
    """

    def __init__(
        self,
        version: int,
        mask: int,
        clock: Callable[[], float],
        load: Callable[[], float],
        regulator_changed: Callable[[], None],
    ) -> None:
        """``mask`` is what a version 3 answers to the question for its features."""
        self.version = version
        self.mask = mask
        self.ambient_c = AMBIENT_C
        """Set it to make the stick hot or cold; temperatures follow in `WARM_UP_S`."""
        self.bad_commands = 0
        self.commands: Counter[str] = Counter()
        """Commands obeyed, by name."""
        self._clock = clock
        self._load = load
        self._regulator_changed = regulator_changed
        self._buffer = bytearray()
        self._rise_c = 0.0
        self._settled_s = clock()
        self._power_on()

    def _power_on(self) -> None:
        self._buffer.clear()
        self.core_mv = CORE_AT_POWER_ON_MV
        self.fan_percent = 0
        self.led = facts.TELEMETRY_OFF
        self.is_regulator_on = True

    def power_on(self) -> None:
        """Begin anew, as after a power cut: regulator on, LED and fan off. It stays warm."""
        self._settle()
        self._power_on()

    def feed(self, data: bytes) -> bytes:
        """Take bytes from the host; return what the controller answers to them."""
        self._settle()
        self._buffer += data
        answer = b""
        while len(self._buffer) >= COMMAND_LENGTH:
            first, second = self._buffer[:COMMAND_LENGTH]
            got = self._obey(bytes([first]), second)
            if got is None:
                self.bad_commands += 1
                del self._buffer[:1]  # the second byte may begin the next command
            else:
                answer += got
                del self._buffer[:COMMAND_LENGTH]
        return answer

    @property
    def temperature_c(self) -> float:
        self._settle()
        return self.ambient_c + self._rise_c

    def _obey(self, first: bytes, second: int) -> bytes | None:
        """Return the answer to a command, None for no command."""
        if first not in {command.value for command in TelemetryCommand}:
            return None
        command = TelemetryCommand(first)
        answer = self._answer(command, second)
        if answer is not None:
            self.commands[command.name.lower()] += 1
        return answer

    def _answer(self, command: TelemetryCommand, second: int) -> bytes | None:
        byte = bytes([second])
        match command:
            case TelemetryCommand.VERSION if byte == facts.TELEMETRY_VERSION_BYTE:
                return bytes([self.version])
            case TelemetryCommand.CORE if second * facts.CORE_STEP_MV <= facts.CORE_MAX_MV:
                self.core_mv = second * facts.CORE_STEP_MV
                return ACKNOWLEDGED
            case TelemetryCommand.REGULATOR if byte in (facts.TELEMETRY_ON, facts.TELEMETRY_OFF):
                is_on = byte == facts.TELEMETRY_ON
                if is_on != self.is_regulator_on:
                    self.is_regulator_on = is_on
                    self._regulator_changed()
                return ACKNOWLEDGED
            case TelemetryCommand.LED if byte in (
                facts.TELEMETRY_ON,
                facts.TELEMETRY_OFF,
                facts.TELEMETRY_LED_HEARTBEAT,
                facts.TELEMETRY_LED_WORK,
            ):
                self.led = byte
                return ACKNOWLEDGED
            case TelemetryCommand.FAN if second <= facts.FAN_MAX_PERCENT:
                self.fan_percent = second
                return ACKNOWLEDGED
            case TelemetryCommand.MASK if (
                byte == facts.TELEMETRY_REQUEST_BYTE and self._row().mask is None
            ):
                return bytes([self.mask])
            case TelemetryCommand.READ if byte == facts.TELEMETRY_REQUEST_BYTE:
                return self._values()
            case _:
                return None

    def _row(self) -> TelemetryVersion:
        return next(
            row for row in facts.TELEMETRY_VERSIONS if row.first <= self.version <= row.last
        )

    @property
    def is_high_range(self) -> bool:
        """Whether the input current is said in the coarser steps."""
        row = self._row()
        values = self.mask if row.values is None else row.values
        return bool(values >> facts.TELEMETRY_HIGH_RANGE_BIT & 1)

    def _values(self) -> bytes:
        """Return one byte for each value up to the last that this version has, 0 for the others."""
        row = self._row()
        has = self.mask if row.values is None else row.values
        core_v = self.core_mv / 1000 if self.is_regulator_on else 0.0
        share = self._load() if self.is_regulator_on else 0.0
        iout_a = (IDLE_A + FULL_A * share) if self.is_regulator_on else 0.0
        readings = {
            "vin": vin_byte(SUPPLY_V, self.version),
            "iin": current_byte(iout_a * 2 * core_v / SUPPLY_V, high_range=self.is_high_range),
            "vout": vout_byte(core_v),
            "iout": current_byte(iout_a, high_range=True),
            "temp1": temperature_byte(self.ambient_c + self._rise_c),
            "temp2": temperature_byte(self.ambient_c + self._rise_c * SECOND_SENSOR_SHARE),
            "tach": tach_byte(FULL_FAN_RPM * self.fan_percent / facts.FAN_MAX_PERCENT),
        }
        count = (has & 0x7F).bit_length()
        return bytes(
            readings[name] if has >> bit & 1 else 0
            for bit, name in enumerate(facts.TELEMETRY_VALUES[:count])
        )

    def _settle(self) -> None:
        """Let the temperature follow the time that has passed."""
        now_s = self._clock()
        passed_s, self._settled_s = max(now_s - self._settled_s, 0.0), now_s
        goal_c = 0.0
        if self.is_regulator_on:
            power = self._load() * (self.core_mv / FULL_MV) ** 2
            cooling = 1.0 - FAN_COOLING * self.fan_percent / facts.FAN_MAX_PERCENT
            goal_c = (IDLE_RISE_C + FULL_RISE_C * power) * cooling
        self._rise_c += (goal_c - self._rise_c) * (1.0 - math.exp(-passed_s / WARM_UP_S))
