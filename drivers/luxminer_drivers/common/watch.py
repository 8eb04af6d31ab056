"""Tells when a stick that worked has failed, or runs too fast: silence, errors, too few nonces.

Nonces come as a Poisson process: with ``n`` expected, none comes with probability e^-n. At
`NONCE_LIMIT_FACTOR` = 20 that is 2e-9, once in some ten years of one nonce per second. A chain or
chip that goes dead is seen after 20 of its mean intervals, counted from its last nonce or from the
end of the grace after bring-up, whichever is later.
"""

from collections.abc import Sequence

from luxminer.errors import DeviceFault
from luxminer_drivers.common.facts import GRACE_S, NONCE_LIMIT_FACTOR

__all__ = ["ERROR_WINDOW", "PACE_WINDOW", "SLOW_PART", "ClockWatch", "Watch"]

ERROR_WINDOW = 50
"""Claims that are judged together at least ..."""

ERROR_SPAN_S = 10.0
"""... and for how long at least: of many claims a second, some 50 in a row are always bad."""

MAX_ERROR_PART = 0.5
"""More wrong claims are a failure ..."""

HIGH_ERROR_PART = 0.3
"""... and more than this are a reason for a lower clock. Of a stick with 5 % errors, chance makes
such a window once in 1e8."""

PACE_WINDOW = 400
"""Expected nonces over which the rate is judged. Ref: docs/sources.md, "Sticks" (cgminer)."""

PACE_SPAN_S = 120.0
"""It is judged over no shorter time, so that a new clock is in force before the next window.
Same source."""

SLOW_PART = 0.65
"""Of what is expected: less is a plateau, where a faster clock only makes chips lose nonces. A
Poisson process of `PACE_WINDOW` falls below it with probability 1e-12. Same source."""

SAME_MHZ = 0.01
"""Clocks that are closer are one: no family has finer steps."""

MAX_MISREADS = 2
"""Wrong clocks in a row that are a failure; one alone may be noise that its check sum let pass."""


class _Silence:
    """How many nonces should have come since the last one."""

    def __init__(self, now_s: float) -> None:
        self.heard_s = now_s
        self.missed = 0.0
        self.found_any = False
        self.is_known = False

    def end(self, now_s: float) -> None:
        self.heard_s = now_s
        self.missed = 0.0

    def go_on(self, from_s: float, now_s: float, interval_s: float) -> None:
        """Count what should have come from ``from_s`` on, or from the last nonce if it is later."""
        self.missed += max(0.0, now_s - max(from_s, self.heard_s)) / interval_s


