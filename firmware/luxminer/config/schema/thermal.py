"""Settings of temperatures, fans, stepping by heat, and sleep."""

from dataclasses import dataclass

from luxminer.config.schema.option import opt

__all__ = [
    "AtmConfig",
    "CurtailConfig",
    "FanConfig",
    "ThermalConfig",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class ThermalConfig:
    """Limits of temperature, in degrees Celsius: target <= hot <= dangerous."""

    target_c: int = opt(75, "a fan runs at its highest speed from here on", low=20, high=125)
    hot_c: int = opt(85, "a stick goes down one step of its clock from here on", low=20, high=125)
    dangerous_c: int = opt(95, "a stick stops mining from here on", low=20, high=125)
    overtemp_auto_recovery: bool = opt(
        True, "a stick that stopped for its heat mines again when it has cooled"
    )
    recover_cooldown_minutes: int = opt(5, "how long it rests until then", low=1, high=1440)
    max_bad_readings: int = opt(
        10, "readings without a temperature after which it counts as unknown", low=0, high=20
    )
    min_per_board: int = opt(
        0, "sensors that a stick must have to mine; most have none", low=0, high=1
    )
    immersion: bool = opt(False, "nothing is cooled by fans: what is said of them does not count")


@dataclass(frozen=True, slots=True, kw_only=True)
class FanConfig:
    """A fan of the machine whose speed the kernel lets set, and those on sticks."""

    device: str = opt(
        "",
        "fan to be in charge of: a name in /sys/class/hwmon, pwmfan for example, or a channel "
        "exported in /sys/class/pwm as pwmchip0/pwm0; none where it is empty",
    )
    stick_fans: bool = opt(
        False, "fans on sticks (A1, A2) follow these rules too, instead of running at full speed"
    )
    speed: int = opt(-1, "fixed speed in percent; -1 follows the temperature", low=-1, high=100)
    min_speed: int = opt(20, "lowest speed that follows the temperature", low=10, high=100)
    max_speed: int = opt(100, "highest speed that follows the temperature", low=50, high=100)
    power_off_speed: int = opt(20, "speed while sticks sleep", low=0, high=100)
    min_fans: int = opt(0, "fans that must turn, else nothing is mined", low=0, high=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class AtmConfig:
    """Advanced thermal management: profiles go down and up with the temperature."""

    enabled: bool = opt(False, "step down when it is hot, and up again when it has cooled")
    startup_minutes: int = opt(5, "wait after the start", low=1, high=1440)
    post_ramp_minutes: int = opt(5, "wait after each step", low=1, high=1440)
    temp_window: float = opt(
        8.0, "degrees below hot_c under which it steps up again", low=1, high=10
    )
    min_profile: str = opt("", "lowest profile, -4 for example; empty for the lowest there is")
    max_profile: str = opt("default", "highest profile, +2 for example")


@dataclass(frozen=True, slots=True, kw_only=True)
class CurtailConfig:
    """Sleep by order."""

    survives_restart: bool = opt(True, "a service that is started again sleeps on")
