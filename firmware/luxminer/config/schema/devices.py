"""Settings of sticks."""

from dataclasses import dataclass

from luxminer.config.schema.option import opt

__all__ = [
    "DeviceConfig",
    "MiningConfig",
    "TuningConfig",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class DeviceConfig:
    """Settings of one stick, found by serial number or by port."""

    serial: str = opt("", "USB serial number of the stick these settings are for")
    port: str = opt(
        "",
        "tty, place on USB, pyserial URL, or threads of this machine: /dev/ttyUSB0, usb:1-1.3, "
        "cpu:2",
    )
    model: str = opt(
        "",
        "product on a port that USB does not name: compac, 2pac, terminus, newpac, r606, compacf, "
        "r909, compaca1, terminusa1, compaca2, terminusa2, u1, u2, blockerupter, cpu",
    )
    frequency_mhz: float = opt(
        0.0, "clock of the chips; 0 takes the model's default", low=0, high=1000
    )
    chip_frequency_mhz: tuple[float, ...] = opt(
        (),
        "clocks of single chips in their order, where a stick can (NewPac, R606, Compac F, R909); "
        "0, or none, is the clock above, which is for those without one of their own",
        low=0,
        high=1000,
    )
    core_mv: int = opt(
        0,
        "core voltage of the chips in mV, where it can be set (Compac and Terminus A1 and A2); "
        "0 takes the model's default",
        low=0,
        high=500,
    )
    enabled: bool = opt(True, "false leaves the stick alone")
    scale: float = opt(
        1.0, "1 for real sticks; virtual ones run slower by this factor", low=1e-9, high=1
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class MiningConfig:
    """Work and devices."""

    detect: bool = opt(True, "look for sticks on USB; false uses only those listed as devices")
    detect_interval_s: float = opt(1.0, "how often USB is looked at", low=0.2, high=9999)
    probe_unnamed: bool = opt(
        False,
        "ask bridges without a product name whether they are a Block Erupter or an Antminer; this "
        "writes to them, whatever they are",
    )
    profile: str = opt(
        "default",
        "clocks of all sticks: default (each as set below, or as its model has it), tuned (each at "
        "what tuning has found), or steps from the default such as +1 or -2",
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class TuningConfig:
    """Finding the best clock of each stick, and the core voltage of A1 and A2."""

    enabled: bool = opt(
        False,
        "tune sticks that have no result for this goal and limit yet, and run each at its own "
        "result unless mining.profile is other than default",
    )
    goal: str = opt(
        "rate",
        "what is best: verified hash rate, or hashes per joule on sticks that measure their input",
        choices=("rate", "efficiency"),
    )
    max_hw_error_percent: float = opt(
        2.0, "wrong nonces among all that a stick may find", low=0.1, high=20
    )
