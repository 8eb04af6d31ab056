"""Hash rates from verified nonces.

A nonce of difficulty d stands for d * 2^32 hashes. Each window is an exponential average of such
impulses, divided by the weight that the time since the start can have given it: the estimate is
unbiased from the first second on and needs no memory of single nonces.
"""

from math import exp, expm1

from luxminer.telemetry.model import Rates

__all__ = ["HASHES_PER_DIFFICULTY", "HashrateEstimator", "WindowRate"]

HASHES_PER_DIFFICULTY = 2.0**32
"""The customary figure; 15 ppm below the exact 2^256 / (D1 + 1)."""

WINDOWS_S = {
    "s5": 5.0,
    "m1": 60.0,
    "m5": 300.0,
    "m15": 900.0,
    "m30": 1800.0,
    "h1": 3600.0,
    "h24": 86400.0,
}


class WindowRate:
    """Impulses per second over one window, in whatever unit the impulses have."""

    __slots__ = ("_level", "_start_s", "_updated_s", "_window_s")

    def __init__(self, window_s: float, now_s: float) -> None:
        self._window_s = window_s
        self._start_s = now_s
        self._updated_s = now_s
        self._level = 0.0

    def add(self, impulse: float, now_s: float) -> None:
        self._decay(now_s)
        self._level += impulse

    def rate(self, now_s: float) -> float:
        """Return impulses per second; 0 in the first instant."""
        self._decay(now_s)
        weight = -expm1(-(self._updated_s - self._start_s) / self._window_s)
        return self._level / (self._window_s * weight) if weight > 0 else 0.0

    def _decay(self, now_s: float) -> None:
        passed_s = now_s - self._updated_s
        if passed_s > 0:
            self._level *= exp(-passed_s / self._window_s)
            self._updated_s = now_s


MAX_RECENT = 64
"""Nonces that are kept until somebody wants to know: all windows then take them together."""


class HashrateEstimator:
    """Rates of one device over all windows that the API shows. Times are monotonic seconds."""

    __slots__ = ("_recent", "_start_s", "_total", "_windows")

    def __init__(self, now_s: float) -> None:
        self._start_s = now_s
        self._total = 0.0
        self._recent: list[tuple[float, float]] = []
        self._windows = {name: WindowRate(window_s, now_s) for name, window_s in WINDOWS_S.items()}

    def add(self, difficulty: float, now_s: float) -> None:
        """Count one right nonce of the chip's ticket difficulty."""
        hashes = difficulty * HASHES_PER_DIFFICULTY
        self._total += hashes
        self._recent.append((hashes, now_s))
        if len(self._recent) >= MAX_RECENT:
            self._pass_on()

    def _pass_on(self) -> None:
        for window in self._windows.values():
            for hashes, at_s in self._recent:
                window.add(hashes, at_s)
        self._recent.clear()

    def rates(self, now_s: float) -> Rates:
        """Return hashes per second."""
        self._pass_on()
        elapsed_s = now_s - self._start_s
        average = self._total / elapsed_s if elapsed_s > 0 else 0.0
        windows = {name: window.rate(now_s) for name, window in self._windows.items()}
        return Rates(average=average, **windows)
