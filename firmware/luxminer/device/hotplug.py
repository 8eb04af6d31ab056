"""Notices what is plugged in and pulled out: USB serial ports and the ports of the configuration.

Looks and compares; nothing is opened.
"""

import asyncio
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from luxminer.device.identity import Sighting
from luxminer.device.usb import UsbBus, natural_key
from luxminer.transport.ports import is_url

__all__ = ["HotplugWatcher", "PortChange"]


@dataclass(frozen=True, slots=True, kw_only=True)
class PortChange:
    """Something came or went."""

    sighting: Sighting
    appeared: bool
    again: bool = False
    """Was forgotten, not gone: the same port is still there."""


class HotplugWatcher:
    """Knows what was there at the last look. ``ports`` are the configured ones by position."""

    def __init__(self, ports: Sequence[str], bus: UsbBus) -> None:
        self._ports = tuple(ports)
        self._bus = bus
        self._seen: dict[str, Sighting] = {}
        self._forgotten: set[str] = set()

    @property
    def missing(self) -> tuple[int, ...]:
        """Positions of the configured ports that were not there at the last look."""
        there = {index for sighting in self._seen.values() for index in sighting.configured}
        return tuple(n for n, port in enumerate(self._ports) if port and n not in there)

    def poll(self) -> list[PortChange]:
        """Look once; return what went and then what came, configured ports first."""
        now = self._look()
        if now == self._seen and not self._forgotten:
            return []
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

    async def watch(self, interval_s: float, tell: Callable[[Sequence[PortChange]], None]) -> None:
        """Poll until cancelled; ``tell`` is called after each look, the first one at once."""
        while True:
            tell(self.poll())
            await asyncio.sleep(interval_s)

    def _look(self) -> dict[str, Sighting]:
        found = {
            port.tty: Sighting(url=port.tty, token=(number,), usb=port)
            for port, number in self._bus.ports()
        }
        for index, port in enumerate(self._ports):
            token = _token(port)
            if token is None:
                continue
            url = port
            if not is_url(port):
                real = os.path.realpath(port)
                url = real if real in found else port
            known = found.get(url) or Sighting(url=url, token=token)
            found[url] = replace(known, configured=(*known.configured, index))
        return found


def _token(port: str) -> tuple[int, ...] | None:
    """Return what tells one device at a path from the next; None when there is none now."""
    if is_url(port):
        return ()
    if not port:
        return None
    try:
        status = Path(port).stat()
    except (OSError, ValueError):
        return None
    return (status.st_dev, status.st_ino, status.st_rdev)


def _order(item: tuple[str, Sighting]) -> tuple[object, ...]:
    url, sighting = item
    place = sighting.usb.usb_path if sighting.usb else url
    first = sighting.configured[0] if sighting.configured else float("inf")
    return (first, natural_key(place), natural_key(url))
