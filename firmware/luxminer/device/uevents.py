"""Hears from the kernel when devices come and go, so that nobody has to look all the time.

Ref: Linux lib/kobject_uevent.c: the kernel's own messages go to multicast group 1, in network
namespaces that belong to the machine's first user namespace; no right is needed to listen.
"""

import socket
import time

__all__ = ["LOOK_ANYWAY_S", "Uevents"]

NETLINK_KOBJECT_UEVENT = 15
"""linux/netlink.h"""

KERNEL_GROUP = 1
"""Group 2 is what udev says, and it may not run."""

RECEIVE_BYTES = 65536

MAX_MESSAGES = 256
"""Read at once; when there are more, the next look reads on."""

SETTLE_S = 3.0
"""A removal is told before the device is out of sysfs, and drivers bind a little later."""

LOOK_ANYWAY_S = 10.0
"""Between two looks at most. What goes without a word from the kernel, in some containers or as the
pseudo terminal of a stick that is not open, is seen this late."""


class Uevents:
    """Says when looking at the devices of the machine is worth it."""

    def __init__(self) -> None:
        self._until_s = time.monotonic() + SETTLE_S
        self._looked_s = float("-inf")
        self._kernel: socket.socket | None = None
        self._is_deaf = False

    def _listen(self) -> None:
        try:
            self._kernel = socket.socket(
                socket.AF_NETLINK,
                socket.SOCK_DGRAM | socket.SOCK_NONBLOCK,
                NETLINK_KOBJECT_UEVENT,
            )
            self._kernel.bind((0, KERNEL_GROUP))
        except OSError:
            self.close()
            self._is_deaf = True

    @property
    def kernel(self) -> socket.socket | None:
        """What becomes readable with an event; None before `is_due`, and where there are none."""
        return self._kernel

    @property
    def is_quiet(self) -> bool:
        """The kernel tells, and has told nothing for a while."""
        return self._kernel is not None and time.monotonic() > self._until_s

    def is_due(self) -> bool:
        """Tell whether something may have changed since it was last worth it."""
        now_s = time.monotonic()
        if self._kernel is None and not self._is_deaf:
            self._listen()
        self.hear()
        if self._kernel is None:
            self._until_s = now_s + SETTLE_S
        if now_s > self._until_s and now_s < self._looked_s + LOOK_ANYWAY_S:
            return False
        self._looked_s = now_s
        return True

    def hear(self) -> None:
        """Take what the kernel said; its words do not matter, sysfs has them too."""
        if self._kernel is not None and _has_said(self._kernel):
            self._until_s = time.monotonic() + SETTLE_S

    def close(self) -> None:
        if self._kernel is not None:
            self._kernel.close()
        self._kernel = None


def _has_said(kernel: socket.socket) -> bool:
    heard = False
    for _ in range(MAX_MESSAGES):
        try:
            kernel.recv(RECEIVE_BYTES)
        except BlockingIOError:
            break
        except OSError:  # ENOBUFS: more was said than there is room for
            return True
        heard = True
    return heard