class Watch:
    """Judges one time that a chain is up."""

    def __init__(self, now_s: float, chips: int) -> None:
        self._judge_from_s = now_s + GRACE_S
        self._counted_s = now_s
        self._chain = _Silence(now_s)
        self._chips = [_Silence(now_s) for _ in range(chips)]
        self._equal_parts = (1 / chips,) * chips
        self._errors_from_s = self._judge_from_s
        self._claims = 0
        self._errors = 0
        self._mostly_wrong = ""
        self._pace_from_s = self._judge_from_s
        self._pace_expected = 0.0
        self._pace_found = 0

    def heard(self, now_s: float, chip: int | None) -> None:
        """Take note of a right nonce; one of which nobody knows the chip may be of any."""
        if chip is None:
            self._chain.end(now_s)
            for silence in self._chips:
                silence.end(now_s)
        else:
            for silence in (self._chain, self._chips[chip]):
                silence.end(now_s)
                silence.found_any = True
        if now_s >= self._judge_from_s:
            self._pace_found += 1

    def claimed(self, *, is_error: bool) -> None:
        """Take note of what became of a claim."""
        self._claims += 1
        self._errors += is_error
        # A wrong nonce is an error, and not one that is missing besides.
        self._pace_found += is_error

    def excuse(self, now_s: float) -> None:
        """Take note that there was no work up to now: nothing had to be found."""
        self._counted_s = now_s
        for silence in (self._chain, *self._chips):
            silence.end(now_s)

    def begin_again(self, now_s: float) -> None:
        """Take note of another target: what came before says nothing of its clock."""
        self._errors_from_s = self._pace_from_s = max(now_s, self._judge_from_s)
        self._claims = self._errors = self._pace_found = 0
        self._pace_expected = 0.0
        self._mostly_wrong = ""

    def judged_s(self, now_s: float) -> float:
        """Return how much of the time since the last `judge` is judged."""
        return max(0.0, now_s - max(self._counted_s, self._judge_from_s))

    def judge(
        self, now_s: float, nonce_interval_s: float, parts: Sequence[float] = ()
    ) -> list[int]:
        """Return chips that turn out never to have found anything, each once.

        Raises DeviceFault when the chain, or a chip that did find something before, has failed.
        ``nonce_interval_s`` is the mean time between nonces of the chain since the last call,
        ``parts`` says what each chip has of them; equal parts without.
        """
        parts = parts or self._equal_parts
        self._go_on_with_pace(now_s, nonce_interval_s, parts)
        self._chain.go_on(self._counted_s, now_s, nonce_interval_s)
        for silence, part in zip(self._chips, parts, strict=True):
            silence.go_on(self._counted_s, now_s, nonce_interval_s / part)
        self._counted_s = now_s
        if now_s < self._judge_from_s:
            return []
        if self._mostly_wrong:
            raise DeviceFault(
                f"{self._mostly_wrong}; lower the clock, or raise the core voltage; look at its "
                "cooling and at what its hub can supply"
            )
        if self._chain.missed > NONCE_LIMIT_FACTOR:
            raise DeviceFault(_silent(self._chain, now_s))
        never = []
        for index, silence in enumerate(self._chips):
            if silence.missed > NONCE_LIMIT_FACTOR and not silence.is_known:
                if silence.found_any:
                    raise DeviceFault(f"chip {index} has stopped: {_silent(silence, now_s)}")
                silence.is_known = True
                never.append(index)
        return never

    def high_errors(self, now_s: float) -> str:
        """Judge the errors each time that there are claims enough.

        Returns in words that there are too many for this clock, empty when there are not or it is
        too early. When they are mostly errors, the next `judge` raises.
        """
        if self._claims < ERROR_WINDOW or now_s - self._errors_from_s < ERROR_SPAN_S:
            return ""
        part = self._errors / self._claims
        words = f"{self._errors} of the last {self._claims} nonces are wrong"
        self._claims = self._errors = 0
        self._errors_from_s = now_s
        if part > MAX_ERROR_PART:
            self._mostly_wrong = words
        return words if part > HIGH_ERROR_PART else ""

    def slowness(self, now_s: float) -> str | None:
        """Judge the rate each time that enough was expected for long enough; None until then.

        Returns in words that it is a plateau, empty when it is not. Chips that are known to find
        nothing are not expected to.
        """
        if self._pace_expected < PACE_WINDOW or now_s - self._pace_from_s < PACE_SPAN_S:
            return None
        part = self._pace_found / self._pace_expected
        self._pace_from_s = now_s
        self._pace_expected = 0.0
        self._pace_found = 0
        return f"finds {part:.0%} of what its clock should bring" if part < SLOW_PART else ""

    def _go_on_with_pace(
        self, now_s: float, nonce_interval_s: float, parts: Sequence[float]
    ) -> None:
        alive = zip(self._chips, parts, strict=True)
        part = sum(part for chip, part in alive if not chip.is_known)
        self._pace_expected += self.judged_s(now_s) / nonce_interval_s * part


def _silent(silence: _Silence, now_s: float) -> str:
    return (
        f"no nonce for {now_s - silence.heard_s:.0f} s, in which {silence.missed:.0f} should have "
        "come; check power and cooling of the stick"
    )


class ClockWatch:
    """Compares the clock that chips report with the one that was set.

    Chips that restart, after a dip of their supply, run at their power-on clock and without
    addresses, and otherwise look healthy. No reply of a real chip was ever published, so nothing is
    concluded before one has reported the right clock.
    """

    def __init__(self) -> None:
        self._expected_mhz: Sequence[float] = ()
        self._is_proven = False
        self._misreads = 0

    def asked(self, clocks_mhz: Sequence[float]) -> None:
        """Expect replies with the clocks of all chips."""
        self._expected_mhz = clocks_mhz

    def changed(self) -> None:
        """Expect none: the clock was set anew, and a reply may be older."""
        self._expected_mhz = ()

    def answered(self, mhz: float, chip: int | None = None) -> bool:
        """Judge a reply, of any chip when it is not known which; False when none is expected.

        Raises DeviceFault.
        """
        expected_mhz = self._expected_mhz if chip is None else self._expected_mhz[chip : chip + 1]
        if not expected_mhz:
            return False
        if any(abs(mhz - each) < SAME_MHZ for each in expected_mhz):
            self._is_proven = True
            self._misreads = 0
            return True
        self._misreads += 1
        if self._is_proven and self._misreads >= MAX_MISREADS:
            raise DeviceFault(
                f"a chip runs at {mhz:g} MHz, not at {expected_mhz[0]:g}: it has restarted by "
                "itself; check its supply"
            )
        return True
