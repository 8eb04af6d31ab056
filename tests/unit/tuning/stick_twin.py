"""A stick as arithmetic: errors that rise with the clock and fall with the voltage."""

import math
from dataclasses import dataclass
from random import Random

from luxminer.tuning.search import Evidence, Search, Setting, Verdict

HASHES_PER_CLOCK = 114.0
NONCES_PER_MHZ_S = 0.02
FAILS_AT = 0.5
"""Part of wrong nonces from which the driver lets the stick fail."""


def poisson(random: Random, mean: float) -> int:
    if mean > 30:
        return max(0, round(random.gauss(mean, math.sqrt(mean))))
    count, product = -1, 1.0
    while product > math.exp(-mean):
        count += 1
        product *= random.random()
    return count


@dataclass(frozen=True, slots=True, kw_only=True)
class StickTwin:
    """``edge_mhz`` is where half the nonces are wrong at ``edge_mv``."""

    random: Random | None = None
    """None: everything comes exactly as often as expected."""
    edge_mhz: float
    width_mhz: float = 3.0
    edge_mv: int = 300
    mhz_per_mv: float = 0.0
    watt_per_mhz: float = 0.02
    idle_w: float = 1.0
    plateau_mhz: float = math.inf
    """From here on a faster clock brings no more right nonces."""

    def edge(self, core_mv: int | None) -> float:
        lift = ((core_mv or self.edge_mv) - self.edge_mv) * self.mhz_per_mv
        return self.edge_mhz + lift

    def wrong_part(self, setting: Setting) -> float:
        away = (setting.mhz - self.edge(setting.core_mv)) / self.width_mhz
        return 1 / (1 + math.exp(-min(max(away, -60.0), 60.0)))

    def clock_of(self, wrong_part: float, core_mv: int | None = None) -> float:
        """Return the clock with this part of wrong nonces."""
        away = math.log(wrong_part / (1 - wrong_part))
        return self.edge(core_mv) + away * self.width_mhz

    def power_w(self, setting: Setting) -> float:
        volts = (setting.core_mv or self.edge_mv) / self.edge_mv
        return self.idle_w + self.watt_per_mhz * setting.mhz * volts**2

    def _count(self, mean: float) -> float:
        return mean if self.random is None else poisson(self.random, mean)

    def measure(self, search: Search, step_s: float = 20.0) -> Verdict:
        """Let the stick hash at the present setting until that is decided."""
        setting = search.setting
        assert setting is not None
        part = self.wrong_part(setting)
        pace = NONCES_PER_MHZ_S * setting.mhz
        found = NONCES_PER_MHZ_S * min(setting.mhz, self.plateau_mhz)
        elapsed_s = expected = 0.0
        right = wrong = 0.0
        while True:
            elapsed_s += step_s
            expected += pace * step_s
            right += self._count(found * (1 - part) * step_s)
            wrong += self._count(found * part * step_s)
            verdict = search.judge(
                Evidence(
                    elapsed_s=elapsed_s,
                    expected=expected,
                    right=right,
                    wrong=round(wrong),
                    nominal_hs=setting.mhz * 1e6 * HASHES_PER_CLOCK,
                    power_w=self.power_w(setting),
                    has_failed=part > FAILS_AT,
                )
            )
            if verdict is not Verdict.GO_ON:
                return verdict
            assert elapsed_s <= 10_000, "a measurement ends"
