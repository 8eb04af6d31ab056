"""Tells when a stick that worked has failed: silence, or mostly errors."""

from collections import deque

from luxminer.errors import DeviceFault
from luxminer_drivers.bm1384 import facts

__all__ = ["ERROR_WINDOW", "Watch"]

ERROR_WINDOW = 50
"""Claims that are looked back on; fewer are not judged."""

MAX_ERROR_PART = 0.5


class Watch:
    """Judges one time that a stick is up.

    Nonces come as a Poisson process: with ``n`` expected, none comes with probability e^-n. At
    `facts.NONCE_LIMIT_FACTOR` = 20 that is 2e-9, once in some ten years of one nonce per second.
    """

    def __init__(self, now_s: float) -> None:
        self._judge_from_s = now_s + facts.GRACE_S
        self._counted_s = now_s
        self._missed = 0.0
        self._heard_s = now_s
        self._errors: deque[bool] = deque(maxlen=ERROR_WINDOW)

    def heard(self, now_s: float) -> None:
        """Take note of a right nonce, or of a time in which none could come."""
        self._missed = 0.0
        self._heard_s = self._counted_s = now_s

    def claimed(self, *, is_error: bool) -> None:
        """Take note of what became of a claim."""
        self._errors.append(is_error)

    def judge(self, now_s: float, nonce_interval_s: float) -> None:
        """Raise DeviceFault when the stick has failed.

        ``nonce_interval_s`` is the mean time between nonces since the last call.
        """
        self._missed += max(0.0, now_s - self._counted_s) / nonce_interval_s
        self._counted_s = now_s
        if now_s < self._judge_from_s:
            return
        if self._missed > facts.NONCE_LIMIT_FACTOR:
            raise DeviceFault(
                f"no nonce for {now_s - self._heard_s:.0f} s, in which {self._missed:.0f} should "
                "have come; check power and cooling of the stick"
            )
        errors = sum(self._errors)
        if len(self._errors) == ERROR_WINDOW and errors > MAX_ERROR_PART * ERROR_WINDOW:
            raise DeviceFault(
                f"{errors} of the last {ERROR_WINDOW} nonces are wrong; lower the clock, or raise "
                "the core voltage"
            )
