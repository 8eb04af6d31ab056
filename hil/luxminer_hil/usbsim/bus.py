"""A USB bus with hubs, as a host's kernel keeps it: who is plugged in where, and who holds it.

Ref: Linux Documentation/ABI/testing/sysfs-bus-usb (names of places); drivers/usb/core/devio.c (who
may claim an interface).
"""

import re
import threading
from collections.abc import Sequence
from dataclasses import dataclass, field

from luxminer_hil.usbsim.device import Setup, UsbModel

__all__ = ["BusDevice", "SimulatedBus"]

SET_CONFIGURATION = Setup(0x00, 9, 1, 0, 0)


@dataclass(eq=False, slots=True, kw_only=True)
class BusDevice:
    """A device that is or was plugged in. ``ports`` are those of the hubs on the way to it."""

    model: UsbModel
    bus: int
    ports: tuple[int, ...]
    address: int
    kernel_drivers: set[int]
    """Interfaces that a driver of the kernel has."""
    claims: dict[int, object] = field(default_factory=dict)
    """Interface -> the handle that has it."""
    is_denied: bool = False
    """Its node in /dev/bus/usb belongs to somebody else."""
    opened: int = 0
    """How often a program has opened it."""
    events: list[str] = field(default_factory=list)
    """What programs did to it, in order: ``open``, ``detach 0``, ``claim 0``, ..., ``close``."""

    @property
    def place(self) -> str:
        """As the kernel names it: ``1-1.3``."""
        return f"{self.bus}-{'.'.join(map(str, self.ports))}"


class SimulatedBus:
    """Devices by place. Plugging in finds a driver of the kernel at once, unless told otherwise."""

    def __init__(self) -> None:
        self.lock = threading.RLock()
        self._by_place: dict[str, BusDevice] = {}
        self._last_address = 1

    def plug(
        self,
        model: UsbModel,
        place: str,
        *,
        kernel_drivers: Sequence[int] | None = None,
    ) -> BusDevice:
        """Plug a device in at a place like ``1-1.3``. Raises ValueError for one that is taken."""
        found = re.fullmatch(r"(\d+)-(\d+(?:\.\d+)*)", place)
        if found is None:
            raise ValueError(f"{place!r} is no place on a bus: write 1-1.3")
        interfaces = [interface.number for interface in model.layout.interfaces]
        with self.lock:
            if place in self._by_place:
                raise ValueError(f"{place} is taken")
            self._last_address += 1
            device = BusDevice(
                model=model,
                bus=int(found[1]),
                ports=tuple(int(port) for port in found[2].split(".")),
                address=self._last_address,
                kernel_drivers=set(interfaces if kernel_drivers is None else kernel_drivers),
            )
            model.plug()
            model.control(SET_CONFIGURATION)
            self._by_place[place] = device
        return device

    def unplug(self, place: str) -> None:
        """Pull out what is there. Idempotent."""
        with self.lock:
            device = self._by_place.pop(place, None)
        if device is not None:
            device.model.unplug()

    def devices(self) -> tuple[BusDevice, ...]:
        """Return what is plugged in, in the order in which it came."""
        with self.lock:
            return tuple(self._by_place.values())

    def is_there(self, device: BusDevice) -> bool:
        """Tell a device from one that was pulled, also if another has its place now."""
        with self.lock:
            return self._by_place.get(device.place) is device

    def reset(self, device: BusDevice) -> None:
        """Let the hub reset a device and configure it again. Raises Gone."""
        device.model.bus_reset()
        device.model.control(SET_CONFIGURATION)
