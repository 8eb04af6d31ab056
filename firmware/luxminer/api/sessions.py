"""The one session that commands which change the machine's settings share.

A courtesy lock between programs, not security: whoever knows the id may use it, from any address.

Ref: LUXminer API (sessions).
"""

import random
import string

from luxminer.clock import Clock

__all__ = ["ID_LENGTH", "SESSION_LIFE_S", "Sessions"]

SESSION_LIFE_S = 60.0
"""Without use; every use starts it again."""
ID_LENGTH = 8
ALPHABET = string.ascii_letters + string.digits


class Sessions:
    """Holds the id of the active session, if there is one."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._id = ""
        self._ends_s = 0.0
        self._random = random.SystemRandom()

    @property
    def active(self) -> str:
        """The id; empty when there is no session."""
        return self._id if self._clock.monotonic() < self._ends_s else ""

    def start(self) -> str | None:
        """Begin a session and return its id; None while another one is active."""
        if self.active:
            return None
        self._id = "".join(self._random.choice(ALPHABET) for _ in range(ID_LENGTH))
        self._extend()
        return self._id

    def use(self, session_id: str) -> bool:
        """Tell whether this is the active session, and if so extend its life."""
        known = bool(session_id) and session_id == self.active
        if known:
            self._extend()
        return known

    def end(self) -> None:
        self._ends_s = 0.0

    def _extend(self) -> None:
        self._ends_s = self._clock.monotonic() + SESSION_LIFE_S
