"""What a stick would do at a clock, and take for it, as far as its model tells. No I/O, no clock.

Ref: `luxminer.device.contract.StickModel`: hashes for each clock, joules for a billion hashes.
"""

from luxminer.device.state import DeviceState

__all__ = ["power_now_w", "power_w", "rate_hs"]


def rate_hs(state: DeviceState, mhz: float) -> float:
    """Return hashes per second at the scale of the stick; 0 where its model does not tell."""
    chips = len(state.report.chips) if state.report is not None else 0
    return (chips or state.chips) * state.hashes_per_clock * mhz * 1e6 * state.scale


def power_w(state: DeviceState, hashes_per_s: float) -> float:
    """Return watts for a rate at the scale of the stick; the power is that of the real one."""
    return hashes_per_s / state.scale / 1e9 * state.joules_per_gh


def power_now_w(state: DeviceState) -> tuple[float, bool]:
    """Return the watts of a stick, and whether they are measured; 0 of one that is not up."""
    report = state.report
    if report is None or state.brought_up_s is None:
        return 0.0, False
    if report.power_w is not None:
        return report.power_w, True
    return power_w(state, report.nominal_hs), False
