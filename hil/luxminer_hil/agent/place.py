"""Finds the stick at a place on USB, as ``luxminer devices`` does."""

from collections.abc import Sequence

from luxminer.config.schema import Config
from luxminer.device.listing import DeviceListing, list_devices
from luxminer.device.registry import DriverRecord, discover_drivers
from luxminer.errors import ConfigError
from luxminer_hil.acceptance.rig import StickEntry

__all__ = ["hub_of", "stick_at"]


def stick_at(
    usb_path: str, *, model: str = "", chips: int = 0, scale: float = 1.0, switchable: bool = False
) -> StickEntry:
    """Return the stick at ``usb_path`` (``1-1.3``).

    ``model`` is needed where USB does not say which one it is; ``switchable`` when uhubctl can
    switch the power of its port. Opens the port for a moment. Raises ConfigError.
    """
    drivers = discover_drivers()
    rows = [row for row in list_devices(Config(), drivers) if row.usb_path == usb_path]
    row = next((row for row in rows if row.tty), rows[0] if rows else None)
    place = f"USB place {usb_path}"
    if row is None:
        raise ConfigError("has no stick", key=place, cure="plug it in")
    is_nameless = bool(model and row.tty and not row.model)
    if row.problem and not is_nameless:
        raise ConfigError(row.problem, key=place, cure=row.cure)
    hub, hub_port = hub_of(usb_path) if switchable else ("", 0)
    return StickEntry(
        model=model or _name(row, drivers),
        port=row.tty,
        serial=row.serial,
        chips=chips,
        scale=scale,
        hub=hub,
        hub_port=hub_port,
    )


def _name(row: DeviceListing, drivers: Sequence[DriverRecord]) -> str:
    """Return the name of the model whose title a row shows."""
    specs = [driver.spec for driver in drivers if driver.name == row.driver]
    models = [model for spec in specs if spec is not None for model in spec.models]
    return next(model.name for model in models if model.title == row.model)


def hub_of(usb_path: str) -> tuple[str, int]:
    """Return hub and port of a place, as uhubctl names them: ``1-1.3`` is port 3 of hub ``1-1``.

    A port of the controller itself, ``1-2``, is port 2 of hub ``1``.
    """
    hub, _, port = usb_path.rpartition("." if "." in usb_path else "-")
    return hub, int(port)
