"""Which driver, model and settings a stick gets: what USB says, joined with what its owner says.

Nothing is sent to a device unless vendor, product and both strings agree with a driver's model, or
the owner has named the model.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from luxminer.config.schema import Config, DeviceConfig
from luxminer.device.contract import DeviceOptions, Probe, StickModel
from luxminer.device.identity import Sighting, UsbPort
from luxminer.device.registry import DriverRecord, Match, match, model_named
from luxminer.errors import ConfigError, PortProblem, PortUnusable
from luxminer.transport.ports import USB_PREFIX, check_port, is_cpu, is_url, is_usb

__all__ = ["Assigner", "Assignment"]

CHIP_INTERFACE = 0
"""Bridges with several interfaces have the chips behind the first.

Ref: docs/sources.md, "Sticks" (CP2105).
"""


MAX_ANSWERS = 256
"""Of bridges that were asked; the oldest is forgotten, and asked again if it is still there."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Assignment:
    """What a stick is run with."""

    match: Match
    options: DeviceOptions
    serial: str
    """Empty when neither USB nor the owner names one."""
    index: int | None
    """Position of its settings in the configuration; None when it has none of its own."""
    enabled: bool

    @property
    def model(self) -> StickModel:
        return self.match.model


class Assigner:
    """Decides about sightings. Raises ConfigError at once for settings that can never be used."""

    def __init__(self, config: Config, drivers: Sequence[DriverRecord]) -> None:
        self._devices = config.devices
        self.detects = config.mining.detect
        """Sticks that are not listed as devices are taken, too."""
        self._may_probe = config.mining.probe_unnamed
        self._answers: dict[tuple[str, tuple[int, ...]], str] = {}
        self._drivers = tuple(drivers)
        seen: dict[tuple[str, str], int] = {}
        for index, settings in enumerate(self._devices):
            self._check(index, settings)
            first = seen.setdefault((settings.serial, settings.port), index)
            if first != index:
                raise ConfigError(
                    f"is for the same stick as devices[{first}]",
                    key=f"devices[{index}]",
                    value=settings.serial or settings.port,
                    cure="write the settings of one stick once",
                )

    @property
    def ports(self) -> tuple[str, ...]:
        """Configured ports by position; empty strings for settings that name none."""
        return tuple(settings.port for settings in self._devices)

    def assign(self, sighting: Sighting) -> Assignment | None:
        """Return how to run what was seen; None to leave it alone.

        Raises ConfigError when the configuration is ambiguous or incomplete for it.
        """
        fitting = [n for n in range(len(self._devices)) if self._fits(n, sighting)]
        if len(fitting) > 1:
            raise ConfigError(
                f"fits {sighting.url}, and so does devices[{fitting[0]}]",
                key=f"devices[{fitting[1]}]",
                value=sighting.url,
                cure="name each stick by serial or by port, in one place",
            )
        if fitting:
            return self._configured(fitting[0], sighting.usb)
        usb = sighting.usb
        if usb is None or not self.detects or usb.interface != CHIP_INTERFACE:
            return None
        answer = self._answers.get((sighting.url, sighting.token))
        if answer:
            found: Match | None = model_named(self._drivers, answer, "mining.probe_unnamed")
        else:
            found = match(self._drivers, usb)
        if found is None or not found.certain:
            return None
        options = DeviceOptions(model=found.model, frequency_mhz=found.model.frequency_mhz)
        return Assignment(match=found, options=options, serial=usb.serial, index=None, enabled=True)

    def probe_for(self, sighting: Sighting) -> Probe | None:
        """Return how to ask what was seen and `assign` has left alone; None: it is never asked."""
        usb = sighting.usb
        is_asked = (sighting.url, sighting.token) in self._answers
        may_probe = self.detects and self._may_probe
        if usb is None or not may_probe or is_asked or usb.interface != CHIP_INTERFACE:
            return None
        if sighting.configured:
            return None
        for driver in self._drivers:
            probe = driver.spec.probe if driver.spec is not None else None
            if probe is not None and _may_be_asked(probe, usb):
                return probe
        return None

    def answered(self, sighting: Sighting, model: str) -> None:
        """Remember what has answered, until it is plugged anew; an empty name for nothing."""
        self._answers[sighting.url, sighting.token] = model
        if len(self._answers) > MAX_ANSWERS:
            del self._answers[next(iter(self._answers))]

    def awaited(self, index: int) -> Assignment | None:
        """Return how a configured port will be run that is not there; None if USB has to say."""
        return self._configured(index, None) if self._devices[index].model else None

    def _fits(self, index: int, sighting: Sighting) -> bool:
        settings, usb = self._devices[index], sighting.usb
        same_serial = usb is not None and usb.serial == settings.serial
        if settings.port:
            return index in sighting.configured and (
                not settings.serial or usb is None or same_serial
            )
        return usb is not None and same_serial and usb.interface == CHIP_INTERFACE

    def _configured(self, index: int, usb: UsbPort | None) -> Assignment:
        settings = self._devices[index]
        key = f"devices[{index}].model"
        maybe = match(self._drivers, usb) if usb is not None else None
        if settings.model:
            found = model_named(self._drivers, settings.model, key)
            if usb is not None:
                self._check_names(index, usb, maybe)
        else:
            if maybe is None or not maybe.certain:
                says = f"USB says {usb.product!r} there" if usb else "USB says nothing about it"
                raise ConfigError(
                    f"is missing for {settings.port or settings.serial}: {says}",
                    key=key,
                    cure=f'add model = "{maybe.model.name if maybe else "compac"}" or what it is'
                    + ("" if settings.port else ", and its port"),
                )
            found = maybe
        return Assignment(
            match=found,
            options=_options(index, settings, found.model),
            serial=usb.serial if usb is not None else settings.serial,
            index=index,
            enabled=settings.enabled,
        )

    def _check_names(self, index: int, usb: UsbPort, maybe: Match | None) -> None:
        """Raise ConfigError where USB has another name for a device than its settings have.

        Other makers number their devices, too: a serial alone makes nothing a stick.
        """
        settings = self._devices[index]
        if maybe is not None and maybe.certain:
            if maybe.model.name != settings.model:
                where = settings.port or settings.serial
                raise ConfigError(
                    f'is "{settings.model}", and USB says that {where} is a {maybe.model.title}',
                    key=f"devices[{index}].model",
                    value=settings.model,
                    cure=f'write "{maybe.model.name}", or leave it out',
                )
            return
        models = (maybe.model, *maybe.others) if maybe is not None else ()
        if not settings.port and settings.model not in {model.name for model in models}:
            raise ConfigError(
                f"is that of {usb.product!r} at {usb.usb_path}, which USB does not know as "
                f'"{settings.model}"',
                key=f"devices[{index}].serial",
                value=settings.serial,
                cure="add its port, if it is one all the same",
            )

    def _check(self, index: int, settings: DeviceConfig) -> None:
        key = f"devices[{index}]"
        if not settings.serial and not settings.port:
            raise ConfigError(
                "names no stick", key=key, cure="add its serial, or the port that it is at"
            )
        if is_url(settings.port) or is_usb(settings.port) or is_cpu(settings.port):
            try:
                _check_address(settings.port)
            except PortUnusable as exc:
                raise ConfigError(
                    f'is "{settings.port}": {exc.reason}',
                    key=f"{key}.port",
                    value=settings.port,
                    cure=exc.cure,
                ) from exc
        if settings.model or is_url(settings.port):
            self._configured(index, None)


