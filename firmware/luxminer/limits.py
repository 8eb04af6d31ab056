"""A bucket of tokens: how much may happen at once, and how much for ever."""

__all__ = ["TokenBucket"]


class TokenBucket:
    """Allows ``burst`` events at once and ``per_s`` a second in the long run."""

    def __init__(self, per_s: float, burst: int) -> None:
        self._per_s = per_s
        self._burst = burst
        self._tokens = float(burst)
        self._filled_s = 0.0

    def take(self, now_s: float) -> bool:
        """Return whether one more event is allowed now, and count it if so."""
        gained = max(0.0, now_s - self._filled_s) * self._per_s
        self._tokens = min(float(self._burst), self._tokens + gained)
        self._filled_s = now_s
        if self._tokens < 1.0:
            return False
        self._tokens -= 1.0
        return True
