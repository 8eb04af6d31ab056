"""What is plugged in and whether it can be used: the rows of ``luxminer devices``.

Ports that are certainly sticks are opened for a moment to see whether we may and can; nothing is
written to them, and all other ports are left untouched.
"""

import errno
import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial

from luxminer.config.schema import Config
from luxminer.device.assignment import CHIP_INTERFACE, Assigner
from luxminer.device.hotplug import HotplugWatcher
from luxminer.device.identity import Sighting, UsbPort
from luxminer.device.preference import needs_of
from luxminer.device.refused import refused
from luxminer.device.registry import DriverRecord, match
from luxminer.device.usb import UsbBus
from luxminer.errors import ConfigError, PortUnusable
from luxminer.transport.ports import is_cpu, is_url, is_usb, probe_port, unusable

__all__ = ["DeviceListing", "list_devices"]


@dataclass(frozen=True, slots=True, kw_only=True)
class DeviceListing:
    """One row. A stick is usable when ``problem`` is empty; unknown texts are empty too."""

    model: str = ""
    serial: str = ""
    usb_path: str = ""
    tty: str = ""
    """Or pyserial URL, or place on USB: ``usb:1-1.3``."""
    driver: str = ""
    usable: bool = False
    problem: str = ""
    cure: str = ""


def list_devices(
    config: Config, drivers: Sequence[DriverRecord], bus: UsbBus | None = None
) -> tuple[DeviceListing, ...]:
    """Return a row for each USB serial port, configured port, and driver that cannot be loaded.

    Raises ConfigError for settings that can never be used.
    """
    bus = bus or UsbBus()
    assigner = Assigner(config, drivers)
    watcher = HotplugWatcher(assigner.ports, bus, partial(needs_of, drivers))
    sightings = [change.sighting for change in watcher.poll()]
    rows = [
        _row(sighting, assigner, drivers, bus)
        for sighting in sightings
        if sighting.configured or _has_chips(sighting.usb)
    ]
    seen = {sighting.usb.usb_path for sighting in sightings if sighting.usb is not None}
    rows += [_missing(index, assigner, config) for index in watcher.missing]
    rows += [
        row
        for usb in bus.without_tty()
        if usb.usb_path not in seen and (row := _without_tty(usb, drivers, bus)) is not None
    ]
    rows += [
        DeviceListing(
            driver=driver.name,
            problem=f"driver cannot be used: {driver.problem}",
            cure=f"install package {driver.package} again, or uninstall it",
        )
        for driver in drivers
        if driver.spec is None
    ]
    return tuple(rows)


def _has_chips(usb: UsbPort | None) -> bool:
    return usb is None or usb.interface == CHIP_INTERFACE


def _row(
    sighting: Sighting, assigner: Assigner, drivers: Sequence[DriverRecord], bus: UsbBus
) -> DeviceListing:
    usb = sighting.usb
    row = DeviceListing(
        serial=usb.serial if usb is not None else "",
        usb_path=usb.usb_path if usb is not None else "",
        tty=sighting.url,
    )
    try:
        assignment = assigner.assign(sighting)
        if assignment is None:
            assert usb is not None, "a configured port that USB does not know is always assigned"
            return _left_alone(row, usb, drivers)
    except ConfigError as exc:
        return replace(row, problem=f"{exc.key}: {exc.reason}", cure=exc.cure)
    row = replace(
        row,
        model=assignment.model.title,
        serial=assignment.serial,
        driver=assignment.match.driver.name,
    )
    if not assignment.enabled:
        key = f"devices[{assignment.index}].enabled"
        return replace(row, problem="switched off by its owner", cure=f"set {key} = true")
    trouble = _trouble(sighting, bus)
    if trouble is not None:
        return replace(row, problem=trouble.reason, cure=trouble.cure)
    return replace(row, usable=True)


