"""Notices what is plugged in and pulled out: USB serial ports and the ports of the configuration.

Looks and compares; nothing is opened.
"""

import asyncio
import os
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path

from luxminer.clock import Bell, next_beat
from luxminer.device.identity import Sighting, UsbPort
from luxminer.device.preference import preferred_port
from luxminer.device.uevents import LOOK_ANYWAY_S, Uevents
from luxminer.device.usb import UsbBus, natural_key
from luxminer.transport.base import Capability
from luxminer.transport.ports import USB_PREFIX, is_cpu, is_url, is_usb

__all__ = ["HotplugWatcher", "PortChange"]

TOLD_PAUSE_S = 0.05
"""Between two looks at least, however much the kernel has to tell."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PortChange:
    """Something came or went."""

    sighting: Sighting
    appeared: bool
    again: bool = False
    """Was forgotten, not gone: the same port is still there."""


NeedsOf = Callable[[UsbPort], frozenset[Capability]]


def _needs_nothing(_usb: UsbPort) -> frozenset[Capability]:
    return frozenset()


class HotplugWatcher:
    """Knows what was there at the last look. ``ports`` are the configured ones by position.

    ``needs_of`` says what a device needs of its port; one that needs more than a tty offers is seen
    by its place on USB, whatever the kernel's drivers make of it meanwhile.
    """

    def __init__(
        self, ports: Sequence[str], bus: UsbBus, needs_of: NeedsOf = _needs_nothing
    ) -> None:
        self._ports = tuple(ports)
        self._files = tuple(map(Path, self._ports))
        self._bus = bus
        self._needs_of = needs_of
        self._devices: tuple[tuple[UsbPort, int], ...] = ()
        self._by_usb: dict[str, Sighting] = {}
        self._paths: dict[str, tuple[tuple[int, ...], str]] = {}
        """What configured paths led to when their token was this."""
        self._there: object = None
        """All that the last look depended on."""
        self._seen: dict[str, Sighting] = {}
        self._forgotten: set[str] = set()
        self._bell = Bell()
        self._is_told = False
        self._interval_s = 1.0

    @property
    def missing(self) -> tuple[int, ...]:
        """Positions of the configured ports that were not there at the last look."""
        there = {index for sighting in self._seen.values() for index in sighting.configured}
        return tuple(n for n, port in enumerate(self._ports) if port and n not in there)

    def poll(self) -> list[PortChange]:
        """Look once; return what went and then what came, configured ports first."""
        self._bus.refresh()
        tokens = tuple(map(_token, self._ports, self._files))
        there = (self._bus.ports(), self._bus.devices(), tokens)
        if there == self._there and not self._forgotten:
            return []
        self._there = there
        now = self._look()
        changes = [
            PortChange(sighting=old, appeared=False)
            for url, old in self._seen.items()
            if now.get(url) != old
        ]
        for url, new in sorted(now.items(), key=_order):
            if self._seen.get(url) != new:
                changes.append(PortChange(sighting=new, appeared=True))
            elif url in self._forgotten:
                changes.append(PortChange(sighting=new, appeared=True, again=True))
        self._seen = now
        self._forgotten.clear()
        return changes

    def forget(self, url: str) -> None:
        """Report a port at the next look as if it had come anew, if it is still there."""
        self._forgotten.add(url)
        self._bell.ring()

    async def watch(self, interval_s: float, tell: Callable[[Sequence[PortChange]], None]) -> None:
        """Look until cancelled; ``tell`` is called after each look, the first one at once.

        What the kernel tells is looked at soon. Besides, a look comes every ``interval_s`` while
        something is missing or unsettled, and now and then while all is as it was.
        """
        self._interval_s = interval_s
        with ExitStack() as stack:
            is_listening = False
            while True:
                tell(self.poll())
                if not is_listening and self._bus.events is not None:
                    is_listening = self._listen(self._bus.events, stack)
                await self._rest()

    def look_every(self, interval_s: float) -> None:
        """Change how often `watch` looks, from now on."""
        self._interval_s = interval_s
        self._bell.ring()

    def _listen(self, events: Uevents, stack: ExitStack) -> bool:
        """Be woken by the kernel from now on; False while it does not tell."""
        kernel = events.kernel
        if kernel is None:
            return False

        def told() -> None:
            events.hear()
            self._is_told = True
            self._bell.ring()

        loop = asyncio.get_running_loop()
        stack.callback(events.close)
        loop.add_reader(kernel, told)
        stack.callback(loop.remove_reader, kernel)
        return True

    async def _rest(self) -> None:
        """Wait until it is worth looking again."""
        anyway_s = asyncio.get_running_loop().time() + LOOK_ANYWAY_S
        while True:
            due_s = next_beat(self._interval_s) if self._is_restless else anyway_s
            if not await self._bell.wait_until(due_s):
                return
            if self._is_told:
                await asyncio.sleep(TOLD_PAUSE_S)
                self._is_told = False
                return

    @property
    def _is_restless(self) -> bool:
        events = self._bus.events
        is_quiet = events is not None and events.is_quiet
        return not is_quiet or bool(self._forgotten) or bool(self.missing)

    def _look(self) -> dict[str, Sighting]:
        ttys = {
            port.tty: Sighting(url=port.tty, token=(number,), usb=port)
            for port, number in self._bus.ports()
        }
        found = dict(self._seen_by_usb())
        for url, sighting in ttys.items():
            if _usb_url(sighting) not in found:
                found[url] = sighting
        for index, port in enumerate(self._ports):
            known = self._usb_device(port) if is_usb(port) else self._configured(port, ttys)
            if known is None:
                continue
            self._decide(found, known)
            known = found.get(known.url, known)
            found[known.url] = replace(known, configured=(*known.configured, index))
        return found

    def _seen_by_usb(self) -> dict[str, Sighting]:
        """Return the devices that need more than a tty; reckoned anew when something changed."""
        devices = self._bus.devices()
        if devices is not self._devices:
            self._devices = devices
            self._by_usb = {
                url: Sighting(url=url, token=(number,), usb=port)
                for port, number in devices
                if is_usb(url := preferred_port(port, self._needs_of(port)))
            }
        return self._by_usb

    def _usb_device(self, port: str) -> Sighting | None:
        place = port.removeprefix(USB_PREFIX)
        for usb, number in self._bus.devices():
            if usb.usb_path == place:
                return Sighting(url=port, token=(number,), usb=usb)
        return None

    def _configured(self, port: str, ttys: dict[str, Sighting]) -> Sighting | None:
        """Return what is at a configured path or URL now; None when nothing is."""
        token = _token(port, Path(port))
        if token is None:
            return None
        known = self._paths.get(port)
        if known is None or known[0] != token:
            known = (token, port if is_url(port) else os.path.realpath(port))
            self._paths[port] = known
        return ttys.get(known[1]) or Sighting(url=port, token=token)

    def _decide(self, found: dict[str, Sighting], chosen: Sighting) -> None:
        """Let the port that the owner wrote stand for a device, not its other ports."""
        if chosen.usb is None:
            return
        for url, other in list(found.items()):
            same = other.usb is not None and other.usb.usb_path == chosen.usb.usb_path
            if same and not other.configured and is_usb(url) is not is_usb(chosen.url):
                del found[url]


def _usb_url(sighting: Sighting) -> str:
    assert sighting.usb is not None, "seen by USB"
    return f"{USB_PREFIX}{sighting.usb.usb_path}"


def _token(port: str, path: Path) -> tuple[int, ...] | None:
    """Return what tells one device at a path from the next; None when there is none now."""
    if is_url(port) or is_cpu(port):
        return ()
    if not port:
        return None
    try:
        status = path.stat()
    except (OSError, ValueError):
        return None
    return (status.st_dev, status.st_ino, status.st_rdev)


def _order(item: tuple[str, Sighting]) -> tuple[object, ...]:
    url, sighting = item
    place = sighting.usb.usb_path if sighting.usb else url
    first = sighting.configured[0] if sighting.configured else float("inf")
    return (first, natural_key(place), natural_key(url))
