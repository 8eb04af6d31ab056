"""What can be wrong with a port, said so that its owner knows what to do about it.

Ref: Linux man pages open(2), flock(2), ioctl_tty(2), proc(5).
"""

import errno
import fcntl
import grp
import os
import pwd
import stat
import termios
from contextlib import suppress
from pathlib import Path

from luxminer.errors import PortProblem, PortUnusable

__all__ = [
    "URL_SCHEMES",
    "USB_PREFIX",
    "check_port",
    "is_url",
    "is_usb",
    "permission_cure",
    "port_holder",
    "probe_port",
    "unusable",
]

URL_SCHEMES = ("socket", "hwgrep")
"""pyserial's URL handlers whose port has a descriptor, which is what the event loop waits on."""

USB_PREFIX = "usb:"
"""Begins the name of a port that is opened through libusb: ``usb:1-1.3``."""

CPU_PREFIX = "cpu:"
"""Begins the port of a driver that hashes on this machine; a number of threads follows."""

MAX_THREADS = 64
"""More are a slip of the pen."""

PROBLEMS = {
    errno.ENOENT: PortProblem.MISSING,
    errno.ENOTDIR: PortProblem.MISSING,
    errno.ENODEV: PortProblem.MISSING,
    errno.ENXIO: PortProblem.MISSING,
    errno.EIO: PortProblem.MISSING,  # a pseudo terminal whose other end was closed
    errno.EACCES: PortProblem.DENIED,
    errno.EPERM: PortProblem.DENIED,
    errno.EBUSY: PortProblem.BUSY,  # TIOCEXCL of another program
    errno.EAGAIN: PortProblem.BUSY,  # flock of another program
    errno.ENOTTY: PortProblem.NOT_SERIAL,
    errno.EISDIR: PortProblem.NOT_SERIAL,
    errno.EINVAL: PortProblem.NOT_SERIAL,
}


def is_cpu(port: str) -> bool:
    """Tell a number of threads of this machine from what is plugged in."""
    return port.startswith(CPU_PREFIX)


def cpu_threads(port: str) -> int:
    """Return N of ``cpu:N``, 1 for ``cpu:``. Raises PortUnusable."""
    number = port.removeprefix(CPU_PREFIX)
    if not number:
        return 1
    if number.isascii() and number.isdecimal() and len(number) <= len(str(MAX_THREADS)):
        threads = int(number)
        if 1 <= threads <= MAX_THREADS:
            return threads
    raise PortUnusable(
        port,
        PortProblem.BAD_ADDRESS,
        f"{number!r} is no number of threads",
        f"write cpu:1 to cpu:{MAX_THREADS}",
    )


def is_url(port: str) -> bool:
    """Tell a pyserial URL from the path of a tty."""
    return "://" in port


def is_usb(port: str) -> bool:
    """Tell the address of a USB device from the path of a tty and from a URL."""
    return port.startswith(USB_PREFIX)


def check_port(port: str) -> None:
    """Raise PortUnusable for what can be known without opening anything."""
    if is_cpu(port):
        cpu_threads(port)
        return
    if is_url(port):
        _check_url(port)
        return
    try:
        mode = Path(port).stat().st_mode
    except (OSError, ValueError) as exc:
        raise unusable(port, exc) from exc
    if not stat.S_ISCHR(mode):
        raise _not_serial(port)


def probe_port(path: str) -> PortUnusable | None:
    """Open a tty for a moment, without touching its settings; return what would keep us out.

    Only for ports that are known to be sticks: opening raises the modem lines.
    """
    try:
        check_port(path)
        descriptor = os.open(path, os.O_RDWR | os.O_NOCTTY | os.O_NONBLOCK)
    except PortUnusable as exc:
        return exc
    except OSError as exc:
        return unusable(path, exc)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        termios.tcgetattr(descriptor)
    except (OSError, termios.error) as exc:
        return unusable(path, exc)
    finally:
        os.close(descriptor)
    return None


