"""What settings of temperature must have to do with each other."""

from luxminer.config.schema import AtmConfig, FanConfig, ThermalConfig
from luxminer.errors import CommandError, ConfigError
from luxminer.tuning.ladder import KNOWN_PROFILES, step_of

__all__ = ["check_settings"]


def check_settings(limits: ThermalConfig, fan: FanConfig, atm: AtmConfig) -> None:
    """Raise ConfigError for settings that do not go together."""
    if limits.hot_c < limits.target_c:
        raise _not_in_order("thermal.hot_c", limits.hot_c, "target_c", limits.target_c)
    if limits.dangerous_c < limits.hot_c:
        raise _not_in_order("thermal.dangerous_c", limits.dangerous_c, "hot_c", limits.hot_c)
    if fan.max_speed < fan.min_speed:
        raise _not_in_order("fan.max_speed", fan.max_speed, "min_speed", fan.min_speed)
    highest = _step("atm.max_profile", atm.max_profile)
    if atm.min_profile and _step("atm.min_profile", atm.min_profile) > highest:
        raise ConfigError(
            f'is "{atm.min_profile}"',
            key="atm.min_profile",
            value=atm.min_profile,
            cure=f'it must not be above max_profile, "{atm.max_profile}"',
        )


def _not_in_order(key: str, value: int, lower: str, than: int) -> ConfigError:
    cure = f"it must not be below {lower}, {than}"
    return ConfigError(f"is {value}", key=key, value=value, cure=cure)


def _step(key: str, profile: str) -> int:
    try:
        return step_of(profile) or 0
    except CommandError as exc:
        cure = f"write one of {KNOWN_PROFILES}; a step needs its sign"
        raise ConfigError(f'is "{profile}"', key=key, value=profile, cure=cure) from exc
