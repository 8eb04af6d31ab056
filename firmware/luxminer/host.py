"""What machine this is: name, addresses, serial number, temperature. Reads files, starts nothing.

Ref: Linux sysfs and procfs; /proc/device-tree/model and serial-number are what the firmware of a
Raspberry Pi writes; /etc/os-release is described in os-release(5).
"""

import os
import socket
from pathlib import Path

from luxminer import __version__
from luxminer.hashing import kernel
from luxminer.telemetry.model import HostSnapshot

__all__ = ["HostReader", "state_directory"]

GENERIC_MODEL = "USB stick miner"


class HostReader:
    """Reads the machine's facts; those that never change only once."""

    def __init__(self, root: Path = Path("/")) -> None:
        self._root = root
        self._model = self._text("proc/device-tree/model") or GENERIC_MODEL
        self._serial = self._text("proc/device-tree/serial-number")
        self._os = self._os_name()

    def snapshot(self) -> HostSnapshot:
        """Return the facts as they are now. Reading takes well below a millisecond."""
        interface = self._interface()
        return HostSnapshot(
            version=__version__,
            model=self._model,
            hostname=socket.gethostname(),
            os=self._os,
            ip_address=_own_address(),
            mac_address=self._text(f"sys/class/net/{interface}/address") if interface else "",
            serial=self._serial,
            cpu_temperature_c=self._cpu_temperature_c(),
            sha256_kernel=kernel(),
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

    def _interface(self) -> str:
        """Return the interface of the default route, else the first that is not the loopback."""
        for line in self._text("proc/net/route").splitlines()[1:]:
            fields = line.split()
            if len(fields) > 1 and fields[1] == "00000000":
                return fields[0]
        try:
            names = sorted(path.name for path in (self._root / "sys/class/net").iterdir())
        except OSError:
            return ""
        return next((name for name in names if name != "lo"), "")

    def _cpu_temperature_c(self) -> float | None:
        text = self._text("sys/class/thermal/thermal_zone0/temp")
        try:
            return int(text) / 1000
        except ValueError:
            return None


def _own_address() -> str:
    """Return the address that a packet to the outside would come from; nothing is sent."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("192.0.2.1", 9))  # TEST-NET-1 of RFC 5737: only a route is looked up
        except OSError:
            return ""
        address: str = probe.getsockname()[0]
        return address


def state_directory() -> Path:
    """Return $STATE_DIRECTORY, else /var/lib/luxminer if writable, else ~/.local/state/luxminer."""
    given = os.environ.get("STATE_DIRECTORY", "").partition(":")[0]
    if given:
        return Path(given)
    system = Path("/var/lib/luxminer")
    if os.access(system, os.W_OK):
        return system
    return Path.home() / ".local/state/luxminer"