def _may_be_asked(probe: Probe, usb: UsbPort) -> bool:
    """Tell whether every value of a device is one that the probe is for."""
    return (
        (usb.vendor_id, usb.product_id) == (probe.vendor_id, probe.product_id)
        and usb.manufacturer in probe.manufacturers
        and usb.product in probe.products
    )


def _check_address(port: str) -> None:
    """Raise PortUnusable for an address that can never be opened."""
    if not is_usb(port):
        check_port(port)
        return
    from luxminer.transport.usbbridge.address import UsbAddress, parse_address  # 5 ms

    if parse_address(port) != UsbAddress(place=port.removeprefix(USB_PREFIX)):
        raise PortUnusable(
            port,
            PortProblem.BAD_ADDRESS,
            "more than a place",
            "write usb:1-1.3 only; a stick is named by its number with serial",
        )


def _options(index: int, settings: DeviceConfig, model: StickModel) -> DeviceOptions:
    frequency_mhz = settings.frequency_mhz or model.frequency_mhz
    if not model.min_mhz <= frequency_mhz <= model.max_mhz:
        raise ConfigError(
            f"is {frequency_mhz:g}, which a {model.title} cannot run at",
            key=f"devices[{index}].frequency_mhz",
            value=frequency_mhz,
            cure=f"it must be from {model.min_mhz:g} to {model.max_mhz:g}",
        )
    for chip, mhz in enumerate(settings.chip_frequency_mhz):
        _check_chip(f"devices[{index}].chip_frequency_mhz", chip, mhz, model)
    return DeviceOptions(
        model=model,
        frequency_mhz=frequency_mhz,
        scale=settings.scale * model.scale,
        core_mv=_core_mv(f"devices[{index}].core_mv", settings.core_mv, model),
        chip_mhz=settings.chip_frequency_mhz,
    )


def _core_mv(key: str, core_mv: int, model: StickModel) -> int | None:
    """Return the core voltage to set, None for the model's. Raises ConfigError."""
    if not core_mv:
        return None
    core = model.core
    if core is None:
        raise ConfigError(
            f"is {core_mv}, but nothing sets the core voltage of a {model.title}",
            key=key,
            value=core_mv,
            cure="remove it",
        )
    if not core.min_mv <= core_mv <= core.max_mv:
        raise ConfigError(
            f"is {core_mv}, which a {model.title} cannot have",
            key=key,
            value=core_mv,
            cure=f"it must be from {core.min_mv} to {core.max_mv}",
        )
    return core_mv


def _check_chip(key: str, chip: int, mhz: float, model: StickModel) -> None:
    """Raise ConfigError for a clock that this chip cannot have."""
    if not mhz:
        return
    if not model.sets_chips:
        raise ConfigError(
            f"is for sticks whose chips can have clocks of their own, and a {model.title} is none",
            key=key,
            value=mhz,
            cure="set frequency_mhz",
        )
    if chip >= model.chips > 0:
        raise ConfigError(
            f"has more clocks than a {model.title} has chips",
            key=key,
            value=mhz,
            cure=f"give up to {model.chips}",
        )
    if not model.min_mhz <= mhz <= model.max_mhz:
        raise ConfigError(
            f"is {mhz:g}, which a {model.title} cannot run at",
            key=f"{key}[{chip}]",
            value=mhz,
            cure=f"it must be from {model.min_mhz:g} to {model.max_mhz:g}",
        )
