"""A fan whose speed the kernel lets set, and the curve that it follows.

Ref: Linux sysfs: hwmon (pwm1 from 0 to 255, pwm1_enable 1 for by hand, fan1_input in turns a
minute) and pwm (period and duty_cycle in ns, enable).
"""

import logging
from contextlib import suppress
from pathlib import Path

from luxminer.config.schema import FanConfig, ThermalConfig
from luxminer.errors import ConfigError

__all__ = ["FULL_PERCENT", "HYSTERESIS_C", "RANGE_C", "PwmFan", "speed_at"]

log = logging.getLogger(__name__)

RANGE_C = 20.0
"""The curve rises from the lowest to the highest speed over so many degrees below the target."""

HYSTERESIS_C = 3.0
"""It must be so much cooler than where a speed was reached before the fan slows down again."""

FULL_PERCENT = 100
FULL_PWM = 255
BY_HAND = "1"
PERIOD_NS = 40_000
"""25 kHz, what PWM fans are made for, where a channel has no period yet."""


def speed_at(heat_c: float | None, now_percent: int, fan: FanConfig, limits: ThermalConfig) -> int:
    """Return the speed in percent; the highest where no temperature is known."""
    if fan.speed >= 0:
        return fan.speed
    if heat_c is None:
        return fan.max_speed
    wanted = _curve(heat_c, fan, limits)
    return max(wanted, min(now_percent, _curve(heat_c + HYSTERESIS_C, fan, limits)))


def _curve(heat_c: float, fan: FanConfig, limits: ThermalConfig) -> int:
    part = min(max((heat_c - limits.target_c + RANGE_C) / RANGE_C, 0.0), 1.0)
    low = min(fan.min_speed, fan.max_speed)
    return round(low + (fan.max_speed - low) * part)


class PwmFan:
    """One fan, in our charge from the first `set` to `release`. Blocks for microseconds."""

    def __init__(self, device: str, root: Path = Path("/")) -> None:
        """Find it by the name that the configuration gives. Raises ConfigError."""
        self.name = device
        self.percent = 0
        """What it was told."""
        self._is_channel = "/" in device
        self._before: str | None = None
        self._is_failing = False
        if ".." in device:
            raise ConfigError(f"fan.device {device!r} is no name of a fan")
        folder = self._find(root)
        if folder is None:
            known = ", ".join(_names(root)) or "none"
            raise ConfigError(
                f"no fan {device!r} here; there are: {known}",
                cure="correct fan.device or leave it empty",
            )
        self._folder = folder

    @property
    def rpm(self) -> int | None:
        """Turns a minute, None where nothing counts them."""
        if self._is_channel:
            return None
        try:
            return int((self._folder / "fan1_input").read_text())
        except (OSError, ValueError):
            return None

    def set(self, percent: int) -> bool:
        """Set its speed; False when the kernel does not take it, which is logged once."""
        try:
            if self._is_channel:
                self._set_channel(percent)
            else:
                self._set_hwmon(percent)
        except (OSError, ValueError) as exc:
            if not self._is_failing:
                log.warning(
                    "fan %s cannot be set: %s; may the service write there?", self.name, exc
                )
            self._is_failing = True
            return False
        self._is_failing = False
        self.percent = percent
        return True

    def release(self) -> None:
        """Give it back to who was in charge before; a channel is left at full speed."""
        with suppress(OSError, ValueError):
            if self._is_channel:
                self._set_channel(FULL_PERCENT)
            elif self._before is not None:
                (self._folder / "pwm1_enable").write_text(self._before)

    def _find(self, root: Path) -> Path | None:
        if self._is_channel:
            folder = root / "sys/class/pwm" / self.name
            return folder if (folder / "duty_cycle").exists() else None
        return next((each for name, each in _hwmons(root) if name == self.name), None)

    def _set_hwmon(self, percent: int) -> None:
        enable = self._folder / "pwm1_enable"
        if self._before is None and enable.exists():
            self._before = enable.read_text().strip()
            enable.write_text(BY_HAND)
        (self._folder / "pwm1").write_text(str(round(percent * FULL_PWM / 100)))

    def _set_channel(self, percent: int) -> None:
        period = self._folder / "period"
        period_ns = int(period.read_text())
        if not period_ns:
            period_ns = PERIOD_NS
            period.write_text(str(period_ns))
        (self._folder / "duty_cycle").write_text(str(period_ns * percent // 100))
        (self._folder / "enable").write_text("1")


def _hwmons(root: Path) -> list[tuple[str, Path]]:
    """Return name and folder of each that has a speed to set."""
    found = []
    for folder in sorted((root / "sys/class/hwmon").glob("hwmon*")):
        if (folder / "pwm1").exists():
            with suppress(OSError):
                found.append(((folder / "name").read_text().strip(), folder))
    return found


def _names(root: Path) -> list[str]:
    channels = (root / "sys/class/pwm").glob("pwmchip*/pwm*")
    names = [name for name, _ in _hwmons(root)]
    return names + sorted(f"{each.parent.name}/{each.name}" for each in channels)
