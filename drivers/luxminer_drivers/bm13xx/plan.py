"""What one family brings to the shared driver: its facts, and its steps as data."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from luxminer_drivers.bm13xx import facts
from luxminer_drivers.bm13xx.steps import Step

__all__ = ["Plan"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What one family brings."""

    kind: facts.Family
    models: tuple[facts.Model, ...]
    before_count: Sequence[Step]
    bring_up: Sequence[Step]
    clock: Sequence[Step]
    shutdown: Sequence[Step]
    chip_clock: Sequence[Step] = ()
    """Sets the clocks of single chips; empty where nobody was seen to do so."""
    slow_link: Sequence[Step] = ()
    """Brings chips that run at a fast link rate back to that of a start."""
    reset_low_s: float = 0.0
    """How long the reset line stays asserted beyond the pause of the bridge."""
    version_control: int = 0
    """Upper half of the version register, for families that have one."""
    tells_chip: bool = True
    """Sources agree on how to read a chip out of its nonces."""
    max_nonces_per_s: float = 0.0
    """The ticket is made harder than the original's until no more come, and its mask is then
    judged by the rate, too; 0 for the original's."""
    variants: Mapping[int, facts.Family] = field(default_factory=dict)
    """Chips that a stick may have instead, by their id."""
