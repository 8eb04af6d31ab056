"""Drivers that are installed, and which of them drives a given stick.

All drivers, those that come with the service too, are entry points of one group; one that cannot be
loaded is listed with its reason and disturbs nothing else.
"""

import logging
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from luxminer.device.contract import DriverSpec, StickModel, UsbMatch
from luxminer.device.identity import UsbPort
from luxminer.errors import ConfigError
from luxminer.plugins import Plugin, find_plugins

__all__ = ["DRIVER_GROUP", "DriverRecord", "Match", "discover_drivers", "match", "model_named"]

log = logging.getLogger(__name__)

DRIVER_GROUP = "luxminer.drivers"


@dataclass(frozen=True, slots=True, kw_only=True)
class DriverRecord:
    """An installed driver; ``spec`` is None when it cannot be used, and ``problem`` says why."""

    name: str
    package: str = ""
    spec: DriverSpec | None = None
    problem: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Match:
    """A driver that knows a stick, and the model that it is."""

    driver: DriverSpec
    model: StickModel
    certain: bool = True
    """Vendor, product and both strings agree. Nothing may be sent to a stick otherwise, unless its
    owner has named the model."""
    others: tuple[StickModel, ...] = ()
    """Models that fit as well, where that is not certain."""


def discover_drivers(plugins: Iterable[Plugin] | None = None) -> list[DriverRecord]:
    """Load every installed driver; never raises for a broken one."""
    found = find_plugins(DRIVER_GROUP) if plugins is None else plugins
    return [_load(plugin) for plugin in found]


def match(drivers: Sequence[DriverRecord], usb: UsbPort) -> Match | None:
    """Return the driver whose description of a stick is the most specific; None if none fits.

    Raises ConfigError when two are equally certain of it.
    """
    best_rank = 0
    best: list[Match] = []
    for spec in _usable(drivers):
        for model in spec.models:
            rank = _rank(model.usb, usb)
            if rank > best_rank:
                best_rank, best = rank, []
            if rank and rank == best_rank:
                certain = bool(model.usb.manufacturers and model.usb.product)
                best.append(Match(driver=spec, model=model, certain=certain))
    if not best:
        return None
    if len(best) > 1 and best[0].certain:
        claims = " and ".join(f"{m.driver.name} (as {m.model.name})" for m in best)
        raise ConfigError(
            f"drivers {claims} both know {usb.manufacturer!r} {usb.product!r} at {usb.usb_path}",
            key="devices",
            value=usb.serial or usb.usb_path,
            cure="uninstall one of them, or name serial and model of the stick under [[devices]]",
        )
    return replace(best[0], others=tuple(each.model for each in best[1:]))


def model_named(drivers: Sequence[DriverRecord], name: str, key: str) -> Match:
    """Return the driver of the model that the setting ``key`` names. Raises ConfigError."""
    found = [
        Match(driver=spec, model=model)
        for spec in _usable(drivers)
        for model in spec.models
        if model.name == name
    ]
    if len(found) == 1:
        return found[0]
    if found:
        names = " and ".join(entry.driver.name for entry in found)
        raise ConfigError(
            f'drivers {names} both have a model "{name}"',
            key=key,
            value=name,
            cure="uninstall one of them",
        )
    raise _unknown_model(drivers, name, key)


def _unknown_model(drivers: Sequence[DriverRecord], name: str, key: str) -> ConfigError:
    from difflib import get_close_matches  # only when something is wrong

    known = sorted({model.name for spec in _usable(drivers) for model in spec.models})
    near = get_close_matches(name.lower(), known, n=1)
    broken = [f"{driver.name} ({driver.problem})" for driver in drivers if driver.spec is None]
    cure = f"did you mean {near[0]}?" if near else f"known: {', '.join(known) or 'no model at all'}"
    if broken:
        cure += f"; these drivers cannot be used: {', '.join(broken)}"
    return ConfigError(f'is "{name}", which no driver has', key=key, value=name, cure=cure)


def _load(plugin: Plugin) -> DriverRecord:
    try:
        spec = plugin.load()
    except (Exception, SystemExit) as exc:
        problem = f"{plugin.target} cannot be loaded: {type(exc).__name__}: {exc}"
        log.exception("driver %s of package %s is left out", plugin.name, plugin.package)
        return DriverRecord(name=plugin.name, package=plugin.package, problem=problem)
    if not isinstance(spec, DriverSpec):
        problem = f"{plugin.target} is a {type(spec).__name__}, not a DriverSpec"
        log.error("driver %s of package %s is left out: %s", plugin.name, plugin.package, problem)
        return DriverRecord(name=plugin.name, package=plugin.package, problem=problem)
    return DriverRecord(name=plugin.name, package=plugin.package, spec=spec)


def _usable(drivers: Iterable[DriverRecord]) -> list[DriverSpec]:
    return [driver.spec for driver in drivers if driver.spec is not None]


def _rank(wanted: UsbMatch, usb: UsbPort) -> int:
    """Return how many values agree, 0 when one does not."""
    if (wanted.vendor_id, wanted.product_id) != (usb.vendor_id, usb.product_id):
        return 0
    if wanted.manufacturers and usb.manufacturer not in wanted.manufacturers:
        return 0
    if wanted.product and wanted.product.casefold() != usb.product.casefold():
        return 0
    return 2 + bool(wanted.manufacturers) + bool(wanted.product)
