"""What a login leaves out because this pool has hung up on it, or answered it with nonsense."""

from collections import Counter
from collections.abc import Iterable

__all__ = ["MAX_UNREAD_CONFIGURES", "MAX_WISH_HANGUPS", "Leniency"]

MAX_WISH_HANGUPS = 2
"""Once may be chance; after that many the request is left out."""

MAX_UNREAD_CONFIGURES = 2
"""Logins in a row whose answer to mining.configure made no sense: then it is left out, too."""


MAX_LOST_LOGINS = 2
"""Connections in a row that end before the subscription: then the session is given up."""


class Leniency:
    """Of one pool, over all of its connections."""

    def __init__(self) -> None:
        self._hangups: Counter[str] = Counter()
        self._unread = 0
        self.lost_logins = 0
        """Connections in a row that ended before the subscription."""

    @property
    def may_configure(self) -> bool:
        """Whether to ask for version rolling and the like.

        After a lost login every second time, since some pools hang up on it; one that was only
        restarting is asked for it again.
        """
        return self.lost_logins % 2 == 0 and self._unread < MAX_UNREAD_CONFIGURES

    @property
    def gives_session_up(self) -> bool:
        return self.lost_logins >= MAX_LOST_LOGINS

    @property
    def left_out(self) -> set[str]:
        """Methods of requests that nobody has to understand."""
        return {method for method, count in self._hangups.items() if count >= MAX_WISH_HANGUPS}

    def hung_up_on(self, methods: Iterable[str]) -> list[str]:
        """Count what a pool may have hung up on; returns what is left out from now on."""
        asked = list(methods)
        self._hangups.update(asked)
        return [method for method in asked if self._hangups[method] == MAX_WISH_HANGUPS]

    def configured(self) -> None:
        """Take note of an answer to mining.configure, or of none in time."""
        self._unread = 0

    def configure_unread(self) -> None:
        """Take note of a login that was given up for an answer that made no sense."""
        self._unread += 1
