"""The udev rules open exactly the sticks that drivers know by their names."""

import re
from itertools import product
from pathlib import Path

from luxminer.device.registry import discover_drivers

RULES = Path(__file__).parents[2] / "scripts/60-luxminer.rules"
ATTRIBUTES = ("idVendor", "idProduct", "manufacturer", "product")


def opened() -> set[tuple[str, ...]]:
    found: set[tuple[str, ...]] = set()
    for line in RULES.read_text().splitlines():
        if 'MODE="0660"' not in line:
            continue
        assert 'GROUP="dialout"' in line
        values = [re.findall(rf'ATTR{{{name}}}=="([^"]*)"', line) for name in ATTRIBUTES]
        assert all(len(value) == 1 for value in values), line
        found |= set(product(*(value[0].split("|") for value in values)))
    return found


def test_every_named_stick_is_opened_and_nothing_else() -> None:
    named = {
        (f"{usb.vendor_id:04x}", f"{usb.product_id:04x}", manufacturer, usb.product)
        for driver in discover_drivers()
        if driver.spec is not None
        for usb in (model.usb for model in driver.spec.models)
        if usb.product
        for manufacturer in usb.manufacturers
    }
    assert opened() == named
