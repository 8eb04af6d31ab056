"""Settings of profiles of the owner's own."""

from dataclasses import MISSING, dataclass

from luxminer.config.schema.option import opt

__all__ = ["ProfileConfig"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ProfileConfig:
    """A profile of your own, beside the steps that every stick has."""

    name: str = opt(MISSING, "what mining.profile and the API call it", example="quiet")
    frequency_mhz: float = opt(
        100.0, "clock of all sticks; each goes as far as its model can", low=1, high=1000
    )
    voltage_v: float = opt(
        0.0,
        "core voltage of sticks that can set it and have it in their range; 0 is their default",
        low=0,
        high=20,
    )
    first_frequency_mhz: float = opt(
        0.0, "what it was before it was changed; 0 when it never was", low=0, high=1000
    )
    first_voltage_v: float = opt(0.0, "the same of its core voltage", low=0, high=20)
