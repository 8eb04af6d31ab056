"""Installed drivers: found, loaded, listed when broken; the right one is chosen or nobody is."""

import sys
from collections.abc import Iterator
from dataclasses import replace
from importlib import metadata
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from luxminer.device.contract import DriverSpec
from luxminer.device.identity import UsbPort
from luxminer.device.registry import DRIVER_GROUP, discover_drivers, match, model_named
from luxminer.errors import ConfigError
from luxminer.plugins import find_plugins
from tests.unit.device.fake_sysfs import STICK
from tests.unit.device.models import BROKEN, TWOPAC, record, stick_model

PORT = UsbPort(
    vendor_id=0x10C4,
    product_id=0xEA60,
    manufacturer="GekkoScience",
    product=STICK,
    serial="10024583",
    usb_path="1-1.4",
    interface=0,
    tty="/dev/ttyUSB0",
)

ENTRY_POINTS = """\
# comment
[console_scripts]
tool = other:main

[luxminer.drivers]
good = fake_driver_good:SPEC
attribute = fake_driver_good : HOLDER.SPEC
; comment
broken = fake_driver_broken:SPEC
ends = fake_driver_ends:SPEC
absent = fake_driver_absent:SPEC
wrong = fake_driver_good:NUMBER
nonsense = not a target
"""

GOOD = """\
from luxminer.device.contract import DriverSpec
async def open(transport, options): ...
SPEC = DriverSpec(name="good", models=(), open=open)
class HOLDER:
    SPEC = SPEC
NUMBER = 7
"""


