"""Keeps a line full of noise from costing more than the mining: what is too much is not looked at.

Finding back into step costs far more than taking a reply, and a fast line brings 150,000 bytes of
noise a second. So each second has a limit of bytes that turned out to be no replies. The rest of
that second is dropped unread; after some such seconds in a row the stick has failed.
"""

from luxminer.errors import DeviceFault

__all__ = ["FLOOD_LIMIT", "FLOOD_SECONDS", "Flood"]

FLOOD_LIMIT = 2000
"""Bytes a second. Chips that report all nonces of difficulty 1, every one wrong, send 1,200."""

FLOOD_SECONDS = 5
"""Noise of a plug that is moved is over by then."""

LONGEST_REPLY = 11


class Flood:
    """Watches what one line brings. All times are monotonic seconds."""

    def __init__(self, port: str) -> None:
        self._port = port
        self._from_s = float("-inf")
        self._bytes = 0
        self._replies = 0
        self._in_a_row = 0

    def admits(self, length: int, now_s: float) -> bool:
        """Take note of bytes that arrived; False when they are to be dropped.

        Raises DeviceFault when it has been too much for too long.
        """
        if now_s - self._from_s >= 1.0:
            is_next = now_s - self._from_s < 2.0
            self._in_a_row = self._in_a_row + 1 if self._is_over and is_next else 0
            if self._in_a_row >= FLOOD_SECONDS:
                raise DeviceFault(
                    f"{self._port} brought {self._bytes} bytes in a second, and almost none of "
                    "them were replies of its chips; look at its cable and its hub, else another "
                    "device talks there"
                )
            self._from_s, self._bytes, self._replies = now_s, 0, 0
        self._bytes += length
        return not self._is_over

    def replied(self) -> None:
        """Take note that some of the bytes were a right reply."""
        self._replies += 1

    @property
    def _is_over(self) -> bool:
        return self._bytes - self._replies * LONGEST_REPLY > FLOOD_LIMIT
