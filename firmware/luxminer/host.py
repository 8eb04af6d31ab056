"""What machine this is: name, addresses, serial number, temperature. Starts nothing.

Ref: Linux sysfs and procfs; /proc/device-tree/model and serial-number are what the firmware of a
Raspberry Pi writes; /etc/os-release is described in os-release(5).
"""

import os
import socket
import sys
import time
from pathlib import Path

from luxminer import __version__, hashing
from luxminer.errors import ConfigError
from luxminer.network import addresses
from luxminer.telemetry.model import HostSnapshot

__all__ = ["HostReader", "state_directory", "usable_state_directory"]

GENERIC_MODEL = "USB stick miner"

FRESH_S = 5.0
"""How long what was read counts as the state of now."""

MAX_DNS_SERVERS = 8


class HostReader:
    """Reads the machine's facts; those that never change only once."""

    def __init__(self, root: Path = Path("/")) -> None:
        self._root = root
        self._model = self._text("proc/device-tree/model") or GENERIC_MODEL
        self._serial = self._text("proc/device-tree/serial-number")
        self._os = self._os_name()
        self._build_date = _build_date()
        self._last: HostSnapshot | None = None
        self._last_s = 0.0

    def snapshot(self) -> HostSnapshot:
        """Return the facts as they are now, or were at most `FRESH_S` ago."""
        now_s = time.monotonic()
        if self._last is None or now_s - self._last_s > FRESH_S:
            self._last, self._last_s = self._read(), now_s
        return self._last

    def _read(self) -> HostSnapshot:
        interface, gateway = self._default_route()
        own = next((each for each in addresses() if each.interface == _index(interface)), None)
        return HostSnapshot(
            version=__version__,
            model=self._model,
            hostname=socket.gethostname(),
            os=self._os,
            ip_address=own.address if own else "",
            netmask=own.netmask if own else "",
            broadcast_address=own.broadcast if own else "",
            dhcp=own.is_leased if own else False,
            gateway=gateway,
            dns_servers=self._dns_servers(),
            mac_address=self._text(f"sys/class/net/{interface}/address") if interface else "",
            serial=self._serial,
            cpu_temperature_c=self._cpu_temperature_c(),
            sha256_kernel=hashing.kernel(),
            build_date=self._build_date,
        )

    def _text(self, path: str) -> str:
        try:
            raw = (self._root / path).read_bytes()[:4096]
        except OSError:
            return ""
        return raw.rstrip(b"\x00\n ").decode("ascii", "replace")

    def _os_name(self) -> str:
        for line in self._text("etc/os-release").splitlines():
            name, _, value = line.partition("=")
            if name == "PRETTY_NAME":
                return value.strip("\"'")
        return "Linux"

    def _default_route(self) -> tuple[str, str]:
        """Return interface and gateway; without a route the first interface but the loopback."""
        for line in self._text("proc/net/route").splitlines()[1:]:
            fields = line.split()
            if len(fields) > 2 and fields[1] == "00000000":
                return fields[0], _address_of_route(fields[2])
        try:
            names = sorted(path.name for path in (self._root / "sys/class/net").iterdir())
        except OSError:
            return "", ""
        return next((name for name in names if name != "lo"), ""), ""

    def _dns_servers(self) -> tuple[str, ...]:
        lines = map(str.split, self._text("etc/resolv.conf").splitlines())
        found = [words[1] for words in lines if len(words) > 1 and words[0] == "nameserver"]
        return tuple(found[:MAX_DNS_SERVERS])

    def _cpu_temperature_c(self) -> float | None:
        text = self._text("sys/class/thermal/thermal_zone0/temp")
        try:
            return int(text) / 1000
        except ValueError:
            return None


def _index(interface: str) -> int:
    try:
        return socket.if_nametoindex(interface)
    except (OSError, ValueError):
        return -1


def _address_of_route(text: str) -> str:
    """Return the address that the kernel prints as a number in this machine's byte order."""
    try:
        return socket.inet_ntoa(int(text, 16).to_bytes(4, sys.byteorder))
    except (ValueError, OverflowError):
        return ""


def _build_date() -> str:
    """Return when the extension module was built; it is built anew with every installation."""
    built = time.gmtime(Path(hashing.__file__).parent.stat().st_mtime)
    return time.strftime("%a %b %e %H:%M:%S UTC %Y", built)


def state_directory() -> Path:
    """Return $STATE_DIRECTORY, else /var/lib/luxminer if writable, else ~/.local/state/luxminer."""
    given = os.environ.get("STATE_DIRECTORY", "").partition(":")[0]
    if given:
        return Path(given)
    system = Path("/var/lib/luxminer")
    if os.access(system, os.W_OK):
        return system
    return Path.home() / ".local/state/luxminer"


def usable_state_directory() -> Path:
    """Return the state directory, made if need be. Raises ConfigError."""
    path = state_directory()
    cure = "set STATE_DIRECTORY to one that can be written"
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as exc:
        reason = f"cannot make the state directory {path}: {exc.strerror}"
        raise ConfigError(reason, cure=cure) from exc
    if not os.access(path, os.W_OK):
        raise ConfigError(f"the state directory {path} cannot be written", cure=cure)
    return path