@pytest.fixture
def installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A package with drivers, good and bad, as an installer leaves it on the import path."""
    info = tmp_path / "fake_drivers-1.0.dist-info"
    info.mkdir()
    (info / "entry_points.txt").write_text(ENTRY_POINTS)
    (tmp_path / "fake_driver_good.py").write_text(GOOD)
    (tmp_path / "fake_driver_broken.py").write_text("import no_such_library_at_all\n")
    (tmp_path / "fake_driver_ends.py").write_text("raise SystemExit(3)\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    yield tmp_path
    for name in [name for name in sys.modules if name.startswith("fake_driver_")]:
        del sys.modules[name]


def test_each_installed_driver_is_loaded_or_says_why_not(installed: Path) -> None:
    drivers = {driver.name: driver for driver in discover_drivers() if "fake" in driver.package}
    assert set(drivers) == {
        "good", "attribute", "broken", "ends", "absent", "wrong", "nonsense"
    }  # fmt: skip
    for name in ("good", "attribute"):
        assert isinstance(drivers[name].spec, DriverSpec)
        assert not drivers[name].problem
    for name, words in {
        "broken": "no_such_library_at_all",
        "ends": "SystemExit: 3",
        "absent": "No module named",
        "wrong": "is a int, not a DriverSpec",
        "nonsense": "is not module:attribute",
    }.items():
        assert drivers[name].spec is None
        assert words in drivers[name].problem
        assert drivers[name].package == "fake-drivers"


def test_the_first_package_on_the_path_hides_the_same_one_later(
    installed: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    later = tmp_path_factory.mktemp("later")
    info = later / "Fake.Drivers-2.0.dist-info"
    info.mkdir()
    (info / "entry_points.txt").write_text(f"[{DRIVER_GROUP}]\nolder = x:SPEC\n")
    names = [p.name for p in find_plugins(DRIVER_GROUP, [str(installed), str(later)])]
    assert "good" in names
    assert "older" not in names
    assert [p.name for p in find_plugins(DRIVER_GROUP, [str(later)])] == ["older"]


@pytest.mark.parametrize("group", ["console_scripts", "pytest11", "hypothesis", "no.such.group"])
def test_plugins_are_those_that_the_standard_library_finds(group: str) -> None:
    theirs = {
        (point.name, point.value)
        for distribution in metadata.distributions()
        if str(getattr(distribution, "_path", "")).endswith(".dist-info")
        for point in distribution.entry_points
        if point.group == group
    }
    assert {(plugin.name, plugin.target) for plugin in find_plugins(group)} == theirs


def test_a_stick_is_known_by_all_four_values() -> None:
    drivers = [BROKEN, record()]
    found = match(drivers, PORT)
    assert found is not None
    assert (found.driver.name, found.model.name, found.certain) == ("bm1384", "compac", True)
    for other in (
        replace(PORT, vendor_id=0x0403),
        replace(PORT, product_id=0xEA61),
        replace(PORT, manufacturer="gekkoscience"),
        replace(PORT, manufacturer="Silicon Labs"),
        replace(PORT, product="CP2102 USB to UART Bridge Controller"),
    ):
        assert match(drivers, other) is None
    renamed = match(drivers, replace(PORT, product=STICK.upper(), manufacturer="bitshopperde"))
    assert renamed is not None
    twopac = match(drivers, replace(PORT, product=TWOPAC.usb.product))
    assert twopac is not None
    assert twopac.model is TWOPAC


def test_the_more_specific_driver_wins_whatever_the_order() -> None:
    exact = record(name="exact")
    by_vendor = record(stick_model(manufacturers=(), product=""), name="vendor")
    by_maker = record(stick_model(product=""), name="maker")
    for drivers in ([exact, by_vendor, by_maker], [by_maker, by_vendor, exact]):
        found = match(drivers, PORT)
        assert found is not None
        assert found.driver.name == "exact"
        assert found.certain
        unknown = match(drivers, replace(PORT, product="something new"))
        assert unknown is not None
        assert unknown.driver.name == "maker"
        assert not unknown.certain


def test_a_tie_is_an_error_that_names_both_and_the_cure() -> None:
    with pytest.raises(ConfigError, match=r"one .*two .*uninstall") as caught:
        match([record(name="one"), record(name="two")], PORT)
    assert "10024583" in str(caught.value.value)


def test_a_model_is_found_by_name_or_the_nearest_is_named() -> None:
    drivers = [record(), BROKEN]
    assert model_named(drivers, "2pac", "devices[0].model").model is TWOPAC
    with pytest.raises(ConfigError, match="did you mean compac") as caught:
        model_named(drivers, "Compack", "devices[0].model")
    assert caught.value.key == "devices[0].model"
    with pytest.raises(ConfigError, match=r"known: 2pac, compac; these .* exotic"):
        model_named(drivers, "zzz", "devices[0].model")
    with pytest.raises(ConfigError, match="a and b both have"):
        model_named([record(name="a"), record(name="b")], "compac", "k")


TEXTS = st.text(max_size=8)


@given(
    ids=st.tuples(st.integers(0, 0xFFFF), st.integers(0, 0xFFFF)),
    manufacturer=TEXTS,
    product=TEXTS,
)
def test_nothing_is_claimed_with_certainty_that_does_not_agree(
    ids: tuple[int, int], manufacturer: str, product: str
) -> None:
    port = replace(
        PORT,
        vendor_id=ids[0],
        product_id=ids[1],
        manufacturer=manufacturer,
        product=product,
    )
    found = match([record(), record(stick_model(product=""), name="vague")], port)
    if found is not None and found.certain:
        assert ids == (0x10C4, 0xEA60)
        assert manufacturer in found.model.usb.manufacturers
        assert product.casefold() == found.model.usb.product.casefold()


def test_models_that_only_their_answer_tells_apart_are_no_conflict() -> None:
    bare = [
        stick_model(name, title=name, code=name, manufacturers=(), product="")
        for name in ("u1", "u2", "blockerupter")
    ]
    found = match(
        [record(*bare[:2], name="a"), record(bare[2], name="b")], replace(PORT, product="x")
    )
    assert found is not None
    assert not found.certain
    assert [model.name for model in (found.model, *found.others)] == ["u1", "u2", "blockerupter"]
