"""Settings of how chips are judged."""

from dataclasses import dataclass

from luxminer.config.schema.option import opt

__all__ = ["HealthConfig"]


@dataclass(frozen=True, slots=True, kw_only=True)
class HealthConfig:
    """Which chips are healthy."""

    readings: int = opt(
        120, "seconds that a chip is watched at least before it is judged", low=1, high=500
    )
    factor: float = opt(
        0.2,
        "part of the nonces to be expected of a chip that makes it healthy",
        low=0.1,
        high=1,
    )
