"""A small copy of what the kernel shows in /sys for USB serial ports, in a temporary directory."""

import shutil
from dataclasses import dataclass
from pathlib import Path

from luxminer.device.usb import UsbBus

STICK = "Compac BM1384 Bitcoin Miner"


@dataclass
class FakeUsb:
    """Plugs devices into ``root``/sys; ttys become links to pseudo terminals in ``root``/dev."""

    root: Path
    plugged: int = 0

    def __post_init__(self) -> None:
        (self.root / "sys/class/tty").mkdir(parents=True)
        (self.root / "sys/bus/usb/devices").mkdir(parents=True)
        (self.root / "dev/bus/usb/001").mkdir(parents=True)
        for name in ("tty", "tty1", "ttyS0", "console", "ptmx"):
            (self.root / "sys/class/tty" / name).mkdir()

    @property
    def bus(self) -> UsbBus:
        return UsbBus(self.root / "sys", self.root / "dev")

    def tty(self, name: str) -> Path:
        return self.root / "dev" / name

    def device(self, place: str) -> Path:
        return self.root / "sys/devices/platform/usb1" / place

    def plug(
        self,
        place: str,
        tty: str = "",
        *,
        manufacturer: str = "GekkoScience",
        product: str = STICK,
        serial: str = "10024583",
        ids: str = "10c4:ea60",
        interface: int = 0,
        target: str = "",
    ) -> None:
        """Show a device at ``1-1.4``; with a tty as usb-serial makes it, else without one."""
        self.plugged += 1
        device = self.device(place)
        device.mkdir(parents=True, exist_ok=True)
        vendor_id, product_id = ids.split(":")
        attributes = {
            "idVendor": vendor_id,
            "idProduct": product_id,
            "manufacturer": manufacturer,
            "product": product,
            "serial": serial,
            "busnum": "1",
            "devnum": str(self.plugged),
        }
        for name, value in attributes.items():
            if value:
                (device / name).write_text(f"{value}\n")
        link = self.root / "sys/bus/usb/devices" / place
        link.unlink(missing_ok=True)
        link.symlink_to(device)
        (self.root / f"dev/bus/usb/001/{self.plugged:03}").write_bytes(b"")
        if tty:
            self._add_tty(device / f"{place}:1.{interface}", tty, interface, target)

    def _add_tty(self, folder: Path, tty: str, interface: int, target: str) -> None:
        tty_device = folder / tty
        (tty_device / "tty" / tty).mkdir(parents=True)
        (folder / "bInterfaceNumber").write_text(f"{interface:02x}\n")
        (tty_device / "tty" / tty / "device").symlink_to(tty_device)
        self._link(tty).symlink_to(tty_device / "tty" / tty)
        if target:
            self.tty(tty).unlink(missing_ok=True)
            self.tty(tty).symlink_to(target)

    def pull(self, place: str, *ttys: str) -> None:
        for tty in ttys:
            self._bury(self._link(tty))
            self.tty(tty).unlink(missing_ok=True)
        self._bury(self.root / "sys/bus/usb/devices" / place)
        shutil.rmtree(self.device(place))

    def _bury(self, entry: Path) -> None:
        """Take an entry away for good: unlike sysfs, a disk gives inode numbers out again."""
        graves = self.root / "graves"
        graves.mkdir(exist_ok=True)
        entry.rename(graves / str(len(list(graves.iterdir()))))

    def _link(self, tty: str) -> Path:
        return self.root / "sys/class/tty" / tty
