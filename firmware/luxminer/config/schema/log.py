"""Settings of the log."""

from dataclasses import dataclass

from luxminer.config.schema.option import opt

__all__ = [
    "LogConfig",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class LogConfig:
    """What the log says."""

    level: str = opt(
        "info",
        "least severe lines to write",
        choices=("trace", "debug", "info", "warning", "error"),
    )
    hashrate_interval_s: int = opt(
        30, "seconds between hash rate lines; 0 for none", low=0, high=3600
    )
