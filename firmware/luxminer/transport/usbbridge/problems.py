"""What libusb says, in words that help the owner of a stick."""

import errno

from luxminer.errors import PortProblem, PortUnusable
from luxminer.transport.ports import permission_cure

__all__ = ["NO_LIBUSB_CURE", "explain", "unusable"]

NO_LIBUSB_CURE = "install libusb: sudo apt-get install libusb-1.0-0"
RULE = "install scripts/60-luxminer.rules as it says at its top, or "
UNPLUGGED = "unplugged; plug it in again"

GONE = (errno.ENODEV, errno.ENOENT, errno.ENXIO)


def unusable(port: str, exc: OSError, node: str) -> PortUnusable:
    """Turn what opening a device raised into a reason and a cure; ``node`` is its device file."""
    if exc.errno in GONE:
        return PortUnusable(
            port, PortProblem.MISSING, "no such device", "plug the stick in or correct the address"
        )
    if exc.errno in (errno.EACCES, errno.EPERM):
        reason = f"permission denied for {node}"
        return PortUnusable(port, PortProblem.DENIED, reason, permission_cure(node, RULE))
    if exc.errno == errno.EBUSY:
        return PortUnusable(
            port, PortProblem.BUSY, "in use by another program", "stop that program"
        )
    reason = (exc.strerror or str(exc)).lower()
    return PortUnusable(port, PortProblem.FAILED, reason, "unplug the stick and plug it in again")


def explain(exc: OSError) -> str:
    """Say why a device that was in use failed."""
    if exc.errno in GONE:
        return UNPLUGGED
    return f"{(exc.strerror or str(exc)).lower()}; check its cable and hub, or plug it in again"