def unusable(port: str, exc: BaseException) -> PortUnusable:
    """Turn what opening a port raised into words; looks behind pyserial's own exceptions."""
    number, text = _root(exc)
    if is_url(port):
        return PortUnusable(
            port,
            PortProblem.UNREACHABLE,
            text,
            "start the program that serves it, or correct the address",
        )
    problem = PROBLEMS.get(number, PortProblem.FAILED) if number else PortProblem.FAILED
    if problem is PortProblem.MISSING:
        return PortUnusable(port, problem, "no such port", "plug the stick in or correct the path")
    if problem is PortProblem.DENIED:
        return PortUnusable(port, problem, "permission denied", permission_cure(port))
    if problem is PortProblem.BUSY:
        holder = port_holder(port)
        reason = f"in use by {holder}" if holder else "in use by another program"
        return PortUnusable(port, problem, reason, "stop that program")
    if problem is PortProblem.NOT_SERIAL:
        return _not_serial(port)
    return PortUnusable(port, problem, text, "unplug the stick and plug it in again")


def port_holder(path: str) -> str:
    """Name the program that has locked a port: ``luxminer (process 812)``; empty if not known."""
    try:
        status = Path(path).stat()
        locks = Path("/proc/locks").read_text()
    except OSError:
        return ""
    device = f"{os.major(status.st_dev):02x}:{os.minor(status.st_dev):02x}:{status.st_ino}"
    for line in locks.splitlines():
        fields = line.split()
        if len(fields) > 5 and fields[1] == "FLOCK" and fields[5] == device:
            process = fields[4]
            if process == str(os.getpid()):
                return "this program itself"
            with suppress(OSError):
                name = Path("/proc", process, "comm").read_text(errors="replace").strip()
                return f"{name} (process {process})"
    return ""


def _check_url(port: str) -> None:
    scheme = port.partition("://")[0].lower()
    if scheme not in URL_SCHEMES:
        known = " or ".join(f"{name}://" for name in URL_SCHEMES)
        raise PortUnusable(
            port,
            PortProblem.BAD_ADDRESS,
            f"{scheme}:// cannot be waited on",
            f"use the path of a tty, or {known}",
        )
    if scheme == "socket":
        from urllib.parse import urlsplit  # only for those who have such a port

        try:
            parts = urlsplit(port)
            complete = parts.hostname is not None and parts.port is not None
        except ValueError:
            complete = False
        if not complete:
            raise PortUnusable(
                port, PortProblem.BAD_ADDRESS, "not an address", "write socket://HOST:PORT"
            )


def _root(exc: BaseException) -> tuple[int | None, str]:
    """Return number and text of the system's error at the bottom of a chain of exceptions."""
    link: BaseException | None = exc
    text = str(exc)
    while link is not None:
        if isinstance(link, OSError) and link.errno is not None:
            return link.errno, (link.strerror or str(link)).lower()
        if isinstance(link, termios.error):
            return int(link.args[0]), str(link.args[1]).lower()
        text = str(link) or text
        link = link.__cause__ or link.__context__
    return None, text


def _not_serial(port: str) -> PortUnusable:
    return PortUnusable(
        port, PortProblem.NOT_SERIAL, "not a serial port", "name the stick's tty: /dev/ttyUSB0"
    )


def permission_cure(port: str, rule: str = "") -> str:
    """Say what opens a device node to us; ``rule`` gives it to a group."""
    user_id = os.geteuid()
    try:
        user = pwd.getpwuid(user_id).pw_name
    except KeyError:
        user = str(user_id)
    try:
        status = Path(port).stat()
        group = grp.getgrgid(status.st_gid)
    except (OSError, KeyError):
        return f"let user {user} read and write it"
    shared = status.st_mode & 0o060 == 0o060 and status.st_gid != 0
    if not shared:
        return f"{rule}let user {user} read and write it"
    if user in group.gr_mem and status.st_gid not in os.getgroups():
        return f"user {user} is new in group {group.gr_name}: log in again or restart the service"
    return (
        f"add the user to group {group.gr_name}: sudo usermod -a -G {group.gr_name} {user}, "
        "then log in again"
    )