def _trouble(sighting: Sighting, bus: UsbBus) -> PortUnusable | None:
    """Open a port for a moment, and say what would keep us out; a URL is left to itself."""
    if is_url(sighting.url) or is_cpu(sighting.url):
        return None
    if not is_usb(sighting.url):
        return probe_port(sighting.url)
    assert sighting.usb is not None, "seen by USB"
    place = sighting.usb.usb_path
    if bus.is_taken(place):
        return unusable(sighting.url, OSError(errno.EBUSY, "taken"))
    node = ""
    try:
        node = str(bus.node(place))
        os.close(os.open(node, os.O_RDWR))
    except OSError as exc:
        return unusable(node or sighting.url, exc)
    return None


def _left_alone(row: DeviceListing, usb: UsbPort, drivers: Sequence[DriverRecord]) -> DeviceListing:
    """Say why a port is not taken for a stick."""
    found = match(drivers, usb)
    if found is None or (not found.certain and _has_a_name_of_its_own(usb, drivers)):
        what = f"{usb.vendor_id:04x}:{usb.product_id:04x} {usb.manufacturer!r} {usb.product!r}"
        then = "install its driver" if found is None else "add its port and model under [[devices]]"
        return replace(
            row,
            problem=f"no driver knows {what}",
            cure=f"none is needed, unless it is a stick: then {then}",
        )
    if not found.certain:
        models = (found.model, *found.others)
        titles = ", ".join(model.title for model in models)
        names = " or ".join(f'"{model.name}"' for model in models)
        says = f'USB says no more than "{usb.product}"' if usb.product else "USB has no name for it"
        return replace(
            row,
            problem=f"{says}: it may be a stick ({titles}) or something else",
            cure=f"if it is a stick, add its port and model = {names} under [[devices]]",
        )
    row = replace(row, model=found.model.title, driver=found.driver.name)
    return replace(
        row, problem="detection is off", cure="set mining.detect = true or list it as a device"
    )


def _has_a_name_of_its_own(usb: UsbPort, drivers: Sequence[DriverRecord]) -> bool:
    """Tell a gadget on the bridge of a stick from a bridge that nobody has named."""
    ids = (usb.vendor_id, usb.product_id)
    probes = [driver.spec.probe for driver in drivers if driver.spec is not None]
    unnamed = {
        product
        for probe in probes
        if probe is not None and (probe.vendor_id, probe.product_id) == ids
        for product in probe.products
    }
    return bool(unnamed) and usb.product not in unnamed


def _missing(index: int, assigner: Assigner, config: Config) -> DeviceListing:
    settings = config.devices[index]
    assignment = assigner.awaited(index)
    return DeviceListing(
        model=assignment.model.title if assignment is not None else "",
        driver=assignment.match.driver.name if assignment is not None else "",
        serial=settings.serial,
        tty=settings.port,
        problem="no such port",
        cure=f"plug the stick in or correct devices[{index}].port",
    )


def _without_tty(
    usb: UsbPort, drivers: Sequence[DriverRecord], bus: UsbBus
) -> DeviceListing | None:
    known = refused(usb)
    if known is not None:
        return DeviceListing(
            model=known.title,
            serial=usb.serial,
            usb_path=usb.usb_path,
            problem=known.reason,
            cure=known.cure,
        )
    try:
        found = match(drivers, usb)
    except ConfigError as exc:
        return DeviceListing(
            serial=usb.serial, usb_path=usb.usb_path, problem=exc.reason, cure=exc.cure
        )
    if found is None or not found.certain:
        return None
    row = DeviceListing(
        model=found.model.title,
        serial=usb.serial,
        usb_path=usb.usb_path,
        driver=found.driver.name,
    )
    if bus.is_taken(usb.usb_path):
        return replace(
            row,
            problem="another mining program uses it",
            cure="stop that program, then unplug the stick and plug it in again",
        )
    return replace(
        row,
        problem="no serial port: an earlier program took it away, or the kernel lacks its driver",
        cure="run sudo modprobe -a cp210x ftdi_sio, then unplug the stick and plug it in again",
    )
